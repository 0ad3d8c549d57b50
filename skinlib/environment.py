"""Where a run was made: versions, devices, memory."""

import datetime
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import keras
import psutil

PACKAGES = ("skinlib", "keras", "tensorflow", "jax", "torch", "numpy", "scikit-learn")


def environment() -> dict:
    """What a record says of the place where it was made."""
    return {
        "date": datetime.date.today().isoformat(),
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "backend": keras.backend.backend(),
        "gpus": gpus(),
        "processor": processor(),
        "cores": os.cpu_count(),
    }


def gpus() -> list[str]:
    """The names of the cards that the backend sees."""
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
