"""HAM10000 as people have it: zip files, unpacked folders, or ISIC 2018's layout.

Data: Tschandl, Rosendahl & Kittler, Sci. Data 5, 180161 (2018), doi:10.7910/DVN/DBW86T.
"""

import hashlib
import re
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from tqdm import tqdm

from skinlib.data.archives import File, Listing, Reader, is_of_the_machine, list_files, some
from skinlib.data.dataset import Dataset, Resize
from skinlib.data.decode import decode, decode_all, read_jpeg, read_mask
from skinlib.data.metadata import IMAGE_ID, PARTS, SUFFIXES, Part, read_metadata
from skinlib.data.prepared import (
    DataWarning,
    cache_folder,
    open_or_make,
    require_space,
    seal,
    write_array,
)
from skinlib.errors import DataError

VERSION = 4  # of the preparation: what an earlier version prepared is not used
JPEG = (".jpg", ".jpeg")
MASK = "_segmentation"


def prepare(
    root: str | Path,
    size: int = 224,
    resize: Resize = "squash",
    *,
    part: Literal["training", "test"] = "training",
    strict: bool = False,
) -> Dataset:
    """Opens HAM10000 at one size; the first time, decodes it into a memory-mapped file.

    Looks in `root` and up to six folders below it, in any letter case and in every zip file, for
    the table (`HAM10000_metadata`, or `ISIC2018_Task3_Training_GroundTruth` with
    `ISIC2018_Task3_Training_LesionGroupings`), for JPEG files named by image id, and for the
    lesions' masks (PNG files such as ISIC_0024306_segmentation.png). Nothing is unpacked. Rows are
    sorted by image id, so every layout gives the same data set.

    Reported with their count (`DataWarning`) and left out, or refused if `strict`: rows of a class
    or with an image id that HAM10000 has not, repeated rows, rows whose image is missing or cannot
    be decoded; the last are tried again each time, so that mended archives are seen.

    Reported alike, and kept: another number of rows, of images per class or of lesions than
    published, images of unknown lesion, two files of one image that differ in size or, in
    archives, in their checksum (the first by path is taken), two unequal tables. Always refused:
    one id with two classes or lesions, a damaged zip file, a folder without the data, and what is
    the machine's fault, such as a full disk.

    Args:
        root: folder of the archives.
        size: height and width in pixels.
        resize: "squash" scales the whole image (its aspect changes), "crop" its largest centred
            square; both bilinear. The paper says 'cropped'.
        part: "training" is HAM10000; "test" is the test set of ISIC 2018 task 3, a data set of its
            own ("isic2018_test"), whose lesions may be unknown.
        strict: refuse what is otherwise reported.

    Raises:
        DataError: in one sentence, what was expected, what was found, and the way out.
    """
    if resize not in ("squash", "crop") or size < 1 or part not in PARTS:
        raise ValueError(
            'expected resize "squash" or "crop", a size above 0 and part "training" or '
            f'"test", got {resize!r}, {size!r} and {part!r}'
        )
    root, published = Path(root).expanduser().absolute(), PARTS[part]
    try:
        listing = list_files(root)
        folder = cache_folder() / f"{published.name}-{size}-{resize}-{_key(published, listing)}"
        dataset, known = open_or_make(
            folder,
            lambda scratch: _prepare(scratch, published, listing, size, resize, strict),
            lambda known: _is_mended(known["left_out"], listing, size, resize),
        )
        _refuse(known["problems"], strict)
    except DataError as error:
        if Path(str(error).split()[0]).is_absolute():  # it names a path already
            raise
        raise DataError(f"{root}: {error}") from None
    for problem in known["problems"]:
        warnings.warn(f"{root}: {problem}", DataWarning, stacklevel=2)
    return dataset


def _key(part: Part, listing: Listing) -> str:
    """What changes when a file that belongs to the data is another one."""
    names = {name.lower() for name in (*part.tables, part.groupings)}
    ours = []
    for file in listing.files:
        is_table = file.suffix in SUFFIXES and file.stem in names
        is_nested = file.member is not None and file.suffix == ".zip"
        if is_table or is_nested:  # they are not tried again, as images are
            ours.append((file.name, file.size, file.path.stat().st_mtime_ns))
        elif re.match(IMAGE_ID, file.name, re.IGNORECASE):
            ours.append((file.name, file.size, file.stamp))
    ours.sort()
    return hashlib.sha256(repr((VERSION, ours)).encode()).hexdigest()[:16]


def _by_id(listing: Listing) -> tuple[dict[str, File], dict[str, File], set[str]]:
    """Image id -> first file, image id -> mask, and the ids that have unequal files.

    Tschandl's masks, which cover all images, come before others.
    """
    images: dict[str, File] = {}
    masks: dict[str, File] = {}
    unequal = set()
    for file in listing.files:
        if file.suffix in JPEG and re.fullmatch(IMAGE_ID, name := file.stem.upper()):
            first = images.setdefault(name, file)
            if first.size != file.size or (
                first.member and file.member and first.stamp != file.stamp
            ):
                unequal.add(name)
        elif file.suffix == ".png" and file.stem.endswith(MASK):
            name = file.stem.removesuffix(MASK).upper()
            if name not in masks or "tschandl" in file.place.lower():
                masks[name] = file
    return images, masks, unequal


def _match(
    part: Part, table: pd.DataFrame, listing: Listing, problems: list[str]
) -> tuple[pd.DataFrame, dict[str, File], dict[str, File]]:
    """The rows that have an image, image id -> its file, and image id -> its mask."""
    images, masks, unequal = _by_id(listing)
    ids = table["image_id"]
    missing = ids[~ids.isin(images.keys())]
    if len(missing) == len(ids):
        raise DataError(
            f"{''.join(f'{problem}; ' for problem in problems)}none of the "
            f"{len(ids):,} images is there: add {part.images} with JPEG files "
            f"such as {ids[0]}.jpg; {listing}"
        )
    if len(missing) and any(map(is_of_the_machine, listing.unread.values())):
        raise DataError(
            f"{len(missing):,} images are missing "
            f"({some(missing)}){listing.not_opened}: make that readable, or move "
            "it away"
        )
    table = table[ids.isin(images.keys())].reset_index(drop=True)
    if wrong := sorted(unequal & set(table["image_id"])):
        problems.append(
            f"there are unequal files of {len(wrong):,} images ({some(wrong)}): "
            "keep one copy of the archives"
        )
    if len(missing):
        problems.append(
            f"left out {len(missing):,} rows without an image ({some(missing)}): "
            f"complete {part.images}{listing.not_opened}"
        )
    files, outlines = ({k: d[k] for k in table["image_id"] if k in d} for d in (images, masks))
    return table, files, outlines


def _prepare(
    scratch: Path, part: Part, listing: Listing, size: int, resize: str, strict: bool
) -> None:
    """Reads, decodes and writes a part of the data into a scratch folder."""
    left_out: dict[str, str] = {}
    with (
        tempfile.TemporaryDirectory(dir=scratch) as unfolded,
        closing(Reader(Path(unfolded))) as reader,
    ):
        listing = reader.unfold(listing)
        table, problems = read_metadata(part, listing, reader)
        table, files, masks = _match(part, table, listing, problems)
        _refuse(problems, strict)
        require_space(scratch.parent, len(table) * size * size * (4 if masks else 3))

        read = partial(read_jpeg, size=size, resize=resize)
        found = decode_all(reader, files.values(), read)
        with tqdm(found, part.name, len(files), unit="image", disable=None) as found:
            rows = _usable(files, found, left_out)
            write_array(scratch / "images.npy", rows, (len(files), size, size, 3))
        if left_out:
            problems.append(_unusable("images", files, left_out))
        if len(left_out) == len(files):
            raise DataError(problems[-1])
        table = table[~table["image_id"].isin(left_out.keys())].reset_index(drop=True)

        masks = {name: masks[name] for name in table["image_id"] if name in masks}
        if masks:
            blank, wrong = np.zeros((size, size), "uint8"), dict[str, str]()
            found = decode_all(reader, masks.values(), partial(read_mask, size=size, resize=resize))
            found = _usable(masks, found, wrong, blank)
            rows = (next(found) if name in masks else blank for name in table["image_id"])
            write_array(scratch / "masks.npy", rows, (len(table), size, size))
            if wrong:
                problems.append(_unusable("masks", masks, wrong))
            left_out |= {f"{name}{MASK}": reason for name, reason in wrong.items()}
    _refuse(problems, strict)
    remembered = {"problems": problems, "left_out": left_out}
    seal(scratch, table, name=part.name, resize=resize, about=remembered)


def _usable(
    files: dict[str, File],
    found: Iterator[np.ndarray | str],
    left_out: dict[str, str],
    blank: np.ndarray | None = None,
) -> Iterator[np.ndarray]:
    """What was decoded; of the others, the reasons go to `left_out`."""
    for name, pixels in zip(files, found, strict=True):
        if isinstance(pixels, np.ndarray):
            yield pixels
        else:
            left_out[name] = pixels
            if blank is not None:
                yield blank


def _unusable(what: str, files: dict[str, File], left_out: dict[str, str]) -> str:
    """A sentence on the images or masks that were left out."""
    reasons = some(f"{files[name]}: {reason}" for name, reason in left_out.items())
    count = f"{len(left_out):,} of {len(files):,} {what}"
    return f"left out {count}, which cannot be decoded ({reasons}): fetch them again"


def _is_mended(left_out: dict[str, str], listing: Listing, size: int, resize: str) -> bool:
    """Whether an image or a mask that was left out can be decoded now."""
    if not left_out:
        return False
    images, masks, _ = _by_id(listing)
    masks = {f"{name}{MASK}": file for name, file in masks.items()}
    with closing(Reader()) as reader:
        for name in left_out:
            file, read = (images | masks).get(name), read_mask if name in masks else read_jpeg
            if file and not isinstance(
                decode(reader, file, partial(read, size=size, resize=resize)), str
            ):
                return True
    return False


def _refuse(problems: list[str], strict: bool) -> None:
    if problems and strict:
        raise DataError("; ".join(problems))
