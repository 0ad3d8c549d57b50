"""Attention over places: learnt maps of where to look.

Soft attention is eq. 2 of Cao et al. (2024), after Shaikh et al. (2020),
doi:10.1109/ICFHR2020.2020.00074. Attention residual learning is Zhang et al. (2019),
doi:10.1109/TMI.2019.2893944.
"""

import keras
from keras import KerasTensor, layers, ops


def spatial_softmax(x: KerasTensor) -> KerasTensor:
    """A softmax over places: (N, H, W, C) to (N, H, W, C), where each channel sums to 1.

    In float32 at least: in 16 bits the sum over some thousand places is lost.
    """
    x = ops.cast(x, keras.backend.result_type(x.dtype, "float32"))
    x = ops.exp(x - ops.stop_gradient(ops.max(x, axis=(1, 2), keepdims=True)))
    return x / ops.sum(x, axis=(1, 2), keepdims=True)


@keras.saving.register_keras_serializable(package="skinlib")
class SoftAttention(layers.Layer):
    """Scales features by a map of where to look, and adds them to themselves: eq. 2.

    A convolution makes K maps of the features t. Each goes through a softmax over all places, so
    that it sums to 1. Their sum is alpha (N, H, W), which sums to K. The output is t + gamma *
    alpha * t, with one learnable number gamma. Eq. 2 does not print the first t; section 2.3 of the
    paper asks for it.

    The convolution has no bias: it would cancel in a softmax over places.

    Args:
        maps: K, the number of maps.
        kernel_size: of the convolution, in pixels.
        gamma: where the learnable scale starts.
        **kwargs: what every Keras layer takes, such as `name` and `dtype`.

    Raises:
        ValueError: if there are no maps.

    Example:
        layer = SoftAttention(maps=16)
        outputs, alpha = layer(features), layer.alpha(features)
    """

    def __init__(
        self, maps: int = 128, kernel_size: int = 3, gamma: float = 0.01, **kwargs: object
    ):
        super().__init__(**kwargs)
        if maps < 1:
            raise ValueError(f"maps: expected 1 or more, got {maps}")
        self.maps = maps
        self.kernel_size = kernel_size
        self.initial_gamma = gamma
        self.convolution = layers.Conv2D(
            maps,
            kernel_size,
            padding="same",
            use_bias=False,
            data_format="channels_last",
            dtype=self.dtype_policy,
            name="maps",
        )

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.convolution.build(input_shape)
        start = keras.initializers.Constant(self.initial_gamma)
        self.gamma = self.add_weight(shape=(), initializer=start, name="gamma")

    def attention_maps(self, inputs: KerasTensor) -> KerasTensor:
        """A built layer's K maps, not yet summed: (N, H, W, C) to float32 (N, H, W, K)."""
        return spatial_softmax(self.convolution(inputs))

    def alpha(self, inputs: KerasTensor) -> KerasTensor:
        """The sum of a built layer's K maps: (N, H, W, C) to float32 (N, H, W)."""
        return ops.sum(self.attention_maps(inputs), axis=-1)

    def call(self, inputs: KerasTensor) -> KerasTensor:
        """t, (N, H, W, C), to features of that shape."""
        alpha = ops.expand_dims(ops.cast(self.alpha(inputs), inputs.dtype), -1)  # (N, H, W, 1)
        return inputs + self.gamma * alpha * inputs  # t + gamma alpha t, eq. 2

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return input_shape

    def get_config(self) -> dict:
        own = {"maps": self.maps, "kernel_size": self.kernel_size, "gamma": self.initial_gamma}
        return super().get_config() | own


@keras.saving.register_keras_serializable(package="skinlib")
class AttentionResidual(layers.Layer):
    """Joins a block's residual F and its input x: F + x + alpha * softmax(F) * x.

    The softmax runs over the H * W places of each channel. alpha is learnt, one per block; no other
    weights are added. Two tensors (N, H, W, C) of one shape give one.

    Args:
        alpha: where the learnt factor starts.
        **kwargs: what every Keras layer takes.

    Raises:
        ValueError: if the shapes of F and x differ.
    """

    def __init__(self, alpha: float = 0.001, **kwargs: object):
        super().__init__(**kwargs)
        self.start = alpha

    def build(self, input_shape: list[tuple[int | None, ...]]) -> None:
        self.compute_output_shape(input_shape)
        start = keras.initializers.Constant(self.start)
        self.alpha = self.add_weight(shape=(), initializer=start, name="alpha")

    def call(self, inputs: list[KerasTensor]) -> KerasTensor:
        """[F, x], each (N, H, W, C), to (N, H, W, C)."""
        residual, x = inputs
        self.compute_output_shape([residual.shape, x.shape])
        where = ops.cast(spatial_softmax(residual), x.dtype)  # (N, H, W, C)
        return residual + x + self.alpha * where * x

    def compute_output_shape(self, input_shape: list[tuple]) -> tuple:
        residual, x = (tuple(shape) for shape in input_shape)
        pairs = zip(residual, x, strict=False)
        if len(residual) != len(x) or any(a != b and None not in (a, b) for a, b in pairs):
            raise ValueError(f"inputs: expected F and x of one shape, got {residual} and {x}")
        return residual

    def get_config(self) -> dict:
        return super().get_config() | {"alpha": self.start}
