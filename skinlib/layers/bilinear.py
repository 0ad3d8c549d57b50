"""Sampling between pixels.

A point (y, x) lies between four pixels. Its value is the sum of theirs, each times its share: (1 -
dy)(1 - dx), (1 - dy) dx, dy (1 - dx) and dy dx, where dy = y - floor(y), dx = x - floor(x). Outside
the map all pixels are zero, so a value fades out over one pixel at the border.

The value has a kink where a point crosses a row or a column of pixels. There the derivative by y or
x is the right-hand one, v(i + 1) - v(i), as in torchvision: floor has the derivative 0.

The functions below give the same numbers. The first is the plain way, the second does it image by
image, to save memory, and the third is a product of matrices, faster on small maps.
"""

import keras
from keras import KerasTensor, ops


def sample_by_gathering(
    images: KerasTensor, y: KerasTensor, x: KerasTensor, mask: KerasTensor | None = None
) -> KerasTensor:
    """Bilinear values at points: fetches the four neighbours of each.

    Args:
        images: (N, H, W, C).
        y: (N, P), in pixels; 0 is the first row's centre. float32 or float64.
        x: (N, P), in pixels.
        mask: (N, P), multiplies the values.

    Returns:
        (N, P, C), in the dtype of `images`.
    """
    n, height, width, channels = ops.shape(images)
    points = ops.shape(y)[1]
    y = ops.clip(y, -2, ops.cast(height, y.dtype))  # beyond, all four neighbours are zero
    x = ops.clip(x, -2, ops.cast(width, x.dtype))
    top, left = ops.floor(y), ops.floor(x)  # -2 .. H, -2 .. W
    dy, dx = y - top, x - left

    pixels = ops.pad(images, [(0, 0), (2, 2), (2, 2), (0, 0)])  # (N, H + 4, W + 4, C)
    pixels = ops.reshape(pixels, (-1, channels))  # (N (H + 4) (W + 4), C)
    first = ops.reshape(ops.arange(n), (n, 1)) * (height + 4)  # each image's first row
    first = (first + ops.cast(top, "int32") + 2) * (width + 4) + ops.cast(left, "int32") + 2
    mask = ops.ones_like(y) if mask is None else ops.cast(mask, y.dtype)
    values = 0
    for row, share_y in ((0, 1 - dy), (1, dy)):
        for column, share_x in ((0, 1 - dx), (1, dx)):
            share = ops.cast(share_y * share_x * mask, images.dtype)  # (N, P)
            index = first + row * (width + 4) + column
            index = ops.clip(index, 0, ops.shape(pixels)[0] - 1)  # of a point that is no number
            neighbour = ops.take(pixels, index, axis=0)
            neighbour = ops.reshape(neighbour, (n, points, channels))  # of no images, too
            values = values + neighbour * ops.expand_dims(share, -1)
    return values


def sample_in_turn(
    images: KerasTensor, y: KerasTensor, x: KerasTensor, mask: KerasTensor | None = None
) -> KerasTensor:
    """`sample_by_gathering` of one image at a time, and again on the way back.

    The neighbours of all points are many times the images: so there is memory for those of one.
    """
    mask = ops.ones_like(y) if mask is None else mask
    again = keras.remat(lambda *one: sample_by_gathering(*[part[None] for part in one])[0])
    parts = (images, y, x, mask)
    if keras.backend.backend() != "tensorflow":
        return ops.map(lambda one: again(*one), parts)
    import tensorflow as tf  # whose ops.map would take ten images at once

    dtype = images.dtype
    values = tf.map_fn(
        lambda one: again(*one), parts, fn_output_signature=dtype, parallel_iterations=1
    )
    n, points = ops.shape(y)
    return ops.reshape(values, (n, points, images.shape[-1]))  # no images: their shape is lost


def sample_by_hats(
    images: KerasTensor, y: KerasTensor, x: KerasTensor, mask: KerasTensor | None = None
) -> KerasTensor:
    """The same as one product: a matrix of every pixel's share in every point, times the pixels.

    As a function of the point's place, a pixel's share is a hat: 1 at the pixel, 0 from its
    neighbours on. Arguments and result are those of `sample_by_gathering`.
    """
    n, height, width, channels = ops.shape(images)
    points = ops.shape(y)[1]
    rows, columns = _hats(y, height), _hats(x, width)  # (N, P, H), (N, P, W)

    # 0 times a pixel that is no number is no number: keep it from points that do not see it.
    finite = ops.isfinite(images)
    blind = ops.cast(ops.logical_not(ops.all(finite, axis=-1)), y.dtype)  # (N, H, W)
    seen = ops.sum(ops.matmul(rows, blind) * columns, axis=-1)  # (N, P)
    mask = ops.ones_like(y) if mask is None else ops.cast(mask, y.dtype)
    mask = ops.where(seen > 0, float("nan"), mask)
    images = ops.where(finite, images, ops.zeros_like(images))

    rows = rows * mask[..., None]
    shares = ops.matmul(rows[..., :, None], columns[..., None, :])  # (N, P, H, W)
    shares = ops.reshape(shares, (n, points, height * width))
    pixels = ops.reshape(images, (n, height * width, channels))
    return ops.matmul(ops.cast(shares, images.dtype), pixels)  # (N, P, C)


def _hats(place: KerasTensor, side: int) -> KerasTensor:
    """The share of each of `side` pixels in each place: (N, P) to (N, P, side)."""
    place = ops.clip(place, -2, side + 1)  # farther out is as zero
    low = ops.floor(place)
    beyond = ops.arange(side, dtype=place.dtype) - low[..., None]  # (N, P, side)
    here = ops.cast(beyond == 0, place.dtype)
    after = ops.cast(beyond == 1, place.dtype)
    return here + (after - here) * (place - low)[..., None]
