"""What the proposed network's parts did, and what they are worth."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from skinlib.book import evidence, verdict
from skinlib.book.verdict import BOTH
from skinlib.book.words import many, percent, span
from skinlib.intervals import show, t_interval, unsure


def alive(runs: pd.DataFrame) -> str:
    """Whether the parts of the proposed network did anything."""
    runs = _proposed(runs)
    if runs.empty:
        return "Vital signs of the proposed network: not yet run."
    share = span(100 * runs["dead_relu"], 0)
    return f"{offsets(runs)} {gamma(runs)} {share} % of the ReLU units are zero on all images."


def offsets(runs: pd.DataFrame) -> str:
    """How far the deformable convolution's offsets moved."""
    runs = _proposed(runs).dropna(subset="offset_mean")
    if runs.empty:
        return "How far the offsets move on HAM10000: not yet run."
    moved, size = int((runs["offset_p95"] > 0).sum()), int(runs["size"].iloc[0])
    hardly = ", but hardly: the points stay near the fixed grid"
    text = (
        f"The offsets moved in {moved} of {many(len(runs), 'network')} on HAM10000 at "
        f"{size} x {size} pixels{hardly if runs['offset_p95'].max() < 0.5 else ''}. Offsets are "
        f"{span(runs['offset_mean'], 2)} pixels of the layer's small map long, on average over a "
        "network (one such pixel is as wide as 16 of the image); 95 % of them stay below "
        f"{span(runs['offset_p95'], 2)} pixels, network by network."
    )
    asked = runs.dropna(subset="outside")
    if asked.empty:
        return text
    return (
        f"{text} {span(100 * asked['outside'], 0)} % of the sampling points lie outside the map, "
        f"where they read zero; of a fixed grid's, {span(100 * asked['outside_fixed'], 0)} % do "
        f"(measured in {many(len(asked), 'network')})."
    )


def gamma(runs: pd.DataFrame) -> str:
    """What became of the attention: gamma, and where alpha lies."""
    runs = _proposed(runs).dropna(subset="gamma")
    if runs.empty:
        return "What becomes of gamma on HAM10000: not yet run."
    size = int(runs["size"].iloc[0])
    even = np.mean([run.config["vital_signs"]["attention"]["uniform"] for run in runs["run"]])
    top = runs["attention_top_tenth"]
    return (
        f"Gamma started at 0.01 and ended at {span(runs['gamma'], 3)}. "
        f"{'The attention hardly chooses: ' if top.mean() < 1.5 * even else ''}"
        f"{span(100 * top, 1)} % of alpha lie on its top tenth of places, where an even map has "
        f"{percent(even)} ({size} x {size} pixels)."
    )


def _proposed(runs: pd.DataFrame) -> pd.DataFrame:
    """Runs of the whole network: those without a part are left out."""
    size = evidence.main_size(runs)
    runs = runs[(runs["data"] == "ham10000") & (runs["model"] == "proposed")]
    runs = runs[~runs["variant"].str.contains("without")]
    return runs[runs["split"].isin(BOTH) & (runs["size"] == size)]


def parts(
    runs: pd.DataFrame,
    names: Sequence[str] = tuple(verdict.PARTS),
    columns: Sequence[str] = verdict.PAPER_SCORES,
) -> str:
    """Which of these parts helps, by chapter 9's rule: in the paper's scores or in one."""
    scores = columns[0] if len(columns) == 1 else "all three scores"
    said = []
    for part, answer in verdict.parts(runs, names, columns).items():
        seen = max(count for what, count in answer.evidence.items() if what.startswith("pairs"))
        words = EFFECTS.get(answer.kind, "").format(scores) + _none_as_large(answer)
        if not answer.numbers:
            words = f"waits for {verdict.PAIRS} pairs of runs, of which it has {seen}"
        said.append(f"{NAMED[part]} {words}")
    text = "; ".join(said)
    return f"{text[0].upper()}{text[1:]}."


def _none_as_large(answer: verdict.Verdict) -> str:
    """In which of the scores an effect that is not sure is worth less than the margin."""
    if answer.kind != verdict.Kind.UNDECIDED:
        return ""
    small = [name for name, row in answer.numbers.items() if row["bound"] < verdict.MARGIN]
    if not small:
        return ""
    points = f"{100 * verdict.MARGIN:.0f} points"
    return f" (any in {' and '.join(small)} is below {points} either way)"


def across_backends(runs: pd.DataFrame) -> str:
    """Which pairs of the verdicts on parts were trained by two backends; '' if none were."""
    said = []
    for part, answer in verdict.parts(runs).items():
        if not answer.numbers:
            continue
        of = evidence.live(runs, size=verdict.PLACES[answer.place])
        rival = f"proposed without {part}"
        gaps = verdict.pair_gaps(runs, rival, ["accuracy"], answer.place, BOTH)["accuracy"]
        of = of[of["variant"].isin(["proposed", rival])]
        backends = [run.config["environment"]["backend"] for run in of["run"]]
        trained = of.assign(backend=backends).groupby(["split", "seed"])["backend"]
        other = trained.nunique()[gaps.index] > 1
        if not other.any():
            continue
        ends = " and ".join(sorted(set(backends)))
        text = (
            f"In {other.sum()} of the {many(len(gaps), 'pair')} of {NAMED[part]}, two backends "
            f"({ends}) trained the network with and without it; they draw other first weights"
        )
        alike = gaps[~other]
        if len(alike) >= verdict.ENOUGH:
            row = t_interval(alike)
            splits = " and ".join(alike.index.unique("split"))
            text += (
                f". In the other {len(alike)} ({splits} split) the part changes the accuracy by "
                f"{show(row, signed=True)} points{unsure(row)}"
            )
        said.append(text + ".")
    return " ".join(said)


NAMED = {
    "deformable": "the deformable convolution",
    "attention": "attention",
    "joint loss": "the joint loss",
}
EFFECTS = {
    "reproduced": "helps in {}",
    "partly": "helps in some of the three scores",
    "not reproduced": "does harm",
    "undecided": "has no effect that is sure",
}
