"""What a server says of itself: its version, the types it serves, and whose histories it gives."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from cytowatch.errors import InputError
from cytowatch.fetch.addresses import safe_words
from cytowatch.fetch.answers import JSON_TYPES, Answer, Ask, check_media_type
from cytowatch.fetch.failures import DamagedError, MismatchError
from cytowatch.fetch.web import Web


class _Interaction(msgspec.Struct):
    code: str | None = None


class _Resource(msgspec.Struct):
    type: str | None = None
    interaction: list[_Interaction] | None = None


class _Rest(msgspec.Struct):
    mode: str | None = None
    resource: list[_Resource] | None = None


class _Statement(msgspec.Struct):
    kind: str | None = msgspec.field(name="resourceType", default=None)
    version: str | None = msgspec.field(name="fhirVersion", default=None)
    rest: list[_Rest] | None = None


@dataclass(frozen=True)
class Serves:
    """Types that can be searched (None: not told), and types with a history of the whole type."""

    types: frozenset[str] | None = None
    histories: frozenset[str] = frozenset()
    version: str = ""


def what_it_serves(web: Web) -> Serves:
    """Read the CapabilityStatement; InputError if the server speaks another FHIR than R4, or is no FHIR server.

    A server that keeps its statement back is asked all the same: each search then tells.
    """
    ask = Ask(f"{web.addresses.base}/metadata", "metadata", headers={"Accept": "application/fhir+json"}, signed=False)
    serves = web.read(ask, _take, good=frozenset({200, 401, 403, 404, 405}))
    if serves.version and not serves.version.startswith("4."):
        raise InputError(
            f"The server speaks FHIR {safe_words(serves.version)}.",
            where=web.where("metadata"),
            why="Resources of other versions have other elements, and would be misread.",
            hint="Many servers give R4 at an address of its own.",
        )
    return serves


def _take(answer: Answer) -> Serves:
    if answer.status != 200:
        return Serves()
    check_media_type(answer.headers, answer.body[:200], JSON_TYPES)
    try:
        said = msgspec.json.decode(answer.body, type=_Statement)
    except msgspec.ValidationError:
        return Serves()
    except RecursionError as error:
        raise MismatchError("The statement is nested too deeply") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DamagedError("The statement is no whole JSON") from error
    if said.kind != "CapabilityStatement":
        raise MismatchError("There is no FHIR R4 server at this address: it gives no CapabilityStatement")
    return _served(said)


def _served(said: _Statement) -> Serves:
    resources = [one for rest in said.rest or [] if rest.mode != "client" for one in rest.resource or []]
    codes = {one.type: {part.code for part in one.interaction or []} for one in resources if one.type}
    # a statement without interactions tells nothing about them
    searched = frozenset(kind for kind, some in codes.items() if not some or "search-type" in some)
    histories = frozenset(kind for kind, some in codes.items() if "history-type" in some)
    return Serves(searched or None, histories, said.version or "")
