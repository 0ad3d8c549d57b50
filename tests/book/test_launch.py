"""A chapter alone, as on Colab, needs nothing but what its first cell brings.

That is skinlib with the extra `launch`, and `results/` beside the notebook.
"""

import ast
import functools
import sys
import tomllib
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import nbformat
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from skinlib.book import build

ROOT = Path(__file__).parents[2]
CHAPTERS = [ROOT / chapter for chapter in build.chapters(ROOT)]


@functools.cache
def code(file):
    if file.suffix == ".py":
        return list(ast.walk(ast.parse(file.read_text())))
    cells = [c.source for c in nbformat.read(file, 4).cells if c.cell_type == "code"]
    return list(ast.walk(ast.parse("\n".join(cells))))


def imported(file):
    """All that a file imports, anywhere in it."""
    for node in code(file):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ours(name):
    """Our files that importing a name runs; it is a module, or something in one."""
    path = ROOT
    for part in name.split("."):
        path /= part
        yield from filter(Path.exists, (path / "__init__.py", path.with_suffix(".py")))


def run_by(chapter):
    """The chapter, and each file of ours that it imports, or that they do."""
    found, waiting = {chapter}, [chapter]
    while waiting:
        for name in imported(waiting.pop()):
            new = set(ours(name)) - found
            found |= new
            waiting += new
    return found


@pytest.fixture(scope="module")
def modules():
    """What can be imported where skinlib[launch] is installed, and the kernel of the notebook."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = project["dependencies"] + project["optional-dependencies"]["launch"] + ["ipykernel"]
    found = set()
    while lines:
        wanted = Requirement(lines.pop())
        name = canonicalize_name(wanted.name)
        if name not in found and (not wanted.marker or wanted.marker.evaluate({"extra": ""})):
            found.add(name)
            lines += requires(name) or []
    installed = packages_distributions().items()
    return {top for top, names in installed if found & set(map(canonicalize_name, names))}


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
class TestAlone:
    def test_imports_what_is_installed(self, chapter, modules):
        tops = {name.split(".")[0] for file in run_by(chapter) for name in imported(file)}
        assert "keras" in tops
        jax = {"jax"}  # only where Keras runs on it
        assert tops <= modules | sys.stdlib_module_names | {"skinlib"} | jax

    def test_reads_its_results_and_no_other_file_of_the_repository(self, chapter):
        texts = {node.value for node in code(chapter) if isinstance(node, ast.Constant)}
        paths = [Path(text) for text in texts if isinstance(text, str) and len(text) < 100]
        read = [path for path in paths if (ROOT / "book" / path).is_file() or ".." in path.parts]
        assert not [path for path in read if path.parts[0] != "results"]

    def test_runs_no_code_that_knows_its_place(self, chapter):
        """But for that which asks git for the commit."""
        asks = {
            file.name
            for file in run_by(chapter)
            for node in code(file)
            if "__file__" in (getattr(node, "id", ""), getattr(node, "attr", ""))
        }
        assert asks <= {"environment.py"}
