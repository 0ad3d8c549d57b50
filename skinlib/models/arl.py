"""Attention residual learning: Zhang, Xie, Xia, Shen (2019), with 14 and with 50 layers.

A ResNet of bottleneck blocks (He et al., 2016) that looks once more at its own output: what a block
has computed, normalised over space, says where the block's input deserves attention.
"""

import keras
from keras import layers

from skinlib.layers.attention import AttentionResidual
from skinlib.models.pixels import pixels

Shape = tuple[int, int, int]


def arl14(input_shape: Shape, classes: int = 7, *, alpha: float = 0.001) -> keras.Model:
    """Builds ARL14, one block in each of four stages: see `arl`."""
    return arl(input_shape, classes, (1, 1, 1, 1), alpha=alpha, name="arl14")


def arl50(input_shape: Shape, classes: int = 7, *, alpha: float = 0.001) -> keras.Model:
    """Builds ARL50, the blocks of ResNet50: see `arl`."""
    return arl(input_shape, classes, (3, 4, 6, 3), alpha=alpha, name="arl50")


def arl(
    input_shape: Shape, classes: int, blocks: tuple[int, ...], *, alpha: float, name: str
) -> keras.Model:
    """Builds an ARL network with so many blocks in each stage, for sides of 32 or more.

    A convolution, three in each block and the last layer make 2 + 3 * sum(blocks) layers. All else
    is as in keras.applications.ResNet50, so that alpha = 0 is that network. The publication calls
    the factors alpha learnable; we have not found where they start.
    """
    inputs = pixels(input_shape, least=32)
    x = layers.Rescaling(1 / 255, name="rescale")(inputs)
    x = layers.ZeroPadding2D(3, name="pad")(x)
    x = _convolution(x, 64, 7, "conv1", strides=2, padding="valid")
    x = layers.ReLU(name="relu1")(x)
    x = layers.ZeroPadding2D(1, name="pad1")(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool1")(x)
    for stage, count in enumerate(blocks):
        for number in range(count):
            strides = 2 if stage > 0 and number == 0 else 1
            block = f"stage{stage + 2}_block{number + 1}"
            x = _block(x, 64 * 2**stage, strides, number == 0, alpha, block)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    x = layers.Dense(classes, activation="softmax", dtype="float32", name="probabilities")(x)
    return keras.Model(inputs, x, name=name)


def _block(x, filters: int, strides: int, project: bool, alpha: float, name: str):
    """A bottleneck: 1 x 1, 3 x 3, 1 x 1 with four times the filters, joined to its input.

    The first block of a stage changes the shape: there a 1 x 1 projection of x stands for x.
    """
    residual = _convolution(x, filters, 1, f"{name}_conv1", strides=strides)
    residual = layers.ReLU(name=f"{name}_relu1")(residual)
    residual = _convolution(residual, filters, 3, f"{name}_conv2")
    residual = layers.ReLU(name=f"{name}_relu2")(residual)
    residual = _convolution(residual, 4 * filters, 1, f"{name}_conv3")
    if project:
        x = _convolution(x, 4 * filters, 1, f"{name}_project", strides=strides)
    x = AttentionResidual(alpha, name=f"{name}_attention")([residual, x])
    return layers.ReLU(name=f"{name}_out")(x)


def _convolution(x, filters: int, size: int, name: str, strides: int = 1, padding: str = "same"):
    """A convolution and its batch normalisation."""
    x = layers.Conv2D(filters, size, strides, padding, name=name)(x)
    return layers.BatchNormalization(epsilon=1.001e-5, name=f"{name}_norm")(x)
