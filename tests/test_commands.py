"""The commands that the pages print: each is one that exists, with options that it has."""

import re
import shlex

import papermill
import pytest
import typer
from notebooks import ROOT

from skinlib import cli
from skinlib.experiments import EXPERIMENTS

PAGES = [ROOT / "README.md", *sorted((ROOT / "book").glob("*.md"))]


def commands() -> list[list[str]]:
    """The words of each line in a console block; lines that end in a backslash go on."""
    found = []
    for page in PAGES:
        for block in re.findall(r"```console\n(.*?)```", page.read_text(), re.DOTALL):
            lines = block.replace("\\\n", " ").replace(".venv\\Scripts\\", ".venv/bin/")
            found += [shlex.split(line, comments=True) for line in lines.splitlines()]
    return [words for words in found if words]


def test_there_are_some():
    assert len(commands()) > 30


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_a_printed_command_exists(words, tmp_path, monkeypatch):
    program, *arguments = words
    if program == "make":
        assert re.search(rf"^{arguments[0]}\b.*:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    elif program.endswith("/skinlib"):
        (tmp_path / "ham10000").mkdir()  # where the images would lie
        monkeypatch.chdir(tmp_path)
        name, *options = arguments
        command = typer.main.get_command(cli.app).commands[name]
        given = command.make_context(name, options).params
        if name == "train":
            cli._recipe(given["settings"])
        if name == "sweep":
            assert given["name"] in EXPERIMENTS
    elif program.endswith("/papermill"):
        known = papermill.inspect_notebook(ROOT / "book" / arguments[0])
        assert {arguments[i + 1] for i, word in enumerate(arguments) if word == "-p"} <= {*known}
    elif program.endswith("/python") and arguments[0].endswith(".py"):
        assert (ROOT / arguments[0]).exists()


def test_the_table_of_sweeps_counts_their_runs():
    rows = re.findall(
        r"^\| `(\w+)` \|.*?\|[^|]*\| (\d+)(?:, then (\d+))? \|",
        (ROOT / "book/running.md").read_text(),
        re.MULTILINE,
    )
    assert [name for name, *_ in rows] == list(EXPERIMENTS)
    for name, first, more in rows:
        one, two = (len(EXPERIMENTS[name](seeds)) for seeds in (1, 2))
        assert (one, two - one) == (int(first), int(more or first)), name
