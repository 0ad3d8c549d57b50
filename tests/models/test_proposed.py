from collections import Counter

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers

from skinlib.layers.attention import SoftAttention
from skinlib.layers.deformable import DeformableConv2D
from skinlib.models.proposed import proposed


@pytest.fixture(scope="module")
def model():
    with keras.StatelessScope(initialize_variables=False):  # shapes without values
        return proposed((224, 224, 3))


def shape(model, name):
    return tuple(model.get_layer(name).output.shape[1:])


def test_what_the_paper_counts(model):
    count = Counter(type(layer) for layer in model.layers)
    assert count[layers.Conv2D] == 10
    assert count[layers.MaxPooling2D] == 5
    assert count[layers.Dense] == 3
    assert count[DeformableConv2D] == 1
    assert count[SoftAttention] == 1


def test_convolutions_are_those_of_section_2_1(model):
    convolutions = [layer for layer in model.layers if type(layer) is layers.Conv2D]
    sides = [layer.kernel_size for layer in convolutions]
    assert sides == [(k, k) for k in (1, 3, 5, 7, 3, 3, 3, 3, 3, 3)]
    assert [layer.filters for layer in convolutions] == [8] * 4 + [64, 64, 128, 128, 128, 64]
    assert all(layer.activation is keras.activations.relu for layer in convolutions)
    assert all(layer.input is model.get_layer("rescale").output for layer in convolutions[:4])


def test_pools_are_3_by_3_with_stride_2(model):
    pools = [layer for layer in model.layers if isinstance(layer, layers.MaxPooling2D)]
    assert all(pool.pool_size == (3, 3) and pool.strides == (2, 2) for pool in pools)


def test_the_papers_layers_have_the_papers_settings(model):
    attention, deformable = model.get_layer("attention"), model.get_layer("deformable")
    assert (attention.maps, attention.kernel_size, attention.initial_gamma) == (128, 3, 0.01)
    assert (deformable.filters, deformable.kernel_size, deformable.modulated) == (128, (3, 3), True)
    for name in ("deformable", "dense1", "dense2"):
        assert model.get_layer(name).activation is keras.activations.relu


def test_order_and_shapes(model):
    spatial = [
        ("concatenate", 224, 32), ("pool1", 112, 32), ("conv5", 112, 64), ("pool2", 56, 64),
        ("conv6", 56, 64), ("pool3", 28, 64), ("conv7", 28, 128), ("pool4", 14, 128),
        ("conv8", 14, 128), ("deformable", 14, 128), ("conv9", 14, 128), ("attention", 14, 128),
        ("conv10", 14, 64), ("pool5", 7, 64),
    ]  # fmt: skip
    flat = ["flatten", "dense1", "dropout1", "dense2", "dropout2", "probabilities"]
    names = [layer.name for layer in model.layers]
    assert names[names.index("concatenate") :] == [name for name, _, _ in spatial] + flat
    assert [(n, *shape(model, n)) for n, _, _ in spatial] == [(n, s, s, c) for n, s, c in spatial]
    assert shape(model, "dense1") == shape(model, "dense2") == (512,)


def test_half_precision_weights_stay_under_6_mb(model):
    assert 2 * model.count_params() < 6e6


@pytest.mark.parametrize("size", [64, 224])
@pytest.mark.parametrize("switch", ["deformable", "attention"])
def test_a_plain_convolution_stands_in(switch, size, outline):
    model = outline("proposed", (size, size, 3))
    plain = outline("proposed", (size, size, 3), **{switch: False})
    names = [layer.name for layer in model.layers]
    names[names.index(switch)] = f"plain_{switch}"
    assert [layer.name for layer in plain.layers] == names
    assert type(plain.get_layer(f"plain_{switch}")) is layers.Conv2D
    assert plain.count_params() == pytest.approx(model.count_params(), rel=0.03)


def test_normalised_and_started_otherwise(outline):
    model = outline("proposed", (64, 64, 3), batch_norm=True, initializer="he_normal")
    convolutions = [layer for layer in model.layers if type(layer) is layers.Conv2D]
    after = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
    assert {id(layer.input) for layer in after} == {id(layer.output) for layer in convolutions}
    assert {type(layer.kernel_initializer) for layer in convolutions} == {
        keras.initializers.HeNormal
    }


@pytest.mark.parametrize("place", [4, 5, 6, 7, 8, 9, 10])
def test_a_pool_follows_its_convolution(place, outline):
    last = {4: "concatenate", 8: "deformable", 9: "attention"}.get(place, f"conv{place}")
    model = outline("proposed", (64, 64, 3), pools=(place,))
    assert model.get_layer("pool1").input is model.get_layer(last).output


@pytest.mark.parametrize("pools", [(3, 4, 5, 6, 7), (4, 4, 5, 6, 7), (6, 7, 8, 10, 11)])
def test_pools_elsewhere_are_refused(pools):
    with pytest.raises(ValueError, match="pools: expected different numbers from 4 to 10, got"):
        proposed((64, 64, 3), pools=pools)


def test_dense_and_dropout(outline):
    model = outline("proposed", (64, 64, 3), dense=(32, 16), dropout=0.25)
    assert shape(model, "dense1") == (32,)
    assert shape(model, "dense2") == (16,)
    assert [model.get_layer(name).rate for name in ("dropout1", "dropout2")] == [0.25, 0.25]


@given(st.integers(64, 100), st.integers(64, 100))
@settings(deadline=None, max_examples=5)
def test_any_size_from_64_up(height, width):
    with keras.StatelessScope(initialize_variables=False):
        model = proposed((height, width, 3))
    rows, columns = -(-height // 32), -(-width // 32)
    assert shape(model, "pool5") == (rows, columns, 64)


def test_pixels_may_be_bytes():
    model = proposed((64, 64, 3), dense=(8, 8))
    pixels = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), "uint8")
    first = keras.Model(model.input, model.get_layer("concatenate").output)
    np.testing.assert_array_equal(first(pixels), first(pixels.astype("float32")))
    assert shape(model, "rescale") == (64, 64, 3)
    assert np.max(model.get_layer("rescale")(pixels)) <= 1
