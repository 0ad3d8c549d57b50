"""What a training image may become: another view of its lesion, or a mixture of two images."""

import keras
import numpy as np


def turned(image: np.ndarray, turn: int) -> np.ndarray:
    """One of the eight symmetries of the square; an image that is none is never turned by quarters.

    Args:
        image: (H, W, 3).
        turn: 0 to 7; 0 changes nothing.
    """
    quarters = np.rot90(image, turn % 4) if image.shape[0] == image.shape[1] else image
    return quarters[:, ::-1] if turn >= 4 else quarters


class Augment:
    """Shifts, brightness, contrast and mixtures, by Keras' layers.

    Args:
        jitter: the largest shift, as a share of the sides, and the largest change of brightness
            and of contrast, as shares of their range; 0 to 1.
        mixup: alpha of Zhang et al. (2018), arXiv 1710.09412, 0 to 1; 0 mixes nothing.
    """

    def __init__(self, jitter: float = 0.0, mixup: float = 0.0):
        self.layers: list[keras.Layer] = []
        exact = {"dtype": "float32"}  # whatever the network computes in
        if jitter:
            self.layers = [
                keras.layers.RandomTranslation(jitter, jitter, fill_mode="reflect", **exact),
                keras.layers.RandomBrightness(jitter, **exact),
                keras.layers.RandomContrast(jitter, **exact),
            ]
        if mixup:
            self.layers.append(keras.layers.MixUp(mixup, **exact))

    def __call__(
        self, images: np.ndarray, labels: np.ndarray, seed: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Changes a batch; the same seed changes it alike.

        Args:
            images: (B, H, W, 3), 0 to 255.
            labels: (B, C), one-hot.
            seed: of the draws.

        Returns:
            Images, float32, and labels, of the same shapes.
        """
        draws = keras.random.SeedGenerator(seed)
        x = keras.ops.convert_to_tensor(images, "float32")
        y = keras.ops.convert_to_tensor(labels, "float32")
        for layer in self.layers:
            change = layer.get_random_transformation({"images": x, "labels": y}, seed=draws)
            x = layer.transform_images(x, change)
            if isinstance(layer, keras.layers.MixUp):
                y = layer.transform_labels(y, change)
        return keras.ops.convert_to_numpy(x), keras.ops.convert_to_numpy(y)
