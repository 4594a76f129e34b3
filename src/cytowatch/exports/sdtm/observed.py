"""The admitted observations of a run as SDTM domains, so that another system, or this one, reads them again."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from cytowatch.exports.sdtm.arms import Arms
from cytowatch.exports.sdtm.losses import Losses
from cytowatch.exports.sdtm.stamps import Stamps
from cytowatch.knowledge.model import Concept, Knowledge
from cytowatch.report import ReportData

_NUMBERED = {"vital": "VS", "oxygen": "VS", "neuro": "QS"}
_NAMED_BY_TEXT = ("symptom", "comorbidity", "unread_finding")
SYNDROME = {"crs": "CYTOKINE RELEASE SYNDROME", "icans": "IMMUNE EFFECTOR CELL-ASSOCIATED NEUROTOXICITY SYNDROME"}
_POINT = "the end of a dose is written, and only its start is read back"
# a test code has eight letters, a test name forty
_CODE, _NAME = 8, 40


@dataclass
class Observed:
    """The domains that come out, and the site's code list that reads back what no table of ours names."""

    domains: dict[str, pl.DataFrame] = field(default_factory=dict)
    codes: list[tuple[str, str, str, str]] = field(default_factory=list)


def observed(data: ReportData, knowledge: Knowledge, stamps: Stamps, arms: Arms, losses: Losses) -> Observed:
    """DM, VS, LB, QS, NV, FA, CM, EX, PR and DS of a run; what they cannot say is counted in ``losses``."""
    rows = _kept(data, losses)
    kinds = {concept.key: _place(concept) for concept in knowledge.concepts.values()}
    rows = rows.with_columns(
        pl.col("concept").replace_strict(kinds, default="", return_dtype=pl.String).alias("_domain"),
        stamps.moment("time").alias("_start"),
        stamps.moment("until").alias("_end"),
    )
    made = Observed()
    tests = _Tests(knowledge)
    for domain in ("VS", "LB", "QS", "NV", "FA"):
        made.domains[domain] = _findings(rows.filter(pl.col("_domain") == domain), domain, tests)
    made.domains["FA"] = pl.concat([made.domains["FA"], _reported(rows, losses)], how="diagonal")
    made.domains["CM"] = _medications(rows, knowledge, losses)
    made.domains["EX"] = _exposures(rows, knowledge, made, losses)
    made.domains["PR"] = _procedures(rows, knowledge, losses)
    made.domains["DS"] = _deaths(rows)
    lost = rows.filter(pl.col("_domain") == "")
    for concept, count in lost.group_by("concept").len().sort("concept").iter_rows():
        losses.add("observations", f"{concept}: no domain here carries it", count)
    made.domains["DM"] = _people(data, rows, knowledge, stamps, arms, losses)
    made.domains = {name: _sequenced(frame, name, arms) for name, frame in made.domains.items()}
    return made


def _kept(data: ReportData, losses: Losses) -> pl.DataFrame:
    """The rows that stand: without those taken back, and without what SDTM has no place for."""
    rows = data.observations
    losses.add(
        "observations",
        "rejected rows in doubt are not written: read back, a therapy counts as not given, and of a vital sign the one "
        "before counts on",
        data.in_doubt.height,
    )
    losses.add("observations", "when a result became known (available)", rows["available"].count())
    back = rows.filter(pl.col("status") == "entered-in-error")
    fact = ["patient", "concept", "time", "text"]
    losses.add(
        "observations", "entered in error: neither the row nor the one that it takes back is written", back.height
    )
    kept = rows.join(back.select(fact), on=fact, how="anti", nulls_equal=True)
    losses.add("observations", "status preliminary or amended", kept.filter(pl.col("status") != "final").height)
    return kept


def _place(concept: Concept) -> str:
    """The domain of a concept; empty where none fits."""
    if concept.key in _NAMED_BY_TEXT:
        return ""
    if concept.key == "reported_grade":
        return "GRADE"
    special = {"infusion": "CM", "dose": "CM", "trigger": "EX", "device": "PR", "death": "DS"}
    if concept.kind in special:
        return special[concept.kind]
    if concept.categories:
        return "NV" if concept.group == "neuro" else "FA"
    return _NUMBERED.get(concept.group, "LB") if concept.units else ""


class _Tests:
    """A test code and a test name for each concept: those of the tables, else made of its key and unique."""

    def __init__(self, knowledge: Knowledge) -> None:
        rows = [row for row in knowledge.codes.get("sdtm_tests", ()) if row["fate"] == "map"]
        self._taken = {row["test"].partition("|")[2] for row in knowledge.codes.get("sdtm_tests", ())}
        self._known = {
            (row["test"].partition("|")[0], row["concept"]): row["test"].partition("|")[2] for row in reversed(rows)
        }
        self._concepts = knowledge.concepts
        self._made: dict[str, str] = {}

    def code(self, domain: str, key: str) -> str:
        """The test code of a concept in a domain."""
        return self._known.get((domain, key)) or self._made.get(key) or self._make(key)

    def name(self, key: str) -> str:
        """A name by which the concept is found again: its label, or its key where that is too long."""
        label = self._concepts[key].label
        return label if len(label) <= _NAME else key

    def _make(self, key: str) -> str:
        base = key.upper().replace("_", "")
        tries = [base[:_CODE], *(base[: _CODE - 2] + f"{number:02}" for number in range(100))]
        code = next(one for one in tries if one not in self._taken and not one[0].isdigit())
        self._taken.add(code)
        self._made[key] = code
        return code


def _findings(rows: pl.DataFrame, domain: str, tests: _Tests) -> pl.DataFrame:
    keys = rows["concept"].unique().sort().to_list()
    code = {key: tests.code("QS" if domain in ("NV", "FA") else domain, key) for key in keys}
    name = {key: tests.name(key) for key in keys}
    number = pl.col("value").cast(pl.String)
    printed = pl.when(pl.col("value").is_not_null()).then(pl.col("comparator").fill_null("") + number).otherwise("text")
    columns = {
        "patient": pl.col("patient"),
        f"{domain}TESTCD": pl.col("concept").replace_strict(code, default=None, return_dtype=pl.String),
        f"{domain}TEST": pl.col("concept").replace_strict(name, default=None, return_dtype=pl.String),
        f"{domain}STRESC": printed,
        f"{domain}STRESN": pl.when(pl.col("comparator").is_null()).then("value"),
        f"{domain}STRESU": pl.col("unit"),
        f"{domain}DTC": pl.col("_start"),
        f"{domain}ENDTC": pl.col("_end"),
    }
    if domain == "LB":
        columns |= {"LBSPEC": pl.lit("BLOOD"), "LBSTNRLO": pl.col("range_low"), "LBSTNRHI": pl.col("range_high")}
    if domain == "FA":
        columns |= {"FAOBJ": columns["FATEST"]}
    return rows.select(**columns)


def _reported(rows: pl.DataFrame, losses: Losses) -> pl.DataFrame:
    grades = rows.filter(pl.col("_domain") == "GRADE").with_columns(
        pl.col("text").str.extract(r"^([a-z]+)\.", 1).alias("_family")
    )
    known = grades.filter(pl.col("_family").is_in(list(SYNDROME)))
    losses.add("observations", "a reported grade on a scale of neither CRS nor ICANS", grades.height - known.height)
    return known.select(
        "patient",
        FATESTCD=pl.lit("TOXGRADE"),
        FATEST=pl.lit("Toxicity grade"),
        FAOBJ=pl.col("_family").replace_strict(SYNDROME, default=None, return_dtype=pl.String),
        FASCAT=pl.col("text"),
        FASTRESC=pl.col("value").cast(pl.String),
        FASTRESN=pl.col("value"),
        FADTC=pl.col("_start"),
    )


def _medications(rows: pl.DataFrame, knowledge: Knowledge, losses: Losses) -> pl.DataFrame:
    drugs = rows.filter(pl.col("_domain") == "CM")
    losses.add("CM", "a bound (`<`, `>`) beside an amount", drugs["comparator"].count())
    infusions = [key for key, concept in knowledge.concepts.items() if concept.kind == "infusion"]
    labels = {key: concept.label.upper() for key, concept in knowledge.concepts.items()}
    lasts = pl.col("concept").is_in(infusions)
    losses.add("CM", _POINT, drugs.filter(~lasts)["until"].count())
    return drugs.select(
        "patient",
        CMTRT=pl.col("concept").replace_strict(labels, default=None, return_dtype=pl.String),
        CMDECOD=pl.col("concept").str.to_uppercase(),
        CMDOSE=pl.when(pl.col("comparator").is_null()).then("value"),
        CMDOSU=pl.col("unit"),
        CMDOSFRQ=pl.when(lasts).then(pl.lit("CONTINUOUS")).otherwise(pl.lit("ONCE")),
        CMSTDTC=pl.col("_start"),
        CMENDTC=pl.coalesce("_end", pl.when(~lasts).then("_start")),
    )


def _exposures(rows: pl.DataFrame, knowledge: Knowledge, made: Observed, losses: Losses) -> pl.DataFrame:
    """EX; a product that the tables do not have goes into the code list."""
    given = rows.filter(pl.col("_domain") == "EX")
    losses.add("EX", _POINT, given["until"].count())
    means: dict[str, str] = {}
    for concept, text, count in (
        given.drop_nulls("text").group_by("concept", "text").len().sort("concept", "text").iter_rows()
    ):
        product = knowledge.products.get(text)
        if product is None and text not in means:
            made.codes.append(("EXTRT", text.upper(), concept, text))
        if means.setdefault(text, product.concept if product else concept) != concept:
            losses.add("EX", f"{text} as {concept}: a treatment has one meaning, {means[text]}", count)
    return given.select(
        "patient",
        EXTRT=pl.coalesce(pl.col("text"), pl.col("concept")).str.to_uppercase(),
        EXDOSE=pl.col("value"),
        EXDOSU=pl.col("unit"),
        EXSTDTC=pl.col("_start"),
        EXENDTC=pl.coalesce("_end", "_start"),
    )


def _procedures(rows: pl.DataFrame, knowledge: Knowledge, losses: Losses) -> pl.DataFrame:
    names: dict[str, str] = {}
    for row in knowledge.codes.get("sdtm_procedures", ()):
        if row["concept"] == "oxygen_device":
            names.setdefault(row["category"], row["procedure"])
    on = rows.filter(pl.col("_domain") == "PR")
    named = on.filter(pl.col("text").is_in(list(names)))
    losses.add("PR", "a device that no procedure stands for", on.height - named.height)
    return named.select(
        "patient",
        PRTRT=pl.col("text").replace_strict(names, default=None, return_dtype=pl.String),
        PRSTDTC=pl.col("_start"),
        PRENDTC=pl.col("_end"),
    )


def _deaths(rows: pl.DataFrame) -> pl.DataFrame:
    died = rows.filter(pl.col("_domain") == "DS")
    return died.select(
        "patient", DSTERM=pl.coalesce("text", pl.lit("unknown")), DSDECOD=pl.lit("DEATH"), DSSTDTC=pl.col("_start")
    )


_PEOPLE = {
    "weight_kg": "body weight of the table of patients",
    "developmental_delay": "developmental delay",
    "sbp_threshold": "own systolic threshold",
    "declined_guidelines": "declined guidelines",
}


def _people(
    data: ReportData, rows: pl.DataFrame, knowledge: Knowledge, stamps: Stamps, arms: Arms, losses: Losses
) -> pl.DataFrame:
    """DM: one row a patient of the run or of the arms, with the first exposure as reference."""
    for name in data.patients.columns:
        if name.startswith("baseline_") or name in _PEOPLE:
            losses.add("DM", _PEOPLE.get(name, f"{name} of the table of patients"), data.patients[name].count())
    everybody = (
        pl.concat([rows.select("patient"), data.patients.select("patient"), arms.table.select("patient")])
        .unique()
        .sort("patient")
    )
    exposed = first_exposures(rows, knowledge)
    died = rows.filter(pl.col("concept") == "death").group_by("patient").agg(pl.col("time").min().alias("_death"))
    table = (
        everybody.join(data.patients, on="patient", how="left")
        .join(exposed, on="patient", how="left")
        .join(died, on="patient", how="left")
    )
    sex = pl.col("sex").str.to_lowercase()
    return arms.beside(table).select(
        "patient",
        SUBJID=pl.col("patient"),
        RFSTDTC=stamps.moment("exposed"),
        RFXSTDTC=stamps.moment("exposed"),
        DTHDTC=stamps.moment("_death"),
        DTHFL=pl.when(pl.col("_death").is_not_null()).then(pl.lit("Y")),
        BRTHDTC=pl.col("birth_date").dt.to_string("%Y-%m-%d"),
        AGE=pl.col("age_years"),
        AGEU=pl.when(pl.col("age_years").is_not_null()).then(pl.lit("YEARS")),
        SEX=pl.when(sex.is_in(["male", "m"]))
        .then(pl.lit("M"))
        .when(sex.is_in(["female", "f"]))
        .then(pl.lit("F"))
        .otherwise(pl.lit("U")),
        ARM=pl.col("arm"),
        ACTARM=pl.col("arm"),
    )


def first_exposures(rows: pl.DataFrame, knowledge: Knowledge) -> pl.DataFrame:
    """The first trigger of each patient (``patient, exposed``)."""
    triggers = [key for key, concept in knowledge.concepts.items() if concept.kind == "trigger"]
    given = rows.filter(pl.col("concept").is_in(triggers) & (pl.col("status") != "entered-in-error"))
    return given.group_by("patient").agg(pl.col("time").min().alias("exposed")).sort("patient")


def _sequenced(frame: pl.DataFrame, domain: str, arms: Arms) -> pl.DataFrame:
    """STUDYID, DOMAIN, USUBJID and --SEQ before what the domain says."""
    head = [pl.lit(arms.study).alias("STUDYID"), pl.lit(domain).alias("DOMAIN"), pl.col("patient").alias("USUBJID")]
    if domain != "DM":
        head.append(pl.int_range(1, pl.len() + 1).over("patient").cast(pl.Float64).alias(f"{domain}SEQ"))
    return frame.select(*head, pl.exclude("patient"))
