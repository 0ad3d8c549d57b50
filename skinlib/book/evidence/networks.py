"""Table 1: the six networks beside the paper's numbers, and beside each other."""

from collections.abc import Sequence
from itertools import product

import pandas as pd

from skinlib.book.evidence.classes import at_natural_shares
from skinlib.book.evidence.selection import (
    ENDS,
    LAPTOP,
    NV,
    RENEWED,
    RIVALS,
    TESTED,
    in_words,
    live,
    main_size,
)
from skinlib.book.verdict import BOTH, ENOUGH, PAIRS, PAPER_SCORES, PARTS
from skinlib.book.verdict import parts as verdict_of_parts
from skinlib.book.words import many
from skinlib.experiments import AVERAGED
from skinlib.intervals import (
    interval_of_shares,
    mean_over_seeds,
    paired_difference,
    show,
    t_interval,
    wilson_interval,
)
from skinlib.models import NAMES


def table1(runs: pd.DataFrame, paper: pd.DataFrame, size: int) -> pd.DataFrame:
    """The accuracies of the paper's table 1 beside ours, on images of one size.

    `paper` has one row per network, and a column per score, 0 to 1.

    Returns:
        One row per network; columns (source, "value" | "low" | "high" | "runs"). The first source
        is the paper, with Wilson's interval of a test set of `TESTED` images; then ours by split,
        and with averages made anew.
    """
    table = {}
    shown = live(runs, size=size)
    made = set(zip(shown["split"], shown["variant"].str.endswith(RENEWED), strict=True))
    for model in paper.index:
        printed = wilson_interval(paper.loc[model, "accuracy"], TESTED)
        row = {("the paper", key): value for key, value in printed.items()}
        for split, end in product(BOTH, ENDS):
            if (split, bool(end)) in made:
                of = shown[(shown["split"] == split) & (shown["variant"] == model + end)]
                source = f"ours, {split} split{ENDS[end]}"
                row |= {(source, key): value for key, value in mean_over_seeds(of).items()}
        table[NAMES[model]] = row
    return pd.DataFrame(table).T.astype(float)


def table1_words(runs: pd.DataFrame, paper: pd.DataFrame, size: int) -> pd.DataFrame:
    """The whole of table 1 in words: one row per network and score.

    Returns:
        The paper's number, ours on both splits with the number of runs, and how far the random
        split's lies above the paper's, in points.
    """
    rows = {}
    for model in paper.index:
        for name in paper.columns:
            value = paper.loc[model, name]
            row = {"the paper": f"{100 * value:.2f}"}
            for split in BOTH:
                of = live(runs, split=split, size=size)
                for end in ENDS if model in AVERAGED else [""]:
                    found = mean_over_seeds(of[of["variant"] == model + end], name)
                    row[f"ours, {split}{ENDS[end]}"] = in_words(found)
                    if split == "random":
                        gap = found[["value", "low", "high"]] - value
                        row[f"difference{ENDS[end]}"] = show(gap, signed=True)
            rows[f"{NAMES[model]}, {name}"] = row
    return pd.DataFrame(rows).T.fillna("").rename_axis("score in %")


def pairs(
    runs: pd.DataFrame,
    size: int,
    score: str = "accuracy",
    *,
    resamples: int = 300,
) -> pd.DataFrame:
    """How much better the proposed network is in a score, pair by pair, on images of one size.

    Against a rival on the paper's kind of split, the random one; without a part on both.

    Returns:
        Index `comparison`, `split`, `seed`; columns `value`, `low`, `high`.
    """
    others = {f"its {part}": f"proposed without {part}" for part in PARTS}
    others |= {f"against {NAMES[rival]}": rival for rival in RIVALS}
    found = live(runs, size=size)
    found = found[found["split"].isin(BOTH)]
    found = found.drop_duplicates(["variant", "split", "seed"])
    found = found.set_index(["variant", "split", "seed"])["run"]
    rows = {}
    for comparison, other in others.items():
        splits = ["random"] if other in RIVALS else BOTH
        for split, seed in found.get(other, pd.Series(dtype=object)).index:
            if split in splits and ("proposed", split, seed) in found.index:
                both = found["proposed", split, seed], found[other, split, seed]
                gap = paired_difference(*both, score, resamples=resamples)
                rows[comparison, split, seed] = gap[["value", "low", "high"]].to_list()
    index = pd.MultiIndex.from_tuples(rows, names=["comparison", "split", "seed"])
    return pd.DataFrame([*rows.values()], index, ["value", "low", "high"], dtype=float)


def mean_gaps(table: pd.DataFrame) -> pd.DataFrame:
    """The mean of each comparison of `pairs` that has enough of them (`ENOUGH`)."""
    gaps = table["value"].groupby(level="comparison", sort=False)
    rows = {name: t_interval(gap) for name, gap in gaps if len(gap) >= ENOUGH}
    return pd.DataFrame(rows, index=["value", "low", "high"]).T


def part_words(
    runs: pd.DataFrame,
    parts: Sequence[str] = tuple(PARTS),
    columns: Sequence[str] = PAPER_SCORES,
) -> pd.DataFrame:
    """What each part adds, in points, with Holm's correction: one row per part and score."""
    rows = {}
    for part, answer in verdict_of_parts(runs, parts, columns).items():
        seen = max(count for what, count in answer.evidence.items() if what.startswith("pairs"))
        missing = f"{seen} of {PAIRS} pairs run" if seen else "not yet run"
        for name in columns:
            row = answer.numbers.get(name)
            points = show(row, signed=True) if row else missing
            p = f"{row['p']:.3f}" if row else ""
            rows[f"{part}, {name}"] = {"points": points, "p (Holm)": p, "images": answer.place}
    return pd.DataFrame(rows).T.rename_axis("part, score")


def gap_chart(runs: pd.DataFrame) -> pd.DataFrame:
    """The rows of the first page's chart, from the least to the most flattering.

    Returns:
        One row per thing that was measured; `value`, `low`, `high`.
    """
    size = main_size(runs)
    rows: dict = {"always answering nv": {"value": NV, "low": NV, "high": NV}}
    bars = {
        ("grouped", size): "ours, split by lesion",
        ("random", size): "ours, split by image",
        ("random", LAPTOP): "ours, split by image",
        ("oversampled", LAPTOP): "no fault, copied after the split",
        ("copied", LAPTOP): "a fault, copied before the split: as it would print",
    }
    for (split, of), words in bars.items():
        found = live(runs, variant="proposed", split=split, size=of)
        if found.empty:
            continue
        runs_of = f"{of} x {of}, {many(len(found), 'run')}"
        if split == "copied":
            shared = interval_of_shares(at_natural_shares(found))
            rows[f"a fault, copied before the split: weighted, {runs_of}"] = shared
        rows[f"{words}, {runs_of}"] = mean_over_seeds(found)
    return pd.DataFrame(rows).T[["value", "low", "high"]].astype(float)
