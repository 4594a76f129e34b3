"""Reading by searches: page after page, each made durable before the next is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b

from cytowatch.errors import InputError
from cytowatch.fetch.addresses import named, safe_words
from cytowatch.fetch.answers import Ask
from cytowatch.fetch.failures import RefusedError, UnusableError
from cytowatch.fetch.folder import Folder
from cytowatch.fetch.page import UNKNOWN, Page, head_of, pointed_at, take_page
from cytowatch.fetch.question import Question, Search, by_ids, searches
from cytowatch.fetch.state import Position
from cytowatch.fetch.web import Web

Progress = Callable[[str, float], None]
ACCEPT = {"Accept": "application/fhir+json"}
# a next link that was kept too long: the server has forgotten the search
_FORGOTTEN = frozenset({400, 404, 410})
# types that others point at, read by id when the pages did not bring them along
_POINTING = {"MedicationAdministration": "Medication", "DeviceUseStatement": "Device"}


class StoppedError(Exception):
    """A search that cannot be read to its end; what it gave is kept, and it counts as not whole."""


class Searching:
    """All searches of a question, from where the folder stands."""

    def __init__(self, web: Web, folder: Folder, question: Question, progress: Progress) -> None:
        self.web, self.folder, self.question, self.progress = web, folder, question, progress
        self.asked = 0
        self.seen = folder.remembered(web.limits.remembered)
        self.failures = 0

    def run(self) -> None:
        """Read everything; InputError if the server fails, and the folder can then be gone on with."""
        state = self.folder.state
        if state.phase == "reading":
            asked = searches(self.question, state.since, frozenset(state.histories))
            self._all(asked)
            for search in asked:
                if self._served(search):
                    # counted also where nothing came
                    self.folder.count(search.type)
            state.phase, state.position = "following", Position()
            self.folder.save()
        if state.phase == "following":
            # found anew after a kill: what came meanwhile is not asked for again
            state.position = Position()
            self._all(self._follow())

    def _all(self, asked: Sequence[Search]) -> None:
        state, self.asked = self.folder.state, len(asked)
        for number, search in enumerate(asked):
            if number < state.position.search:
                continue
            if self._served(search):
                self._one(search, number)
            state.position = Position(search=number + 1)
            self.folder.save()

    def _served(self, search: Search) -> bool:
        served = self.folder.state.served
        return served is None or search.type in served

    def _one(self, search: Search, number: int) -> None:
        """One search to its end, or to where it cannot go on."""
        try:
            self._pages(search, number)
        except StoppedError as error:
            self._short(search, str(error))
        except (RefusedError, UnusableError) as error:
            self.failures += 1
            if (isinstance(error, RefusedError) and error.status == 401) or self.failures >= self.web.limits.failures:
                raise
            self._short(search, f"{error.what} {error.why}".strip())
        else:
            self.failures = 0

    def _short(self, search: Search, why: str) -> None:
        """Record that a search is not whole. Deletions that could not be read do not hold back what is new."""
        self.folder.fall_short(search.what, search.type, why, hold=not search.deletions)

    def _pages(self, search: Search, number: int) -> None:
        state = self.folder.state
        first = f"{self.web.addresses.base}/{search.path}"
        # a deletion counts only if nothing newer came before it in the history, so a history is read from its start
        url = (state.position.next if not search.deletions else "") or first
        reading = _Reading(self, search, number)
        if url != first:
            reading.matches, reading.total = state.position.matches, state.position.total
        while url:
            try:
                page = self.web.read(
                    Ask(url, f"{search.what}, page {state.position.pages + 1}", headers=ACCEPT), take_page
                )
            except RefusedError as error:
                if error.status not in _FORGOTTEN or url == first or reading.restarted:
                    raise
                state.notes.append(
                    f"{search.what}: the server had forgotten the search; it was read from its start again"
                )
                reading, url = _Reading(self, search, number, restarted=True), first
                continue
            reading.take(page, url)
            self._tell(page, search, number)
            url = self._next(page, url, search)
            state.position = Position(number, url, state.position.pages + 1, reading.matches, reading.total)
            state.pages += 1
            self.folder.save()
            if url:
                reading.check(url)
        reading.check_whole()

    def _tell(self, page: Page, search: Search, number: int) -> None:
        """Move the bar, within a search by the server's count of matches if it told one."""
        asked, pages = self.asked, self.folder.state.position.pages + 1
        inside = min(1.0, pages * self.question.count / page.total) if page.total else 0.0
        self.progress(f"{search.what}, page {pages:,}", min(1.0, (number + inside) / max(1, asked)))

    def _next(self, page: Page, url: str, search: Search) -> str:
        if not page.next:
            return ""
        try:
            return self.web.addresses.follow(page.next, url, search.what)
        except InputError as error:
            # what this page gave counts, and the search does not go on
            self.folder.save()
            raise StoppedError(f"{error.what} {error.why}") from None

    def _follow(self) -> list[Search]:
        """Searches for medications and devices that were pointed at and not brought along."""
        found: list[Search] = []
        for pointing, kind in _POINTING.items():
            if pointing not in self.question.types:
                continue
            wanted = {name for one, name in self._pointed(pointing) if one == kind}
            ids = sorted(wanted - self._there(kind))
            found += by_ids(kind, ids, self.question.count, self.web.limits.ids_at_once)
        return found

    def _pointed(self, kind: str) -> set[tuple[str, str]]:
        """What resources of a type point at; also those of earlier runs, whose search for it may have failed."""
        return {both for line in self._lines(kind) for both in pointed_at(line)}

    def _there(self, kind: str) -> set[str]:
        return {head_of(line)[1] for line in self._lines(kind)}

    def _lines(self, kind: str) -> Iterator[bytes]:
        for path in (self.folder.published(kind), self.folder.part(kind)):
            if path.exists():
                with path.open("rb") as lines:
                    yield from lines


class _Reading:
    """One search while it is read: what tells that it goes in circles, or ends before its end."""

    def __init__(self, whole: Searching, search: Search, number: int, *, restarted: bool = False) -> None:
        self.folder, self.seen, self.limits = whole.folder, whole.seen, whole.web.limits
        self.search, self.number, self.restarted = search, number, restarted
        self.parameters = frozenset(named(f"?{search.path.partition('?')[2]}")) - {"_count", "_include"}
        self.addresses: set[bytes] = set()
        self.pages = self.idle = 0
        self.newest: dict[tuple[str, str], bool] = {}
        # resources that matched, each once, and how many of them the server says there are
        self.matches = self.total = 0
        self.matched: set[bytes] = set()

    def take(self, page: Page, url: str) -> None:
        """Keep what a page holds, doubles left out."""
        self.addresses.add(_digest(url))
        self.pages += 1
        if self.search.deletions:
            news = self._events(page)
            self.folder.keep([], [key for key, gone in news if gone])
            fresh = bool(news)
        else:
            fresh = self._resources(page)
            self._count(page)
        self.idle = 0 if fresh else self.idle + 1
        self._remarks(page)

    def _resources(self, page: Page) -> bool:
        kept, fresh = [], False
        for one in page.resources:
            new, new_here = self.seen.meet(one.line, self.number)
            fresh = fresh or new_here
            if new:
                kept.append(one)
            else:
                self.folder.count(one.type).duplicates += 1
            if new and one.type == UNKNOWN:
                self.folder.fall_short(self.search.what, "", "a resource without a type is kept in Unknown.ndjson")
        self.folder.keep(kept, [])
        return fresh

    def _count(self, page: Page) -> None:
        """Count what matched. The first total counts: what is stored while pages are read is the next run's matter."""
        for one in page.resources:
            key = _digest(f"{one.type}/{one.id}") if one.id else blake2b(one.line, digest_size=12).digest()
            if one.matches and one.type in {self.search.type, UNKNOWN} and key not in self.matched:
                self.matches += 1
                if len(self.matched) < self.limits.remembered:
                    self.matched.add(key)
        told = {**named(self.search.path), **named(page.used or "")}
        if told.get("_total") != "estimate":
            self.total = self.total or page.total or 0

    def _events(self, page: Page) -> list[tuple[tuple[str, str], bool]]:
        news = []
        for kind, name, gone in page.events:
            if (kind, name) not in self.newest:
                self.newest[kind, name] = gone
                news.append(((kind, name), gone))
        return news

    def _remarks(self, page: Page) -> None:
        for issue in page.issues:
            words = f"the server says ({issue.severity}, {issue.code}): {safe_words(issue.words)}"
            if issue.means_missing:
                self.folder.fall_short(self.search.what, self.search.type, words)
            else:
                self._note(f"{self.search.what}: {words}")
        if self.pages == 1 and page.used and (used := frozenset(named(page.used))):
            ignored = sorted(self.parameters - used)
            if ignored and used & self.parameters:
                self._note(f"{self.search.type}: the server did not use {', '.join(ignored)}")

    def _note(self, words: str) -> None:
        if words not in self.folder.state.notes and len(self.folder.state.notes) < 1_000:
            self.folder.state.notes.append(words)

    def check(self, url: str) -> None:
        """StoppedError if the pages go in circles or never end."""
        if _digest(url) in self.addresses:
            raise StoppedError("the pages go in circles: the next link leads to a page that was read before")
        if self.idle >= self.limits.idle_pages:
            raise StoppedError(f"{self.idle} pages in a row held nothing new")
        if self.folder.state.position.pages >= self.limits.pages:
            raise StoppedError(f"it has more than {self.limits.pages:,} pages (--max-pages)")

    def check_whole(self) -> None:
        """StoppedError if the last page is read and the server has told of more matches than it gave.

        A server may give fewer resources than it found and no link to the rest, as where it cuts an answer at some
        number; a total that is too small proves nothing.
        """
        if self.matches < self.total:
            raise StoppedError(
                f"the server says that {self.total:,} match, and its pages hold {self.matches:,} of them"
            )


def _digest(url: str) -> bytes:
    return blake2b(url.encode("utf-8", "surrogatepass"), digest_size=12).digest()
