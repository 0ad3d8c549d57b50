"""Every score, with its interval, from predictions."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd
from scipy import stats
from sklearn import metrics

from skinlib.data.dataset import CLASSES
from skinlib.records import Record, RecordError

TABLE1 = ("accuracy", "precision", "F1", "balanced accuracy")
"""The paper's scores, averaged by support as its precision and F1 seem to be, and ISIC's."""

SCORES = (*TABLE1, "macro precision", "macro F1", "ROC AUC", "average precision", "ECE", "Brier")

BINS = 15
"""Of the expected calibration error: of equal width, over the largest probability."""


def _decisions(labels: np.ndarray, probabilities: np.ndarray, weight: np.ndarray) -> dict:
    """Scores of the most probable class."""
    count = len(CLASSES)
    cells = np.bincount(labels * count + probabilities.argmax(1), weight, count**2)
    cells = cells.reshape(count, count)
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
    share = table["pictures"] / table["pictures"].sum()
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
    table = pd.DataFrame(dict(zip(("pictures", "confidence", "accuracy"), sums, strict=True)))
    table = table[table["pictures"] > 0]
    table[["confidence", "accuracy"]] = table[["confidence", "accuracy"]].div(
        table["pictures"], axis=0
    )
    return table


def _scores(record: Record, names: tuple[str, ...], weights: Iterable) -> pd.DataFrame:
    """A row a weighting of the pictures, a column a score."""
    labels, probabilities = record.labels, record.probabilities
    rows = []
    for weight in weights:
        found = {}
        for group in (_decisions, _rankings, _calibrations):
            if not set(names) <= found.keys():
                found |= group(labels, probabilities, weight)
        rows.append([float(found[name]) for name in names])
    return pd.DataFrame(rows, columns=list(names))


def _once(record: Record) -> list[np.ndarray]:
    return [np.ones(len(record.predictions))]


def _resampled(record: Record, resamples: int) -> Iterator[np.ndarray]:
    """How often each picture is drawn when each class's lesions are drawn with replacement; seeded.

    Class by class, or a mean over classes would be one over fewer in samples that miss some.
    """
    _, first, lesion = np.unique(
        record.predictions["lesion_id"], return_index=True, return_inverse=True
    )
    of_class = record.labels[first]
    classes = [np.flatnonzero(of_class == c) for c in np.unique(of_class)]
    random = np.random.default_rng(0)
    for _ in range(resamples):
        drawn = np.concatenate([random.choice(members, len(members)) for members in classes])
        yield np.bincount(drawn, minlength=len(first))[lesion].astype(float)


def scores(
    record: Record,
    names: tuple[str, ...] = TABLE1,
    *,
    resamples: int = 500,
) -> pd.DataFrame:
    """Scores, each with a 95 % bootstrap interval that draws lesions, class by class.

    Not pictures, since pictures of one lesion are not independent. It is seeded. The interval is
    that for test parts with these numbers of lesions a class: how often a class occurs is not at
    stake. A class with a single lesion adds nothing to its width.

    Args:
        record: whose predictions to score.
        names: of `SCORES`. Precision and F1 are weighted by the classes' support, their "macro"
            forms are not; balanced accuracy is the mean recall; ROC AUC and average precision
            set each class against the rest; ECE is the expected calibration error (Guo et al.
            2017); the Brier score sums over the classes, 0 to 2. Means are over the classes that
            occur.
        resamples: how many bootstrap samples.

    Returns:
        A row a score; columns `value`, `low`, `high`.
    """
    table = pd.DataFrame({"value": _scores(record, names, _once(record)).loc[0]})
    samples = _scores(record, names, _resampled(record, resamples))
    table["low"], table["high"] = samples.quantile([0.025, 0.975]).to_numpy()
    return table


def difference(
    first: Record, second: Record, name: str = "accuracy", *, resamples: int = 2000
) -> pd.Series:
    """How much better the first network is on the same test pictures.

    Args:
        first: a record.
        second: another, of the same test part.
        name: of `SCORES`.
        resamples: of the lesions, the same for both networks.

    Returns:
        `value`, `low`, `high` (95 %, paired bootstrap) and `p`, exact McNemar test of the
        hypothesis that both are right equally often (Fagerland et al. 2013). It counts pictures,
        not lesions.

    Raises:
        RecordError: if the test parts differ.
    """
    if list(first.predictions["image_id"]) != list(second.predictions["image_id"]):
        raise RecordError("the two records are of different test parts: compare within one split")
    weights = [*_once(first), *_resampled(first, resamples)]
    draws = (_scores(first, (name,), weights) - _scores(second, (name,), weights))[name]
    low, high = draws[1:].quantile([0.025, 0.975])
    right = [r.probabilities.argmax(1) == r.labels for r in (first, second)]
    only = [int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())]
    p = stats.binomtest(only[0], sum(only)).pvalue if sum(only) else 1.0
    return pd.Series({"value": draws[0], "low": low, "high": high, "p": p})


def holm(p: pd.Series) -> pd.Series:
    """P values corrected for their number (Holm 1979): reject those below the level."""
    order = p.sort_values()
    steps = order * np.arange(len(p), 0, -1)
    return steps.cummax().clip(upper=1).reindex(p.index)


def over_seeds(records: list[Record], name: str = "accuracy") -> pd.Series:
    """The mean of a score over runs, with Student's 95 % interval.

    Each run has its own split and its own first weights, so the interval says where the mean of
    many such runs on this data set lies; other pictures would move it further. A single run gets
    the interval of `scores`.

    Returns:
        `value`, `low`, `high` and `runs`.
    """
    if len(records) == 1:
        row = scores(records[0], (name,)).loc[name]
        return pd.Series({**row, "runs": 1})
    values = [_scores(r, (name,), _once(r)).loc[0, name] for r in records]
    return pd.Series({**student(values), "runs": len(values)})


def student(values: Sequence[float]) -> pd.Series:
    """The mean of two or more independent values, with Student's 95 % interval.

    Returns:
        `value`, `low` and `high`.
    """
    mean, half = np.mean(values), stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return pd.Series({"value": mean, "low": mean - half, "high": mean + half})


def over_lesions(values: np.ndarray, lesions: np.ndarray, resamples: int = 1000) -> pd.Series:
    """The mean of a value over lesions, with a 95 % bootstrap interval that draws lesions.

    Args:
        values: (N,), one a picture.
        lesions: (N,), the lesion that each picture shows; a lesion's pictures are averaged first.
        resamples: how many bootstrap samples; they are seeded.

    Returns:
        `value`, `low` and `high`.
    """
    means = pd.Series(values).groupby(np.asarray(lesions)).mean().to_numpy()
    draws = np.random.default_rng(0).choice(means, (resamples, len(means))).mean(1)
    low, high = np.quantile(draws, (0.025, 0.975))
    return pd.Series({"value": means.mean(), "low": low, "high": high})


def wilson(share: float, count: int) -> tuple[float, float]:
    """The 95 % interval of a share that was seen in `count` independent pictures (Wilson 1927)."""
    interval = stats.binomtest(round(share * count), count).proportion_ci(method="wilson")
    return interval.low, interval.high


def calibration(record: Record) -> pd.DataFrame:
    """What the expected calibration error sums up: a row a bin that is not empty.

    Returns:
        Columns `pictures`, `confidence` (mean largest probability) and `accuracy`.
    """
    return _bins(record.labels, record.probabilities, *_once(record))


def majority(record: Record, names: tuple[str, ...] = TABLE1) -> pd.DataFrame:
    """The scores of always answering the most frequent class of the test part.

    Returns:
        Like `scores`, without an interval.
    """
    constant = np.eye(len(CLASSES))[np.bincount(record.labels).argmax()]
    table = record.predictions.copy()
    table[list(CLASSES)] = constant
    record = Record(record.run, table)
    return pd.DataFrame({"value": _scores(record, names, _once(record)).loc[0]})


def per_class(record: Record) -> pd.DataFrame:
    """A row a class: `recall`, `precision`, `F1` (0 to 1) and `pictures` in the test part."""
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        record.labels,
        record.probabilities.argmax(1),
        labels=range(len(CLASSES)),
        zero_division=0,
    )
    columns = {"recall": recall, "precision": precision, "F1": f1, "pictures": support}
    return pd.DataFrame(columns, index=list(CLASSES))


def confusion(record: Record) -> pd.DataFrame:
    """Counts of test pictures: a row a true class, a column a predicted class."""
    counts = metrics.confusion_matrix(
        record.labels, record.probabilities.argmax(1), labels=range(len(CLASSES))
    )
    return pd.DataFrame(counts, index=list(CLASSES), columns=list(CLASSES))
