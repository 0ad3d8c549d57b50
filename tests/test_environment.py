import subprocess

import pytest

from skinlib import __version__, environment
from skinlib.errors import SkinlibError


def test_the_gpu_kernel_without_a_card_says_so_in_one_sentence(monkeypatch):
    monkeypatch.setattr(environment, "gpus", list)
    assert not environment.on_gpu()
    monkeypatch.setenv("SKINLIB_DEVICE", "gpu")
    with pytest.raises(SkinlibError, match=r"is for a GPU and \w+ sees none: .*doctor"):
        environment.on_gpu()


def test_a_package_that_is_not_in_its_own_repository_has_no_commit(tmp_path, monkeypatch):
    """An installed wheel may lie inside somebody else's repository, in a virtual environment."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    package = tmp_path / "skinlib"
    package.mkdir()
    (package / "__init__.py").touch()
    monkeypatch.setattr(environment, "__file__", str(package / "environment.py"))
    assert environment.code() == {"version": __version__, "commit": None, "clean": None}


def test_code_that_was_changed_is_not_clean(tmp_path, monkeypatch):
    def git(*arguments):
        who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
        subprocess.run(["git", "-C", str(tmp_path), *who, *arguments], check=True)

    package = tmp_path / "skinlib"
    package.mkdir()
    (package / "__init__.py").touch()
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    monkeypatch.setattr(environment, "__file__", str(package / "environment.py"))
    (tmp_path / "result.csv").touch()  # beside the package
    assert environment.code()["clean"] is True
    assert len(environment.code()["commit"]) == 40
    (package / "new.py").touch()
    assert environment.code()["clean"] is False
