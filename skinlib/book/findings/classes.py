"""Single classes, and what a probability says."""

import pandas as pd

from skinlib.book import evidence
from skinlib.book.moving.experiments import TIMES, decided
from skinlib.book.verdict import BOTH
from skinlib.book.words import interval, many, percent, span
from skinlib.data.dataset import CLASSES
from skinlib.scores import BINS, confusion_matrix, per_class, score_values


def melanoma(runs: pd.DataFrame) -> str:
    """How many of the melanomas the proposed network finds, and its rivals."""
    size = evidence.main_size(runs)
    runs = evidence.live(evidence.renewed(runs), size=size)
    shares: list[str] = []
    for split in BOTH:
        found = runs[(runs["variant"] == "proposed") & (runs["split"] == split)]
        if len(found):
            row = evidence.recalls(found).loc["mel"].rename({"recall": "value"})
            whose = "" if shares else " of the melanomas"
            shares.append(f"{interval(row, 0)}{whose} on the {split} split")
    if not shares:
        return "How many melanomas the proposed network finds: not yet run."
    proposed = runs[(runs["variant"] == "proposed") & runs["split"].isin(BOTH)]["run"]
    tables = [run.predictions[run.predictions["label"] == "mel"] for run in proposed]
    answers = pd.concat(tables)[list(CLASSES)].astype(float).idxmax(axis=1)
    missed = answers[answers != "mel"]
    text = (
        f"The proposed network finds {' and '.join(shares)}. That is of "
        f"{many(len(proposed), 'run')} at {size} x {size} pixels."
    )
    if len(missed):
        text += f" Of those that it misses, it calls {percent((missed == 'nv').mean(), 0)} nv."
    others, anew = [], evidence.made_anew(runs, size)
    for rival in evidence.RIVALS:
        found = runs[(runs["variant"] == rival) & (runs["split"] == "random")]
        if len(found):
            others.append(100 * evidence.recalls(found).loc["mel", "recall"])
    if others:
        share = span(pd.Series(others), 0)
        text += f" Its rivals find {share} % on the random split ({many(len(others), 'network')}"
        text += f"; {anew}: with averages of batch normalisation made anew)." if anew else ")."
    return text


def never_found(predictions: pd.DataFrame) -> str:
    """The classes of which no image is recognised, and what most of theirs are called.

    `predictions`: of one run, see `skinlib.runs.Run`.
    """
    counts = confusion_matrix(predictions)
    rows = [(name, row) for name, row in counts.iterrows() if row.sum() and not row[name]]
    if not rows:
        return "Each class is found at least once."
    lost = [f"{name} ({row.max()} of {row.sum()} called {row.idxmax()})" for name, row in rows]
    accuracy = score_values(predictions)["accuracy"]
    return f"Never found: {', '.join(lost)}. An accuracy of {percent(accuracy)} hides that."


LEAST = 0.8
"""The share of the melanomas that `decision` wants to be found."""


def decision(predictions: pd.DataFrame) -> str:
    """What it costs to find at least `LEAST` of the melanomas, by counting them more often.

    `predictions`: of one run, see `skinlib.runs.Run`.
    """
    before, accuracy = per_class(predictions), score_values(predictions)["accuracy"]
    found = before["recall"]["mel"]
    if found >= LEAST:
        return f"The network finds {percent(found)} of the melanomas as it is."
    for times in TIMES:
        moved = decided(predictions, 0.0, times)
        after = per_class(moved)
        if after["recall"]["mel"] >= LEAST:
            break
    else:
        return "No weight of the slider finds so many melanomas."
    lost = after["recall"] - before["recall"]
    pays = lost.idxmin()
    price = score_values(moved)["accuracy"]

    def change(score: str, name: str) -> str:
        return f"{percent(before[score][name])} to {percent(after[score][name])}"

    loses = f"In recall, {pays} loses most: {change('recall', pays)}. " if lost[pays] < 0 else ""
    return (
        f"If a melanoma counts {times:g} times, the share of the melanomas that is found goes from "
        f"{change('recall', 'mel')}, and the accuracy from {percent(accuracy)} to "
        f"{percent(price)}. Of the images that are called mel, those that are right go from "
        f"{change('precision', 'mel')}. {loses}"
        "The weight was chosen on these images, so expect less of it on new ones."
    )


def calibration(runs: pd.DataFrame, least: float = 0.9436) -> str:
    """That a probability is not an accuracy.

    `runs`: of one recipe; `least`: a probability, 0 to 1.
    """
    predictions = pd.concat([run.predictions for run in runs["run"]])
    probabilities = predictions[list(CLASSES)].astype(float)
    top = probabilities.max(axis=1)
    sure = top >= least
    right = (probabilities.idxmax(axis=1) == predictions["label"])[sure]
    text = (
        f"A probability of {percent(least, 2)} is not an accuracy: it is what a network says of "
        "one image. "
    )
    errors = pd.Series([score_values(run, ("ECE",))["ECE"] for run in runs["run"]])
    whose = f"of the test images of {many(len(runs), 'run')}"
    if not sure.any():
        return text + f"Ours says as much of none {whose}."
    return text + (
        f"Ours says as much or more of {int(sure.sum()):,} {whose}, {len(sure):,} in all, and is "
        f"right on {percent(right.mean())} of them; its accuracy over all is "
        f"{percent(runs['accuracy'].mean())}. On average, what it says and how often it is right "
        f"lie {span(100 * errors, 1)} points apart, run by run (the expected calibration "
        f"error, in {BINS} bins)."
    )
