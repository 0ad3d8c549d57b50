"""How chapters are run, and how the book is made from them; each test makes its own notebooks."""

import errno
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml
from filelock import FileLock
from jupyter_client.kernelspec import KernelSpecManager
from notebooks import execute

from skinlib.book import build
from skinlib.errors import SkinlibError

ROOT = Path(__file__).parents[2]
PARAMETERS = 'data = "phantom"\nham10000 = ""'


def write(path, *cells, parameters=PARAMETERS, kernel="python3", language="python"):
    first = nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})
    notebook = nbformat.v4.new_notebook(cells=[first, *map(nbformat.v4.new_code_cell, cells)])
    notebook.metadata["kernelspec"] = {"name": kernel, "display_name": kernel, "language": language}
    nbformat.write(notebook, path)
    return path


def read(path):
    return nbformat.read(path, as_version=4)


@pytest.fixture
def chapter(tmp_path):
    return tmp_path / "chapter.ipynb"


def test_parameters_take_effect_and_leave_no_cell(chapter):
    write(chapter, "print(data, ham10000)")
    notebook = read(chapter)
    injected = nbformat.v4.new_code_cell("data = 1", metadata={"tags": ["injected-parameters"]})
    notebook.cells.insert(1, injected)  # from an earlier call of papermill
    nbformat.write(notebook, chapter)
    execute(chapter, {"data": 'a "quoted" name'})
    first, shown = read(chapter).cells
    assert first.source == PARAMETERS
    assert shown.outputs[0].text == 'a "quoted" name \n'
    assert (first.execution_count, shown.execution_count) == (1, 2)


def test_an_unknown_parameter_is_refused(chapter):
    write(chapter)
    with pytest.raises(SkinlibError, match=r"chapter.ipynb has no parameter dta: it knows data, h"):
        execute(chapter, {"dta": "ham10000"})


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("raise ValueError('boom')", "cell 3: ValueError: boom$"),
        ("import os; os._exit(137)", "cell 3: the kernel died"),
    ],
)
def test_a_chapter_that_fails_is_named_with_its_cell_and_left_alone(chapter, cell, said):
    before = write(chapter, "ok = 1", cell, "print(ok)").read_bytes()
    with pytest.raises(SkinlibError, match=f"^chapter.ipynb, {said}"):
        build.refresh(chapter)
    assert chapter.read_bytes() == before
    assert list(chapter.parent.iterdir()) == [chapter]


def test_a_chapter_is_refreshed_without_what_the_machine_said(chapter, capfd):
    banner = "import os, sys; print(6); os.write(2, b'I0000'); print('banner', file=sys.stderr)"
    write(chapter, f"{banner}; print(6 * 7)", "x = 1")
    build.refresh(chapter)
    assert capfd.readouterr() == ("", "")
    _, shown, silent = read(chapter).cells
    assert [output.text for output in shown.outputs] == ["6\n42\n"]
    assert (shown.execution_count, silent.execution_count) == (2, 3)
    assert not shown.metadata


def test_a_kernel_of_another_machine_is_replaced_by_this_pythons(chapter, capsys):
    """VS Code and conda save their own kernels' names; that cost a traceback of 70 lines."""
    write(chapter, "import sys; print(sys.prefix)", kernel="conda-env-derma-py")
    build.refresh(chapter)
    said = "chapter.ipynb: no Jupyter kernel 'conda-env-derma-py' here, python3 runs it\n"
    assert capsys.readouterr().out == said
    assert read(chapter).metadata["kernelspec"]["name"] == "python3"
    assert read(chapter).cells[1].outputs[0].text == f"{sys.prefix}\n"


def test_a_kernel_that_was_asked_for_and_is_not_there_is_refused(chapter):
    write(chapter)
    with pytest.raises(SkinlibError, match=r"no Jupyter kernel 'skinlib-tpu': choose .*python3"):
        execute(chapter, {}, "skinlib-tpu")


def test_a_kernel_whose_python_is_gone_is_named(chapter, tmp_path, monkeypatch):
    folder = tmp_path / "spec"
    folder.mkdir()
    gone = '{"argv": ["/gone/python"], "display_name": "x", "language": "python"}'
    (folder / "kernel.json").write_text(gone)
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    KernelSpecManager().install_kernel_spec(str(folder), "derma", user=True)
    write(chapter, kernel="derma")
    with pytest.raises(
        SkinlibError, match=r"chapter.ipynb: the Jupyter kernel 'derma' does not st"
    ):
        build.refresh(chapter)


def test_another_language_is_refused(chapter):
    write(chapter, kernel="ir", language="R")
    with pytest.raises(SkinlibError, match=r"chapter.ipynb is written in R"):
        build.refresh(chapter)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"# no notebook",
        b"\xff\xfe\x00",
        b"[]",
        b"null",
        b'{"a": 1}',
        b'{"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": []}',
        b'{"nbformat": 5, "nbformat_minor": 0, "metadata": {}, "cells": []}',
        b'{"nbformat": "4", "nbformat_minor": 0, "metadata": {}, "cells": []}',
        b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": 3}',
        b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{}]}',
        b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": 3}, "cells": []}',
        b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_ty',
    ],
)
def test_what_is_no_notebook_is_refused_in_a_sentence(chapter, content):
    chapter.write_bytes(content)
    with pytest.raises(SkinlibError, match=r"chapter.ipynb is (no Jupyter notebook|a notebook of)"):
        build.refresh(chapter)
    assert chapter.read_bytes() == content


def test_a_full_disk_leaves_the_chapter_as_it_was(chapter, monkeypatch):
    before = write(chapter, "print(1)").read_bytes()

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SkinlibError, match=r"chapter.ipynb is as it was.*No space left"):
        build.refresh(chapter)
    assert chapter.read_bytes() == before
    assert list(chapter.parent.iterdir()) == [chapter]


@pytest.fixture
def tiny_book(tmp_path, monkeypatch):
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    (tmp_path / "book" / "_static").mkdir(parents=True)
    (tmp_path / "_config.yml").write_text("title: tiny\nexecute: {execute_notebooks: 'off'}\n")
    toc = {
        "format": "jb-book",
        "root": "book/index",
        "parts": [{"caption": "one", "chapters": [{"file": "book/chapter"}]}],
    }
    (tmp_path / "_toc.yml").write_text(yaml.safe_dump(toc))
    (tmp_path / "book" / "index.md").write_text("# Tiny\n")
    notebook = read(write(tmp_path / "book" / "chapter.ipynb", "print(data, 6 * 7)"))
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell("# Chapter"))
    nbformat.write(notebook, tmp_path / "book" / "chapter.ipynb")
    return tmp_path


def files_of(root):
    files = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    return {path: data for path, data in files.items() if "_build" not in path.parts}


@pytest.mark.slow
def test_a_book_is_made_without_touching_its_sources(tiny_book, capfd):
    before = files_of(tiny_book)
    page = build.make(tiny_book, {"data": "ham10000"})
    assert "ham10000 42" in (page.parent / "chapter.html").read_text()
    assert files_of(tiny_book) == before
    out = capfd.readouterr().out
    assert " s  chapter\n" in out
    offered = read(page.parents[1] / "_sources" / "book" / "chapter.ipynb")
    assert [cell.source for cell in offered.cells[1:]] == [PARAMETERS, "print(data, 6 * 7)"]


@pytest.mark.slow
def test_lines_are_svg_in_the_book_and_png_in_a_notebook(chapter, monkeypatch):
    """A picture in SVG would be drawn at 72 dots per inch."""
    style = "from matplotlib import pyplot as plt\nfrom skinlib.book.figures import use_style\n"
    write(chapter, style + "use_style()", "plt.plot([1, 2]);", "plt.imshow([[1, 2]]);")
    for book, expected in (("", [False, False]), ("1", [True, False])):
        monkeypatch.setenv("SKINLIB_SVG", book)
        execute(chapter, {})
        shown = [cell.outputs[0].data for cell in read(chapter).cells[2:]]
        assert ["image/svg+xml" in data for data in shown] == expected
        assert all("image/png" in data for data in shown)


@pytest.mark.slow
def test_the_networks_are_put_beside_the_page_that_runs_them(tiny_book, monkeypatch):
    own = Path(__file__).parents[2] / "book"
    shutil.copytree(own / "_static" / "try_it", tiny_book / "book" / "_static" / "try_it")
    name = Path("results", "phantom_networks", "proposed")
    shutil.copytree(own / name, tiny_book / "book" / name)
    shutil.copy(own / "try_it.md", tiny_book / "book")
    (tiny_book / "book" / "chapter.ipynb").unlink()
    toc = (tiny_book / "_toc.yml").read_text().replace("book/chapter", "book/try_it")
    (tiny_book / "_toc.yml").write_text(toc)
    before = files_of(tiny_book)
    monkeypatch.setattr(build, "_render", lambda *_: None)
    build.make(tiny_book, {})
    made = tiny_book / "_build" / "source" / "book" / "_static" / "try_it"
    assert "trained on the phantom" in (made / "networks.js").read_text()
    assert (made / "network0.js").stat().st_size > 3e6
    assert files_of(tiny_book) == before


@pytest.mark.slow
def test_a_broken_reference_fails_the_book(tiny_book, capfd):
    (tiny_book / "book" / "index.md").write_text("# Tiny\n\nSee {ref}`nowhere`.\n")
    (tiny_book / "book" / "chapter.ipynb").unlink()
    (tiny_book / "book" / "chapter.md").write_text("# Chapter\n")
    with pytest.raises(SkinlibError, match="without warnings"):
        build.make(tiny_book, {})
    assert "nowhere" in capfd.readouterr().err


def test_a_folder_that_is_no_book_is_left_alone(tmp_path):
    """Called in another project's folder, it once removed that project's pages."""
    page = tmp_path / "_build" / "html" / "index.html"
    page.parent.mkdir(parents=True)
    page.write_text("another's")
    with pytest.raises(SkinlibError, match=r"has no _toc\.yml"):
        build.make(tmp_path, {})
    assert page.exists()


@pytest.mark.parametrize(
    "toc",
    [
        "",
        "[",
        "root: [book/index]",
        "root: book/nowhere",
        "root: ../chapter",
        "format: jb-book\nroot: book/index\nparts: 3",
        "format: jb-book\nroot: book/index\nchapters: [{file: 3}]",
        "a: &a [*a]\nroot: *a",
    ],
)
def test_a_broken_table_of_contents_is_refused_in_a_sentence(tiny_book, toc):
    (tiny_book / "_toc.yml").write_text(toc)
    with pytest.raises(SkinlibError, match=r"_toc\.yml (names|is no table)[^\n]*$"):
        build.make(tiny_book, {})


def test_two_at_once_in_one_folder_are_refused(tiny_book):
    (tiny_book / "_build").mkdir()
    refused = pytest.raises(SkinlibError, match="another process")
    with FileLock(tiny_book / "_build" / ".lock"), refused:
        build.make(tiny_book, {})
    with FileLock(tiny_book / "book" / ".lock"), refused:
        build.refresh(tiny_book / "book" / "chapter.ipynb")


WAITING = """
import socket, time
held = socket.create_connection(("127.0.0.1", {port}))
time.sleep(600)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "how"),
    [
        ("book", signal.SIGINT),
        ("book", signal.SIGTERM),
        ("book", signal.SIGKILL),
        ("run book/chapter.ipynb", signal.SIGINT),
    ],
)
def test_nothing_is_left_behind_when_it_is_stopped(tiny_book, command, how):
    """The kernel holds a connection, which ends when the kernel does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        waiting = WAITING.format(port=server.getsockname()[1])
        write(tiny_book / "book" / "chapter.ipynb", waiting)
        before = files_of(tiny_book)
        main = [sys.executable, "-c", "from skinlib.cli import main; main()"]
        with subprocess.Popen(
            [*main, *command.split()], cwd=tiny_book, stderr=subprocess.PIPE, text=True
        ) as process:
            held, _ = server.accept()
            with held:
                process.send_signal(how)
                _, said = process.communicate(timeout=30)
                held.settimeout(30)
                assert held.recv(1) == b""
    assert "Traceback" not in said
    left = files_of(tiny_book)
    left.pop(tiny_book / "book" / ".lock", None)
    assert left == before
    for folder in ("book", "_build"):
        if (tiny_book / folder).exists():
            FileLock(tiny_book / folder / ".lock").acquire(timeout=0).lock.release()


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("git@github.com:some.one/the-book.git", "https://github.com/some.one/the-book"),
        ("https://github.com/someone/book.git", "https://github.com/someone/book"),
        ("https://github.com/someone/book/", "https://github.com/someone/book"),
        ("https://example.org/someone/book.git", None),
        (None, None),
    ],
)
def test_the_repository_is_where_git_says(tmp_path, monkeypatch, remote, address):
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert build.repository(tmp_path) is None  # no repository of git's at all
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    if remote:
        subprocess.run(["git", "remote", "add", "origin", remote], cwd=tmp_path, check=True)
    assert build.repository(tmp_path) == address
    monkeypatch.setenv("GITHUB_REPOSITORY", "else/where")
    assert build.repository(tmp_path) == "https://github.com/else/where"


@pytest.mark.slow
def test_where_the_repository_is_known_the_pages_say_so(tiny_book, monkeypatch):
    for name in ("_config.yml", "book/references.bib"):
        shutil.copy(ROOT / name, tiny_book / name)
    own = Path("book", "_static")
    shutil.copytree(ROOT / own, tiny_book / own, dirs_exist_ok=True)
    monkeypatch.setenv("GITHUB_REPOSITORY", "Someone/book")
    page = build.make(tiny_book, {}).with_name("chapter.html").read_text()
    for address in (
        "https://someone.github.io/book/book/chapter.html",
        "https://github.com/Someone/book/edit/main/book/chapter.ipynb",
        "https://github.com/Someone/book/issues/new",
        "https://mybinder.org/v2/gh/Someone/book/main?urlpath=lab/tree/book/chapter.ipynb",
        "https://colab.research.google.com/github/Someone/book/blob/notebooks/book/chapter.ipynb",
    ):
        assert f'"{address}' in page
    assert 'property="og:image" content="https://someone.github.io/book/' in page
    copy = read(tiny_book / "_build/html/_sources/book/chapter.ipynb")
    assert "https://github.com/Someone/book/archive/" in copy.cells[0].source


def test_the_cell_that_installs_does_nothing_where_skinlib_is(chapter):
    write(chapter, "print(6 * 7)")
    build.launchable(chapter, "https://example.invalid/book.zip")
    execute(chapter, {})
    first, *others = read(chapter).cells
    assert "https://example.invalid/book.zip" in first.source
    assert not first.outputs
    assert [cell.source for cell in others] == [PARAMETERS, "print(6 * 7)"]
    assert list(chapter.parent.iterdir()) == [chapter]
