"""Each chapter with its cells run twice in one kernel, as a reader does who changes one.

A network that loads once per process, or a name that means two things, shows only then. It takes
minutes, so it is no part of `make check`:

    pytest -n 2 tests/book/cells_twice.py
"""

import nbformat
import pytest
from notebooks import each_chapter, execute, tiny_copy


def each_twice(cells: list) -> list:
    """The first cell twice, then the second twice, and so on."""
    return [cell for cell in cells for _ in range(2)]


def again_from_the_top(cells: list) -> list:
    """All cells in order, then all again."""
    return cells + cells


@each_chapter
@pytest.mark.parametrize("order", [each_twice, again_from_the_top])
def test_a_chapter_bears_a_second_run_of_its_cells(tmp_path, order, chapter):
    path, parameters = tiny_copy(chapter, tmp_path)
    notebook = nbformat.read(path, 4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    (first,) = (cell for cell in code if "parameters" in cell.metadata.get("tags", []))
    others = order([cell.source for cell in code if cell is not first])  # which keeps its values
    notebook.cells = [first, *map(nbformat.v4.new_code_cell, others)]
    nbformat.write(notebook, path)
    execute(path, parameters)
