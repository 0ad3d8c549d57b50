import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skinlib.layers.attention import AttentionResidual
from skinlib.models.arl import arl50

# Keras 3.15 reads its variables through a protocol that NumPy 2.4 calls old.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

VALUES = arrays("float32", (2, 3, 4, 2), elements=st.floats(-10, 10, width=32))


@given(VALUES, VALUES, st.floats(-2, 2))
@settings(deadline=None, max_examples=25)
def test_block_is_the_published_equation(residual, x, alpha):
    where = np.exp(residual.astype("float64"))
    where /= where.sum((1, 2), keepdims=True)
    expected = residual + x + alpha * where * x
    layer = AttentionResidual(alpha)
    np.testing.assert_allclose(layer([residual, x]), expected, rtol=1e-5, atol=1e-5)
    assert [weight.shape for weight in layer.trainable_weights] == [()]


def test_block_in_16_bits_and_saved():
    """A softmax over 3,136 places in 16 bits loses its sum."""
    random = np.random.default_rng(0)
    residual, x = random.normal(size=(2, 1, 56, 56, 1)).astype("float16")
    layer = AttentionResidual(1000.0, dtype="float16")
    wanted = AttentionResidual(1000.0)([residual.astype("float32"), x.astype("float32")])
    got = np.asarray(layer([residual, x]), "float32")
    np.testing.assert_allclose(got, wanted, rtol=5e-3, atol=5e-3)
    assert AttentionResidual.from_config(layer.get_config()).start == 1000.0


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="slow: 50 layers compile one by one")
def test_alpha_0_is_its_residual_network():
    """ARL50 with the weights of keras.applications.ResNet50 gives the same probabilities."""
    keras.utils.set_random_seed(0)
    reference = keras.applications.ResNet50(weights=None, input_shape=(64, 64, 3), classes=7)
    model = arl50((64, 64, 3), alpha=0.0)
    values = {layer.name: layer.get_weights() for layer in reference.layers}
    for layer in model.layers:
        if layer.weights and not isinstance(layer, AttentionResidual):
            layer.set_weights(values[published(layer.name)])

    pixels = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3)).astype("float32")
    wanted = reference(pixels / 255)
    np.testing.assert_allclose(model(pixels), wanted, atol=1e-5)
    for layer in model.layers:
        if isinstance(layer, AttentionResidual):
            layer.alpha.assign(5)
    assert np.abs(np.subtract(model(pixels), wanted)).max() > 1e-4
    keras.backend.clear_session()


def published(name: str) -> str:
    """The name in keras.applications of one of our layers."""
    ends = {"conv1": "conv1_conv", "conv1_norm": "conv1_bn", "probabilities": "predictions"}
    if name in ends:
        return ends[name]
    stage, block, part, *norm = name.split("_")
    number = {"project": 0, "conv1": 1, "conv2": 2, "conv3": 3}[part]
    return f"conv{stage[-1]}_{block}_{number}_{'bn' if norm else 'conv'}"


@pytest.mark.parametrize(("name", "depth"), [("arl14", 14), ("arl50", 50)])
def test_depth_is_in_the_name(name, depth, outline):
    model = outline(name, (64, 64, 3))
    kinds = (keras.layers.Conv2D, keras.layers.Dense)
    counted = [layer for layer in model.layers if isinstance(layer, kinds)]
    assert len([layer for layer in counted if "project" not in layer.name]) == depth


def test_one_alpha_a_block_and_nothing_else(outline):
    model = outline("arl50", (224, 224, 3), 1000)
    alphas = [layer for layer in model.layers if isinstance(layer, AttentionResidual)]
    assert len(alphas) == 16
    assert model.count_params() == 25_636_712 + 16
    assert all([w.shape for w in layer.weights] == [()] for layer in alphas)


def test_the_batch_may_be_unknown_to_the_graph():
    """Keras traces a generator's batches without their size; a softmax over two axes needs it."""
    pair = np.random.default_rng(0).normal(size=(2, 4, 8, 6, 3)).astype("float32")
    inputs = [keras.Input((8, 6, 3)), keras.Input((8, 6, 3))]
    model = keras.Model(inputs, AttentionResidual(0.5)(inputs))
    batches = [((pair[0, :3], pair[1, :3]),), ((pair[0, 3:], pair[1, 3:]),)]
    got = model.predict((batch for batch in batches), steps=2, verbose=0)
    np.testing.assert_allclose(got, model(list(pair)), atol=1e-6)
