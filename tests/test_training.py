import errno
import json
import os
import random
import signal
import subprocess
import sys
from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest

from skinlib import training
from skinlib.data.batches import Batches
from skinlib.data.splits import random_split
from skinlib.environment import peak_memory
from skinlib.records import Record, RecordError
from skinlib.training import Recipe, train


@pytest.fixture(scope="module")
def split(phantom):
    return random_split(phantom, validation=0.2)


SMALL = Recipe(model="small", epochs=1)
PROPOSED = Recipe(epochs=3, seed=1, batch_size=16)


@pytest.fixture(scope="module")
def small_record(phantom, split):
    return train(phantom, split, SMALL)[1]


@pytest.fixture(scope="module")
def proposed_record(phantom, split):
    return train(phantom, split, PROPOSED)[1]


def test_the_defaults_are_the_papers():
    recipe = Recipe()
    assert (recipe.batch_size, recipe.epochs, recipe.learning_rate) == (32, 20, 2e-4)
    assert (recipe.loss, recipe.beta, recipe.focusing) == ("joint", 0.0002, 3.0)


def test_one_recipe_one_record(phantom, split, proposed_record, tmp_path):
    first = proposed_record
    model, second = train(phantom, split, PROPOSED, tmp_path / "run")
    pd.testing.assert_frame_equal(first.predictions, second.predictions, check_exact=True)
    assert first.run["history"] == second.run["history"]
    assert first.run["parameters"] == model.count_params()

    read = Record.read(tmp_path / "run")
    assert read.run["data"]["fingerprint"] == phantom.fingerprint
    assert list(read.history.columns) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    np.testing.assert_allclose(read.probabilities, first.probabilities, atol=1e-6)
    assert list(read.labels) == list(phantom.labels[split.test])
    json.dumps(read.run)


def test_another_seed_is_another_run(phantom, split, small_record):
    _, other = train(phantom, split, replace(SMALL, seed=1))
    assert not np.array_equal(other.probabilities, small_record.probabilities)


def test_a_finished_record_is_not_overwritten(phantom, split, small_record, tmp_path):
    small_record.write(tmp_path)
    with pytest.raises(RecordError, match="exists: remove it"):
        train(phantom, split, Recipe(epochs=10**6), tmp_path)


def test_each_epoch_sees_each_picture_once_in_another_order(phantom):
    batches = Batches(phantom, np.arange(70), 32, seed=0)
    first = batches.order
    batches.on_epoch_end()
    assert sorted(first) == sorted(batches.order) == list(range(70))
    assert list(first) != list(batches.order)
    assert [len(batches[i][0]) for i in range(len(batches))] == [32, 32, 6]
    images, one_hot = batches[2]
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images, phantom.images[batches.order[64:]])
    np.testing.assert_array_equal(one_hot.argmax(1), phantom.labels[batches.order[64:]])


def test_balanced_sampling_draws_the_classes_equally_often(make_dataset):
    labels = np.repeat(range(7), [10, 20, 30, 40, 50, 3000, 10])
    batches = Batches(make_dataset(labels, None), np.arange(3160), 32, seed=0, balanced=True)
    np.testing.assert_allclose(np.bincount(labels[batches.order]) / 3160, 1 / 7, atol=0.03)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, {"beta": 0.0002, "focusing": 3.0, "alpha": 1.0, "focal_reduction": "batch_sum"}),
        ({"beta": 0.5, "focusing": 2.0, "alpha": 0.2}, {"beta": 0.5, "focusing": 2, "alpha": 0.2}),
        ({"loss": "cross_entropy"}, {"beta": 0.0}),
        ({"loss": "focal"}, {"beta": 1.0}),
        ({"focal_reduction": "mean"}, {"focal_reduction": "mean", "dataset_size": None}),
    ],
)
def test_a_recipe_decides_its_loss(phantom, split, change, expected):
    config = training._loss(phantom, split, Recipe(**change)).get_config()
    assert {name: config[name] for name in expected} == expected


def test_a_loss_knows_the_training_part_alone(make_dataset):
    labels = np.repeat(range(7), [10, 20, 30, 40, 50, 300, 10])
    dataset = make_dataset(labels, None)
    split = random_split(dataset, test=0.4)
    split = replace(split, train=split.train[::3])
    recipe = Recipe(class_weights="balanced", focal_reduction="dataset_sum")
    config = training._loss(dataset, split, recipe).get_config()
    count = np.bincount(labels[split.train], minlength=7)
    assert config["dataset_size"] == len(split.train)
    np.testing.assert_allclose(config["class_weights"], len(split.train) / 7 / count)


def test_a_recipe_decides_how_batches_are_drawn(phantom, split, monkeypatch):
    asked = []

    class Spy(Batches):
        def __init__(self, *given, **options):
            asked.append(options)
            super().__init__(*given, **options)

    monkeypatch.setattr(training, "Batches", Spy)
    for change in ({"augment": True}, {"sampling": "balanced"}, {"seed": 3}):
        asked.clear()
        train(phantom, split, replace(SMALL, **change))
        for_training = {name: asked[0][name] for name in ("augment", "balanced", "seed")}
        recipe = {"augment": False, "sampling": "natural", "seed": 0} | change
        assert for_training == {
            "augment": recipe["augment"],
            "balanced": recipe["sampling"] == "balanced",
            "seed": recipe["seed"],
        }
        assert not any(set(options) & {"augment", "balanced"} for options in asked[1:])


def test_costs_fit_each_other(phantom, split):
    _, record = train(phantom, split, replace(SMALL, epochs=3))
    cost = record.run["cost"]
    pictures = cost["images_per_second"] * cost["wall_seconds"]
    assert pictures == pytest.approx(3 * len(split.train), rel=0.05)
    assert cost["input_seconds"] < cost["wall_seconds"]
    assert 100 < cost["peak_memory_mib"] < 10_000


@pytest.mark.skipif(
    not os.access("/proc/self/clear_refs", os.W_OK), reason="this system cannot forget"
)
def test_the_peak_of_memory_is_the_runs_own(phantom, split):
    """In a sweep, a small network once had the peak of the large one before it."""
    before = np.ones(2**27)  # 1 GiB
    high = peak_memory()
    del before
    _, record = train(phantom, split, SMALL)
    assert 2**20 * record.run["cost"]["peak_memory_mib"] < high - 2**29


@pytest.mark.parametrize(
    "wrong",
    [
        {"loss": "crossentropy"},
        {"sampling": "balance"},
        {"class_weights": "balance"},
        {"precision": "float16"},
        {"epochs": 0},
        {"batch_size": 0},
        {"devices": 0},
    ],
)
def test_a_recipe_refuses_what_it_does_not_know(wrong):
    """A misspelt loss was once trained as the joint one, under its wrong name."""
    with pytest.raises(training.TrainingError, match=f"{next(iter(wrong))}.*: expected"):
        Recipe(**wrong)


def test_callbacks_look_on(phantom, split):
    seen = []
    look = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    train(phantom, split, Recipe(model="small", epochs=2), callbacks=(look,))
    assert seen == [0, 1]


def test_threads_that_draw_random_numbers_do_not_change_a_run(
    phantom, split, small_record, monkeypatch
):
    build = training.build

    def disturbed(*given, **options):
        random.random()
        return build(*given, **options)

    monkeypatch.setattr(training, "build", disturbed)
    _, crowded = train(phantom, split, SMALL)
    pd.testing.assert_frame_equal(crowded.predictions, small_record.predictions, check_exact=True)


def test_augmented_pictures_are_the_squares_symmetries(phantom):
    rows = np.zeros(400, int)
    images, _ = Batches(phantom, rows, 400, seed=0, augment=True)[0]
    original = phantom.images[0]
    symmetries = [np.rot90(side, k) for side in (original, original[:, ::-1]) for k in range(4)]
    found = [[np.array_equal(image, s) for s in symmetries].index(True) for image in images]
    assert min(np.bincount(found, minlength=8)) > 20


def test_class_weights_take_every_class(make_dataset):
    dataset = make_dataset([0, 5] * 20, None)
    recipe = Recipe(model="small", epochs=1, class_weights="balanced")
    with pytest.raises(training.TrainingError, match="no picture to train on is bcc, bkl, df, mel"):
        train(dataset, random_split(dataset), recipe)


@pytest.mark.parametrize("option", ["balanced", "augment"])
def test_what_is_drawn_takes_a_seed(phantom, option):
    with pytest.raises(ValueError, match="expected a seed"):
        Batches(phantom, np.arange(8), 4, **{option: True})


KILLED = """
import os, signal, sys
from pathlib import Path
from skinlib import training
from skinlib.data import load
from skinlib.data.splits import random_split

moment, model, folder = sys.argv[1:]
dataset = load("phantom", count=80, size=64)
training.CHECKPOINT_SECONDS = 0
replace, writes = os.replace, []

def die_while_writing(partial, path):
    writes.append(Path(path).name)
    if len(writes) == {"checkpoint": 2, "run": 5}[moment]:
        Path(partial).write_bytes(Path(partial).read_bytes()[:-100])
        os.kill(os.getpid(), signal.SIGKILL)
    replace(partial, path)

os.replace = die_while_writing
recipe = training.Recipe(model=model, epochs=3, seed=1, batch_size=16)
training.train(dataset, random_split(dataset, validation=0.2), recipe, Path(folder))
"""


@pytest.mark.parametrize(
    ("moment", "recipe"),
    [("checkpoint", PROPOSED), ("run", replace(PROPOSED, model="small"))],
)
def test_a_killed_run_goes_on_to_the_same_record(phantom, split, tmp_path, request, moment, recipe):
    command = [sys.executable, "-c", KILLED, moment, recipe.model, str(tmp_path / "run")]
    killed = subprocess.run(command, capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not Record.done(tmp_path / "run")

    seen = []
    look = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    _, resumed = train(phantom, split, recipe, tmp_path / "run", callbacks=(look,))
    assert seen == {"checkpoint": [1, 2], "run": []}[moment]
    if recipe == PROPOSED:
        whole = request.getfixturevalue("proposed_record")
    else:
        _, whole = train(phantom, split, recipe)
    assert resumed.run["history"] == whole.run["history"]
    pd.testing.assert_frame_equal(resumed.predictions, whole.predictions, check_exact=True)
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"run.json", "predictions.csv"}


TWO = Recipe(model="small", epochs=2)


def test_an_interrupted_run_promises_no_checkpoint_that_is_not_there(phantom, split, tmp_path):
    def interrupt(epoch, logs):
        raise KeyboardInterrupt

    stop = keras.callbacks.LambdaCallback(on_epoch_begin=interrupt)
    with pytest.raises(KeyboardInterrupt, match=r"^it was interrupted; 0 of 2 epochs were done"):
        train(phantom, split, TWO, tmp_path, callbacks=(stop,))


@pytest.fixture
def checkpointed(phantom, split, tmp_path, monkeypatch):
    """A folder with the checkpoint of a run that was interrupted in its second epoch."""
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", 0)

    def interrupt(epoch, logs):
        if epoch == 1:
            raise KeyboardInterrupt

    stop = keras.callbacks.LambdaCallback(on_epoch_begin=interrupt)
    with pytest.raises(KeyboardInterrupt, match=r"goes on after epoch 1; 1 of 2 epochs were done"):
        train(phantom, split, TWO, tmp_path, callbacks=(stop,))
    return tmp_path


def test_an_interrupted_run_says_so_and_goes_on(phantom, split, checkpointed):
    with pytest.raises(RecordError, match="interrupted"):
        Record.read(checkpointed)
    train(phantom, split, TWO, checkpointed)
    assert Record.read(checkpointed).run["ended"] == "completed"


@pytest.mark.parametrize("changed", ["recipe", "split", "data"])
def test_a_checkpoint_of_another_run_is_refused(phantom, split, checkpointed, changed):
    other = {"dataset": phantom, "split": split, "recipe": TWO} | {
        "recipe": {"recipe": replace(TWO, epochs=3)},
        "split": {"split": replace(split, test=split.validation, validation=split.test)},
        "data": {"dataset": replace(phantom, fingerprint="another")},
    }[changed]
    with pytest.raises(RecordError, match=r"checkpoint.npz belongs to a run with another recipe"):
        train(**other, folder=checkpointed)


def test_a_checkpoint_of_an_older_network_is_named(phantom, split, checkpointed, monkeypatch):
    build = training.build
    monkeypatch.setattr(training, "build", lambda *given: build("proposed", *given[1:]))
    with pytest.raises(RecordError, match=r"checkpoint.npz is of another network: remove it"):
        train(phantom, split, TWO, checkpointed)


def test_a_damaged_checkpoint_is_named(phantom, split, checkpointed):
    path = checkpointed / "checkpoint.npz"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(RecordError, match=r"checkpoint.npz cannot be read: remove it"):
        train(phantom, split, TWO, checkpointed)


def test_16_bits_go_on_from_a_checkpoint_too(phantom, split, tmp_path, monkeypatch):
    """A loss scale once got more variables at each checkpoint, and could not be restored."""
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", 0)
    recipe = replace(SMALL, epochs=3, precision="mixed_float16")
    _, whole = train(phantom, split, recipe)

    def interrupt(epoch, logs):
        if epoch == 2:
            raise KeyboardInterrupt

    stop = keras.callbacks.LambdaCallback(on_epoch_begin=interrupt)
    with pytest.raises(KeyboardInterrupt):
        train(phantom, split, recipe, tmp_path, callbacks=(stop,))
    _, resumed = train(phantom, split, recipe, tmp_path)
    assert resumed.run["history"] == whole.run["history"]
    pd.testing.assert_frame_equal(resumed.predictions, whole.predictions, check_exact=True)


def test_weights_that_the_last_step_loses_end_the_run(phantom, split, tmp_path):
    """The loss of an epoch is that before its last step."""
    one = replace(split, train=split.train[:8], validation=split.validation[:0])
    recipe = replace(SMALL, batch_size=8, learning_rate=1e30)
    with pytest.raises(training.TrainingError, match=r"the last step lost the weights"):
        train(phantom, one, recipe, tmp_path)
    assert not Record.done(tmp_path)


def test_a_full_disk_leaves_no_half_checkpoint(phantom, split, tmp_path, monkeypatch):
    def full(file, **arrays):
        file.write(b"some")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", 0)
    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(training.TrainingError, match="no space is left"):
        train(phantom, split, TWO, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_an_unknown_network_leaves_no_folder(phantom, split, tmp_path):
    with pytest.raises(ValueError, match="model: expected one of"):
        train(phantom, split, Recipe(model="none"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_loss_that_is_lost_ends_the_run(phantom, split, tmp_path):
    recipe = Recipe(model="small", learning_rate=1e30)
    with pytest.raises(training.TrainingError, match=r"loss was (nan|inf) in epoch 1: lower"):
        train(phantom, split, recipe, tmp_path)
    with pytest.raises(RecordError, match="loss was"):
        Record.read(tmp_path)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (MemoryError(), "batches of 32: take smaller"),
        (
            RuntimeError("RESOURCE_EXHAUSTED: Out of memory while ..."),
            "batches of 32: take smaller",
        ),
        (OSError(errno.ENOSPC, "No space left on device"), "no space is left on the disk"),
    ],
)
def test_what_ends_a_run_is_one_sentence_in_its_record(phantom, split, tmp_path, error, says):
    def fail(epoch, logs):
        raise error

    stop = keras.callbacks.LambdaCallback(on_epoch_begin=fail)
    with pytest.raises(training.TrainingError, match=says):
        train(phantom, split, Recipe(model="small"), tmp_path, callbacks=(stop,))
    assert says in json.loads((tmp_path / "run.json").read_text())["ended"]


def test_an_unforeseen_error_is_not_hidden(phantom, split, tmp_path):
    def fail(epoch, logs):
        raise LookupError("where")

    stop = keras.callbacks.LambdaCallback(on_epoch_begin=fail)
    with pytest.raises(LookupError, match="where"):
        train(phantom, split, Recipe(model="small"), tmp_path, callbacks=(stop,))
    assert "LookupError: where" in json.loads((tmp_path / "run.json").read_text())["ended"]


def test_mixed_precision_computes_in_16_bits_and_answers_in_32(phantom, split):
    recipe = Recipe(epochs=1, precision="mixed_bfloat16")
    model, record = train(phantom, split, recipe)
    assert model.get_layer("deformable").compute_dtype == "bfloat16"
    assert model.output.dtype == "float32"
    assert keras.config.dtype_policy().name == "float32"
    assert np.isfinite(record.probabilities).all()


def test_more_devices_than_there_are_is_refused(phantom, split):
    with pytest.raises(training.TrainingError, match=r"devices: expected a divisor .* got 64"):
        train(phantom, split, Recipe(devices=64, batch_size=64))


SHARED = """
import os, sys
import numpy as np
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
if os.environ["KERAS_BACKEND"] == "tensorflow":
    import tensorflow as tf
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from skinlib.data import load
from skinlib.data.splits import random_split
from skinlib.training import Recipe, train

dataset = load("phantom", count=80, size=64)
split = random_split(dataset, validation=0.2)
recipe = dict(epochs=2, batch_size=16, seed=1, beta=0.5)  # the sum is over the whole batch
if os.environ["KERAS_BACKEND"] == "tensorflow":  # each device normalises its own part of a batch
    recipe["options"] = {"dropout": 0.0, "deformable": False, "attention": False}
else:
    recipe["model"] = "small"
one, two = (train(dataset, split, Recipe(**recipe, devices=d))[1] for d in (1, 2))
assert len(split.train) % 2 == 0 and len(split.train) % 16
np.testing.assert_allclose(one.run["history"]["loss"], two.run["history"]["loss"], rtol=1e-3)
np.testing.assert_allclose(one.probabilities, two.probabilities, atol=1e-3)
"""


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_two_devices_give_the_record_of_one(backend):
    environment = {**os.environ, "KERAS_BACKEND": backend, "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    shared = subprocess.run(
        [sys.executable, "-c", SHARED], capture_output=True, text=True, env=environment
    )
    assert shared.returncode == 0, shared.stderr
