import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pooch
import pytest

from skinlib.data import CLASSES, load
from skinlib.data.splits import SPLITS, random_split
from skinlib.errors import DataError, RecordError, SkinlibError
from skinlib.explain import MAPS
from skinlib.models import build
from skinlib.runs import Run, is_done
from skinlib.training import checkpoint
from skinlib.training import train as training
from skinlib.training.recipe import Recipe
from skinlib.training.train import (
    ProgressBar,
    make_loss,
    make_optimizer,
    predict,
    train,
    trained_network,
)

SMALL = Recipe(model="small", epochs=1, beta=0.0)
TWO = replace(SMALL, epochs=2)
PROPOSED = Recipe(epochs=2, seed=1, batch_size=16)


def stop_at(epoch):
    """A callback that presses Ctrl-C at the beginning of an epoch."""

    def interrupt(now, logs):
        if now == epoch:
            raise KeyboardInterrupt

    return keras.callbacks.LambdaCallback(on_epoch_begin=interrupt)


def same(first, second):
    assert first.config["history"] == second.config["history"]
    pd.testing.assert_frame_equal(first.predictions, second.predictions, check_exact=True)


@pytest.fixture(scope="module")
def proposed_run(phantom, split):
    return train(phantom, split, PROPOSED)[1]


def test_one_recipe_one_run(phantom, split, proposed_run, tmp_path):
    model, again = train(phantom, split, PROPOSED, tmp_path / "run")
    same(proposed_run, again)
    read = Run.read(tmp_path / "run")
    same(read, again)
    assert read.config["parameters"] == model.count_params()
    assert read.config["data"]["fingerprint"] == phantom.fingerprint
    assert list(read.history.columns) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert list(read.predictions["label"]) == [CLASSES[c] for c in phantom.labels[split.test]]
    assert read.recipe == PROPOSED
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        "run.json",
        "predictions.csv",
        "heat_maps.csv",
    }


def test_a_run_says_which_code_made_it(proposed_run):
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True)
    assert proposed_run.config["code"]["commit"] == (commit.stdout.strip() or None)


def test_what_is_measured_while_the_weights_are_at_hand(phantom, split, tmp_path):
    other = load("phantom", size=64, count=40, seed=5)
    model, run = train(phantom, split, SMALL, tmp_path, isic2018_test=other, keep_weights=True)
    expected = model.predict(other.images, verbose=0)
    np.testing.assert_allclose(run.isic2018_test.iloc[:, 3:].to_numpy(float), expected, atol=1e-4)
    for _, one in run.heat_maps.groupby("map"):
        assert sorted(one["image_id"]) == sorted(phantom.table["image_id"][split.test])
    assert set(run.heat_maps["map"]) == set(MAPS)
    means = run.heat_maps.groupby("map")["overlap"].mean()
    assert means["outline on as few places"] > means["fresh weights"]
    for name in ("pointing", "energy", "overlap"):
        assert run.heat_maps[name].between(0, 1).all()
    keras.backend.clear_session()
    for _ in range(2):  # the network `small` could once be restored once per process
        restored = trained_network(Run.read(tmp_path))
        np.testing.assert_allclose(restored.predict(other.images, verbose=0), expected, atol=5e-3)


def test_tuning_looks_at_no_test_set(phantom):
    tuning = SPLITS["tuning"](phantom)
    _, run = train(phantom, tuning, SMALL, isic2018_test=phantom)
    assert run.isic2018_test is None
    assert list(run.predictions["image_id"]) == list(phantom.table["image_id"][tuning.test])


def test_weights_that_were_changed_are_refused(phantom, split, tmp_path):
    train(phantom, split, SMALL, tmp_path, keep_weights=True)
    weights = tmp_path / "weights.npz"
    whole = weights.read_bytes()
    for damage in (whole[: len(whole) // 2], whole[:-1] + b"x"):
        weights.write_bytes(damage)
        with pytest.raises(RecordError, match=r"weights.npz cannot be used: it was changed"):
            trained_network(Run.read(tmp_path))
    weights.unlink()
    with pytest.raises(RecordError, match=r"weights.npz cannot be used"):
        trained_network(Run.read(tmp_path))


def test_weights_that_half_precision_has_not_are_kept(tmp_path):
    model = build("small", (48, 48, 3))
    first, *_ = model.weights
    first.assign(np.full(first.shape, 1e5))  # inf in half precision
    path = tmp_path / "weights.npz"
    checkpoint.save_weights(model, path)
    other = build("small", (48, 48, 3))
    checkpoint.load_weights(other, path, pooch.file_hash(path))
    for kept, weight in zip(other.weights, model.weights, strict=True):
        np.testing.assert_allclose(kept, weight, rtol=1e-3, atol=1e-6)


def test_weights_of_another_run_are_not_taken_for_its_own(phantom, split, tmp_path):
    (tmp_path / "weights.npz").write_bytes(b"of another run")
    train(phantom, split, SMALL, tmp_path)
    assert Run.read(tmp_path).config["weights"] is None
    assert not (tmp_path / "weights.npz").exists()


def test_a_finished_run_is_not_overwritten(phantom, split, tmp_path):
    train(phantom, split, SMALL, tmp_path)
    with pytest.raises(RecordError, match="exists: remove it"):
        train(phantom, split, Recipe(epochs=10**6), tmp_path)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, {"beta": 0.0002, "focusing": 3.0, "alpha": 1.0, "focal_reduction": "batch_sum"}),
        ({"beta": 0.5, "focusing": 2.0, "alpha": 0.2}, {"beta": 0.5, "focusing": 2, "alpha": 0.2}),
        ({"focal_reduction": "mean"}, {"focal_reduction": "mean", "dataset_size": None}),
    ],
)
def test_a_recipe_decides_its_loss(phantom, split, change, expected):
    config = make_loss(phantom, split, Recipe(**change)).get_config()
    assert {name: config[name] for name in expected} == expected


def test_a_loss_knows_the_training_part_alone(make_dataset):
    labels = np.repeat(range(7), [10, 20, 30, 40, 50, 300, 10])
    dataset = make_dataset(labels, None)
    split = random_split(dataset, test=0.4)
    split = replace(split, train=split.train[::3])
    recipe = Recipe(class_weights="balanced", focal_reduction="dataset_sum")
    config = make_loss(dataset, split, recipe).get_config()
    count = np.bincount(labels[split.train], minlength=7)
    assert config["dataset_size"] == len(split.train)
    np.testing.assert_allclose(config["class_weights"], len(split.train) / 7 / count)


def test_class_weights_take_every_class(make_dataset):
    dataset = make_dataset([0, 5] * 20, None)
    with pytest.raises(DataError, match="no training image is bcc, bkl, df, mel, vasc"):
        make_loss(dataset, random_split(dataset), replace(SMALL, class_weights="balanced"))


def test_a_recipe_reaches_its_training(phantom, split):
    changes = {}, {"augment": True}, {"sampling": "balanced"}, {"beta": 0.9}, {"seed": 1}
    made = [train(phantom, split, replace(SMALL, **change))[1] for change in changes]
    assert len({run.config["history"]["loss"][0] for run in made}) == len(changes)


def test_a_recipe_reaches_its_batches(phantom, split, monkeypatch):
    def take(dataset, rows, batch_size, **options):
        raise InterruptedError(options)

    monkeypatch.setattr("skinlib.training.train.Batches", take)
    options = {"sampling": "root", "augment": True, "jitter": 0.1, "mixup": 0.2}
    options["label_smoothing"] = 0.3
    with pytest.raises(InterruptedError) as taken:
        train(phantom, split, replace(SMALL, **options))
    assert taken.value.args[0] == {"seed": 0, **options}


def test_a_recipe_reaches_its_answers(phantom, split):
    recipe = replace(SMALL, test_time_augmentation=True, logit_adjustment=0.5)
    model, run = train(phantom, split, recipe)
    root = np.sqrt(np.bincount(phantom.labels[split.train], minlength=7))
    expected = predict(model, phantom, split.test, turns=8, divide_by=root)
    pd.testing.assert_frame_equal(run.predictions, expected)


def test_the_rate_rises_and_falls_along_half_a_cosine():
    recipe = replace(SMALL, epochs=10, learning_rate=0.1, schedule="cosine")
    optimizer = make_optimizer(recipe, steps=20)
    steps = np.arange(201)
    rises = 0.1 * steps / 10
    falls = 0.05 * (1 + np.cos(np.pi * (steps - 10) / 190))
    got = []
    for step in steps:
        optimizer.iterations.assign(step)
        got.append(float(optimizer.learning_rate))
    np.testing.assert_allclose(got, np.where(steps < 10, rises, falls), atol=1e-6)


@pytest.mark.parametrize("name", ["proposed", "arl14"])
def test_kernels_decay_and_nothing_else(name):
    model = build(name, (64, 64, 3))
    optimizer = make_optimizer(replace(PROPOSED, learning_rate=0.1, weight_decay=0.5), steps=1)
    optimizer.build(model.trainable_variables)
    before = [np.array(v) for v in model.trainable_variables]
    optimizer.apply([keras.ops.zeros(v.shape) for v in model.trainable_variables])
    for variable, value in zip(model.trainable_variables, before, strict=True):
        share = 1 - 0.1 * 0.5 if variable.path.endswith("kernel") else 1
        np.testing.assert_allclose(variable, share * value, rtol=1e-5, err_msg=variable.path)


def trained(model):
    return [np.array(v) for v in model.trainable_variables]


def test_weights_are_averaged_over_the_steps(phantom, split):
    seen = []
    look = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(trained(look.model))
    )
    recipe = replace(SMALL, epochs=2, ema=0.8, learning_rate=0.01)
    model, _ = train(phantom, split, recipe, callbacks=(look,))
    mean = seen[0]  # after the first step, says Keras
    for weights in seen[1:]:
        mean = [0.8 * m + 0.2 * w for m, w in zip(mean, weights, strict=True)]
    for got, expected in zip(trained(model), mean, strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-5)


def test_an_answer_is_a_mean_over_turns_and_divided_by_frequencies(phantom):
    model = build("small", phantom.image_shape)
    rows = np.arange(3)
    turned = [np.rot90(i, k, (1, 2)) for i in (phantom.images[rows],) for k in range(4)]
    turned += [images[:, :, ::-1] for images in turned]
    mean = np.mean([model.predict(images, verbose=0) for images in turned], axis=0)
    frequency = np.arange(1.0, 8.0)
    expected = mean / frequency
    expected /= expected.sum(1, keepdims=True)
    got = predict(model, phantom, rows, turns=8, divide_by=frequency)[list(CLASSES)]
    np.testing.assert_allclose(got, expected, atol=2e-5)


@pytest.mark.slow
@pytest.mark.usefixtures("in_a_graph")
def test_mixed_precision_computes_in_16_bits_and_answers_in_32(phantom, split):
    model, run = train(phantom, split, Recipe(epochs=1, dtype="mixed_bfloat16"))
    assert model.get_layer("deformable").compute_dtype == "bfloat16"
    assert model.output.dtype == "float32"
    assert keras.config.dtype_policy().name == "float32"
    assert np.isfinite(run.probabilities).all()
    assert run.config["vital_signs"]["deformable"]["offset_p95"] > 0


def test_costs_fit_each_other(phantom, split):
    _, run = train(phantom, split, replace(SMALL, epochs=3))
    cost = run.config["cost"]
    images = cost["images_per_second"] * cost["wall_seconds"]
    assert images == pytest.approx(3 * len(split.train), rel=0.05)
    assert 100 < cost["peak_memory_mib"] < 20_000


KILLED = """
import os, signal, sys
from pathlib import Path
from skinlib.data import CLASSES, load
from skinlib.data.splits import random_split
from skinlib.training import checkpoint
from skinlib.training.recipe import Recipe
from skinlib.training.train import train

moment, folder = sys.argv[1:]
dataset = load("phantom", count=80, size=64)
checkpoint.SECONDS = 0
replace, writes = os.replace, []

def die_while_writing(partial, path):
    writes.append(Path(path).name)
    if len(writes) == {"checkpoint": 2, "run": 6}[moment]:
        Path(partial).write_bytes(Path(partial).read_bytes()[:-100])
        os.kill(os.getpid(), signal.SIGKILL)
    replace(partial, path)

os.replace = die_while_writing
recipe = Recipe(model="small", beta=0.0, epochs=3, seed=1)
train(dataset, random_split(dataset, validation=0.2), recipe, Path(folder))
"""


@pytest.mark.slow
@pytest.mark.usefixtures("in_a_graph")
@pytest.mark.parametrize(("moment", "epochs_left"), [("checkpoint", [1, 2]), ("run", [])])
def test_a_killed_run_goes_on_to_the_same_end(phantom, split, tmp_path, moment, epochs_left):
    recipe = replace(SMALL, epochs=3, seed=1)
    command = [sys.executable, "-c", KILLED, moment, str(tmp_path / "run")]
    killed = subprocess.run(command, capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not is_done(tmp_path / "run")

    seen = []
    look = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    _, resumed = train(phantom, split, recipe, tmp_path / "run", callbacks=(look,))
    assert seen == epochs_left
    same(resumed, train(phantom, split, recipe)[1])


@pytest.fixture(scope="module")
def interrupted(phantom, split, tmp_path_factory):
    """The checkpoint of a run that was interrupted in its second epoch."""
    folder = tmp_path_factory.mktemp("interrupted")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "SECONDS", 0)
        with pytest.raises(KeyboardInterrupt):
            train(phantom, split, TWO, folder, callbacks=(stop_at(1),))
    assert [path.name for path in folder.iterdir()] == ["checkpoint.npz"]
    return folder


@pytest.fixture
def checkpointed(interrupted, tmp_path):
    """A folder with a copy of that checkpoint."""
    return Path(shutil.copytree(interrupted, tmp_path / "run"))


@pytest.mark.slow
def test_an_interrupted_run_goes_on(phantom, split, checkpointed):
    """Interrupted by Ctrl-C, in the process in which it goes on."""
    _, resumed = train(phantom, split, TWO, checkpointed)
    same(resumed, train(phantom, split, TWO)[1])


def test_a_run_names_the_code_that_it_started_with(phantom, split, checkpointed, monkeypatch):
    """A commit while it trains once became its maker."""
    made_by = {"version": "1", "commit": "a", "clean": True}
    monkeypatch.setattr(training, "code", lambda: made_by)

    def commit(logs):
        monkeypatch.setattr(training, "code", lambda: made_by | {"commit": "b"})

    look = keras.callbacks.LambdaCallback(on_train_begin=commit)
    _, whole = train(phantom, split, SMALL, callbacks=(look,))
    assert whole.config["code"] == made_by
    _, resumed = train(phantom, split, TWO, checkpointed)  # other code had begun it
    assert resumed.config["code"] == {"version": "1", "commit": "b", "clean": False}


def assert_goes_on(dataset, split, recipe, folder):
    """A run that is interrupted in its second epoch ends as one that is not."""
    with pytest.raises(KeyboardInterrupt):
        train(dataset, split, recipe, folder, callbacks=(stop_at(1),))
    _, resumed = train(dataset, split, recipe, folder)
    same(resumed, train(dataset, split, recipe)[1])


@pytest.mark.slow
def test_schedules_averages_and_changed_images_go_on_too(phantom, split, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "SECONDS", 0)
    recipe = replace(TWO, schedule="cosine", ema=0.9, weight_decay=0.1, jitter=0.1, mixup=0.2)
    assert_goes_on(phantom, split, recipe, tmp_path)


@pytest.mark.parametrize("changed", ["recipe", "split", "data"])
def test_a_checkpoint_of_another_run_is_refused(phantom, split, checkpointed, changed):
    other = {"dataset": phantom, "split": split, "recipe": TWO} | {
        "recipe": {"recipe": replace(TWO, epochs=3)},
        "split": {"split": replace(split, test=split.validation, validation=split.test)},
        "data": {"dataset": replace(phantom, fingerprint="another")},
    }[changed]
    with pytest.raises(RecordError, match=r"checkpoint.npz belongs to a run with another recipe"):
        train(**other, folder=checkpointed)


def edit(path, **changes):
    """Changes what a checkpoint says of its progress, or its arrays."""
    with np.load(path) as saved:
        arrays = dict(saved)
    progress = json.loads(str(arrays["progress"]))
    for name, value in changes.items():
        if name in arrays:
            arrays[name] = value
        else:
            progress[name] = value
    arrays["progress"] = np.array(json.dumps(progress))
    np.savez(path, **arrays)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-100]),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"PK"),
        lambda path: edit(path, epochs=99),  # once made an untrained run that counted as done
        lambda path: edit(path, epochs=-1),
        lambda path: edit(path, epochs="1"),
        lambda path: edit(path, seconds=float("nan")),
        lambda path: edit(path, history=[]),
        lambda path: edit(path, history={"loss": []}),
        lambda path: edit(path, **{"0": np.full((3, 3, 3, 16), np.nan)}),
        lambda path: np.savez(path, something=np.zeros(3)),
        lambda path: np.savez(path, progress=np.array("[]")),
    ],
)
def test_a_damaged_checkpoint_is_one_sentence(phantom, split, checkpointed, damage):
    damage(checkpointed / "checkpoint.npz")
    with pytest.raises(RecordError, match=r"checkpoint.npz is damaged: remove it to start anew"):
        train(phantom, split, TWO, checkpointed)


def test_a_checkpoint_of_an_older_network_is_named(phantom, split, checkpointed):
    edit(checkpointed / "checkpoint.npz", **{"0": np.zeros((2, 2))})
    with pytest.raises(RecordError, match=r"checkpoint.npz is of another network: remove it"):
        train(phantom, split, TWO, checkpointed)


@pytest.mark.slow
def test_16_bits_go_on_from_a_checkpoint_too(phantom, split, tmp_path, monkeypatch):
    """A loss scale once got more variables at each checkpoint, and could not be restored."""
    monkeypatch.setattr(checkpoint, "SECONDS", 0)
    recipe = replace(SMALL, epochs=2, dtype="mixed_float16")
    split = replace(split, train=split.train[:2], test=split.test[:2])  # they are slow
    assert_goes_on(phantom, split, recipe, tmp_path)


def test_one_process_at_a_time_in_a_folder(phantom, split, tmp_path):
    """Two once mixed their files, and the record of one seed had the predictions of another."""
    code = "import sys; from pathlib import Path; from skinlib.files import locked\n"
    code += "with locked(Path(sys.argv[1])):\n    print('in', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, str(tmp_path)]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdout.readline() == b"in\n"
    with pytest.raises(RecordError, match="is being written by another process"):
        train(phantom, split, SMALL, tmp_path)
    os.kill(other.pid, signal.SIGKILL)  # a dead process keeps nobody out
    other.communicate()
    train(phantom, split, SMALL, tmp_path)


def test_weights_that_the_last_step_loses_end_the_run(phantom, split, tmp_path):
    """The loss of an epoch is that before its last step."""
    one = replace(split, train=split.train[:8], validation=split.validation[:0])
    recipe = replace(SMALL, batch_size=8, learning_rate=1e30)
    with pytest.raises(SkinlibError, match=r"answers are not finite: lower the learning rate"):
        train(phantom, one, recipe, tmp_path)
    assert not is_done(tmp_path)


def test_a_loss_that_is_lost_ends_the_run(phantom, split, tmp_path):
    with pytest.raises(SkinlibError, match=r"loss was (nan|inf) in epoch 1: lower"):
        train(phantom, split, replace(SMALL, learning_rate=1e30), tmp_path)
    assert not is_done(tmp_path)


def test_a_full_disk_leaves_no_half_checkpoint(phantom, split, tmp_path, monkeypatch):
    def full(file, **arrays):
        file.write(b"some")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "SECONDS", 0)
    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space left"):
        train(phantom, split, TWO, tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_bar_of_a_run_that_goes_on_counts_from_there():
    """It once told of 84,518 images per second, and of no time left."""
    bar = ProgressBar(Recipe(epochs=20), images=100, done=10).bar
    assert (bar.initial, bar.n, bar.total) == (1000, 1000, 2000)
    bar.close()
