"""Lesion masks of HAM10000 from another source than its archives."""

import zipfile
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from skinlib.errors import DataError

SUFFIX = "_segmentation.png"
NAMES = ("*segmentations_lesion*", "*lesion_masks*")


def find_masks(root: Path) -> Path | None:
    """The masks that lie beside the archives in a folder, if any do."""
    found = (path for name in NAMES for path in sorted(Path(root).glob(name)))
    return next(found, None)


def read_masks(path: Path, image_ids: Iterable[str], size: int) -> tuple[np.ndarray, np.ndarray]:
    """Reads ISIC_xxxxxxx_segmentation.png files, as in HAM10000_segmentations_lesion_tschandl.

    Args:
        path: a zip file, or a folder; the files may lie in folders below it.
        image_ids: of N pictures.
        size: height and width to bring the masks to, in pixels.

    Returns:
        uint8 (M, size, size), 1 on the lesion, of the M pictures that have a mask; and which
        they are, bool (N,).

    Raises:
        DataError: if there is no such file, no mask of these pictures in it, or a damaged one.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        files = {file.name: file.read_bytes for file in path.rglob(f"*{SUFFIX}")}
        return _read(path, files, image_ids, size)
    try:
        with zipfile.ZipFile(path) as archive:
            files = {
                Path(name).name: lambda name=name: archive.read(name)
                for name in archive.namelist()
                if name.endswith(SUFFIX)
            }
            return _read(path, files, image_ids, size)
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} is no folder and no zip file of masks: {error}") from error


def _read(path, files, image_ids, size):
    wanted = [f"{name}{SUFFIX}" for name in image_ids]
    found = np.array([name in files for name in wanted])
    if not found.any():
        raise DataError(f"{path} has no mask of these pictures, expected names like {wanted[0]}")
    masks = []
    for name in np.array(wanted)[found]:
        try:
            image = Image.open(BytesIO(files[name]())).convert("L").resize((size, size))
        except (UnidentifiedImageError, OSError, zipfile.BadZipFile) as error:
            raise DataError(f"{name} in {path} cannot be read: {error}") from error
        masks.append(np.asarray(image) > 127)
    return np.array(masks, "uint8"), found
