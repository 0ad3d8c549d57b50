"""The runs that the book shows."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from skinlib import runs
from skinlib.data import load
from skinlib.data.splits import SPLITS
from skinlib.runs import Run
from skinlib.training.train import predict, trained_network

RESULTS = Path(__file__).parents[1] / "book/results"
FOLDERS = sorted(path.parent for path in RESULTS.glob("*/*/run.json"))
KEPT = [folder for folder in FOLDERS if (folder / "weights.npz").exists()]


@pytest.fixture(scope="module")
def table():
    return runs.load(*{folder.parent for folder in FOLDERS})


def test_every_run_can_be_read_and_is_there_once(table):
    assert len(table) == len(FOLDERS)
    keys = ["data", "size", "split", "variant", "seed", "dtype"]
    assert not table.duplicated(keys).any()


def test_every_run_names_a_commit_of_this_history_and_clean_code(table):
    assert table["clean"].all()
    history = subprocess.run(
        ["git", "-C", str(RESULTS), "log", "--format=%H"], capture_output=True, text=True
    )
    if history.returncode or len(history.stdout.split()) < 2:
        pytest.skip("there is no history here")
    assert set(table["commit"]) <= set(history.stdout.split())


def test_every_part_that_is_on_shows_itself_at_work(table):
    """The offsets of every run once stayed at exactly zero."""
    deformable = table[table["deformable"]]
    assert (deformable["offset_p95"] > 0).all()
    assert (deformable["mask_std"] > 0).all()
    attention = table[table["attention"]]
    assert ((attention["gamma"] - 0.01).abs() > 1e-6).all()


def test_a_kept_network_is_small_and_loads_twice():
    """It once loaded once per process: Keras had named its layers anew."""
    assert KEPT
    for folder in KEPT:
        assert (folder / "weights.npz").stat().st_size < 6e6
        run = Run.read(folder)
        first, again = trained_network(run), trained_network(run)
        assert first.count_params() == run.config["parameters"]
        for one, other in zip(first.get_weights(), again.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.slow
@pytest.mark.parametrize("folder", KEPT, ids=lambda folder: folder.name)
def test_a_kept_network_gives_its_runs_answers(folder):
    run = Run.read(folder)
    data, split = run.config["data"], run.config["split"]
    if data["name"] == "ham10000" and "SKINLIB_HAM10000" not in os.environ:
        pytest.skip("needs HAM10000's archives")
    root = os.environ.get("SKINLIB_HAM10000")
    count = 1000 if data["name"] == "phantom" else None
    dataset = load(data["name"], size=data["image_shape"][0], root=root, count=count)
    if dataset.fingerprint != data["fingerprint"]:
        pytest.skip("this is another copy of the images")
    rows = SPLITS[split["kind"]](dataset, split["seed"]).test
    got = predict(trained_network(run), dataset, rows)
    assert list(got["image_id"]) == list(run.predictions["image_id"])
    gap = np.abs(got.iloc[:, 3:].to_numpy(float) - run.probabilities)
    assert gap.max() < 0.1
    assert gap.mean() < 0.002
