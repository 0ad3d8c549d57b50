import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from keras import layers
from keras.activations import relu

from skinlib.models.alexnet import LocalResponseNormalization, alexnet


def test_published_size(outline):
    """61 million is the published figure of two towers; 62,378,344 is that of one."""
    model = outline("alexnet", (224, 224, 3), 1000)
    assert model.count_params() == 62_378_344
    # Each of the three convolutions that the original splits in two sees half of its input.
    split = [model.get_layer(name).kernel for name in ("conv2", "conv4", "conv5")]
    assert model.count_params() - sum(np.prod(k.shape) // 2 for k in split) == 60_965_224


def test_maps_of_the_publication(outline):
    model = outline("alexnet", (224, 224, 3))
    maps = {name: tuple(model.get_layer(name).output.shape[1:]) for name in ("conv1", "conv2")}
    assert maps == {"conv1": (55, 55, 96), "conv2": (27, 27, 256)}
    assert tuple(model.get_layer("conv4").output.shape[1:]) == (13, 13, 384)
    assert tuple(model.get_layer("pool5").output.shape[1:]) == (6, 6, 256)
    names = [layer.name for layer in model.layers]
    assert names[3:11] == [
        "conv1", "norm1", "pool1", "conv2", "norm2", "pool2", "conv3", "conv4",
    ]  # fmt: skip
    dense = [layer for layer in model.layers if isinstance(layer, layers.Dense)]
    assert [layer.units for layer in dense] == [4096, 4096, 7]
    convolutions = [model.get_layer(f"conv{n}") for n in range(1, 6)]
    assert all(layer.activation is relu for layer in (*convolutions, *dense[:2]))


def test_too_small():
    with pytest.raises(ValueError, match=r"expected sides of 64 or more, got \(64, 63, 3\)"):
        alexnet((64, 63, 3))


@given(arrays("float32", (1, 1, 2, 7), elements=st.floats(-1000, 1000, width=32)))
@settings(deadline=None, max_examples=25)
def test_local_response_normalization(a):
    expected = np.empty_like(a)
    for i in range(7):
        energy = sum(a[..., j] ** 2 for j in range(max(0, i - 2), min(6, i + 2) + 1))
        expected[..., i] = a[..., i] / (2 + 1e-4 * energy) ** 0.75
    np.testing.assert_allclose(LocalResponseNormalization()(a), expected, rtol=1e-4, atol=1e-6)


def test_the_energy_does_not_overflow_in_16_bits():
    a = np.full((1, 1, 1, 5), 300, "float16")
    got = LocalResponseNormalization(dtype="float16")(a)
    wanted = LocalResponseNormalization()(a.astype("float32"))
    np.testing.assert_allclose(np.asarray(got, "float32"), wanted, rtol=2e-3)
