"""A chapter as a reader has it in JupyterLab: opened, run to its end, its figure moved."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from skinlib.book.pdf import open_browser

BOOK = Path(__file__).parents[2] / "book"
CHAPTER = "01_dataset.ipynb"
WHOLE = '{"windowingMode": "none"}'  # cells out of sight are drawn as well


@pytest.fixture
def book(tmp_path):
    return Path(shutil.copytree(BOOK, tmp_path / "book"))


@pytest.fixture
def lab(book, tmp_path):
    """The address of a JupyterLab on a copy of the book."""
    settings = tmp_path / "settings" / "@jupyterlab" / "notebook-extension"
    settings.mkdir(parents=True)
    (settings / "tracker.jupyterlab-settings").write_text(WHOLE)
    places = {"JUPYTERLAB_SETTINGS_DIR": tmp_path / "settings", "JUPYTER_CONFIG_DIR": tmp_path}
    surroundings = os.environ | {name: str(path) for name, path in places.items()}
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--port=0", "--allow-root"]
    command += ["--IdentityProvider.token=chapter", f"--notebook-dir={book}"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=surroundings) as server:
        line = next(line for line in server.stderr if "http://127.0.0.1" in line)
        yield line[line.index("http") :].split("/lab")[0]
        server.terminate()
        server.communicate()


def test_a_chapter_runs_and_its_figure_moves(lab, book):
    with open_browser() as browser:
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.goto(f"{lab}/lab/tree/{CHAPTER}?token=chapter")
        page.wait_for_selector(".jp-Notebook-cell")
        page.locator(".lm-MenuBar-itemLabel:text-is('Kernel')").click()
        page.locator(".lm-Menu-itemLabel:has-text('Restart Kernel and Run All Cells')").click()
        page.locator("button:has-text('Restart')").last.click()
        status = ".jp-Notebook-ExecutionIndicator[data-status={}]"
        page.wait_for_selector(status.format("busy"), timeout=60_000)
        page.wait_for_selector(status.format("idle"), timeout=120_000)

        slider = page.locator(".vega-bindings input[type=range]").first
        drawn = page.locator(".vega-embed").first.locator("svg, canvas").first
        before = drawn.screenshot()
        slider.focus()
        page.keyboard.press("End")
        assert drawn.screenshot() != before

        page.keyboard.press("Control+s")
        page.wait_for_selector(".jp-mod-dirty", state="detached")
    cells = nbformat.read(book / CHAPTER, 4).cells
    said = [(out.get("name"), out.get("text")) for c in cells for out in c.get("outputs", [])]
    assert not [text for name, text in said if name == "stderr"]
