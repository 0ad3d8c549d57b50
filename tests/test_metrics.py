import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    f1_score,
    precision_score,
    roc_auc_score,
)

from skinlib import metrics
from skinlib.data import CLASSES
from skinlib.records import COLUMNS, Record, RecordError


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


@pytest.fixture
def soft():
    """Uncertain predictions; several pictures a lesion."""
    random = np.random.default_rng(1)
    labels = random.choice(7, 500, p=[0.05, 0.05, 0.1, 0.02, 0.1, 0.66, 0.02])
    record = record_of(labels, labels, [f"l{i // 3}" for i in range(500)])
    table = record.predictions
    logits = 1.5 * np.eye(7)[labels] + random.normal(size=(500, 7))
    table[list(CLASSES)] = softmax(logits, axis=1)
    return record


def test_every_score_on_repeated_rows_is_the_weighted_one(soft):
    """The bootstrap weighs pictures; drawing them several times must give the same."""
    weight = next(metrics._resampled(soft, 1))
    rows = np.repeat(np.arange(500), weight.astype(int))
    repeated = Record({}, soft.predictions.iloc[rows].reset_index(drop=True))
    expected = metrics.scores(repeated, metrics.SCORES, resamples=1)["value"]
    got = metrics._scores(soft, metrics.SCORES, [weight]).loc[0]
    pd.testing.assert_series_equal(got, expected, check_names=False)


def test_rankings_are_scikit_learns(soft):
    table = metrics.scores(soft, ("ROC AUC", "average precision"), resamples=2)["value"]
    truth = np.eye(7)[soft.labels]
    p = soft.probabilities
    assert table["ROC AUC"] == pytest.approx(roc_auc_score(truth, p, average="macro"))
    assert table["average precision"] == pytest.approx(
        average_precision_score(truth, p, average="macro")
    )


def test_macro_scores_are_scikit_learns(noisy):
    table = metrics.scores(noisy, ("macro precision", "macro F1"), resamples=2)["value"]
    given = (noisy.labels, noisy.probabilities.argmax(1))
    assert table["macro F1"] == pytest.approx(f1_score(*given, average="macro"))
    assert table["macro precision"] == pytest.approx(precision_score(*given, average="macro"))


def test_calibration_in_closed_form():
    """Ten pictures at 80 % certainty, six of them right: off by 0.2."""
    record = record_of([5] * 6 + [4] * 4, [5] * 10)
    record.predictions[list(CLASSES)] = [0, 0, 0, 0, 0.2, 0.8, 0]
    table = metrics.scores(record, ("ECE", "Brier"), resamples=2)["value"]
    assert table["ECE"] == pytest.approx(0.2)
    assert table["Brier"] == pytest.approx(0.6 * 2 * 0.2**2 + 0.4 * 2 * 0.8**2)
    (row,) = metrics.calibration(record).to_dict("records")
    assert row == pytest.approx({"pictures": 10, "confidence": 0.8, "accuracy": 0.6})


def test_calibration_weighs_its_bins():
    """30 pictures at 80 %, all right; 10 at 40 %, one of them right: errors do not cancel."""
    record = record_of([5] * 31 + [4] * 9, [5] * 40)
    record.predictions.loc[:29, list(CLASSES)] = [0, 0, 0, 0, 0.2, 0.8, 0]
    record.predictions.loc[30:, list(CLASSES)] = [0.2, 0.2, 0.2, 0, 0, 0.4, 0]
    table = metrics.scores(record, ("ECE",), resamples=2)["value"]
    assert table["ECE"] == pytest.approx((30 * 0.2 + 10 * 0.3) / 40)


@given(labels=st.lists(st.integers(0, 6), min_size=2, max_size=40))
@settings(deadline=None, max_examples=30)
def test_a_perfect_network(labels):
    table = metrics.scores(record_of(labels, labels), metrics.SCORES, resamples=2)["value"]
    if len(set(labels)) == 1:
        table = table.drop(["ROC AUC", "average precision"])
    assert table.drop(["ECE", "Brier"]).to_numpy() == pytest.approx(1)
    assert table[["ECE", "Brier"]].to_numpy() == pytest.approx(0)


def test_classes_missing_from_a_resample_do_no_harm():
    record = record_of([5] * 30 + [3], [5] * 30 + [3])
    table = metrics.scores(record, metrics.SCORES, resamples=50)
    assert np.isfinite(table["value"]).all()


def test_every_resample_has_every_class():
    """Balanced accuracy once had an interval far above its value, from samples without a class."""
    labels = [5] * 40 + [3] * 2 + [6]
    for weight in metrics._resampled(record_of(labels, labels), 200):
        assert np.bincount(labels, weight)[[3, 5, 6]].tolist() == [2, 40, 1]


def test_mcnemar_of_a_published_example():
    """Fagerland et al. (2013), table 1: 1 against 7 discordant pairs, exact p = 0.0703."""
    right, wrong = 5, 4
    first = [right] * 1 + [wrong] * 7 + [right] * 1 + [wrong] * 12
    second = [wrong] * 1 + [right] * 7 + [right] * 1 + [wrong] * 12
    row = metrics.difference(record_of([5] * 21, first), record_of([5] * 21, second))
    assert row["p"] == pytest.approx(0.0703, abs=5e-5)
    assert row["value"] == pytest.approx(-6 / 21)
    assert row["low"] < row["value"] < row["high"]


def test_a_network_equals_itself(soft):
    row = metrics.difference(soft, soft, resamples=20)
    assert row.to_dict() == {"value": 0, "low": 0, "high": 0, "p": 1}


def test_paired_networks_are_compared_more_sharply_than_apart(noisy):
    changed = noisy.predictions.copy()
    changed.loc[:9, list(CLASSES)] = np.eye(7)[(noisy.labels[:10] + 1) % 7]
    row = metrics.difference(noisy, Record({}, changed))
    apart = metrics.scores(noisy).loc["accuracy"]
    assert row["high"] - row["low"] < (apart["high"] - apart["low"]) / 2


def test_records_of_different_test_parts_are_not_compared(noisy, soft):
    with pytest.raises(RecordError, match="different test parts"):
        metrics.difference(noisy, soft)


def test_holm_by_hand():
    p = pd.Series({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    assert metrics.holm(p).to_dict() == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02})


def test_wilson_of_the_papers_accuracies():
    assert metrics.wilson(0.8829, 1503) == pytest.approx((0.866, 0.898), abs=1e-3)
    assert metrics.wilson(0.8684, 1503) == pytest.approx((0.850, 0.885), abs=1e-3)


def test_students_interval_over_seeds(noisy):
    right = [100, 110, 120]
    runs = [record_of([5] * 200, [5] * n + [4] * (200 - n)) for n in right]
    row = metrics.over_seeds(runs)
    assert row["value"] == pytest.approx(0.55)
    half = 4.302653 * 0.05 / np.sqrt(3)
    assert (row["low"], row["high"]) == pytest.approx((0.55 - half, 0.55 + half))
    alone = metrics.over_seeds(runs[:1])
    assert alone["low"] < alone["value"] < alone["high"]


def test_the_interval_covers_what_it_should():
    """Lesions of four pictures that are right or wrong together; 60 of one class, 40 of another."""
    random = np.random.default_rng(0)
    labels = np.repeat([5, 4], [60 * 4, 40 * 4])
    lesions = np.repeat([f"l{i}" for i in range(100)], 4)
    recall = np.repeat([0.9, 0.4], [60, 40])
    covered = {"lesions": 0, "pictures": 0}
    for _ in range(150):
        right = np.repeat(random.random(100) < recall, 4)
        for unit, ids in {"lesions": lesions, "pictures": None}.items():
            record = record_of(labels, np.where(right, labels, 1), ids)
            row = metrics.scores(record, ("accuracy",), resamples=150).loc["accuracy"]
            covered[unit] += row["low"] <= recall.mean() <= row["high"]
    assert 0.90 <= covered["lesions"] / 150 <= 0.99
    assert covered["pictures"] / 150 < 0.8


def test_the_interval_of_a_difference_covers_what_it_should():
    """Two networks of 70 % and 60 %, on lesions that are easy or hard for both."""
    random = np.random.default_rng(0)
    covered = 0
    for _ in range(150):
        luck = random.random(200)
        first, second = (record_of([5] * 200, np.where(luck < p, 5, 4)) for p in (0.7, 0.6))
        row = metrics.difference(first, second, resamples=150)
        covered += row["low"] <= 0.1 <= row["high"]
    assert 0.88 <= covered / 150 <= 0.99


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


def test_more_pictures_of_the_same_lesions_narrow_no_interval():
    values = np.random.default_rng(0).normal(size=200)
    once = metrics.over_lesions(values, np.arange(200))
    often = metrics.over_lesions(np.tile(values, 3), np.tile(np.arange(200), 3))
    pd.testing.assert_series_equal(once, often)
    half = 1.96 * values.std() / 200**0.5
    assert once["high"] - once["low"] == pytest.approx(2 * half, rel=0.1)
    assert once["value"] == pytest.approx(values.mean())
    assert once["low"] < once["value"] < once["high"]
