"""One set of versions, for pip and conda, with no address of a registry in it."""

import os
import re
import shutil
import subprocess
import tomllib
from itertools import chain
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def pins() -> list[Requirement]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return [Requirement(line) for line in lines]


def test_every_dependency_is_pinned_within_its_range():
    groups = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    for requirement in map(Requirement, chain(*groups)):
        versions = [pin for pin in pins() if pin.name.lower() == requirement.name.lower()]
        assert versions, requirement
        for pin in versions:
            (exact,) = pin.specifier
            assert exact.operator == "=="
            assert exact.version in requirement.specifier


def test_the_pins_name_no_address():
    assert not re.search(r"https?:|@|--", (ROOT / "constraints.txt").read_text())


def test_conda_users_get_the_same_versions():
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    (pip,) = [entry["pip"] for entry in conda if isinstance(entry, dict)]
    assert pip == ["--constraint constraints.txt", "--editable .[book,test]"]
    (python,) = [e for e in conda if isinstance(e, str) and e.startswith("python ")]
    assert SpecifierSet(python.removeprefix("python ")) == SpecifierSet(PROJECT["requires-python"])


@pytest.mark.skipif(not shutil.which("make"), reason="no make, as on Windows")
def test_a_fresh_clone_takes_the_pins_as_they_are(tmp_path):
    """Git may write pyproject.toml a moment after constraints.txt."""
    for name in ("Makefile", "constraints.txt", "pyproject.toml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    os.utime(tmp_path / "constraints.txt", (0, 0))
    plan = subprocess.run(["make", "-n", "book"], cwd=tmp_path, capture_output=True, text=True)
    assert "pip install" in plan.stdout, plan.stderr
    assert "pip compile" not in plan.stdout
