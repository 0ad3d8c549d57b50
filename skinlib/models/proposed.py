"""The paper's network: AlexNet slimmed down, with a deformable convolution and soft attention.

Section 2.1 of Cao et al. (2024).
"""

import keras
from keras import layers

from skinlib.layers.attention import SoftAttention
from skinlib.layers.deformable import DeformableConv2D
from skinlib.models.pixels import pixels

KERNELS = (1, 3, 5, 7)
"""Sides of the four parallel kernels, convolutions 1 to 4; each has 8 filters."""

FILTERS = {5: 64, 6: 64, 7: 128, 8: 128, 9: 128, 10: 64}
"""Number of a 3 x 3 convolution -> its filters."""

POOLS = (4, 5, 6, 7, 10)


def proposed(
    input_shape: tuple[int, int, int],
    classes: int = 7,
    *,
    deformable: bool = True,
    attention: bool = True,
    pools: tuple[int, ...] = POOLS,
    dense: tuple[int, int] = (512, 512),
    dropout: float = 0.5,
    batch_norm: bool = False,
    initializer: str = "glorot_uniform",
) -> keras.Model:
    """Builds the paper's network, for sides of 32 or more.

    The paper fixes the ten convolutions, the number, size and stride of the pools, the places of
    the deformable convolution and of the attention, and ReLU. It leaves the other arguments open;
    chapter 05 argues for their defaults.

    Args:
        input_shape: (H, W, 3).
        classes: how many.
        deformable: False puts a plain convolution of the same shape in the layer's place.
        attention: False puts a plain convolution in its place, with the kernel of the attention's
            own convolution, so that the network keeps its capacity.
        pools: the convolutions after which a max-pool follows (4 stands for the four parallel
            ones). After 8 or 9, it follows the deformable convolution or the attention.
        dense: widths of the two hidden fully connected layers; the third has `classes`.
        dropout: share of the values that is dropped after each of these two.
        batch_norm: a batch normalisation after each of the ten convolutions' ReLU.
        initializer: of the ten convolutions' kernels, as Keras names it.

    Raises:
        ValueError: if `pools` has other numbers than 4 to 10, each at most once.
    """
    if len(set(pools)) < len(pools) or not set(pools) <= {4, *FILTERS}:
        raise ValueError(f"pools: expected different numbers from 4 to 10, got {tuple(pools)}")

    def convolution(x, filters, side, name):
        x = layers.Conv2D(
            filters,
            side,
            padding="same",
            activation="relu",
            kernel_initializer=initializer,
            name=name,
        )(x)
        return layers.BatchNormalization(name=f"{name}_norm")(x) if batch_norm else x

    inputs = pixels(input_shape, least=32)
    x = layers.Rescaling(1 / 255, name="rescale")(inputs)
    x = layers.Concatenate(name="concatenate")(
        [convolution(x, 8, k, f"conv{n}_{k}x{k}") for n, k in enumerate(KERNELS, start=1)]
    )
    for number in range(4, 11):
        if number in FILTERS:
            x = convolution(x, FILTERS[number], 3, f"conv{number}")
        if number == 8 and deformable:  # eq. 1
            x = DeformableConv2D(128, 3, padding="same", activation="relu", name="deformable")(x)
        elif number == 8:
            x = _plain("plain_deformable")(x)
        if number == 9 and attention:  # eq. 2
            x = SoftAttention(maps=128, kernel_size=3, name="attention")(x)
        elif number == 9:
            x = _plain("plain_attention")(x)
        if number in pools:
            name = f"pool{sorted(pools).index(number) + 1}"
            x = layers.MaxPooling2D(3, strides=2, padding="same", name=name)(x)
    x = layers.Flatten(name="flatten")(x)
    for number, width in enumerate(dense, start=1):
        x = layers.Dense(width, activation="relu", name=f"dense{number}")(x)
        x = layers.Dropout(dropout, name=f"dropout{number}")(x)
    x = layers.Dense(classes, activation="softmax", dtype="float32", name="probabilities")(x)
    return keras.Model(inputs, x, name="proposed")


def _plain(name: str) -> keras.Layer:
    """What stands in for a part of the paper's."""
    return layers.Conv2D(128, 3, padding="same", activation="relu", name=name)
