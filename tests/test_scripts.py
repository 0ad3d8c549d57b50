"""The scripts that make recorded results: a rename in skinlib once broke them unseen."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fakes import run_of

from skinlib.data import CLASSES, load
from skinlib.experiments import Experiment
from skinlib.models import MODELS, build
from skinlib.runs import Run
from skinlib.sweep import Source
from skinlib.training.recipe import Recipe

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted([*ROOT.glob("benchmarks/*.py"), *ROOT.glob("book/results/**/*.py")])


@pytest.fixture
def imported(monkeypatch):
    """A script as a module that was not called, by its path in the repository."""

    def load_script(name):
        path = ROOT / name
        monkeypatch.syspath_prepend(str(path.parent))
        spec = importlib.util.spec_from_file_location("script", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load_script


@pytest.fixture(scope="module")
def drawn():
    return load("phantom", count=150, size=64)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_script_finds_what_it_imports_and_waits_to_be_called(imported, path):
    assert callable(imported(path).main)


def test_each_network_of_chapter_8_is_trained_once_and_leaves_its_maps(imported, drawn, tmp_path):
    script = imported("book/results/phantom_networks/make.py")
    script.HERE, script.load = tmp_path, lambda *_, **__: drawn
    script.RECIPES = {name: script.RECIPES[name] for name in ("small", "alexnet")}
    trained = []

    def train(dataset, split, recipe, folder, *, keep_weights):
        trained.append((recipe.model, keep_weights))
        folder.mkdir()
        (folder / "run.json").touch()
        return build("small", dataset.image_shape), None

    script.train = train
    for _ in range(2):
        script.main()
    assert trained == [("small", True), ("alexnet", False)]
    with np.load(tmp_path / "maps.npz") as maps:
        assert maps["rows"].shape == (4,)
        for name in script.RECIPES:
            assert maps[name].shape == (4, 64, 64)
            assert maps[name].max() == 255


@pytest.mark.slow
def test_a_network_with_batch_normalisation_leaves_two_runs_of_one_training(imported, tmp_path):
    script = imported("book/results/ham10000_224px/make.py")
    listed = [one.recipe.variant for one in script.experiments()[:18]]
    assert {listed.count(name) for name in MODELS} == {3}
    recipe = Recipe(model="arl14", beta=0.0, epochs=1)
    source = Source("phantom", 64, count=100)
    script.run(Experiment(recipe), source, tmp_path)
    lagging, anew = (Run.read(path.parent) for path in sorted(tmp_path.glob("*/run.json"))[::-1])
    assert (lagging.recipe.new_averages, anew.recipe.new_averages) == (False, True)
    assert lagging.history.equals(anew.history)
    assert lagging.config["vital_signs"]["alphas"] == anew.config["vital_signs"]["alphas"]
    assert not np.allclose(lagging.probabilities, anew.probabilities, atol=1e-3)


def test_the_settings_of_chapter_6_are_scored_on_the_validation_part(imported, drawn, tmp_path):
    script = imported("book/results/lesson/make.py")
    script.__file__, script.load = str(tmp_path / "make.py"), lambda *_, **__: drawn
    tested = []

    def train(dataset, split, recipe):
        tested.append(split.test)
        right = recipe.batch_size == 8
        return None, run_of([0, 1], [0, 1 if right else 0])

    script.train = train
    script.main()
    table = pd.read_csv(tmp_path / "settings.csv")
    assert list(table["accuracy"]) == [1, 1, 0.5, 0.5]
    hidden = script.grouped_split(drawn, seed=1, validation=0.2).test
    assert not np.isin(tested, hidden).any()


def test_leakage_is_measured_per_class(imported, drawn, tmp_path, monkeypatch):
    script = imported("book/results/leakage/make.py")
    script.__file__, script.load = str(tmp_path / "make.py"), lambda *_, **__: drawn
    script.tqdm = lambda _: range(2)
    monkeypatch.setattr(sys, "argv", ["make.py", "archives"])
    script.main()
    table = pd.read_csv(tmp_path / "leakage.csv", index_col="class")
    assert set(table.index) == {*CLASSES, "all"}
    assert table.loc["all", "random split: same lesion (mean)"] > 0
    copies = pd.read_csv(tmp_path / "near_duplicates.csv", index_col="copy")
    assert copies.loc["another lesion", "found"] < copies.loc["saved as a poor JPEG", "found"]


def test_ham10000_is_counted(imported, tmp_path, monkeypatch):
    script = imported("book/results/ham10000_counts.py")
    script.__file__ = str(tmp_path / "ham10000_counts.py")
    rows = {"dx": ["nv", "nv", "mel"], "lesion_id": ["a", "a", "b"]}
    pd.DataFrame(rows).to_csv(tmp_path / "metadata.csv")
    monkeypatch.setattr(sys, "argv", ["ham10000_counts.py", str(tmp_path / "metadata.csv")])
    script.main()
    table = pd.read_csv(tmp_path / "ham10000_counts.csv", index_col="class")
    assert table.loc["nv"].to_list() == [2, 1, 0]
    assert table.loc["mel"].to_list() == [1, 1, 1]
