"""From the table of runs to tables and sentences."""

from itertools import product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from fakes import run_of

from skinlib.book import evidence, findings, verdict
from skinlib.book.verdict import Kind, Verdict
from skinlib.book.words import interval, span
from skinlib.data import CLASSES
from skinlib.experiments import READINGS
from skinlib.explain import MAPS
from skinlib.intervals import mean_over_seeds, show, t_interval, wilson_interval
from skinlib.models import NAMES
from skinlib.runs import COLUMNS, CROPPED, POINTING, Run, load, over_lesions
from skinlib.scores import score_values
from skinlib.training.recipe import Recipe

LABELS = np.repeat(np.arange(7), [10, 10, 10, 10, 10, 50, 10])
PAPER = pd.DataFrame(
    {"accuracy": [0.8539, 0.8829], "F1": [0.8397, 0.8747]}, index=["alexnet", "proposed"]
)


def of_accuracy(wrong: int, **columns) -> dict:
    """A run that calls the first images of nv 'mel', and all others what they are."""
    predicted = LABELS.copy()
    predicted[50 : 50 + wrong] = 4
    run = run_of(LABELS, predicted)
    last = 0.5 + wrong / 100 + columns.get("seed", 0) / 1000  # two trainings never end alike
    run.heat_maps, run.history = None, pd.DataFrame({"loss": [2.0, last]})
    run.config |= {"weights": None}
    fixed = {"model": "proposed", "variant": "proposed", "split": "random", "seed": 0}
    fixed |= {"data": "ham10000", "size": 64, "dead": "", "gamma": 0.03, "dead_relu": 0.25}
    return {**fixed, **score_values(run), "run": run, **columns}


def table(*rows) -> pd.DataFrame:
    found = pd.DataFrame(rows, columns=COLUMNS)
    measured = COLUMNS[COLUMNS.index("parameters") : COLUMNS.index("dead")]
    found[measured] = found[measured].astype(float)
    return found


LONGER = "proposed, epochs=60"

DRAWS = pd.DataFrame({"size": 64, "draw": range(4), "overlap": [0.15, 0.2, 0.25, 0.2]})
DRAWS = DRAWS.assign(pointing=DRAWS["overlap"], energy=DRAWS["overlap"])


def heat_maps(*overlaps: float) -> pd.DataFrame:
    """One row per map and lesion; the second lesion has two images, which are alike."""
    rows = [
        {"image_id": f"i{i}", "lesion_id": f"l{min(i, 1)}", "label": "nv", "map": kind}
        | dict.fromkeys(POINTING, overlap + 0.2 * (i == 0))
        for kind, overlap in zip(MAPS, overlaps, strict=True)
        for i in range(3)
    ]
    return pd.DataFrame(rows)


NONE = load()


def of_lesions(split: str, right: str, tested: range, **columns) -> dict:
    """A run tested on some of ten images; lesions a, c, e have two, the first three are of mel."""
    labels, lesions = np.array([4, 4, 4, *[5] * 7]), list("aabccdeefg")
    predicted = np.where([image in right for image in "0123456789"], labels, 0)
    run = run_of(labels, predicted, lesions)
    run.predictions = run.predictions.iloc[list(tested)]
    fixed = {"model": "proposed", "variant": "proposed", "data": "ham10000", "size": 64, "dead": ""}
    return {**fixed, "split": split, "seed": 0, "run": run, **columns}


def test_a_relative_among_the_training_images_is_told_on_the_same_images():
    """0 (mel) and 3 (nv) have a relative outside the random test set; 6 and 7 are both in it."""
    random = of_lesions("random", "0367", (0, 2, 3, 6, 7, 8))
    grouped = (
        of_lesions("grouped", "1268", range(9)),
        of_lesions("grouped", "0268", range(9), seed=1),
    )
    found = evidence.relatives(table(random, *grouped), 64)
    # 0: right instead of half the time; 3: instead of never. 2: wrong; 6: as before, 7: now; 8: not
    leaked, control = 3 / 4, (-1 + 1 / 2 - 1) / 3
    assert found["value"].to_dict() == pytest.approx(
        {
            "all, a relative trained on": leaked,
            "all, none trained on": control,
            "all, the first minus the second": leaked - control,
            "all but nv, a relative trained on": 1 / 2,
            "all but nv, none trained on": -1,
            "all but nv, the first minus the second": 3 / 2,
            "all but nv, the same over splits": 3 / 2,
        }
    )
    assert evidence.relatives(table(random), 64).empty
    other = of_lesions("grouped", "1", range(9), variant="arl14")
    assert evidence.relatives(table(random, other), 64).empty
    fewer = [of_lesions(split, "1", range(9), variant="arl14") for split in ("random", "grouped")]
    second = of_lesions("random", "0367", (0, 2, 3, 6, 7, 8), seed=1)
    again = evidence.relatives(table(random, second, *grouped, *fewer), 64)
    # networks with fewer seeds do not count
    pd.testing.assert_frame_equal(again.iloc[:-1], found.iloc[:-1])
    ends = ["value", "low", "high"]
    np.testing.assert_equal(again.iloc[-1][ends].to_list(), [1.5, np.nan, np.nan])  # of two
    third = of_lesions("random", "0367", (0, 2, 3, 6, 7, 8), seed=2)
    last = of_lesions("grouped", "0268", range(9), seed=2)
    again = evidence.relatives(table(random, second, third, *grouped, last), 64)
    np.testing.assert_allclose(again.iloc[-1][ends].astype(float), 1 / 3 + 1)  # thrice the same


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(1, 3, ","), (-1, 3, ", not sure,"), (-3, -1, ",")],
)
def test_what_a_relative_is_worth_is_said(monkeypatch, low, high, words):
    rows = pd.DataFrame({"value": np.arange(7.0), "low": np.arange(7.0) - 1, "high": 9.0}) / 100
    rows.loc[5, ["low", "high"]] = low / 100, high / 100
    rows["images"], rows["lesions"] = np.arange(7), np.arange(7)
    monkeypatch.setattr(evidence, "relatives", lambda runs, size: rows)
    sentence = findings.relatives(NONE, 64)
    assert "right +3.0 (+2.0 to +9.0) points more often than those of a split by" in sentence
    assert "the number is +4.0 (+3.0 to +9.0) (4 images of 4 lesions)." in sentence
    gain = f"+5.0 ({low:+.1f} to {high:+.1f}) points"
    assert f"{gain} above the second{words} with an interval over lesions;" in sentence
    assert sentence.endswith("splits and their trainings, +6.0 (+5.0 to +9.0).")
    short = findings.splits.leak_in_short(NONE)
    assert f"worth {gain} at 224 x 224 pixels as a mean over lesions{words} and" in short
    lead = "Images of one lesion on both sides of a split"
    unsure = "What images of one lesion on both sides of a split are worth is not sure. A"
    # Two intervals may both say so, or one, and none may say the opposite.
    by_signs = {1: f"{lead} flatter a", -1: f"{lead} seem to flatter a", -3: unsure}
    assert short.startswith(by_signs[low])
    rows.loc[6, "low"] = -0.01
    verbs = {1: f"{lead} seem to flatter a", -1: unsure, -3: unsure}
    assert findings.splits.leak_in_short(NONE).startswith(verbs[low])


@pytest.mark.parametrize(
    "say",
    [
        findings.counted,
        findings.alive,
        findings.offsets,
        findings.gamma,
        findings.new_images,
        findings.parts,
        findings.melanoma,
        lambda runs: findings.heat_maps(runs, DRAWS),
        lambda runs: findings.gap(runs, 0.8829),
        lambda runs: findings.table1(runs, PAPER, 64),
        lambda runs: findings.leak(runs, 64),
        lambda runs: findings.relatives(runs, 64),
        lambda runs: findings.copied(runs, 0.8829),
        lambda runs: findings.readings(evidence.readings(runs, 0.8829, 64), 0.8829),
        lambda runs: findings.against_blob(evidence.pointing(runs), "the phantom"),
        lambda runs: findings.untrained(evidence.pointing(runs)),
    ],
)
def test_what_was_not_run_is_said(say):
    sentence = say(NONE)
    assert "not yet run" in sentence.lower() or "is run" in sentence or "waits for" in sentence
    assert "nan" not in sentence


def test_no_runs_give_empty_tables():
    for name in ("counts", "vital_signs", "new_images", "costs", "pointing", "overlap_by_class"):
        assert getattr(evidence, name)(NONE).empty
    assert evidence.pairs(NONE, 64).empty
    assert evidence.pointing_words(evidence.pointing(NONE)).empty
    assert list(evidence.gap_chart(NONE).index) == ["always answering nv"]
    assert set(evidence.table1_words(NONE, PAPER, 64)["ours, random"]) == {"not yet run"}
    assert evidence.kept(NONE) is None
    assert evidence.with_controls(NONE, DRAWS).empty


def test_dead_runs_and_other_data_do_not_count():
    runs = table(
        of_accuracy(0),
        of_accuracy(50, seed=1, dead="one class for every image"),
        of_accuracy(50, seed=2, data="phantom"),
    )
    assert list(evidence.live(runs).index) == [0]
    assert evidence.counts(runs).loc["proposed"].to_dict() == {"64 x 64": "2 random", "dead": 1}
    assert evidence.vital_signs(runs).loc[("proposed", 64), "dead"] == 1
    assert "1 run marked dead" in findings.counted(runs)
    assert "They come from" not in findings.counted(runs)


def test_a_training_that_is_recorded_twice_counts_once():
    anew = {"variant": "arl14, new_averages=True", "model": "arl14"}
    twins = [of_accuracy(5, variant="arl14", model="arl14"), of_accuracy(5, **anew)]
    runs = table(*twins, of_accuracy(6, **anew, split="grouped"))
    assert findings.counted(runs).startswith("3 runs on HAM10000: 3 at 64 x 64 pixels. ")
    assert "They come from 2 trainings: some networks" in findings.counted(runs)


def test_enough_runs_of_the_papers_size_decide_which_is_shown():
    small = [of_accuracy(5, seed=s) for s in range(4)]
    full = [of_accuracy(5, seed=s, size=224) for s in range(3)]
    assert evidence.main_size(table(*small, *full[:2])) == 64
    assert evidence.main_size(table(*small, *full)) == 224
    rival = of_accuracy(5, model="arl14", variant="arl14")
    assert (
        evidence.main_size(table(*small, *full, rival)) == 64
    )  # where there is something beside it
    assert evidence.main_size(table(*small, *full, rival, {**rival, "size": 224})) == 224


def test_trainings_of_one_seed_count_once():
    runs = table(of_accuracy(11), of_accuracy(33), of_accuracy(11, seed=1))
    row = mean_over_seeds(runs)
    assert row["value"] == pytest.approx(((0.9 + 0.7) / 2 + 0.9) / 2)
    assert row["runs"] == 3


def test_table_1_has_the_paper_first_and_one_size_of_images():
    lagging = {"model": "arl14", "variant": "arl14"}
    anew = {"model": "arl14", "variant": "arl14, new_averages=True"}
    runs = table(
        of_accuracy(11),
        of_accuracy(11, size=224),
        of_accuracy(22, split="grouped"),
        of_accuracy(44, **lagging),
        of_accuracy(33, **anew),
    )
    paper = PAPER.rename(index={"alexnet": "arl14"})
    found = evidence.table1(runs, paper, 64)
    assert list(dict.fromkeys(found.columns.get_level_values(0))) == [
        "the paper",
        "ours, random split",
        "ours, random split, averages made anew",
        "ours, grouped split",
    ]
    assert found.loc["proposed", ("ours, grouped split", "value")] == pytest.approx(0.8)
    assert found.loc["ARL14", ("ours, random split", "value")] == pytest.approx(0.6)
    made_anew = "ours, random split, averages made anew"
    assert found.loc["ARL14", (made_anew, "value")] == pytest.approx(0.7)
    assert found.loc["ARL14", ("ours, grouped split", "runs")] == 0
    words = evidence.table1_words(runs, paper, 64)
    assert words.loc["ARL14, accuracy", "ours, random, averages made anew"].startswith("70.0 (")
    assert words.loc["proposed, accuracy", "ours, random, averages made anew"] == ""
    assert words.loc["proposed, accuracy", "the paper"] == "88.29"
    assert words.loc["proposed, accuracy", "ours, random"].startswith("90.0 (")
    assert words.loc["proposed, accuracy", "difference"].startswith("+1.7 (")


def test_new_averages_take_the_place_of_those_that_lag_where_there_are_as_many():
    lagging = {"model": "arl14", "variant": "arl14"}
    anew = {"model": "arl14", "variant": "arl14, new_averages=True"}
    runs = table(
        of_accuracy(11),
        *(of_accuracy(44, seed=seed, **lagging) for seed in range(2)),
        of_accuracy(33, **anew),
        of_accuracy(44, size=224, **lagging),
        of_accuracy(22, size=224, **anew),
    )
    found = evidence.renewed(runs).set_index(["variant", "size", "seed"])["accuracy"]
    assert dict(found.round(3)) == {
        ("proposed", 64, 0): 0.9,
        ("arl14", 64, 0): 0.6,
        ("arl14", 64, 1): 0.6,
        ("arl14", 224, 0): 0.8,
    }
    sentence = findings.renewed(runs, 224)
    assert "ARL14 60.0 %, and 80.0 % with new averages" in sentence
    assert "not yet run" in findings.renewed(runs[:1], 224)


def test_pairs_are_of_one_split_and_seed():
    without = {"variant": "proposed without attention"}
    runs = table(
        of_accuracy(0),
        of_accuracy(0, seed=1),
        of_accuracy(11, **without),
        of_accuracy(11, seed=1, split="grouped", **without),
    )
    found = evidence.pairs(runs, 64, resamples=20)
    assert list(found.index) == [("its attention", "random", 0)]
    assert found["value"].iloc[0] == pytest.approx(0.1)
    assert evidence.mean_gaps(found).empty
    grouped = {"split": "grouped"}
    rival = {"variant": "alexnet"}
    more = [of_accuracy(0, **grouped), of_accuracy(22, **grouped, **without)]
    more += [of_accuracy(33, **rival), of_accuracy(33, **grouped, **rival)]
    third = [of_accuracy(0, seed=2), of_accuracy(33, seed=2, **without)]
    runs = table(*runs.to_dict("records"), *more, *third)
    found = evidence.pairs(runs, 64, resamples=20)
    part, baseline = "its attention", "against AlexNet"  # that only on the paper's kind of split
    kinds = [
        (part, "random", 0),
        (part, "random", 2),
        (part, "grouped", 0),
        (baseline, "random", 0),
    ]
    assert set(found.index) == set(kinds)
    means = evidence.mean_gaps(found)
    assert means["value"].to_dict() == {part: pytest.approx(0.2)}  # three pairs are enough


def test_recalls_are_means_over_seeds():
    runs = (of_accuracy(10), of_accuracy(20, seed=1), of_accuracy(15, seed=2))
    found = evidence.recalls(table(*runs))
    assert found.loc["nv", "recall"] == pytest.approx(0.7)
    assert found.loc["nv", "low"] == pytest.approx(t_interval([0.8, 0.6, 0.7])["low"])
    assert found.loc["mel", "recall"] == 1
    images = int(found.loc["mel", "images"])  # all runs agree: not sure for all that
    assert found.loc["mel", "low"] == pytest.approx(wilson_interval(1, images)["low"])
    assert found["images"].sum() == len(LABELS)
    scattered = evidence.recalls(table(*(of_accuracy(n, seed=n) for n in (0, 1, 49))))
    assert scattered.loc["nv", "high"] == 1  # Student's interval ends far above


def test_readings_are_named_by_recipe_and_faults_by_split():
    runs = table(
        of_accuracy(33, split="peeked"),
        of_accuracy(11, split="peeked", variant=LONGER),
        of_accuracy(50, split="peeked", variant="proposed, class_weights=balanced", dead="why"),
        of_accuracy(0, split="copied"),
        of_accuracy(22, split="copied", variant="alexnet"),
        of_accuracy(0),
    )
    found = evidence.readings(runs, 0.9, 64)
    assert list(found.index) == [
        *("as printed", "class weights", "60 epochs"),
        *("copied before the split", "copied before the split, AlexNet"),
    ]
    assert list(found["fault"]) == [False] * 3 + [True] * 2
    assert found.loc["60 epochs", "share"] == pytest.approx(1)
    assert found.loc["60 epochs", "printed"] == found.loc["as printed", "value"]
    words = evidence.reading_words(found)
    assert words.loc["60 epochs", "share of the gap"] == "100%"
    assert words.loc["class weights", "share of the gap"] == ""  # it is worse
    rival = "copied before the split, AlexNet"  # another network, and another test set
    for name in ("copied before the split", rival):
        assert words.loc[name, "share of the gap"] == ""
    assert words.loc[rival, "enough alone"] == ""
    assert list(words.index[words["a fault"] == "yes"]) == list(found.index[3:])
    assert words["accuracy, %"]["he_normal"] == "not yet run"
    elsewhere = ({"data": "phantom"}, {"size": 224})
    strays = table(*(of_accuracy(45, split="peeked", **columns) for columns in elsewhere))
    both = pd.concat([strays, runs], ignore_index=True)
    numbers = ["value", "low", "high", "runs", "share"]
    pd.testing.assert_frame_equal(evidence.readings(both, 0.9, 64)[numbers], found[numbers])
    assert found.loc["class weights", "dead"] == "why"
    sentence = findings.readings(found, 0.9)
    assert sentence.startswith("60 epochs could close the gap to 90.00 %. At 64 x 64 pixels, 1 of")
    assert (
        "beside the recipe as printed, a training of each on the same images, that is +20.0 (+1"
        in sentence
    )
    assert f"At 64 x 64 pixels, 1 of {len(READINGS)} changes to" in sentence  # one crops
    assert "were tried, each in a single training. The best, *60 epochs*, reaches" in sentence
    only_faults, only_choices = (findings.readings(found[found["fault"] == x], 0.9) for x in (1, 0))
    assert only_faults.startswith("What a fault would print, on its own test set: copied")
    assert only_choices.startswith("60 epochs could")
    assert "a fault would" not in only_choices
    other = table(*runs.to_dict("records"), of_accuracy(99, split="peeked", seed=1))
    other.loc[other.index[-1], "variant"] = LONGER
    two = findings.readings(evidence.readings(other, 0.9, 64), 0.9)  # two trainings: no interval
    assert two.startswith("No choice that was tried could close the gap")
    assert "were tried. The best" in two
    other.loc[len(other)] = of_accuracy(40, split="peeked", variant="proposed, augment=True")
    mixed = findings.readings(evidence.readings(other, 0.9, 64), 0.9)
    assert "were tried, 1 of them in a single training. The best" in mixed
    assert "class weights" not in sentence
    assert "copied before the split 100.0 % (100.0 to 100.0), above the paper's; " in sentence
    assert list(found["reach"]) == ["below", "below", "at", "above", "other"]
    two = evidence.readings(
        pd.concat([runs, table(of_accuracy(1, split="copied", seed=1))]), 0.9, 64
    )
    assert "copied before the split 99.5 %, of two trainings" in findings.readings(two, 0.9)
    assert "best epoch of these trainings" not in sentence
    seeds = [of_accuracy(40, split="peeked", seed=seed, variant=LONGER) for seed in range(2)]
    seeds += [of_accuracy(30, seed=1), of_accuracy(50, split="peeked")]
    for row, best in zip(seeds, (0.6, 0.7, 0.8, 0.9), strict=True):
        row["run"].history["val_accuracy"] = best
    of_two = evidence.readings(table(*seeds), 0.9, 64).loc["60 epochs"]
    assert of_two["best epoch"] == 0.7  # of either, not the mean
    printed = (seeds[2]["accuracy"] + seeds[3]["accuracy"]) / 2  # with the same seeds
    assert of_two["printed"] == pytest.approx(printed)
    assert of_two["share"] == pytest.approx((seeds[0]["accuracy"] - printed) / (0.9 - printed))
    found["best epoch"] = 0.87
    assert "Even the best epoch of these trainings, picked on the test set, has 87.0 %" in (
        findings.readings(found, 0.9)
    )
    assert "The best epoch of these trainings" in findings.readings(found, 0.87)
    words = evidence.reading_words(found)["enough alone"]
    assert words["copied before the split"] == "more than that"


def test_copies_are_weighed_as_the_classes_are():
    runs = table(of_accuracy(25, split="copied"), of_accuracy(25), of_accuracy(50, seed=1))
    for run, images in zip(runs["run"], (200, 100, 100), strict=True):
        run.config["split"] = {"train": images}
    natural = 1 - 0.5 * 6705 / 10015
    assert evidence.at_natural_shares(runs[:2]).to_dict() == {0: pytest.approx(natural)}
    sentence = findings.copied(runs, 0.9)
    assert "proposed +0.0 over 1 seed" in sentence  # both are weighted
    assert "an epoch 2.0 times as long" in sentence
    assert "Not yet run with the fault: ARL14, ARL50, AlexNet, VGG16, ResNet50." in sentence
    anew = {"variant": "arl14, new_averages=True", "model": "arl14"}
    more = [of_accuracy(33, **anew), of_accuracy(11, split="copied", **anew)]
    rivals = pd.concat([runs, table(*more)], ignore_index=True)
    sentence = findings.copied(rivals, 0.9)
    assert ", ARL14 (averages made anew) +" in sentence
    assert "Not yet run with the fault: ARL50, AlexNet, VGG16, ResNet50." in sentence
    assert list(findings.choices.lifts(rivals)) == ["proposed", "ARL14 (averages made anew)"]
    first = findings.in_short(rivals, evidence.readings(rivals, 0.8829, 64), 0.8829)[2]
    assert "So weighted, the fault lifts, in points: proposed " in first
    second = table(of_accuracy(30, split="copied", seed=1))
    second["run"][0].config["split"] = {"train": 200}
    third = table(of_accuracy(40, split="copied", seed=2), of_accuracy(45, seed=2))
    for run, images in zip(third["run"], (200, 100), strict=True):
        run.config["split"] = {"train": images}
    both = pd.concat([runs, second], ignore_index=True)
    assert " over 2 seeds. " in findings.copied(both, 0.9)  # and no interval
    all_three = pd.concat([both, third], ignore_index=True)
    copies = pd.concat([runs[:1], second, third[:1]])
    plain = [of_accuracy(25), of_accuracy(50, seed=1), of_accuracy(45, seed=2)]
    plain = evidence.at_natural_shares(table(*plain))
    gains = t_interval(evidence.at_natural_shares(copies) - plain)
    assert findings.choices.lifts(all_three)["proposed"][["value", "low", "high"]].equals(gains)
    said = f"points: proposed {show(gains, signed=True)} over 3 seeds."
    assert said in findings.copied(all_three, 0.9)
    twice = pd.concat([all_three, third], ignore_index=True)  # in another dtype, say
    assert said in findings.copied(twice, 0.9)
    controls = [of_accuracy(20 + 5 * seed, split="oversampled", seed=seed) for seed in range(3)]
    fair = [of_accuracy(25), of_accuracy(50, seed=1), of_accuracy(45, seed=2)]
    shares = [evidence.at_natural_shares(table(*of)) for of in (controls, fair)]
    with_control = pd.concat([all_three, table(*controls)], ignore_index=True)
    lift = show(t_interval(shares[0] - shares[1]), signed=True)
    leaked = show(t_interval(evidence.at_natural_shares(copies) - shares[0]), signed=True)
    said = f"network changes by {lift} over 3 seeds, not sure: the leak is worth {leaked}, not"
    assert said in findings.copied(with_control, 0.9)
    first = findings.in_short(with_control, evidence.readings(with_control, 0.8829, 64), 0.8829)[2]
    assert said in first
    alone = findings.copied(with_control[with_control["seed"] == 0], 0.9)
    assert "changes by +6.7 instead of +0.0 (over 1 seed: too few to be sure)." in alone
    alone = rivals[(rivals["split"] == "copied") | (rivals["model"] == "arl14")]
    sentence = findings.copied(alone, 0.9)  # once "an epoch nan times as long"
    assert "points: ARL14 (averages made anew) +" in sentence
    assert "nan" not in sentence
    assert "with the fault: ARL50, AlexNet" in sentence
    chart = evidence.gap_chart(runs)["value"]
    assert chart.iloc[-2] == pytest.approx(natural)
    assert chart.iloc[-1] == pytest.approx(runs["accuracy"][0])  # as whoever copies would print it
    fault = "a fault, copied before the split: as it would print, 64 x 64, 1 run"
    assert chart.index[-1] == fault
    names = evidence.gap_chart(with_control).index
    assert names[-3] == "no fault, copied after the split, 64 x 64, 3 runs"
    assert list(names).count("ours, split by image, 64 x 64, 3 runs") == 1
    large = [of_accuracy(11, seed=seed, size=224) for seed in range(3)]
    names = evidence.gap_chart(pd.concat([runs, table(*large)], ignore_index=True)).index
    assert list(names[1:3]) == [
        "ours, split by image, 224 x 224, 3 runs",
        "ours, split by image, 64 x 64, 2 runs",
    ]
    assert names[-1] == fault


def test_heat_maps_count_each_lesion_once():
    run = SimpleNamespace(heat_maps=heat_maps(0.3, 0.1, 0.6, 0.7))
    runs = table(of_accuracy(0, run=run))
    found = evidence.pointing(runs)
    assert found.loc[("overlap", "proposed"), "value"] == pytest.approx(0.4)
    assert found.loc[("energy", "control: blob in the middle"), "value"] == pytest.approx(0.7)
    other = SimpleNamespace(heat_maps=heat_maps(0.3, 0.1, 0.2, 0.7))
    blob = ("overlap", "control: blob in the middle")  # on the proposed network's places, or else
    for variant, expected in (("proposed", 0.7), ("vgg16", 0.3)):  # on those of the first
        first = of_accuracy(0, run=other, variant="alexnet")
        both = table(first, of_accuracy(0, run=run, variant=variant))
        assert evidence.pointing(both).loc[blob, "value"] == pytest.approx(expected)
    with_blob = evidence.with_controls(runs, DRAWS).set_index("variant")
    assert with_blob.loc["blob in the middle", "overlap"] == pytest.approx(0.7)
    assert with_blob.loc["fresh weights", "overlap"] == 0.15
    dead = table(of_accuracy(0, run=run, dead="why"), of_accuracy(0, run=run, seed=1))
    with_dead = evidence.with_controls(dead, DRAWS)  # the first draw is the first live run's
    assert list(with_dead["variant"]) == ["proposed"] * 2 + ["blob in the middle", "fresh weights"]
    assert with_dead["overlap"].iloc[-1] == 0.15
    assert "none of 1 network beats a blob" in findings.against_blob(found, "test")
    assert "No trained network's surely overlap less" in findings.untrained(found)
    found.loc[("overlap", "proposed"), "high"] = -2.0
    assert "Those of proposed surely overlap less, though trained. So" in findings.untrained(found)
    words = evidence.pointing_words(found)
    assert list(words.index[:2]) == ["proposed", "control: one draw of fresh weights"]
    assert words.loc["proposed", "overlap"].startswith("0.40")
    assert words.loc["proposed", "trainings"] == 1
    assert words[evidence.maps.BEST].to_list() == ["0.80", "", "", ""]
    by_class = evidence.overlap_by_class(runs)
    assert by_class.loc["nv", "proposed"] == pytest.approx(0.4)  # a lesion counts once
    assert by_class.loc["nv", "images"] == 3


def test_heat_maps_stand_between_two_controls():
    maps = [heat_maps(x, 0.1, 0.6, 0.7) for x in (0.3, 0.32, 0.34)]
    runs = [of_accuracy(0, seed=seed) for seed in range(3)]
    for row, table_of_maps in zip(runs, maps, strict=True):
        row["run"] = SimpleNamespace(heat_maps=table_of_maps)
        row["overlap"] = over_lesions(table_of_maps, "network")["overlap"]
    sentence = findings.heat_maps(table(*runs), DRAWS)
    assert "better than those of untrained weights, and worse than a blob in" in sentence
    assert "At 64 x 64 (3 trainings, each beside a draw of untrained weights) the" in sentence
    assert "the untrained one's by +0.22 (" in sentence
    lucky = DRAWS.assign(overlap=[0.1, 0.6, 0.1, 0.1])  # one untrained network points well
    assert "not surely otherwise than those of untrained" in findings.heat_maps(table(*runs), lucky)
    assert "not yet run" in findings.heat_maps(table(*runs[:2]), DRAWS)
    few = DRAWS[DRAWS["draw"] < 2]
    assert "not yet run" in findings.heat_maps(table(*runs), few)


def test_several_trainings_get_students_interval():
    maps = [heat_maps(x, 0.1, 0.6, 0.7) for x in (0.3, 0.32, 0.34)]
    runs = table(*(of_accuracy(0, run=SimpleNamespace(heat_maps=each)) for each in maps))
    row = evidence.pointing(runs).loc[("overlap", "proposed")]
    assert row["low"] == pytest.approx(t_interval([0.4, 0.42, 0.44])["low"])
    assert np.isnan(evidence.pointing(runs[:2]).loc[("overlap", "proposed"), "low"])


def test_the_gap_to_the_paper_is_of_the_mean_over_seeds():
    runs = table(*(of_accuracy(wrong, seed=wrong) for wrong in (11, 22, 33)))
    sentence = findings.gap(runs, 0.8829)
    assert "an accuracy of 80.0 % (" in sentence
    assert "8.3 points below the paper's 88.29 %. That is" in sentence
    assert "over 3 runs." in sentence
    assert "16 bits" not in sentence
    assert "compute in 16 bits." in findings.gap(runs.assign(dtype="mixed_bfloat16"), 0.8829)
    assert "always answering nv gets 66.9 %" in sentence.lower()
    assert "11.7 points above" in findings.gap(table(of_accuracy(0)), 0.8829)


def test_offsets_that_moved_are_counted():
    still = of_accuracy(0, offset_mean=0.0, offset_p95=0.0, attention_top_tenth=0.13)
    moved = of_accuracy(0, seed=1, offset_mean=0.25, offset_p95=0.5, gamma=0.01)
    moved["attention_top_tenth"] = 0.14
    for row in (still, moved):
        row["run"].config["vital_signs"] = {"attention": {"uniform": 0.125}}
    assert findings.alive(table(still, moved)) == (
        "The offsets moved in 1 of 2 networks on HAM10000 at 64 x 64 pixels. Offsets are 0.00 to "
        "0.25 pixels of the layer's small map long, on average over a network (one such pixel is "
        "as wide as 16 of the image); 95 % of them stay below 0.00 to 0.50 pixels, network by "
        "network. "
        "Gamma started at 0.01 and ended at 0.010 to 0.030. The attention hardly chooses: 13.0 to "
        "14.0 % of alpha lie on its top tenth of places, where an even map has 12.5 % (64 x 64 "
        "pixels). "
        "25 % of the ReLU units are zero on all images."
    )
    strays = ({"data": "phantom"}, {"model": "alexnet"}, {"split": "copied"}, {"size": 224})
    far = [still | {"offset_mean": 9.0, "offset_p95": 9.0} | stray for stray in strays]
    twice = [still, still | {"seed": 2}]  # most runs are of 64 x 64 pixels
    assert "9.00" not in findings.offsets(table(*twice, moved, *far))
    assert "pixels, but hardly: " in findings.offsets(table(still))
    assert "outside" not in findings.offsets(table(still))
    moved |= {"outside": 0.412, "outside_fixed": 0.29}
    assert findings.offsets(table(still, moved)).endswith(
        "network. 41 % of the sampling points lie outside the map, where they read zero; of a "
        "fixed grid's, 29 % do (measured in 1 network)."
    )
    moved["attention_top_tenth"] = 0.5
    assert "hardly" not in findings.gamma(table(moved))


def test_table_1_in_a_sentence():
    alexnet = {"model": "alexnet", "variant": "alexnet"}
    runs = table(of_accuracy(11), of_accuracy(33, **alexnet))
    sentence = findings.table1(runs, PAPER, 64)
    assert "all 2 networks are run" in sentence
    assert "from the paper's by -15.4 to +1.7 points" in sentence
    assert "The highest of ours is proposed, 20.0 points above AlexNet;" in sentence
    assert "made anew" not in sentence
    assert "Not yet run on a grouped split at this size: AlexNet, proposed." in sentence
    both = pd.concat([runs, table(of_accuracy(11, split="grouped"))], ignore_index=True)
    assert "at this size: AlexNet." in findings.table1(both, PAPER, 64)
    arl = [of_accuracy(33, model="arl14", variant="arl14", seed=seed) for seed in range(2)]
    anew = of_accuracy(33, model="arl14", variant="arl14, new_averages=True")
    anew["run"].config["recipe"] = {"new_averages": True}
    paper = pd.concat([PAPER, PAPER.rename({"alexnet": "arl14"})[:1]])
    said = findings.table1(table(of_accuracy(11), *arl[:1], anew), paper, 64)
    assert " (ARL14: with averages of batch normalisation made anew.) The highest of" in said
    said = findings.table1(table(of_accuracy(11), *arl, anew), paper, 64)
    assert "made anew" not in said  # not all of its seeds: those with running averages count
    part = findings.table1(runs[:1], PAPER, 64)
    assert "1 of 2 networks are run" in part
    assert "Not yet run: AlexNet." in part


def test_running_averages_are_held_against_new_ones():
    """Epochs 3 and 4 are the second half; ARL14 once ended at 51 %, with 95 % in training."""
    rows = [
        (epoch, images, kind, accuracy)
        for epoch, *found in ((2, 0, 0, 0, 0), (3, 0.6, 0.7, 0.9, 0.91), (4, 0.5, 0.72, 0.6, 0.92))
        for (images, kind), accuracy in zip(
            product(("validation", "training"), ("running", "new")), found, strict=True
        )
    ]
    table = pd.DataFrame(rows, columns=["epoch", "images", "averages", "accuracy"])
    sentence = findings.averages(table)
    assert "accuracy of 50.0 to 60.0 % on the validation part" in sentence
    assert "the same weights, it has 70.0 to 72.0 %." in sentence
    assert sentence.endswith("trained on: 60.0 to 90.0 %, and 91.0 to 92.0 %.")


def test_what_a_random_split_adds():
    """Ten nv of 110 images more are right: a fifth of nv's recall, and a 35th of the mean."""
    runs = [of_accuracy(5, seed=s) for s in range(3)]
    runs += [of_accuracy(15, seed=s, split="grouped") for s in range(3)]
    sentence = findings.leak(table(*runs), 64)
    assert "adds +9.1 (+9.1 to +9.1) points to the accuracy" in sentence
    assert "+2.9 (+2.9 to +2.9) points to the balanced accuracy" in sentence
    assert "the mean over 3 seeds of 1 network or variants; the test images differ." in sentence
    assert "not sure" not in sentence
    two = findings.leak(table(*runs[:2], *runs[3:5]), 64)
    assert "adds +9.1 points to the accuracy, not sure" in two  # two say too little
    single = findings.leak(table(*runs[::3]), 64)
    assert "the mean over 1 seed of" in single
    assert "points to the accuracy, not sure" in single


def test_a_leak_that_may_be_none_is_not_sure():
    """The first page once explained a difference whose intervals held zero."""
    runs = [of_accuracy(wrong, seed=s) for s, wrong in enumerate((0, 20))]
    runs += [of_accuracy(10, seed=s, split="grouped") for s in range(2)]
    sentence = findings.leak(table(*runs), 64)
    assert sentence.count(", not sure") == 2


def test_the_classes_that_are_never_found_are_named():
    run = of_accuracy(0)["run"]
    assert "Each class is found" in findings.never_found(run.predictions)
    lost = run.predictions.copy()
    lost.loc[lost["label"] == "df", list(CLASSES)] = np.eye(7)[CLASSES.index("bkl")]
    sentence = findings.never_found(lost)
    assert "Never found: df (10 of 10 called bkl)" in sentence
    assert "An accuracy of 90.9 % hides that." in sentence


def test_finding_more_melanomas_has_a_price_and_someone_pays():
    """mel has 0.15 against nv's 0.6 where nv is said: it takes a weight above 4 to be found."""
    labels = np.repeat(["mel", "nv", "df"], [10, 10, 10])
    rows = pd.DataFrame(0.0, index=range(30), columns=list(CLASSES))
    rows.loc[:19, ["mel", "nv"]] = [0.15, 0.6]
    rows.loc[20:, ["mel", "df"]] = [0.1, 0.9]
    rows["label"], rows["image_id"], rows["lesion_id"] = labels, labels, labels
    sentence = findings.decision(rows)
    assert (
        "counts 5 times, the share of the melanomas that is found goes from 0.0 % to 100.0 %"
        in (sentence)
    )
    assert "and the accuracy from 66.7 % to 66.7 %" in sentence
    assert "those that are right go from 0.0 % to 50.0 %" in sentence
    assert "In recall, nv loses most: 100.0 % to 0.0 %." in sentence
    nobody_pays = rows.assign(mel=rows["mel"].where(rows["label"] == "mel", 0.0))
    assert "% to 100.0 %" in findings.decision(nobody_pays)
    assert "loses most" not in findings.decision(nobody_pays)
    assert "No weight" in findings.decision(rows.assign(mel=0.0))
    assert "100.0 % of the melanomas as it is" in findings.decision(rows.assign(mel=0.8))


@pytest.mark.parametrize(
    ("scatter", "says"),
    [
        (0.01, "-37.1 (-39.6 to -34.7) points (97.1 % on its own test set, 60.0 % there)"),
        (0.4, "-37.1 (-136.5 to +62.2) points, not sure ("),
    ],
)
def test_new_images(scatter, says):
    asked = {"split": "grouped", "isic accuracy": 0.7}
    there = [0.6 - scatter, 0.6, 0.6 + scatter]
    rows = [
        of_accuracy(10, seed=seed, **asked, **{"isic balanced accuracy": share})
        for seed, share in enumerate(there)
    ]
    sentence = findings.new_images(table(*rows))
    assert f"network's balanced accuracy changes by {says}" in sentence
    assert "(90.9 % on its own test set, 70.0 % there); 3 runs" in sentence
    two = findings.new_images(table(*rows[:2]))
    assert "points, not sure (" in two  # once an interval, and sure
    assert "to" not in two.split("changes by ")[1].split(" points")[0]


def test_a_training_that_was_repeated():
    """The same recipe, seed and images, on another number of cores."""
    runs = table(of_accuracy(22), of_accuracy(11, split="peeked"), of_accuracy(0, seed=1))
    for run, cores in zip(runs["run"], (2, 1, 1), strict=True):
        run.config["environment"] = {"cores": cores}
    sentence = findings.repeated(runs)
    assert "With seed 0," in sentence
    assert "on 2 and on 1 core: an accuracy of 80.0 % and of 90.0 %." in sentence
    assert "not yet run" in findings.repeated(runs[:1])


def test_images_of_the_papers_size_are_compared_with_smaller_ones():
    runs = table(of_accuracy(22), of_accuracy(11, size=224), of_accuracy(5, seed=1, size=224))
    assert "on images of 64 x 64 pixels, not the paper's 224 x 224 pixels, over" in findings.gap(
        table(*(of_accuracy(11, seed=seed) for seed in range(3))), 0.8829
    )
    assert "on images of the paper's 224 x 224 pixels, over" in findings.gap(
        table(*(of_accuracy(11, seed=seed, size=224) for seed in range(3))), 0.8829
    )
    sentence = findings.larger(runs, 0.8829)
    assert "90.0 % on images of 224 x 224 pixels, and of 80.0 % at 64 x 64." in sentence
    assert "a change of +10.0 points over 1 pair" in sentence
    assert "of runs with the same test images; the paper has 88.29 %." in sentence
    assert "not yet run" in findings.larger(runs[:1], 0.8829)


def test_cropped_images_are_a_choice_and_not_the_recipe_as_printed():
    cropped = of_accuracy(11, split="peeked", variant="proposed" + CROPPED)
    runs = table(of_accuracy(22, split="peeked"), cropped)
    for row in runs["run"]:
        row.history = pd.DataFrame({"val_accuracy": [0.5]})
    found = evidence.readings(runs, 0.8829, 64)["value"]
    assert found.round(1).to_dict() == {"as printed": 0.8, "cropped instead of squashed": 0.9}


def test_a_training_that_starts_late_is_told():
    weighted = Recipe(**READINGS["class weights"]).variant
    rows = [of_accuracy(0, split="peeked"), of_accuracy(0, split="peeked", variant=weighted)]
    for row, losses in zip(rows, ([1.2, 1.95, 1.1], [1.955, 1.94, 1.7]), strict=True):
        row["run"].history = pd.DataFrame({"loss": losses})
    sentence = findings.slow_start(table(*rows))
    assert "before the loss fell to 98 % of that: as printed 0, class weights 2." in sentence
    assert "cross-entropy of 1.95. Of" in sentence
    assert "never" not in sentence
    again = of_accuracy(0, split="peeked", seed=1)
    again["run"].history = pd.DataFrame({"loss": [1.955, 1.94, 1.1]})
    assert "as printed 0, class weights 2." in findings.slow_start(table(*rows, again))
    rows[1]["run"].history = pd.DataFrame({"loss": [1.955, 1.94, 1.93]})
    sentence = findings.slow_start(table(*rows))
    assert "class weights 3. With class weights it never did: such" in sentence
    assert "not yet run" in findings.slow_start(table(of_accuracy(0)))


def test_the_first_page_has_five_points():
    runs = table(of_accuracy(11), of_accuracy(10, split="copied"))
    found = findings.in_short(runs, evidence.readings(runs, 0.8829, 64), 0.8829)
    assert len(found) == 5
    fault = mean_over_seeds(runs[runs["split"] == "copied"])
    assert f"the recipe would print {interval(fault)}. Copies of test" in found[2]
    assert "as frequent in its test set as in HAM10000, that would be 86.6 % (1 run" in found[2]
    assert [sentence for sentence in found if "nan" in sentence] == []
    for paper, arises in ((0.90, True), (0.92, False)):
        third = findings.in_short(runs, evidence.readings(runs, paper, 64), paper)[2]
        assert ("a fault of that kind can lift the number as far" in third) == arises
    nothing = findings.in_short(runs[:1], evidence.readings(runs[:1], 0.8829, 64), 0.8829)
    assert nothing[1] == "What would close the gap: not yet run."
    assert len(nothing) == 4  # no copies
    printed = table(of_accuracy(11), of_accuracy(11, split="peeked"))
    changed = table(*printed.to_dict("records"), of_accuracy(12, split="peeked", variant=LONGER))
    for runs, said in ((printed, "not yet run"), (changed, "1 of ")):
        found = findings.in_short(runs, evidence.readings(runs, 0.8829, 64), 0.8829)
        assert said in found[1]


def test_rivals_are_named_if_they_are_surely_beaten():
    rows = []
    for seed, wrong in enumerate((0, 1, 2)):
        rows.append(of_accuracy(wrong, seed=seed))
        rows.append(of_accuracy(wrong + 10 + seed, seed=seed, variant="alexnet"))
        rows.append(of_accuracy(5, seed=seed, variant="vgg16"))
    runs = table(*rows)
    sentence = findings.rivals(runs)
    assert "the network surely beats AlexNet (in accuracy, precision, F1)" in sentence
    assert "VGG16" not in sentence
    assert sentence.startswith("Of 2 rivals")
    assert "trainings each, if you correct for 5 rivals and take each score by" in sentence
    assert sentence.endswith("Not yet run often enough: ResNet50, ARL14, ARL50.")
    paper = pd.DataFrame({"accuracy": 0.8, "F1": 0.8}, index=["proposed", *evidence.RIVALS])
    paper.loc[["proposed", "vgg16"], "accuracy"] = 0.99, 0.96
    assert "not yet run" in findings.leads(runs, paper)
    for name in evidence.RIVALS[1:]:
        rows += [of_accuracy(5, seed=seed, variant=name) for seed in range(3) if name != "vgg16"]
    sentence = findings.leads(table(*rows), paper)
    assert "AlexNet 19.0, ours -9.0 (" in sentence
    assert "rule out its lead over AlexNet, ResNet50, ARL14, ARL50; the paper" in sentence
    sentence = findings.against_rivals(table(*rows), "accuracy", "accuracy")
    assert "is surely ahead of 1 of 5 rivals, and surely behind 0. By how" in sentence
    assert "it is ahead: AlexNet +10.0 (" in sentence
    for say in (findings.rivals, lambda runs: findings.leads(runs, paper)):
        assert "not yet run" in say(NONE)
    assert "not yet run" in findings.against_rivals(NONE, "accuracy", "accuracy")


def test_recorded_maps_say_what_the_run_says():
    folder = Path(__file__).parents[2] / "book/results/phantom_networks"
    rows, shown = evidence.recorded_maps(folder)
    heat, captions = shown["proposed"]
    assert heat.shape == (len(rows), 64, 64)
    assert (heat.min(), heat.max()) == (0, 1)
    answers = Run.read(folder / "proposed").predictions.iloc[rows]
    assert [caption.split()[0] for caption in captions] == [
        *answers[list(CLASSES)].idxmax(axis=1),
    ]


def test_kept_is_the_first_whose_weights_lie_beside_it(tmp_path):
    first, second = of_accuracy(0), of_accuracy(0, seed=1)
    for row, folder in ((first, tmp_path / "first"), (second, tmp_path / "second")):
        row["run"].config["weights"], row["run"].folder = "a digest", folder
    (tmp_path / "second").mkdir()
    (tmp_path / "second" / "weights.npz").touch()
    assert evidence.kept(table(first, second)) is second["run"]
    assert evidence.kept(table({**second, "split": "copied"})) is None


def test_first_answers_are_of_the_first_image_of_a_class():
    found = evidence.first_answers(table(of_accuracy(1)), ["nv", "mel"])
    assert found.loc["proposed"].to_dict() == {
        "true: nv": "mel 100.0 %",
        "true: mel": "mel 100.0 %",
    }


def test_melanomas_that_are_missed():
    predicted = np.where((LABELS == 4) & (np.arange(len(LABELS)) % 2 == 0), 5, LABELS)
    row = of_accuracy(0)
    row["run"] = run_of(LABELS, predicted)
    sentence = findings.melanoma(table(row))
    assert "finds 50 % (" in sentence
    assert sentence.endswith("it calls 100 % nv.")
    rival = row | {"variant": "vgg16"}
    grouped = of_accuracy(0, split="grouped")
    copied = of_accuracy(0, split="copied")  # says nothing of melanomas
    sentence = findings.melanoma(table(row, rival, grouped, copied))
    assert sentence.endswith("Its rivals find 50 % on the random split (1 network).")
    arl = row | {"model": "arl14", "variant": "arl14, new_averages=True"}
    arl["run"] = run_of(LABELS, predicted, new_averages=True)
    sentence = findings.melanoma(table(row, arl, grouped))
    assert sentence.endswith("(1 network; ARL14: with averages of batch normalisation made anew).")
    assert ") of the melanomas on the random split and 100 % (" in sentence
    assert ") on the grouped split. That is of 2 runs at 64 x 64 pixels. Of those" in sentence


def test_parts_say_what_they_wait_for(monkeypatch):
    row = {"value": 0.1, "low": 0.05, "high": 0.15}
    answers = {
        "deformable": Verdict(Kind.UNDECIDED, evidence={"pairs at 64 x 64": 2}),
        "joint loss": Verdict(
            Kind.UNDECIDED,
            {"F1": {**row, "bound": 0.015}, "accuracy": {**row, "bound": 0.1}},
            evidence={"pairs at 64 x 64": 6},
        ),
        "attention": Verdict(Kind.REPRODUCED, {"accuracy": row}, evidence={"pairs at 64 x 64": 6}),
    }
    monkeypatch.setattr(verdict, "parts", lambda runs, names, columns: answers)
    assert findings.parts(NONE) == (
        "The deformable convolution waits for 6 pairs of runs, of which it has 2; the joint loss "
        "has no effect that is sure (any in F1 is below 2 points either way); attention helps "
        "in all three scores."
    )


def test_a_span_has_no_negative_zero():
    assert span(pd.Series([-0.04, 0.3]), 1, signed=True) == "+0.0 to +0.3"


def test_a_probability_is_not_an_accuracy():
    runs = table(of_accuracy(0), of_accuracy(22, seed=1))
    sentence = findings.calibration(runs)
    assert "220 of the test images of 2 runs, 220 in all, and is right on 90.0 % of" in sentence
    assert "how often it is right lie 0.0 to 20.0 points apart" in sentence  # it is always sure
    for run in runs["run"]:
        run.predictions[list(CLASSES)] = 1 / 7
    assert "as much of none of the test images of 2 runs" in findings.calibration(runs)


def test_pairs_of_two_backends_are_told():
    """Three pairs of the joint loss once were called alike but for it."""
    rows = []
    for seed, split in product(range(3), ("random", "grouped")):
        for variant in ("proposed", "proposed without joint loss"):
            row = of_accuracy(2 * seed + (variant == "proposed"), seed=seed, split=split)
            here = "tensorflow" if split == "grouped" and variant != "proposed" else "jax"
            row["run"].config["environment"] = {"backend": here}
            rows.append(row | {"variant": variant})
    runs = table(*rows)
    assert findings.across_backends(runs) == (
        "In 3 of the 6 pairs of the joint loss, two backends (jax and tensorflow) trained the "
        "network with and without it; they draw other first weights. In the other 3 (random "
        "split) the part changes the accuracy by -0.9 (-0.9 to -0.9) points."
    )
    more = of_accuracy(0, seed=9)  # without its pair; it once was an error
    more["run"].config["environment"] = {"backend": "jax"}
    assert findings.across_backends(table(*rows, more)) == findings.across_backends(runs)
    for run in runs["run"]:
        run.config["environment"]["backend"] = "jax"
    assert findings.across_backends(runs) == findings.across_backends(NONE) == ""


def test_half_a_cell():
    scores = {"up": {"value": 0.4, "low": 0.3, "high": 0.5}, "as drawn": {"value": 0.1}}
    sentence = findings.half_a_cell(pd.DataFrame(scores).T)
    assert "from 0.10 to 0.40 (0.30 to 0.50) if moved up. The network" in sentence
    assert "0.30 of overlap may hang" in sentence
    assert "not measured" in findings.half_a_cell(pd.DataFrame())


def test_a_good_order_deletes_fast_and_inserts_fast():
    low, high = np.array([[0.0], [0.1], [0.2]]), np.array([[0.5], [0.7], [0.6]])
    curves = {kind: {"map": low, "blob": high, "same": low} for kind in ("deletion", "insertion")}
    assert findings.deletion(curves) == (
        "During deletion the probability is 0.10 on average with the order of map (3 images): "
        "better than blob, -0.50 (-0.75 to -0.25); not told apart from same, +0.00 (+0.00 to "
        "+0.00). During insertion the probability is 0.10 on average with the order of map (3 "
        "images): worse than blob, -0.50 (-0.75 to -0.25); not told apart from same, +0.00 (+0.00 "
        "to +0.00)."
    )


def test_networks_without_a_run_are_named():
    missing = findings.not_run(table(of_accuracy(0)))
    assert missing == "Not yet run: ARL14, ARL50, AlexNet, VGG16, ResNet50."
    assert findings.not_run(pd.DataFrame({"model": list(NAMES)})) == ""


def test_dead_runs_are_named():
    runs = table(of_accuracy(0), of_accuracy(0, variant="arl14", dead="why"))
    assert findings.left_out(runs).endswith("dead: arl14 (why).")
    assert findings.left_out(runs[:1]) == ""


def test_images_of_another_copy_are_said(make_dataset):
    dataset = make_dataset([0, 5, 5], list("abc"))
    run = SimpleNamespace(
        config={"data": {"name": "ham10000", "fingerprint": "1"}},
        predictions=pd.DataFrame({"image_id": ["T_0001"]}),
    )
    sentence = findings.same_images(run, dataset, np.array([1, 2]))
    assert sentence.startswith("1 of these 2 images")
    assert "trained on ham10000, and not on this copy" in sentence


def test_tables_in_words_name_what_is_missing():
    runs = table(of_accuracy(33, split="peeked"), of_accuracy(10, split="grouped"))
    words = evidence.reading_words(evidence.readings(runs, 0.9, 64))
    assert words.loc["as printed", "accuracy, %"].startswith("70.0 (")
    assert words.loc["60 epochs", "accuracy, %"] == "not yet run"
    assert words.loc["copied before the split", "accuracy, %"] == "not yet run"
    words = evidence.recall_words(runs, 64)
    assert words.loc["nv", "grouped split"].startswith("80.0 (")
    assert words.loc["nv", "random split"] == "not yet run"
    words = evidence.part_words(runs)
    assert set(words["points"]) == {"not yet run"}
    assert len(words) == 9
    variant = "proposed without attention"
    words = evidence.part_words(table(of_accuracy(10), of_accuracy(10, variant=variant)))
    assert words.loc["attention, F1", "points"] == "1 of 6 pairs run"
    assert words.loc["deformable, F1", "points"] == "not yet run"
