"""Reading by bulk export: start the job, wait for it, read its files, tell the server that it can clear up."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote, urlencode

import msgspec

from cytowatch.errors import InputError
from cytowatch.fetch.addresses import safe_words
from cytowatch.fetch.answers import Answer, Ask, refusal
from cytowatch.fetch.download import Download
from cytowatch.fetch.failures import RefusedError, UnreachableError, UnusableError
from cytowatch.fetch.folder import DELETED, Folder, export_part
from cytowatch.fetch.manifest import Manifest, take_manifest
from cytowatch.fetch.page import read_outcome, reference
from cytowatch.fetch.question import Question
from cytowatch.fetch.retry import retry_after
from cytowatch.fetch.search import Progress
from cytowatch.fetch.state import Export, File
from cytowatch.fetch.web import Web

_NDJSON = "application/fhir+ndjson"
_ASYNC = {"Accept": "application/fhir+json", "Prefer": "respond-async"}
_POLL = {"Accept": "application/json, application/fhir+json"}
# storage answers 403 once a signed address has run out
_EXPIRED = frozenset({403, 404, 410})
_MANIFESTS = 1_000
_PLACES = {"system": "$export", "patient": "Patient/$export"}


class Exporting:
    """One export, from where the folder stands."""

    def __init__(self, web: Web, folder: Folder, question: Question, progress: Progress) -> None:
        self.web, self.folder, self.question, self.progress = web, folder, question, progress

    def run(self) -> None:
        """Read the whole export; an unfinished one can be gone on with. InputError if the server fails."""
        state = self.folder.state
        if state.phase != "reading":
            return
        went_on = state.export is not None
        try:
            self._through()
        except RefusedError as error:
            # a job of an earlier run may have expired; a new one is of another moment, so all is read anew
            if not went_on or error.status not in _EXPIRED:
                raise
            state.notes.append("the export of the earlier run had expired; a new one was started")
            self._forget()
            self._through()

    def _forget(self) -> None:
        state = self.folder.state
        state.export, state.counts, state.shortfalls = None, {}, []
        self.folder.begin()

    def _through(self) -> None:
        export = self.folder.state.export or self._start()
        if export.files is None:
            self._manifest(export)
        files = export.files or []
        for number, file in enumerate(files):
            self.progress(f"{file.type or file.kind}, file {number + 1} of {len(files)}", number / len(files))
            if not file.done:
                self._download(number, file, export)
        self._finish(files)

    # the job

    def _start(self) -> Export:
        place = _PLACES.get(self.question.way) or f"Group/{quote(self.question.group, safe='')}/$export"
        url = f"{self.web.addresses.base}/{place}"
        started = self._kick(Ask(f"{url}?{self._query()}", "export, start", headers=_ASYNC))
        if started.status in {405, 501}:
            # version 4 takes a POST only
            headers = {**_ASYNC, "Content-Type": "application/fhir+json"}
            started = self._kick(Ask(url, "export, start", "POST", headers, self._parameters))
        if started.status != 202:
            raise refusal(started, self.web.where("export, start"), self.web.secrets)
        job = started.headers.get("content-location", "")
        export = Export(job=self.web.addresses.follow(job, started.url, "export, start"))
        self.folder.state.export = export
        self.folder.save()
        return export

    def _kick(self, ask: Ask) -> Answer:
        return self.web.read(ask, lambda answer: answer, good=frozenset(range(200, 500)) - {401})

    def _asked(self) -> list[tuple[str, str]]:
        since = min(self.folder.state.since.values(), default=None)
        filters = [
            f"{one.type}?{urlencode(one.parameters)}" for one in self.question.wanted if one.asked and one.parameters
        ]
        return [
            ("_outputFormat", _NDJSON),
            ("_type", ",".join(dict.fromkeys([*self.question.types, *self._pointed()]))),
            *([("_since", since)] if since else []),
            *(("_typeFilter", text) for text in filters),
        ]

    def _pointed(self) -> list[str]:
        return ["Medication"] if "MedicationAdministration" in self.question.types else []

    def _query(self) -> str:
        return urlencode(self._asked(), safe=",:/", quote_via=quote)

    def _parameters(self) -> bytes:
        kinds = {"_since": "valueInstant"}
        parts = [{"name": name, kinds.get(name, "valueString"): value} for name, value in self._asked()]
        return msgspec.json.encode({"resourceType": "Parameters", "parameter": parts})

    def _manifest(self, export: Export) -> None:
        manifest = self._wait(export.job)
        files, more = list(manifest.files), manifest.next
        for _ in range(_MANIFESTS):
            if not more:
                break
            url = self.web.addresses.follow(more, export.job, "export, manifest")
            page = self.web.read(Ask(url, "export, manifest", headers=_POLL), take_manifest)
            files, more = [*files, *page.files], page.next
        if more:
            raise InputError("The manifest of the export never ends.", where=self.web.where("export, manifest"))
        for file in files:
            file.url = self.web.addresses.follow(file.url, export.job, "export, manifest")
        export.files, export.transaction = files, manifest.moment
        # not said: only the server itself gets the token
        export.signed = manifest.signed if manifest.signed is not None else True
        if manifest.signed is None:
            export.signed = all(self.web.addresses.own(file.url) for file in files)
        self.folder.save()

    def _wait(self, job: str) -> Manifest:
        """Ask for the job until its manifest is there, as often as the server likes it."""
        clock, limits = self.web.clock, self.web.limits
        waited, asked = 0.0, 0
        while True:
            told = self._ask_status(job)
            if isinstance(told, Manifest):
                return told
            wait, words = told
            asked += 1
            if wait is None:
                wait = min(limits.poll_seconds, limits.backoff_seconds * 2 ** min(asked, 20))
            waited += (wait := max(wait, limits.backoff_seconds))
            if waited > limits.export_seconds:
                raise UnreachableError(
                    f"The export is not done after {waited / 3600:,.1f} h.",
                    where=self.web.where("export, status"),
                    hint="Run the same again: it goes on waiting for the same export.",
                )
            self.progress(f"export: {words}" if words else "export", 0.0)
            clock.sleep(wait)

    def _ask_status(self, job: str) -> Manifest | tuple[float | None, str]:
        try:
            return self.web.read(Ask(job, "export, status", headers=_POLL), self._status, good=frozenset({200, 202}))
        except UnreachableError as error:
            if error.status == 500:
                # the job has failed: the next run starts another one
                self._forget()
            raise

    def _status(self, answer: Answer) -> Manifest | tuple[float | None, str]:
        if answer.status == 200:
            return take_manifest(answer)
        wait = retry_after(answer.headers.get("retry-after"), self.web.clock.now())
        return wait, safe_words(answer.headers.get("x-progress", ""))[:60]

    # its files

    def _download(self, number: int, file: File, export: Export) -> None:
        what = f"export, file {number + 1} ({file.type or file.kind})"
        download = Download(self.web, self.folder, file, export_part(number), what, signed=export.signed)
        try:
            download.run()
        except RefusedError as error:
            if error.status not in _EXPIRED:
                raise
            self._fresh_address(number, file, export)
            download.run()
        except UnusableError as error:
            self._short(file, what, str(error.what))
        if file.count is not None and file.lines != file.count and file.done:
            self._short(file, what, f"the manifest promises {file.count:,} lines, and the file has {file.lines:,}")
        self.folder.save()

    def _fresh_address(self, number: int, file: File, export: Export) -> None:
        """A signed address may have run out; the manifest of the same job then gives a new one."""
        manifest = self.web.read(Ask(export.job, "export, status", headers=_POLL), take_manifest)
        same = manifest.moment == export.transaction and len(manifest.files) > number
        if not same or manifest.files[number].type != file.type:
            raise RefusedError(
                "The files of the export have expired.", 410, where=self.web.where("export, files"),
                hint="Remove the folder, or run again: a new export is started.",
            )  # fmt: skip
        file.url = self.web.addresses.follow(manifest.files[number].url, export.job, "export, manifest")

    def _short(self, file: File, what: str, why: str) -> None:
        self.folder.fall_short(what, file.type if file.kind == "output" else "", why)

    def _finish(self, files: list[File]) -> None:
        """Count what came, and read the deletions and the remarks of the server."""
        state = self.folder.state
        # a kill in this step: it is done anew
        self.folder.part(DELETED).unlink(missing_ok=True)
        state.counts = {}
        for number, file in enumerate(files):
            part = self.folder.part(export_part(number))
            if file.kind == "output":
                self.folder.count(file.type).resources += file.lines
            elif part.exists() and file.kind == "deleted":
                self._deletions(part)
            elif part.exists():
                self._remarks(part)
        self.folder.save()

    def _deletions(self, part: Path) -> None:
        with part.open("rb") as lines:
            for line in lines:
                self.folder.keep([], _deleted(line))

    def _remarks(self, part: Path) -> None:
        with part.open("rb") as lines:
            issues = [issue for line in lines for issue in read_outcome(line)]
        for issue in issues[:1_000]:
            words = f"the server says ({issue.severity}, {issue.code}): {safe_words(issue.words)}"
            if issue.means_missing:
                self.folder.fall_short("export", "", words)
            elif words not in self.folder.state.notes:
                self.folder.state.notes.append(words)

    def close(self) -> None:
        """Tell the server that the export is read; that it cannot clear up is no fault of what was read."""
        export = self.folder.state.export
        if export is None or export.closed:
            return
        try:
            good = frozenset({200, 202, 204, 404, 410})
            self.web.read(Ask(export.job, "export, clear up", "DELETE"), lambda answer: answer.status, good=good)
        except InputError as error:
            self.folder.state.notes.append(f"the export could not be cleared up at the server: {error.what}")
        export.closed = True


class _Request(msgspec.Struct):
    method: str | None = None
    url: str | None = None


class _Entry(msgspec.Struct):
    request: _Request | None = None


class _Bundle(msgspec.Struct):
    entry: list[_Entry] | None = None


def _deleted(line: bytes) -> list[tuple[str, str]]:
    """Type and id of what a Bundle of deletions names."""
    try:
        bundle = msgspec.json.decode(line, type=_Bundle)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return []
    asked = [entry.request for entry in bundle.entry or [] if entry.request is not None]
    found = [reference(one.url) for one in asked if (one.method or "").upper() == "DELETE"]
    return [both for both in found if both is not None]
