"""Files that are whole or not there, and folders that one process writes at a time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from skinlib.errors import RecordError

PARTIAL = ".skinlib-partial"
"""How the name of a half-written file ends, so that nobody else's file is taken for one."""


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """A file to write that takes the place of `path` only if the block ends well.

    It is on the disk before it takes that place, and its name has the process's number, so that two
    processes never share one.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}{PARTIAL}")
    try:
        yield partial
        with partial.open("r+b") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Makes a folder and keeps other processes out of it; a dead process keeps nobody out.

    The files that `atomic_write` had half written there are removed, and so is a folder that this
    made and that is empty in the end.

    Raises:
        RecordError: if another process is in it.
    """
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RecordError(
            f"{folder} is being written by another process: wait for it, or name another folder"
        ) from None
    try:
        for partial in folder.glob(f"*{PARTIAL}"):
            partial.unlink()
        yield
    finally:
        with suppress(PermissionError):  # on Windows, where the release deletes it
            (folder / ".lock").unlink(missing_ok=True)
        lock.release()
        if made:
            with suppress(OSError):  # it is not empty
                folder.rmdir()
