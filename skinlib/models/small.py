"""A network for lessons: it learns the phantom within a minute. It is not one of the paper's."""

import keras
from keras import layers


def small(input_shape: tuple[int, int, int], classes: int = 7) -> keras.Model:
    """Builds three normalised convolutions: pixels 0..255 (N, H, W, 3) to probabilities.

    Args:
        input_shape: (H, W, 3).
        classes: how many.
    """
    inputs = keras.Input(input_shape, name="pixels")
    x = layers.Rescaling(1 / 127.5, -1)(inputs)
    for filters in (16, 32, 64):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
        x = layers.MaxPooling2D(3, 2, padding="same")(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(classes, activation="softmax", dtype="float32", name="probabilities")(x)
    return keras.Model(inputs, x, name="small")
