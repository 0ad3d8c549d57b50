"""VGG16: Simonyan and Zisserman (2015), configuration D."""

import keras
from keras import layers

from skinlib.models.pixels import pixels


def vgg16(input_shape: tuple[int, int, int], classes: int = 7) -> keras.Model:
    """Builds VGG16, whose weights start at random, for sides of 32 or more.

    The parameters of 138,357,544 hold for 1000 classes at 224 x 224.
    """
    inputs = pixels(input_shape, least=32)
    x = layers.Rescaling(1 / 255, name="rescale")(inputs)
    x = keras.applications.VGG16(weights=None, include_top=False, input_tensor=x).output
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(4096, activation="relu", name="dense1")(x)
    x = layers.Dense(4096, activation="relu", name="dense2")(x)
    x = layers.Dense(classes, activation="softmax", dtype="float32", name="probabilities")(x)
    return keras.Model(inputs, x, name="vgg16")
