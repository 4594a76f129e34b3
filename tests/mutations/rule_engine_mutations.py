"""The engine of the rule scales made wrong on purpose, one small edit each; see ``engine_mutations`` for the form.

Each names a scale whose worked patients must notice; the smaller scale where several would.
"""

from __future__ import annotations

from tests.mutations.engine_mutations import EngineMutation


def wrong(scale: str, name: str, module: str, before: str, after: str) -> EngineMutation:
    """One edit in a module of ``engine/rules``."""
    return EngineMutation(name, ((f"rules.{module}", before, after),), scale)


CARHLH, CRES, DIC, EARLY, HLH = "carhlh.neelapu-2018", "cres.cartox-2018", "dic.isth", "icaht.early-2023", "hlh.2004"
IEC_HS, LATE, MEWS, NEWS2, PLATELETS, SOFA = (
    "iechs.hines-2023",
    "icaht.late-2023",
    "mews",
    "news2",
    "icaht.platelet",
    "sofa",
)
AKI, PSOFA, TLS = "aki.kdigo", "psofa", "tls.cairo-bishop"
CHINA, CTCAE, LEE, MSKCC, PENN = (
    "crs.china-bnhl-2023",
    "crs.ctcae-5.0",
    "crs.lee-2014",
    "crs.mskcc-2018",
    "crs.penn-2018",
)

CONDITIONS = [
    wrong(
        LEE,
        "not: what is open is taken for absent",
        "compile",
        "return Truth(~inner.possible, ~inner.certain)",
        "return Truth(~inner.certain, ~inner.possible)",
    ),
    wrong(
        IEC_HS,
        "possible: what may be is",
        "compile",
        "return Truth(NO, inner.possible)",
        "return Truth(inner.possible, inner.possible)",
    ),
    wrong(
        CRES,
        "except_known: what is open is known",
        "compile",
        "known = self._silently(part, named=False).certain",
        "known = self._silently(part, named=False).possible",
    ),
    wrong(
        NEWS2,
        "except_known: its parts are asked for",
        "compile",
        "known = self._silently(part, named=False).certain",
        "known = self._silently(part).certain",
    ),
    wrong(
        MEWS,
        "any_measured: every part must be measured",
        "compile",
        "nothing = every((one[2] for one in said))",
        "nothing = either((one[2] for one in said))",
    ),
    wrong(
        DIC,
        "any_measured: what is measured and gray is false",
        "compile",
        "return Truth(true, either([true, gray, nothing]))",
        "return Truth(true, either([true, nothing]))",
    ),
    wrong(
        AKI,
        "a settled part asks for what it reads",
        "compile",
        "within=atom.within & open_",
        "within=atom.within",
    ),
    wrong(
        LEE,
        "possible and judged: nobody has to judge",
        "compile",
        "Truth(NO, inner.certain)",
        "Truth(NO, NO)",
    ),
    wrong(
        PLATELETS,
        "a look back asks for nothing where it lacks nothing now",
        "compile",
        "nothing = ~either(lacked.values())",
        "nothing = NO",
    ),
    wrong(
        DIC,
        "a reading without its limit of normal asks for itself",
        "compile",
        "(concept, silent | ~either([by_range, by_baseline, by_age]))",
        "(concept, YES)",
    ),
]

LEAVES = [
    wrong(
        CHINA,
        "a device of unknown kind is of no kind",
        "compile",
        "either([on, doubtful, self.on('device|other')])",
        "either([on, doubtful])",
    ),
    wrong(
        NEWS2,
        "a device in doubt is off",
        "compile",
        "either([on, doubtful, self.on('device|other')])",
        "either([on, self.on('device|other')])",
    ),
    wrong(
        NEWS2,
        "a device that is not recorded is off",
        "compile",
        "doubtful = nothing_on if unknown else",
        "doubtful = NO if unknown else",
    ),
    wrong(
        CRES,
        "any event is a listed one",
        "compile",
        "true = here & self.column(pl.col(f'{name}|grade').is_in(listed))",
        "true = here",
    ),
    wrong(
        TLS,
        "an event that nobody charts is absent",
        "compile",
        "true | ~here & ~absent",
        "true",
    ),
    wrong(
        CRES,
        "an event told as a symptom is not heard",
        "compile",
        "absent = self.on(f'{name}|clear') & ~self.on(said)",
        "absent = self.on(f'{name}|clear')",
    ),
    wrong(
        PENN,
        "given: one dose more than asked for",
        "compile",
        "enough = self.column(pl.col(f'{key}|on') >= node.times)",
        "enough = self.column(pl.col(f'{key}|on') > node.times)",
    ),
    wrong(
        PENN,
        "given: a drug that is not recorded is not given",
        "compile",
        "YES if absent else enough",
        "enough",
    ),
    wrong(
        AKI,
        "an age that is not known is none",
        "compile",
        "inside | self.column(age.is_null(), 'age is not known')",
        "inside",
    ),
    wrong(
        AKI,
        "the end of an age belongs to it",
        "compile",
        "(age >= first) & (age < last)",
        "(age >= first) & (age <= last)",
    ),
]
LANES = [
    wrong(
        MSKCC,
        "flow and fraction outlast their device",
        "lanes",
        "if concept in (FLOW, FRACTION):",
        "if concept in ():",
    ),
    wrong(
        SOFA,
        "the worst of a day ends with the row's own end",
        "lanes",
        "(pl.col('time') + round(hours * HOUR_US)).alias('end'))\n\n    @property",
        "pl.coalesce('until', pl.col('time') + round(hours * HOUR_US)).alias('end'))\n\n    @property",
    ),
    wrong(
        CRES,
        "a score taken under sedation speaks",
        "lanes",
        "awake = self._awake(spoken, concept)",
        "awake = None",
    ),
    EngineMutation(
        "a symptom without an end lasts",
        (("neuro_counters", "otherwise(pl.col('time') + valid)", "otherwise(FOREVER)"),),
        LEE,
    ),
    wrong(
        PENN,
        "a dose without an amount is none",
        "lanes",
        "pl.col('value').is_null() | (pl.col('value') > 0)",
        "pl.col('value') > 0",
    ),
    wrong(
        PLATELETS,
        "days after the exposure begin with it",
        "lanes",
        "(pl.col('time') + round(first * DAY_US)).alias('start')",
        "pl.col('time').alias('start')",
    ),
    wrong(
        PLATELETS,
        "days after the exposure go on after the next one",
        "lanes",
        "pl.min_horizontal(pl.col('time') + round(last * DAY_US), following)",
        "pl.col('time') + round(last * DAY_US)",
    ),
    wrong(
        SOFA,
        "rates by weight are taken as they are",
        "lanes",
        "pl.when(pl.lit(own) == unit)",
        "pl.when(pl.lit(own).is_not_null())",
    ),
    wrong(
        SOFA,
        "a rate that wants a weight is 0",
        "lanes",
        "no_weight.cast(pl.Int8).alias(f'{key}|weight')",
        "pl.lit(0, pl.Int8).alias(f'{key}|weight')",
    ),
    wrong(
        SOFA,
        "the weight that the table of patients states is not read",
        "limits",
        "pl.coalesce('weight_kg', 'charted')",
        "pl.col('charted')",
    ),
    wrong(
        SOFA,
        "a charted weight is not read",
        "reads",
        "{'weight'} if 'infusion' in kinds else set()",
        "set()",
    ),
]
CUTS = [
    wrong(
        TLS,
        "a baseline from after the exposure",
        "limits",
        "by='subject', tolerance=",
        "by='subject', strategy='forward', tolerance=",
    ),
    wrong(
        "organ.ctcae-5.0.creatinine_increased",
        "a baseline however old",
        "limits",
        "tolerance=int(days * DAY_US)",
        "tolerance=int(days * DAY_US * 100)",
    ),
    wrong(
        AKI,
        "a stated baseline is not read",
        "limits",
        "pl.coalesce('stated', 'charted')",
        "pl.col('charted')",
    ),
    wrong(
        AKI,
        "the lowest reading before is the reading itself",
        "limits",
        "closed='left'",
        "closed='right'",
    ),
    wrong(
        AKI,
        "the lowest reading before may be a bound",
        "limits",
        "pl.when(pl.col('comparator').is_null()).then('value')",
        "pl.col('value')",
    ),
    wrong(
        AKI,
        "equal is equal to the last digit",
        "verdicts",
        "_RELATIVE = 1e-09",
        "_RELATIVE = 0.0",
    ),
    wrong(
        DIC,
        "so much over the limit is so many times the limit",
        "verdicts",
        "reference * test.value if test.times else reference + test.value",
        "reference * test.value",
    ),
    wrong(
        IEC_HS,
        "without a baseline the limit decides",
        "verdicts",
        "otherwise(by_limit.true) & base.is_not_null()",
        "otherwise(by_limit.true)",
    ),
    wrong(
        MSKCC,
        "a value that is normal at every age at which it is used is gray",
        "verdicts",
        "(used == 0) | unsure & verdict.false",
        "used == 0",
    ),
    wrong(
        HLH,
        "a cut-off that depends on an age nobody knows is the lower one",
        "verdicts",
        "compare(test.op, pl.col(f'{key}|low'), pl.col(f'{key}|high'))",
        "compare(test.op, pl.col(f'{key}|low'))",
    ),
    wrong(
        HLH,
        "an open age is not asked for",
        "verdicts",
        "by_age=~true & ~false & ~idle & _open_age(key)",
        "by_age=_NEVER",
    ),
    wrong(
        DIC,
        "an unknown limit of normal is not asked for",
        "verdicts",
        "by_range = unknown if name in LIMITS else _NEVER",
        "by_range = _NEVER",
    ),
]

TIME = [
    wrong(
        AKI,
        "sustained: at once",
        "timed",
        "filter('certain').with_columns(pl.col('start') + length)",
        "filter('certain').with_columns(pl.col('start'))",
    ),
    wrong(
        AKI,
        "sustained: nothing began before the watch",
        "timed",
        "pl.when(began == pl.col('span_start')).then('start').otherwise(pl.max_horizontal('start', began + length))",
        "pl.max_horizontal('start', began + length)",
    ),
    wrong(
        MSKCC,
        "sustained: a pause ends it",
        "timed",
        "pl.col('end').shift(1) < pause",
        "pl.col('end').shift(1) < 0",
    ),
    wrong(
        LEE,
        "sustained: a pause of the full length is passed over",
        "timed",
        "pl.col('end').shift(1) < pause",
        "pl.col('end').shift(1) <= pause",
    ),
    wrong(
        EARLY,
        "cumulative: a break counts as it ends, whatever follows",
        "timed",
        "(length < bridge) & after & ahead",
        "(length < bridge) & after",
    ),
    wrong(
        EARLY,
        "cumulative: no break counts",
        "timed",
        "pl.col('holds') | pl.col('bridged')",
        "pl.col('holds')",
    ),
    wrong(
        EARLY,
        "cumulative: a break of the full length counts",
        "timed",
        "(length < bridge) & after & ahead",
        "(length <= bridge) & after & ahead",
    ),
    wrong(
        EARLY,
        "cumulative: a break may not turn out short",
        "timed",
        "pl.concat([_reached(possible, needed), _while_bridging(possible, needed, bridge)])",
        "_reached(possible, needed)",
    ),
    wrong(
        EARLY,
        "cumulative: what was enough is over with the run",
        "timed",
        "reached = enough.group_by('subject', 'span_end').agg(pl.col('start').min()).rename({'span_end': 'end'})",
        "reached = enough",
    ),
    wrong(
        EARLY,
        "cumulative: stretches are added up",
        "timed",
        "(length.sum().over('subject', 'turn') >= bridge) & one_stretch",
        "(length.sum().over('subject', 'turn') >= bridge) & False",
    ),
    wrong(
        EARLY,
        "cumulative: a break of the full length does not end a stretch",
        "timed",
        "length.sum().over('subject', 'turn') >= bridge",
        "length.sum().over('subject', 'turn') > bridge",
    ),
    wrong(
        EARLY,
        "cumulative: a break that is partly unknown is two breaks",
        "timed",
        "length.sum().over('subject', 'turn') >= bridge",
        "length >= bridge",
    ),
    wrong(
        CHINA,
        "repeated: readings from before the watch count",
        "timed",
        "filter(pl.col('time') >= pl.col('span_start'))",
        "filter(pl.lit(True))",
    ),
    wrong(
        LATE,
        "repeated: what was not measured is no reading",
        "timed",
        "pl.concat([enough, early])",
        "enough",
    ),
    wrong(
        CARHLH,
        "repeated: once more than asked for",
        "timed",
        "pl.col('number') == times - 1",
        "pl.col('number') == times",
    ),
]
QUANTITIES = [
    wrong(
        MSKCC,
        "a range is above a number only as a whole",
        "quantities",
        "'>': (low > cut + slack, high > cut + slack)",
        "'>': (low > cut + slack, low > cut + slack)",
    ),
    wrong(
        TLS,
        "a sum takes both ends as they are, whatever the sign",
        "quantities",
        "(part.low, part.high) if term.factor >= 0 else (part.high, part.low)",
        "(part.low, part.high)",
    ),
    wrong(
        SOFA,
        "a ratio is that of the lower ends",
        "quantities",
        "(above.low / below.high)",
        "(above.low / below.low)",
    ),
    wrong(
        MSKCC,
        "a flow says of the fraction what another device does",
        "quantities",
        "only_these = is_open(devices) & (pl.col('device|any') == pl.col(devices))",
        "only_these = is_open(devices)",
    ),
    wrong(
        MSKCC,
        "an estimated fraction is exact",
        "quantities",
        "(middle + quantity.half_width)",
        "middle",
    ),
    wrong(
        MSKCC,
        "a flow without a device is room air",
        "quantities",
        "doubtful | flowing",
        "doubtful",
    ),
    wrong(
        LEE,
        "a drug in doubt has its last rate",
        "quantities",
        "high = pl.when(no_weight | doubt)",
        "high = pl.when(no_weight)",
    ),
]

GRADES = [
    wrong(
        MEWS,
        "the worst instead of the sum",
        "bounds",
        "domains if scale.scoring == 'sum' else [list(scale.criteria)]",
        "[list(scale.criteria)]",
    ),
    wrong(
        CRES,
        "what is attributed elsewhere is open",
        "bounds",
        "| self.asleep[part.domain]) & ~self.gone[part.domain]",
        "| self.asleep[part.domain])",
    ),
    wrong(
        PSOFA,
        "under sedation everything is as charted",
        "bounds",
        "(self.plan.criteria[part.id][0].possible | self.asleep[part.domain])",
        "self.plan.criteria[part.id][0].possible",
    ),
    wrong(
        CHINA,
        "a chronic reason takes nothing away",
        "bounds",
        "taken = (self.gone, self.chronic, self.asleep)",
        "taken = (self.gone, self.asleep)",
    ),
    wrong(
        LEE,
        "every axis keeps an episode open",
        "bounds",
        "if part.domain in holding and part.grade >= 1",
        "if part.grade >= 1",
    ),
    wrong(
        HLH,
        "what could not raise the grade is asked for",
        "bounds",
        "matters = every([open_, axes.maybe[part.id], ~axes.sure[part.id], ~settled])",
        "matters = every([open_, axes.maybe[part.id], ~axes.sure[part.id]])",
    ),
    wrong(
        LEE,
        "how much oxygen is the patient's own is not asked for",
        "bounds",
        "said[_HOME].append(every([matters, chronic, ~asleep]))",
        "said[_HOME].append(NO)",
    ),
    wrong(
        IEC_HS,
        "criteria that were recalled are told of the dead",
        "bounds",
        "either(recalled) & ~_DEAD",
        "either(recalled)",
    ),
    wrong(
        CRES,
        "every sign is said to be attributed elsewhere",
        "bounds",
        "(axes.plan.criteria[part.id][0].certain & axes.gone[part.domain] for part in scale.criteria)",
        "(axes.plan.criteria[part.id][0].certain for part in scale.criteria)",
    ),
    wrong(
        CTCAE,
        "between signs there is no floor",
        "bounds",
        "pl.max_horizontal(found[name], floor)",
        "found[name]",
    ),
    wrong(
        CTCAE,
        "the floor holds to the end of the episode",
        "bounds",
        "& ~pl.col('quiet') & ~is_open('death|own')",
        "& ~is_open('death|own')",
    ),
    wrong(
        CTCAE,
        "an episode ends a moment later",
        "bounds",
        "pl.col('start') - pl.col('ls') >= gap",
        "pl.col('start') - pl.col('ls') > gap",
    ),
]
ALL = [*CONDITIONS, *LEAVES, *LANES, *CUTS, *TIME, *QUANTITIES, *GRADES]
