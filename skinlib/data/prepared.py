"""Prepared data sets on disk: written whole, checked when opened.

A folder holds `images.npy` uint8 (N, H, W, 3), `table.csv`, where outlines are known `masks.npy`
uint8 (N, H, W), and `dataset.json`: what the data set is, what is wrong with it, and the hash of
each file.
"""

import hashlib
import json
import os
import platform
import shutil
import uuid
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pooch

from skinlib.data.archives import is_of_the_machine
from skinlib.data.dataset import COLUMNS, Dataset, fingerprint
from skinlib.errors import DataError, in_words


class DataWarning(UserWarning):
    """The data are not as published, or had to be prepared anew."""


def cache_folder() -> Path:
    """Where prepared images live: `$SKINLIB_DATA`, or the user's cache folder."""
    return Path(os.path.expanduser(os.environ.get("SKINLIB_DATA") or pooch.os_cache("skinlib")))


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """A scratch folder that takes the name of `folder` only if the block ends well.

    It is called by the number of its process: what a killed process left is deleted the next time,
    what a living one writes is not.

    Raises:
        DataError: if the folder above cannot be written to, or its disk is full.
    """
    scratch = _scratch(folder)
    try:
        scratch.mkdir(parents=True)
        for left in folder.parent.glob(f".*.{_host()}.*.*"):
            number = left.name.rsplit(".", 2)[1]
            if number.isdecimal() and not _is_alive(int(number)):
                shutil.rmtree(left, ignore_errors=True)
        yield scratch
        try:
            scratch.rename(folder)
        except OSError:
            if not folder.exists():  # where it does, another process was faster
                raise
    except OSError as error:
        raise DataError(
            f"{folder.parent} cannot be written to ({error.strerror or error}): "
            "make room there, or point SKINLIB_DATA at another folder"
        ) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _host() -> str:
    return platform.node().replace(".", "-")


def _scratch(folder: Path) -> Path:
    """A name beside a folder that no other process uses and that says whose it is."""
    return folder.with_name(f".{folder.name}.{_host()}.{os.getpid()}.{uuid.uuid4().hex[:8]}")


def _is_alive(process: int) -> bool:
    """Whether a process of this machine runs, as far as can be told without harm."""
    if os.name == "nt":  # where signal 0 is Ctrl-C
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def require_space(folder: Path, needed: int) -> None:
    """Refuses to begin what the disk of an existing folder cannot hold: so many bytes.

    Raises:
        DataError: if they are not free.
    """
    free = shutil.disk_usage(folder).free
    if free < needed + 2**26:
        raise DataError(
            f"{folder} has {free // 10**6:,} MB free and the images need "
            f"{needed // 10**6:,} MB: make room, or point SKINLIB_DATA at another "
            "disk"
        )


def write_array(path: Path, rows: Iterable[np.ndarray], shape: tuple[int, ...]) -> None:
    """Writes uint8 arrays one after the other as one array.

    Not through a memory map: there, a full disk would kill the process instead of raising. There
    are at most `shape`[0] rows, each of `shape`[1:].
    """

    def header(count: int) -> None:  # as long for any count: numpy leaves room for it to grow
        about = {"descr": "|u1", "fortran_order": False, "shape": (count, *shape[1:])}
        np.lib.format.write_array_header_1_0(file, about)

    count = 0
    with path.open("wb") as file:
        header(shape[0])
        for row in rows:
            file.write(np.ascontiguousarray(row, "uint8").data)
            count += 1
        file.seek(0)
        header(count)


def seal(
    folder: Path, table: pd.DataFrame, *, name: str, resize: str, about: dict | None = None
) -> None:
    """Writes `table.csv` and `dataset.json` into a folder that holds the arrays.

    Args:
        folder: the scratch folder of `atomic_folder`.
        table: N rows with the columns `COLUMNS`.
        name: of the data set.
        resize: how the images came to their size, see `Dataset`.
        about: what else is to be remembered; JSON.
    """
    table.to_csv(folder / "table.csv", index=False)
    images = np.load(folder / "images.npy", mmap_mode="r")
    contents: dict[str, Any] = {"name": name, "resize": resize, "about": about or {}}
    contents["fingerprint"] = fingerprint(table, images)
    contents["files"] = {path.name: pooch.file_hash(path) for path in sorted(folder.glob("*.*"))}
    whole = {"contents": contents, "sha256": _sha256(json.dumps(contents).encode())}
    (folder / "dataset.json").write_text(json.dumps(whole))


def open_or_make(
    folder: Path, make: Callable[[Path], None], is_stale: Callable[[dict], bool] = lambda _: False
) -> tuple[Dataset, dict]:
    """Opens a prepared folder; where there is none that is whole and fresh, makes it first.

    Args:
        folder: its place in the cache.
        make: writes the files into a scratch folder, and seals it.
        is_stale: whether what was to be remembered of the data set holds no more.

    Returns:
        The data set, and what else was to be remembered of it.
    """
    found = open_prepared(folder)
    if found and not is_stale(found[1]):
        return found
    if found:
        discard(folder)
    with atomic_folder(folder) as scratch:
        make(scratch)
    return read_prepared(folder)


def open_prepared(folder: Path) -> tuple[Dataset, dict] | None:
    """`read_prepared`, or None where there is no such folder.

    One that is damaged is reported (`DataWarning`) and deleted.

    Raises:
        DataError: if the machine cannot read it, or cannot delete a damaged one.
    """
    if not os.path.lexists(folder):
        return None
    try:
        return read_prepared(folder)
    except DataError as error:
        why = error.__cause__ or error
        if is_of_the_machine(why) and not isinstance(why, FileNotFoundError):
            raise
        said = f"{folder} is damaged ({in_words(why)}): it is made anew"
        warnings.warn(said, DataWarning, stacklevel=2)
        discard(folder)
        return None


def read_prepared(folder: Path) -> tuple[Dataset, dict]:
    """Maps a prepared folder into memory, if its files have the hashes that they had at first.

    Returns:
        The data set, and what else was to be remembered of it.

    Raises:
        DataError: if it is not there, or not whole.
    """
    try:
        contents = _check(folder)
        table = pd.read_csv(folder / "table.csv", dtype=COLUMNS)
        arrays = {
            name: np.load(folder / f"{name}.npy", mmap_mode="r")
            for name in ("images", "masks")
            if f"{name}.npy" in contents["files"]
        }
        about = contents.pop("about")
        del contents["files"]
        return Dataset(table=table, **arrays, **contents), about
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{folder} cannot be read: {in_words(error)}: mend that and try again"
        ) from error


def discard(folder: Path) -> None:
    """Deletes a prepared folder.

    Raises:
        DataError: if it cannot be deleted.
    """
    grave = _scratch(folder)
    try:
        with suppress(FileNotFoundError):  # another process was faster
            folder.rename(grave)
            shutil.rmtree(grave) if grave.is_dir() else grave.unlink()
    except OSError as error:
        raise DataError(
            f"{folder} is out of date and cannot be deleted ({error.strerror}): "
            "delete it, or point SKINLIB_DATA at another folder"
        ) from error


def _check(folder: Path) -> dict:
    """The contents of `dataset.json`, if they and the files fit their hashes."""
    whole = json.loads((folder / "dataset.json").read_text())
    contents = whole["contents"]
    if whole["sha256"] != _sha256(json.dumps(contents).encode()):
        raise ValueError("dataset.json was changed")
    for name, digest in contents["files"].items():
        if pooch.file_hash(folder / name) != digest:
            raise ValueError(f"{name} was changed")
    return contents


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
