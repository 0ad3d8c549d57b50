"""Runs notebooks in place, and whole chapters on so little data that it takes seconds."""

import asyncio
import shutil
from pathlib import Path

import papermill
import pytest

from skinlib.book import build

ROOT = Path(__file__).parents[1]
TINY = {"count": 150, "size": 48, "epochs": 1}

each_chapter = pytest.mark.parametrize("chapter", build.chapters(ROOT), ids=lambda path: path.stem)


def execute(notebook: Path, parameters: dict, kernel: str | None = None) -> None:
    """Runs a notebook, which keeps its outputs; arguments as of `build._execute`."""
    build._write(asyncio.run(build._execute(notebook, parameters, kernel)), notebook)


def tiny_copy(chapter: Path, folder: Path) -> tuple[Path, dict]:
    """A chapter in a copy of the book, and its parameters for little data."""
    shutil.copytree(ROOT / "book", folder / "book")
    known = papermill.inspect_notebook(ROOT / chapter)
    return folder / chapter, {name: value for name, value in TINY.items() if name in known}
