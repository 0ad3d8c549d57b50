"""Files as they lie in folders and in zip files, read without unpacking them."""

import errno
import os
import re
import shutil
import stat
import threading
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from skinlib.errors import DataError, in_words

DEPTH = 6  # how many folders deep to look
LARGEST = 2**26  # bytes of a file; no image or table of HAM10000 comes near it
OURS = re.compile(r"ham10000|isic[-_]?2018", re.IGNORECASE)
DAMAGED_ZIP = (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, zlib.error)


class File(NamedTuple):
    """A file in a folder, or a member of a zip file.

    Attributes:
        name: the last part of its name.
        place: the folder or zip file that holds it, as seen from the root.
        path: of the file, or of the zip file.
        member: what the zip file says of it, or None.
        size: in bytes, unpacked.
        stamp: what changes with the contents: CRC-32 in a zip file, else mtime in ns.
    """

    name: str
    place: str
    path: Path
    member: zipfile.ZipInfo | None
    size: int
    stamp: int

    @property
    def stem(self) -> str:
        """Its name in lower case, without suffix and the (1) of a second copy."""
        stem = os.path.splitext(self.name)[0].lower().strip()
        return re.sub(r"\s*(\(\d+\)|- copy)$", "", stem)

    @property
    def suffix(self) -> str:
        """The end of its name in lower case, such as ".jpg"."""
        return os.path.splitext(self.name)[1].lower().strip()

    def __str__(self) -> str:
        return f"{self.name} in {self.place}" if self.place != "." else self.name


class Listing(NamedTuple):
    """What lies below a folder.

    Attributes:
        files: in a fixed order.
        unread: what could not be looked into, a folder or a zip file -> why.
    """

    files: list[File]
    unread: dict[str, Exception]

    def __str__(self) -> str:
        kinds = Counter(file.suffix or "(no suffix)" for file in self.files)
        examples = {file.suffix or "(no suffix)": file.name for file in reversed(self.files)}
        seen = [f"{n:,} {kind} ({examples[kind]})" for kind, n in kinds.most_common(5)]
        return f"found {', '.join(seen) or 'nothing'}{self.not_opened}"

    @property
    def not_opened(self) -> str:
        """What could not be looked into, as the end of a sentence."""
        places = (f"{place} ({in_words(error)})" for place, error in self.unread.items())
        return f"; not opened: {some(places)}" if self.unread else ""


def some(values: Iterable) -> str:
    """The first three of some values, in words."""
    texts = [str(value) for value in values]
    return ", ".join(texts[:3]) + (", ..." if len(texts) > 3 else "")


def is_of_the_machine(error: BaseException) -> bool:
    """Whether no file is at fault: permission, too many open files, a full disk."""
    number = getattr(error, "errno", None)  # a zip file's wrong offset is EINVAL
    return isinstance(error, OSError) and number not in (None, errno.EINVAL)


def list_files(root: Path) -> Listing:
    """All files up to six folders below one, and the members of the zip files there.

    What a Mac leaves behind (`._name`) does not count.

    Raises:
        DataError: if there is no such folder, or a zip file named like HAM10000's is damaged or
            names paths outside itself.
    """
    if not root.is_dir():
        raise DataError(f"{root} is not a folder: give the folder that holds the archives")
    listing = Listing([], {})

    def note(error: OSError) -> None:
        place = os.path.relpath(error.filename or root, root)
        listing.unread[place] = error

    for folder, folders, names in os.walk(root, followlinks=True, onerror=note):
        place = Path(os.path.relpath(folder, root)).as_posix()
        depth = 0 if place == "." else place.count("/") + 1
        folders[:] = sorted(folders) if depth < DEPTH else []
        for name in sorted(names):
            path = Path(folder, name)
            try:
                info = path.stat()
            except OSError as error:
                note(error)
                continue
            if name.startswith("._") or not stat.S_ISREG(info.st_mode):
                continue
            file = File(name, place, path, None, info.st_size, info.st_mtime_ns)
            listing.files.append(file)
            if file.suffix == ".zip":
                _list_zip(path, Path(place, name).as_posix(), listing)
    return listing


def _list_zip(path: Path, place: str, listing: Listing) -> None:
    """Adds the members of a zip file to a listing."""
    found = []
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                parts = member.filename.replace("\\", "/").split("/")
                if ".." in parts or parts[0] == "" or ":" in parts[0]:
                    raise ValueError(f"it names a path outside itself, {member.filename!r}")
                if (name := parts[-1]) and not name.startswith("._"):
                    found.append(File(name, place, path, member, member.file_size, member.CRC))
    except (OSError, *DAMAGED_ZIP) as error:
        if OURS.search(path.name) and not is_of_the_machine(error):
            raise DataError(
                f"{place} is no complete zip file ({in_words(error)}): fetch it again"
            ) from None
        listing.unread[place] = error
    else:
        listing.files.extend(found)


class Reader:
    """Zip files that stay open while many threads read their members.

    Args:
        scratch: a folder for zip files that lie in zip files.
    """

    def __init__(self, scratch: Path = Path()):
        self.scratch, self.lock = scratch, threading.Lock()
        self.archives: dict[Path, zipfile.ZipFile] = {}

    def read(self, file: File) -> bytes:
        """The contents of a file.

        Raises:
            OSError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error: if it
            cannot be read.
        """
        if file.size > LARGEST:
            raise ValueError(f"it has {file.size:,} bytes")
        if file.member is None:
            return file.path.read_bytes()
        return self._archive(file.path).read(file.member)

    def unfold(self, listing: Listing) -> Listing:
        """The listing with the members of zip files that lie in zip files.

        Dataverse's button for a whole deposit gives such a file.
        """
        whole = Listing(list(listing.files), dict(listing.unread))
        for file in listing.files:
            if not (file.member and file.suffix == ".zip" and OURS.search(file.name)):
                continue
            copy = self.scratch / f"{len(self.archives)}-{file.name}"
            try:
                with self._archive(file.path).open(file.member) as source, copy.open("wb") as out:
                    shutil.copyfileobj(source, out, 2**20)
            except (RuntimeError, *DAMAGED_ZIP) as error:
                whole.unread[f"{file.place}/{file.name}"] = error
                continue
            _list_zip(copy, f"{file.place}/{file.name}", whole)
            self._archive(copy)
        return whole

    def _archive(self, path: Path) -> zipfile.ZipFile:
        with self.lock:
            if path not in self.archives:
                self.archives[path] = zipfile.ZipFile(path)
            return self.archives[path]

    def close(self) -> None:
        """Closes the zip files."""
        for archive in self.archives.values():
            archive.close()
