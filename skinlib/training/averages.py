"""The averages of batch normalisation, made anew when training has ended."""

import keras
import numpy as np

from skinlib.data.batches import Batches
from skinlib.data.dataset import Dataset

BATCHES, MOMENTUM = 60, 0.9
"""So many batches, of which each renews a tenth, leave 0.002 of what was there."""


def renew_averages(
    model: keras.Model, dataset: Dataset, rows: np.ndarray, batch_size: int = 32
) -> None:
    """Brings the running averages of batch normalisation to where the weights are.

    In training Keras renews a hundredth of them per batch, and the weights move on, so that they
    lag. Here the weights rest. A network without batch normalisation stays as it is.

    Args:
        model: a trained network; its averages change.
        dataset: with the training images.
        rows: of the training images, (N,), of which `BATCHES` batches are drawn; where there are
            fewer, they come again.
        batch_size: as in training.
    """
    layers = [of for of in model.layers if isinstance(of, keras.layers.BatchNormalization)]
    usual = [layer.momentum for layer in layers]
    drawn = np.random.default_rng(0).permutation(rows)[: BATCHES * batch_size]
    batches = Batches(dataset, drawn, batch_size)
    for layer in layers:
        layer.momentum = MOMENTUM
    for number in range(BATCHES if layers else 0):
        model(batches[number % len(batches)][0], training=True)
    for layer, momentum in zip(layers, usual, strict=True):
        layer.momentum = momentum
