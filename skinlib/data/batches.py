"""A data set's images, batch by batch."""

import keras
import numpy as np

from skinlib.data.dataset import CLASSES, Dataset


class Batches(keras.utils.PyDataset):
    """Images uint8 (B, H, W, 3) and one-hot labels float32 (B, 7), batch by batch.

    An epoch depends on `seed` and its number alone, so that a run can go on from any epoch.

    Args:
        dataset: where they come from; its images may stay on the disk.
        rows: indices of the images, int (N,).
        batch_size: images per batch; the last one may be smaller.
        seed: of the shuffling, anew each epoch; None keeps the order of `rows`.
        balanced: draws N images with replacement, each class equally likely.
        augment: flips and turns each image by quarters, at random.

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
        balanced: bool = False,
        augment: bool = False,
    ):
        super().__init__()
        if seed is None and (balanced or augment):
            raise ValueError("balanced and augment draw at random: expected a seed, got None")
        self.images, self.labels, self.rows = dataset.images, dataset.labels, np.asarray(rows)
        self.batch_size, self.seed = batch_size, seed
        self.balanced, self.augment = balanced, augment
        self.begin(0)

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rows = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        images = self.images[rows]  # (B, H, W, 3)
        if self.augment and self.seed is not None:  # it never is, then
            rng = np.random.default_rng([self.seed, self.epoch, index])
            turns = rng.integers(8, size=len(images))
            images = np.stack([_turned(*pair) for pair in zip(images, turns, strict=True)])
        return images, np.eye(len(CLASSES), dtype="float32")[self.labels[rows]]

    def on_epoch_end(self) -> None:
        self.begin(self.epoch + 1)

    def begin(self, epoch: int) -> None:
        """Draws the order of an epoch, by its number from 0."""
        self.epoch, self.order = epoch, self.rows
        if self.seed is None:
            return
        labels = self.labels[self.rows]
        weights = 1 / np.bincount(labels)[labels] if self.balanced else np.ones(len(labels))
        self.order = np.random.default_rng([self.seed, epoch]).choice(
            self.rows, len(labels), replace=self.balanced, p=weights / weights.sum()
        )


def _turned(image: np.ndarray, turn: int) -> np.ndarray:
    """One of the eight symmetries of the square (four, where the image is none).

    Args:
        image: (H, W, 3).
        turn: 0 to 7.
    """
    turned = np.rot90(image, turn % 4) if image.shape[0] == image.shape[1] else image
    return turned[:, ::-1] if turn >= 4 else turned
