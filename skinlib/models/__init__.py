"""The paper's network and its five rivals, by name.

Each is a function of the images' shape (H, W, 3), the number of classes, and options of its own.
The model maps pixels in 0..255, (N, H, W, 3), to probabilities, (N, classes). A side that is too
short is a ValueError.
"""

from collections.abc import Callable
from typing import Any

import keras

from skinlib.models.alexnet import alexnet
from skinlib.models.arl import arl14, arl50
from skinlib.models.proposed import proposed
from skinlib.models.resnet50 import resnet50
from skinlib.models.small import small
from skinlib.models.vgg16 import vgg16

MODELS: dict[str, Callable[..., keras.Model]] = {
    "alexnet": alexnet,
    "vgg16": vgg16,
    "resnet50": resnet50,
    "arl14": arl14,
    "arl50": arl50,
    "proposed": proposed,
}
"""In the order of the paper's table 1."""

NAMES = {"arl14": "ARL14", "arl50": "ARL50", "alexnet": "AlexNet", "vgg16": "VGG16"}
NAMES |= {"resnet50": "ResNet50", "proposed": "proposed"}
"""The same, as the paper writes them."""

BUILDERS = {**MODELS, "small": small}
"""With the network of the lessons."""


def build(
    name: str, input_shape: tuple[int, int, int], classes: int = 7, **options: Any
) -> keras.Model:
    """Builds a network by name, which is a key of `BUILDERS`.

    Raises:
        ValueError: if there is none of that name, if it does not take this shape, or if Keras is
            set to channels first.
    """
    if name not in BUILDERS:
        raise ValueError(f"model: expected one of {', '.join(BUILDERS)}, got {name!r}")
    return BUILDERS[name](input_shape, classes, **options)
