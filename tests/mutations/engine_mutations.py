"""The fast engine made wrong on purpose, one small edit each.

An edit is (module, what stands there, what instead), in the form that ``ast.unparse`` gives the module's text, so
that line breaks and comments do not matter. Where the engine is rewritten an edit may find nothing: that is an error,
and the mutation is to be written anew.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.mutations.mutations import CRS, ICANS

Edit = tuple[str, str, str]


@dataclass(frozen=True)
class EngineMutation:
    """One wrong engine: what is wrong, the edits, and the scale that must notice."""

    name: str
    edits: tuple[Edit, ...]
    scale: str = CRS

    def __str__(self) -> str:
        return self.name


def crs(name: str, *edits: Edit) -> EngineMutation:
    """A mutation that the cases of CRS must notice."""
    return EngineMutation(name, edits)


def icans(name: str, *edits: Edit) -> EngineMutation:
    """A mutation that the cases of ICANS must notice."""
    return EngineMutation(name, edits, ICANS)


GRADING = [
    crs(
        "pressure hides oxygen",
        ("crs", "(pl.max_horizontal('h_lo', 'o_lo'), ", "(pl.col('h_lo'), "),
    ),
    crs(
        "signs without fever are graded",
        ("crs", ".when(active).then(1).otherwise(0)", ".when(active).then(1).otherwise(worst_lo)"),
    ),
    crs(
        "graded without a trigger",
        ("phases", "pl.when('triggered').then(at_least", "pl.when(pl.lit(True)).then(at_least"),
    ),
    crs(
        "attribution is ignored",
        ("counters", "cast(pl.String) != 'crs'", "cast(pl.String) == 'nothing'"),
    ),
    crs(
        "attribution of fever is ignored",
        ("fever", "cause != 'crs'", "cause == 'nothing'"),
    ),
    crs(
        "the general attribution overrules the one of a sign",
        ("counters", "is_open('attribution|else') & ~is_open(f'{own}|own')", "is_open('attribution|else')"),
    ),
    crs(
        "an unknown device is none",
        ("compile", "Truth(on, on | doubtful | is_open('device|other'))", "Truth(on, on)"),
    ),
    crs(
        "a cannula without a flow is low flow",
        (
            "compile",
            "Truth(is_open(f'{name}|true'), ~is_open(f'{name}|false'))",
            "Truth(is_open(f'{name}|true'), is_open(f'{name}|true'))",
        ),
    ),
    crs(
        "a reason once charted excludes any amount of oxygen",
        ("crs", "is_open('reason|chronic') & (level <= at_home)", "is_open('reason|chronic')"),
    ),
    crs(
        "home oxygen that nobody has seen is none",
        ("crs", "at_home = first.fill_null(unknown)", "at_home = first.fill_null(0)"),
    ),
    crs(
        "home oxygen that nobody has seen is all there is",
        ("crs", "at_home = first.fill_null(unknown)", "at_home = first.fill_null(_BEYOND_LEVEL)"),
    ),
    crs(
        "a reason for the tube has no end",
        (
            "counters",
            "pl.when(chronic).then(readings(own, None)['end'])",
            "pl.when(True).then(readings(own, None)['end'])",
        ),
    ),
    crs(
        "mean pressure is used beside the patient's own limit",
        ("thresholds", "if threshold.unless:", "if False:"),
    ),
    crs(
        "a pressure that decides nothing is not missing",
        (
            "crs",
            "_any((is_open(f'{name}|gray') for name in pressures)).alias('pressure_gray')",
            "pl.lit(False).alias('pressure_gray')",
        ),
    ),
    crs(
        "a pressure that nobody measured is normal",
        ("compile", "Truth(true, true | gray | ~false)", "Truth(true, true | gray)"),
    ),
    crs(
        "a bound is read as a value",
        ("compare", "exact = bound.is_null()", "exact = bound.is_null() | True"),
    ),
    crs(
        "a death of unknown cause is one of CRS",
        ("counters", "(text == cause).cast(pl.Int8)", "((text == cause) | (text == 'unknown')).cast(pl.Int8)"),
    ),
    icans(
        "an ICE that was not done is 0",
        ("icans", "_NOT_DONE = (0, 3)", "_NOT_DONE = (3, 3)"),
    ),
    icans(
        "an ICE that was not done is 10",
        ("icans", "_NOT_DONE = (0, 3)", "_NOT_DONE = (0, 0)"),
    ),
    icans(
        "a missing ICE item has no points",
        ("icans", "/ POINT + whole", "/ POINT + pl.col('items|max') / POINT"),
    ),
    icans(
        "what was lost of ICE before is ignored",
        ("icans", "lost > 0", "lost < 0"),
    ),
    icans(
        "what was lost of ICE before is subtracted for certain",
        ("icans", "otherwise(severe)", "otherwise(since)"),
    ),
    icans(
        "a score that is not below the one before is a deficit",
        ("icans", "pl.when(low >= before)", "pl.when(low > before)"),
    ),
    icans(
        "whose deficit it is does not matter",
        ("icans", "pl.when(~said)", "pl.when(pl.lit(True))"),
    ),
    icans(
        "nobody is taken as awake",
        ("icans", "(pl.col('instrument_in') & silent & ", "(pl.lit(False) & "),
    ),
    icans(
        "developmental delay is ignored",
        ("icans", "child = delay | ", "child = "),
    ),
    icans(
        "a seizure that ran out is over",
        ("icans", ".when(absent & ~present).then(0).otherwise(_WORST)", ".when(~present).then(0).otherwise(_WORST)"),
    ),
    icans(
        "a seizure told as a symptom is not heard",
        (
            "icans",
            "absent = is_open(f'{name}|clear') & ~is_open(f'{domain.concept}|said')",
            "absent = is_open(f'{name}|clear')",
        ),
    ),
    icans(
        "sleepiness told is not heard where nobody charted consciousness",
        (
            "icans",
            "silent = ~is_open('consciousness|in') & ~is_open('consciousness|said')",
            "silent = ~is_open('consciousness|in')",
        ),
    ),
    icans(
        "sleepiness told is not heard after an awake",
        ("icans", "charted & (grade == 0) & ~is_open('consciousness|said')", "charted & (grade == 0)"),
    ),
    icans(
        "nothing answers a symptom",
        (
            "neuro_counters",
            "return said.filter(pl.col('end') > pl.col('start'))",
            "return both",
        ),
    ),
    icans(
        "a finding that could not be read is not heard",
        ("neuro_counters", "enumerate((told, unread))", "enumerate((told, unread.clear()))"),
    ),
    icans(
        "whoever withdraws a finding leaves the doubt",
        ("settle", "['patient', 'about', 'time'], doubtful | unread", "['patient', 'about', 'time'], doubtful"),
    ),
    icans(
        "whoever withdraws a finding by its source leaves the doubt",
        ("settle", "(['patient', 'about', 'source'], unread)", "(['patient', 'about', 'source'], doubtful)"),
    ),
    icans(
        "an event that could not be read is no worse than the one before",
        ("icans", "stands = present & ~is_open(f'{domain.concept}|unread')", "stands = present"),
    ),
    icans(
        "a consciousness that could not be read is no worse than the one before",
        (
            "icans",
            "stands = charted & (grade > 0) & ~is_open('consciousness|unread')",
            "stands = charted & (grade > 0)",
        ),
    ),
    icans(
        "only a later row answers a symptom",
        ("neuro_counters", "answers, at_same_time=True)", "answers)"),
    ),
    icans(
        "a row that leaves a finding open answers itself",
        (
            "neuro_counters",
            "(both.join(own, on=keys, how='semi', maintain_order='left'), answers)",
            "(both.join(own, on=keys, how='semi', maintain_order='left'), answers, at_same_time=True)",
        ),
    ),
    icans(
        "a symptom speaks for a day, whatever its end",
        ("neuro_counters", "given.otherwise(pl.col('time') + valid)", "(pl.col('time') + valid)"),
    ),
    icans(
        "attribution of the brain is ignored",
        ("icans", "attributed(named['ice']).alias('elsewhere')", "pl.lit(False).alias('elsewhere')"),
    ),
    icans(
        "a score taken under sedation speaks after it",
        ("neuro_counters", "return found.filter(awake)", "return found"),
    ),
    icans(
        "sedation hides nothing",
        ("icans", "is_open('sedated|on').alias('sedated')", "pl.lit(False).alias('sedated')"),
    ),
]

TIME = [
    crs(
        "vasopressors one after another are multiple",
        (
            "counters",
            "on = merge_runs(spoken.with_columns(",
            "on = merge_runs(spoken.with_columns(pl.when('on').then(FOREVER).otherwise('end').alias('end'), ",
        ),
    ),
    crs(
        "a rate of 0 is on",
        ("counters", "(no_rate | verdict.true).alias('on')", "(no_rate | verdict.true | True).alias('on')"),
    ),
    crs(
        "an infusion that nobody stops is off after a day",
        ("intervals", "pl.when(~given & (pl.col('next') > limit)).then(limit)", "pl.when(False).then(limit)"),
    ),
    crs(
        "a given end is ignored",
        ("intervals", "pl.when(given).then(_given_end()).otherwise", "pl.when(False).then(_given_end()).otherwise"),
    ),
    crs(
        "a rate of 0 leaves a given end standing",
        (
            "counters",
            "lasting(own, knowledge.concepts[drug].valid_for_us or 0, ~no_rate & verdict.false)",
            "lasting(own, knowledge.concepts[drug].valid_for_us or 0, pl.lit(False))",
        ),
    ),
    crs(
        "another device leaves a given end standing",
        (
            "counters",
            "lasting(own, knowledge.concepts[DEVICE].valid_for_us or 0, pl.lit(value=True))",
            "lasting(own, knowledge.concepts[DEVICE].valid_for_us or 0, pl.lit(value=False))",
        ),
    ),
    crs(
        "a rate of 0 with an end of its own stops the others",
        ("intervals", "rows.filter(stops & pl.col('until').is_null())", "rows.filter(stops)"),
    ),
    crs(
        "intervals hold their ends",
        ("grid", "frame['end'].clip(", "(frame['end'] + 1).clip("),
    ),
    crs(
        "room air is a device",
        ("counters", "_OFF_DEVICES = ('room_air',)", "_OFF_DEVICES = ('nothing',)"),
    ),
    crs(
        "an episode ends without measurements",
        ("crs", "free = pl.col('cool') &", "free = ~pl.col('fever') &"),
    ),
    crs(
        "a temperature that may have been a fever is forgotten with the next one",
        ("crs", "is_open('fever|false') & ~is_open('fever|maybe')", "is_open('fever|false')"),
    ),
    crs(
        "an episode never ends",
        ("phases", "_quiet_until_here(free, last_sign, gap)) & ~_DEAD", "pl.lit(False)) & pl.lit(False)"),
    ),
    crs(
        "what carries on an episode that may have begun is forgotten",
        ("crs", "(_UNKNOWN_FEVER | pl.col('perhaps')).cast", "_UNKNOWN_FEVER.cast"),
    ),
    crs(
        "a sign after exactly 24 h belongs to the old episode",
        ("phases", "pl.col('start') - last_sign.shift(1) >= gap", "pl.col('start') - last_sign.shift(1) > gap"),
    ),
    crs(
        "a dose before onset waives",
        ("episodes", "strategy='forward'", "strategy='nearest'"),
    ),
    crs(
        "windows are not joined",
        ("subjects", "(pl.col('time') + pl.col('window')).cum_max()", "pl.col('time').cum_max()"),
    ),
    crs(
        "a death of another cause ends nothing",
        ("subjects", "pl.min_horizontal('end', 'death')", "pl.col('end')"),
    ),
    crs(
        "an episode goes on after death",
        ("episodes", "pl.lit('died')", "pl.lit('ongoing')"),
    ),
    crs(
        "signs go on after death",
        ("episodes", "pl.min_horizontal('signs_end', 'death')", "pl.col('signs_end')"),
    ),
    crs(
        "as_of is ignored",
        ("settle", "if as_of is not None:", "if False:"),
        ("subjects", "FOREVER if as_of is None else as_of", "FOREVER"),
    ),
    crs(
        "as_of forgets when a row became known",
        ("settle", "(pl.col('available') <= as_of)", "(pl.col('available') > 0)"),
    ),
]

ROWS = [
    crs(
        "rows entered in error stay",
        (
            "settle",
            "return (kept, pl.concat(lost))",
            "return (rows.filter(~wrong), pl.concat(lost))",
        ),
    ),
    crs(
        "a doubt stays when its row is taken back",
        ("settle", "kept = kept.filter(~gone)", "kept = kept"),
    ),
    crs(
        "what could not be read loses to what could",
        ("settle", "fact.append('in_doubt')", "fact.append('patient')"),
    ),
    crs(
        "a dose in doubt is not told",
        ("episodes", "doses = may_be_given(", "doses = given("),
    ),
    crs(
        "a row is taken back by its source only",
        (
            "settle",
            "(['patient', 'concept', 'source'], ['patient', 'concept', 'time', 'value', 'text'])",
            "(['patient', 'concept', 'source'],)",
        ),
    ),
    crs(
        "an error takes back every row of its time",
        ("settle", "['patient', 'concept', 'time', 'value', 'text']", "['patient', 'concept', 'time']"),
    ),
    crs(
        "an amended row does not win",
        ("settle", "'amended': 2", "'amended': -1"),
    ),
    crs(
        "a dose without an amount loses against one of 0",
        ("settle", "amount.is_null() | (amount > 0)", "amount > 0"),
    ),
    crs(
        "of two readings the better stands",
        ("settle", "concept.worse == 'low'", "concept.worse != 'low'"),
    ),
    crs(
        "the evidence is the next row",
        ("trace", "right_on='began', by='subject'", "right_on='began', by='subject', strategy='forward'"),
    ),
    crs(
        "the evidence of fever is any temperature",
        ("grade_crs", "fevers.filter(pl.col('fever|true') == 1), 'fever'", "fevers, 'fever'"),
    ),
    crs(
        "steroid doses are counted, not steroid days",
        ("episodes", "day.n_unique()", "(day.len() * 2)"),
    ),
    crs(
        "days are counted from the next dose",
        (
            "episodes",
            "left_on='onset', right_on='exposure_time'",
            "strategy='forward', left_on='onset', right_on='exposure_time'",
        ),
    ),
]
ALL = [*GRADING, *TIME, *ROWS]
