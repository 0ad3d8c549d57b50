"""Every score of a run, from its test predictions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn import metrics

from skinlib.data.dataset import CLASSES

if TYPE_CHECKING:
    from skinlib.runs import Run

TABLE1 = ("accuracy", "precision", "F1", "balanced accuracy")
"""The paper's scores, averaged by support as its precision and F1 seem to be, and ISIC's."""

SCORES = (*TABLE1, "macro precision", "macro F1", "ROC AUC", "average precision", "ECE", "Brier")

BINS = 15
"""Of the expected calibration error: of equal width, over the largest probability."""


def arrays(run: Run | pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Labels, int64 (N,), and probabilities, float64 (N, 7), of a run or of its predictions."""
    table = getattr(run, "predictions", run)
    labels = pd.Categorical(table["label"], categories=CLASSES).codes.astype("int64")
    return labels, table[list(CLASSES)].to_numpy(dtype=float)


def weighted_scores(
    labels: np.ndarray, probabilities: np.ndarray, weight: np.ndarray, names: tuple[str, ...]
) -> dict[str, float]:
    """Scores of predictions that count as often as their weights say.

    Args:
        labels: (N,), class indices.
        probabilities: (N, 7).
        weight: (N,), how often each image counts.
        names: of `SCORES`.
    """
    found = {}
    if not {*names}.isdisjoint(SCORES[:6]):
        found |= _decisions(labels, probabilities.argmax(1), weight)
    if not {*names}.isdisjoint(("ROC AUC", "average precision")):
        found |= _rankings(labels, probabilities, weight)
    if not {*names}.isdisjoint(("ECE", "Brier")):
        found |= _calibrations(labels, probabilities, weight)
    return {name: float(found[name]) for name in names}


def _decisions(labels: np.ndarray, predicted: np.ndarray, weight: np.ndarray) -> dict:
    """Scores of the most probable class; scikit-learn's take 50 times as long."""
    count = len(CLASSES)
    cells = np.bincount(labels * count + predicted, weight, count**2)
    cells = cells.reshape(count, count)  # (true class, predicted class)
    right, support, given = cells.diagonal(), cells.sum(1), cells.sum(0)
    occurs = support > 0
    precision = right / np.maximum(given, 1e-12)
    recall = right / np.maximum(support, 1e-12)
    f1 = 2 * right / np.maximum(given + support, 1e-12)
    return {
        "accuracy": right.sum() / support.sum(),
        "precision": np.average(precision, weights=support),
        "F1": np.average(f1, weights=support),
        "balanced accuracy": recall[occurs].mean(),
        "macro precision": precision[occurs].mean(),
        "macro F1": f1[occurs].mean(),
    }


def _rankings(labels: np.ndarray, probabilities: np.ndarray, weight: np.ndarray) -> dict:
    """One class against the rest, mean over the classes that occur."""
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
    """Guo et al. (2017), eq. 3; Brier (1950): a sum over the classes, 0 to 2."""
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


def score_values(run: Run | pd.DataFrame, names: tuple[str, ...] = TABLE1) -> dict[str, float]:
    """Scores without intervals.

    Args:
        run: a run, or a table like its `predictions`.
        names: of `SCORES`; see `scores`.
    """
    labels, probabilities = arrays(run)
    return weighted_scores(labels, probabilities, np.ones(len(labels)), names)


def bootstrap_weights(run: Run | pd.DataFrame, resamples: int) -> Iterator[np.ndarray]:
    """Bootstrap weights, (N,): lesions drawn with replacement within each class; seeded.

    Of a class's n lesions, n - 1 are drawn and weigh n / (n - 1) each, since n draws have too
    little spread by that factor (Rao and Wu 1988). Each class keeps its lesions' number: a mean
    over classes would else be one over fewer in samples without a class.
    """
    labels, _ = arrays(run)
    lesion_ids = getattr(run, "predictions", run)["lesion_id"]
    _, first, lesion = np.unique(lesion_ids, return_index=True, return_inverse=True)
    of_class = labels[first]
    classes = [np.flatnonzero(of_class == c) for c in np.unique(of_class)]
    rng = np.random.default_rng(0)
    for _ in range(resamples):
        weight = np.ones(len(first))
        for members in (members for members in classes if len(members) > 1):
            n = len(members)
            drawn = np.bincount(rng.integers(n, size=n - 1), minlength=n)
            weight[members] = drawn * n / (n - 1)
        yield weight[lesion]


def scores(
    run: Run | pd.DataFrame, names: tuple[str, ...] = TABLE1, *, resamples: int = 500
) -> pd.DataFrame:
    """Scores, each with a 95 % bootstrap interval that draws lesions, class by class.

    COVERAGE

    Args:
        run: a run, or a table like its `predictions`.
        names: of `SCORES`. Precision and F1 are weighted by the classes' support, their "macro"
            forms are not; balanced accuracy is the mean recall; ROC AUC and average precision
            set each class against the rest; ECE is the expected calibration error (Guo et al.
            2017); the Brier score sums over the classes, 0 to 2. Means are over the classes that
            occur.
        resamples: how many bootstrap samples; they are seeded.

    Returns:
        One row per score; columns `value`, `low`, `high`.
    """
    labels, probabilities = arrays(run)
    samples = pd.DataFrame(
        weighted_scores(labels, probabilities, weight, names)
        for weight in bootstrap_weights(run, resamples)
    )
    table = pd.DataFrame({"value": score_values(run, names)})
    table["low"], table["high"] = samples.quantile([0.025, 0.975]).to_numpy()
    return table


def majority_baseline(run: Run | pd.DataFrame, names: tuple[str, ...] = TABLE1) -> dict[str, float]:
    """The scores of always answering the most frequent class of the test part."""
    labels, probabilities = arrays(run)
    always = np.zeros_like(probabilities)
    always[:, np.bincount(labels).argmax()] = 1
    return weighted_scores(labels, always, np.ones(len(labels)), names)


def per_class(run: Run | pd.DataFrame) -> pd.DataFrame:
    """One row per class: `recall`, `precision`, `F1` (0 to 1), and its `images` in the test part."""
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
