"""Where a run was made: versions, devices, memory."""

from __future__ import annotations

import contextlib
import datetime
import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import joblib

from skinlib import __version__
from skinlib.errors import SkinlibError

if TYPE_CHECKING:
    from skinlib.runs import Code

PACKAGES = ("keras", "tensorflow", "jax", "numpy", "scikit-learn")


def environment() -> dict:
    """What a record says of the place where it was made."""
    import keras

    return {
        "date": datetime.date.today().isoformat(),
        "python": platform.python_version(),
        "packages": versions(),
        "backend": keras.backend.backend(),
        "gpus": gpus(),
        "processor": processor(),
        "cores": joblib.cpu_count(),
    }


def versions() -> dict[str, str]:
    """The versions of the packages that decide a run's numbers, of those that are installed."""
    found = {}
    for name in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def on_gpu() -> bool:
    """Whether the backend sees a card.

    Raises:
        SkinlibError: if it sees none and SKINLIB_DEVICE is "gpu", as in the kernel `skinlib-gpu`.
    """
    import keras

    found = bool(gpus())
    if not found and os.environ.get("SKINLIB_DEVICE") == "gpu":
        raise SkinlibError(
            f"this kernel is for a GPU and {keras.backend.backend()} sees none: `skinlib doctor` "
            "says what is missing, and the kernel python3 runs on the processor"
        )
    return found


def gpus() -> list[str]:
    """The names of the cards that the backend sees."""
    import keras

    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        return [device.device_kind for device in jax.local_devices() if device.platform == "gpu"]
    import tensorflow as tf

    details = tf.config.experimental.get_device_details
    cards = tf.config.list_physical_devices("GPU")
    return [details(card).get("device_name", card.name) for card in cards]


def processor() -> str:
    """The processor's name, as the system tells it."""
    if (listing := Path("/proc/cpuinfo")).exists():
        for line in listing.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def code() -> Code:
    """What makes a run: the version, the commit, and whether the code is as committed.

    The last two are None where the package does not lie in a git repository of its own.
    """
    found: Code = {"version": __version__, "commit": None, "clean": None}
    package = Path(__file__).parent
    if git(package, "ls-files", "__init__.py") == "__init__.py":
        found["commit"] = git(package, "rev-parse", "HEAD")
        found["clean"] = git(package, "status", "--porcelain", ".") == ""
    return found


def git(folder: Path, *arguments: str) -> str | None:
    """What git answers about a folder; None where there is no git, or it refuses."""
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def peak_memory() -> int | None:
    """The most memory that this process has held, in MiB; None on Windows."""
    if sys.platform == "win32":
        return None
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return round(unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
