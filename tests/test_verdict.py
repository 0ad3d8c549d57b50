import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from skinlib import verdict
from skinlib.data import CLASSES
from skinlib.records import COLUMNS, Record


def record_of(right, count=1000, labels=None):
    """A record with so many right answers."""
    labels = np.arange(count) % 7 if labels is None else np.asarray(labels)
    answers = np.where(np.arange(len(labels)) < right, labels, (labels + 1) % 7)
    rows = pd.DataFrame(np.eye(7)[answers], columns=list(CLASSES))
    rows["label"] = [CLASSES[i] for i in labels]
    rows["image_id"] = rows["lesion_id"] = [f"i{i}" for i in range(len(labels))]
    return Record({}, rows[COLUMNS])


def runs(name, *rights, split="random"):
    return {f"{name}_{split}_seed{seed}": record_of(right) for seed, right in enumerate(rights)}


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=8))
def test_a_sign_is_what_a_t_test_says(values):
    if np.ptp(values) < 1e-6:
        return
    found = verdict.sign(values)[1]
    test = stats.ttest_1samp(values, 0)
    if test.pvalue < 0.0499:
        assert found == ("reproduced" if test.statistic > 0 else "not reproduced")
    if test.pvalue > 0.0501:
        assert found == "undecided"


def test_a_score_takes_three_runs_at_full_size():
    small = runs("proposed", 880, 890, 870)
    two = verdict.score(88.29, "accuracy", runs("proposed", 880, 890), small)
    assert two.verdict == "undecided"
    assert two.figure.startswith("at 64 x 64: 88.0")
    assert verdict.score(88.29, "accuracy", {}, small).verdict == "not yet run"
    assert two.ran == "2 of 5 runs at 224 x 224, 3 at 64 x 64"
    assert verdict.score(88.29, "accuracy", small, {}).verdict == "reproduced"


def test_a_score_without_any_run_has_no_figure():
    empty = verdict.score(88.29, "accuracy", {}, {})
    assert empty[1:] == ("", "not yet run")


@pytest.mark.parametrize(
    ("rights", "expected"),
    [((880, 890, 870), "reproduced"), ((869, 870, 871), "partly"), ((859, 860, 861), "not")],
)
def test_a_score_is_held_against_the_interval_then_two_points(rights, expected):
    found = verdict.score(88.29, "accuracy", runs("proposed", *rights), {})
    assert found.verdict == ("not reproduced" if expected == "not" else expected)


def test_better_counts_the_papers_split_alone():
    """Chapter 8 once pooled both splits under a claim about table 1."""
    full = runs("proposed", 800, 805, 795) | runs("alexnet", 850, 856, 844)
    full |= runs("proposed", 900, 905, 895, split="grouped")
    full |= runs("alexnet", 500, 506, 494, split="grouped")
    found = verdict.better("alexnet", full, {})
    assert found.verdict == "not reproduced"
    assert found.figure.startswith("-5.0")
    assert found.ran.startswith("3 pairs")


def test_a_part_counts_both_splits_and_may_be_decided_at_64():
    small = runs("proposed", 850, 856, 850) | runs("proposed_without_attention", 800, 805, 799)
    small |= runs("proposed", 850, 856, split="grouped")
    small |= runs("proposed_without_attention", 800, 805, 799, split="grouped")
    five = verdict.better("proposed_without_attention", {}, small, part=True)
    assert five.verdict == "undecided"
    assert five.figure == "at 64 x 64: +5.0, +5.1, +5.1, +5.0, +5.1 points"
    small |= runs("proposed", 850, 856, 850, split="grouped")
    found = verdict.better("proposed_without_attention", {}, small, part=True)
    assert found.verdict == "reproduced, at 64 x 64"
    assert found.figure.startswith("+5.1")
    rival = verdict.better("proposed_without_attention", {}, small)
    assert rival.verdict == "not yet run"
    assert rival.figure == "at 64 x 64: +5.0, +5.1, +5.1 points"


def test_pairs_have_the_same_seed():
    full = runs("proposed", 800, 900)
    full["alexnet_random_seed1"] = record_of(850)
    assert verdict.gaps("proposed", "alexnet", full, ["random"]) == [pytest.approx(5)]


@pytest.mark.parametrize(
    ("rivals", "expected"),
    [
        ([2, 2, 2, 2, 2], "reproduced"),
        ([2, 2, 2, 0.5, 0.5], "partly"),
        ([2, 2, 0.5, 0.5, 0.5], "not reproduced"),
        ([2, 2, 2, 2, 1], "partly"),
    ],
)
def test_cheaper_than_all_or_most(rivals, expected):
    costs = pd.Series({"proposed": 1.0} | {f"rival {i}": c for i, c in enumerate(rivals)})
    assert verdict.cheaper(costs, "a bench").verdict == expected


def maps_of(**overlaps):
    """Two pictures a training, whose mean is the figure given."""
    rows = [
        (name, seed, overlap + step)
        for name, values in overlaps.items()
        for seed, overlap in enumerate(values)
        for step in (-0.05, 0.05)
    ]
    return pd.DataFrame(rows, columns=["network", "seed", "overlap"])


OURS, BETTER, WORSE = (0.49, 0.5, 0.51), (0.9, 0.91, 0.89), (0.1, 0.11, 0.09)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (WORSE, WORSE, "reproduced, at 64 x 64"),
        (WORSE, BETTER, "partly, at 64 x 64"),
        (WORSE, OURS, "partly, at 64 x 64"),
        (OURS, BETTER, "not reproduced, at 64 x 64"),
        (OURS, OURS, "undecided, at 64 x 64"),
    ],
)
def test_maps_must_beat_every_rival(a, b, expected):
    maps = maps_of(proposed=OURS, a=a, b=b)
    assert verdict.points_better(["a", "b"], maps).verdict == expected


def test_maps_that_are_ahead_in_one_training_only_decide_nothing():
    """Many pictures once made up for few trainings."""
    maps = pd.concat([maps_of(proposed=(0.9, 0.5, 0.5), a=(0.1, 0.52, 0.52))] * 100)
    found = verdict.points_better(["a"], maps)
    points = stats.t.ppf(0.975, 2) * np.std([80, -2, -2], ddof=1) / 3**0.5
    assert found.figure == f"overlap against a +25.3 ± {points:.1f} points"
    assert found.verdict == "undecided, at 64 x 64"


def test_maps_of_a_rival_that_was_trained_less_often_decide_nothing():
    """The seeds of any network once counted as those of all."""
    found = verdict.points_better(["a"], maps_of(proposed=OURS, a=(0.1, 0.2)))
    assert found.verdict == "undecided"
    assert found.figure == "overlap against a +39.0, +30.0 points"
    assert found.ran.endswith("trainings of each: 2")


def test_maps_without_a_rival_decide_nothing():
    lacking = verdict.points_better(["a", "b"], maps_of(proposed=OURS, a=WORSE))
    assert lacking.verdict == "undecided, at 64 x 64"
    assert lacking.ran.startswith("1 of 2 others")


def test_rare_classes_are_the_four_and_no_other():
    """A better answer for `nv` changes nothing."""
    labels = np.repeat(np.arange(7), 10)
    base, more_nv = record_of(0, labels=labels), record_of(0, labels=labels)
    more_nv.predictions.loc[more_nv.labels == CLASSES.index("nv"), list(CLASSES)] = np.eye(7)[
        CLASSES.index("nv")
    ]
    sweep = {f"cross_entropy_seed{i}": base for i in range(5)}
    sweep |= {f"beta_0.0002_mean_seed{i}": more_nv for i in range(5)}
    found = verdict.rare_classes("mean", sweep)
    assert found.figure.startswith("recall +0.0 ")
    assert found.verdict == "undecided, on the phantom"
    all_right = {f"beta_0.0002_mean_seed{i}": record_of(70, labels=labels) for i in range(5)}
    better = verdict.rare_classes("mean", sweep | all_right)
    assert better.figure.startswith("recall +100.0 ")
    assert better.verdict == "reproduced, on the phantom"


def test_rare_classes_leave_out_a_pair_with_a_damaged_record():
    """A missing partner once ended chapter 8 with a KeyError."""
    names = ("cross_entropy", "beta_0.0002_mean")
    sweep = {f"{name}_seed{i}": record_of(500) for name in names for i in range(4)}
    del sweep["beta_0.0002_mean_seed3"]
    assert verdict.rare_classes("mean", sweep).ran.startswith("3 pairs")
    del sweep["beta_0.0002_mean_seed2"]
    assert verdict.rare_classes("mean", sweep).verdict == "undecided"
    assert verdict.rare_classes("mean", {}).verdict == "not yet run"
