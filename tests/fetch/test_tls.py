"""Over TLS: a certificate is checked, a hospital's own authority can be named, and no link leads back to plain http."""

from __future__ import annotations

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.lib.fetching import ask, names
from tests.lib.fhir_server import Fault, FhirServer, patients

from cytowatch.errors import InputError


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for this machine, signed by itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "ca.pem", folder / "key.pem"
    public.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return public, private


def serving(certificate: tuple[Path, Path]) -> FhirServer:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return FhirServer(patients(2), tls=context)


def test_an_unknown_certificate_is_not_trusted(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    with serving(certificate) as server:
        with pytest.raises(InputError, match="certificate cannot be trusted") as error:
            ask(server, tmp_path / "out", types=["Patient"])
        assert "--ca-file" in str(error.value)
        assert server.seen == []
        # nor is it asked again and again
        assert ask(server, tmp_path / "known", types=["Patient"], ca_file=certificate[0]).told["retries"] == 0
        assert len(names(tmp_path / "known", "Patient")) == 2


def test_no_link_leads_to_plain_http(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    with serving(certificate) as server:
        server.faults = [Fault("Observation", change=lambda body: body.replace(b"https://", b"http://"))]
        hosts = ("127.0.0.1",)
        report = ask(server, tmp_path / "out", types=["Observation"], hosts=hosts, ca_file=certificate[0])
    assert "from https to http" in report.told["incomplete"][0]["why"]
