import json
from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest

from skinlib.data.splits import random_split
from skinlib.records import Record, RecordError
from skinlib.training import Batches, Recipe, train


@pytest.fixture(scope="module")
def split(phantom):
    return random_split(phantom, validation=0.2)


def test_the_defaults_are_the_papers():
    recipe = Recipe()
    assert (recipe.batch_size, recipe.epochs, recipe.learning_rate) == (32, 20, 2e-4)
    assert (recipe.loss, recipe.beta, recipe.focusing) == ("joint", 0.0002, 3.0)


def test_one_recipe_one_record(phantom, split, tmp_path):
    recipe = Recipe(epochs=2, seed=3)
    _, first = train(phantom, split, recipe, tmp_path / "run")
    model, second = train(phantom, split, recipe)
    pd.testing.assert_frame_equal(first.predictions, second.predictions, check_exact=True)
    assert first.run["history"] == second.run["history"]
    assert first.run["parameters"] == model.count_params()

    read = Record.read(tmp_path / "run")
    assert read.run["data"]["fingerprint"] == phantom.fingerprint
    assert list(read.history.columns) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    np.testing.assert_allclose(read.probabilities, first.probabilities, atol=1e-6)
    assert list(read.labels) == list(phantom.labels[split.test])
    json.dumps(read.run)

    _, other = train(phantom, split, replace(recipe, seed=4))
    assert not np.array_equal(other.probabilities, first.probabilities)


def test_a_folder_that_exists_is_refused_before_training(phantom, split, tmp_path):
    with pytest.raises(RecordError, match="exists"):
        train(phantom, split, Recipe(epochs=10**6), tmp_path)


def test_each_epoch_sees_each_picture_once_in_another_order(phantom):
    batches = Batches(phantom, np.arange(70), 32, seed=0)
    first = batches.order
    batches.on_epoch_end()
    assert sorted(first) == sorted(batches.order) == list(range(70))
    assert list(first) != list(batches.order)
    assert [len(batches[i][0]) for i in range(len(batches))] == [32, 32, 6]
    images, one_hot = batches[2]
    np.testing.assert_array_equal(images, phantom.images[batches.order[64:]])
    np.testing.assert_array_equal(one_hot.argmax(1), phantom.labels[batches.order[64:]])


def test_balanced_sampling_draws_the_classes_equally_often(make_dataset):
    labels = np.repeat(range(7), [10, 20, 30, 40, 50, 3000, 10])
    batches = Batches(make_dataset(labels, None), np.arange(3160), 32, seed=0, balanced=True)
    np.testing.assert_allclose(np.bincount(labels[batches.order]) / 3160, 1 / 7, atol=0.03)


def test_a_change_of_loss_changes_training(phantom, split):
    plain = Recipe(epochs=1, loss="cross_entropy")
    changed = [replace(plain, loss="focal"), replace(plain, class_weights="balanced")]
    records = [train(phantom, split, recipe)[1] for recipe in (plain, *changed)]
    for record in records[1:]:
        assert not np.allclose(record.probabilities, records[0].probabilities)


def test_callbacks_look_on(phantom, split):
    seen = []
    look = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    train(phantom, split, Recipe(epochs=2), callbacks=(look,))
    assert seen == [0, 1]
