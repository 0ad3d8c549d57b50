"""Single classes, and single answers."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from skinlib.book.evidence.selection import live
from skinlib.book.verdict import BOTH
from skinlib.data.dataset import CLASSES, IMAGES_PER_CLASS
from skinlib.intervals import interval_of_shares, show, wilson_interval
from skinlib.models import NAMES
from skinlib.scores import per_class


def recalls(runs: pd.DataFrame) -> pd.DataFrame:
    """Recall of each class: means over seeds, with Student's interval from three on.

    A single run's interval is Wilson's, which takes images for independent; so is that of runs
    which all agree, with the images of one test set.

    `runs`: of one variant, split and size; one or more.

    Returns:
        One row per class: `recall` and its `low` and `high`, `images` (of a test set).
    """
    found = [per_class(run) for run in runs["run"]]
    rows = {}
    for name in CLASSES:
        values = pd.Series([table.loc[name, "recall"] for table in found])
        row = interval_of_shares(values.groupby(list(runs["seed"])).mean())
        images = int(found[0].loc[name, "images"])
        if images and values.nunique() == 1:
            row = wilson_interval(row["value"], images)
        rows[name] = {"recall": row["value"], **row[["low", "high"]], "images": images}
    return pd.DataFrame(rows).T.astype({"images": int})


def recall_words(runs: pd.DataFrame, size: int) -> pd.DataFrame:
    """The proposed network's recall of each class, in per cent, on both splits."""
    words = {}
    for split in BOTH:
        found = live(runs, variant="proposed", split=split, size=size)
        column = pd.Series("not yet run", index=list(CLASSES))
        if len(found):
            table = recalls(found).rename(columns={"recall": "value"})
            column = table.apply(show, axis=1)
        words[f"{split} split"] = column
    return pd.DataFrame(words).rename_axis("recall, %")


def at_natural_shares(runs: pd.DataFrame) -> pd.Series:
    """Seed -> the accuracy with classes as frequent as in HAM10000: recalls, weighted so."""
    shares = np.array(IMAGES_PER_CLASS) / sum(IMAGES_PER_CLASS)
    found = [(per_class(run)["recall"] * shares).sum() for run in runs["run"]]
    return pd.Series(found, runs["seed"], dtype=float).groupby(level="seed").mean()


def first_answers(runs: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """What each network says of the first test image of some (true) classes.

    `runs` are of one split and seed, so that their test images are the same.

    Returns:
        One row per network, one column per class: 'nv 61.0 %'.
    """
    rows = {}
    for _, row in runs.drop_duplicates("variant").iterrows():
        table = row["run"].predictions
        answers = {}
        for name in classes:
            of = table[table["label"] == name]
            if len(of):
                probabilities = of[list(CLASSES)].iloc[0].astype(float)
                said = f"{probabilities.idxmax()} {100 * probabilities.max():.1f} %"
                answers[f"true: {name}"] = said
        rows[NAMES.get(row["variant"], row["variant"])] = answers
    return pd.DataFrame(rows).T.rename_axis("network")


def captions(probabilities: np.ndarray) -> list[str]:
    """What a network says: (N, 7) -> N times 'nv 61%'."""
    pairs = zip(probabilities.argmax(1), probabilities.max(1), strict=True)
    return [f"{CLASSES[c]} {p:.0%}" for c, p in pairs]
