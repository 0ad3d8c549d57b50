"""Files as they lie in folders and in zip files, read without unpacking anything."""

import os
import re
import zipfile
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from skinlib.errors import DataError

DEPTH = 3  # how many folders deep to look
NAMES = re.compile(r"ham10000|isic2018|lesion_masks|^archive\.zip$", re.I)


class File(NamedTuple):
    """A file in a folder, or a member of a zip file.

    Attributes:
        name: the last part of its name.
        path: of the file, or of the zip file.
        member: what the zip file says of it, or None.
        size: in bytes, unpacked.
        stamp: what changes with the contents: CRC-32 in a zip file, else mtime in ns.
    """

    name: PurePosixPath
    path: Path
    member: zipfile.ZipInfo | None
    size: int
    stamp: int


class Archives(dict[Path, zipfile.ZipFile]):
    """Zip files that stay open while many members are read; each thread has its own."""

    def __missing__(self, path: Path) -> zipfile.ZipFile:
        return self.setdefault(path, zipfile.ZipFile(path))

    def read(self, file: File) -> bytes:
        """The contents of a file."""
        return self[file.path].read(file.member) if file.member else file.path.read_bytes()

    def close(self) -> None:
        """Closes them all."""
        for archive in self.values():
            archive.close()


def files_below(root: Path) -> list[File]:
    """All files below `root`, in a fixed order.

    Looks three folders deep, and into the zip files whose name matches `NAMES`.

    Raises:
        DataError: if there is no such folder, or a zip file is broken or hostile.
    """
    if not root.is_dir():
        raise DataError(f"{root} is not a folder: give the folder that holds the archives")
    found = []
    for place, folders, names in os.walk(root, followlinks=True):
        depth = len(Path(place).relative_to(root).parts)
        folders[:] = sorted(folders) if depth < DEPTH else []
        for path in (Path(place, name) for name in sorted(names)):
            if path.suffix.lower() == ".zip" and NAMES.search(path.name):
                found += _members(path)
            elif path.is_file():
                about = path.stat()
                name = PurePosixPath(path.name)
                found.append(File(name, path, None, about.st_size, about.st_mtime_ns))
    return found


def _members(path: Path) -> list[File]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
    except (zipfile.BadZipFile, OSError) as error:
        raise DataError(f"{path} is not a complete zip file ({error}): fetch it again") from None
    for member in members:
        name = member.orig_filename.replace("\\", "/")
        if name.startswith("/") or ":" in name or ".." in name.split("/"):
            raise DataError(
                f"{path} names a path outside itself ({member.orig_filename!r}), as the published "
                "archives never do: fetch it again"
            )
    return [File(PurePosixPath(m.filename), path, m, m.file_size, m.CRC) for m in members]


def by_stem(files: list[File], suffixes: tuple[str, ...]) -> dict[str, File]:
    """The first file of each name, in lower case and without its suffix."""
    return {f.name.stem.lower(): f for f in reversed(files) if f.name.suffix.lower() in suffixes}
