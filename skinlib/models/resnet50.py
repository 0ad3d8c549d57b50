"""ResNet50: He, Zhang, Ren, Sun (2016)."""

import keras
from keras import layers

from skinlib.models.imagenet import Weights, backbone


def resnet50(
    input_shape: tuple[int, int, int], classes: int = 7, *, weights: Weights = None
) -> keras.Model:
    """Builds ResNet50: (N, H, W, 3) pixels in 0..255 to (N, classes) probabilities.

    Its last layer always starts at random.

    Args:
        input_shape: (H, W, 3), with sides of 32 or more.
        classes: how many.
        weights: of the convolutions, see `skinlib.models.imagenet.backbone`.
    """
    inputs, x = backbone(keras.applications.ResNet50, input_shape, weights)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    x = layers.Dense(classes, activation="softmax", dtype="float32", name="probabilities")(x)
    return keras.Model(inputs, x, name="resnet50")
