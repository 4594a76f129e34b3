"""From ``products/*.toml`` to the dataclasses of ``product``: products, editions of facts, facts that are shared."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import get_args

from cytowatch.knowledge.advice import Cited
from cytowatch.knowledge.parse import EVIDENCE
from cytowatch.knowledge.product import (
    Action,
    AfterToxicity,
    Amount,
    Delay,
    GivenDose,
    Occurrence,
    Product,
    ProductEvent,
    ProductFact,
    ProductTopic,
    Share,
    Sign,
    Span,
    Spread,
    Then,
)
from cytowatch.knowledge.shape import Reader

# a year, a month or a day; anything else is no date of an edition
_AS_OF = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?")
_PAYLOADS = ("share", "span", "amount", "doses", "after", "delay")
_TOXICITIES = ("crs", "icans", "neurotoxicity")


@dataclass(frozen=True)
class SharedFacts:
    """Facts of one edition that several products have: each product gets them, marked with ``id``."""

    id: str
    products: tuple[str, ...]
    facts: tuple[ProductFact, ...]


def event(key: str, reader: Reader) -> ProductEvent:
    """One event of `products/events.toml`."""
    return ProductEvent(key, reader.text("label"), reader.truth("graded", False))


def product(key: str, reader: Reader, windows: dict[str, float]) -> Product:
    """One trigger product; without a window of its own it takes the window of its trigger (policy `windows`)."""
    trigger = reader.word("concept", tuple(windows))
    found = Product(
        key=key,
        label=reader.text("label"),
        product_class=reader.text("class"),
        concept=trigger,
        window_days=reader.number("window_days", windows[trigger]),
        brands=reader.texts("brands", ()),
        source=reader.text("source", "house"),
        locator=reader.text("locator", ""),
        evidence=reader.word("evidence", EVIDENCE, "house"),
        note=reader.text("note", ""),
        facts=tuple(fact for part in _rows(reader, "editions") for fact in _edition(part)),
        not_encoded=tuple(_not_encoded(part) for part in reader.tables("not_encoded", ())),
    )
    if not 0 < found.window_days < math.inf:
        reader.fail("`window_days` must be above 0, and finite.", "window_days")
    return found


def shared(reader: Reader) -> SharedFacts:
    """One edition whose facts hold for several products."""
    name = reader.text("id")
    products = reader.texts("products")
    return SharedFacts(name, products, tuple(replace(fact, shared=name) for fact in _edition(reader)))


def _rows(reader: Reader, key: str) -> list[Reader]:
    """A list of tables, each with an `id` of its own: so a site can change one of them."""
    rows = reader.tables(key, ())
    names = [part.text("id") for part in rows]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        reader.fail(f"`{twice}` is there twice.", key)
    return rows


def _edition(reader: Reader) -> tuple[ProductFact, ...]:
    """The facts of one edition: what stands at its head holds for each that does not say otherwise."""
    name, edition = reader.text("id"), reader.text("edition")
    head = {key: reader.data[key] for key in _HEAD if key in reader.data}
    reader.asked += _HEAD
    found = []
    for part in _rows(reader, "facts"):
        inner = Reader(part.document, part.path, {**head, **part.data})
        found.append(_fact(inner, name, edition))
        inner.finish()
    reader.finish()
    return tuple(found)


_HEAD = ("setting", "region", "source", "locator", "evidence", "effective_from", "effective_to", "as_of")


def _fact(reader: Reader, name: str, edition: str) -> ProductFact:
    found = ProductFact(
        id=f"{name}.{reader.text('id')}",
        topic=reader.word("topic", get_args(ProductTopic)),
        setting=reader.text("setting", ""),
        region=reader.text("region", ""),
        edition=edition,
        text=reader.text("text", ""),
        share=_share(part) if (part := _inner(reader, "share")) else None,
        span=_span(part) if (part := _inner(reader, "span")) else None,
        amount=_amount(part) if (part := _inner(reader, "amount")) else None,
        doses=tuple(_dose(part) for part in reader.tables("doses", ())),
        after=_after(part) if (part := _inner(reader, "after")) else None,
        delay=_delay(part) if (part := _inner(reader, "delay")) else None,
        differs_from=reader.texts("differs_from", ()),
        effective_from=_day(reader, "effective_from"),
        effective_to=_day(reader, "effective_to"),
        as_of=_as_of(reader),
        cited=Cited(reader.text("source"), reader.text("locator"), reader.word("evidence", EVIDENCE)),
    )
    given = [key for key in _PAYLOADS if reader.has(key)]
    if len(given) > 1 or not (given or found.text):
        reader.fail(f"A fact is one of {', '.join(_PAYLOADS)}, or text; here: {', '.join(given) or 'nothing'}.")
    return found


def _inner(reader: Reader, key: str) -> Reader | None:
    if not reader.has(key):
        reader.asked.append(key)
        return None
    return reader.table(key)


def _share(reader: Reader) -> Share:
    found = Share(
        event=reader.text("event"),
        percent=reader.maybe_pair("percent"),
        n=reader.maybe_whole("n"),
        of=reader.maybe_whole("of"),
        sign=reader.word("sign", get_args(Sign), ""),
        grading=reader.text("grading", ""),
    )
    if found.percent is None and found.n is None:
        reader.fail("A share has `percent`, or `n`.")
    reader.finish()
    return found


def _span(reader: Reader) -> Span:
    found = Span(
        event=reader.text("event"),
        median=reader.maybe_number("median"),
        low=reader.maybe_number("low"),
        high=reader.maybe_number("high"),
        spread=reader.word("spread", get_args(Spread), ""),
        unit=reader.word("unit", ("min", "h", "d", "wk")),
        sign=reader.word("sign", get_args(Sign), ""),
        since=reader.text("since", ""),
        grading=reader.text("grading", ""),
    )
    if found.median is None and found.low is None and found.high is None:
        reader.fail("A span has a `median`, a `low` or a `high`.")
    reader.finish()
    return found


def _amount(reader: Reader) -> Amount:
    found = Amount(
        reader.maybe_number("low"), reader.maybe_number("high"), reader.truth("below", False), reader.text("unit")
    )
    if found.low is None and found.high is None:
        reader.fail("An amount has `low`, `high` or both.")
    reader.finish()
    return found


def _dose(reader: Reader) -> GivenDose:
    amount = reader.maybe_pair("amount")
    found = GivenDose(
        drug=reader.text("drug", ""),
        at=reader.text("at", ""),
        low=amount[0] if amount else None,
        high=amount[1] if amount else None,
        unit=reader.text("unit", ""),
        route=reader.text("route", ""),
        before_hours=reader.maybe_pair("before_hours"),
        note=reader.text("note", ""),
    )
    if not (found.drug or found.at) or (amount is not None and not found.unit):
        reader.fail("A dose needs `drug` or `at`, and a `unit` beside an `amount`.")
    reader.finish()
    return found


def _after(reader: Reader) -> AfterToxicity:
    found = AfterToxicity(
        toxicity=reader.word("toxicity", _TOXICITIES),  # type: ignore[arg-type]
        grades=_grades(reader),
        occurrence=reader.word("occurrence", get_args(Occurrence), "any"),
        action=reader.word("action", get_args(Action)),
        resolved_to=reader.maybe_whole("resolved_to"),
        resolved_hours=reader.maybe_number("resolved_hours"),
        stay_hours=reader.maybe_pair("stay_hours"),
        rate_percent=reader.maybe_number("rate_percent"),
        infusion_hours=reader.maybe_number("infusion_hours"),
        stop_after_hours=reader.maybe_number("stop_after_hours"),
        doses=tuple(_dose(part) for part in reader.tables("doses", ())),
    )
    reader.finish()
    return found


def _delay(reader: Reader) -> Delay:
    found = Delay(
        after=reader.text("after"),
        over=reader.maybe_number("over"),
        least=reader.maybe_number("least"),
        up_to=reader.maybe_number("up_to"),
        unit=reader.word("unit", ("h", "d", "wk")),
        then=reader.word("then", get_args(Then)),
        dose=reader.text("dose", ""),
    )
    if found.over is None and found.least is None and found.up_to is None:
        reader.fail("A delay is longer than `over`, at least `least`, or up to `up_to`.")
    reader.finish()
    return found


def _not_encoded(reader: Reader) -> tuple[str, str]:
    found = reader.text("text"), reader.text("handled")
    reader.finish()
    return found


def _grades(reader: Reader) -> tuple[int, ...]:
    value = reader.any("grades", ())
    if not isinstance(value, list | tuple) or not all(type(part) is int for part in value):
        reader.fail("`grades` must be a list of grades, such as [1, 2].", "grades")
    return tuple(value)


def _day(reader: Reader, key: str) -> date | None:
    value = reader.any(key, None)
    if value is not None and (not isinstance(value, date) or isinstance(value, datetime)):
        reader.fail(f"`{key}` must be a day, such as 2025-06-26.", key)
    return value


def _as_of(reader: Reader) -> str:
    value = reader.text("as_of", "")
    if value and not _AS_OF.fullmatch(value):
        reader.fail(
            f"`as_of` is {value!r}.", "as_of", hint='A year, a month or a day: "2025", "2025-06", "2025-06-26".'
        )
    return value
