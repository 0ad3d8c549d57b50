"""Deformable convolution: a convolution whose sampling points move.

Dai et al. (2017), doi:10.1109/ICCV.2017.89; with a mask, Zhu et al. (2019),
doi:10.1109/CVPR.2019.00953. Eq. 1 of Cao et al. (2024). The numbers are those of ONNX's DeformConv
and of torchvision.ops.deform_conv2d, with channels last.
"""

import keras
from keras import ops

from skinlib.environment import gpus

SMALL = 200
"""Up to this many input pixels, sampling as a product of hat functions beats gathering."""


def deform_conv2d(
    inputs,
    kernel,
    offset,
    mask=None,
    *,
    strides: int | tuple[int, int] = 1,
    padding: str = "same",
    dilation_rate: int | tuple[int, int] = 1,
    offset_groups: int = 1,
):
    """y(p) = sum over k of w_k x(p + p_k + offset_k) mask_k: eq. 1 of Cao et al. (2024).

    Between pixels x is bilinear; outside the image it is zero, each of a point's four neighbours
    judged by itself.

    Args:
        inputs: x, (N, H, W, C).
        kernel: w, (kh, kw, C / groups, F); the number of groups is read off it.
        offset: (N, H', W', 2 * G * kh * kw) in pixels: for each of the G offset groups, for each
            kernel point, row by row, first y, then x.
        mask: (N, H', W', G * kh * kw), or None for ones.
        strides: as in `keras.layers.Conv2D`.
        padding: "same" or "valid".
        dilation_rate: as in `keras.layers.Conv2D`.
        offset_groups: G; each moves its own C / G neighbouring channels.

    Returns:
        y, (N, H', W', F).

    Raises:
        ValueError: if shapes do not fit; the message says expected and got.
    """
    strides, dilation = _pair(strides), _pair(dilation_rate)
    size = tuple(kernel.shape[:2])
    _check(inputs, kernel, offset, mask, strides, padding, dilation, offset_groups)

    y, x = _sampling_points(inputs, offset, size, strides, padding, dilation, offset_groups)
    parts = [inputs, ops.swapaxes(y, 3, 4), ops.swapaxes(x, 3, 4)]
    if mask is not None:
        parts.append(ops.swapaxes(ops.reshape(mask, ops.shape(y)), 3, 4))
    kernel = ops.convert_to_tensor(kernel)
    if _is_small(inputs) or gpus():
        return _convolve(kernel, *parts)

    # One picture at a time, sampled again on the way back: memory for the samples of one, not all.
    again = keras.remat(_convolve)
    return _in_turn(lambda one: again(kernel, *[part[None] for part in one])[0], tuple(parts))


def _in_turn(function, parts):
    """`ops.map`, which on TensorFlow would take ten pictures at once."""
    if keras.backend.backend() != "tensorflow":
        return ops.map(function, parts)
    import tensorflow as tf

    dtype = parts[0].dtype
    return tf.map_fn(function, parts, fn_output_signature=dtype, parallel_iterations=1)


def _convolve(kernel, inputs, y, x, mask=None):
    """The values at the points, times the kernel: (N, H', W', F)."""
    features = _sample(inputs, y, x, mask)
    points, filters = kernel.shape[0] * kernel.shape[1], kernel.shape[-1]
    groups = inputs.shape[-1] // kernel.shape[2]
    n, h, w = ops.shape(features)[:3]
    if groups == 1:  # a 1 x 1 convolution: backwards, faster than a product of matrices
        features = ops.reshape(features, (n, h, w, points * kernel.shape[2]))
        kernel = ops.reshape(kernel, (1, 1, -1, filters))
        return ops.conv(features, kernel, data_format="channels_last")
    features = ops.reshape(features, (n, h, w, points, groups, kernel.shape[2]))
    kernel = ops.reshape(kernel, (points, kernel.shape[2], groups, filters // groups))
    outputs = ops.einsum("nhwkgc,kcgf->nhwgf", features, kernel)
    return ops.reshape(outputs, (n, h, w, filters))


def _sampling_points(inputs, offset, size, strides, padding, dilation, offset_groups):
    """p + p_k + offset_k: y and x, each (N, H', W', G, kh * kw), in input pixels."""
    dtype = keras.backend.result_type(offset.dtype, "float32")
    n, *spatial = ops.shape(offset)[:3]
    moved = ops.reshape(ops.cast(offset, dtype), (n, *spatial, offset_groups, -1, 2))
    points = []
    for axis, move in enumerate(ops.unstack(moved, axis=-1)):
        start = ops.arange(spatial[axis], dtype=dtype) * strides[axis]
        if padding == "same":
            reach = (size[axis] - 1) * dilation[axis] + 1
            start = start - _padding(
                ops.shape(inputs)[1 + axis], spatial[axis], strides[axis], reach
            )
        steps = ops.arange(size[axis], dtype=dtype) * dilation[axis]
        steps = ops.repeat(steps, size[1]) if axis == 0 else ops.tile(steps, [size[0]])
        start = ops.reshape(start, (-1, 1, 1, 1) if axis == 0 else (-1, 1, 1))
        points.append(start + steps + move)
    return points


def _padding(size, outputs, stride, reach):
    """What `padding="same"` puts before the first pixel."""
    total = (outputs - 1) * stride + reach - size
    return max(total, 0) // 2 if isinstance(total, int) else ops.cast(
        ops.maximum(total, 0) // 2, "float32"
    )  # fmt: skip


def _is_small(inputs) -> bool:
    height, width = inputs.shape[1:3]
    return None not in (height, width) and height * width <= SMALL


def _sample(inputs, y, x, mask):
    """Bilinear values at points (N, H', W', kh * kw, G): (N, H', W', kh * kw, G, C / G)."""
    n, height, width, channels = ops.shape(inputs)
    groups = y.shape[4]
    area = height * width
    images = ops.reshape(inputs, (n, area, groups, channels // groups))
    if _is_small(inputs):
        return _sample_by_hats(images, y, x, mask, height, width)

    images = ops.reshape(images, (-1, channels // groups))
    first = ops.reshape(ops.arange(n), (n, 1, 1, 1, 1)) * area
    bottom, right = ops.cast(height, y.dtype), ops.cast(width, x.dtype)
    y = ops.clip(y, -1, bottom)  # farther out is as zero as there, and an int32 holds it
    x = ops.clip(x, -1, right)
    top, left = ops.floor(y), ops.floor(x)
    values = 0
    for row in (top, top + 1):
        for column in (left, left + 1):
            inside = (row >= 0) & (row < bottom) & (column >= 0) & (column < right)
            weight = (1 - ops.abs(y - row)) * (1 - ops.abs(x - column))
            weight = ops.cast(weight * ops.cast(inside, weight.dtype), inputs.dtype)
            if mask is not None:
                weight = weight * mask
            pixel = ops.clip(ops.cast(row, "int32"), 0, height - 1) * width
            pixel = pixel + ops.clip(ops.cast(column, "int32"), 0, width - 1)
            index = (first + pixel) * groups + ops.arange(groups)
            values = values + ops.take(images, index, axis=0) * weight[..., None]
    return values


def _sample_by_hats(images, y, x, mask, height, width):
    """The same as one product: a point's weight on pixel i is relu(1 - |p - i|), in y and in x."""
    n, h, w, points, groups = ops.shape(y)

    def hats(position, side):
        flat = ops.reshape(ops.moveaxis(position, 4, 1), (-1, 1))
        return ops.relu(1 - ops.abs(flat - ops.arange(side, dtype=flat.dtype)))

    rows, columns = hats(y, height), hats(x, width)
    if mask is not None:
        rows = rows * ops.cast(ops.reshape(ops.moveaxis(mask, 4, 1), (-1, 1)), rows.dtype)
    weights = ops.matmul(ops.expand_dims(rows, 2), ops.expand_dims(columns, 1))
    weights = ops.reshape(weights, (n, groups, h * w * points, height * width))
    values = ops.matmul(ops.cast(weights, images.dtype), ops.swapaxes(images, 1, 2))
    values = ops.reshape(values, (n, groups, h, w, points, images.shape[-1]))
    return ops.moveaxis(values, 1, 4)


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)


def _check(inputs, kernel, offset, mask, strides, padding, dilation, offset_groups):
    if padding not in ("same", "valid"):
        raise ValueError(f'padding: expected "same" or "valid", got {padding!r}')
    for name, tensor in (("inputs", inputs), ("kernel", kernel), ("offset", offset)):
        if len(tensor.shape) != 4:
            raise ValueError(f"{name}: expected 4 axes, got the shape {tuple(tensor.shape)}")
    kh, kw, per_group, filters = kernel.shape
    channels = inputs.shape[-1]
    if channels % per_group or filters % (channels // per_group):
        raise ValueError(
            f"kernel: expected channels that divide the inputs' {channels}, and filters that the "
            f"groups divide, got the shape {tuple(kernel.shape)}"
        )
    if channels % offset_groups:
        raise ValueError(f"offset_groups: expected a divisor of {channels}, got {offset_groups}")
    out = [
        None if side is None else _outputs(side, k, stride, padding, rate)
        for side, k, stride, rate in zip(
            inputs.shape[1:3], (kh, kw), strides, dilation, strict=True
        )
    ]
    wanted = {"offset": (offset, 2), "mask": (mask, 1)}
    for name, (tensor, each) in wanted.items():
        if tensor is None:
            continue
        expected = (inputs.shape[0], *out, each * offset_groups * kh * kw)
        fits = len(tensor.shape) == 4 and all(
            None in (want, got) or want == got
            for want, got in zip(expected, tensor.shape, strict=True)
        )
        if not fits:
            raise ValueError(f"{name}: expected {expected}, got {tuple(tensor.shape)}")


def _outputs(side, kernel, stride, padding, rate):
    if padding == "same":
        return -(-side // stride)
    reach = (kernel - 1) * rate + 1
    if side < reach:
        raise ValueError(
            f"the kernel reaches over {reach} pixels and the inputs have {side}: "
            'use a smaller kernel, larger inputs or padding="same"'
        )
    return (side - reach) // stride + 1


@keras.saving.register_keras_serializable(package="skinlib")
class DeformableConv2D(keras.layers.Conv2D):
    """A 2D convolution that learns where to look: eq. 1 of Cao et al. (2024).

    A convolution of the same shape, which starts at zero, gives each kernel point an offset and,
    if `modulated`, a mask through a sigmoid. So an untrained layer is half a plain convolution
    (apart from the bias), or a whole one if not `modulated`.

    Args:
        filters, kernel_size, strides, padding, dilation_rate, groups, activation, use_bias: as in
            `keras.layers.Conv2D`, and so are the other arguments; channels come last.
        offset_groups: groups of channels that move together; they divide the channels.
        modulated: learn a mask (Zhu et al. 2019, "v2"); False is "v1" of Dai et al. (2017).
        offset_lr_multiplier: scales the gradient that passes the offset convolution; Zhu et al.
            (2019) use 0.1. It slows SGD. Adam divides the scale of a gradient out again.

    Input shape: (N, H, W, C). Output shape: (N, H', W', filters).

    Example:
        DeformableConv2D(128, 3, activation="relu")(features)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        strides: int | tuple[int, int] = (1, 1),
        padding: str = "valid",
        dilation_rate: int | tuple[int, int] = (1, 1),
        groups: int = 1,
        *,
        offset_groups: int = 1,
        modulated: bool = True,
        offset_lr_multiplier: float = 1.0,
        **kwargs,
    ):
        super().__init__(
            filters,
            kernel_size,
            strides,
            padding,
            dilation_rate=dilation_rate,
            groups=groups,
            **{"data_format": "channels_last", **kwargs},
        )
        if self.data_format != "channels_last":
            raise ValueError(f"data_format: expected channels_last, got {self.data_format}")
        self.offset_groups = offset_groups
        self.modulated = modulated
        self.offset_lr_multiplier = offset_lr_multiplier
        points = offset_groups * self.kernel_size[0] * self.kernel_size[1]
        self._split = 2 * points
        self.offset_convolution = keras.layers.Conv2D(
            3 * points if modulated else 2 * points,
            kernel_size,
            strides,
            padding,
            data_format="channels_last",
            dilation_rate=dilation_rate,
            kernel_initializer="zeros",
            dtype=self.dtype_policy,
            name="offset",
        )

    def build(self, input_shape):
        self.offset_convolution.build(input_shape)
        super().build(input_shape)

    def _moves(self, inputs):
        """Offset (N, H', W', 2 * G * kh * kw) and mask (N, H', W', G * kh * kw) or None."""
        moves = self.offset_convolution(inputs)
        rate = self.offset_lr_multiplier
        if rate != 1:
            moves = rate * moves + ops.stop_gradient((1 - rate) * moves)
        if not self.modulated:
            return moves, None
        offset, mask = ops.split(moves, [self._split], axis=-1)
        return offset, ops.sigmoid(mask)

    def call(self, inputs):
        offset, mask = self._moves(inputs)
        outputs = deform_conv2d(
            inputs,
            self.kernel,
            offset,
            mask,
            strides=self.strides,
            padding=self.padding,
            dilation_rate=self.dilation_rate,
            offset_groups=self.offset_groups,
        )
        if self.use_bias:
            outputs = outputs + self.bias
        return outputs if self.activation is None else self.activation(outputs)

    def sampling_points(self, inputs):
        """Where the layer looks, for figures.

        Args:
            inputs: (N, H, W, C).

        Returns:
            (N, H', W', offset_groups, kh * kw, 2): y and x in input pixels, kernel points row by
            row.
        """
        inputs = ops.convert_to_tensor(inputs, self.compute_dtype)
        offset, _ = self._moves(inputs)
        points = _sampling_points(
            inputs,
            offset,
            self.kernel_size,
            self.strides,
            self.padding,
            self.dilation_rate,
            self.offset_groups,
        )
        return ops.stack(points, axis=-1)

    def get_config(self):
        return {
            **super().get_config(),
            "offset_groups": self.offset_groups,
            "modulated": self.modulated,
            "offset_lr_multiplier": self.offset_lr_multiplier,
        }
