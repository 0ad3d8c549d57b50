"""Soft attention: a learnt map of where to look.

Eq. 2 of Cao et al. (2024), after Shaikh et al. (2020), doi:10.1109/ICFHR2020.2020.00074.
"""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable(package="skinlib")
class SoftAttention(layers.Layer):
    """Scales features by a map of where to look, and adds them to themselves.

    A convolution makes K maps of the features t. Each goes through a softmax over all places, so
    that it sums to 1. Their sum is alpha (N, H, W), which sums to K. The output is
    t + gamma * alpha * t, with one learnable number gamma.

    The softmax is computed in float32, whatever the dtype policy says. The convolution has no
    bias: a softmax over places would not feel it.

    Args:
        maps: K, the number of maps.
        kernel_size: of the convolution, in pixels.
        gamma: where the learnable scale starts.
        residual: add t. Eq. 2 does not print it; section 2.3 of the paper asks for it.
        concat: put t in front of the result, which doubles the channels.
        **kwargs: what every Keras layer takes, such as `name` and `dtype`.

    Example:
        outputs, alpha = SoftAttention(maps=16)(features, return_alpha=True)
    """

    def __init__(
        self,
        maps: int = 128,
        kernel_size: int = 3,
        gamma: float = 0.01,
        residual: bool = True,
        concat: bool = False,
        **kwargs: object,
    ):
        super().__init__(**kwargs)
        if maps < 1:
            raise ValueError(f"maps is the number of attention maps, 1 or more, got {maps}")
        self.maps = maps
        self.kernel_size = kernel_size
        self.initial_gamma = gamma
        self.residual = residual
        self.concat = concat
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
        """Makes the weights: the convolution's kernel, and gamma."""
        self.convolution.build(input_shape)
        start = keras.initializers.Constant(self.initial_gamma)
        self.gamma = self.add_weight(shape=(), initializer=start, name="gamma")

    def attention_maps(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """The K maps before they are summed: (N, H, W, C) to float32 (N, H, W, K)."""
        scores = ops.cast(self.convolution(inputs), "float32")
        shape = ops.shape(scores)
        flat = ops.reshape(scores, (shape[0], -1, self.maps))
        return ops.reshape(ops.softmax(flat, axis=1), shape)

    def call(self, inputs: keras.KerasTensor, return_alpha: bool = False):
        """Attends.

        Args:
            inputs: features t, (N, H, W, C).
            return_alpha: return the map, too.

        Returns:
            Features (N, H, W, C), with 2 C channels if `concat`; or the pair of them and alpha,
            float32 (N, H, W).
        """
        alpha = ops.sum(self.attention_maps(inputs), axis=-1)
        outputs = self.gamma * ops.cast(alpha, inputs.dtype)[..., None] * inputs
        if self.residual:
            outputs = inputs + outputs
        if self.concat:
            outputs = ops.concatenate([inputs, outputs], axis=-1)
        return (outputs, alpha) if return_alpha else outputs

    def get_config(self) -> dict:
        """The arguments, for saving."""
        return {
            **super().get_config(),
            "maps": self.maps,
            "kernel_size": self.kernel_size,
            "gamma": self.initial_gamma,
            "residual": self.residual,
            "concat": self.concat,
        }
