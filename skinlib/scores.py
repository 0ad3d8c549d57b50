"""Every score of a run, from its test predictions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn import metrics

from skinlib.data.dataset import CLASSES

if TYPE_CHECKING:
    from skinlib.runs import Run

TABLE1 = ("accuracy", "precision", "F1", "balanced accuracy")
"""The paper's scores, precision and F1 averaged by support, and ISIC's."""

DECISIONS = (*TABLE1, "macro precision", "macro F1", "melanoma recall")
RANKINGS = ("ROC AUC", "average precision")
CALIBRATIONS = ("ECE", "Brier")
SCORES = (*DECISIONS, *RANKINGS, *CALIBRATIONS)

BINS = 15
"""Of the expected calibration error: of equal width, over the largest probability."""


def table_of(run: Run | pd.DataFrame) -> pd.DataFrame:
    """A run's predictions, or the table itself that is like them."""
    return run if isinstance(run, pd.DataFrame) else run.predictions


def arrays(run: Run | pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Labels, int64 (N,), and probabilities, float64 (N, 7).

    Raises:
        ValueError: if a label is no class.
    """
    table = table_of(run)
    if unknown := {*table["label"]} - {*CLASSES}:
        raise ValueError(f"label: expected some of {CLASSES}, got {sorted(map(str, unknown))}")
    labels = pd.Categorical(table["label"], categories=CLASSES).codes.astype("int64")
    return labels, table[list(CLASSES)].to_numpy(dtype=float)


def weighted_scores(
    labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray, names: Sequence[str]
) -> pd.DataFrame:
    """Scores of predictions that count as often as their weights say.

    Args:
        labels: (N,), class indices.
        probabilities: (N, 7).
        weights: (R, N), how often each image counts in each of R samples.
        names: of `SCORES`.

    Returns:
        R rows, one column per score.

    Raises:
        ValueError: if there is no such score.
    """
    if unknown := {*names} - {*SCORES}:
        raise ValueError(f"names: expected some of {SCORES}, got {sorted(unknown)}")
    found = _decisions(labels, probabilities.argmax(1), weights)
    for group, measure in ((RANKINGS, _rankings), (CALIBRATIONS, _calibrations)):
        if {*group} & {*names}:
            rows = [measure(labels, probabilities, weight) for weight in weights]
            found |= pd.DataFrame(rows).to_dict("list")
    return pd.DataFrame({name: found[name] for name in names})


def _decisions(labels: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> dict:
    """Scores of predicted classes, (N,), each (R,); scikit-learn's take 50 times as long."""
    count = len(CLASSES)
    cell = np.eye(count**2)[labels * count + predicted]  # (N, 49)
    cells = (weights @ cell).reshape(-1, count, count)  # (R, true class, predicted class)
    right = np.diagonal(cells, axis1=1, axis2=2)  # (R, 7), and so are the following
    support, given = cells.sum(2), cells.sum(1)
    occurs = support > 0
    share = support / support.sum(1, keepdims=True)
    precision = right / np.maximum(given, 1e-12)
    recall = right / np.maximum(support, 1e-12)
    f1 = 2 * right / np.maximum(given + support, 1e-12)
    return {
        "accuracy": (share * recall).sum(1),
        "precision": (share * precision).sum(1),
        "F1": (share * f1).sum(1),
        "balanced accuracy": recall.mean(1, where=occurs),
        "macro precision": precision.mean(1, where=occurs),
        "macro F1": f1.mean(1, where=occurs),
        "melanoma recall": recall[:, CLASSES.index("mel")],
    }


def _rankings(labels: np.ndarray, probabilities: np.ndarray, weight: np.ndarray) -> dict:
    """One class against the rest, mean over the classes that occur; `weight`: (N,)."""
    seen = weight > 0
    labels, probabilities, weight = labels[seen], probabilities[seen], weight[seen]
    areas, precisions = [], []
    for c in np.unique(labels):
        given = (labels == c, probabilities[:, c])
        if not given[0].all():
            areas.append(metrics.roc_auc_score(*given, sample_weight=weight))
            precisions.append(metrics.average_precision_score(*given, sample_weight=weight))
    if not areas:
        return {"ROC AUC": np.nan, "average precision": np.nan}
    return {"ROC AUC": np.mean(areas), "average precision": np.mean(precisions)}


def _calibrations(labels: np.ndarray, probabilities: np.ndarray, weight: np.ndarray) -> dict:
    """Guo et al. (2017), eq. 3; Brier (1950): a sum over the classes, 0 to 2. `weight`: (N,)."""
    table = _bins(labels, probabilities, weight)
    share = table["images"] / table["images"].sum()
    squares = ((probabilities - np.eye(len(CLASSES))[labels]) ** 2).sum(1)
    return {
        "ECE": (share * (table["accuracy"] - table["confidence"]).abs()).sum(),
        "Brier": np.average(squares, weights=weight),
    }


def _bins(labels: np.ndarray, probabilities: np.ndarray, weight: np.ndarray) -> pd.DataFrame:
    top = probabilities.max(1)
    place = np.minimum((top * BINS).astype(int), BINS - 1)
    right = probabilities.argmax(1) == labels
    sums = [np.bincount(place, weight * values, BINS) for values in (1, top, right)]
    table = pd.DataFrame(dict(zip(("images", "confidence", "accuracy"), sums, strict=True)))
    table = table[table["images"] > 0]
    means = table[["confidence", "accuracy"]].div(table["images"], axis=0)
    return table.assign(**means)


def score_values(run: Run | pd.DataFrame, names: Sequence[str] = TABLE1) -> dict[str, float]:
    """Scores without intervals.

    Args:
        run: a run, or a table like its `predictions`.
        names: of `SCORES`; see `scores`.
    """
    labels, probabilities = arrays(run)
    once = np.ones((1, len(labels)))
    return weighted_scores(labels, probabilities, once, names).loc[0].to_dict()


def bootstrap_weights(run: Run | pd.DataFrame, resamples: int) -> np.ndarray:
    """Bootstrap weights, (resamples, N): lesions drawn within each class; seeded.

    Of a class's n lesions, n - 1 are drawn with replacement and weigh n / (n - 1) each, since n
    draws have too little spread by that factor (Rao and Wu 1988). Each class keeps its lesions'
    number: a mean over classes would else be one over fewer in samples that miss a class.
    """
    labels, _ = arrays(run)
    lesions = table_of(run)["lesion_id"].to_numpy(dtype=str)
    _, first, lesion = np.unique(lesions, return_index=True, return_inverse=True)
    weights = np.ones((resamples, len(first)))
    rng = np.random.default_rng(0)
    for c in np.unique(labels[first]):
        members = np.flatnonzero(labels[first] == c)
        n = len(members)
        if n > 1:
            drawn = rng.integers(n, size=(resamples, n - 1)) + n * np.arange(resamples)[:, None]
            times = np.bincount(drawn.ravel(), minlength=resamples * n).reshape(resamples, n)
            weights[:, members] = times * n / (n - 1)
    return weights[:, lesion]


def scores(
    run: Run | pd.DataFrame, names: Sequence[str] = TABLE1, *, resamples: int = 500
) -> pd.DataFrame:
    """Scores, each with a 95 % bootstrap interval that draws lesions, class by class.

    In simulated test parts with HAM10000's proportions it covers the truth 92 to 94 % of the time
    from 400 lesions on, of which the rarest class has six. With 150, two of the rarest class, it
    does so for accuracy, precision and F1, but balanced accuracy is covered 86 % of the time, macro
    F1 90: two lesions that are alike show no spread. A class with a single lesion adds nothing to
    the width. How often a class occurs is not at stake.

    Args:
        run: a run, or a table like its `predictions`.
        names: of `SCORES`. Precision and F1 are weighted by the classes' support, their "macro"
            forms are not; balanced accuracy is the mean recall; ROC AUC and average precision set
            each class against the rest; ECE is the expected calibration error (Guo et al. 2017);
            the Brier score sums over the classes, 0 to 2. Means are over the classes that occur.
        resamples: how many bootstrap samples; they are seeded.

    Returns:
        One row per score; columns `value`, `low`, `high`.
    """
    weights = bootstrap_weights(run, resamples)
    samples = weighted_scores(*arrays(run), weights, names)
    table = pd.DataFrame({"value": score_values(run, names)})
    table["low"], table["high"] = samples.quantile([0.025, 0.975]).to_numpy()
    return table


def majority_baseline(run: Run | pd.DataFrame, names: Sequence[str] = TABLE1) -> dict[str, float]:
    """The scores of always answering the most frequent class of the test part."""
    table = table_of(run).copy()
    most = table["label"].mode()[0]
    table[list(CLASSES)] = [float(name == most) for name in CLASSES]
    return score_values(table, names)


def per_class(run: Run | pd.DataFrame) -> pd.DataFrame:
    """One row per class: `recall`, `precision`, `F1` (0 to 1), number of `images`."""
    labels, probabilities = arrays(run)
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        labels, probabilities.argmax(1), labels=range(len(CLASSES)), zero_division=0
    )
    columns = {"recall": recall, "precision": precision, "F1": f1, "images": support}
    return pd.DataFrame(columns, index=list(CLASSES))


def confusion_matrix(run: Run | pd.DataFrame) -> pd.DataFrame:
    """Counts of test images: one row per true class, one column per predicted class."""
    labels, probabilities = arrays(run)
    counts = metrics.confusion_matrix(labels, probabilities.argmax(1), labels=range(len(CLASSES)))
    return pd.DataFrame(counts, index=list(CLASSES), columns=list(CLASSES))


def reliability_table(run: Run | pd.DataFrame) -> pd.DataFrame:
    """What the expected calibration error sums up: one row per bin that is not empty.

    Returns:
        Columns `images`, `confidence` (mean largest probability) and `accuracy`.
    """
    labels, probabilities = arrays(run)
    return _bins(labels, probabilities, np.ones(len(labels)))
