"""HAM10000 as people have it: zip files unopened, unpacked folders, or ISIC 2018's layout.

Data: Tschandl, Rosendahl & Kittler, Sci. Data 5, 180161 (2018), doi:10.7910/DVN/DBW86T.
"""

import hashlib
import io
import os
import re
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from PIL import Image
from tqdm import tqdm

from skinlib.data.archives import (
    DAMAGED_ZIP,
    File,
    Listing,
    Reader,
    in_a_line,
    is_of_the_machine,
    list_files,
    some,
)
from skinlib.data.dataset import Dataset
from skinlib.data.metadata import IMAGE_ID, PARTS, SUFFIXES, Part, read_metadata
from skinlib.data.prepared import (
    DataWarning,
    cache_folder,
    discard,
    open_prepared,
    preparing,
    require_space,
    seal,
    write_array,
)
from skinlib.errors import DataError

VERSION = 3  # of the preparation: what an earlier version prepared is not used
JPEG = (".jpg", ".jpeg")
MASK = "_segmentation"
UNREADABLE = (OSError, RuntimeError, SyntaxError, *DAMAGED_ZIP)
UNREADABLE += (Image.DecompressionBombError, Image.DecompressionBombWarning)


def prepare(
    root: str | Path,
    size: int = 224,
    resize: Literal["squash", "crop"] = "squash",
    *,
    part: Literal["training", "test"] = "training",
    strict: bool = False,
    progress: bool = True,
) -> Dataset:
    """Opens HAM10000 at one size; the first time, decodes it into a memory-mapped file.

    Looks in `root` and up to six folders below it, in any letter case and in every zip file, for
    the table (`HAM10000_metadata`, or `ISIC2018_Task3_Training_GroundTruth` with
    `ISIC2018_Task3_Training_LesionGroupings`), for JPEG files named by image id, and for the
    lesions' masks (PNG files such as ISIC_0024306_segmentation.png). Nothing is unpacked. Rows
    are sorted by image id, so every layout gives the same data set.

    Reported with their count (`DataWarning`) and left out, or refused if `strict`: rows of a
    class or with an image id that HAM10000 has not, repeated rows, rows whose image is missing
    or cannot be decoded; the last are tried again each time, so that mended archives are seen.
    Reported alike, and kept: another number of rows, of images per class or of lesions than
    published, images of unknown lesion, two unequal files of one image (the first by path is
    taken), two unequal tables. Always refused: one id with two classes or lesions, a damaged
    zip file, a folder without the data, and what is the machine's fault, such as a full disk.

    Args:
        root: folder of the archives.
        size: height and width in pixels.
        resize: "squash" scales the whole image (its aspect changes), "crop" its largest centred
            square; both bilinear. The paper says 'cropped'.
        part: "training" is HAM10000; "test" is the test set of ISIC 2018 task 3, a data set of
            its own ("isic2018_test"), whose lesions may be unknown.
        strict: refuse what is otherwise reported.
        progress: show a bar while decoding.

    Raises:
        DataError: in one sentence, what was expected, what was found, and the way out.
    """
    if resize not in ("squash", "crop") or size < 1 or part not in PARTS:
        raise ValueError(
            'expected resize "squash" or "crop", a size above 0 and part "training" or "test", '
            f"got {resize!r}, {size!r} and {part!r}"
        )
    root, about = Path(root).expanduser(), PARTS[part]
    with _naming(root):
        listing = list_files(root)
    folder = cache_folder() / f"{about.name}-{size}-{resize}-{_key(about, listing)}"
    prepared = open_prepared(folder)
    if prepared and _is_mended(prepared[1]["left_out"], listing, size, resize):
        discard(folder)
        prepared = None
    if prepared is None:
        with preparing(folder) as scratch:
            _prepare(root, about, listing, size, resize, scratch, strict, progress)
        prepared = open_prepared(folder, fresh=True)
    dataset, known = prepared
    _report(root, known["problems"], strict)
    return dataset


def to_square(image: Image.Image, size: int, resize: str) -> Image.Image:
    """The whole image ("squash") or its largest centred square ("crop"), bilinear."""
    if resize == "crop":
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        image = image.crop((left, top, left + side, top + side))
    return image.resize((size, size), Image.Resampling.BILINEAR)


def _key(about: Part, listing: Listing) -> str:
    """What changes when a file that belongs to the data is another one."""
    names = {name.lower() for name in (*about.tables, about.groupings)}
    ours = []
    for file in listing.files:
        is_table = file.suffix in SUFFIXES and file.stem in names
        is_nested = file.member is not None and file.suffix == ".zip"
        if is_table or is_nested or re.match(IMAGE_ID, file.name, re.IGNORECASE):
            ours.append((file.name, file.size, file.stamp))
    ours.sort()
    return hashlib.sha256(repr((VERSION, ours)).encode()).hexdigest()[:16]


def _by_id(listing: Listing) -> tuple[dict[str, File], dict[str, File], list[str]]:
    """Image id -> its first file, image id -> its mask, and the ids whose files differ.

    Tschandl's masks, which cover all images, come before others.
    """
    images, masks, unequal = {}, {}, []
    for file in listing.files:
        if file.suffix in JPEG and re.fullmatch(IMAGE_ID, name := file.stem.upper()):
            first = images.setdefault(name, file)
            both = bool(first.member) and bool(file.member)
            if first.size != file.size or (both and first.stamp != file.stamp):
                unequal.append(name)
        elif file.suffix == ".png" and file.stem.endswith(MASK):
            name = file.stem.removesuffix(MASK).upper()
            if name not in masks or (
                "tschandl" in file.place.lower() and "tschandl" not in masks[name].place.lower()
            ):
                masks[name] = file
    return images, masks, unequal


def _prepare(
    root: Path,
    about: Part,
    listing: Listing,
    size: int,
    resize: str,
    scratch: Path,
    strict: bool,
    progress: bool,
) -> None:
    """Decodes a data set into a scratch folder."""
    with (
        tempfile.TemporaryDirectory(dir=scratch) as unfolded,
        closing(Reader(Path(unfolded))) as reader,
    ):
        with _naming(root):
            listing = reader.unfold(listing)
            table, problems = read_metadata(about, listing, reader)
            images, masks, unequal = _by_id(listing)
            table, more = _with_images(about, table, listing, images, unequal, problems)
        problems += more
        if strict:
            _report(root, problems, strict)

        ids = table["image_id"].to_numpy()
        masks = {name: masks[name] for name in ids if name in masks}
        require_space(scratch.parent, len(ids) * size * size * (4 if masks else 3))
        files, left_out = [images[name] for name in ids], {}
        with tqdm(desc=about.name, total=len(files), unit="image", disable=not progress) as bar:
            decoded = _decoded(reader, files, size, resize, _pixels, bar)
            rows = _whole(ids, decoded, left_out)
            write_array(scratch / "images.npy", rows, (len(ids), size, size, 3))
        if len(left_out) == len(ids):
            raise DataError(
                f"{root}: none of {len(ids):,} images can be decoded "
                f"({some(f'{files[i]}: {r}' for i, r in enumerate(left_out.values()))}): fetch "
                "the archives again"
            )
        if left_out:
            problems.append(
                f"left out {len(left_out):,} images that cannot be decoded "
                f"({some(f'{images[k]}: {v}' for k, v in left_out.items())}): fetch the archives "
                "again"
            )
        table = table[~table["image_id"].isin(left_out.keys())].reset_index(drop=True)
        if masks:
            ids = table["image_id"].to_numpy()
            problems += _write_masks(scratch, ids, masks, reader, size, resize, left_out)
    if strict:
        _report(root, problems, strict)
    known = {"problems": problems, "left_out": left_out}
    seal(scratch, table, name=about.name, resize=resize, about=known)


def _with_images(
    about: Part,
    table: pd.DataFrame,
    listing: Listing,
    images: dict[str, File],
    unequal: list[str],
    problems: list[str],
) -> tuple[pd.DataFrame, list[str]]:
    """The rows that have an image, and what is wrong with the others."""
    has, more = table["image_id"].isin(images.keys()), []
    if not has.any():
        said = "".join(f"{problem}; " for problem in problems)
        raise DataError(
            f"{said}none of the {len(table):,} images is there: add {about.images} with JPEG files "
            f"such as {table['image_id'][0]}.jpg; {listing}"
        )
    if wrong := set(unequal) & set(table["image_id"]):
        more.append(
            f"there are unequal files of {len(wrong):,} images ({some(sorted(wrong))}): keep one "
            "copy of the archives"
        )
    if not has.all():
        missing = table.loc[~has, "image_id"]
        if any(map(is_of_the_machine, listing.unread.values())):
            raise DataError(
                f"{len(missing):,} images are missing ({some(missing)}); {listing}: make that "
                "readable, or move it away"
            )
        more.append(
            f"left out {len(missing):,} rows without an image ({some(missing)}): complete "
            f"{about.images}"
        )
    return table[has].reset_index(drop=True), more


def _write_masks(
    scratch: Path,
    ids: np.ndarray,
    masks: dict[str, File],
    reader: Reader,
    size: int,
    resize: str,
    left_out: dict[str, str],
) -> list[str]:
    """Writes masks.npy and outlined.npy; returns what is wrong with the masks."""
    wrong: dict[str, str] = {}
    outlined = np.zeros(len(ids), bool)
    files = [masks[name] for name in ids if name in masks]
    decoded = _decoded(reader, files, size, resize, _mask)

    def rows() -> Iterator[np.ndarray]:
        for i, name in enumerate(ids):
            mask = next(decoded) if name in masks else None
            outlined[i] = isinstance(mask, np.ndarray)
            if isinstance(mask, Exception):
                wrong[name] = in_a_line(mask)
            yield mask if outlined[i] else np.zeros((size, size), "uint8")

    write_array(scratch / "masks.npy", rows(), (len(ids), size, size))
    np.save(scratch / "outlined.npy", outlined)
    left_out |= {f"{name}{MASK}": reason for name, reason in wrong.items()}
    if not wrong:
        return []
    said = some(f"{masks[name]}: {reason}" for name, reason in wrong.items())
    return [f"left out {len(wrong):,} masks that cannot be used ({said}): fetch them again"]


def _is_mended(left_out: dict[str, str], listing: Listing, size: int, resize: str) -> bool:
    """Whether an image or a mask that was left out can be decoded now."""
    if not left_out:
        return False
    images, masks, _ = _by_id(listing)
    with closing(Reader()) as reader:
        for name in left_out:
            file = masks.get(name.removesuffix(MASK)) if name.endswith(MASK) else images.get(name)
            read = _mask if name.endswith(MASK) else _pixels
            if file and isinstance(_decode(reader, file, size, resize, read), np.ndarray):
                return True
    return False


@contextmanager
def _naming(root: Path) -> Iterator[None]:
    """Puts the folder's name before errors that lack it."""
    try:
        yield
    except DataError as error:
        raise DataError(str(error) if str(root) in str(error) else f"{root}: {error}") from None


def _report(root: Path, problems: list[str], strict: bool) -> None:
    if problems and strict:
        raise DataError(f"{root}: {'; '.join(problems)}")
    for problem in problems:
        warnings.warn(f"{root}: {problem}", DataWarning, stacklevel=3)


def _whole(
    ids: np.ndarray, decoded: Iterator[np.ndarray | Exception], left_out: dict[str, str]
) -> Iterator[np.ndarray]:
    """What was decoded; the reason why another was not goes to `left_out`."""
    for name, pixels in zip(ids, decoded, strict=True):
        if isinstance(pixels, np.ndarray):
            yield pixels
        else:
            left_out[name] = in_a_line(pixels)


def _decoded(
    reader: Reader,
    files: list[File],
    size: int,
    resize: str,
    read: Callable[[bytes, int, str], np.ndarray],
    bar: tqdm | None = None,
) -> Iterator[np.ndarray | Exception]:
    """What `_decode` makes of the files, in their order, on all cores."""
    jobs = Parallel(min(os.cpu_count() or 1, 16), prefer="threads", return_as="generator")
    for pixels in jobs(delayed(_decode)(reader, file, size, resize, read) for file in files):
        if bar is not None:
            bar.update()
        yield pixels


def _decode(
    reader: Reader, file: File, size: int, resize: str, read: Callable
) -> np.ndarray | Exception:
    """What `read` makes of a file, or why it cannot.

    Raises:
        DataError: if the machine is at fault.
    """
    try:
        return read(reader.read(file), size, resize)
    except UNREADABLE as error:
        if is_of_the_machine(error):
            raise DataError(
                f"{file} cannot be read ({in_a_line(error)}): mend that and try again"
            ) from error
        return error
    except MemoryError as error:
        raise DataError(f"memory does not hold {file}: close other programs") from error


def _pixels(data: bytes, size: int, resize: str) -> np.ndarray:
    """A JPEG file as uint8 (size, size, 3)."""
    with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
        return np.asarray(to_square(image.convert("RGB"), size, resize))


def _mask(data: bytes, size: int, resize: str) -> np.ndarray:
    """A PNG file as uint8 (size, size), 1 where it is brighter than half its maximum."""
    with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
        grey = np.asarray(image.convert("L"))
    if not grey.any():
        raise ValueError("it is empty")
    inside = Image.fromarray((grey > grey.max() / 2).astype("uint8") * 255)
    return (np.asarray(to_square(inside, size, resize)) > 127).astype("uint8")
