"""Executes the chapters with papermill and renders them with Jupyter Book, in `_build`."""

import csv
import datetime
import os
import platform
import shutil
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import nbformat
import papermill
import yaml
from jupyter_client.kernelspec import NoSuchKernel
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat.reader import NotJSONError
from papermill.exceptions import PapermillExecutionError
from tqdm import tqdm

from skinlib import SkinlibError
from skinlib.environment import processor, versions


class BookError(SkinlibError):
    """The book cannot be made; the message names the chapter and the cell."""


def chapters(root: Path) -> list[Path]:
    """The notebooks named in `_toc.yml`, in reading order, relative to `root`."""
    toc = yaml.safe_load((root / "_toc.yml").read_text())
    files = [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]
    return [Path(f"{file}.ipynb") for file in files if (root / f"{file}.ipynb").exists()]


def execute(notebook: Path, parameters: dict, kernel: str | None = None) -> None:
    """Runs a notebook in place.

    Args:
        notebook: the file; its outputs are replaced.
        parameters: values for its cell tagged `parameters`.
        kernel: a Jupyter kernel's name; None takes the notebook's own.

    Raises:
        BookError: if the chapter has no such parameter, there is no such kernel, or a cell fails.
    """
    known = papermill.inspect_notebook(notebook)
    if unknown := parameters.keys() - known.keys():
        raise BookError(
            f"{notebook.name} has no parameter {', '.join(sorted(unknown))}: "
            f"it knows {', '.join(known) or 'none'}"
        )
    try:
        papermill.execute_notebook(
            notebook,
            notebook,
            parameters,
            kernel_name=kernel,
            progress_bar=False,
            coalesce_streams=True,
            cwd=notebook.parent,
        )
    except NoSuchKernel:
        raise BookError(
            f"there is no Jupyter kernel {kernel!r}: make gpu-kernel installs skinlib-gpu"
        ) from None
    except PapermillExecutionError as error:
        raise BookError(
            f"{notebook.name}, cell {error.exec_count}: {error.ename}: {error.evalue}\n"
            f"{error.source}"
        ) from None


def refresh(notebook: Path) -> None:
    """Runs a chapter in place with its own parameters, to be committed.

    Keeps its outputs but for stderr, where TensorFlow describes the machine, and no version.

    Raises:
        BookError: if it is no notebook or a cell fails; the file is left as it was.
    """
    where = {"metadata": {"path": notebook.parent}}
    try:
        chapter = nbformat.read(notebook, 4)
        NotebookClient(
            chapter, record_timing=False, coalesce_streams=True, resources=where
        ).execute()
    except NotJSONError:
        raise BookError(f"{notebook} is no notebook") from None
    except CellExecutionError as error:
        raise BookError(f"{notebook.name}: {error.ename}: {error.evalue}") from None
    for cell in chapter.cells:
        if cell.cell_type == "code":
            cell.outputs = [out for out in cell.outputs if out.get("name") != "stderr"]
    chapter.metadata["language_info"] = {"name": "python"}
    nbformat.write(chapter, notebook)


def _timed(notebook: Path, parameters: dict, kernel: str | None) -> float:
    start = time.perf_counter()
    execute(notebook, parameters, kernel)
    return time.perf_counter() - start


def _status(folder: Path, seconds: dict[Path, float]) -> None:
    """Writes the tables that `book/status.md` shows."""
    rows = {"chapters": [("chapter", "seconds")], "machine": [("what", "which")]}
    for chapter in sorted(seconds):
        title = nbformat.read(folder / chapter.name, 4).cells[0].source.splitlines()[0]
        rows["chapters"].append(
            (f"[{title.removeprefix('# ')}]({chapter.name})", f"{seconds[chapter]:.0f}")
        )
    rows["machine"].append(("day", datetime.date.today().isoformat()))
    rows["machine"].append(("processor", f"{processor()}, {os.cpu_count()} cores"))
    rows["machine"] += {"python": platform.python_version(), **versions()}.items()
    (folder / "status").mkdir()
    for name, table in rows.items():
        with (folder / "status" / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows(table)


def make(root: Path, parameters: dict, kernel: str | None = None) -> Path:
    """Executes every chapter and renders the book.

    Works on a copy in `_build/source`; no file outside `_build` is written.

    Args:
        root: the folder that holds `_config.yml`, `_toc.yml` and `book/`.
        parameters: for every chapter.
        kernel: as in `execute`.

    Returns:
        The path of the first page.

    Raises:
        BookError: if this is no book's folder, a cell fails or the rendering warns.
    """
    if not (root / "_toc.yml").exists():
        raise BookError(f"{root} has no _toc.yml: call it in the book's repository")
    source = root / "_build" / "source"
    shutil.rmtree(source, ignore_errors=True)
    shutil.rmtree(root / "_build" / "html", ignore_errors=True)
    shutil.copytree(
        root / "book", source / "book", ignore=shutil.ignore_patterns(".ipynb_checkpoints")
    )
    for name in ("_config.yml", "_toc.yml"):
        shutil.copy(root / name, source)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    names = chapters(root)
    workers, seconds = 1 if kernel else 2, {}  # a GPU is not shared
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        works = {  # the last chapters are the longest
            pool.submit(_timed, source / name, parameters, kernel): name for name in reversed(names)
        }
        for work in tqdm(as_completed(works), total=len(works), unit="chapter", disable=None):
            if work.exception():
                pool.shutdown(cancel_futures=True)
                raise work.exception()
            seconds[works[work]] = work.result()
            print(f"{work.result():6.1f} s  {works[work].stem}", flush=True)
    _status(source / "book", seconds)
    jupyter_book = str(Path(sys.executable).with_name("jupyter-book"))
    command = [jupyter_book, "build", str(source), "--all", "-W"]
    command += ["--keep-going", "--quiet", "--path-output", str(root)]
    if subprocess.run(command).returncode:
        raise BookError("the pages were not rendered without warnings: see above")
    return root / "_build" / "html" / "book" / "index.html"
