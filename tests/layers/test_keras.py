"""What Keras asks of every layer, with Keras' own helper."""

import keras
import pytest
from keras.src.testing import TestCase

from skinlib.layers.attention import AttentionResidual, SoftAttention
from skinlib.layers.deformable import DeformableConv2D
from skinlib.models.alexnet import LocalResponseNormalization

# Keras 3.15 reads its variables through a protocol that NumPy 2.4 calls old.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.shuffle=True. was passed:UserWarning"),  # by the helper
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="slow, and the same"),
]

SHAPE = (2, 6, 6, 4)
LAYERS = {
    "deformable": (DeformableConv2D, {"filters": 3, "kernel_size": 3}, SHAPE, (2, 4, 4, 3)),
    "attention": (SoftAttention, {"maps": 2}, SHAPE, SHAPE),
    "residual": (AttentionResidual, {}, [SHAPE, SHAPE], SHAPE),
    "normalization": (LocalResponseNormalization, {}, SHAPE, SHAPE),
}
WEIGHTS = {"deformable": 4, "attention": 2, "residual": 1, "normalization": 0}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_of_keras(name):
    """In float32 and mixed precision: build, call, symbols, fit, save and load."""
    kind, arguments, shape, outputs = LAYERS[name]
    TestCase().run_layer_test(
        kind,
        init_kwargs=arguments,
        input_shape=shape,
        expected_output_shape=outputs,
        expected_num_trainable_weights=WEIGHTS[name],
        expected_num_non_trainable_weights=0,
        supports_masking=False,
        run_training_check=name in ("deformable", "attention"),  # one input, and weights
    )


@pytest.mark.parametrize("name", ["deformable", "attention", "normalization"])
def test_in_a_time_distributed_layer(name):
    kind, arguments, _, outputs = LAYERS[name]
    wrapped = keras.layers.TimeDistributed(kind(**arguments))
    assert wrapped(keras.Input((3, *SHAPE[1:]))).shape == (None, 3, *outputs[1:])


def test_shapes_that_differ_are_refused():
    inputs = [keras.Input((6, 6, 2)), keras.Input((6, 6, 1))]
    says = r"expected F and x of one shape, got \(None, 6, 6, 2\) and \(None, 6, 6, 1\)"
    with pytest.raises(ValueError, match=says):
        AttentionResidual()(inputs)


def test_a_layer_without_weights_is_built():
    assert LocalResponseNormalization().built


@pytest.mark.parametrize(
    "layer",
    [DeformableConv2D(3, 3, modulated=False), SoftAttention(2, 5, 0.3), AttentionResidual(0.5)],
)
def test_a_copy_has_its_settings(layer):
    copy = type(layer).from_config(layer.get_config())
    for name in ("modulated", "maps", "kernel_size", "initial_gamma", "start"):
        assert getattr(copy, name, None) == getattr(layer, name, None)
