"""The checks of rule scales: what an atom says, all states at once, and that the proofs see what they should."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice, product

import pytest
from tests.lib.rule_tables import knowledge_of

from cytowatch.knowledge import Knowledge, lint, load
from cytowatch.knowledge.lint import rule_proof
from cytowatch.knowledge.lint.logic import Age, Drugs
from cytowatch.knowledge.lint.quantities import plausible_range
from cytowatch.knowledge.lint.rule_logic import EVERY, OFF, UNDECIDED, UNKNOWN, Doses, Limits, RuleLogic, Sample
from cytowatch.knowledge.lint.rule_names import flag_names, missing_names
from cytowatch.knowledge.lint.rule_reach import components
from cytowatch.knowledge.lint.rule_space import Field, Product, field_of
from cytowatch.knowledge.lint.rule_study import DRAWN, MOST, is_small, products, sample, taken_back
from cytowatch.knowledge.lint.rule_tree import Atom
from cytowatch.knowledge.lint.rule_values import axes
from cytowatch.knowledge.lint.rule_witness import witness
from cytowatch.knowledge.model import (
    AgeYears,
    All,
    AnyMeasured,
    AnyOf,
    Compare,
    Count,
    DaysSinceExposure,
    Estimated,
    ExceptKnown,
    Given,
    In,
    Node,
    Not,
    Possible,
    QuantityCompare,
    Relative,
    Running,
)

TWO = (("epinephrine", "norepinephrine"), ("vasopressin",))
PRESSORS, VASOPRESSIN = "epinephrine+norepinephrine", "vasopressin"
LIMITS, ALT = {"alt limits": Limits(20.0, 40.0)}, Relative("alt", ">", "uln", 3.0, 2.0, ">=")


@pytest.fixture(scope="module")
def tables() -> Knowledge:
    """The package's own tables."""
    return load()


@pytest.fixture(scope="module")
def small() -> Knowledge:
    """The small rule scales."""
    return knowledge_of()


# ---------------------------------------------------------------- what an atom says, by the rule-scales page

CREATININE = Compare("creatinine", ">=", 0.3, "mg/dL", plus="lowest", lookback_hours=48.0)
SAID: list[tuple[Atom, dict[str, Sample], object]] = [
    (Compare("alt", ">", 100.0, "U/L"), {"alt": 100.0}, False),
    (Compare("alt", ">", 100.0, "U/L"), {"alt": 100.0000000005}, True),
    (Compare("alt", ">", 100.0, "U/L"), {"alt": UNKNOWN}, UNKNOWN),
    (Compare("alt", ">", 100.0, "U/L"), {"alt": UNDECIDED}, UNDECIDED),
    (Compare("alt", ">", 3.0, times="uln"), {"alt": 121.0} | LIMITS, True),
    # a computed cut-off has a tolerance of a billionth, a plain one has none
    (Compare("alt", ">", 3.0, times="uln"), {"alt": 120.00000005} | LIMITS, False),
    (Compare("alt", ">=", 3.0, times="uln"), {"alt": 119.99999995} | LIMITS, True),
    (Compare("alt", "<", 3.0, times="uln"), {"alt": 119.99999995} | LIMITS, False),
    (Compare("alt", "<=", 3.0, times="uln"), {"alt": 120.00000005} | LIMITS, True),
    (Compare("alt", "==", 3.0, times="uln"), {"alt": 120.00000005} | LIMITS, True),
    (Compare("alt", ">", 3.0, times="uln"), {"alt": 121.0, "alt limits": UNKNOWN}, UNDECIDED),
    (Compare("alt", "<", 1.0, times="lln"), {"alt": 19.0} | LIMITS, True),
    (Compare("alt", ">", 2.0, times="baseline"), {"alt": 61.0, "alt baseline": 30.0}, True),
    (Compare("alt", ">", 2.0, times="baseline"), {"alt": 61.0, "alt baseline": UNKNOWN}, UNDECIDED),
    (Compare("alt", ">", 1.0, times="uln", of_baseline=True), {"alt": 10.0, "alt baseline": 50.0} | LIMITS, True),
    (Compare("alt", ">", 1.0, times="uln", of_baseline=True), {"alt": UNKNOWN, "alt baseline": 50.0} | LIMITS, UNKNOWN),
    (Compare("alt", ">", 100.0, "U/L", over_hours=24.0), {"alt over 24 h": 101.0}, True),
    (CREATININE, {"creatinine": 1.3, "creatinine lowest 48 h": 1.0}, True),
    (CREATININE, {"creatinine": 1.2, "creatinine lowest 48 h": 1.0}, False),
    (CREATININE, {"creatinine": 1.2, "creatinine lowest 48 h": UNKNOWN}, UNDECIDED),
    (Compare("systolic_bp", "<", threshold="hypotension_sbp"), {"systolic_bp": 85.0, "age": Age(3000, 8)}, True),
    (Compare("systolic_bp", "<", threshold="hypotension_sbp"), {"systolic_bp": 75.0, "age": UNKNOWN}, UNDECIDED),
    (Compare("mean_arterial_pressure", "<", threshold="hypotension_map"),
     {"mean_arterial_pressure": 50.0, "age": Age(3000, 8)}, UNKNOWN),
    # normal baseline: 3 x ULN; abnormal: 2 x baseline; unknown: true never, false only where both are
    (ALT, {"alt": 121.0, "alt baseline": 40.0} | LIMITS, True),
    (ALT, {"alt": 120.0, "alt baseline": 40.0} | LIMITS, False),
    (ALT, {"alt": 120.0, "alt baseline": 60.0} | LIMITS, True),
    (ALT, {"alt": 119.0, "alt baseline": 60.0} | LIMITS, False),
    (ALT, {"alt": 1000.0, "alt baseline": UNKNOWN} | LIMITS, UNDECIDED),
    (ALT, {"alt": 80.0, "alt baseline": UNKNOWN} | LIMITS, UNDECIDED),
    (ALT, {"alt": 79.0, "alt baseline": UNKNOWN} | LIMITS, False),
    (ALT, {"alt": 79.0, "alt baseline": 60.0, "alt limits": UNKNOWN}, UNDECIDED),
    (QuantityCompare("pao2_fio2", "<", 300.0), {"pao2_fio2": 299.0}, True),
    (QuantityCompare("pao2_fio2", "<", 300.0), {"pao2_fio2": UNKNOWN}, UNDECIDED),
    (Estimated("inspired_oxygen"), {"inspired_oxygen estimated": True}, True),
    (In("oxygen_device", ("cpap",)), {"oxygen_device": "cpap"}, True),
    (In("oxygen_device", ("cpap",)), {"oxygen_device": "other"}, UNDECIDED),
    (In("oxygen_device", ("cpap",)), {"oxygen_device": OFF}, False),
    (In("oxygen_device", ("cpap",)), {"oxygen_device": UNKNOWN}, UNKNOWN),
    (In("symptom", ("chills",)), {"symptom": OFF}, False),
    (In("symptom", ("chills",)), {"symptom": EVERY}, True),
    (Running(("epinephrine", "norepinephrine"), 2), {PRESSORS: Drugs(1, 1)}, UNDECIDED),
    (Running(("epinephrine", "norepinephrine", "vasopressin"), 2),
     {PRESSORS: Drugs(1, 0), VASOPRESSIN: Drugs(1, 0)}, True),
    (Given(("fluid_bolus",), 2, 24.0), {"fluid_bolus within 24 h": Doses(2, is_recorded=False)}, True),
    (Given(("fluid_bolus",), 2, 24.0), {"fluid_bolus within 24 h": Doses(1, is_recorded=False)}, UNDECIDED),
    (Given(("fluid_bolus",), 2, 24.0), {"fluid_bolus within 24 h": Doses(1, is_recorded=True)}, False),
    (DaysSinceExposure(0.0, 31.0), {"days since exposure": 31.0}, False),
    (DaysSinceExposure(0.0, 31.0), {"days since exposure": OFF}, False),
    (AgeYears(1.0, 18.0), {"age": Age(400, 1)}, True),
    (AgeYears(1.0, 18.0), {"age": UNKNOWN}, UNKNOWN),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(SAID)))
def test_an_atom_says_what_the_page_says(tables: Knowledge, number: int) -> None:
    atom, state, said = SAID[number]
    logic = RuleLogic(tables.thresholds, frozenset({"oxygen_device"}), TWO)
    assert logic.verdict(atom, state) is said


# ---------------------------------------------------------------- all states at once

WARM = Compare("body_temperature", ">=", 38.0, "Cel")
FAST = Compare("heart_rate", ">", 90.0, "/min")
LOW = Compare("systolic_bp", "<", 90.0, "mm[Hg]")
ASLEEP = In("consciousness", ("to_touch", "unarousable"))
TREES: list[Node] = [
    WARM,
    All((WARM, FAST)),
    AnyOf((WARM, Not(FAST), ASLEEP)),
    Count((WARM, FAST, LOW, ASLEEP), 2),
    AnyMeasured((WARM, FAST)),
    All((Possible(WARM), ExceptKnown(FAST))),
    AnyOf((Not(Count((WARM, FAST, LOW), 3)), ExceptKnown(AnyOf((WARM, Possible(LOW)))))),
]


def plain(node: Node, of: Field, state: tuple[int, ...]) -> tuple[bool, bool]:
    """One condition in one state, part by part: what the sets of states must agree with."""
    match node:
        case All() | AnyOf() | Count():
            parts = [plain(part, of, state) for part in node.of]
            least = {All: len(parts), AnyOf: 1}.get(type(node), getattr(node, "at_least", 0))
            return sum(sure for sure, _ in parts) >= least, sum(open_ for _, open_ in parts) >= least
        case Not():
            sure, open_ = plain(node.of, of, state)
            return not open_, not sure
        case Possible():
            return False, plain(node.of, of, state)[1]
        case ExceptKnown():
            known = plain(node.of, of, state)[0]
            return not known, not known
        case AnyMeasured():
            said = [verdict(part, of, state) for part in node.of]
            measured = [part for part in said if part is not UNKNOWN]
            return True in said, True in said or UNDECIDED in said or not measured
        case _:
            found = verdict(node, of, state)
            return found is True, found is not False


def verdict(atom: Atom, of: Field, state: tuple[int, ...]) -> object:
    """What an atom says in one state."""
    places, table = of.tables[atom]
    return table[tuple(state[place] for place in places)]


@pytest.mark.parametrize("number", range(len(TREES)))
def test_a_set_of_states_agrees_with_every_single_state(tables: Knowledge, number: int) -> None:
    node = TREES[number]
    space = Product(field_of((node,), tables))
    bits = space.truth(node)
    states = list(product(*(range(len(axis.values)) for axis in reversed(space.field.axes))))
    assert len(states) == space.size
    for place, backwards in enumerate(states):
        state = backwards[::-1]
        assert (bool(bits.sure >> place & 1), bool(bits.open >> place & 1)) == plain(node, space.field, state)


def test_a_drawn_state_agrees_with_the_single_state(tables: Knowledge) -> None:
    node, of = many(tables)
    drawn = sample(of)
    assert drawn is not None
    for space in drawn:
        bits = space.truth(node)
        for place in range(0, DRAWN, 101):
            state = space.first(1 << place)
            assert (bool(bits.sure >> place & 1), bool(bits.open >> place & 1)) == plain(node, of, state)


def test_values_stand_on_both_sides_of_a_cut_off_and_needless_ones_are_left_out(tables: Knowledge) -> None:
    axis = field_of((AnyOf((WARM, Compare("body_temperature", ">", 39.0, "Cel"))),), tables).axes[0]
    numbers = [value for value in axis.values if isinstance(value, float)]
    assert len(numbers) == 3
    assert numbers[0] < 38.0 <= numbers[1] <= 39.0 < numbers[2]
    assert {UNKNOWN, UNDECIDED} < set(axis.values)


def test_limits_of_normal_leave_room_for_plain_cut_offs(tables: Knowledge) -> None:
    graded = [Compare("platelets", "<", 1.0, times="lln"), Compare("platelets", "<", 75.0, "10*9/L")]
    limits = next(axis for axis in field_of(graded, tables).axes if axis.name == "platelets limits").values[1]
    assert isinstance(limits, Limits)
    assert limits.lln > 75.0


# ---------------------------------------------------------------- where there are too many states


def many(tables: Knowledge) -> tuple[Node, Field]:
    """A condition that is met by one state among very many."""
    keys = ("alt", "ast", "creatinine", "bilirubin", "ldh", "ferritin", "albumin", "platelets", "inr", "lactate")
    parts = [
        Compare(key, ">", value, tables.concepts[key].units[0])
        for key in keys
        for value in (0.6 * tables.concepts[key].plausible[tables.concepts[key].units[0]][1],)
    ]
    node = All(tuple(parts))
    return node, field_of((node,), tables)


def test_too_many_states_are_tried_in_pairs_and_drawn_always_the_same(tables: Knowledge) -> None:
    node, of = many(tables)
    assert not is_small(of)
    assert len(list(products(of))) == 45
    assert all(space.size <= MOST for space in products(of))
    first, again = sample(of), sample(of)
    assert first is not None
    assert again is not None
    assert [space.truth(node) for space in first] == [space.truth(node) for space in again]
    assert first[0].size == DRAWN


def test_a_rare_state_is_found_by_looking_for_it(tables: Knowledge) -> None:
    node, of = many(tables)
    drawn = sample(of)
    assert drawn is not None
    found = witness([(node, True)], of)
    assert found is not None
    assert plain(node, of, found) == (True, True)
    assert witness([(node, True), (Not(node), True)], of) is None


@pytest.mark.parametrize("number", range(1, len(TREES)))
def test_what_is_looked_for_is_found_if_it_is_there(tables: Knowledge, number: int) -> None:
    node = TREES[number]
    of = field_of((node,), tables)
    bits = Product(of).truth(node)
    for want, there in ((True, bits.sure), (False, Product(of).full & ~bits.open)):
        found = witness([(node, want)], of)
        assert (found is not None) == bool(there)
        assert found is None or plain(node, of, found) == (want, want)


# ---------------------------------------------------------------- learning more


def learned(atoms: tuple[Atom, ...], tables: Knowledge) -> set[tuple[str, str]]:
    """Which value of the one thing that is read may turn out to be which."""
    (axis,) = axes(atoms, (("epinephrine", "norepinephrine"),), tables)
    return {(str(axis.values[old]), str(axis.values[new])) for old, later in axis.may_be.items() for new in later}


def test_what_may_be_learned_of_drugs_doses_and_devices(tables: Knowledge) -> None:
    drugs = learned((Running(("norepinephrine", "epinephrine"), 2),), tables)
    assert {new for old, new in drugs if old == "1 on, 1 unknown"} == {"1 on", "2 on"}
    doses = learned((Given(("fluid_bolus",), 2, 24.0),), tables)
    assert {new for old, new in doses if old == "1 given, not recorded"} == {"1 given", "2 given"}
    device = {new for old, new in learned((In("oxygen_device", ("cpap",)),), tables) if old == "other"}
    assert {"cpap", "nasal_cannula"} <= device
    assert not {"room_air", str(OFF), "other"} & device


def test_unknown_drugs_lead_to_known_ones_also_where_values_were_left_out(tables: Knowledge) -> None:
    axis = field_of((Running(("norepinephrine", "epinephrine"), 2),), tables).axes[0]
    assert all(later for later in axis.may_be.values())
    assert len(axis.known) == 2


def test_what_was_said_is_not_taken_back_but_for_what_was_taken_for_granted(tables: Knowledge) -> None:
    for node in TREES:
        assert taken_back(node, Product(field_of((node,), tables))) is None
    # a word that is certain while something is unknown would be a fault; none can be written with this vocabulary
    backwards = Backwards(tables)
    assert taken_back(WARM, backwards) is not None


class Backwards(Product):
    """A space in which the atom is certain where nothing is known, and excluded where it is."""

    def __init__(self, tables: Knowledge) -> None:
        super().__init__(field_of((WARM,), tables))

    def truth(self, node: Node) -> object:  # type: ignore[override]
        bits = super().truth(node)
        unknown = self.full & ~self.settled()
        return type(bits)(unknown, unknown)


# ---------------------------------------------------------------- names, groups, quantities, and the shipped tables


def test_the_names_that_can_be_missing_follow_from_the_conditions(small: Knowledge) -> None:
    assert missing_names(small.scales["shock.test"], small) == (
        "no_trigger", "fluid_bolus", "systolic_bp", "age", "mean_arterial_pressure", "vasopressor_state",
        "norepinephrine", "oxygen_device", "fio2", "consciousness", "gcs_total", "creatinine", "creatinine_baseline",
        "attribution_hypoxia", "sedated", "death_cause",
    )  # fmt: skip
    assert missing_names(small.scales["organ.test.platelets"], small) == (
        "platelets", "platelets_range", "clinical_judgement",
    )  # fmt: skip
    assert flag_names(small.scales["shock.test"]) == (
        "estimated", "no_trigger", "assumed_trigger", "attributed_elsewhere",
    )  # fmt: skip
    assert flag_names(small.scales["organ.test.platelets"]) == ("recalled_criteria",)


def test_the_flag_of_another_cause_is_written_by_scales_whose_signs_can_have_one(tables: Knowledge) -> None:
    found = {name for name, scale in tables.scales.items() if "attributed_elsewhere" in flag_names(scale)}
    assert {"crs.lee-2014", "crs.china-bnhl-2023"} <= found
    assert not found & {"tls.cairo-bishop", "organ.ctcae-5.0.anemia"}
    assert not [str(one) for one in lint(tables) if "attributed_elsewhere" in str(one)]


def test_criteria_that_share_nothing_are_looked_at_apart(small: Knowledge) -> None:
    pressure = [part for part in small.scales["shock.test"].criteria if part.domain == "pressure"]
    names = [[part.id for part in group] for group in components(pressure)]
    assert names == [["two_boluses"], ["low_pressure"], ["vasopressor"], ["high_dose"]]
    assert [len(group) for group in components(small.scales["organ.test.alt"].criteria)] == [4]


def test_the_range_of_a_quantity_follows_from_its_terms(tables: Knowledge) -> None:
    assert plausible_range("norepinephrine_rate", tables) == (0.0, 500.0)
    low, high = plausible_range("pao2_fio2", tables)
    assert (low, round(high)) == (10.0, 3333)


def test_a_scale_is_proved_once(small: Knowledge, monkeypatch: pytest.MonkeyPatch) -> None:
    before = lint(small)

    def proved_again(*_: object) -> None:
        pytest.fail("it was proved again")

    monkeypatch.setattr(rule_proof, "field_of", proved_again)
    assert lint(small) == before
    renamed = replace(small.scales["points.test"], revision=2)
    with pytest.raises(pytest.fail.Exception):
        lint(replace(small, scales={**small.scales, renamed.id: renamed}))


def test_every_condition_of_the_shipped_scales_can_be_met_and_missed(tables: Knowledge) -> None:
    """The proofs say so; here it is seen for the first criteria of each scale by looking for a state."""
    for scale in tables.scales.values():
        for part in islice(scale.criteria, 2) if scale.method == "rules" else ():
            of = field_of((part.when,), tables)
            assert witness([(part.when, False)], of) is not None, (scale.id, part.id)


def test_a_state_is_shown_in_words(tables: Knowledge) -> None:
    of = field_of((Relative("alt", ">", "uln", 3.0, 3.0, ">"),), tables)
    shown: Mapping[str, str] = dict(part.split(" ", 1) for part in of.shown(of.neutral).split(", alt ")[1:])
    assert set(shown) == {"baseline", "limits"}
