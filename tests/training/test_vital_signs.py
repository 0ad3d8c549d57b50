"""The deformable convolution never deformed, and no test or record could show it."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from skinlib.layers.deformable import DeformableConv2D
from skinlib.models import build
from skinlib.training.recipe import Recipe
from skinlib.training.train import train
from skinlib.training.vital_signs import fingerprints, vital_signs

FELL = {"loss": [2.0, 1.0]}


@pytest.fixture
def network():
    keras.utils.set_random_seed(0)
    return build("proposed", (64, 64, 3))


@pytest.fixture(scope="module")
def images(phantom):
    return phantom.images[:16]


def nudged(model):
    """The same network, with every variable moved a little."""
    fresh = fingerprints(model)
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign_add(rng.normal(scale=0.02, size=variable.shape))
    return fresh


def test_a_living_network_has_no_fault(network, images):
    signs = vital_signs(network, images, nudged(network), FELL)
    assert signs["unchanged"] == []
    assert "the offsets never moved" not in signs["dead"]
    assert signs["deformable"]["offset_mean"] > 0


def test_offsets_that_stay_at_zero_are_found(network, images):
    fresh = nudged(network)
    moves = network.get_layer("deformable").offset_convolution
    points = 2 * 9
    for variable in moves.trainable_variables:
        value = np.array(variable)
        value[..., :points] = 0
        variable.assign(value)
    signs = vital_signs(network, images, fresh, FELL)
    assert signs["deformable"]["offset_p95"] == 0
    assert "the offsets never moved" in signs["dead"]


def test_offsets_are_measured_in_pixels_of_the_map(network, images):
    fresh = fingerprints(network)
    moves = network.get_layer("deformable").offset_convolution
    moves.bias.assign(np.r_[np.tile([3.0, 4.0], 9), np.full(9, np.log(3.0))])
    signs = vital_signs(network, images, fresh, FELL)["deformable"]
    assert signs["offset_mean"] == pytest.approx(5)
    assert signs["offset_p95"] == pytest.approx(5)
    assert signs["mask_mean"] == pytest.approx(0.75)
    assert signs["mask_std"] == pytest.approx(0, abs=1e-6)


def test_a_layer_without_a_mask_has_one_of_ones(images):
    inputs = keras.Input((64, 64, 3))
    layer = DeformableConv2D(2, 3, strides=8, modulated=False, activation="relu")
    answers = keras.layers.Dense(7)(keras.layers.Flatten()(layer(inputs)))
    network = keras.Model(inputs, answers)
    signs = vital_signs(network, images, fingerprints(network), FELL)["deformable"]
    assert (signs["mask_mean"], signs["mask_std"]) == (1, 0)


def test_points_outside_the_map_are_counted(network, images):
    fresh = fingerprints(network)
    signs = vital_signs(network, images, fresh, FELL)["deformable"]
    fixed = 1 - (10 / 12) ** 2  # a side of 4 places has 12 points, of which 2 are padding
    assert signs["outside"] == signs["outside_fixed"] == pytest.approx(fixed)
    moves = network.get_layer("deformable").offset_convolution
    moves.bias.assign(np.r_[np.tile([0.0, -5.0], 9), np.zeros(9)])  # one to the left of -1 .. 4
    signs = vital_signs(network, images, fresh, FELL)["deformable"]
    assert signs["outside"] == 1
    moves.bias.assign(np.r_[np.tile([0.5, 0.0], 9), np.zeros(9)])  # half a pixel reads something
    signs = vital_signs(network, images, fresh, FELL)["deformable"]
    assert signs["outside"] == pytest.approx(1 - 11 / 12 * 10 / 12)
    assert signs["outside_fixed"] == pytest.approx(fixed)


def test_a_variable_that_never_changed_is_named(network, images):
    fresh = nudged(network)
    gamma = network.get_layer("attention").gamma
    gamma.assign(0.01)
    signs = vital_signs(network, images, fresh, FELL)
    assert signs["unchanged"] == [gamma.path]
    assert "1 variables never changed" in signs["dead"]


def test_attention_on_one_place_has_all_of_it(network, images):
    attention = network.get_layer("attention")
    fresh = fingerprints(network)
    attention.convolution.kernel.assign(np.zeros(attention.convolution.kernel.shape))
    flat = vital_signs(network, images, fresh, FELL)["attention"]
    assert flat["top_tenth"] == pytest.approx(flat["uniform"], abs=1e-4)
    assert flat["uniform"] == 2 / 16  # of 4 x 4 places
    rng = np.random.default_rng(0)
    kernel = 100 * rng.normal(size=attention.convolution.kernel.shape[2:])
    attention.convolution.kernel.assign(np.broadcast_to(kernel, (3, 3, *kernel.shape)))
    sharp = vital_signs(network, images, fresh, FELL)["attention"]
    assert sharp["top_tenth"] > flat["top_tenth"] + 0.1


def test_dead_units_are_counted(network, images):
    fresh = fingerprints(network)
    bias = np.zeros(512)
    bias[:128] = -1e6
    network.get_layer("dense1").bias.assign(bias)
    before = vital_signs(build("proposed", (64, 64, 3)), images, fresh, FELL)["dead_relu"]
    dead = vital_signs(network, images, fresh, FELL)["dead_relu"]
    assert dead["layers"]["dense1"] >= 0.25
    assert dead["share"] > before["share"]


def test_one_answer_for_all_and_a_loss_that_never_fell_are_found(network, images):
    fresh = fingerprints(network)
    network.get_layer("probabilities").bias.assign(100 * np.eye(7)[5])
    signs = vital_signs(network, images, fresh, {"loss": [1.0, 1.0]})
    assert {"one class for every image", "the loss never fell"} <= set(signs["dead"])


@pytest.mark.slow
@pytest.mark.usefixtures("in_a_graph")
def test_each_network_of_table_1_is_alive_after_a_few_steps(phantom, split):
    """Its parts at work: offsets, gamma, alphas; on the phantom, a few steps."""
    recipe = Recipe(epochs=2, batch_size=8, learning_rate=1e-3, options={"dropout": 0.0})
    split = replace(split, train=split.train[:16], test=split.test[:4])
    _, run = train(phantom, split, recipe)
    signs = run.config["vital_signs"]
    assert signs["unchanged"] == []
    assert signs["deformable"]["offset_p95"] > 0
    assert signs["deformable"]["mask_std"] > 0
    assert signs["attention"]["gamma"] != pytest.approx(0.01, abs=1e-6)
    _, run = train(phantom, split, replace(recipe, model="arl14", options={}, beta=0.0))
    alphas = run.config["vital_signs"]["alphas"]
    assert len(alphas) == 4
    assert all(alpha != pytest.approx(0.001, abs=1e-7) for alpha in alphas.values())
