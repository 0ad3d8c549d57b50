"""A chapter as a reader has it in JupyterLab: opened, run to its end, its figure moved.

JupyterLab says itself when a step is done: its commands are promises. No indicator is watched.
"""

import os
import subprocess
import sys
import threading
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import expect

from skinlib.book.pdf import open_browser

BOOK = Path(__file__).parents[2] / "book"
CHAPTER = "09_verdict.ipynb"  # the quickest
PATIENCE = 600_000  # ms: ends what hangs; a busy machine takes minutes, a quiet one seconds

RUN = """path => {
    const run = async () => {
        const {commands, restored} = jupyterapp;
        await restored;
        const panel = await commands.execute('docmanager:open', {path, factory: 'Notebook'});
        await panel.sessionContext.ready;
        await commands.execute('notebook:run-all-cells');
        await panel.context.save();
    };
    run().then(() => window.ended = 'well', error => window.ended = String(error));
}"""


@pytest.fixture
def book(tmp_path):
    """A folder with the chapter, without its outputs, and with what it reads."""
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "results").symlink_to(BOOK / "results")
    chapter = nbformat.read(BOOK / CHAPTER, 4)
    for cell in chapter.cells:
        if cell.cell_type == "code":
            cell.update(outputs=[], execution_count=None)
    nbformat.write(chapter, tmp_path / "book" / CHAPTER)
    return tmp_path / "book"


@pytest.fixture
def lab(book, tmp_path):
    """The address of a JupyterLab on that folder, with nobody's settings."""
    surroundings = {k: v for k, v in os.environ.items() if k != "PYTEST_CURRENT_TEST"}
    surroundings |= {f"JUPYTER_{name}_DIR": str(tmp_path / name) for name in ("CONFIG", "RUNTIME")}
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--port=0", "--allow-root"]
    command += ["--LabApp.expose_app_in_browser=True", f"--notebook-dir={book}"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=surroundings) as server:
        line = next(line for line in server.stderr if "http://127.0.0.1" in line)
        threading.Thread(target=server.stderr.read).start()  # a full pipe would stop the server
        yield line[line.index("http") :].strip()
        server.terminate()


def test_a_chapter_runs_and_its_figure_moves(lab, book):
    with open_browser() as browser:
        page = browser.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(lab)
        page.wait_for_function("() => window.jupyterapp")
        page.evaluate(RUN, CHAPTER)
        page.wait_for_function("() => window.ended")
        assert page.evaluate("() => window.ended") == "well"

        number = page.locator(".vega-embed svg text", has_text="of studies").first
        before = number.text_content()
        page.locator(".vega-bindings input[type=range]").first.press("End")
        expect(number).not_to_have_text(before, timeout=PATIENCE)
    cells = [c for c in nbformat.read(book / CHAPTER, 4).cells if c.cell_type == "code"]
    assert all(cell.execution_count for cell in cells)
    outputs = [out for cell in cells for out in cell.outputs]
    assert not [out.text for out in outputs if out.get("name") == "stderr"]
