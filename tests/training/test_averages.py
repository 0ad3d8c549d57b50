"""Averages of batch normalisation that are made anew."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from skinlib.models import build
from skinlib.training.averages import renew_averages
from skinlib.training.recipe import Recipe
from skinlib.training.train import train


def test_they_are_those_of_the_training_images(phantom, split):
    """The first layer's inputs depend on no other average: a closed form."""
    inputs = keras.Input(phantom.image_shape)
    norm = keras.layers.BatchNormalization()
    model = keras.Model(inputs, norm(inputs))
    norm.moving_mean.assign([1000.0] * 3)  # of which 0.9 ** 60 stays
    renew_averages(model, phantom, split.train)
    images = phantom.images[split.train].astype(float)
    assert norm.moving_mean.numpy() == pytest.approx(images.mean((0, 1, 2)), abs=4)
    assert norm.moving_variance.numpy() == pytest.approx(images.var((0, 1, 2)), rel=0.1)
    assert norm.momentum == 0.99


def test_weights_and_other_networks_stay(phantom, split):
    for name in ("arl14", "alexnet"):
        model = build(name, phantom.image_shape)
        before = [np.array(weight) for weight in model.trainable_variables]
        averages = [np.array(weight) for weight in model.non_trainable_variables]
        renew_averages(model, phantom, split.train)
        for old, new in zip(before, model.trainable_variables, strict=True):
            assert np.array_equal(old, new)
        moved = [
            not np.array_equal(old, new)
            for old, new in zip(averages, model.non_trainable_variables, strict=True)
            if old.dtype == np.float32
        ]
        assert all(moved)
        assert len(moved) == (34 if name == "arl14" else 0)


def test_a_recipe_asks_for_them(phantom, split):
    """The weights are those without; the answers are not."""
    recipe = Recipe(model="small", epochs=1, beta=0.0)
    plain, first = train(phantom, split, recipe)
    renewed, second = train(phantom, split, replace(recipe, new_averages=True))
    for one, other in zip(plain.trainable_variables, renewed.trainable_variables, strict=True):
        assert np.array_equal(one, other)
    assert first.config["history"] == second.config["history"]
    assert not first.predictions.equals(second.predictions)
    assert second.config["recipe"]["new_averages"]
