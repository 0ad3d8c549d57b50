import os
import signal

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


def test_done_runs_are_skipped_and_failed_ones_reported(three, tmp_path):
    sweep.work({"done": three["done"]}, "phantom", PHANTOM, tmp_path, progress=False)
    todo = sweep.missing("three", 1, tmp_path)
    assert list(todo) == ["bad", "good"]
    with pytest.raises(sweep.SweepError, match=r"1 runs failed: bad .*unknown model"):
        sweep.work(todo, "phantom", PHANTOM, tmp_path, progress=False)
    assert Record.read(tmp_path / "good").run["recipe"]["model"] == "small"
    assert list(sweep.missing("three", 1, tmp_path)) == ["bad"]


def test_a_record_of_another_recipe_is_not_taken_for_done(three, tmp_path):
    other = {"good": Run(Recipe(model="small", epochs=2))}
    sweep.work(other, "phantom", PHANTOM, tmp_path, progress=False)
    with pytest.raises(RecordError, match="good has another recipe than good of three"):
        sweep.missing("three", 1, tmp_path)


def test_a_record_counts_in_whichever_precision_it_was_made(three, tmp_path):
    first = sweep.missing("three", 1, tmp_path, "mixed_bfloat16")
    assert {run.recipe.precision for run in first.values()} == {"mixed_bfloat16"}
    sweep.work({"good": first["good"]}, "phantom", PHANTOM, tmp_path, progress=False)
    assert Record.read(tmp_path / "good").run["recipe"]["precision"] == "mixed_bfloat16"
    assert list(sweep.missing("three", 1, tmp_path)) == ["bad", "done"]


def test_the_estimate_grows_with_the_work():
    dataset = load("phantom", **PHANTOM)
    one = {"a": Run(Recipe(model="small", epochs=10))}
    two = one | {"b": Run(Recipe(model="small", epochs=1000))}
    assert 0 < 20 * sweep.estimate(one, dataset) < sweep.estimate(two, dataset)


def test_the_estimate_does_without_classes_that_its_few_pictures_lack(make_dataset):
    dataset = make_dataset([0, 5] * 70, None)
    run = Run(Recipe(model="small", batch_size=4, epochs=1, class_weights="balanced"))
    assert sweep.estimate({"weighted": run}, dataset) > 0


def test_unknown_sweep(tmp_path):
    with pytest.raises(sweep.SweepError, match="unknown sweep 'table9': expected one of"):
        sweep.missing("table9", 1, tmp_path)


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
