"""A server that is slow, busy, broken or hostile: clear, bounded, and nothing else lost."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.lib.fetching import QUICK, Watch, ask, held, in_folder, in_server, names
from tests.lib.fhir_server import Fault, FhirServer, http_date, outcome, patients

from cytowatch.errors import ArgumentError, InputError
from cytowatch.fetch.addresses import Addresses, safe_words
from cytowatch.fetch.retry import retry_after

HTML = {"Content-Type": "text/html"}
JSON = {"Content-Type": "application/fhir+json"}
PAGE = b'{"resourceType":"Bundle","type":"searchset"}'
SAID = json.dumps(outcome("exception", "Patient/p0-0 of 12345678 at http://inner/fhir?x=1 is broken")).encode()


def read_through(tmp_path: Path, *faults: Fault, **options: object) -> tuple[Watch, FhirServer]:
    """Fetch past passing faults; what comes equals a run without them."""
    watch = Watch()
    with FhirServer(patients(3), now=watch.now) as server:
        ask(server, tmp_path / "calm")
        server.faults = list(faults)
        assert ask(server, tmp_path / "rough", watch=watch, **options).complete  # type: ignore[arg-type]
        assert held(tmp_path / "rough") == held(tmp_path / "calm")
    return watch, server


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_may_pass_is_asked_again(tmp_path: Path, status: int) -> None:
    watch, _ = read_through(tmp_path, Fault("Observation", status, b"<html>busy</html>", HTML, skip=1, times=2))
    assert len(watch.waits) == 2
    # full jitter: anything from nothing to the step, which doubles
    assert all(0 <= wait <= 2**number for number, wait in enumerate(watch.waits))


def test_jitter_comes_from_the_seed() -> None:
    def waits(seed: int) -> list[float]:
        from cytowatch.fetch.retry import Attempts, PassingError

        watch = Watch()
        attempts = Attempts(watch.clock(seed), QUICK)
        for _ in range(5):
            attempts.again(PassingError("x", most=9))
        return watch.waits

    assert waits(1) == waits(1) != waits(2)


def test_a_wait_that_the_server_asks_for_is_kept(tmp_path: Path) -> None:
    watch, _ = read_through(tmp_path, Fault("Observation", 429, b"", {"Retry-After": "17"}, times=1))
    assert 17 <= watch.waits[0] <= 18


def test_a_wait_until_a_moment_is_kept() -> None:
    now = Watch().clock().now()
    assert retry_after(http_date(now.timestamp() + 90), now) == pytest.approx(90, abs=1.1)
    assert retry_after(http_date(now.timestamp() - 90), now) == 0
    for text in (None, "", "soon", "-5", "1e9", "99999999999999999", "Mon, 99 Foo 2026", "\u0663"):
        assert retry_after(text, now) is None


def test_a_busy_server_is_given_up_in_bounded_time(tmp_path: Path) -> None:
    watch = Watch()
    with FhirServer(patients(2), now=watch.now) as server:
        server.faults = [Fault("Observation", 503, SAID, {**JSON, "Retry-After": "100"})]
        with pytest.raises(InputError, match="503") as error:
            ask(server, tmp_path / "out", watch=watch)
        assert sum(watch.waits) <= QUICK.waiting_seconds
        server.faults = [Fault("Observation", 503, b"", {"Retry-After": "999999"})]
        waited = len(watch.waits)
        with pytest.raises(InputError, match="the wait would be"):
            ask(server, tmp_path / "out", watch=watch)
        assert len(watch.waits) == waited
        # the same folder goes on where it stood, once the server is well
        server.faults = []
        assert ask(server, tmp_path / "out", watch=watch).told["resumed"] == 2
        assert len(in_folder(tmp_path / "out")) == len(set(in_folder(tmp_path / "out"))) == 24
    for secret in ("p0-0", "12345678", "inner"):
        assert secret not in str(error.value)
    assert "is broken" in str(error.value)


@pytest.mark.parametrize("drop", [0, 1, 200])
def test_a_connection_cut_in_a_body_is_made_anew(tmp_path: Path, drop: int) -> None:
    read_through(tmp_path, Fault("Observation", drop=drop, skip=1, times=2))


def test_a_wrong_length_is_a_body_cut_short(tmp_path: Path) -> None:
    # too long: the connection ends early. Too short: the JSON does.
    read_through(tmp_path, Fault("Observation", headers={"Content-Length": "999999"}, drop=100_000, times=1))
    read_through(tmp_path / "short", Fault("Observation", headers={"Content-Length": "20"}, drop=20, times=1))


def test_a_silent_server_is_asked_again(tmp_path: Path) -> None:
    read_through(tmp_path, Fault("Observation", slow=0.6, times=1), limits=replace(QUICK, read_seconds=0.3))


def test_truncated_gzip_is_noticed(tmp_path: Path) -> None:
    whole = gzip.compress(b'{"resourceType":"Bundle","type":"searchset"}   ' + b" " * 1000)
    cut = Fault("Observation", 200, whole[:-9], {**JSON, "Content-Encoding": "gzip"}, times=1)
    read_through(tmp_path, cut)


LOST: list[tuple[str, Fault, str]] = [
    ("web page", Fault("Observation", 200, b"<!DOCTYPE html><html>log in</html>", HTML), "web page"),
    ("web page as JSON", Fault("Observation", 200, b" <html>log in</html>", JSON), "web page"),
    ("xml", Fault("Observation", 200, b"<Bundle/>", {"Content-Type": "application/fhir+xml"}), "XML"),
    ("picture", Fault("Observation", 200, b"GIF89a", {"Content-Type": "image/gif"}), "image/gif"),
    ("cut for good", Fault("Observation", 200, PAGE[:-4], JSON), "no whole JSON (3 attempts)"),
    ("no bundle", Fault("Observation", 200, b'{"resourceType":"Patient"}', JSON), "no page of a search"),
    ("a list", Fault("Observation", 200, b"[1]", JSON), "no page of a search"),
    ("an outcome", Fault("Observation", 200, SAID, JSON), "remarks and no page"),
    ("deep", Fault("Observation", 200, b'{"resourceType":"Bundle","entry":' + b"[" * 90_000, JSON), "page of a search"),
    ("not UTF-8", Fault("Observation", 200, b'{"resourceType":"Bundle","x":"\xff"}', JSON), "no whole JSON"),
    ("403", Fault("Observation", 403, SAID, JSON), "403 not allowed"),
    ("404", Fault("Observation", 404, SAID, JSON), "404"),
    ("400", Fault("Observation", 400, SAID, JSON), "400"),
    ("unknown encoding", Fault("Observation", 200, b"x", {**JSON, "Content-Encoding": "br"}), "compressed as 'br'"),
    ("no gzip", Fault("Observation", 200, PAGE, {**JSON, "Content-Encoding": "gzip"}), "compressed body is damaged"),
    ("circles", Fault("Observation", 302, b"", {"Location": "/fhir/Observation?x=1"}), "redirects in circles"),
    ("elsewhere", Fault("Observation", 302, b"", {"Location": "https://evil.example/fhir"}), "another host"),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "said"), [row[1:] for row in LOST], ids=[row[0] for row in LOST])
def test_one_type_that_cannot_be_read_costs_no_other(tmp_path: Path, fault: Fault, said: str) -> None:
    with FhirServer(patients(2)) as server:
        server.faults = [replace(fault)]
        report = ask(server, tmp_path / "out", types=["Patient", "Observation", "Procedure"])
    assert not report.complete
    short = report.told["incomplete"]
    assert [one["type"] for one in short] == ["Observation"]
    assert said in short[0]["why"]
    assert len(names(tmp_path / "out", "Patient")) == len(names(tmp_path / "out", "Procedure")) == 2
    assert not (tmp_path / "out" / "Observation.ndjson").exists()
    assert "p0-" not in json.dumps(report.told)
    # the next run reads that type from the start, the others from their cursor
    assert set(report.told["cursors"]) == {"Patient", "Procedure"}


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    bomb = gzip.compress(b"0" * 50_000_000)
    limits = replace(QUICK, page_bytes=1_000_000)
    with FhirServer(patients(1)) as server:
        server.faults = [Fault("Observation", 200, bomb, {**JSON, "Content-Encoding": "gzip"})]
        report = ask(server, tmp_path / "out", types=["Observation"], limits=limits)
        server.faults = [Fault("Observation", 200, b" " * 2_000_000, JSON)]
        plain = ask(server, tmp_path / "plain", types=["Observation"], limits=limits)
    assert "larger than 1 MiB" in report.told["incomplete"][0]["why"]
    assert "larger than 1 MiB" in plain.told["incomplete"][0]["why"]


def linked(link: str) -> Callable[[bytes], bytes]:
    """A page whose next link is another one."""

    def change(body: bytes) -> bytes:
        page = json.loads(body)
        page["link"] = [{"relation": "next", "url": link}]
        return json.dumps(page).encode()

    return change


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ("https://elsewhere.example/fhir/Observation?page=2", "another host, elsewhere.example"),
        ("http://elsewhere.example/fhir/Observation?page=2", "plain http"),
        ("http://user:secret@127.0.0.1/fhir/Observation", "user name"),
        ("ftp://127.0.0.1/x", "not followed"),
        # an empty link is the end of a search, but the server has told of more
        ("", "12 match, and its pages hold 5"),
        ("http://[::1", "not followed"),
        ("Observation?a b", "blanks"),
        ("Observation?_count=5&_offset=5", "in circles"),
    ],
)
def test_a_next_link_that_is_not_followed_keeps_what_was_read(tmp_path: Path, link: str, said: str) -> None:
    with FhirServer(patients(2)) as server:
        server.faults = [Fault("/fhir/Observation", change=linked(link))]
        report = ask(server, tmp_path / "out", types=["Observation"])
        assert all(path.startswith(("/fhir/Observation", "/fhir/metadata")) for _, path, _ in server.seen)
    assert said in report.told["incomplete"][0]["why"]
    assert "secret" not in json.dumps(report.told)
    kept = (tmp_path / "out" / ".parts" / "Observation.part").read_text(encoding="utf-8").splitlines()
    assert 5 <= len(kept) == report.told["resources"]["Observation"]["read"]
    assert report.told["resources"]["Observation"]["file"] == ".parts/Observation.part"


def test_a_next_link_to_a_named_host_is_followed(tmp_path: Path) -> None:
    with FhirServer(patients(2)) as server:
        other = f"localhost:{server.port}"
        server.faults = [
            Fault(
                "/fhir/Observation",
                change=lambda body: body.replace(f"127.0.0.1:{server.port}".encode(), other.encode()),
            )
        ]
        assert ask(server, tmp_path / "out", types=["Observation"], hosts=("localhost",)).complete
        assert len(names(tmp_path / "out", "Observation")) == 12
        assert any(headers["host"] == other for _, _, headers in server.seen)


def test_pages_without_end_are_stopped(tmp_path: Path) -> None:
    pages = iter(range(10_000))

    def another(body: bytes) -> bytes:
        return linked(f"Observation?page={next(pages)}")(body)

    def fresh(_: bytes) -> bytes:
        number = next(pages)
        entry = {"resource": {"resourceType": "Observation", "id": str(number)}}
        link = [{"relation": "next", "url": f"?page={number}"}]
        return json.dumps({"resourceType": "Bundle", "type": "searchset", "link": link, "entry": [entry]}).encode()

    limits = replace(QUICK, pages=30, idle_pages=8)
    with FhirServer(patients(2)) as server:
        server.faults = [Fault("/fhir/Observation", change=another)]
        same = ask(server, tmp_path / "same", types=["Observation"], limits=limits)
        server.faults = [Fault("/fhir/Observation", change=fresh)]
        new = ask(server, tmp_path / "new", types=["Observation"], limits=limits)
    assert "8 pages in a row held nothing new" in same.told["incomplete"][0]["why"]
    assert "more than 30 pages" in new.told["incomplete"][0]["why"]
    assert new.told["resources"]["Observation"]["read"] == 30


def test_a_page_that_comes_twice_gives_no_doubles(tmp_path: Path) -> None:
    seen: list[bytes] = []

    def repeat(body: bytes) -> bytes:
        seen.append(body)
        page = json.loads(body)
        if len(seen) == 2:
            page["entry"] = json.loads(seen[0])["entry"]
        page["total"] = total
        return json.dumps(page).encode()

    with FhirServer(patients(2)) as server:
        server.faults = [Fault("/fhir/Observation", change=repeat)]
        total: int | None = None
        report = ask(server, tmp_path / "out", types=["Observation"])
        seen.clear()
        total = 12
        short = ask(server, tmp_path / "short", types=["Observation"])
    found = names(tmp_path / "out", "Observation")
    assert len(found) == len(set(found)) == 7
    # twelve entries came, and five of them twice
    assert short.told["incomplete"][0]["why"] == "the server says that 12 match, and its pages hold 7 of them"
    assert report.told["resources"]["Observation"]["duplicates"] == 5


def test_a_remark_that_something_is_missing_is_no_whole_answer(tmp_path: Path) -> None:
    def remark(severity: str, code: str) -> Callable[[bytes], bytes]:
        def change(body: bytes) -> bytes:
            page = json.loads(body)
            said = outcome(code, "token aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", severity)
            page["entry"].append({"resource": said, "search": {"mode": "outcome"}})
            return json.dumps(page).encode()

        return change

    with FhirServer(patients(1)) as server:
        server.faults = [Fault("/fhir/Procedure", change=remark("warning", "security"))]
        hidden = ask(server, tmp_path / "hidden", types=["Procedure", "Patient"])
        server.faults = [Fault("/fhir/Procedure", change=remark("information", "informational"))]
        fine = ask(server, tmp_path / "fine", types=["Procedure", "Patient"])
    assert not hidden.complete
    assert hidden.told["incomplete"][0]["type"] == "Procedure"
    assert not (tmp_path / "hidden" / "Procedure.ndjson").exists()
    assert fine.complete
    assert "aaaaaaaaaa" not in json.dumps([hidden.told, fine.told])
    assert names(tmp_path / "fine", "Procedure") == ["x-p0-0"]


def test_an_entry_without_a_type_is_kept_for_the_door_to_reject(tmp_path: Path) -> None:
    def spoil(body: bytes) -> bytes:
        page = json.loads(body)
        page["entry"] += [{"resource": {"id": "no type"}}, {"resource": {"resourceType": "../../x"}}, {"fullUrl": "x"}]
        return json.dumps(page).encode()

    with FhirServer(patients(1)) as server:
        server.faults = [Fault("/fhir/Procedure", change=spoil)]
        report = ask(server, tmp_path / "out", types=["Procedure"])
    assert (tmp_path / "out" / "Unknown.ndjson").read_text(encoding="utf-8").splitlines() == [
        '{"id":"no type"}', '{"resourceType":"../../x"}',
    ]  # fmt: skip
    assert names(tmp_path / "out", "Procedure") == ["x-p0-0"]
    assert not report.complete


def test_a_search_that_the_server_forgot_is_read_from_its_start(tmp_path: Path) -> None:
    with FhirServer(patients(3)) as server:
        server.faults = [Fault("Observation.*_offset=10", 410, b"", times=1)]
        report = ask(server, tmp_path / "out")
        found = in_folder(tmp_path / "out")
        assert report.complete
        assert len(found) == len(set(found))
        assert set(found) == in_server(server, {kind for kind, _, _ in found})
    assert "from its start again" in report.told["notes"][0]


def test_many_failures_in_a_row_stop_the_run(tmp_path: Path) -> None:
    with FhirServer(patients(30, hours=1)) as server:
        server.faults = [Fault("/fhir/[A-Z]", 200, b"<html>", HTML, skip=3)]
        with pytest.raises(InputError, match="web page"):
            ask(server, tmp_path / "out", patients=[f"p0-{number}" for number in range(30)])
        assert len(server.seen) < 30


def test_another_version_of_fhir_is_refused(tmp_path: Path) -> None:
    with FhirServer(patients(1)) as server:
        server.version = "3.0.2"
        with pytest.raises(InputError, match="speaks FHIR"):
            ask(server, tmp_path / "out")
        server.version = "4.0.1"
        server.faults = [Fault("metadata", 403, b"", times=1)]
        assert "not served" not in str(ask(server, tmp_path / "closed", types=["Patient"]).lines())
        server.faults = [Fault("metadata", 200, b"<html>", HTML, times=1)]
        with pytest.raises(InputError, match="web page"):
            ask(server, tmp_path / "page")


def test_no_proxy_is_taken_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with FhirServer(patients(1)) as server:
        assert ask(server, tmp_path / "out", types=["Patient"]).complete


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://fhir.example/r4", "plain http"),
        ("ftp://fhir.example/r4", "no http or https address"),
        ("fhir.example", "no http or https address"),
        ("https://", "no http or https address"),
        ("https://host:99999/", "no http or https address"),
        ("https://me:word@fhir.example/r4", "user name"),
        ("https://fhir.example/r4?x=1", "query"),
    ],
)
def test_an_address_that_cannot_be_used_is_an_argument(address: str, said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        Addresses(address)
    assert Addresses("http://fhir.example/r4/", insecure_http=True).base == "http://fhir.example/r4"
    assert Addresses("http://[::1]:8080/fhir").own("http://[::1]:8080/other")


def test_what_is_shown_names_nobody() -> None:
    said = "Patient/abc-1 MRN 123456789 see https://h/fhir?patient=abc\n\x1b[31m" + "e" * 60 + " end " * 200
    words = safe_words(said)
    assert "abc" not in words
    assert "123456789" not in words
    assert "\x1b" not in words
    assert "eeee" not in words
    assert len(words) <= 300
