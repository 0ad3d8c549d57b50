"""Chapter 4's sweep, on runs whose answers are set by hand."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from fakes import run_of

from skinlib import runs
from skinlib.book import joint_loss, verdict
from skinlib.book.verdict import Kind

LABELS = np.array([0, 1, 2, 3, 4, 5, 5, 5, 5, 6])
RECIPE = {
    "beta": 0.0,
    "focal_reduction": "batch_sum",
    "batch_size": 16,
    "class_weights": None,
    "sampling": "natural",
}
SUM = {"beta": 0.0002}
WEIGHTS = {"class_weights": "balanced"}


def run(wrong=(), **recipe):
    """A run that takes the images at some places for bkl (2)."""
    predicted = LABELS.copy()
    predicted[list(wrong)] = 2
    found = run_of(LABELS, predicted, **{**RECIPE, **recipe})
    found.config["split"] = {"train": 480}
    return found


def table(*made):
    """What `runs.load` returns, of (seed, run)."""
    rows = []
    for seed, one in made:
        scores = runs.score_values(one)
        rows.append({"seed": seed, "dead": "", "run": one, **scores})
    return pd.DataFrame(rows, columns=runs.COLUMNS)


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        ({"beta": 0.0, "focal_reduction": "dataset_sum"}, 0),
        ({"beta": 0.5, "focal_reduction": "mean"}, 0.5),
        ({"beta": 1 / 17}, 0.5),  # beta s = 1 - beta, of a batch of 16
        ({"beta": 1 / 481, "focal_reduction": "dataset_sum"}, 0.5),
        ({"beta": 1.0, "focal_reduction": "mean"}, 1),
    ],
)
def test_dial(recipe, expected):
    assert joint_loss.dial(run(**recipe)) == pytest.approx(expected)


def test_sweep_is_ordered_by_the_dial_and_practice_comes_last():
    focal = {"beta": 1.0, "focal_reduction": "mean"}
    made = [run(**recipe) for recipe in (WEIGHTS, focal, SUM, {})]
    found = joint_loss.sweep(table(*[(0, one) for one in made]))
    assert list(found["setting"]) == [
        "cross-entropy",
        "β = 0.0002, sum over the batch",
        "focal loss",
        "class weights",
    ]


def test_dead_runs_are_left_out():
    loaded = table((0, run()), (1, run()))
    loaded.loc[1, "dead"] = "the loss never fell"
    assert list(joint_loss.sweep(loaded)["seed"]) == [0]


def test_recalls_of_rare_classes():
    found = joint_loss.sweep(table((0, run(wrong=[0, 5])))).iloc[0]  # an akiec, a nv
    assert found["rare recall"] == 0.75
    assert found["nv"] == 0.75


def test_differences_are_taken_within_a_seed():
    """Seeds that differ much; the second setting gains one nv of four in each."""
    made = [(0, run([5])), (0, run(**SUM)), (1, run([5, 6])), (1, run([5], **SUM))]
    two = joint_loss.differences(joint_loss.sweep(table(*made)), "nv").iloc[0]
    assert (two["pairs"], two["verdict"]) == (2, "undecided")
    made += [(2, run([5, 6, 7])), (2, run([5, 6], **SUM))]
    found = joint_loss.differences(joint_loss.sweep(table(*made)), "nv")
    row = found.loc["β = 0.0002, sum over the batch"]
    assert [row["value"], row["low"], row["high"], row["pairs"]] == [0.25, 0.25, 0.25, 3]
    assert row["verdict"] == "better"


def test_a_single_pair_decides_nothing():
    made = table((0, run([5])), (0, run(**SUM)), (1, run(**SUM)))
    found = joint_loss.differences(joint_loss.sweep(made), "nv").iloc[0]
    assert (found["pairs"], found["verdict"]) == (1, "undecided")
    assert np.isnan(found["low"])


def test_findings_name_what_was_decided():
    """Class weights find the akiec, each time, and lose one nv of four; beta does nothing."""
    made = [(s, run([0], **recipe)) for s in range(3) for recipe in ({}, SUM)]
    made += [(s, run([5], **way)) for s in range(3) for way in (WEIGHTS, {"sampling": "balanced"})]
    found = joint_loss.sweep(table(*made))
    text = joint_loss.paper_finding(found)
    assert "3 pairs of runs show no sure change of balanced accuracy under any reading" in text
    assert "alone: sum over the batch +0.0 (+0.0 to +0.0). No interval" in text
    text = joint_loss.practice_finding(found)
    assert "four rare classes changes by +25.0 (+25.0 to +25.0) points (better)" in text
    assert "nv by -25.0 (-25.0 to -25.0) (worse)" in text
    alone = joint_loss.sweep(table(*made[:1]))
    assert joint_loss.paper_finding(alone) == "The paper's β: not yet run."
    assert joint_loss.practice_finding(alone).count("not yet run.") == len(joint_loss.PRACTICE)


def test_focal_loss_is_judged_by_the_rare_classes():
    """Cross-entropy misses the akiec, and so does a mixture; focal loss alone finds it."""
    made = [(s, run([0], **recipe)) for s in range(3) for recipe in ({}, SUM)]
    text = joint_loss.focal_finding(joint_loss.sweep(table(*made)))
    assert text.startswith("**None of 1 settings with focal loss is a sure gain for the four")
    made += [(s, run(beta=1.0)) for s in range(3)]
    text = joint_loss.focal_finding(joint_loss.sweep(table(*made)))
    assert text.startswith("**1 of 2 settings")
    assert text.endswith("changes their recall by +25.0 (+25.0 to +25.0) points (better).")
    assert "not yet run" in joint_loss.focal_finding(joint_loss.sweep(table((0, run()))))


def test_a_change_is_told():
    """The joint loss finds the akiec that cross-entropy misses, with each seed."""
    made = [(s, run(wrong, **recipe)) for s in range(3) for wrong, recipe in (([0], {}), ([], SUM))]
    text = joint_loss.paper_finding(joint_loss.sweep(table(*made)))
    assert "show a sure change of balanced accuracy under 1 of 1 readings" in text
    assert "alone: better: sum over the batch +14.3" in text


def test_the_papers_joint_loss_is_judged_by_its_pairs():
    """It finds the akiec that cross-entropy misses; class weights do not count."""
    ways = (([0], {}), ([], SUM), ([0], WEIGHTS))
    made = [(s, run(wrong, **way)) for s in range(3) for wrong, way in ways]
    made.append((3, run(**SUM)))  # without its pair, it once ended chapter 9 with a KeyError
    found = verdict.rare_classes(table(*made), "batch_sum")
    assert found.lines == ["recall +25.0 (+25.0 to +25.0) points"]
    assert (found.kind, found.place) == (Kind.REPRODUCED, "phantom")
    assert verdict.rare_classes(table(*made[:3]), "batch_sum").kind == Kind.UNDECIDED
    for some, reading in ((made, "mean"), ([], "batch_sum")):
        assert verdict.rare_classes(table(*some), reading).kind == Kind.NOT_RUN


def test_titled():
    made = [(0, run(**recipe)) for recipe in ({}, {"beta": 1 / 17}, WEIGHTS)]
    found = joint_loss.sweep(table(*made))
    rows = joint_loss.titled(joint_loss.differences(found, "nv"), found)
    assert list(rows.index) == [
        "β = 0.0588235, sum over the batch (50.00%)",
        "class weights",
    ]


def test_in_words_groups_by_verdict():
    points = ["+10.0 (+5.0 to +15.0)", "+0.0 (-10.0 to +10.0)", "+9.0 (+1.0 to +17.0)"]
    rows = pd.DataFrame({"points": points}, index=["a", "b", "c"])
    rows["verdict"] = ["better", "undecided", "better"]
    assert joint_loss.in_words(rows) == (
        "better: a +10.0 (+5.0 to +15.0), c +9.0 (+1.0 to +17.0); "
        "undecided: b +0.0 (-10.0 to +10.0)"
    )


def test_names_are_those_of_a_real_recipe():
    from skinlib.experiments import joint_loss as experiments

    made = [SimpleNamespace(config={"recipe": vars(e.recipe)}) for e in experiments(1)]
    names = [joint_loss.setting(one) for one in made]
    assert len(set(names)) == len(names) == 13
    assert {*joint_loss.PAPER, *joint_loss.PRACTICE, joint_loss.PLAIN} <= {*names}
