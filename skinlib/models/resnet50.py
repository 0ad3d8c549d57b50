"""ResNet50: He, Zhang, Ren, Sun (2016)."""

import keras
from keras import layers

from skinlib.models.pixels import pixels


def resnet50(input_shape: tuple[int, int, int], classes: int = 7) -> keras.Model:
    """Builds ResNet50, whose weights start at random, for sides of 32 or more."""
    inputs = pixels(input_shape, least=32)
    x = layers.Rescaling(1 / 255, name="rescale")(inputs)
    x = keras.applications.ResNet50(weights=None, include_top=False, input_tensor=x).output
    x = layers.GlobalAveragePooling2D(name="average")(x)
    x = layers.Dense(classes, activation="softmax", dtype="float32", name="probabilities")(x)
    return keras.Model(inputs, x, name="resnet50")
