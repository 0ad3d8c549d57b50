"""What vgg16 and resnet50 share: a network of keras.applications without its top."""

from collections.abc import Callable
from typing import Literal

import keras
from keras import layers
from keras.applications.imagenet_utils import preprocess_input

from skinlib.models.error import ModelError

Weights = Literal["imagenet"] | None


def backbone(
    network: Callable[..., keras.Model], input_shape: tuple[int, int, int], weights: Weights
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Builds the convolutions of a network.

    Pixels in 0..255 are prepared inside: as the published weights expect (blue first, the mean
    colour of ImageNet subtracted), or scaled to 0..1 where training starts from nothing.

    Args:
        network: `keras.applications.VGG16` or `keras.applications.ResNet50`.
        input_shape: (H, W, 3).
        weights: None for random ones, "imagenet" for the published ones (downloaded once).

    Returns:
        The model's input (N, H, W, 3) and its last feature map (N, H', W', C).

    Raises:
        ModelError: if `weights` is neither, or if they can be neither found nor downloaded.
    """
    if weights not in (None, "imagenet"):
        raise ModelError(f'weights are None or "imagenet", got {weights!r}')
    inputs = keras.Input(input_shape, name="pixels")
    if weights is None:
        pixels = layers.Rescaling(1 / 255, name="rescale")(inputs)
    else:
        pixels = preprocess_input(inputs, mode="caffe")
    try:
        features = network(weights=weights, include_top=False, input_tensor=pixels)
    except Exception as error:  # get_file raises no narrower class
        if weights is None or isinstance(error, ValueError):
            raise
        raise ModelError(
            f"the ImageNet weights of {network.__name__} cannot be downloaded ({error}): "
            "connect to the network for the first use, or take weights=None"
        ) from error
    return inputs, features.output
