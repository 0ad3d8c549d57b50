"""A data set's images, batch by batch."""

from typing import Literal

import keras
import numpy as np

from skinlib.data.augment import Augment, turned
from skinlib.data.dataset import CLASSES, Dataset

Sampling = Literal["natural", "balanced", "root"]
POWER = {"balanced": 1.0, "root": 0.5}
"""An image is drawn with the inverse of its class's frequency, to this power."""


class Batches(keras.utils.PyDataset):
    """Images (B, H, W, 3), 0 to 255, and labels float32 (B, 7), batch by batch.

    An epoch depends on `seed` and its number alone, so that a run can go on from any epoch.

    Args:
        dataset: where they come from; its images may stay on the disk.
        rows: indices of the images, int (N,).
        batch_size: images per batch; the last one may be smaller.
        seed: of the shuffling, anew each epoch; None keeps the order of `rows`.
        sampling: "natural" takes each row once an epoch; "balanced" draws N with replacement, each
            class equally often, "root" by the root of its frequency.
        augment: flips and turns each image by quarters, at random.
        jitter, mixup: of `skinlib.data.augment.Augment`.
        label_smoothing: share of each label that is spread over all classes.
        turn: of every image, see `skinlib.data.augment.turned`.

    Raises:
        ValueError: if something is to be drawn without a seed.
    """

    def __init__(
        self,
        dataset: Dataset,
        rows: np.ndarray,
        batch_size: int,
        *,
        seed: int | None = None,
        sampling: Sampling = "natural",
        augment: bool = False,
        jitter: float = 0.0,
        mixup: float = 0.0,
        label_smoothing: float = 0.0,
        turn: int = 0,
    ):
        # With one worker TensorFlow tunes how batches are loaded, and the end of each epoch waits
        # until the thread that does so wakes up: as long as an epoch, up to a minute.
        super().__init__(workers=2)
        if seed is None and (sampling != "natural" or augment or jitter or mixup):
            raise ValueError("what is drawn at random needs a seed, got None")
        self.images, self.labels, self.rows = dataset.images, dataset.labels, np.asarray(rows)
        self.batch_size, self.seed = batch_size, seed
        self.sampling, self.augment, self.turn = sampling, augment, turn
        self.change = Augment(jitter, mixup)
        self.targets = np.eye(len(CLASSES), dtype="float32")  # (7, 7), one row per class
        self.targets += label_smoothing * (1 / len(CLASSES) - self.targets)
        self.begin(0)

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rows = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        images = self.images[rows]  # (B, H, W, 3)
        labels = self.targets[self.labels[rows]]  # (B, 7)
        turns = np.full(len(rows), self.turn)
        if self.seed is not None:
            rng = np.random.default_rng([self.seed, self.epoch, index])
            if self.augment:
                turns = rng.integers(8, size=len(rows))
        if turns.any():
            images = np.stack([turned(*pair) for pair in zip(images, turns, strict=True)])
        if self.change.layers:
            images, labels = self.change(images, labels, int(rng.integers(2**31)))
        return images, labels

    def on_epoch_end(self) -> None:
        self.begin(self.epoch + 1)

    def begin(self, epoch: int) -> None:
        """Draws the order of an epoch, by its number from 0."""
        self.epoch, self.order = epoch, self.rows
        if self.seed is None:
            return
        labels = self.labels[self.rows]
        weights = np.bincount(labels)[labels] ** -POWER.get(self.sampling, 0.0)
        self.order = np.random.default_rng([self.seed, epoch]).choice(
            self.rows, len(labels), replace=self.sampling != "natural", p=weights / weights.sum()
        )
