"""A fetch from beginning to end: begin, go on or read what is new; put in place; report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cytowatch.errors import ArgumentError, InputError
from cytowatch.fetch.addresses import Addresses
from cytowatch.fetch.bulk import Exporting
from cytowatch.fetch.clock import Clock, instant
from cytowatch.fetch.folder import Folder
from cytowatch.fetch.limits import DEFAULT, Limits
from cytowatch.fetch.question import Question
from cytowatch.fetch.report import Report, write_report
from cytowatch.fetch.search import Searching
from cytowatch.fetch.serves import Serves, what_it_serves
from cytowatch.fetch.sign_in import SignIn, read_key
from cytowatch.fetch.state import Position, State
from cytowatch.fetch.web import Line, Web, server_moment

Progress = Callable[[str, float], None]
# the cursor of an export is one for all types
_ALL = ""


@dataclass(frozen=True)
class Credentials:
    """Who asks, for a server that wants to know: the client's id and the file of its private key."""

    client: str
    key: Path
    key_name: str | None = None
    token_url: str | None = None
    scope: str | None = None


@dataclass(frozen=True)
class Access:
    """How a server is reached."""

    addresses: Addresses
    credentials: Credentials | None = None
    line: Line = field(default_factory=Line)


def fetch(
    access: Access,
    question: Question,
    out: Path,
    *,
    progress: Progress | None = None,
    clock: Clock | None = None,
    limits: Limits = DEFAULT,
) -> Report:
    """Read a server into a folder; the report says what came and what did not.

    A folder with an unfinished fetch is gone on with; a finished one gets what is new. InputError if the server cannot
    be read now: what came before is kept. ArgumentError if the folder is another question's.
    """
    clock = clock or Clock()
    with Folder(out, question.digest()) as folder, Web(access.addresses, clock, limits, access.line) as web:
        if access.credentials is not None:
            web.tokens = _signing(web, question, access.credentials)
        _enter(folder, question)
        try:
            _read(web, folder, question, progress or (lambda _what, _done: None))
        except InputError as error:
            _charge(folder.state, web)
            folder.save()
            write_report(folder, question, error.what)
            raise
        _charge(folder.state, web)
        folder.save()
        return write_report(folder, question)


def _signing(web: Web, question: Question, who: Credentials) -> SignIn:
    forms = {form: who.scope or question.scopes(form) for form in ("rs", "read")}
    return SignIn(web, who.client, read_key(who.key, who.key_name), forms, who.token_url)


def _enter(folder: Folder, question: Question) -> None:
    """Begin a run, or go on with the one that was not finished."""
    state = folder.state
    if not folder.fresh and state.phase != "done":
        if question.since is not None and question.since != state.asked_since:
            raise _other_since(folder.path)
        state.resumed += 1
        folder.go_on()
        return
    if not folder.fresh:
        folder.state = state = _next_run(state, question)
    else:
        state.first = question.since or ""
        state.since = _cursors(question, {}, question.since)
    state.asked_since = question.since or ""
    folder.begin()


def _next_run(old: State, question: Question) -> State:
    since = _cursors(question, old.cursors, old.first or None)
    return State(
        question=old.question, since=since, cursors=old.cursors, first=min(old.first, question.since or old.first),
        runs=old.runs + 1,
    )  # fmt: skip


def _cursors(question: Question, kept: dict[str, str], first: str | None) -> dict[str, str]:
    """From when each type is read: the kept cursor, or what a person said, which may not leave a gap.

    A type that was never read whole is read from the ``first`` moment that the folder reaches back to.
    """
    kinds = question.types if question.way == "search" else (_ALL,)
    since = question.since
    if since is not None and any(since > kept[kind] for kind in kinds if kind in kept):
        raise ArgumentError(
            "--since is later than the end of what the folder holds.",
            where="--since",
            why="Between the two a gap would stay.",
            hint="Leave --since out: the folder knows from where to go on.",
        )
    return {kind: moment for kind in kinds if (moment := (since or kept[kind]) if kind in kept else first)}


def _other_since(path: Path) -> ArgumentError:
    return ArgumentError(
        f"{path} holds an unfinished fetch with another --since.",
        where="--since",
        hint="Finish it without --since, or name a new folder.",
    )


def _read(web: Web, folder: Folder, question: Question, progress: Progress) -> None:
    state = folder.state
    if not state.began:
        _look(web, folder, what_it_serves(web))
    if state.phase in {"reading", "following"}:
        _reader(web, folder, question, progress).run()
    exporting = Exporting(web, folder, question, progress) if state.export is not None else None
    folder.publish()
    if exporting is not None:
        exporting.close()
    _finish(state, question, web)
    folder.save()


def _reader(web: Web, folder: Folder, question: Question, progress: Progress) -> Searching | Exporting:
    return (Searching if question.way == "search" else Exporting)(web, folder, question, progress)


def _look(web: Web, folder: Folder, serves: Serves) -> None:
    state = folder.state
    state.served = sorted(serves.types) if serves.types is not None else None
    state.histories = sorted(serves.histories)
    state.began = instant(datetime.fromtimestamp(server_moment(web.began, web.clock), UTC))
    folder.save()


def _finish(state: State, question: Question, web: Web) -> None:
    """Move the cursor of everything that was read whole."""
    short = {one.type for one in state.shortfalls}
    if state.export is not None:
        # an error of unknown reach, or a file that is not whole: the next export starts where this one did
        state.cursors = state.cursors if short else {_ALL: state.export.transaction}
    else:
        moment = datetime.fromisoformat(state.began).timestamp() - web.limits.overlap_seconds
        cursor = instant(datetime.fromtimestamp(moment, UTC))
        served = [kind for kind in question.types if state.served is None or kind in state.served]
        state.cursors = {**state.cursors, **{kind: cursor for kind in served if kind not in short}}
    state.phase, state.position = "done", Position()


def _charge(state: State, web: Web) -> None:
    state.requests += web.traffic.requests
    state.retries += web.traffic.retries
