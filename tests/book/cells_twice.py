"""Each chapter with its cells run twice in one kernel, as a reader does who changes one.

A network that loads once per process, or a name that means two things, shows only then. It takes
minutes, so it is no part of `make check`:

    pytest -n 2 tests/book/cells_twice.py
"""

import shutil
from pathlib import Path

import nbformat
import papermill
import pytest

from skinlib.book import build

ROOT = Path(__file__).parents[2]
CHAPTERS = build.chapters(ROOT)
TINY = {"count": 150, "size": 64, "epochs": 1}


def each_twice(cells: list) -> list:
    """The first cell twice, then the second twice, and so on."""
    return [cell for cell in cells for _ in range(2)]


def again_from_the_top(cells: list) -> list:
    """All cells in order, then all again."""
    return cells + cells


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
@pytest.mark.parametrize("order", [each_twice, again_from_the_top])
def test_a_chapter_bears_a_second_run_of_its_cells(tmp_path, order, chapter):
    shutil.copytree(ROOT / "book", tmp_path / "book")
    known = papermill.inspect_notebook(ROOT / chapter)
    parameters = {name: value for name, value in TINY.items() if name in known}
    notebook = nbformat.read(tmp_path / chapter, 4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    (first,) = (cell for cell in code if "parameters" in cell.metadata.get("tags", []))
    others = order([cell.source for cell in code if cell is not first])  # which keeps its values
    notebook.cells = [first, *map(nbformat.v4.new_code_cell, others)]
    nbformat.write(notebook, tmp_path / chapter)
    build.execute(tmp_path / chapter, parameters)
