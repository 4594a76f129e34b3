"""The parser: cutting by a message's own separators, escapes, and the same fields as another library finds."""

from __future__ import annotations

import io

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from cytowatch.adapters.hl7v2.stamps import Clock, clock_of, date_of, read_stamp
from cytowatch.adapters.hl7v2.syntax import (
    Separators,
    component,
    components,
    read_segment,
    read_separators,
    repetitions,
    subcomponents,
    unescape,
)
from cytowatch.adapters.hl7v2.wire import messages

USUAL = Separators()
# any text but control characters; separators are escaped before they are written
TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp", "Zs")), max_size=12)
FIELD = st.lists(st.lists(st.lists(TEXT, min_size=1, max_size=3), min_size=1, max_size=3), min_size=1, max_size=3)
SEGMENT = st.lists(FIELD, max_size=6)
SEPARATORS = st.permutations(list("|^~\\&#!$%*+;@")).map(lambda all_: Separators(*all_[:5]))


def escaped(text: str, by: Separators) -> str:
    names = dict(zip(by.letters[:5], "FSRET", strict=True))
    return "".join(f"{by.escape}{names[letter]}{by.escape}" if letter in names else letter for letter in text)


def written(segment: list[list[list[list[str]]]], by: Separators) -> str:
    """OBX and its fields: repetitions of components of subcomponents."""
    fields = [
        by.repetition.join(by.component.join(by.subcomponent.join(escaped(p, by) for p in c) for c in r) for r in field)
        for field in segment
    ]
    return by.field.join(["OBX", *fields])


def parsed(line: str, by: Separators) -> list[list[list[list[str]]]]:
    segment = read_segment(1, line, by)
    assert segment is not None
    return [
        [
            [[unescape(part, by) for part in piece.split(by.subcomponent)] for piece in components(repetition, by)]
            for repetition in field.split(by.repetition)
        ]
        for field in segment.fields[1:]
    ]


@for_all(SEGMENT, SEPARATORS)
def test_what_is_written_is_read_with_any_separators(segment: list[list[list[list[str]]]], by: Separators) -> None:
    assert parsed(written(segment, by), by) == segment


@for_all(st.lists(SEGMENT, min_size=1, max_size=4), st.sampled_from(["\r", "\n", "\r\n"]), st.booleans())
def test_a_file_gives_back_its_segments(segments: list[list[list[list[list[str]]]]], end: str, framed: bool) -> None:
    lines = ["MSH|^~\\&|A", *(written(one, USUAL) for one in segments)]
    body = end.join(lines) + end
    data = f"\x0b{body}\x1c\r" if framed else body
    found = list(messages(io.BytesIO(data.encode() * 2), "x", {}))
    assert [[text for _, text in raw.lines] for raw in found] == [lines, lines]


@pytest.mark.parametrize(
    ("header", "letters"),
    [
        ("MSH|^~\\&|LAB", "|^~\\&"),
        ("MSH|^~\\&#|LAB", "|^~\\&"),
        ("MSH$%!*+$LAB", "$%!*+"),
        ("MSH|^~\\|LAB", "|^~\\"),
    ],
)
def test_separators_of_a_header(header: str, letters: str) -> None:
    found = read_separators(header)
    assert found is not None
    assert "".join((found.field, found.component, found.repetition, found.escape, found.subcomponent)) == letters


@pytest.mark.parametrize(
    "header", ["MSH", "MSH|", "MSH|^~\\&", "MSH|^^\\&|", "MSH|^~|", "MSHAbcdA", "MSH|^~ &|", "MSH|||"]
)
def test_a_header_that_separates_nothing(header: str) -> None:
    assert read_separators(header) is None


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f", "a|b^c&d~e\\f"),
        ("\\X41C3A9\\", "Aé"),
        ("\\X4\\", "\\X4\\"),
        ("line\\.br\\two", "line\ntwo"),
        ("\\H\\loud\\N\\", "loud"),
        ("\\Zown\\", "\\Zown\\"),
        ("one \\ alone", "one \\ alone"),
        ("\\P\\", "\\P\\"),
    ],
)
def test_escapes(raw: str, text: str) -> None:
    assert unescape(raw, USUAL) == text


def test_parts_of_a_field() -> None:
    assert repetitions("a~~b", USUAL) == ["a", "b"]
    assert component("1^2&x~3", 2, USUAL) == "2"
    assert component("word", 1, USUAL) == "word"
    assert component("word", 2, USUAL) == ""
    assert component('""', 1, USUAL) == ""
    assert subcomponents("a&b\\T\\c", USUAL) == ["a", "b&c"]


def test_the_same_fields_as_another_library() -> None:
    parser = pytest.importorskip("hl7apy.parser", reason="hl7apy, an oracle for tests, is not here")
    lines = [
        "MSH|^~\\&|LAB|HOSP|CYTO|HOSP|20250301080500+0100||ORU^R01^ORU_R01|M1|P|2.5",
        "PID|1||P1^^^HOSP&1.2.3&ISO^MR~77^^^REG^PI||DOE^JOHN||19610423|M",
        "OBR|1|O1|F1|57021-8^CBC^LN|||20250301080000+0100",
        "OBX|1|NM|777-3^Platelets^LN^PLT^Plt^L||210|10*3/uL^^UCUM|150-400|N|||F|||20250301080000+0100",
        "OBX|2|ST|625-4^Culture^LN|1.2|A \\T\\ B \\F\\ C|||||F",
    ]
    theirs = parser.parse_message("\r".join(lines), find_groups=False)
    for line, other in zip(lines[1:], list(theirs.children)[1:], strict=True):
        ours = read_segment(1, line, USUAL)
        assert ours is not None
        assert ours.name == other.name
        for number in range(1, len(ours.fields)):
            fields = [one for one in other.children if one.name == f"{other.name}_{number}"]
            assert "~".join(one.to_er7() for one in fields) == ours[number], (line, number)


def test_oracle_reads_the_same_components() -> None:
    parser = pytest.importorskip("hl7apy.parser", reason="hl7apy, an oracle for tests, is not here")
    field = "777-3^Platelets^LN^PLT^Plt^L"
    theirs = parser.parse_field(field, name="OBX_3")
    assert [part.to_er7() for part in theirs.children] == components(field, USUAL)


# ---------------------------------------------------------------- moments


@pytest.mark.parametrize(
    ("raw", "text", "rule"),
    [
        ("202503010800+0100", "2025-03-01T08:00:00+01:00", ""),
        ("20250301080059.1234-0500", "2025-03-01T08:00:59.123400-05:00", ""),
        ("2025030108", None, "partial_time"),
        ("20250301", None, "partial_time"),
        ("202503", None, "partial_time"),
        ("2025", None, "partial_time"),
        ("20250301+0100", None, "partial_time"),
        ("20250230080000", None, "bad_time"),
        ("202503012460", None, "bad_time"),
        ("2025-03-01", None, "bad_time"),
        ("yesterday", None, "bad_time"),
        ("202503010800+1", None, "bad_time"),
        ("٢٠٢٥٠٣٠١٠٨٠٠", None, "bad_time"),
    ],
)
def test_moments(raw: str, text: str | None, rule: str) -> None:
    stamp = read_stamp(raw, Clock())
    assert (stamp.text, stamp.rule) == (text, rule)


def test_a_stated_precision_makes_a_moment_coarse() -> None:
    assert read_stamp("20250301000000+0100", Clock(), "D").rule == "partial_time"


def test_the_zone_of_the_message_holds_where_none_is_written() -> None:
    assert clock_of("202503010805+0100", None) == Clock("+0100")
    assert read_stamp("202503010800", Clock("+0100")).text == "2025-03-01T08:00:00+01:00"
    assert read_stamp("202503010800+0000", Clock("+0100")).text == "2025-03-01T08:00:00+00:00"
    # a named zone that agrees knows when clocks change: summer, read in a message of the winter
    assert clock_of("202503010805+0100", "Europe/Berlin") == Clock("", "Europe/Berlin")
    assert clock_of("202503010805+0000", "Europe/Berlin") == Clock("+0000", "Europe/Berlin")


def test_dates() -> None:
    assert [date_of(raw) for raw in ("19610423", "196104", "1961", "196104231200+0100", "x")] == [
        "1961-04-23", "1961-04", "1961", "1961-04-23", "x",
    ]  # fmt: skip
