"""AlexNet: Krizhevsky, Sutskever, Hinton (2012), with its filters in one tower.

The original splits convolutions 2, 4 and 5 into two groups, one for each of its two graphics cards
(60,965,224 parameters); in one tower the same layers have 62,378,344.
"""

import keras
from keras import KerasTensor, layers, ops

from skinlib.models.pixels import pixels


@keras.saving.register_keras_serializable(package="skinlib")
class LocalResponseNormalization(keras.layers.Layer):
    """Divides each value by the energy of its neighbours among the channels, section 3.3.

    b_i = a_i / (2 + 1e-4 * sum of a_j^2 for |j - i| <= 2)^0.75, (N, H, W, C) to the same shape. The
    energy is float32: in 16 bits it would overflow from a_j = 256 on.
    """

    def __init__(self, **kwargs: object):
        super().__init__(**kwargs)
        self.built = True

    def call(self, inputs: KerasTensor) -> KerasTensor:
        channels = inputs.shape[-1]
        squares = ops.square(ops.cast(inputs, "float32"))  # (N, H, W, C)
        squares = ops.pad(squares, [(0, 0)] * 3 + [(2, 2)])  # (N, H, W, C + 4)
        energy = sum(squares[..., shift : shift + channels] for shift in range(5))
        return inputs / ops.cast(ops.power(2 + 1e-4 * energy, 0.75), inputs.dtype)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return input_shape


def alexnet(
    input_shape: tuple[int, int, int], classes: int = 7, *, dropout: float = 0.5
) -> keras.Model:
    """Builds AlexNet, for sides of 64 or more.

    An image of 224 x 224 gives maps of 55, 27, 13 and 6, as in the publication. `dropout` is the
    share of the values that is dropped after each hidden fully connected layer.
    """
    inputs = pixels(input_shape, least=64)

    def convolution(filters: int, size: int, name: str, strides=1, padding="same"):
        return layers.Conv2D(filters, size, strides, padding, activation="relu", name=name)

    x = layers.Rescaling(1 / 255, name="rescale")(inputs)
    x = layers.ZeroPadding2D(((2, 1), (2, 1)), name="pad")(x)
    x = convolution(96, 11, "conv1", strides=4, padding="valid")(x)
    x = LocalResponseNormalization(name="norm1")(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool1")(x)
    x = convolution(256, 5, "conv2")(x)
    x = LocalResponseNormalization(name="norm2")(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool2")(x)
    x = convolution(384, 3, "conv3")(x)
    x = convolution(384, 3, "conv4")(x)
    x = convolution(256, 3, "conv5")(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool5")(x)
    x = layers.Flatten(name="flatten")(x)
    for name in ("dense6", "dense7"):
        x = layers.Dense(4096, activation="relu", name=name)(x)
        x = layers.Dropout(dropout, name=f"dropout{name[-1]}")(x)
    x = layers.Dense(classes, activation="softmax", dtype="float32", name="probabilities")(x)
    return keras.Model(inputs, x, name="alexnet")
