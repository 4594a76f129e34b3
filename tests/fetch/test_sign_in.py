"""SMART Backend Services: signed statements that a server verifies, tokens kept, renewed and never shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwk
from tests.lib.fetching import Watch, ask, in_folder, names
from tests.lib.fhir_server import Fault, FhirServer, patients

from cytowatch.errors import ArgumentError, InputError
from cytowatch.fetch.run import Credentials
from cytowatch.fetch.sign_in import read_key

CURVE = jwk.ECKey.generate_key("P-384", {"kid": "ward-key"}, private=True)
LONG = jwk.RSAKey.generate_key(2048, private=True)


def key_file(folder: Path, form: str) -> tuple[Path, dict[str, Any]]:
    """A private key in a file, and the public key that a server registers."""
    folder.mkdir(exist_ok=True)
    path = folder / f"key.{form}"
    key = LONG if form == "pem" else CURVE
    name = LONG.thumbprint() if form == "pem" else "ward-key"
    public = CURVE.as_dict(private=False)
    told = {"pem": key.as_pem(private=True), "json": json.dumps(key.as_dict(private=True)).encode(),
            "set": json.dumps({"keys": [{**public, "kid": "p"}, CURVE.as_dict(private=True)]}).encode()}  # fmt: skip
    path.write_bytes(told[form])
    return path, {**key.as_dict(private=False), "kid": name}


@pytest.mark.parametrize(("form", "algorithm"), [("pem", "RS384"), ("json", "ES384"), ("set", "ES384")])
def test_a_server_takes_our_statement(tmp_path: Path, form: str, algorithm: str) -> None:
    path, public = key_file(tmp_path, form)
    watch = Watch()
    with FhirServer(patients(3), now=watch.now) as server:
        server.clients = {"us": public}
        assert ask(server, tmp_path / "out", watch=watch, credentials=Credentials("us", path)).complete
        assert len(in_folder(tmp_path / "out")) == 36
        # one token for the whole run, asked for the types that are read
        assert len(server.tokens) == 1
        assert server.scopes[0].split()[:2] == ["system/Patient.rs", "system/Encounter.rs"]
        assert all(
            "authorization" not in headers for _, path, headers in server.seen if "metadata" in path or "token" in path
        )
    assert read_key(path).algorithm == algorithm
    for file in (tmp_path / "out").rglob("*"):
        assert not file.is_file() or b"token-0" not in file.read_bytes()


def test_tokens_that_run_out_are_renewed(tmp_path: Path) -> None:
    path, public = key_file(tmp_path, "json")
    watch = Watch()
    with FhirServer(patients(3), now=watch.now) as server:
        server.clients, server.token_seconds = {"us": public}, 40

        def later(_: int) -> None:
            watch.ahead += 6

        server.answered = later
        assert ask(server, tmp_path / "out", watch=watch, credentials=Credentials("us", path)).complete
        assert len(server.tokens) > 3
        assert len(server.used_jti) == len(server.tokens)


def test_a_token_that_the_server_drops_is_renewed_once(tmp_path: Path) -> None:
    path, public = key_file(tmp_path, "json")
    with FhirServer(patients(2)) as server:
        server.clients = {"us": public}
        server.faults = [Fault("fhir/Observation", 401, times=1)]
        assert ask(server, tmp_path / "out", credentials=Credentials("us", path)).complete
        assert len(server.tokens) == 2
        server.faults = [Fault("fhir/Observation", 401, b'{"error":"no"}')]
        with pytest.raises(InputError, match="401 not signed in"):
            ask(server, tmp_path / "never", credentials=Credentials("us", path))
        assert len([1 for _, path, _ in server.seen if "token" in path]) == 4
        # and the folder can be gone on with
        server.faults = []
        assert ask(server, tmp_path / "never", credentials=Credentials("us", path)).complete


def test_each_attempt_signs_a_new_statement(tmp_path: Path) -> None:
    path, public = key_file(tmp_path, "json")
    with FhirServer(patients(1)) as server:
        server.clients = {"us": public}
        # the server took the statement, and its answer was lost
        server.faults = [Fault("token", drop=10, times=2)]
        assert ask(server, tmp_path / "out", types=["Patient"], credentials=Credentials("us", path)).complete
        assert len(server.used_jti) == 3


def test_without_a_token_and_with_a_wrong_key(tmp_path: Path) -> None:
    path, public = key_file(tmp_path, "json")
    other, _ = key_file(tmp_path / "other", "pem")
    with FhirServer(patients(1)) as server:
        server.clients = {"us": public}
        with pytest.raises(InputError, match="401") as error:
            ask(server, tmp_path / "a")
        assert "--client-id" in str(error.value)
        for who in (Credentials("us", other), Credentials("you", path), Credentials("us", path, key_name="other")):
            with pytest.raises(InputError, match="invalid_client") as error:
                ask(server, tmp_path / "b", credentials=who)
            assert "eyJ" not in str(error.value)


def test_an_export_with_a_token(tmp_path: Path) -> None:
    path, public = key_file(tmp_path, "json")
    watch = Watch()
    with FhirServer(patients(2), now=watch.now) as server:
        server.clients = {"us": public}
        server.file_root = f"http://localhost:{server.port}"
        server.manifest_extra = {"requiresAccessToken": True}
        who = Credentials("us", path)
        assert ask(server, tmp_path / "out", way="patient", watch=watch, hosts=("localhost",), credentials=who).complete
        # files that need no token get none
        server.manifest_extra = {"requiresAccessToken": False}
        server.faults = [Fault("files", 200, b"{}\n", {"Content-Type": "application/fhir+ndjson"})]
        ask(server, tmp_path / "open", way="patient", watch=watch, hosts=("localhost",), credentials=who)
        sent = ["authorization" in headers for _, path, headers in server.seen if path.startswith("/files")]
    assert sent == [True] * (len(sent) // 2) + [False] * (len(sent) // 2)
    assert len(names(tmp_path / "out", "Patient")) == 2


def test_a_redirect_elsewhere_takes_no_token_along(tmp_path: Path) -> None:
    path, public = key_file(tmp_path, "json")
    with FhirServer(patients(1)) as server:
        server.clients = {"us": public}
        target = f"http://localhost:{server.port}/fhir/Patient?_count=5"
        server.faults = [Fault("GET /fhir/Patient", 307, b"", {"Location": target}, times=1)]
        ask(server, tmp_path / "out", types=["Patient"], hosts=("localhost",), credentials=Credentials("us", path))
        followed = [headers for _, _, headers in server.seen if headers["host"].startswith("localhost")]
    assert followed
    assert "authorization" not in followed[0]


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"token_endpoint": None}, "no token endpoint"),
        ({"token_endpoint": "http://auth.example/token"}, "plain http"),
        ({"token_endpoint": "nowhere"}, "no http or https address"),
    ],
)
def test_a_token_endpoint_that_cannot_be_used(tmp_path: Path, told: dict[str, Any], said: str) -> None:
    path, public = key_file(tmp_path, "json")
    with FhirServer(patients(1)) as server:
        server.clients, server.smart = {"us": public}, told
        with pytest.raises(InputError, match=said):
            ask(server, tmp_path / "out", credentials=Credentials("us", path))
        given = Credentials("us", path, token_url=f"{server.root}/auth/token", scope="system/*.rs")
        assert ask(server, tmp_path / "out", credentials=given).complete
        assert server.scopes == ["system/*.rs"]


def test_scopes_of_the_first_version(tmp_path: Path) -> None:
    path, public = key_file(tmp_path, "json")
    with FhirServer(patients(1)) as server:
        server.clients, server.smart = {"us": public}, {"capabilities": ["permission-v1"]}
        ask(server, tmp_path / "out", types=["Patient"], credentials=Credentials("us", path))
        assert server.scopes == ["system/Patient.read"]


def test_an_odd_token_is_refused(tmp_path: Path) -> None:
    path, public = key_file(tmp_path, "json")
    with FhirServer(patients(1)) as server:
        server.clients = {"us": public}
        for body in (
            b'{"access_token":"a\\r\\nb"}',
            b'{"access_token":5}',
            b"{}",
            b'{"access_token":"a","token_type":"mac"}',
        ):
            server.faults = [Fault("token", 200, body, {"Content-Type": "application/json"})]
            with pytest.raises(InputError, match="usable token"):
                ask(server, tmp_path / "out", credentials=Credentials("us", path))


def bad_keys() -> list[tuple[str, bytes, str]]:
    small = jwk.ECKey.generate_key("P-256", private=True)
    return [
        ("public PEM", LONG.as_pem(private=False), "public key"),
        ("public JWK", json.dumps(CURVE.as_dict(private=False)).encode(), "0 private keys"),
        ("other curve", small.as_pem(private=True), "P-384"),
        ("secret", b'{"kty":"oct","k":"c2VjcmV0","d":"x"}', "neither RSA nor EC"),
        ("text", b"my key", "neither PEM nor JSON"),
        ("broken PEM", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no RSA or EC key"),
        ("broken JSON", b'{"kty":', "no JWK"),
        ("list", b"{}", "0 private keys"),
        ("encrypted", LONG.as_pem(private=True, password="x"), "encrypted"),  # noqa: S106 - of a test
        ("two", json.dumps({"keys": [key.as_dict(private=True) for key in (CURVE, LONG)]}).encode(), "2 private keys"),
    ]  # fmt: skip


@pytest.mark.parametrize(("data", "said"), [row[1:] for row in bad_keys()], ids=[row[0] for row in bad_keys()])
def test_a_key_that_cannot_sign_is_an_argument(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "key"
    path.write_bytes(data)
    with pytest.raises(ArgumentError, match=said):
        read_key(path)
    with pytest.raises(ArgumentError, match="cannot be read"):
        read_key(tmp_path / "none")
