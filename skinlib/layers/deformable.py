"""Deformable convolution: a convolution whose sampling points move.

Dai et al. (2017), doi:10.1109/ICCV.2017.89; with a mask, Zhu et al. (2019),
doi:10.1109/CVPR.2019.00953. Eq. 1 of Cao et al. (2024). The numbers are those of ONNX's DeformConv
and of torchvision.ops.deform_conv2d, with channels last.

Shapes: inputs (N, H, W, C), outputs (N, H', W', F), K = kh * kw kernel points, row by row.
"""

from collections.abc import Callable
from numbers import Integral

import keras
from keras import KerasTensor, ops

from skinlib.layers.bilinear import sample_by_gathering, sample_by_hats, sample_in_turn

SMALL = 200
"""Up to this many pixels a map is sampled by hats, which is faster there."""


def deform_conv2d(
    inputs: KerasTensor,
    kernel: KerasTensor,
    offset: KerasTensor,
    mask: KerasTensor | None = None,
    *,
    strides: int | tuple[int, int] = 1,
    padding: str = "same",
    dilation_rate: int | tuple[int, int] = 1,
    sample: Callable | None = None,
) -> KerasTensor:
    """y(p) = sum over k of w_k x(p + p_k + offset_k) mask_k: eq. 1 of Cao et al. (2024).

    Between pixels x is bilinear; outside the image it is zero, each of a point's four neighbours
    judged by itself.

    Args:
        inputs: x, (N, H, W, C): an array; in a functional model use `DeformableConv2D`.
        kernel: w, (kh, kw, C / groups, F); the number of groups is read off it.
        offset: (N, H', W', 2 * K) in pixels: for each kernel point, row by row, first y, then x.
        mask: (N, H', W', K), or None for ones.
        strides: as in `keras.layers.Conv2D`.
        padding: "same" or "valid".
        dilation_rate: as in `keras.layers.Conv2D`.
        sample: how to sample between pixels, one of the functions of `skinlib.layers.bilinear`.
            None decides by the map's size: up to `SMALL` pixels by hats, beyond by gathering, one
            image in turn.

    Returns:
        y, (N, H', W', F).

    Raises:
        ValueError: if shapes do not fit; the message says expected and got.
    """
    strides, dilation = _pair("strides", strides), _pair("dilation_rate", dilation_rate)
    _check(inputs, kernel, offset, mask, strides, padding, dilation)
    if sample is None:
        sample = _sample_for(*inputs.shape[1:3])

    size = tuple(kernel.shape[:2])
    y, x = _points(inputs, offset, size, strides, padding, dilation)  # p + p_k + offset_k
    values = _sample(inputs, y, x, mask, sample)  # x(...) mask_k, (N, H', W', K, C)
    return _product(values, ops.convert_to_tensor(kernel))  # y, (N, H', W', F)


def _points(inputs, offset, size, strides, padding, dilation):
    """p + p_k + offset_k: y and x, each (N, H', W', K), in pixels of the inputs.

    In float32 at least: 16 bits would round places.
    """
    dtype = keras.backend.result_type(offset.dtype, "float32")
    n, *sides = ops.shape(offset)[:3]
    points = size[0] * size[1]  # K
    moves = ops.reshape(ops.cast(offset, dtype), (n, *sides, points, 2))
    places = []
    for axis, move in enumerate(ops.unstack(moves, axis=-1)):  # (N, H', W', K)
        p = ops.arange(sides[axis], dtype=dtype) * strides[axis]  # (H') or (W')
        if padding == "same":
            reach = (size[axis] - 1) * dilation[axis] + 1
            p = p - _padding(ops.shape(inputs)[1 + axis], sides[axis], strides[axis], reach)
        p_k = ops.arange(size[axis], dtype=dtype) * dilation[axis]  # (kh) or (kw)
        if axis == 0:
            p = ops.reshape(p, (-1, 1, 1))  # (H', 1, 1)
            p_k = ops.repeat(p_k, size[1])  # (K)
        else:
            p = ops.reshape(p, (-1, 1))  # (W', 1)
            p_k = ops.tile(p_k, [size[0]])  # (K)
        places.append(p + p_k + move)  # (N, H', W', K)
    return places


def _padding(side, outputs, stride, reach):
    """How many zeros padding="same" puts before the first pixel, for a kernel of this reach."""
    total = (outputs - 1) * stride + reach - side
    if isinstance(total, int):
        return max(total, 0) // 2
    return ops.cast(ops.maximum(total, 0) // 2, "float32")


def _sample(inputs, y, x, mask, sample):
    """x(p + p_k + offset_k) mask_k: (N, H', W', K, C)."""
    n, h, w, points = ops.shape(y)
    flat = [ops.reshape(each, (n, h * w * points)) for each in (y, x)]
    if mask is not None:
        flat.append(ops.reshape(mask, (n, h * w * points)))
    values = sample(inputs, *flat)  # (N, H' W' K, C)
    return ops.reshape(values, (n, h, w, points, inputs.shape[-1]))


def _product(values, kernel):
    """The sum over k and channels of w_k values_k: (N, H', W', F)."""
    n, h, w, points, channels = ops.shape(values)
    *_, inside, filters = kernel.shape
    groups = channels // inside
    if groups == 1:  # a 1 x 1 convolution; on the way back faster than a product of matrices
        values = ops.reshape(values, (n, h, w, points * channels))
        kernel = ops.reshape(kernel, (1, 1, points * channels, filters))
        outputs = ops.conv(values, kernel, data_format="channels_last")
    else:
        values = ops.reshape(values, (n, h, w, points, groups, inside))
        kernel = ops.reshape(kernel, (points, inside, groups, filters // groups))
        outputs = ops.einsum("nhwkgc,kcgf->nhwgf", values, kernel)
    return ops.reshape(outputs, (n, h, w, filters))


def _sample_for(height: int | None, width: int | None) -> Callable:
    """The way to sample that suits a map of this size, if it is known."""
    if not (isinstance(height, int) and isinstance(width, int)):
        return sample_by_gathering
    return sample_by_hats if height * width <= SMALL else sample_in_turn


def _pair(name: str, value: int | tuple[int, int]) -> tuple[int, int]:
    pair = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if len(pair) != 2 or not all(isinstance(v, Integral) and v >= 1 for v in pair):
        raise ValueError(f"{name}: expected one or two whole numbers from 1 on, got {value}")
    return pair


def _check(inputs, kernel, offset, mask, strides, padding, dilation):
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
    axes = zip(inputs.shape[1:3], (kh, kw), strides, dilation, strict=True)
    out = [_outputs(side, k, stride, padding, rate) for side, k, stride, rate in axes]  # [H', W']
    for name, tensor, each in (("offset", offset, 2), ("mask", mask, 1)):
        expected = (inputs.shape[0], *out, each * kh * kw)
        got = expected if tensor is None else tuple(tensor.shape)
        pairs = zip(expected, got, strict=False)
        if len(got) != 4 or any(a != b and None not in (a, b) for a, b in pairs):
            raise ValueError(f"{name}: expected {expected}, got {got}")


def _outputs(side, kernel, stride, padding, rate):
    """How many places a kernel takes along a side, in pixels; None where that is not known."""
    if side is None:
        return None
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

    A convolution of the same shape, which starts at zero, gives each kernel point an offset and, if
    `modulated`, a mask through a sigmoid. So an untrained layer is half a plain convolution (apart
    from the bias), or a whole one if not `modulated`.

    Args:
        filters, kernel_size, strides, padding, dilation_rate, groups, activation, use_bias: as in
            `keras.layers.Conv2D`, and so are the other arguments; channels come last.
        modulated: learn a mask (Zhu et al. 2019, "v2"); False is "v1" of Dai et al. (2017).

    Input shape: (N, H, W, C). Output shape: (N, H', W', filters).

    Raises:
        ValueError: if an argument is out of its range.

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
        modulated: bool = True,
        **kwargs: object,
    ):
        super().__init__(
            filters,
            kernel_size,
            _pair("strides", strides),
            padding,
            dilation_rate=_pair("dilation_rate", dilation_rate),
            groups=groups,
            **{"data_format": "channels_last", **kwargs},
        )
        if self.data_format != "channels_last":
            raise ValueError(f"data_format: expected channels_last, got {self.data_format}")
        self.modulated = modulated
        points = self.kernel_size[0] * self.kernel_size[1]  # K
        self.offset_convolution = keras.layers.Conv2D(
            3 * points if modulated else 2 * points,
            self.kernel_size,
            self.strides,
            padding,
            data_format="channels_last",
            dilation_rate=self.dilation_rate,
            kernel_initializer="zeros",
            dtype=self.dtype_policy,
            name="offset",
        )

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.offset_convolution.build(input_shape)
        super().build(input_shape)

    def convolution_op(self, inputs: KerasTensor, kernel: KerasTensor) -> KerasTensor:
        """What Keras' convolutions do between their inputs and their bias."""
        offset, mask = self.offset_and_mask(inputs)
        return deform_conv2d(
            inputs,
            kernel,
            offset,
            mask,
            strides=self.strides,
            padding=self.padding,
            dilation_rate=self.dilation_rate,
        )

    def offset_and_mask(self, inputs: KerasTensor) -> tuple[KerasTensor, KerasTensor | None]:
        """Offset (N, H', W', 2 K) in pixels, and mask (N, H', W', K) or None."""
        moves = self.offset_convolution(inputs)
        if not self.modulated:
            return moves, None
        offset, mask = ops.split(moves, [2 * moves.shape[-1] // 3], axis=-1)
        return offset, ops.sigmoid(mask)

    def sampling_points(self, inputs: KerasTensor) -> KerasTensor:
        """Where the layer looks at (N, H, W, C): y and x in pixels, (N, H', W', K, 2)."""
        inputs = ops.convert_to_tensor(inputs, self.compute_dtype)
        offset, _ = self.offset_and_mask(inputs)
        grid = (self.kernel_size, self.strides, self.padding, self.dilation_rate)
        return ops.stack(_points(inputs, offset, *grid), axis=-1)

    def get_config(self) -> dict:
        return super().get_config() | {"modulated": self.modulated}
