import pytest

from skinlib import sweep
from skinlib.data.splits import random_split
from skinlib.models import build
from skinlib.records import Record
from skinlib.training import Recipe


def test_every_named_run_has_a_network_and_a_name_of_its_own():
    for recipes in (sweep.SWEEPS[name]() for name in sweep.SWEEPS):
        assert len({str(recipe) for recipe in recipes.values()}) == len(recipes)
        for recipe in {r.model: r for r in recipes.values()}.values():
            assert build(recipe.model, (64, 64, 3), **recipe.options).output.shape == (None, 7)


def test_done_runs_are_skipped_and_failed_ones_reported(phantom, tmp_path, monkeypatch):
    good = Recipe(model="small", epochs=1)
    runs = {"bad": Recipe(model="none"), "good": good, "done": good}
    monkeypatch.setitem(sweep.SWEEPS, "three", lambda: runs)
    (tmp_path / "done").mkdir()
    (tmp_path / "done" / "run.json").touch()
    split = random_split(phantom)
    with pytest.raises(sweep.SweepError, match="bad"):
        sweep.run("three", phantom, split, tmp_path)
    assert Record.read(tmp_path / "good").run["recipe"]["model"] == "small"
    assert not (tmp_path / "bad").exists()
    assert (tmp_path / "done" / "run.json").read_text() == ""


def test_unknown_sweep(phantom, tmp_path):
    with pytest.raises(ValueError, match="unknown sweep 'table9': expected one of"):
        sweep.run("table9", phantom, random_split(phantom), tmp_path)
