import os
import signal
from dataclasses import replace

import numpy as np
import pytest
from distributed import Client, LocalCluster

from skinlib import sweep
from skinlib.data import load
from skinlib.models import build
from skinlib.records import Record, RecordError
from skinlib.sweep import Run
from skinlib.training import Recipe, train

PHANTOM = {"count": 80, "size": 64}


@pytest.fixture(scope="module")
def small_phantom():
    return load("phantom", **PHANTOM)


@pytest.mark.parametrize("name", sweep.SWEEPS)
def test_every_named_run_has_a_network_and_a_setting_of_its_own(name):
    runs = sweep.SWEEPS[name](2)
    assert len({str(run) for run in runs.values()}) == len(runs)
    recipes = {(r.recipe.model, str(r.recipe.options)): r.recipe for r in runs.values()}
    for recipe in recipes.values():
        assert build(recipe.model, (64, 64, 3), **recipe.options).output.shape == (None, 7)


def test_the_ablation_is_complete_and_shares_runs_with_table_1():
    runs = sweep.ablation(3)
    assert len(runs) == 2**3 * 2 * 3
    assert runs["proposed_random_seed0"] == sweep.table1(1)["proposed_random_seed0"]
    assert runs["proposed_grouped_seed0"] == sweep.grouped(1)["proposed_grouped_seed0"]
    plain = runs["proposed_without_deformable_without_attention_without_joint_loss_random_seed0"]
    assert plain.recipe.options == {"deformable": False, "attention": False}
    assert plain.recipe.loss == "cross_entropy"


def test_readings_can_look_at_each_epoch_and_faults_are_faults():
    """The best epoch on the test part is one of the faults: it needs the scores of each epoch."""
    splits = {run.split for title, run in sweep.readings(1).items() if run.split != "peeked"}
    assert splits == {"copied", "seen"}
    assert {run.test for run in sweep.readings(1).values()} == {0.15}
    assert {(run.split, run.test) for run in sweep.joint_loss(1).values()} == {("grouped", 0.4)}


@pytest.mark.parametrize("name", ["table1", "grouped"])
def test_only_the_proposed_network_has_the_joint_loss(name):
    """Section 3.2; the rivals once had it here, too."""
    for title, run in sweep.SWEEPS[name](1).items():
        assert (run.recipe.loss == "joint") == title.startswith("proposed")


def test_first_reproduce_then_improve():
    for name in ("table1", "grouped", "ablation"):
        assert not any(run.recipe.augment for run in sweep.SWEEPS[name](1).values())


@pytest.fixture
def three(monkeypatch):
    good = Run(Recipe(model="small", epochs=1))
    runs = {"bad": Run(Recipe(model="none")), "good": good, "done": good}
    monkeypatch.setitem(sweep.SWEEPS, "three", lambda seeds: runs)
    return runs


def test_done_runs_are_skipped_and_failed_ones_reported(three, small_phantom, tmp_path):
    sweep.work({"done": three["done"]}, "phantom", PHANTOM, tmp_path, progress=False)
    todo = sweep.missing("three", 1, small_phantom, tmp_path)
    assert list(todo) == ["bad", "good"]
    with pytest.raises(sweep.SweepError, match=r"1 runs failed: bad .*model: expected one of"):
        sweep.work(todo, "phantom", PHANTOM, tmp_path, progress=False)
    assert Record.read(tmp_path / "good").run["recipe"]["model"] == "small"
    assert list(sweep.missing("three", 1, small_phantom, tmp_path)) == ["bad"]


@pytest.mark.parametrize(
    ("changed", "run", "options"),
    [
        ("recipe", Run(Recipe(model="small", epochs=2)), PHANTOM),
        ("split", Run(Recipe(model="small", epochs=1), "grouped"), PHANTOM),
        ("split", Run(Recipe(model="small", epochs=1), test=0.3), PHANTOM),
        ("data", Run(Recipe(model="small", epochs=1)), PHANTOM | {"size": 32}),
    ],
)
def test_a_record_of_another_run_is_not_taken_for_done(
    three, small_phantom, tmp_path, changed, run, options
):
    """A trial on a few small pictures once counted as a run of table 1."""
    sweep.work({"good": run}, "phantom", options, tmp_path, progress=False)
    with pytest.raises(RecordError, match=f"good has another {changed} than good of three: choose"):
        sweep.missing("three", 1, small_phantom, tmp_path)


def test_another_copy_of_the_data_is_the_same_data(three, small_phantom, tmp_path):
    sweep.work({"good": three["good"]}, "phantom", PHANTOM, tmp_path, progress=False)
    copy = replace(small_phantom, fingerprint="of an unpacked folder")
    assert list(sweep.missing("three", 1, copy, tmp_path)) == ["bad", "done"]


def test_a_run_that_a_dead_worker_had_finished_is_no_failure(three, tmp_path):
    """Dask repeats a task whose worker died before it could hand back the result."""
    runs = {"good": three["good"]}
    for _ in range(2):
        sweep.work(runs, "phantom", PHANTOM, tmp_path, progress=False)


def test_a_record_counts_in_whichever_precision_it_was_made(three, small_phantom, tmp_path):
    first = sweep.missing("three", 1, small_phantom, tmp_path, "mixed_bfloat16")
    assert {run.recipe.precision for run in first.values()} == {"mixed_bfloat16"}
    sweep.work({"good": first["good"]}, "phantom", PHANTOM, tmp_path, progress=False)
    assert Record.read(tmp_path / "good").run["recipe"]["precision"] == "mixed_bfloat16"
    assert list(sweep.missing("three", 1, small_phantom, tmp_path)) == ["bad", "done"]


def test_the_estimate_grows_with_the_work(small_phantom):
    one = {"a": Run(Recipe(model="small", epochs=10))}
    two = one | {"b": Run(Recipe(model="small", epochs=1000))}
    assert 0 < 20 * sweep.estimate(one, small_phantom) < sweep.estimate(two, small_phantom)


def test_the_estimate_is_of_an_epoch_that_does_not_compile(small_phantom, monkeypatch):
    ticks = iter([0.0, 100.0, 200.0, 202.0])
    monkeypatch.setattr(sweep.time, "perf_counter", lambda: next(ticks, 300.0))
    recipe = Recipe(model="small", batch_size=8, epochs=5)
    run = Run(recipe)
    expected = 2.0 / 32 * 5 * len(run.divide(small_phantom).train)
    monkeypatch.setattr(sweep, "train", fit_without_clock)
    assert sweep.estimate({"a": run}, small_phantom) == pytest.approx(expected)


def fit_without_clock(dataset, split, recipe, callbacks):
    for epoch in range(recipe.epochs):
        callbacks[0].on_epoch_begin(epoch, {})
        callbacks[0].on_epoch_end(epoch, {})


def test_the_estimate_does_without_classes_that_its_few_pictures_lack(make_dataset):
    dataset = make_dataset([0, 5] * 70, None)
    run = Run(Recipe(model="small", batch_size=4, epochs=1, class_weights="balanced"))
    assert sweep.estimate({"weighted": run}, dataset) > 0


def test_unknown_sweep(small_phantom, tmp_path):
    with pytest.raises(sweep.SweepError, match="unknown sweep 'table9': expected one of"):
        sweep.missing("table9", 1, small_phantom, tmp_path)


@pytest.fixture
def cluster():
    with LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
    ) as cluster:
        yield cluster


def test_a_worker_that_dies_costs_only_its_run(cluster, tmp_path):
    """The first run kills its worker once, after its first epoch's checkpoint."""
    runs = {
        "deadly": Run(Recipe(model="small", epochs=3, seed=1)),
        "other": Run(Recipe(model="small", epochs=1)),
    }

    def arm(dask_worker):
        """Makes this worker's process die when the run is in its second epoch."""
        from skinlib import training

        begin = training._Run.on_epoch_begin

        def die(self, epoch, logs=None):
            fuse = tmp_path / "fuse"
            if epoch == 1 and not fuse.exists():
                fuse.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            begin(self, epoch, logs)

        training._Run.on_epoch_begin = die
        training.CHECKPOINT_SECONDS = 0

    with Client(cluster) as client:
        client.run(arm)
        address = cluster.scheduler_address
        sweep.work(runs, "phantom", PHANTOM, tmp_path, scheduler=address, progress=False)
    assert (tmp_path / "fuse").exists()
    dataset = load("phantom", **PHANTOM)
    _, whole = train(dataset, runs["deadly"].divide(dataset), runs["deadly"].recipe)
    resumed = Record.read(tmp_path / "deadly")
    losses = (record.run["history"]["loss"] for record in (resumed, whole))
    np.testing.assert_allclose(*losses, rtol=1e-3)  # workers have other threads, so other rounding
    np.testing.assert_allclose(resumed.probabilities, whole.probabilities, atol=1e-3)
    assert Record.done(tmp_path / "other")
