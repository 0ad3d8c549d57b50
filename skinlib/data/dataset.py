"""A data set on disk: pictures in a memory-mapped file, with their table and masks."""

import json
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from skinlib.data.archives import DataError

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

COLUMNS = ("image_id", "lesion_id", "dx", "age", "sex", "localization")


@dataclass(frozen=True)
class Dataset:
    """Pictures of skin lesions with their table.

    Attributes:
        name: "phantom", "ham10000" or "isic2018_test".
        images: uint8 (N, H, W, 3), memory-mapped.
        table: N rows with the columns `COLUMNS`; `lesion_id` may be missing (NaN) where unknown.
        fingerprint: hexadecimal digest of what the pictures were made from.
        resize: how the pictures came to their size ("squash", "crop" or "drawn").
        masks: uint8 (N, H, W), 1 on the lesion, or None where the truth is unknown.
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
    def image_shape(self) -> tuple[int, int, int]:
        """(H, W, 3)."""
        return self.images.shape[1:]

    @property
    def about(self) -> dict:
        """What a record says of it."""
        about = {name: getattr(self, name) for name in ("name", "fingerprint", "resize")}
        return about | {"image_shape": list(self.image_shape)}

    @classmethod
    def open(cls, folder: Path) -> "Dataset":
        """Maps a prepared folder into memory; reads the table, not the pictures."""
        about = json.loads((folder / "dataset.json").read_text())
        masks = folder / "masks.npy"
        return cls(
            images=np.load(folder / "images.npy", mmap_mode="r"),
            table=pd.read_csv(folder / "table.csv", dtype={"image_id": str, "lesion_id": str}),
            masks=np.load(masks, mmap_mode="r") if masks.exists() else None,
            **about,
        )


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
    folder: Path, table: pd.DataFrame, *, name: str, fingerprint: str, resize: str
) -> None:
    """Writes `table.csv` and `dataset.json` into a folder that already holds `images.npy`."""
    table.to_csv(folder / "table.csv", index=False)
    about = {"name": name, "fingerprint": fingerprint, "resize": resize}
    (folder / "dataset.json").write_text(json.dumps(about, indent=2))
