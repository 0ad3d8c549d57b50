"""Where a run was made: versions, devices, memory."""

import contextlib
import datetime
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from skinlib import SkinlibError

PACKAGES = ("skinlib", "keras", "tensorflow", "jax", "torch", "numpy", "scikit-learn")


class DeviceError(SkinlibError):
    """The device that was asked for is not there."""


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
        "cores": os.cpu_count(),
    }


def versions() -> dict[str, str]:
    """The versions of the packages that decide a run's numbers, of those that are installed."""
    return {name: found for name in PACKAGES if (found := _version(name))}


def on_gpu() -> bool:
    """Whether the backend sees a card.

    Raises:
        DeviceError: if it sees none and SKINLIB_DEVICE is "gpu", as in the kernel `skinlib-gpu`.
    """
    import keras

    found = bool(gpus())
    if not found and os.environ.get("SKINLIB_DEVICE") == "gpu":
        raise DeviceError(
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
    if backend == "torch":
        import torch

        return [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
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


def forget_peak_memory() -> None:
    """Lets `peak_memory` start anew, where the system can: Linux."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory() -> int:
    """The most memory that this process has held, in bytes."""
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def peak_gpu_memory() -> int | None:
    """The most memory that this process has held on its first card, in bytes, if it has one."""
    if not gpus():
        return None
    import keras

    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        return (jax.local_devices()[0].memory_stats() or {}).get("peak_bytes_in_use")
    if backend == "torch":
        import torch

        return torch.cuda.max_memory_allocated()
    import tensorflow as tf

    return tf.config.experimental.get_memory_info("GPU:0")["peak"]


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
