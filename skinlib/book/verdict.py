"""Chapter 9's rules: from the table of runs to a verdict on a claim of the paper.

A verdict is data; the chapter words it. `runs` is what `skinlib.runs.load` returns. Runs with a
dead part do not count, and repeated trainings of one variant, split, seed and size count once, as
their mean.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np
import pandas as pd
from scipy import stats

from skinlib.book.joint_loss import PLAIN, READINGS, sweep, with_recalls
from skinlib.data.dataset import CLASSES
from skinlib.experiments import PARTS
from skinlib.intervals import compare, equivalence, holm_correction, show, t_interval
from skinlib.models import NAMES
from skinlib.training.recipe import PAPER_BETA

PLACES = {"224 x 224": 224, "64 x 64": 64}
"""Image size in pixels; the first with enough runs decides."""

ENOUGH = 3
"""Runs, or pairs of runs, that a verdict takes at least."""

PAIRS = 6
"""Pairs for a verdict on a part: one after each new pair would be right less often."""

MARGIN = 0.02
"""Two points: what a score may differ by and still be the paper's."""

PAPER_SCORES = ("accuracy", "precision", "F1")
BOTH = ("random", "grouped")


class Kind(StrEnum):
    """What a verdict may be."""

    REPRODUCED = "reproduced"
    NOT_REPRODUCED = "not reproduced"
    PARTLY = "partly"
    UNDECIDED = "undecided"
    NOT_RUN = "not yet run"
    NOT_TESTABLE = "not testable as stated"


KINDS = {
    "better": Kind.REPRODUCED,
    "equivalent": Kind.REPRODUCED,
    "worse": Kind.NOT_REPRODUCED,
    "different": Kind.NOT_REPRODUCED,
    "undecided": Kind.UNDECIDED,
}

Rows = dict[str, dict[str, float]]
"""What was measured -> `value`, `low`, `high`, what they are held against, and perhaps `bound`."""


@dataclass(frozen=True)
class Verdict:
    """What follows for a claim, and from what.

    Attributes:
        kind: the verdict.
        numbers: see `Rows`.
        place: one of `PLACES` (HAM10000), "phantom", or "".
        evidence: what was counted -> how many.
        unit: of the numbers; those in "%" and "points" are shares, 0 to 1.
    """

    kind: Kind
    numbers: Rows = field(default_factory=dict)
    place: str = ""
    evidence: dict[str, int] = field(default_factory=dict)
    unit: str = "points"

    @property
    def pairs(self) -> int:
        """Of trainings, which the numbers are from."""
        return self.evidence.get(f"pairs at {self.place}", 0)

    @property
    def lines(self) -> list[str]:
        """The numbers, each with its unit; intervals as the whole book writes them."""
        form = {"percent": self.unit != "times", "signed": self.unit == "points"}
        named = {NAMES.get(name, name): row for name, row in self.numbers.items()}
        return [f"{name} {show(row, **form)} {self.unit}" for name, row in named.items()]


def judge(rows: Rows) -> Kind:
    """Better in all: reproduced; in some: partly; in none, worse in one: not."""
    found = [compare(row) for row in rows.values()]
    if all(answer == "better" for answer in found):
        return Kind.REPRODUCED
    if "better" in found:
        return Kind.PARTLY
    return Kind.NOT_REPRODUCED if "worse" in found else Kind.UNDECIDED


def _p_values(table: pd.DataFrame) -> pd.Series:
    """Student's test of each column's mean against 0; 1 where all of it is 0, or of one row."""
    steps = (table.mean() / table.sem()).abs()
    return pd.Series(2 * stats.t.sf(steps, len(table) - 1), table.columns).fillna(1)


def _corrected(table: pd.DataFrame, p: pd.Series, holm: pd.Series) -> Rows:
    """Each column's mean, its interval as wide as Holm asks: without 0 where p < 0.05."""
    confidence = 1 - 0.05 * (p / holm).fillna(1)  # where all differences are alike, p is 0
    return {
        name: {**t_interval(table[name], confidence=confidence[name]), "p": holm[name]}
        for name in table
    }


def _bound(gaps: pd.Series, comparisons: int) -> float:
    """The largest effect, either way, that Bonferroni's interval over pairs or over seeds holds.

    Holm's interval serves another question, whether an effect is zero; and pairs of one seed, with
    both splits, are not independent.
    """
    confidence = 1 - 0.05 / comparisons
    found = [t_interval(of, confidence=confidence) for of in (gaps, gaps.groupby("seed").mean())]
    return float(np.max([abs(row[end]) for row in found for end in ("low", "high")]))


def each_better(table: pd.DataFrame) -> tuple[Kind, Rows]:
    """Judges the columns' means, corrected for as many comparisons as there are columns (Holm)."""
    p = _p_values(table)
    rows = _corrected(table, p, holm_correction(p))
    return judge(rows), rows


def _decide(
    tables: Mapping[str, pd.DataFrame],
    concerned: pd.DataFrame,
    rule: Callable[[pd.DataFrame], tuple[Kind, Rows]] = each_better,
    *,
    enough: int = ENOUGH,
    what: str = "pairs",
    unit: str = "points",
) -> Verdict:
    """Asks the rule about the first place with enough rows (of `what`: pairs or runs).

    `concerned` are the runs that the claim is about, of which dead ones are counted.
    """
    evidence = {f"{what} at {place}": len(table) for place, table in tables.items()}
    if dead := int((concerned["dead"] != "").sum()):
        evidence["dead runs left out"] = dead
    for place, table in tables.items():
        if len(table) >= enough:
            return Verdict(*rule(table), place=place, evidence=evidence, unit=unit)
    kind = Kind.UNDECIDED if any(map(len, tables.values())) else Kind.NOT_RUN
    return Verdict(kind, evidence=evidence, unit=unit)


def _of(runs: pd.DataFrame, splits: Sequence[str], *variants: str) -> pd.DataFrame:
    chosen = runs["variant"].isin(variants) & runs["split"].isin(splits)
    return runs[chosen & (runs["data"] == "ham10000")]


def _means(runs: pd.DataFrame, variant: str, place: str, splits: Sequence[str]) -> pd.DataFrame:
    """What a variant's live runs measured: one row per split and seed."""
    runs = _of(runs[runs["dead"] == ""], splits, variant)
    runs = runs[runs["size"] == PLACES[place]]
    return runs.groupby(["split", "seed"]).mean(numeric_only=True)


def pair_gaps(
    runs: pd.DataFrame,
    rival: str,
    columns: Sequence[str],
    place: str,
    splits: Sequence[str] = ("random",),
) -> pd.DataFrame:
    """How far the proposed network is ahead: one row per pair of one split and seed."""
    ours, theirs = (_means(runs, name, place, splits) for name in ("proposed", rival))
    return (ours[list(columns)] - theirs[list(columns)]).dropna()


def score(runs: pd.DataFrame, name: str, paper: float, margin: float = MARGIN) -> Verdict:
    """Whether a score of table 1 comes out within a margin of the paper's, 0 to 1.

    Reproduced if the whole 95 % interval over seeds lies there, not reproduced if it lies wholly
    elsewhere, else undecided: scatter cannot help a claim.
    """

    def rule(table: pd.DataFrame) -> tuple[Kind, Rows]:
        row = t_interval(table[name])
        return KINDS[equivalence(row, paper, margin)], {name: {**row, "paper": paper}}

    tables = {place: _means(runs, "proposed", place, ["random"]) for place in PLACES}
    return _decide(tables, _of(runs, ["random"], "proposed"), rule, what="runs", unit="%")


def every_class(runs: pd.DataFrame, rival: str) -> Verdict:
    """Whether it recalls each of the seven classes better than a rival does, on the paper's split.

    Corrected for seven classes.
    """
    runs = with_recalls(_of(runs, ["random"], "proposed", rival))
    return _decide({place: pair_gaps(runs, rival, CLASSES, place) for place in PLACES}, runs)


def _holm_rows(
    gaps: Mapping[str, pd.DataFrame], columns: Sequence[str], enough: int
) -> dict[str, Rows]:
    """Rows of each rival that has enough pairs, corrected for all rivals (Holm).

    Intervals are as wide as the correction asks: they exclude zero where p < 0.05. For `bound` see
    `_bound`.
    """
    tested = {name: gap for name, gap in gaps.items() if len(gap) >= enough}
    p = pd.DataFrame(1.0, index=list(gaps), columns=list(columns))
    for rival, gap in tested.items():
        p.loc[rival] = _p_values(gap)
    holm = p.apply(holm_correction)
    rows = {name: _corrected(gap, p.loc[name], holm.loc[name]) for name, gap in tested.items()}
    for name, gap in tested.items():
        for column in columns:
            rows[name][column]["bound"] = _bound(gap[column], len(gaps))
    return rows


def _family(
    runs: pd.DataFrame,
    rivals: Sequence[str],
    columns: Sequence[str],
    splits: Sequence[str],
    enough: int,
) -> dict[str, Verdict]:
    """Whether the proposed network is better than each rival, in all columns.

    All are held against the same runs of it, so that their comparisons are one family.
    """
    gaps = {
        place: {name: pair_gaps(runs, name, columns, place, splits) for name in rivals}
        for place in PLACES
    }
    found = {}
    for name in rivals:
        tables = {place: gaps[place][name] for place in PLACES}
        answer = _decide(tables, _of(runs, splits, "proposed", name), enough=enough)
        if answer.numbers:
            rows = _holm_rows(gaps[answer.place], columns, enough)[name]
            answer = replace(answer, kind=judge(rows), numbers=rows)
        found[name] = answer
    return found


def baselines(runs: pd.DataFrame, rivals: Sequence[str]) -> dict[str, Verdict]:
    """Whether the proposed network is better than each rival on the paper's split."""
    return _family(runs, rivals, PAPER_SCORES, ["random"], ENOUGH)


def parts(
    runs: pd.DataFrame,
    names: Sequence[str] = tuple(PARTS),
    columns: Sequence[str] = PAPER_SCORES,
) -> dict[str, Verdict]:
    """Whether each part helps: six pairs of both splits, in all of these scores."""
    rivals = [f"proposed without {part}" for part in names]
    found = _family(runs, rivals, columns, BOTH, PAIRS)
    return dict(zip(names, found.values(), strict=True))


def above(
    runs: pd.DataFrame,
    others: Sequence[str],
    column: str,
    splits: Sequence[str] = ("random",),
    leads: pd.Series | float = 0.0,
    reach: str | None = None,
) -> Verdict:
    """Whether the proposed network is above each of several other variants in one column.

    Trainings on these splits count that all of them have. Corrected for the number of others.
    A control of heat maps, such as a blob in the middle, has rows in `runs` like a network.

    Args:
        runs: see above.
        others: variants.
        column: of `runs`.
        splits: see above.
        leads: variant -> by how much it is to be above, a share.
        reach: a column with the most that a training could have. A comparison with a variant that
            cannot reach what the proposed network has could not be lost, and is no test: it is left
            out, and the verdict is *partly* at most.
    """
    tables = {}
    for place in PLACES:
        gaps = {o: pair_gaps(runs, o, [column], place, splits)[column] for o in others}
        tables[place] = pd.DataFrame(gaps).dropna() - leads
    answer = _decide(tables, _of(runs, splits, "proposed", *others))
    if reach is None or not answer.numbers:
        return answer
    ours = _means(runs, "proposed", answer.place, splits)[column].mean()
    most = {o: _means(runs, o, answer.place, splits)[reach].mean() for o in others}
    tested = {o: row for o, row in answer.numbers.items() if most[o] > ours}
    kind = judge(tested) if tested else Kind.UNDECIDED
    if kind == Kind.REPRODUCED and len(tested) < len(others):
        kind = Kind.PARTLY
    left_out = {"could not be lost": len(others) - len(tested)}
    return replace(answer, kind=kind, numbers=tested, evidence=answer.evidence | left_out)


def robust(runs: pd.DataFrame) -> Verdict:
    """Whether the proposed network does as well on the ISIC 2018 test set.

    Against its own test part of the grouped split: both hold new lesions. Judged on balanced
    accuracy, since the classes' shares differ: not reproduced if the whole interval of the change
    lies more than two points down, reproduced if none of it.
    """

    def rule(table: pd.DataFrame) -> tuple[Kind, Rows]:
        change = t_interval(table["balanced accuracy"])
        shifted = {end: change[end] + MARGIN for end in ("low", "high")}
        return KINDS[compare(shifted)], {"balanced accuracy": {**change, "turns": -MARGIN}}

    tables = {}
    for place in PLACES:
        own = _means(runs, "proposed", place, ["grouped"])
        change = own["isic balanced accuracy"] - own["balanced accuracy"]
        tables[place] = change.to_frame("balanced accuracy").dropna()
    return _decide(tables, _of(runs, ["grouped"], "proposed"), rule, what="runs")


def rare_classes(runs: pd.DataFrame, reading: str) -> Verdict:
    """Whether the paper's joint loss recalls the four rarest classes better, on the phantom.

    Args:
        runs: of chapter 4's sweep.
        reading: of eq. 4, a value of the recipe's `focal_reduction`.

    Returns:
        By pairs of one seed, against cross-entropy alone.
    """
    joint = f"β = {PAPER_BETA['proposed']:g}, {READINGS[reading]}"
    recall = sweep(runs).pivot_table("rare recall", "seed", "setting")
    recall = recall.reindex(columns=[joint, PLAIN])
    gains = (recall[joint] - recall[PLAIN]).dropna()
    return _decide({"phantom": gains.to_frame("recall")}, runs)


def cheaper(readings: Mapping[str, float], rivals: Mapping[str, float]) -> Verdict:
    """Whether the proposed network costs less than each rival or, partly, than most.

    Args:
        readings: what the paper leaves open (its dense layers' widths) -> the cost, or NaN where it
            was not measured. Then the claim is *partly* reproduced at most.
        rivals: network -> its cost.

    Returns:
        How many times as much the rivals cost: median, least and most. The claim is true of a
        reading whose `low` is above 1.
    """
    rows, wins = {}, []
    measured = {name: cost for name, cost in readings.items() if cost == cost}
    theirs = pd.Series(rivals, dtype=float).dropna()
    if not measured or theirs.empty:
        return Verdict(Kind.NOT_RUN, unit="times")
    for name, cost in measured.items():
        ratio = theirs / cost
        wins += list(ratio > 1)
        rows[name] = {"value": ratio.median(), "low": ratio.min(), "high": ratio.max()}
    kind = Kind.PARTLY if sum(wins) > len(wins) / 2 else Kind.NOT_REPRODUCED
    if all(wins):
        kind = Kind.REPRODUCED if len(measured) == len(readings) else Kind.PARTLY
    evidence = {"rivals": len(theirs), "not measured": len(readings) - len(measured)}
    return Verdict(kind, rows, evidence=evidence, unit="times")
