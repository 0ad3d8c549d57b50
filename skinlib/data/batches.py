"""A data set's pictures, batch by batch."""

import time

import keras
import numpy as np

from skinlib.data.dataset import CLASSES, Dataset


class Batches(keras.utils.PyDataset):
    """Pictures (uint8) and one-hot labels, read batch by batch from the memory-mapped file.

    An epoch depends on `seed` and its number alone, so that a run can go on from any epoch.

    Args:
        dataset: where they come from.
        rows: indices of the pictures.
        batch_size: pictures a batch; the last one may be smaller.
        seed: of the shuffling, anew each epoch; None keeps the order of `rows`.
        balanced: draws as many pictures as `rows` has, each class equally likely.
        augment: flips and turns each picture by quarters, at random.
        multiple: leaves out the last few pictures of an epoch where their number is no multiple
            of this; several devices share each batch.

    Raises:
        ValueError: if something is to be drawn without a seed.

    Attributes:
        seconds: spent so far on making batches.
    """

    def __init__(
        self,
        dataset: Dataset,
        rows: np.ndarray,
        batch_size: int,
        *,
        seed: int | None = None,
        balanced: bool = False,
        augment: bool = False,
        multiple: int = 1,
    ):
        super().__init__()
        if seed is None and (balanced or augment):
            raise ValueError("balanced and augment draw at random: expected a seed, got None")
        self.images, self.labels, self.rows = dataset.images, dataset.labels, rows
        self.batch_size, self.seed = batch_size, seed
        self.balanced, self.augment = balanced, augment
        self.count = len(rows) - len(rows) % multiple
        self.seconds = 0.0
        self.begin(0)

    def __len__(self) -> int:
        return -(-self.count // self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        start = time.perf_counter()
        rows = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        images = self.images[rows]
        if self.augment:
            random = np.random.default_rng([self.seed, self.epoch, index])
            turns = random.integers(8, size=len(images))
            images = np.stack([_turned(*pair) for pair in zip(images, turns, strict=True)])
        one_hot = np.eye(len(CLASSES), dtype="float32")[self.labels[rows]]
        self.seconds += time.perf_counter() - start
        return images, one_hot

    def on_epoch_end(self) -> None:
        self.begin(self.epoch + 1)

    def begin(self, epoch: int) -> None:
        """Draws the order of an epoch, by its number from 0."""
        self.epoch, self.order = epoch, self.rows
        if self.seed is not None:
            labels = self.labels[self.rows]
            share = 1 / np.bincount(labels)[labels] if self.balanced else np.ones(len(labels))
            self.order = np.random.default_rng([self.seed, epoch]).choice(
                self.rows, len(labels), replace=self.balanced, p=share / share.sum()
            )
        self.order = self.order[: self.count]


def _turned(image: np.ndarray, turn: int) -> np.ndarray:
    """One of the eight symmetries of the square (four, where the picture is none)."""
    turned = np.rot90(image, turn % 4) if image.shape[0] == image.shape[1] else image
    return turned[:, ::-1] if turn >= 4 else turned
