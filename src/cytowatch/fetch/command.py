"""The command ``cytowatch fetch``: a live FHIR server into a folder that ``grade --from fhir`` reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from cytowatch.errors import EXIT_DONE, ArgumentError, InputError
from cytowatch.fetch.addresses import Addresses, check_address
from cytowatch.fetch.needed import check_extra
from cytowatch.fetch.question import Question, Way, wanted_group, wanted_patients, wanted_since, wanted_types
from cytowatch.terminal import out, progress_bar

if TYPE_CHECKING:
    from cytowatch.fetch.report import Report
    from cytowatch.fetch.run import Credentials

_Texts = Annotated[list[str] | None, Parameter(negative=(), consume_multiple=True)]
_Flag = Annotated[bool, Parameter(negative=())]


def fetch(
    url: str,
    /,
    *,
    out_: Annotated[Path, Parameter(name="--out")],
    patient: _Texts = None,
    group: str | None = None,
    bulk: _Flag = False,
    whole_system: _Flag = False,
    types: _Texts = None,
    since: str | None = None,
    count: int = 200,
    client_id: str | None = None,
    key: Path | None = None,
    key_id: str | None = None,
    token_url: str | None = None,
    scope: str | None = None,
    allow_host: _Texts = None,
    insecure_http: _Flag = False,
    ca_file: Path | None = None,
    proxy: str | None = None,
    max_pages: int = 100_000,
    quiet: _Flag = False,
) -> int:
    """Read a FHIR R4 server into a folder of NDJSON files, one a resource type.

    Run it again to go on after a crash, or to get what is new. Then: `cytowatch grade FOLDER --from fhir --out graded`.

    Parameters
    ----------
    url
        The base of the server, such as https://fhir.hospital.example/r4.
    out_
        A folder; new, or one that the same command filled before.
    patient
        Ids of Patient resources to read; without it (and without --group or --bulk) all that the server lets us search.
    group
        Read the bulk export of this Group.
    bulk
        Read the bulk export of all patients instead of searching.
    whole_system
        With --bulk: export all resources of the system, not only those of patients.
    types
        Resource types, each with a query if wanted (Observation?code=8310-5). Default: what a grade needs.
    since
        Only what changed since this moment, an ISO timestamp with zone. Without it a folder goes on from its last run.
    count
        Resources a page, as far as the server agrees.
    client_id
        The id under which the server knows us (SMART Backend Services); needs --key.
    key
        A file with our private key: PEM without a passphrase, or JWK.
    key_id
        The name of the key at the server, if the file does not say it.
    token_url
        The token endpoint, if the server does not tell it.
    scope
        Scopes to ask for instead of system/TYPE.rs for each type.
    allow_host
        Other hosts to which links of the server may lead, such as a store of export files; they may get the token.
    insecure_http
        Allow plain http to another machine. Patient data then cross the network in the clear.
    ca_file
        Certificate authorities to trust instead of those of this machine, as PEM.
    proxy
        A proxy to go through. Proxies named in the environment are not used.
    max_pages
        Pages after which a search counts as endless.
    quiet
        Print nothing but errors.
    """
    check_extra(signing=client_id is not None)
    from dataclasses import replace

    from cytowatch.fetch.limits import DEFAULT
    from cytowatch.fetch.run import Access
    from cytowatch.fetch.run import fetch as read
    from cytowatch.fetch.web import Line

    addresses = Addresses(url, tuple(allow_host or ()), insecure_http)
    question = Question(
        addresses.base,
        _way(patient, group, bulk=bulk, whole_system=whole_system),
        wanted_patients(patient),
        wanted_group(group),
        wanted_types(types),
        wanted_since(since),
        _positive(count, "--count"),
    )
    who = _credentials(client_id, key, key_id, token_url, scope, insecure_http=insecure_http)
    line = Line(ca_file, check_address(proxy, "--proxy", insecure_http=True) if proxy else None)
    limits = replace(DEFAULT, pages=_positive(max_pages, "--max-pages"))
    with progress_bar(quiet) as bar:
        report = read(Access(addresses, who, line), question, out_, progress=bar, limits=limits)
    if not quiet:
        for text in report.lines():
            out.print(text, soft_wrap=True)
    _check(report, out_)
    return EXIT_DONE


def _way(patients: list[str] | None, group: str | None, *, bulk: bool, whole_system: bool) -> Way:
    if patients and (group is not None or bulk):
        raise ArgumentError(
            "--patient goes with searches only.", where="--patient", hint="Leave out --group and --bulk, or --patient."
        )
    if whole_system and (group is not None or not bulk):
        raise ArgumentError("--whole-system goes with --bulk alone.", where="--whole-system", hint="Leave it out.")
    if group is not None:
        return "group"
    if bulk:
        return "system" if whole_system else "patient"
    return "search"


def _credentials(
    client: str | None, key: Path | None, name: str | None, url: str | None, scope: str | None, *, insecure_http: bool
) -> Credentials | None:
    from cytowatch.fetch.run import Credentials

    if client is None:
        given = [option for option, value in (("--key", key), ("--token-url", url), ("--scope", scope)) if value]
        if given:
            raise ArgumentError(
                f"{given[0]} needs --client-id.", where=given[0], hint="Give the id of the registration."
            )
        return None
    if key is None:
        raise ArgumentError("--client-id needs --key.", where="--client-id", hint="Name the file of the private key.")
    checked = check_address(url, "--token-url", insecure_http=insecure_http) if url else None
    return Credentials(client, key, name, checked, scope)


def _positive(number: int, option: str) -> int:
    if number < 1:
        raise ArgumentError(f"{option} must be 1 or more.", where=option)
    return number


def _check(report: Report, folder: Path) -> None:
    """InputError if something that was asked for is not there."""
    if report.complete:
        return
    told = report.told
    short = [f"{one['search']}: {one['why']}" for one in told["incomplete"][:5]]
    short += [f"{kind}: not served" for kind in told["not_served"] if not told["incomplete"]]
    more = told["incomplete_in_all"] - len(told["incomplete"][:5])
    raise InputError(
        "Not everything was read: " + "; ".join(short) + (f"; and {more:,} more" if more > 0 else "") + ".",
        where=str(folder / "fetch_report.json"),
        why="What is not there must not be taken for not given. Types not read whole are kept in .parts only.",
        hint="Run the same again, or leave a type out with --types if its absence is known.",
    )
