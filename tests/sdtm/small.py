"""Small studies written as files, and what the door makes of them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import polars as pl

from cytowatch.adapters.intake import Intake
from cytowatch.adapters.sdtm import read_sdtm
from cytowatch.adapters.vocabulary import Code, Vocabulary
from cytowatch.knowledge import load

Row = Mapping[str, object]
KNOWLEDGE = load()
T0 = "2024-03-01T08:00"
TRIGGER = {"EXTRT": "KYMRIAH", "EXSTDTC": T0}
SHARED = Path(__file__).parents[3] / "shared" / "data" / "cdisc"


def vital(**more: object) -> dict[str, object]:
    return {"VSTESTCD": "TEMP", "VSSTRESC": "38.5", "VSSTRESN": "38.5", "VSSTRESU": "C", "VSDTC": T0, **more}


def lab(**more: object) -> dict[str, object]:
    return {"LBTESTCD": "CRP", "LBSTRESC": "12", "LBSTRESN": "12", "LBSTRESU": "mg/L", "LBDTC": T0, **more}


def drug(name: str, start: str, end: str = "", **more: object) -> dict[str, object]:
    return {"CMTRT": name, "CMSTDTC": start, "CMENDTC": end, "CMDOSE": "", "CMDOSU": "", "CMDOSFRQ": "", **more}


def event(**more: object) -> dict[str, object]:
    return {"AESEQ": "1", "AEDECOD": "Cytokine release syndrome", "AESTDTC": T0, "AETOXGR": "", **more}


def us(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1e6)


def write(folder: Path, **domains: Sequence[Row]) -> Path:
    """Writes each domain as CSV; USUBJID is `a` unless a row says another."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in domains.items():
        given = [{"STUDYID": "S1", "DOMAIN": name.upper(), "USUBJID": "a", **row} for row in rows]
        if name.startswith("supp"):
            given = [{key: value for key, value in row.items() if key != "DOMAIN"} for row in given]
        pl.DataFrame(given, infer_schema_length=None).write_csv(folder / f"{name}.csv")
    return folder


def read(folder: Path, zone: str | None = "UTC", codes: Sequence[Code] = ()) -> Intake:
    """The folder through the door."""
    return read_sdtm([folder], KNOWLEDGE, Vocabulary(KNOWLEDGE, codes), zone=zone)


def fates(intake: Intake, file: str | None = None) -> dict[str, int]:
    """How many rows ended how."""
    ledger = intake.ledger if file is None else intake.ledger.filter(pl.col("file") == file)
    return dict(ledger.group_by("fate").agg(pl.col("rows").sum()).filter(pl.col("rows") > 0).sort("fate").rows())


def stated(intake: Intake, *columns: str) -> list[tuple[object, ...]]:
    """The admitted facts, by time and concept."""
    return intake.observations.sort("time", "concept", "row").select(columns or ("concept", "value", "text")).rows()


def rules(intake: Intake) -> list[str]:
    """The rules that refused something, in order of the rows."""
    return intake.rejects["rule"].to_list()


def adds_up(intake: Intake) -> bool:
    """Every row of every file stands once in the ledger."""
    counted = dict(intake.ledger.group_by("file").agg(pl.col("rows").sum()).rows())
    return all(counted.get(name, 0) == rows for name, _, rows in intake.files)


def study(patients: int, seed: int) -> dict[str, list[Row]]:
    """A study with every domain that is read, dirty in the usual ways."""
    chance = random.Random(seed)  # noqa: S311  (rows, not secrets)
    days = [
        "2024-03-01",
        "2024-03",
        "2024",
        "2024-03-02T09",
        "2024-03-02T09:30",
        "2024-03-03T10:00:00",
        "2024-03-04T11:00+01:00",
        "",
        "UNK",
    ]
    out: dict[str, list[Row]] = {
        name: [] for name in ("dm", "vs", "lb", "cm", "ex", "pr", "ae", "suppae", "fa", "ce", "qs", "nv", "ds", "mh")
    }
    for number in range(patients):
        who = f"S1-{number:03}"
        when = partial(chance.choice, days)
        out["dm"].append(
            {
                "USUBJID": who,
                "RFSTDTC": "2024-03-01",
                "AGE": chance.choice([5, 50, "", 900]),
                "AGEU": chance.choice(["YEARS", "MONTHS"]),
                "SEX": "F",
                "DTHDTC": when(),
                "DTHFL": chance.choice(["", "Y"]),
                "ARM": "A",
            }
        )
        out["ex"].append(
            {
                "USUBJID": who,
                "EXTRT": chance.choice(["TISAGENLECLEUCEL", "PLACEBO", "ABC-1"]),
                "EXDOSE": "2",
                "EXDOSU": chance.choice(["10^6 CELLS", "VIAL"]),
                "EXSTDTC": "2024-03-01T08:00",
            }
        )
        for place in range(6):
            out["vs"].append(
                {
                    "USUBJID": who,
                    "VSSEQ": place,
                    "VSTESTCD": chance.choice(["TEMP", "SYSBP", "XYZ"]),
                    "VSORRES": chance.choice(["38.5", "120", "37,9"]),
                    "VSORRESU": chance.choice(["C", "mmHg", ""]),
                    "VSSTRESC": "",
                    "VSSTAT": chance.choice(["", "", "NOT DONE"]),
                    "VSDTC": when(),
                    "VSDY": chance.choice(["", "1", "0", "-3"]),
                }
            )
            out["lb"].append(
                {
                    "USUBJID": who,
                    "LBSEQ": place,
                    "LBTESTCD": chance.choice(["CRP", "GLUC", "FERRITIN"]),
                    "LBSTRESC": chance.choice(["<0.2", "12", "POS"]),
                    "LBSTRESN": "",
                    "LBSTRESU": chance.choice(["mg/L", "ug/L", "mmol/L"]),
                    "LBSPEC": chance.choice(["", "SERUM", "URINE", "MOON"]),
                    "LBDTC": when(),
                }
            )
            out["cm"].append(
                {
                    "USUBJID": who,
                    "CMSEQ": place,
                    "CMTRT": chance.choice(["NOREPINEPHRINE", "TYLENOL", "PREDNISONE", "SOAP", "OXYGEN"]),
                    "CMDECOD": chance.choice(["", "UNCODED", "PARACETAMOL;CODEINE"]),
                    "CMDOSE": chance.choice(["0.1", "500", ""]),
                    "CMDOSU": chance.choice(["ug/kg/min", "mg", ""]),
                    "CMDOSFRQ": chance.choice(["", "QD", "ONCE"]),
                    "CMROUTE": chance.choice(["", "ORAL", "TOPICAL"]),
                    "CMSTDTC": when(),
                    "CMENDTC": when(),
                    "CMENRTPT": chance.choice(["", "ONGOING"]),
                    "CMOCCUR": chance.choice(["", "Y", "N"]),
                }
            )
        out["pr"].append(
            {
                "USUBJID": who,
                "PRTRT": chance.choice(["NASAL CANNULA", "MECHANICAL VENTILATION", "BIOPSY"]),
                "PRSTDTC": when(),
                "PRENDTC": when(),
            }
        )
        out["ae"].append(
            {
                "USUBJID": who,
                "AESEQ": 1,
                "AEDECOD": chance.choice(["Cytokine release syndrome", "Seizure", "Rash", "Somnolence"]),
                "AETOXGR": chance.choice(["2", "GRADE 3", ""]),
                "AESTDTC": when(),
                "AEENDTC": when(),
                "AEOUT": chance.choice(["", "FATAL"]),
            }
        )
        out["suppae"].append(
            {
                "USUBJID": who,
                "RDOMAIN": "AE",
                "IDVAR": "AESEQ",
                "IDVARVAL": chance.choice(["1", "7"]),
                "QNAM": chance.choice(["ASTCTGR", "OTHER"]),
                "QLABEL": "x",
                "QVAL": chance.choice(["2", "9", "x"]),
            }
        )
        out["fa"].append(
            {
                "USUBJID": who,
                "FATESTCD": chance.choice(["ASTCTGR", "OCCUR", "SIZE"]),
                "FATEST": "x",
                "FAOBJ": chance.choice(["CYTOKINE RELEASE SYNDROME", "SEIZURE"]),
                "FASTRESC": chance.choice(["2", "Y", "N"]),
                "FADTC": when(),
            }
        )
        out["ce"].append(
            {
                "USUBJID": who,
                "CETERM": chance.choice(["SEIZURE", "CHILLS"]),
                "CEOCCUR": chance.choice(["Y", "N"]),
                "CESTDTC": when(),
            }
        )
        out["qs"].append(
            {
                "USUBJID": who,
                "QSTESTCD": "ICETOT",
                "QSTEST": "ICE score",
                "QSSTRESN": chance.choice(["10", "3", "40"]),
                "QSDTC": when(),
            }
        )
        out["nv"].append(
            {
                "USUBJID": who,
                "NVTESTCD": "LOC",
                "NVTEST": "Level of consciousness",
                "NVSTRESC": chance.choice(["awake", "to voice", "odd"]),
                "NVDTC": when(),
            }
        )
        out["ds"].append(
            {
                "USUBJID": who,
                "DSDECOD": chance.choice(["COMPLETED", "DEATH"]),
                "DSTERM": chance.choice(["", "progression"]),
                "DSSTDTC": when(),
            }
        )
        out["mh"].append({"USUBJID": who, "MHTERM": "x"})
    return out
