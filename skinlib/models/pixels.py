"""What all networks begin with."""

import keras
from keras import KerasTensor


def pixels(input_shape: tuple[int, int, int], *, least: int) -> KerasTensor:
    """The input of a network: pixels in 0..255, (N, H, W, 3).

    Args:
        input_shape: (H, W, 3).
        least: the shortest side that the network takes; its maps vanish below.

    Raises:
        ValueError: if a side is shorter, or if Keras is set to channels first.
    """
    if (order := keras.config.image_data_format()) != "channels_last":
        raise ValueError(
            f"image_data_format: expected channels_last, got {order}: "
            'call keras.config.set_image_data_format("channels_last")'
        )
    height, width, _ = input_shape
    if any(side is not None and side < least for side in (height, width)):
        raise ValueError(f"input_shape: expected sides of {least} or more, got {input_shape}")
    return keras.Input(input_shape, name="pixels")
