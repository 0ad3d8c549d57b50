"""How much of the test part the training part knows already."""

import imagehash
import numpy as np
import pandas as pd
from PIL import Image

from skinlib.data.dataset import Dataset
from skinlib.data.splits import Split

NEAR = 24
"""Two images are near-duplicates when their hashes differ in at most so many of 256 bits."""


def perceptual_hash(images: np.ndarray) -> np.ndarray:
    """256-bit hashes (`imagehash.phash`): near-duplicates differ in few bits.

    `images`: uint8 (N, H, W, 3).

    Returns:
        uint64 (N, 4).
    """
    bits = [imagehash.phash(Image.fromarray(image), hash_size=16).hash for image in images]
    packed = np.packbits(np.reshape(bits, (len(images), 256)), axis=1)  # (N, 256) -> (N, 32)
    return packed.view("uint64")


def leakage(dataset: Dataset, split: Split) -> pd.DataFrame:
    """The share of test images that the training part knows, per class and overall.

    Returns:
        One row per class and a row "all"; columns `images` (count in the test part), and
        `same_lesion` and `near_duplicate` (shares of them, 0 to 1; see `NEAR`).
    """
    lesions = dataset.lesions
    train, test = (perceptual_hash(dataset.images[rows]) for rows in (split.train, split.test))
    bits = np.array([np.bitwise_count(train ^ row).sum(1).min(initial=256) for row in test])
    found = pd.DataFrame(
        {
            "dx": dataset.table["dx"].to_numpy()[split.test],
            "same_lesion": np.isin(lesions[split.test], lesions[split.train]),
            "near_duplicate": bits <= NEAR,
        }
    )
    shares = found.groupby("dx").mean()
    shares.loc["all"] = found[["same_lesion", "near_duplicate"]].mean()
    shares.insert(0, "images", [*found.groupby("dx").size(), len(found)])
    return shares.rename_axis(None)
