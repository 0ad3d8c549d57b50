"""From the bytes of image files to arrays of one size, on all cores."""

import io
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from joblib import Parallel, delayed
from PIL import Image

from skinlib.data.archives import DAMAGED_ZIP, File, Reader, is_of_the_machine
from skinlib.errors import DataError, in_words

BOMB = (Image.DecompressionBombError, Image.DecompressionBombWarning)
UNREADABLE = (OSError, RuntimeError, SyntaxError, *DAMAGED_ZIP, *BOMB)


def to_square(image: Image.Image, size: int, resize: str) -> Image.Image:
    """The whole image ("squash") or its largest centred square ("crop"), bilinear."""
    if resize == "crop":
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        image = image.crop((left, top, left + side, top + side))
    return image.resize((size, size), Image.Resampling.BILINEAR)


def read_jpeg(data: bytes, size: int, resize: str) -> np.ndarray:
    """A JPEG file as uint8 (size, size, 3); no other decoder starts."""
    with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
        return np.asarray(to_square(image.convert("RGB"), size, resize))


def read_mask(data: bytes, size: int, resize: str) -> np.ndarray:
    """A PNG file as uint8 (size, size), 1 where it is brighter than half its maximum.

    Raises:
        ValueError: if the mask is empty.
    """
    with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
        grey = np.asarray(image.convert("L"))
    if not grey.any():
        raise ValueError("it is empty")
    inside = Image.fromarray((grey > grey.max() / 2).astype("uint8") * 255)
    return (np.asarray(to_square(inside, size, resize)) > 127).astype("uint8")


def decode(reader: Reader, file: File, read: Callable[[bytes], np.ndarray]) -> np.ndarray | str:
    """What `read` makes of a file's bytes, or the reason why it cannot.

    Raises:
        DataError: if the machine is at fault.
    """
    try:
        return read(reader.read(file))
    except UNREADABLE as error:
        if is_of_the_machine(error):
            raise DataError(
                f"{file} cannot be read ({in_words(error)}): mend that and try again"
            ) from error
        return in_words(error)
    except MemoryError as error:
        raise DataError(f"memory does not hold {file}: close other programs") from error


def decode_all(
    reader: Reader, files: Iterable[File], read: Callable[[bytes], np.ndarray]
) -> Iterator[np.ndarray | str]:
    """`decode` of each file, in their order, on all cores."""
    jobs = Parallel(-1, prefer="threads", return_as="generator")
    return jobs(delayed(decode)(reader, file, read) for file in files)
