"""Every score, with its interval, from predictions."""

import numpy as np
import pandas as pd
from sklearn import metrics

from skinlib.data.dataset import CLASSES
from skinlib.records import Record


def _scores(labels: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        labels, predicted, labels=range(len(CLASSES)), zero_division=0
    )
    return {
        "accuracy": (labels == predicted).mean(),
        "precision": np.average(precision, weights=support),
        "F1": np.average(f1, weights=support),
        "balanced accuracy": recall[support > 0].mean(),
    }


def scores(record: Record, *, resamples: int = 500, level: float = 0.95) -> pd.DataFrame:
    """Table 1's scores and ISIC's, each with a bootstrap interval.

    Precision and F1 are weighted by the classes' support, as the paper's seem to be; balanced
    accuracy is the mean recall of the classes that occur. The bootstrap resamples lesions, not
    pictures, since pictures of one lesion are not independent; it is seeded.

    Args:
        record: whose predictions to score.
        resamples: how many bootstrap samples.
        level: of the interval, 0 to 1.

    Returns:
        A row a score; columns `value`, `low`, `high`, from 0 to 1.
    """
    labels, predicted = record.labels, record.probabilities.argmax(1)
    members = pd.Series(range(len(labels))).groupby(record.predictions["lesion_id"].to_numpy())
    members = list(members.indices.values())
    random = np.random.default_rng(0)
    samples = []
    for _ in range(resamples):
        rows = np.concatenate(
            [members[i] for i in random.integers(len(members), size=len(members))]
        )
        samples.append(_scores(labels[rows], predicted[rows]))
    tail = (1 - level) / 2
    table = pd.DataFrame({"value": _scores(labels, predicted)})
    table["low"], table["high"] = pd.DataFrame(samples).quantile([tail, 1 - tail]).to_numpy()
    return table


def majority(record: Record) -> pd.DataFrame:
    """The scores of always answering the most frequent class of the test part.

    Returns:
        Like `scores`, without an interval.
    """
    labels = record.labels
    constant = np.full_like(labels, np.bincount(labels).argmax())
    return pd.DataFrame({"value": _scores(labels, constant)})


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
