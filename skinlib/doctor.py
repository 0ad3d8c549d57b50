"""What a machine has, and in a line each what it lacks."""

import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from skinlib.data import cache_folder
from skinlib.environment import environment


def has() -> Iterator[str]:
    """What a run would say of this machine, and what is prepared."""
    place = environment()
    packages = ", ".join(f"{name} {number}" for name, number in place["packages"].items())
    yield f"Python {place['python']}; {packages}; Keras runs on {place['backend']}"
    yield f"{place['processor']}, {place['cores']} cores; GPU: {', '.join(place['gpus']) or 'none'}"
    yield f"cache {cache_folder()}: {', '.join(_prepared()) or 'empty'}"


def lacks() -> Iterator[str]:
    """What is missing, each with what to do about it."""
    if not environment()["gpus"]:
        yield "no GPU that the backend sees: fine for a laptop; on Linux see make gpu-kernel"
    if not any(name.startswith("ham10000") for name in _prepared()):
        yield "HAM10000 is not prepared: skinlib prepare FOLDER (--download isic fetches 2.8 GB)"
    try:
        version("jupyter-book")
    except PackageNotFoundError:
        yield "jupyter-book is not installed: pip install -c constraints.txt -e '.[book]'"
    folder = cache_folder()
    while not folder.exists():
        folder = folder.parent
    if (free := shutil.disk_usage(folder).free / 2**30) < 4:
        yield f"{free:.0f} GiB free for the cache: free 4, or point SKINLIB_DATA at another disk"


def _prepared() -> list[str]:
    return sorted(path.parent.name for path in cache_folder().glob("*/dataset.json"))
