"""A data set: images, their table, and the lesions' outlines where they are known."""

import hashlib
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

CLASSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
"""The seven classes of HAM10000. A label is an index into it."""

CLASS_NAMES = {
    "akiec": "actinic keratosis",
    "bcc": "basal cell carcinoma",
    "bkl": "benign keratosis",
    "df": "dermatofibroma",
    "mel": "melanoma",
    "nv": "melanocytic nevus",
    "vasc": "vascular lesion",
}

IMAGES_PER_CLASS = (327, 514, 1099, 115, 1113, 6705, 142)
"""Of HAM10000, in the order of `CLASSES`."""

COLUMNS = {
    "image_id": str,
    "lesion_id": str,
    "dx": str,
    "age": float,
    "sex": str,
    "localization": str,
}
"""Columns of a table -> their types; ages in years. All but `image_id` and `dx` may be NaN."""


Resize = Literal["squash", "crop"]
"""How an image becomes a square: as a whole, its aspect changed, or its largest centred square."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images of skin lesions with their table.

    Attributes:
        name: "phantom", "ham10000" or "isic2018_test".
        images: uint8 (N, H, W, 3); memory-mapped, unless `take` made it.
        table: N rows with the columns `COLUMNS`; NaN where a value is unknown.
        fingerprint: what `fingerprint` says of the table and the images.
        resize: how the images came to their size ("squash", "crop" or "drawn").
        masks: uint8 (N, H, W), 1 on the lesion, 0 everywhere if its outline is not known; None if
            none is.
    """

    name: str
    images: np.ndarray
    table: pd.DataFrame
    fingerprint: str
    resize: str
    masks: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.images)

    @property
    def labels(self) -> np.ndarray:
        """Class indices, int64 (N,)."""
        return pd.Categorical(self.table["dx"], categories=CLASSES).codes.astype("int64")

    @property
    def lesions(self) -> np.ndarray:
        """The lesion of each image, str (N,); an unknown one is a lesion of its own."""
        return self.table["lesion_id"].fillna(self.table["image_id"]).to_numpy(dtype=str)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(H, W, 3)."""
        return self.images.shape[1:]

    @property
    def about(self) -> dict:
        """What a run says of it: name, fingerprint, resize and image_shape."""
        about = {name: getattr(self, name) for name in ("name", "fingerprint", "resize")}
        return about | {"image_shape": list(self.image_shape)}

    def take(self, rows: np.ndarray) -> "Dataset":
        """A data set of some of the images, held in memory.

        `rows`: indices, int (M,).
        """
        table, images = self.table.iloc[rows].reset_index(drop=True), self.images[rows]
        return replace(
            self,
            images=images,
            table=table,
            fingerprint=fingerprint(table, images),
            masks=None if self.masks is None else self.masks[rows],
        )


def fingerprint(table: pd.DataFrame, images: np.ndarray) -> str:
    """SHA-256 of ids, classes, lesions and pixels: copies of one set have one.

    Args:
        table: N rows with the columns image_id, dx and lesion_id.
        images: uint8 (N, H, W, 3).
    """
    digest = hashlib.sha256(str(images.shape).encode())
    digest.update(table[["image_id", "dx", "lesion_id"]].to_csv(index=False).encode())
    for image in images:
        digest.update(np.ascontiguousarray(image).data)
    return digest.hexdigest()
