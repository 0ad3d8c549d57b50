import numpy as np
import pandas as pd
import pytest
from fakes import run_of
from hypothesis import given
from hypothesis import strategies as st

from skinlib.data import CLASSES
from skinlib.intervals import (
    cluster_bootstrap,
    compare,
    difference,
    equivalence,
    holm_correction,
    mean_over_seeds,
    paired_difference,
    show,
    t_interval,
    wilson_interval,
)


def test_students_interval_in_closed_form():
    row = t_interval([0.5, 0.55, 0.6])
    half = 4.302653 * 0.05 / np.sqrt(3)
    assert row.to_dict() == pytest.approx({"value": 0.55, "low": 0.55 - half, "high": 0.55 + half})


def test_a_single_value_has_no_interval():
    row = t_interval([0.5])
    assert row["value"] == 0.5
    assert np.isnan(row[["low", "high"]]).all()
    assert compare(row) == "undecided"
    assert equivalence(row, 0.5, 0.02) == "undecided"
    assert show(row) == "50.0"


def test_no_value_has_no_mean():
    """A network that has not been run yet is an empty cell, not a warning."""
    row = mean_over_seeds(pd.DataFrame({"accuracy": [], "seed": [], "run": []}))
    assert row["runs"] == 0
    assert show(row) == show(row, signed=True) == ""


def test_wilson_of_the_papers_accuracies():
    for share, low, high in ((0.8829, 0.866, 0.898), (0.8684, 0.850, 0.885)):
        row = wilson_interval(share, 1503)
        assert row.to_list() == pytest.approx([share, low, high], abs=1e-3)


def test_newcombes_example_of_a_difference():
    """56 of 70 against 48 of 80, method 10 of his table II."""
    row = difference(wilson_interval(56 / 70, 70), wilson_interval(48 / 80, 80))
    assert row.to_list() == pytest.approx([0.2, 0.0524, 0.3339], abs=1e-4)


def test_holm_by_hand():
    p = pd.Series({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    expected = {"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02}
    assert holm_correction(p).to_dict() == pytest.approx(expected)


DRAWS = {
    "normal": (lambda rng, n: rng.normal(size=n), 0),
    "skewed": (lambda rng, n: rng.exponential(size=n), 1),
    "shares": (lambda rng, n: rng.beta(0.5, 2, size=n), 0.2),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "clusters", "least"),
    [
        ("normal", 5, 0.93),
        ("normal", 8, 0.93),
        ("normal", 15, 0.93),
        ("normal", 100, 0.93),
        ("skewed", 5, 0.86),
        ("skewed", 15, 0.93),
        ("skewed", 30, 0.93),
        ("shares", 15, 0.93),
        ("shares", 30, 0.93),
    ],
)
def test_the_interval_of_a_mean_over_clusters_covers_it(kind, clusters, least):
    """Two images per lesion. Resampling five lesions covered 80 to 85 %."""
    draw, mean = DRAWS[kind]
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(600):
        values = np.repeat(draw(rng, clusters), 2)
        row = cluster_bootstrap(values, np.arange(2 * clusters) // 2, resamples=500)
        covered += row["low"] <= mean <= row["high"]
    assert least <= covered / 600 <= 0.985


def test_more_images_of_the_same_lesions_narrow_no_interval():
    values = np.random.default_rng(0).normal(size=200)
    once = cluster_bootstrap(values, np.arange(200))
    often = cluster_bootstrap(np.tile(values, 3), np.tile(np.arange(200), 3))
    pd.testing.assert_series_equal(once, often)
    assert once["value"] == pytest.approx(values.mean())
    half = 1.96 * values.std() / 200**0.5
    assert once["high"] - once["low"] == pytest.approx(2 * half, rel=0.1)


def test_lesions_that_are_all_alike_have_no_spread():
    assert set(cluster_bootstrap(np.ones(40), np.arange(40))) == {1}


def two_networks(rng, more):
    """Two networks of one accuracy; images of a lesion are right or wrong together."""
    lesion = np.repeat(np.arange(150), 1 + rng.poisson(more, 150))
    labels = np.where(lesion < 100, 5, 4)
    right = [(rng.random(150) < 0.7)[lesion] for _ in range(2)]
    return [run_of(labels, np.where(r, labels, 3), lesion) for r in right]


@pytest.mark.parametrize("more", [0, 1.5])
def test_the_paired_test_holds_its_level(more):
    """McNemar's on images was wrong 16 % of the time with 2.5 images per lesion."""
    rng = np.random.default_rng(0)
    rows = [paired_difference(*two_networks(rng, more), resamples=99) for _ in range(120)]
    rows = pd.DataFrame(rows)
    assert 0.015 <= (rows["p"] <= 0.05).mean() <= 0.09
    assert 0.91 <= ((rows["low"] <= 0) & (rows["high"] >= 0)).mean() <= 0.985


def test_the_paired_test_on_a_single_image_each_is_mcnemars():
    """Fagerland et al. (2013), table 1: 1 against 7 discordant pairs, p = 0.0703."""
    right, wrong = 5, 4
    first = [right] * 1 + [wrong] * 7 + [right] * 1 + [wrong] * 12
    second = [wrong] * 1 + [right] * 7 + [right] * 1 + [wrong] * 12
    row = paired_difference(run_of([5] * 21, first), run_of([5] * 21, second), resamples=20_000)
    assert row["p"] == pytest.approx(0.0703, abs=0.006)
    assert row["value"] == pytest.approx(-6 / 21)
    assert row["low"] < row["value"] < row["high"]


@pytest.fixture
def noisy():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 7, 400)
    predicted = np.where(rng.random(400) < 0.7, labels, rng.integers(0, 7, 400))
    return run_of(labels, predicted)


@pytest.mark.parametrize("name", ["F1", "ROC AUC", "ECE"])
def test_a_network_equals_itself(noisy, name):
    row = paired_difference(noisy, noisy, name, resamples=20)
    assert row.to_dict() == {"value": 0, "low": 0, "high": 0, "p": 1}


def test_a_difference_changes_its_sign_with_the_order(noisy):
    labels = [CLASSES.index(label) for label in noisy.predictions["label"]]
    perfect = run_of(labels, labels)
    ahead, behind = (
        paired_difference(*pair, "balanced accuracy", resamples=200)
        for pair in ((perfect, noisy), (noisy, perfect))
    )
    assert ahead["value"] == -behind["value"] > 0
    assert (compare(ahead), compare(behind)) == ("better", "worse")
    assert ahead["p"] == behind["p"] == 1 / 201


def test_runs_of_different_test_parts_are_not_compared(noisy):
    other = run_of([5, 4], [5, 4])
    with pytest.raises(ValueError, match="expected one test part, got two"):
        paired_difference(noisy, other)


def test_a_mean_over_seeds():
    runs = [run_of([5] * 200, [5] * n + [4] * (200 - n)) for n in (100, 110, 120)]
    table = pd.DataFrame({"accuracy": [0.5, 0.55, 0.6], "seed": range(3), "run": runs})
    row = mean_over_seeds(table)
    assert row.to_dict() == {**t_interval([0.5, 0.55, 0.6]), "runs": 3}
    twice = mean_over_seeds(table.assign(seed=[0, 0, 1]))
    assert twice["value"] == pytest.approx(np.mean([0.525, 0.6]))  # a seed counts once
    assert np.isnan(twice[["low", "high"]]).all()  # a recall once lay between -31 and 122 %
    alone = mean_over_seeds(table[:1])
    assert alone["low"] < alone["value"] == 0.5 < alone["high"]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.87, 0.89, "equivalent"),
        (0.86, 0.90, "equivalent"),
        (0.85, 0.89, "undecided"),
        (0.5, 1.0, "undecided"),
        (0.80, 0.85, "different"),
        (0.91, 0.95, "different"),
    ],
)
def test_equivalence(low, high, expected):
    assert equivalence({"low": low, "high": high}, 0.88, 0.02000001) == expected


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_wider_interval_is_never_surer(middle, half, more):
    narrow = {"low": middle - half, "high": middle + half}
    wide = {"low": middle - half - more, "high": middle + half + more}
    assert equivalence(wide, 0.5, 0.1) in (equivalence(narrow, 0.5, 0.1), "undecided")
    assert compare(wide) in (compare(narrow), "undecided")


def test_how_an_interval_is_written():
    row = {"value": 0.76612, "low": 0.7434, "high": 0.79}
    assert show(row) == "76.6 (74.3 to 79.0)"
    assert show(row, 2, percent=False) == "0.77 (0.74 to 0.79)"
    gap = {"value": 0.004, "low": -0.0001, "high": 0.008}
    assert show(gap, signed=True) == "+0.4 (+0.0 to +0.8)"
    assert show(pd.Series(gap)) == "0.4 (0.0 to 0.8)"
