"""Executes the chapters, each in a Jupyter kernel of its own, and renders them with Jupyter Book.

The kernels are children of this process and end with it, however it ends.
"""

import asyncio
import csv
import datetime
import os
import platform
import re
import shutil
import subprocess
import sys
import time
import warnings
from pathlib import Path

import nbformat
import yaml
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode
from papermill.translators import PythonTranslator
from sphinx_external_toc.parsing import MalformedError, parse_toc_yaml

from skinlib.book.pages import let_figures_move
from skinlib.environment import git, processor, versions
from skinlib.errors import SkinlibError, in_words
from skinlib.files import PARTIAL, atomic_write, locked

PYTHON_KERNEL = "python3"  # of the Python that runs this; ipykernel brings it along

AT_ONCE = 3  # chapters: on two cores, two compute while one starts or ends

FIRST_CELL = """\
# Where skinlib is missing, as on Colab, this cell fetches and installs it, and brings the recorded
# runs (results/). It takes a minute or two. Where skinlib is there, it does nothing.
import importlib.util

if importlib.util.find_spec("skinlib") is None:
    import shutil
    import urllib.request
    from pathlib import Path

    archive = "{archive}"
    print("Installing skinlib from", archive)
    urllib.request.urlretrieve(archive, "skinlib.zip")
    shutil.unpack_archive("skinlib.zip", "skinlib-source")
    source = next(Path("skinlib-source").iterdir())
    shutil.copytree(source / "book" / "results", "results", dirs_exist_ok=True)
    %pip install --quiet "{{source}}[launch]"
"""


def chapters(root: Path) -> list[Path]:
    """The notebooks named in `_toc.yml`, in reading order, relative to `root`.

    Raises:
        SkinlibError: if there is no such file, it is no table of contents, or what it names is
            not in `book/`.
    """
    toc = root / "_toc.yml"
    if not toc.exists():
        raise SkinlibError(f"{root} has no _toc.yml: call it in the book's repository")
    try:
        names = list(parse_toc_yaml(toc))
    except (MalformedError, yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise SkinlibError(f"{toc} is no table of contents: {in_words(error)}") from None
    found = []
    for name in names:
        files = [root / f"{name}{suffix}" for suffix in (".ipynb", ".md")]
        files = [file for file in files if file.is_file()]
        if not files or not files[0].resolve().is_relative_to((root / "book").resolve()):
            raise SkinlibError(f"{toc} names {name}: there is no such page in {root / 'book'}")
        if files[0].suffix == ".ipynb":
            found.append(files[0].relative_to(root))
    return found


def _read(notebook: Path) -> NotebookNode:
    """A notebook of format 4, without the cell that papermill puts into a copy.

    Raises:
        SkinlibError: if it is no such notebook.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # cells without an id get one
            chapter = nbformat.read(notebook, nbformat.NO_CONVERT)
        if chapter.get("nbformat") != 4:
            raise SkinlibError(
                f"{notebook} is a notebook of format {chapter.get('nbformat')}, expected 4: "
                "open it in JupyterLab and save it"
            )
        nbformat.validate(chapter)
    except (ValueError, AttributeError, KeyError, TypeError, nbformat.ValidationError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SkinlibError(f"{notebook} is no Jupyter notebook: {reason}") from None
    injected = "injected-parameters"
    chapter.cells = [c for c in chapter.cells if injected not in c.metadata.get("tags", [])]
    return chapter


def _write(chapter: NotebookNode, notebook: Path) -> None:
    """Replaces a notebook, or leaves it as it was."""
    try:
        with atomic_write(notebook) as partial:
            nbformat.write(chapter, partial)
    except OSError as error:
        raise SkinlibError(
            f"{notebook} is as it was, for it could not be written: {error.strerror}"
        ) from None


def _choose_kernel(chapter: NotebookNode, notebook: Path, asked: str | None) -> str:
    """The kernel that was asked for, or the notebook's own, or else this Python's.

    JupyterLab, VS Code and conda save the name of the kernel that was used last, which need not
    exist on another machine.
    """
    spec = chapter.metadata.get("kernelspec", {})
    if (language := spec.get("language", "python")) != "python":
        raise SkinlibError(
            f"{notebook} is written in {language}: the book's chapters are in Python"
        )
    known = KernelSpecManager().find_kernel_specs()
    name = asked or spec.get("name", PYTHON_KERNEL)
    if name in known:
        return name
    if asked:
        raise SkinlibError(
            f"there is no Jupyter kernel {asked!r}: choose one of {', '.join(sorted(known))}, "
            "or let make gpu-kernel install skinlib-gpu"
        )
    print(f"{notebook.name}: no Jupyter kernel {name!r} here, {PYTHON_KERNEL} runs it", flush=True)
    return PYTHON_KERNEL


def _parameter_cell(chapter: NotebookNode, notebook: Path, parameters: dict) -> NotebookNode | None:
    tagged = [c for c in chapter.cells if "parameters" in c.metadata.get("tags", [])]
    known = [p.name for cell in tagged[:1] for p in PythonTranslator.inspect(cell)]
    if unknown := sorted(parameters.keys() - set(known)):
        raise SkinlibError(
            f"{notebook.name} has no parameter {', '.join(unknown)}: "
            f"it knows {', '.join(known) or 'none'}"
        )
    return tagged[0] if parameters else None


async def _execute(notebook: Path, parameters: dict, kernel: str | None) -> NotebookNode:
    """The notebook with the outputs of its cells, which run in order in a new kernel.

    Args:
        notebook: the file, which is only read.
        parameters: values for its cell tagged `parameters`, which keeps its text.
        kernel: a Jupyter kernel's name; None takes the notebook's own.

    Raises:
        SkinlibError: if it is no notebook, has no such parameter, there is no such kernel, or a
            cell fails.
    """
    chapter = _read(notebook)
    cell = _parameter_cell(chapter, notebook, parameters)
    name = _choose_kernel(chapter, notebook, kernel)
    if cell:
        printed = cell.source
        cell.source += "\n" + PythonTranslator.codify(parameters)
    await _run_cells(chapter, notebook, name)
    if cell:
        cell.source = printed
    if not kernel:
        spec = KernelSpecManager().get_kernel_spec(name)
        chapter.metadata["kernelspec"] = {
            "display_name": spec.display_name,
            "language": spec.language,
            "name": name,
        }
    chapter.metadata["language_info"] = {"name": "python"}
    return chapter


async def _run_cells(chapter: NotebookNode, notebook: Path, kernel: str) -> None:
    """Fills in the outputs; the kernel has ended when this returns or raises."""
    client = NotebookClient(
        chapter,
        kernel_name=kernel,
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(notebook.parent)}},
    )
    client.reset_execution_trackers()
    manager = client.create_kernel_manager()
    assert isinstance(manager, AsyncKernelManager)  # as nbclient's always are
    manager.transport_encryption = "auto"  # ipykernel 7 warns of each kernel without it
    number, now = 0, True
    try:
        # Cells keep what they write there; TensorFlow describes the machine to the terminal, too.
        await client.async_start_new_kernel(stderr=subprocess.DEVNULL)
        await client.async_start_new_kernel_client()
        for index, cell in enumerate(chapter.cells):
            number = client.code_cells_executed + 1
            await client.async_execute_cell(cell, index, execution_count=number)
        client.set_widgets_metadata()
        now = False  # it may tidy up
    except CellExecutionError as error:
        raise SkinlibError(
            f"{notebook.name}, cell {number}: {error.ename}: {error.evalue}"
        ) from None
    except DeadKernelError:
        if (task := asyncio.current_task()) and task.cancelling():
            raise asyncio.CancelledError from None
        raise SkinlibError(
            f"{notebook.name}, cell {number}: the kernel died, perhaps for want of memory"
        ) from None
    except (OSError, RuntimeError) as error:
        if number:
            raise
        raise SkinlibError(
            f"{notebook.name}: the Jupyter kernel {kernel!r} does not start "
            f"({str(error).splitlines()[0]}): choose another, such as {PYTHON_KERNEL}"
        ) from None
    finally:
        if manager.has_kernel:
            await manager.shutdown_kernel(now=now)
        if client.kc:
            client.kc.stop_channels()


def refresh(notebook: Path) -> None:
    """Runs a chapter in place with its own parameters, to be committed.

    Keeps its outputs but for stderr, where TensorFlow describes the machine, and no version.

    Raises:
        SkinlibError: as `_execute`, or if its folder is in use; the file is left as it was.
    """
    notebook = notebook.resolve()
    with locked(notebook.parent):
        chapter = asyncio.run(_execute(notebook, {}, None))
        for cell in chapter.cells:
            if cell.cell_type == "code":
                cell.outputs = [out for out in cell.outputs if out.get("name") != "stderr"]
        _write(chapter, notebook)


async def _execute_all(
    source: Path, names: list[Path], parameters: dict, kernel: str | None
) -> dict[Path, float]:
    """Runs the chapters, `AT_ONCE` at a time, and what fills 'Try it'; the first failure stops all.

    Returns:
        chapter -> seconds.
    """
    seconds = {}
    turn = asyncio.Semaphore(1 if kernel else AT_ONCE)  # a GPU is not shared

    async def one(name: Path) -> None:
        async with turn:
            start = time.perf_counter()
            _write(await _execute(source / name, parameters, kernel), source / name)
            seconds[name] = time.perf_counter() - start
            print(f"{seconds[name]:6.1f} s  {name.stem}", flush=True)

    async with asyncio.TaskGroup() as group:
        # The longest first, so that short ones fill the gaps in the end.
        for name in sorted(names, key=lambda name: not _trains(source / name)):
            group.create_task(one(name))
        if (source / "book" / "try_it.md").exists():
            group.create_task(asyncio.to_thread(_fill_try_it, source / "book"))
    return seconds


def _trains(notebook: Path) -> bool:
    """Whether a cell trains a network, which takes longer than all else."""
    cells = [cell.source for cell in _read(notebook).cells if cell.cell_type == "code"]
    return any("train(" in source or "fit(" in source for source in cells)


def _fill_try_it(book: Path) -> None:
    from skinlib.book import try_it  # it needs Keras

    try_it.publish(try_it.chosen(book / "results"), book)


def _status(folder: Path, seconds: dict[Path, float]) -> None:
    """Writes the tables that `book/status.md` shows."""
    rows = {"chapters": [("chapter", "seconds")], "machine": [("what", "which")]}
    for chapter in sorted(seconds):
        head = _read(folder / chapter.name).cells[0].source
        title = head.split("\n")[0].removeprefix("# ")
        rows["chapters"].append((f"[{title}]({chapter.name})", f"{seconds[chapter]:.0f}"))
    rows["chapters"].append(("all of them", f"{sum(seconds.values()):.0f}"))
    rows["machine"].append(("day", datetime.date.today().isoformat()))
    rows["machine"].append(("commit", git(folder, "rev-parse", "--short", "HEAD") or "not known"))
    rows["machine"].append(("processor", f"{processor()}, {os.cpu_count()} cores"))
    rows["machine"] += {"python": platform.python_version(), **versions()}.items()
    (folder / "status").mkdir()
    for name, table in rows.items():
        with (folder / "status" / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows(table)


def repository(root: Path) -> str | None:
    """The repository's address on GitHub, from its CI's variables or git's remote; None without."""
    if name := os.environ.get("GITHUB_REPOSITORY"):
        return f"https://github.com/{name}"
    remote = git(root, "remote", "get-url", "origin") or ""
    match = re.search(r"github\.com[:/]([\w.-]+/[\w.-]+?)(\.git)?/?$", remote)
    return f"https://github.com/{match[1]}" if match else None


def _publish(config: Path, url: str) -> None:
    """Adds to `_config.yml` what needs the repository's address: links, buttons, cards, a map."""
    owner, name = url.split("/")[-2:]
    settings = yaml.safe_load(config.read_text())
    settings["repository"] = {"url": url, "branch": "main"}
    settings["launch_buttons"] = {
        "notebook_interface": "jupyterlab",
        "binderhub_url": "https://mybinder.org",
        "colab_url": "https://colab.research.google.com",
    }
    site = f"https://{owner.lower()}.github.io/{name}/"
    buttons = ("use_repository_button", "use_edit_page_button", "use_issues_button")
    settings["html"] |= {"baseurl": site, **dict.fromkeys(buttons, True)}
    sphinx = settings["sphinx"]["config"]
    sphinx["extensions"] += ["sphinx_sitemap", "sphinxext.opengraph"]
    logo = "book/_static/logo.png"
    cards = {"image": logo, "image_mini": logo, "line_color": "#b5651d"}
    sphinx |= {"ogp_site_url": site, "ogp_site_name": "skinlib", "ogp_social_cards": cards}
    sphinx["sitemap_url_scheme"] = "{link}"
    config.write_text(yaml.safe_dump(settings, allow_unicode=True))


def launchable(notebook: Path, archive: str) -> None:
    """Puts a cell at the head of a chapter that lets it run alone, far from the repository.

    Args:
        notebook: is changed.
        archive: address of a zip file of the repository.
    """
    chapter = _read(notebook)
    source = FIRST_CELL.format(archive=archive).rstrip()
    chapter.cells.insert(0, nbformat.v4.new_code_cell(source, id="install"))
    _write(chapter, notebook)


def make(root: Path, parameters: dict, kernel: str | None = None) -> Path:
    """Executes every chapter and renders the book.

    Works on a copy in `_build/source`; no file outside `_build` is written.

    Args:
        root: the folder that holds `_config.yml`, `_toc.yml` and `book/`.
        parameters: for every chapter.
        kernel: as in `_execute`.

    Returns:
        The path of the first page.

    Raises:
        SkinlibError: if this is no book's folder, another process makes the book, a cell fails
            or the rendering warns.
    """
    names = chapters(root)
    with locked(root / "_build"):
        source = root / "_build" / "source"
        shutil.rmtree(source, ignore_errors=True)
        shutil.rmtree(root / "_build" / "html", ignore_errors=True)
        left_out = shutil.ignore_patterns(".ipynb_checkpoints", f"*{PARTIAL}", ".lock")
        shutil.copytree(root / "book", source / "book", ignore=left_out)
        for name in ("_config.yml", "_toc.yml"):
            shutil.copy(root / name, source)
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        os.environ.setdefault("SKINLIB_SVG", "1")
        if not kernel:  # chapters that run side by side would wait for each other's threads
            threads = max(1, (os.cpu_count() or 1) // AT_ONCE)
            os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(threads))
        try:
            seconds = asyncio.run(_execute_all(source, names, parameters, kernel))
        except* SkinlibError as failed:
            raise failed.exceptions[0] from None
        _status(source / "book", seconds)
        let_figures_move(source / "book")
        if url := repository(root):
            _publish(source / "_config.yml", url)
        _render(source, root)
        if url:
            commit = git(root, "rev-parse", "HEAD")
            for chapter in names:  # the copies that a reader downloads
                copy = root / "_build/html/_sources" / chapter
                launchable(copy, f"{url}/archive/{commit}.zip")
    return root / "_build" / "html" / "book" / "index.html"


def _render(source: Path, output: Path) -> None:
    command = [sys.executable, "-m", "skinlib.book.render", "build", str(source), "--all", "-W"]
    command += ["--keep-going", "--quiet", "--path-output", str(output)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as render:
        failed = render.wait()
    if failed:
        raise SkinlibError("the pages were not rendered without warnings: see above")
