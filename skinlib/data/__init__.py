"""Two data sets, and a test set, behind one door."""

from pathlib import Path

import numpy as np

from skinlib.data.dataset import CLASS_NAMES, CLASSES, Dataset, Resize
from skinlib.data.prepared import cache_folder
from skinlib.errors import DataError

__all__ = ["CLASSES", "CLASS_NAMES", "NAMES", "Dataset", "Resize", "cache_folder", "load"]

NAMES = ("phantom", "ham10000", "isic2018_test")
"""What `load` opens: the phantom, HAM10000, and the test set of ISIC 2018, task 3."""


def load(
    name: str,
    *,
    size: int,
    root: str | Path | None = None,
    count: int | None = None,
    seed: int = 0,
    resize: Resize = "squash",
) -> Dataset:
    """Opens a data set, preparing it first where this is its first use.

    Args:
        name: one of `NAMES`.
        size: height and width of the images, in pixels.
        root: folder of the archives; the phantom, which is drawn, needs none and ignores it.
        count: how many images: of the phantom, 1,000 if None; of the others, the first of a
            permutation, all if None.
        seed: of the phantom and of the permutation.
        resize: how an image becomes a square; the paper says 'cropped'. The phantom is drawn so.

    Raises:
        ValueError: if `name` is none of `NAMES`, or `size` or `count` is out of range.
        DataError: if `root` is missing or does not hold the data set, or the cache cannot be
            written to.
    """
    if name not in NAMES:
        raise ValueError(f"name: expected one of {', '.join(NAMES)}, got {name!r}")
    if size < 1 or (count is not None and count < 1):
        raise ValueError(f"size and count: expected 1 or more, got {size} and {count}")
    if name == "phantom":
        from skinlib.data import phantom

        return phantom.prepare(1000 if count is None else count, size, seed)
    if root is None or not str(root):
        raise DataError(f"{name} is read from its archives: name their folder (root)")
    from skinlib.data import ham10000

    dataset = ham10000.prepare(
        root, size, resize, part="training" if name == "ham10000" else "test"
    )
    if count is None or count >= len(dataset):
        return dataset
    return dataset.take(np.random.default_rng(seed).permutation(len(dataset))[:count])
