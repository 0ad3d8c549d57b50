"""What a network costs before it runs: its multiply-adds."""

from math import prod

import keras
from keras import layers

from skinlib.layers.attention import AttentionResidual, SoftAttention
from skinlib.layers.deformable import DeformableConv2D

CORNERS = 4
"""A bilinear sample is a weighted sum of this many values."""


def multiply_adds(model: keras.Model) -> dict[str, int]:
    """Multiply-adds of one prediction for one image, layer by layer.

    Counted are the products of the convolutions, of the fully connected layers, of bilinear
    sampling and of attention. Biases, normalisation, activations, pools and softmax are not, as is
    usual: they grow with the values, not with values times weights. The equations are counted, not
    the way in which a layer computes them.

    `model`: with a known height and width.

    Returns:
        Name of a layer -> its multiply-adds, in the model's order; layers with none are left out.

    Raises:
        ValueError: if a layer's kernel is of an unknown kind, or the input has no fixed shape.
    """
    if None in model.input_shape[1:]:
        raise ValueError(f"expected a model with a fixed input shape, got {model.input_shape}")
    counts = {layer.name: _count(layer) for layer in model.layers}
    return {name: count for name, count in counts.items() if count}


def _count(layer: keras.Layer) -> int:
    values = prod(layer.output.shape[1:])
    places = values // layer.output.shape[-1]
    kernels = sum(prod(weight.shape) for weight in layer.weights if len(weight.shape) > 1)
    if isinstance(layer, DeformableConv2D):  # a Conv2D, too
        sampled = places * prod(layer.kernel_size) * layer.input.shape[-1]
        return places * kernels + sampled * (CORNERS + layer.modulated)
    if isinstance(layer, layers.Conv2D | layers.Dense):
        return places * kernels
    if isinstance(layer, SoftAttention):
        return places * kernels + 2 * values  # alpha times t; gamma times that, plus t
    if isinstance(layer, AttentionResidual):
        return 2 * values  # softmax(F) times x; alpha times that, plus F + x
    if layer.trainable_weights and not isinstance(layer, layers.BatchNormalization):
        raise ValueError(
            f"the layer {layer.name!r} is a {type(layer).__name__}, whose multiply-adds are "
            "unknown: add it to skinlib/cost.py"
        )
    return 0
