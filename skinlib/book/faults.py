"""Slips that are easy to make in a deformable convolution, put into our own call.

Each function computes y from x (N, H, W, C), w (3, 3, C, F) and offset (N, H, W, 18), without a
mask, as `skinlib.layers.deformable.deform_conv2d` does, but for its one fault. None of them raises
an error.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf
from keras import KerasTensor, ops

from skinlib.layers.bilinear import sample_by_gathering
from skinlib.layers.deformable import deform_conv2d


def y_and_x_as_halves(x: KerasTensor, w: KerasTensor, offset: KerasTensor) -> KerasTensor:
    """Reads all y first and then all x, instead of y and x in turn."""
    n, height, width, _ = offset.shape
    halves = ops.reshape(offset, (n, height, width, 2, 9))  # y, x; points
    pairs = ops.transpose(halves, (0, 1, 2, 4, 3))  # points; y, x
    return deform_conv2d(x, w, ops.reshape(pairs, offset.shape))


def offsets_cross_the_batch(x: KerasTensor, w: KerasTensor, offset: KerasTensor) -> KerasTensor:
    """Moves the points of one image by the offsets of another."""
    return deform_conv2d(x, w, ops.flip(offset, axis=0))


def borders_are_clamped(x: KerasTensor, w: KerasTensor, offset: KerasTensor) -> KerasTensor:
    """Moves a point that is outside to the nearest pixel of the border, which is not zero."""

    def sample(images, y, x, mask=None):
        return sample_by_gathering(images, *_clamped(images, y, x))

    return deform_conv2d(x, w, offset, sample=sample)


def last_row_has_no_weight(x: KerasTensor, w: KerasTensor, offset: KerasTensor) -> KerasTensor:
    """Clamps the lower neighbour before it takes its share: on the last row both shares are 0.

    So are those of the right one on the last column.
    """

    def sample(images, y, x, mask=None):
        (y, x), (height, width) = _clamped(images, y, x), images.shape[1:3]
        return sample_by_gathering(images, y, x, mask=(y < height - 1) & (x < width - 1))

    return deform_conv2d(x, w, offset, sample=sample)


def one_offset_for_all_points(x: KerasTensor, w: KerasTensor, offset: KerasTensor) -> KerasTensor:
    """Moves the map's pixels, and then convolves: one offset per place, not per kernel point."""
    channels = x.shape[-1]
    same = np.eye(channels, dtype="float32")[None, None]  # a 1 x 1 kernel that changes nothing
    moved = deform_conv2d(x, same, offset[..., :2])
    return ops.conv(moved, w, padding="same")


FAULTS: dict[str, Callable] = {
    "y and x as halves": y_and_x_as_halves,
    "offsets cross the batch": offsets_cross_the_batch,
    "borders are clamped": borders_are_clamped,
    "the last row has no weight": last_row_has_no_weight,
    "one offset for all points": one_offset_for_all_points,
}
"""What is wrong -> the function that does it wrong."""


def offset_gradient(port: Callable, x: np.ndarray, w: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """d (sum of y) / d offset: (N, H, W, 18)."""
    offset = tf.constant(offset, "float32")
    with tf.GradientTape() as tape:
        tape.watch(offset)
        total = tf.reduce_sum(port(x, w, offset))
    return tape.gradient(total, offset).numpy()


def first_gradient(port: Callable, x: np.ndarray, w: np.ndarray) -> float:
    """Mean of |d (sum of y) / d offset| where all offsets are 0, as in a fresh layer."""
    return float(np.abs(offset_gradient(port, x, w, np.zeros((*x.shape[:3], 18)))).mean())


def _clamped(images, y, x):
    """Points within the image: y and x, (N, P)."""
    height, width = images.shape[1:3]
    return ops.clip(y, 0, height - 1), ops.clip(x, 0, width - 1)
