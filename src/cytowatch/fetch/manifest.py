"""The manifest of a bulk export, versions 1.0 to 3.0 of the specification."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import msgspec

from cytowatch.fetch.answers import JSON_TYPES, Answer, check_media_type
from cytowatch.fetch.clock import instant, read_instant
from cytowatch.fetch.failures import DamagedError, MismatchError
from cytowatch.fetch.state import File, Kind

_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}")


class _Output(msgspec.Struct):
    url: str
    type: str | None = None
    count: Any = None


class _Link(msgspec.Struct):
    relation: str | None = None
    url: str | None = None


class _Manifest(msgspec.Struct):
    time: str = msgspec.field(name="transactionTime")
    signed: bool | None = msgspec.field(name="requiresAccessToken", default=None)
    output: list[_Output] | None = None
    deleted: list[_Output] | None = None
    # renamed after version 3.0
    error: list[_Output] | None = None
    outcome: list[_Output] | None = None
    link: list[_Link] | None = None


@dataclass(frozen=True)
class Manifest:
    """What an export offers; ``signed``: whether its files need the token (None: not said); ``next``: more of it."""

    moment: str
    signed: bool | None
    files: list[File]
    next: str | None


def take_manifest(answer: Answer) -> Manifest:
    """A manifest from an answer; DamagedError or MismatchError if it is none."""
    check_media_type(answer.headers, answer.body[:200], JSON_TYPES)
    return read_manifest(answer.body)


def read_manifest(body: bytes) -> Manifest:
    """A manifest from its body."""
    try:
        body.decode("utf-8")
        told = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"), type=_Manifest)
    except (msgspec.ValidationError, RecursionError) as error:
        raise MismatchError("The manifest of the export lacks what it must have") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DamagedError("The manifest of the export is no whole JSON") from error
    moment = read_instant(told.time)
    if moment is None:
        raise MismatchError("The manifest of the export has no usable transactionTime")
    files = [_file(one, "output") for one in told.output or []]
    files += [_file(one, "deleted") for one in told.deleted or []]
    files += [_file(one, "error") for one in [*(told.error or []), *(told.outcome or [])]]
    links = {link.relation: link.url for link in told.link or []}
    return Manifest(instant(moment), told.signed, files, links.get("next"))


def _file(one: _Output, kind: Kind) -> File:
    name = one.type or ""
    if kind == "output" and not _TYPE.fullmatch(name):
        raise MismatchError("The manifest of the export names a file without a resource type")
    count = one.count if type(one.count) is int and one.count >= 0 else None
    return File(type=name, url=one.url, kind=kind, count=count)
