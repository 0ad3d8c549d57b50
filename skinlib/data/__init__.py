"""Two data sets behind one door: `load("phantom")` and `load("ham10000", root=...)`."""

import os
from pathlib import Path

import pooch

from skinlib.data.dataset import CLASS_NAMES, CLASSES, Dataset

__all__ = ["CLASSES", "CLASS_NAMES", "Dataset", "cache_folder", "load"]


def cache_folder() -> Path:
    """Where prepared pictures live: `$SKINLIB_DATA`, or the user's cache folder."""
    return Path(os.environ.get("SKINLIB_DATA") or pooch.os_cache("skinlib")).expanduser()


def load(name: str = "phantom", **options: object) -> Dataset:
    """Opens a data set, preparing it first where this is its first use.

    Args:
        name: "phantom" (drawn here, no network) or "ham10000" (your copy of the archives).
        **options: what `phantom.prepare` or `ham10000.prepare` takes.

    Raises:
        ValueError: if `name` is neither.
    """
    if name == "phantom":
        from skinlib.data.phantom import prepare
    elif name == "ham10000":
        from skinlib.data.ham10000 import prepare
    else:
        raise ValueError(f'unknown data set {name!r}: expected "phantom" or "ham10000"')
    return prepare(**options)
