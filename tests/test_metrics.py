import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score, precision_score

from skinlib import metrics
from skinlib.data import CLASSES
from skinlib.records import COLUMNS, Record


def record_of(labels, predicted, lesion_ids=None):
    """A record in which each picture is predicted with certainty."""
    rows = pd.DataFrame(np.eye(7)[predicted], columns=list(CLASSES))
    rows["label"] = [CLASSES[i] for i in labels]
    rows["image_id"] = [f"i{i}" for i in range(len(labels))]
    rows["lesion_id"] = rows["image_id"] if lesion_ids is None else lesion_ids
    return Record({}, rows[COLUMNS])


@pytest.fixture
def noisy():
    random = np.random.default_rng(0)
    labels = random.integers(0, 7, 400)
    predicted = np.where(random.random(400) < 0.7, labels, random.integers(0, 7, 400))
    return record_of(labels, predicted)


def test_scores_are_scikit_learns(noisy):
    table = metrics.scores(noisy, resamples=10)
    labels, predicted = noisy.labels, noisy.probabilities.argmax(1)
    assert table.loc["accuracy", "value"] == (labels == predicted).mean()
    assert table.loc["F1", "value"] == pytest.approx(
        f1_score(labels, predicted, average="weighted")
    )
    assert table.loc["precision", "value"] == pytest.approx(
        precision_score(labels, predicted, average="weighted")
    )
    assert table.loc["balanced accuracy", "value"] == pytest.approx(
        balanced_accuracy_score(labels, predicted)
    )


def test_an_interval_of_independent_pictures_is_the_binomial_one(noisy):
    row = metrics.scores(noisy, resamples=500).loc["accuracy"]
    half = 1.96 * np.sqrt(row["value"] * (1 - row["value"]) / 400)
    assert row["high"] - row["low"] == pytest.approx(2 * half, rel=0.2)
    assert row["low"] < row["value"] < row["high"]


def test_an_interval_counts_lesions_not_pictures(noisy):
    """Four copies of each picture tell nothing new: the interval must not shrink."""
    once = metrics.scores(noisy, resamples=500).loc["accuracy"]
    copied = noisy.predictions.loc[np.repeat(range(400), 4)].reset_index(drop=True)
    four = metrics.scores(Record({}, copied), resamples=500).loc["accuracy"]
    assert four["high"] - four["low"] == pytest.approx(once["high"] - once["low"], rel=0.15)


def test_majority_of_the_papers_test_part():
    labels = np.repeat(range(7), [49, 77, 165, 17, 167, 1006, 22])
    table = metrics.majority(record_of(labels, labels))
    assert table.loc["accuracy", "value"] == pytest.approx(1006 / 1503)
    assert table.loc["balanced accuracy", "value"] == pytest.approx(1 / 7)


def test_per_class_and_confusion():
    record = record_of([5, 5, 5, 4], [5, 5, 4, 4])
    table = metrics.per_class(record)
    assert table.loc["nv", "recall"] == pytest.approx(2 / 3)
    assert table.loc["mel", "precision"] == 0.5
    assert table["pictures"].sum() == 4
    assert metrics.confusion(record).loc["nv", "mel"] == 1
