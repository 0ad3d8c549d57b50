"""What a machine has of what the book needs."""

import platform
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version

from skinlib.data import cache_folder

Finding = tuple[str, str, str]

ASK = """
import keras
gpus = [name for name in keras.distribution.list_devices() if "cpu" not in name.lower()]
print(keras.__version__, keras.backend.backend(), " ".join(gpus), sep=";")
"""


def findings() -> list[Finding]:
    """Looks around.

    Returns:
        Triples (subject, what is there, what to do; the last empty where nothing is missing).
    """
    return [_python(), *_backend(), *_data(), _book(), _kernels(), _disk()]


def _python() -> Finding:
    ours = (3, 11) <= tuple(map(int, platform.python_version_tuple()[:2])) <= (3, 13)
    advice = "" if ours else "install Python 3.11, 3.12 or 3.13 and run make again"
    return "Python", f"{platform.python_version()} on {platform.platform()}", advice


def _backend() -> list[Finding]:
    """Asks Keras in a process of its own: its backend may crash, and talks on standard error."""
    ask = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True)
    if ask.returncode:
        (reason,) = ask.stderr.strip().splitlines()[-1:] or ["it gave no reason"]
        return [("Keras", f"cannot start: {reason}", "run make again, or unset KERAS_BACKEND")]
    keras, backend, gpus = ask.stdout.splitlines()[-1].split(";")
    advice = "" if gpus else "fine for a laptop; with an NVIDIA card on Linux: make gpu-kernel"
    return [
        ("Keras", f"{keras} on {backend} {version(backend)}", ""),
        ("GPU", gpus or "none that the backend sees", advice),
    ]


def _data() -> list[Finding]:
    folder = cache_folder()
    prepared = sorted(path.parent.name for path in folder.glob("*/dataset.json"))
    found = {name: [p for p in prepared if p.startswith(name)] for name in ("phantom", "ham10000")}
    rows = [("cache", str(folder), "")]
    rows.append(("phantom", f"{len(found['phantom'])} prepared (drawn when first used)", ""))
    advice = "" if found["ham10000"] else "skinlib prepare FOLDER (--download isic fetches 2.8 GB)"
    rows.append(("HAM10000", f"{len(found['ham10000'])} prepared", advice))
    return rows


def _book() -> Finding:
    try:
        return "book", f"jupyter-book {version('jupyter-book')}", ""
    except PackageNotFoundError:
        return (
            "book",
            "jupyter-book is not installed",
            "pip install -c constraints.txt -e '.[book]'",
        )


def _kernels() -> Finding:
    try:
        from jupyter_client.kernelspec import KernelSpecManager
    except ImportError:
        return "kernels", "jupyter_client is not installed", "see book"
    names = sorted(KernelSpecManager().find_kernel_specs())
    advice = "" if "python3" in names else "python -m ipykernel install --sys-prefix"
    return "kernels", ", ".join(names) or "none", advice


def _disk() -> Finding:
    folder = cache_folder()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 2**30
    advice = "" if free > 4 else "free 4 GiB, or point SKINLIB_DATA at another disk"
    return "disk", f"{free:.0f} GiB free for the cache", advice
