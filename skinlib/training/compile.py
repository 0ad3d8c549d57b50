"""Compiling a network as this book trains it: Keras' `Model.compile`, without what costs time."""

from collections.abc import Sequence

import keras
import numpy as np

from skinlib.environment import gpus


def compile_model(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    loss: str | keras.losses.Loss = "categorical_crossentropy",
    metrics: Sequence[str] = (),
) -> None:
    """Compiles a network, and makes the variables of its optimizer and metrics.

    Made in the first batch, as Keras would, they let TensorFlow trace the training step twice,
    which takes as long as an epoch on the book's small data.

    Args:
        model: with one output (B, ...); its weights stay as they are.
        optimizer: of its trainable variables.
        loss: what Keras takes.
        metrics: names that Keras knows.
    """
    # XLA makes these networks slower where TensorFlow runs on the CPU.
    slow = keras.backend.backend() == "tensorflow" and not gpus()
    model.compile(optimizer, loss, metrics=list(metrics), jit_compile=False if slow else "auto")
    model.optimizer.build(model.trainable_variables)
    nothing = np.zeros((1, *model.output_shape[1:]), "float32")
    model.compute_metrics(None, nothing, nothing)
