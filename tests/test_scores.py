import numpy as np
import pandas as pd
import pytest
from fakes import run_of
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

from skinlib.data import CLASSES
from skinlib.scores import (
    SCORES,
    bootstrap_weights,
    confusion_matrix,
    majority_baseline,
    per_class,
    reliability_table,
    score_values,
    scores,
    weighted_scores,
)


@pytest.fixture
def answers():
    """Labels, and predictions of which 7 in 10 are right."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 7, 400)
    return labels, np.where(rng.random(400) < 0.7, labels, rng.integers(0, 7, 400))


@pytest.fixture
def soft():
    """Uncertain predictions; three images per lesion."""
    rng = np.random.default_rng(1)
    labels = rng.choice(7, 500, p=[0.05, 0.05, 0.1, 0.02, 0.1, 0.66, 0.02])
    run = run_of(labels, labels, [f"l{i // 3}" for i in range(500)])
    logits = 1.5 * np.eye(7)[labels] + rng.normal(size=(500, 7))
    run.predictions[list(CLASSES)] = softmax(logits, axis=1)
    return run


def test_scores_are_scikit_learns(answers):
    values = score_values(run_of(*answers), SCORES)
    assert values["accuracy"] == pytest.approx((answers[0] == answers[1]).mean())
    assert values["balanced accuracy"] == pytest.approx(balanced_accuracy_score(*answers))
    for name, average in {"": "weighted", "macro ": "macro"}.items():
        precision = precision_score(*answers, average=average)
        assert values[f"{name}precision"] == pytest.approx(precision)
        assert values[f"{name}F1"] == pytest.approx(f1_score(*answers, average=average))


def test_rankings_are_scikit_learns(soft):
    values = score_values(soft, ("ROC AUC", "average precision"))
    labels = pd.Categorical(soft.predictions["label"], categories=CLASSES).codes
    given = np.eye(7)[labels], soft.predictions[list(CLASSES)].to_numpy()
    assert values["ROC AUC"] == pytest.approx(roc_auc_score(*given, average="macro"))
    assert values["average precision"] == pytest.approx(
        average_precision_score(*given, average="macro")
    )


def test_a_table_of_predictions_is_scored_like_a_run(soft):
    """The ISIC 2018 test set comes as a table."""
    pd.testing.assert_frame_equal(scores(soft), scores(soft.predictions))


@pytest.mark.parametrize("name", SCORES)
def test_each_score_alone_is_the_one_among_all(soft, name):
    assert score_values(soft, (name,))[name] == score_values(soft, SCORES)[name]


def test_every_score_on_repeated_rows_is_the_weighted_one(soft):
    """The bootstrap weighs images; drawing them several times must give the same."""
    weight = np.random.default_rng(2).integers(0, 4, 500)
    repeated = soft.predictions.iloc[np.repeat(np.arange(500), weight)]
    labels = pd.Categorical(soft.predictions["label"], categories=CLASSES).codes
    probabilities = soft.predictions[list(CLASSES)].to_numpy()
    weights = np.stack([np.ones(500), weight])
    got = weighted_scores(labels.astype(int), probabilities, weights, SCORES)
    assert got.loc[0].to_dict() == pytest.approx(score_values(soft, SCORES))
    assert got.loc[1].to_dict() == pytest.approx(score_values(repeated, SCORES))


def test_an_interval_of_independent_images_is_the_binomial_one(answers):
    row = scores(run_of(*answers)).loc["accuracy"]
    half = 1.96 * np.sqrt(row["value"] * (1 - row["value"]) / 400)
    assert row["high"] - row["low"] == pytest.approx(2 * half, rel=0.2)
    assert row["low"] < row["value"] < row["high"]


def test_an_interval_counts_lesions_not_images(answers):
    """Four copies of each image tell nothing new: the interval must not shrink."""
    run = run_of(*answers)
    once = scores(run).loc["accuracy"]
    copies = run.predictions.loc[np.repeat(range(400), 4)].reset_index(drop=True)
    four = scores(copies).loc["accuracy"]
    width = once["high"] - once["low"]
    assert four["high"] - four["low"] == pytest.approx(width, rel=0.15)


@pytest.mark.parametrize("lesions", [2, 3, 8])
def test_few_lesions_have_all_their_spread(lesions):
    """Intervals were too narrow by 1 - 1/n: with two lesions in a class, by half."""
    values = np.random.default_rng(0).normal(size=lesions)
    run = run_of([4] * lesions, [4] * lesions)
    means = bootstrap_weights(run, 10_000) @ values / lesions
    assert np.var(means) == pytest.approx(np.var(values, ddof=1) / lesions, rel=0.06)


def test_every_resample_has_every_class():
    """Samples without a class once moved balanced accuracy far above its value."""
    labels = [5] * 40 + [3] * 2 + [6]
    for weight in bootstrap_weights(run_of(labels, labels), 200):
        assert np.bincount(labels, weight)[[3, 5, 6]] == pytest.approx([2, 40, 1])


@pytest.mark.slow
def test_the_interval_covers_what_it_should():
    """Lesions of four images, right or wrong together: 60 of a class, 40 of another."""
    rng = np.random.default_rng(0)
    labels = np.repeat([5, 4], [60 * 4, 40 * 4])
    lesions = np.repeat([f"l{i}" for i in range(100)], 4)
    recall = np.repeat([0.9, 0.4], [60, 40])
    covered = {"lesions": 0, "images": 0}
    for _ in range(150):
        right = np.repeat(rng.random(100) < recall, 4)
        for unit, ids in {"lesions": lesions, "images": None}.items():
            run = run_of(labels, np.where(right, labels, 1), ids)
            row = scores(run, ("accuracy",), resamples=150).loc["accuracy"]
            covered[unit] += row["low"] <= recall.mean() <= row["high"]
    assert 0.90 <= covered["lesions"] / 150 <= 0.99
    assert covered["images"] / 150 < 0.8


def test_calibration_in_closed_form():
    """Ten images at 80 % certainty, six of them right: off by 0.2."""
    run = run_of([5] * 6 + [4] * 4, [5] * 10)
    run.predictions[list(CLASSES)] = [0, 0, 0, 0, 0.2, 0.8, 0]
    values = score_values(run, ("ECE", "Brier"))
    assert values["ECE"] == pytest.approx(0.2)
    assert values["Brier"] == pytest.approx(0.6 * 2 * 0.2**2 + 0.4 * 2 * 0.8**2)
    (row,) = reliability_table(run).to_dict("records")
    assert row == pytest.approx({"images": 10, "confidence": 0.8, "accuracy": 0.6})


def test_calibration_weighs_its_bins():
    """30 images at 80 %, all right; 10 at 40 %, one right: errors do not cancel."""
    run = run_of([5] * 31 + [4] * 9, [5] * 40)
    run.predictions.loc[:29, list(CLASSES)] = [0, 0, 0, 0, 0.2, 0.8, 0]
    run.predictions.loc[30:, list(CLASSES)] = [0.2, 0.2, 0.2, 0, 0, 0.4, 0]
    assert score_values(run, ("ECE",))["ECE"] == pytest.approx((30 * 0.2 + 10 * 0.3) / 40)


@given(labels=st.lists(st.integers(0, 6), min_size=2, max_size=40))
@settings(deadline=None, max_examples=30)
def test_a_perfect_network(labels):
    values = score_values(run_of(labels, labels), SCORES)
    if len(set(labels)) == 1:
        del values["ROC AUC"], values["average precision"]
    expected = {name: 0 if name in ("ECE", "Brier") else 1 for name in values}
    expected["melanoma recall"] = int(CLASSES.index("mel") in labels)
    assert values == pytest.approx(expected)


def test_classes_missing_from_a_test_part_do_no_harm():
    run = run_of([5] * 30 + [3], [5] * 30 + [3])
    assert np.isfinite(scores(run, SCORES, resamples=50)).all(axis=None)


def test_an_unknown_score_is_named(answers):
    with pytest.raises(ValueError, match=r"names: expected some of .*got \['recall'\]"):
        score_values(run_of(*answers), ("accuracy", "recall"))


def test_a_label_that_is_no_class_is_named(answers):
    """It once counted as the last class."""
    table = run_of(*answers).predictions.assign(label="melanoma")
    with pytest.raises(ValueError, match=r"label: expected some of .*got \['melanoma'\]"):
        score_values(table)


def test_majority_of_the_papers_test_part():
    labels = np.repeat(range(7), [49, 77, 165, 17, 167, 1006, 22])
    values = majority_baseline(run_of(labels, labels))
    assert values["accuracy"] == pytest.approx(1006 / 1503)
    assert values["balanced accuracy"] == pytest.approx(1 / 7)


def test_per_class_and_confusion():
    run = run_of([5, 5, 5, 4], [5, 5, 4, 4])
    table = per_class(run)
    assert table.loc["nv", "recall"] == pytest.approx(2 / 3)
    assert table.loc["mel", "precision"] == 0.5
    assert table["images"].sum() == 4
    assert confusion_matrix(run).loc["nv", "mel"] == 1
