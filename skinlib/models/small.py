"""A network for lessons: it learns the phantom within a minute. It is not one of the paper's."""

import keras
from keras import layers

from skinlib.models.pixels import pixels


def small(input_shape: tuple[int, int, int], classes: int = 7) -> keras.Model:
    """Builds three normalised convolutions and a dense layer, for sides of 8 or more."""
    inputs = pixels(input_shape, least=8)
    x = layers.Rescaling(1 / 127.5, -1, name="rescale")(inputs)
    for number, filters in enumerate((16, 32, 64), start=1):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"conv{number}")(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"norm{number}")(x)
        x = layers.ReLU(name=f"relu{number}")(x)
        x = layers.MaxPooling2D(3, 2, padding="same", name=f"pool{number}")(x)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    x = layers.Dense(classes, activation="softmax", dtype="float32", name="probabilities")(x)
    return keras.Model(inputs, x, name="small")
