"""HAM10000 as people have it: zip files unopened, unpacked folders, or ISIC 2018's layout.

Data: Tschandl, Rosendahl & Kittler, Sci. Data 5, 180161 (2018), doi:10.7910/DVN/DBW86T.
"""

import hashlib
import io
import json
import os
import shutil
import threading
import time
import warnings
import zipfile
import zlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from PIL import Image
from tqdm import tqdm

from skinlib.data.archives import Archives, by_stem, files_below
from skinlib.data.dataset import CLASSES, COLUMNS, Dataset, describe, preparing
from skinlib.data.masks import find_masks, read_masks
from skinlib.errors import DataError

VERSION = 2  # of the preparation: what an earlier version prepared is not used
UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, RuntimeError, zlib.error)
UNREADABLE += (zipfile.BadZipFile, Image.DecompressionBombError)


class Part(NamedTuple):
    """What one part of the data is called, and how many rows its table may have."""

    name: str
    tables: tuple[str, ...]
    groupings: str
    pictures: str
    rows: tuple[int, ...]


PARTS = {
    "training": Part(
        "ham10000",
        ("HAM10000_metadata", "ISIC2018_Task3_Training_GroundTruth"),
        "ISIC2018_Task3_Training_LesionGroupings",
        "HAM10000_images_part_1 and _part_2, or ISIC2018_Task3_Training_Input",
        (10015,),
    ),
    "test": Part(
        "isic2018_test",
        ("ISIC2018_Task3_Test_GroundTruth",),
        "ISIC2018_Task3_Test_LesionGroupings",
        "ISIC2018_Task3_Test_Input",
        (1511, 1512),
    ),
}


class DataWarning(UserWarning):
    """The data are not as published; what was left out is counted."""


def prepare(
    root: str | Path,
    size: int = 224,
    resize: Literal["squash", "crop"] = "squash",
    *,
    part: Literal["training", "test"] = "training",
    strict: bool = False,
    progress: bool = True,
    cache: str | Path | None = None,
) -> Dataset:
    """Opens HAM10000 at one size; the first time, decodes it into a memory-mapped file.

    Looks in `root` and up to three folders below it, in any letter case, for the table
    (`HAM10000_metadata`, comma- or tab-separated, or `ISIC2018_Task3_Training_GroundTruth` with
    `ISIC2018_Task3_Training_LesionGroupings`) and for JPEG files named by image id, in folders
    or in zip files whose name says HAM10000 or ISIC2018. Nothing is unpacked. Rows are sorted by
    image id, so every layout gives the same data set.

    Reported with their count (`DataWarning`) and left out, or refused if `strict`: rows of a
    class or with an image id that HAM10000 has not, repeated rows, rows whose picture is missing
    or cannot be decoded. Reported alike, and kept: a count other than 10,015, training pictures
    of unknown lesion, two unequal files of one picture (the first by path is taken). Always
    refused: one id with two classes or lesions, a zip file that is broken or names paths outside
    itself, a folder without the data, a full disk.

    Args:
        root: folder of the archives.
        size: height and width in pixels.
        resize: "squash" scales the whole picture (its aspect changes), "crop" its largest
            centred square; both bilinear. The paper says 'cropped'.
        part: "training" is HAM10000; "test" is the test set of ISIC 2018 task 3, a data set of
            its own ("isic2018_test"), whose lesions may be unknown.
        strict: refuse what is otherwise reported.
        progress: show a bar while decoding.
        cache: where prepared pictures live; `skinlib.data.cache_folder()` if None.

    Raises:
        DataError: in one sentence, what was expected, what was found, and the way out.
    """
    if resize not in ("squash", "crop") or size < 1 or part not in PARTS:
        raise ValueError(
            'expected resize "squash" or "crop", a size above 0 and part "training" or "test", '
            f"got {resize!r}, {size!r} and {part!r}"
        )
    from skinlib.data import cache_folder

    root, about, problems = Path(root).expanduser(), PARTS[part], []
    files = files_below(root)
    table, sources = _table(about, root, files, problems)
    table, pictures = _match(about, root, table, files, problems)
    _report(problems, strict)

    digest = hashlib.sha256(repr((VERSION, about.name, size, resize)).encode())
    for source in sources:
        digest.update(hashlib.sha256(source).digest())
    digest.update(repr([(str(f.name), f.size, f.stamp) for f in pictures]).encode())
    outlines = find_masks(root)
    if outlines:
        digest.update(repr((outlines.name, outlines.stat().st_mtime_ns)).encode())
    cache = Path(cache) if cache else cache_folder()
    folder = cache / f"{about.name}-{size}-{resize}-{digest.hexdigest()[:16]}"
    if folder.exists():
        _report(json.loads((folder / "problems.json").read_text()), strict)
        return Dataset.open(folder)
    _remove_abandoned(cache, about.name)
    with preparing(folder) as scratch:
        _require_space(cache, len(pictures) * size * size * 3)
        bar = tqdm(desc=about.name, total=len(pictures), unit="picture", disable=not progress)
        with closing(_decoded(pictures, size, resize)) as decoded, bar:
            kept, problems = _write(scratch / "images.npy", pictures, size, decoded, bar)
        _report(problems, strict)
        (scratch / "problems.json").write_text(json.dumps(problems))
        table, outlined = table[kept].reset_index(drop=True), None
        if outlines:
            found, outlined = read_masks(outlines, table["image_id"], size)
            masks = np.zeros((len(table), size, size), "uint8")
            masks[outlined] = found
            np.save(scratch / "masks.npy", masks)
        describe(scratch, table, name=about.name, resize=resize, outlined=outlined)
    return Dataset.open(folder)


def _report(problems, strict):
    if problems and strict:
        raise DataError("; ".join(problems))
    for problem in problems:
        warnings.warn(problem, DataWarning, stacklevel=3)


def _some(values) -> str:
    values = list(map(str, values))
    return ", ".join(values[:3]) + (", ..." if len(values) > 3 else "")


def _table(about, root, files, problems):
    """The checked table, sorted by image id, and the bytes that it came from."""
    texts = by_stem(files, (".csv", ".tab", ".tsv", ".txt", ""))
    file = next((texts[name.lower()] for name in about.tables if name.lower() in texts), None)
    if file is None:
        names = _some(sorted(path.name for path in root.iterdir())) or "nothing"
        raise DataError(
            f"{root} is not a folder of {about.name}: expected {'.csv or '.join(about.tables)}.csv "
            f"and {about.pictures} (zip files or folders, any letter case), found {names}"
        )
    table, *sources = _read(file, "image_id")
    if "dx" not in table:
        table["dx"] = _from_one_hot(file, table)
        if groupings := texts.get(about.groupings.lower()):
            groups, *more = _read(groupings, "image_id", "lesion_id")
            groups = groups[["image_id", "lesion_id"]].drop_duplicates()
            table, sources = table.merge(groups, on="image_id", how="left"), sources + more
    table = table.reindex(columns=list(COLUMNS))
    table["dx"] = table["dx"].str.strip().str.lower()
    table["age"] = pd.to_numeric(table["age"], errors="coerce")

    def drop(bad, what, column):
        if bad.any():
            values = _some(table.loc[bad, column].unique())
            problems.append(f"{file.path}: left out {bad.sum():,} rows {what} ({values})")
        return table[~bad]

    table = drop(~table["dx"].isin(CLASSES), "of a class that HAM10000 has not", "dx")
    ours = table["image_id"].fillna("").str.fullmatch(r"ISIC_\d{7}")
    table = drop(~ours, "with an image id unlike ISIC_0024306", "image_id")
    facts = table.drop_duplicates(["image_id", "dx", "lesion_id"])
    conflicts = facts.loc[facts["image_id"].duplicated(), "image_id"].unique()
    if len(conflicts):
        raise DataError(
            f"{file.path}: {len(conflicts):,} image ids have two classes or lesions "
            f"({_some(conflicts)}): fetch the table again"
        )
    table = drop(table["image_id"].duplicated(), "that repeat an image id", "image_id")
    if len(table) not in about.rows:
        expected = " or ".join(f"{count:,}" for count in about.rows)
        problems.append(
            f"{file.path} has {len(table):,} rows of {about.name}, not {expected}: fetch it again "
            "unless you meant to use a part"
        )
    unknown = table["lesion_id"].isna().sum()
    if unknown and about is PARTS["training"]:
        problems.append(
            f"{file.path}: the lesion of {unknown:,} pictures is unknown, so no split can keep "
            f"lesions together: add {about.groupings}.csv"
        )
    return table.sort_values("image_id", ignore_index=True), sources


def _read(file, *required):
    """A table, its columns in lower case, and the bytes that it came from."""
    try:
        with closing(Archives()) as archives:
            data = archives.read(file)
        separator = "\t" if b"\t" in data.partition(b"\n")[0] else ","
        table = pd.read_csv(io.BytesIO(data), sep=separator, dtype=str, encoding="utf-8-sig")
    except UNREADABLE as error:
        raise DataError(f"{file.path} is not a table ({error}): fetch it again") from None
    table = table.rename(columns=str.lower).rename(columns={"image": "image_id"})
    _require(file, table, required)
    return table, data


def _require(file, table, columns):
    if lacking := [column for column in columns if column not in table]:
        raise DataError(f"{file.path} lacks the columns {', '.join(lacking)}: fetch it again")


def _from_one_hot(file, table):
    _require(file, table, CLASSES)
    hot = table[list(CLASSES)].apply(pd.to_numeric, errors="coerce").to_numpy() == 1
    return np.where(hot.sum(1) == 1, np.array(CLASSES)[hot.argmax(1)], "none or several")


def _match(about, root, table, files, problems):
    """The rows that have a picture, and their pictures."""
    jpegs = (".jpg", ".jpeg")
    pictures = by_stem(files, jpegs)
    wanted = table["image_id"].str.lower()
    last = by_stem(files[::-1], jpegs)
    unequal = [stem for stem in wanted if stem in last and last[stem].size != pictures[stem].size]
    if unequal:
        problems.append(
            f"{root} holds unequal files of {len(unequal):,} pictures "
            f"({_some(unequal).upper()}): keep one copy of the archives"
        )
    has = wanted.isin(pictures.keys())
    if not has.any():
        raise DataError(f"{root} holds the table but none of its pictures: add {about.pictures}")
    if not has.all():
        missing = table.loc[~has, "image_id"]
        problems.append(
            f"{root}: left out {len(missing):,} rows without a picture ({_some(missing)}): "
            f"complete {about.pictures}"
        )
    return table[has].reset_index(drop=True), [pictures[stem] for stem in wanted[has]]


def _remove_abandoned(cache, name):
    """Deletes what killed preparations left: nothing in it changed for an hour."""
    for scratch in cache.glob(f".{name}-*"):
        with suppress(FileNotFoundError):  # another process has just finished it
            changed = max(path.stat().st_mtime for path in (scratch, *scratch.iterdir()))
            if time.time() - changed > 3600:
                shutil.rmtree(scratch, ignore_errors=True)


def _require_space(cache, needed):
    free = shutil.disk_usage(cache).free
    if free < needed + 2**26:
        raise DataError(
            f"{cache} has {free / 1e9:.1f} GB free and the pictures need {needed / 1e9:.1f} GB: "
            "make room, or point SKINLIB_DATA at another disk"
        )


def _write(path, files, size, decoded, bar):
    """Writes the pictures; returns which of them are in, and what is wrong with the others.

    Written one after the other, not through a memory map, whose pages would all count as memory.
    """
    kept, reasons = np.zeros(len(files), bool), []
    with path.open("wb") as out:
        _header(out, len(files), size)
        for i, pixels in enumerate(decoded):
            if isinstance(pixels, Exception):
                reasons.append(f"{files[i].name.name} in {files[i].path.parent}: {pixels}")
            else:
                kept[i] = True
                out.write(pixels.data)
            bar.update()
        out.seek(0)
        _header(out, int(kept.sum()), size)
    if not kept.any():
        raise DataError(f"none of {len(files):,} pictures can be decoded ({_some(reasons)})")
    what = f"left out {len(reasons):,} pictures that cannot be decoded ({_some(reasons)})"
    return kept, [f"{what}: fetch the archives again"] if reasons else []


def _header(out, count, size):
    """As long for any count: numpy leaves room for the first dimension to grow."""
    about = {"descr": "|u1", "fortran_order": False, "shape": (count, size, size, 3)}
    np.lib.format.write_array_header_1_0(out, about)


def _decoded(files, size, resize) -> Iterator[np.ndarray | Exception]:
    """Pictures uint8 (size, size, 3) in order, a few ahead of the reader, on all cores."""
    local, opened, waiting = threading.local(), [], deque()

    def start():
        local.archives = Archives()
        opened.append(local.archives)

    def decode(file):
        try:
            return _pixels(local.archives.read(file), size, resize)
        except UNREADABLE as error:
            return error

    workers = min(os.cpu_count() or 1, 16)
    pool = ThreadPoolExecutor(workers, initializer=start)
    try:
        for file in files:
            waiting.append(pool.submit(decode, file))
            if len(waiting) > 8 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
        for archives in opened:
            archives.close()


def _pixels(data: bytes, size: int, resize: str) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(to_square(picture.convert("RGB"), size, resize))


def to_square(picture: Image.Image, size: int, resize: str) -> Image.Image:
    """The whole picture ("squash") or its largest centred square ("crop"), bilinear."""
    if resize == "crop":
        side = min(picture.size)
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        picture = picture.crop((left, top, left + side, top + side))
    return picture.resize((size, size), Image.Resampling.BILINEAR)
