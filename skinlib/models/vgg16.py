"""VGG16: Simonyan and Zisserman (2015), configuration D."""

import keras
from keras import layers

from skinlib.models.imagenet import Weights, backbone


def vgg16(
    input_shape: tuple[int, int, int], classes: int = 7, *, weights: Weights = None
) -> keras.Model:
    """Builds VGG16: (N, H, W, 3) pixels in 0..255 to (N, classes) probabilities.

    Its fully connected layers always start at random. The parameters of 138,357,544 hold for
    1000 classes at 224 x 224.

    Args:
        input_shape: (H, W, 3), with sides of 32 or more.
        classes: how many.
        weights: of the convolutions, see `skinlib.models.imagenet.backbone`.
    """
    inputs, x = backbone(keras.applications.VGG16, input_shape, weights)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(4096, activation="relu", name="dense1")(x)
    x = layers.Dense(4096, activation="relu", name="dense2")(x)
    x = layers.Dense(classes, activation="softmax", dtype="float32", name="probabilities")(x)
    return keras.Model(inputs, x, name="vgg16")
