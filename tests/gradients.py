"""Gradients on the backend at hand, for tests of layers and losses."""

import keras
import numpy as np
from keras import ops


def gradient(function, at):
    """d sum(function) / d at, on the backend at hand."""
    if keras.backend.backend() == "jax":
        import jax

        return np.asarray(jax.grad(lambda value: ops.sum(function(value)))(at))
    import tensorflow as tf

    at = tf.constant(at)
    with tf.GradientTape() as tape:
        tape.watch(at)
        total = ops.sum(function(at))
    return tape.gradient(total, at).numpy()
