"""The chapters as files, and how the book is made from them."""

import base64
import re
from pathlib import Path

import nbformat
import papermill
import pytest
import yaml

from skinlib.book import build as book

ROOT = Path(__file__).parents[1]
CHAPTERS = book.chapters(ROOT)


def notebook_of(*cells, parameters='data = "phantom"\nham10000 = ""'):
    first = nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})
    notebook = nbformat.v4.new_notebook(cells=[first, *map(nbformat.v4.new_code_cell, cells)])
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    return notebook


def test_every_notebook_is_in_the_book():
    assert sorted(path.name for path in CHAPTERS) == sorted(
        path.name for path in (ROOT / "book").glob("*.ipynb")
    )


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
class TestChapter:
    def test_takes_the_books_parameters(self, chapter):
        assert {"data", "ham10000"} <= papermill.inspect_notebook(ROOT / chapter).keys()
        first = next(c for c in self.cells(chapter) if c.cell_type == "code")
        assert "parameters" in first.metadata.tags
        assert 'data = "phantom"' in first.source

    def test_every_figure_has_alternative_text_and_a_reference(self, chapter):
        prose = "".join(c.source for c in self.cells(chapter) if c.cell_type == "markdown")
        for cell in self.cells(chapter):
            if any("image/png" in out.get("data", {}) for out in cell.get("outputs", [])):
                markup = cell.metadata.get("mystnb", {})
                assert len(markup["image"]["alt"]) > 20, cell.source
                assert f"{{numref}}`{markup['figure']['name']}`" in prose, cell.source

    def test_was_run_to_its_end(self, chapter):
        code = [c for c in self.cells(chapter) if c.cell_type == "code"]
        assert [c.execution_count for c in code] == list(range(1, len(code) + 1))
        outputs = [o for c in code for o in c.outputs]
        assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]

    def test_has_folded_solutions(self, chapter):
        prose = "".join(c.source for c in self.cells(chapter) if c.cell_type == "markdown")
        assert len(re.findall(r"Solution.*\n:class: dropdown", prose)) >= 2

    def test_holds_no_jpeg_and_no_picture_of_ham10000(self, chapter):
        for cell in self.cells(chapter):
            for output in cell.get("outputs", []):
                assert "image/jpeg" not in output.get("data", {})
                if "image/png" in output.get("data", {}):
                    assert base64.b64decode(output.data["image/png"]).startswith(b"\x89PNG")
        text = (ROOT / chapter).read_text()
        assert not re.search(r"ISIC_00\d{5}", text)

    @staticmethod
    def cells(chapter):
        return nbformat.read(ROOT / chapter, as_version=4).cells


def test_parameters_are_injected(tmp_path):
    path = tmp_path / "chapter.ipynb"
    nbformat.write(notebook_of("print(data)"), path)
    book.execute(path, {"data": "ham10000"})
    assert nbformat.read(path, as_version=4).cells[-1].outputs[0].text == "ham10000\n"


def test_an_unknown_parameter_is_refused(tmp_path):
    path = tmp_path / "chapter.ipynb"
    nbformat.write(notebook_of("print(data)"), path)
    with pytest.raises(book.BookError, match=r"chapter.ipynb has no parameter dta: it knows data"):
        book.execute(path, {"dta": "ham10000"})


def test_a_failing_cell_is_named(tmp_path):
    path = tmp_path / "chapter.ipynb"
    nbformat.write(notebook_of("ok = 1", "raise ValueError('boom')"), path)
    with pytest.raises(book.BookError, match=r"chapter.ipynb, cell 3: ValueError: boom"):
        book.execute(path, {})


def test_a_kernel_that_is_not_there_is_named(tmp_path):
    path = tmp_path / "chapter.ipynb"
    nbformat.write(notebook_of("print(data)"), path)
    with pytest.raises(book.BookError, match="no Jupyter kernel 'skinlib-tpu'"):
        book.execute(path, {}, "skinlib-tpu")


def test_a_folder_that_is_no_book_is_left_alone(tmp_path):
    """Called in another project's folder, it once removed that project's pages."""
    page = tmp_path / "_build" / "html" / "index.html"
    page.parent.mkdir(parents=True)
    page.write_text("another's")
    with pytest.raises(book.BookError, match=r"has no _toc\.yml"):
        book.make(tmp_path, {})
    assert page.exists()


def test_a_chapter_is_refreshed_without_what_the_machine_said(tmp_path):
    path = tmp_path / "chapter.ipynb"
    cells = "import sys; print(6); print('banner', file=sys.stderr); print(6 * 7)", "x = 1"
    nbformat.write(notebook_of(*cells), path)
    book.refresh(path)
    _, shown, silent = nbformat.read(path, as_version=4).cells
    assert [output.text for output in shown.outputs] == ["6\n42\n"]
    assert (shown.execution_count, silent.execution_count) == (2, 3)
    assert not shown.metadata


@pytest.mark.parametrize("text", ["# no notebook", None])
def test_a_chapter_that_cannot_be_refreshed_is_named(tmp_path, text):
    path = tmp_path / "chapter.ipynb"
    nbformat.write(notebook_of("1 / 0"), path)
    if text:
        path.write_text(text)
    before = path.read_text()
    with pytest.raises(book.BookError, match=r"chapter.ipynb( is no notebook|.*ZeroDivisionError)"):
        book.refresh(path)
    assert path.read_text() == before


@pytest.fixture
def tiny_book(tmp_path):
    (tmp_path / "book").mkdir()
    (tmp_path / "_config.yml").write_text("title: tiny\nexecute: {execute_notebooks: 'off'}\n")
    toc = {
        "format": "jb-book",
        "root": "book/index",
        "parts": [{"caption": "one", "chapters": [{"file": "book/chapter"}]}],
    }
    (tmp_path / "_toc.yml").write_text(yaml.safe_dump(toc))
    (tmp_path / "book" / "index.md").write_text("# Tiny\n")
    nbformat.write(notebook_of("print(6 * 7)"), tmp_path / "book" / "chapter.ipynb")
    (tmp_path / "book" / "chapter.ipynb").touch()
    return tmp_path


def test_a_book_is_made_without_touching_its_sources(tiny_book, capfd):
    notebook = tiny_book / "book" / "chapter.ipynb"
    cells = nbformat.read(notebook, as_version=4)
    cells.cells.insert(0, nbformat.v4.new_markdown_cell("# Chapter"))
    nbformat.write(cells, notebook)
    before = {p: p.read_bytes() for p in tiny_book.rglob("*") if p.is_file()}
    page = book.make(tiny_book, {"data": "phantom"})
    assert "42" in (page.parent / "chapter.html").read_text()
    after = {p: p.read_bytes() for p in tiny_book.rglob("*") if p.is_file()}
    assert {p: c for p, c in after.items() if "_build" not in p.parts} == before
    assert re.search(r"\d s  chapter", capfd.readouterr().out)


def test_a_broken_reference_fails_the_book(tiny_book, capfd):
    (tiny_book / "book" / "index.md").write_text("# Tiny\n\nSee {ref}`nowhere`.\n")
    with pytest.raises(book.BookError, match="without warnings"):
        book.make(tiny_book, {})
    assert "nowhere" in capfd.readouterr().err
