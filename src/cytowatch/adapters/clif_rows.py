"""What the rows of each CLIF table say, as raw rows of the contract's long table.

One CLIF row may say several things (a respiratory row: device, flow and FiO2); each becomes a raw row of its own that
carries the CLIF row's number and source.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from cytowatch.adapters.clif_codes import code_table, coded, ignored, units, unknown_code
from cytowatch.adapters.gather import Mapped
from cytowatch.knowledge.model import Knowledge

Mapper = Callable[[pl.DataFrame, Knowledge], Mapped]
# a comparator and a number at the head of what the laboratory printed; dots and stars after it are footnote marks
_PRINTED = r"^(<=|>=|<|>|≤|≥)\s*(\d+(?:\.\d+)?)[.*]*$"


def _raw(frame: pl.DataFrame, time: str, **columns: pl.Expr) -> pl.DataFrame:
    return frame.select("row", "source", patient="hospitalization_id", time=pl.col(time), **columns)


def _split(frame: pl.DataFrame, column: str, table: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The mapped rows, and the silent ones (ignored by the table, or in no table)."""
    silent = pl.concat(
        [
            ignored(frame.filter(pl.col("fate") == "ignore")),
            unknown_code(frame.filter(pl.col("fate").is_null()), column, table),
        ]
    )
    return frame.filter(pl.col("fate") == "map"), silent


def vitals(frame: pl.DataFrame, knowledge: Knowledge) -> Mapped:
    """Vital signs, by ``vital_category``; the unit is the one CLIF fixes for the category."""
    mapped, silent = _split(coded(frame, "vital_category", knowledge, "clif_vitals"), "vital_category", "clif_vitals")
    raw = _raw(mapped, "recorded_dttm", concept=pl.col("concept"), value=pl.col("vital_value"), unit=pl.col("unit"))
    return Mapped(raw, silent)


def labs(frame: pl.DataFrame, knowledge: Knowledge) -> Mapped:
    """Laboratory values, taken at collection and known at result.

    The number is what was printed, with its comparator; where the print holds no number (``___``) the numeric column
    stands in, and without one the print goes on as it is, to be rejected as not a number.
    """
    frame = coded(frame, "lab_category", knowledge, "clif_labs")
    mapped, silent = _split(frame, "lab_category", "clif_labs")
    mapped = units(mapped, "reference_unit", knowledge)
    printed = pl.col("lab_value").cast(pl.String)
    plain = pl.when(printed.cast(pl.Float64, strict=False).is_not_null()).then(printed)
    value = pl.coalesce(plain, printed.str.extract(_PRINTED, 2), pl.col("lab_value_numeric").cast(pl.String), printed)
    raw = _raw(
        mapped,
        "lab_collect_dttm",
        available=pl.col("lab_result_dttm"),
        concept=pl.col("concept"),
        value=value,
        unit=pl.col("unit"),
        comparator=printed.str.extract(_PRINTED, 1),
    )
    return Mapped(raw, silent)


def assessments(frame: pl.DataFrame, knowledge: Knowledge) -> Mapped:
    """Bedside scores. A Glasgow or a RASS score is kept as itself; consciousness is never inferred from either."""
    frame = coded(frame, "assessment_category", knowledge, "clif_assessments")
    score = pl.col("numerical_value").cast(pl.Float64, strict=False)
    untested = (pl.col("fate") == "map") & (score == pl.col("no_value").cast(pl.Float64, strict=False))
    frame = frame.with_columns(
        fate=pl.when(untested).then(pl.lit("ignore")).otherwise("fate"),
        reason=pl.when(untested).then("no_value_means").otherwise("reason"),
    )
    mapped, silent = _split(frame, "assessment_category", "clif_assessments")
    raw = _raw(mapped, "recorded_dttm", concept=pl.col("concept"), value=pl.col("numerical_value"))
    return Mapped(raw, silent)


def respiratory(frame: pl.DataFrame, knowledge: Knowledge) -> Mapped:
    """Oxygen devices, flow and FiO2; ``device_name`` tells apart what one ``device_category`` holds.

    A device that no table knows is ``other`` (on, of unknown class). A ventilator mode alone is no device: which tube
    or mask it ran through is not said. A row without a device still gives its flow and its FiO2.
    """
    frame = _with_device(frame, knowledge)
    number = {name: pl.col(name).cast(pl.Float64, strict=False) for name in ("lpm_set", "fio2_set")}
    device = _raw(
        frame.filter(pl.col("device").is_not_null()),
        "recorded_dttm",
        concept=pl.lit("oxygen_device"),
        text=pl.col("device"),
    )
    flow = _raw(
        frame.filter(pl.col("lpm_set").is_not_null()),
        "recorded_dttm",
        concept=pl.lit("oxygen_flow"),
        value=number["lpm_set"],
        unit=pl.lit("L/min"),
    )
    fio2 = _raw(
        frame.filter(pl.col("fio2_set").is_not_null()),
        "recorded_dttm",
        concept=pl.lit("fio2"),
        value=number["fio2_set"],
    )
    nothing = frame.filter(pl.col("device").is_null(), pl.col("lpm_set").is_null(), pl.col("fio2_set").is_null())
    said = pl.coalesce("refused", pl.lit("no device, no flow and no FiO2"))
    return Mapped(pl.concat([device, flow, fio2], how="diagonal"), ignored(nothing, said))


def _with_device(frame: pl.DataFrame, knowledge: Knowledge) -> pl.DataFrame:
    """Adds ``device`` (null: none said) and ``refused`` (why a site's table leaves a named device out)."""
    codes = code_table(knowledge, "clif_devices").select("code", "fate", "category", "reason")
    group, name = (pl.col(column).fill_null("").str.to_lowercase() for column in ("device_category", "device_name"))
    keys = {"exact": group + "|" + name, "by_group": group + "|", "by_name": "|" + name}
    frame = frame.with_columns(**keys)
    for key in keys:
        found = codes.select(pl.col("code").alias(key), pl.struct("fate", "category", "reason").alias(f"_{key}"))
        frame = frame.join(found, on=key, how="left")
    best = pl.coalesce("_exact", "_by_group", "_by_name")
    named = pl.any_horizontal(pl.col("device_category", "device_name").is_not_null())
    left_out = best.struct.field("fate") == "ignore"
    device = pl.coalesce(best.struct.field("category"), pl.lit("other"))
    return frame.with_columns(
        device=pl.when(named & ~left_out.fill_null(value=False)).then(device),
        refused=pl.when(left_out).then(best.struct.field("reason")),
    )


def continuous(frame: pl.DataFrame, knowledge: Knowledge) -> Mapped:
    """Infusions: a rate row at each start, dose change and still-going, a rate of 0 at each stop.

    Two pumps of one drug are two orders: a rate that its own order continues ends there (``until``), whatever the
    other order does; a rate with no later row in its order is left open, for the next row of the drug or its time to
    end. A drug that counts by doses (acetaminophen by vein) is one dose of unstated amount at each start.
    """
    frame, silent, unread = _drugs(frame, knowledge, "continuous")
    rates, doses = frame.filter(pl.col("kind") == "infusion"), frame.filter(pl.col("kind") != "infusion")
    starts = doses.filter(pl.col("mar_action_category").str.to_lowercase() == "start")
    course = ignored(doses.join(starts, on="row", how="anti"), pl.lit("course of a dose that counts at its start"))
    given = _raw(starts, "admin_dttm", concept=pl.col("concept"), text=pl.col("product"))
    raw = pl.concat([_rates(rates, knowledge), given], how="diagonal")
    orders = rates.filter(pl.col("med_order_id").is_not_null()).select("row", order="med_order_id")
    return Mapped(raw, pl.concat([silent, course]), orders, unread)


def _rates(frame: pl.DataFrame, knowledge: Knowledge) -> pl.DataFrame:
    frame = units(frame, "med_dose_unit", knowledge)
    rate = pl.when(pl.col("meaning") == "stopped").then(0.0).otherwise(_amount(frame))
    return _raw(frame, "admin_dttm", concept=pl.col("concept"), value=rate, unit=pl.col("unit"))


def intermittent(frame: pl.DataFrame, knowledge: Knowledge) -> Mapped:
    """Single doses, by ``med_category``; a cell product or an engager under its own name is the trigger."""
    frame, silent, unread = _drugs(frame, knowledge, "intermittent")
    frame = units(frame, "med_dose_unit", knowledge)
    raw = _raw(
        frame,
        "admin_dttm",
        concept=pl.col("concept"),
        value=_amount(frame),
        unit=pl.col("unit"),
        text=pl.col("product"),
    )
    return Mapped(raw, silent, unread=unread)


def _amount(frame: pl.DataFrame) -> pl.Expr:
    """The dose; a 32-bit float is rounded to the six digits it is sure of (66.666664 was 66.6667)."""
    dose = pl.col("med_dose")
    if frame.schema["med_dose"] == pl.Float32:
        dose = dose.cast(pl.Float64).round_sig_figs(6)
    return dose.cast(pl.Float64, strict=False)


def _drugs(frame: pl.DataFrame, knowledge: Knowledge, how: str) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Rows of needed drugs with ``concept, product, kind, meaning``, the silent rows, and what nobody can read of them.

    An action that no table knows may have been a start or a stop: what is given is in doubt.
    """
    names = _drug_names(frame, knowledge, how)
    frame = frame.join(names, on="med_category", how="left", nulls_equal=True)
    actions = code_table(knowledge, "clif_actions").select("code", "meaning", action="fate", said="reason")
    action = pl.col("mar_action_category").str.to_lowercase()
    frame = frame.join(actions, left_on=action, right_on="code", how="left")
    needed = pl.col("concept").is_not_null()
    todo = frame.filter(needed, pl.col("action") == "map")
    unknown = frame.filter(needed, pl.col("action").is_null())
    silent = [
        ignored(frame.filter(~needed)),
        ignored(frame.filter(needed, pl.col("action") == "ignore"), pl.col("said")),
        unknown_code(unknown, "mar_action_category", "clif_actions"),
    ]
    unread = _raw(unknown, "admin_dttm", concept=pl.col("concept"), value=pl.lit("unknown action"))
    return todo, pl.concat(silent), unread


def _drug_names(frame: pl.DataFrame, knowledge: Knowledge, how: str) -> pl.DataFrame:
    """Each distinct ``med_category`` with ``concept, product, kind``, or with the ``reason`` why it is not needed."""
    table = {entry["med_category"].lower(): entry for entry in knowledge.codes["clif_drugs"]}
    found = [_drug(name, table, knowledge, how) for name in frame["med_category"].unique()]
    columns = ("med_category", "concept", "product", "kind", "reason")
    return pl.DataFrame(found, schema=dict.fromkeys(columns, pl.String), orient="row")


def _drug(name: str | None, table: dict[str, dict[str, str]], knowledge: Knowledge, how: str) -> tuple[str | None, ...]:
    key = (name or "").lower()
    entry = table.get(f"{how}|{key}", table.get(key, {}))
    if entry.get("fate") == "ignore":
        return name, None, None, None, entry["reason"]
    product = knowledge.products.get(knowledge.product_aliases.get(key, key.replace(" ", "_")))
    if product is not None:
        return name, product.concept, product.key, "trigger", None
    concept = knowledge.concepts.get(entry.get("concept", key))
    if concept is None or concept.kind not in ("infusion", "dose"):
        return name, None, None, None, "drug not needed by any loaded table"
    return name, concept.key, None, concept.kind, None


MAPPERS: dict[str, Mapper] = {
    "vitals": vitals,
    "labs": labs,
    "patient_assessments": assessments,
    "respiratory_support": respiratory,
    "medication_admin_continuous": continuous,
    "medication_admin_intermittent": intermittent,
}
