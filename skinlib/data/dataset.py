"""A data set on disk: pictures in a memory-mapped file, with their table and masks."""

import hashlib
import json
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from skinlib.errors import DataError

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

COLUMNS = {
    "image_id": str,
    "lesion_id": str,
    "dx": str,
    "age": float,
    "sex": str,
    "localization": str,
}
"""Columns of a table -> their types; ages in years. All but the first and `dx` may be unknown."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images of skin lesions with their table.

    Two data sets are equal when they have the same name, the same images with the same classes
    and lesions (by fingerprint), came to their size in the same way, and know the same outlines.

    Attributes:
        name: "phantom", "ham10000" or "isic2018_test".
        images: uint8 (N, H, W, 3), memory-mapped.
        table: N rows with the columns `COLUMNS`; NaN where a value is unknown.
        fingerprint: what `fingerprint` says of the table and the images.
        resize: how the images came to their size ("squash", "crop" or "drawn").
        masks: uint8 (N, H, W), 1 on the lesion, or None where no outline is known.
        outlined: bool (N,), which images have a mask; the others' masks are 0. None as `masks`.
    """

    name: str
    images: np.ndarray
    table: pd.DataFrame
    fingerprint: str
    resize: str
    masks: np.ndarray | None = None
    outlined: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.images)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Dataset):
            return NotImplemented
        same = (self.about, len(self)) == (other.about, len(other))
        return same and all(
            mine is its or (mine is not None and its is not None and np.array_equal(mine, its))
            for mine, its in ((self.outlined, other.outlined), (self.masks, other.masks))
        )

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    @property
    def labels(self) -> np.ndarray:
        """Class indices, int64 (N,)."""
        return pd.Categorical(self.table["dx"], categories=CLASSES).codes.astype("int64")

    @property
    def lesions(self) -> np.ndarray:
        """The lesion of each image, str (N,); an image of unknown lesion is a lesion of its own."""
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

        Args:
            rows: indices, int (M,).
        """
        table, images = self.table.iloc[rows].reset_index(drop=True), self.images[rows]
        return replace(
            self,
            images=images,
            table=table,
            fingerprint=fingerprint(table, images),
            masks=None if self.masks is None else self.masks[rows],
            outlined=None if self.outlined is None else self.outlined[rows],
        )

    @classmethod
    def open(cls, folder: Path) -> "Dataset":
        """Maps a prepared folder into memory; reads the table, not the pictures."""
        about = json.loads((folder / "dataset.json").read_text())
        about["outlined"] = about["outlined"] and np.array(about["outlined"], bool)
        masks = folder / "masks.npy"
        return cls(
            images=np.load(folder / "images.npy", mmap_mode="r"),
            table=pd.read_csv(folder / "table.csv", dtype=COLUMNS),
            masks=np.load(masks, mmap_mode="r") if masks.exists() else None,
            **about,
        )


def fingerprint(table: pd.DataFrame, images: np.ndarray) -> str:
    """SHA-256 of ids, classes, lesions and pixels, in hexadecimal: copies of one set have one.

    Args:
        table: N rows with the columns image_id, dx and lesion_id.
        images: uint8 (N, H, W, 3).
    """
    digest = hashlib.sha256(str(images.shape).encode())
    digest.update(table[["image_id", "dx", "lesion_id"]].to_csv(index=False).encode())
    for image in images:
        digest.update(np.ascontiguousarray(image))
    return digest.hexdigest()


@contextmanager
def preparing(folder: Path) -> Iterator[Path]:
    """A temporary folder beside `folder` that takes its name only if the block ends well.

    A preparation that raises or is killed leaves nothing under the final name.

    Raises:
        DataError: if the folder above cannot be written to.
    """
    scratch = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}")
    try:
        scratch.mkdir(parents=True)
    except OSError as error:
        raise DataError(
            f"{folder.parent} cannot be written to: point SKINLIB_DATA at another folder ({error})"
        ) from error
    try:
        yield scratch
        try:
            scratch.rename(folder)
        except OSError:
            if not folder.exists():  # where it does, another process was faster
                raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def describe(
    folder: Path, table: pd.DataFrame, *, name: str, resize: str, outlined: np.ndarray | None
) -> None:
    """Writes `table.csv` and `dataset.json` into a folder that already holds `images.npy`."""
    table.to_csv(folder / "table.csv", index=False)
    images = np.load(folder / "images.npy", mmap_mode="r")
    about = {"name": name, "fingerprint": fingerprint(table, images), "resize": resize}
    about["outlined"] = None if outlined is None else outlined.tolist()
    (folder / "dataset.json").write_text(json.dumps(about, indent=2))
