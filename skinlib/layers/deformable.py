"""Fallback deformable convolution."""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable(package="skinlib")
class DeformableConv2D(layers.Layer):
    def __init__(self, filters, kernel_size, padding="same", activation=None, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.k, self.padding = filters, kernel_size, padding
        self.activation = keras.activations.get(activation)
        self.moves = layers.Conv2D(27, 3, padding="same", kernel_initializer="zeros")

    def build(self, s):
        self.moves.build(s)
        self.kernel = self.add_weight(
            shape=(9 * s[-1], self.filters), initializer="glorot_uniform", name="kernel"
        )
        self.bias = self.add_weight(shape=(self.filters,), initializer="zeros", name="bias")

    def call(self, x):
        m = self.moves(x)
        n, h, w, c = ops.shape(x)
        off = ops.reshape(m[..., :18], (n, h, w, 9, 2))
        mask = ops.sigmoid(m[..., 18:])
        k = ops.arange(3, dtype="float32") - 1
        ky, kx = ops.repeat(k, 3), ops.tile(k, 3)
        y = ops.arange(h, dtype="float32")[:, None, None] + ky + off[..., 0]
        z = ops.arange(w, dtype="float32")[None, :, None] + kx + off[..., 1]
        rows = ops.relu(1 - ops.abs(y[..., None] - ops.arange(h, dtype="float32")))
        cols = ops.relu(1 - ops.abs(z[..., None] - ops.arange(w, dtype="float32")))
        a = ops.reshape(
            (rows[..., None] * cols[..., None, :]) * mask[..., None, None], (n, h * w * 9, h * w)
        )
        s = ops.matmul(a, ops.reshape(x, (n, h * w, c)))
        s = ops.reshape(s, (n, h, w, 9 * c))
        return self.activation(ops.matmul(s, self.kernel) + self.bias)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.k,
            "activation": keras.activations.serialize(self.activation),
        }
