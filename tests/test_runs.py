import hashlib
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pooch
import pytest

from skinlib import runs
from skinlib.data import CLASSES
from skinlib.data.splits import grouped_split, random_split
from skinlib.errors import RecordError
from skinlib.runs import Run
from skinlib.training.recipe import Recipe
from skinlib.training.train import train

SMALL = Recipe(model="small", epochs=2, beta=0.0)


@pytest.fixture(scope="module")
def run(phantom):
    return train(phantom, random_split(phantom), SMALL)[1]


def test_read_as_written(run, tmp_path):
    run.write(tmp_path / "run")
    read = Run.read(tmp_path / "run")
    added = {name: read.config[name] for name in ("files", "weights", "sha256")}
    assert read.config == run.config | added
    pd.testing.assert_frame_equal(read.predictions, run.predictions, check_exact=True)
    pd.testing.assert_frame_equal(read.heat_maps, run.heat_maps, atol=1e-5)
    assert list(read.history.index) == [1, 2]


def test_a_run_is_not_overwritten(run, tmp_path):
    run.write(tmp_path)
    with pytest.raises(RecordError, match="exists: remove it"):
        run.write(tmp_path)


def sealed(path, **changes):
    """Changes fields of a run.json and makes its digest fit again, as a program might."""
    config = json.loads(path.read_text())
    for name, value in changes.items():
        place, _, last = name.rpartition("__")
        (config[place] if place else config)[last] = value
    del config["sha256"]
    text = json.dumps(config, sort_keys=True)
    path.write_text(json.dumps(config | {"sha256": hashlib.sha256(text.encode()).hexdigest()}))


def rewrite(folder, change):
    """Changes predictions.csv and makes all digests fit again."""
    table = pd.read_csv(folder / "predictions.csv", dtype=str)
    change(table).to_csv(folder / "predictions.csv", index=False)
    digest = pooch.file_hash(folder / "predictions.csv")
    sealed(folder / "run.json", **{"files__predictions.csv": digest})


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda f: (f / "run.json").write_text("[]"), "not of schema 3"),
        (lambda f: (f / "run.json").write_text("{"), "cannot be read"),
        (lambda f: (f / "run.json").write_text("[" * 100_000), "cannot be read"),
        (lambda f: (f / "predictions.csv").unlink(), "predictions.csv"),
        (lambda f: sealed(f / "run.json", schema=2), "not of schema 3"),
        (lambda f: sealed(f / "run.json", parameters="many"), "parameters: .* got 'many'"),
        (lambda f: sealed(f / "run.json", cost__wall_seconds=None), "cost.wall_seconds"),
        (lambda f: sealed(f / "run.json", recipe__beta=5.0), "recipe.beta"),
        (lambda f: sealed(f / "run.json", recipe__epochs="20"), "recipe.epochs"),
        (lambda f: sealed(f / "run.json", split__test=3), "expected 3 rows"),
        (lambda f: sealed(f / "run.json", history={"loss": [1.0], "a": []}), "differ in length"),
        (lambda f: rewrite(f, lambda t: t.iloc[:-1]), "expected .* rows"),
        (lambda f: rewrite(f, lambda t: t.assign(image_id=t["image_id"][0])), "an image twice"),
        (lambda f: rewrite(f, lambda t: t.assign(label="healthy")), "unknown class"),
        (lambda f: rewrite(f, lambda t: t.assign(nv="0.9")), "do not sum to 1"),
        (lambda f: rewrite(f, lambda t: t.assign(nv="-0.1")), "from 0 to 1"),
        (lambda f: rewrite(f, lambda t: t.assign(lesion_id=None)), "empty cells"),
        (lambda f: rewrite(f, lambda t: t.drop(columns="nv")), "expected the columns"),
    ],
)
def test_what_is_wrong_is_one_sentence_that_names_the_run(run, tmp_path, damage, says):
    run.write(tmp_path / "run")
    damage(tmp_path / "run")
    with pytest.raises(RecordError, match=says) as error:
        Run.read(tmp_path / "run")
    assert str(tmp_path / "run") in str(error.value)


@pytest.mark.parametrize("name", ["run.json", "predictions.csv", "heat_maps.csv"])
def test_no_flipped_bit_is_believed(run, tmp_path, name):
    """Six flips of 67 in run.json once were, and 13 of 104 in predictions.csv."""
    run.write(tmp_path)
    path, rng = tmp_path / name, np.random.default_rng(0)
    whole = path.read_bytes()
    for place in rng.integers(len(whole), size=60):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << int(rng.integers(7))
        path.write_bytes(flipped)
        try:
            read = Run.read(tmp_path)
        except RecordError:
            continue
        assert read.config == json.loads(whole)  # white space, which means nothing


@pytest.mark.slow
def test_the_table_has_one_row_per_run_whatever_its_folder_is_called(phantom, run, tmp_path):
    run.write(tmp_path / "a" / "z")
    recipe = replace(SMALL, seed=3, epochs=1)
    train(phantom, grouped_split(phantom, 3), recipe, tmp_path / "a" / "banana")
    options = {"attention": False, "dropout": 0.0}
    proposed = Recipe(epochs=1, seed=1, options=options)
    split = random_split(phantom, 1)
    few = replace(split, train=split.train[:16], test=split.test[:4])
    train(phantom, few, proposed, tmp_path / "b" / "x")
    table = runs.load(tmp_path / "a", tmp_path / "b")
    assert list(table.columns) == runs.COLUMNS
    rows = table.set_index(["model", "split", "seed"])
    assert set(rows.index) == {
        ("small", "random", 0),
        ("small", "grouped", 3),
        ("proposed", "random", 1),
    }
    row = rows.loc[("proposed", "random", 1)]
    assert row["variant"] == "proposed without attention, epochs=1, dropout=0.0"
    assert row["deformable"]
    assert not row["attention"]
    assert (row["data"], row["size"], row["beta"]) == ("phantom", 64, 0.0002)
    assert row["offset_mean"] > 0
    assert np.isnan(row["gamma"])
    assert np.isnan(row["isic accuracy"])
    small = rows.loc[("small", "random", 0)]
    answers = small["run"].predictions
    right = answers[list(CLASSES)].idxmax(axis=1) == answers["label"]
    assert small["accuracy"] == right.mean()
    own = run.heat_maps[run.heat_maps["map"] == "network"]
    by_lesion = own.groupby("lesion_id")["overlap"].mean()
    assert small["overlap"] == pytest.approx(by_lesion.mean(), abs=1e-4)


def test_a_run_on_cropped_images_is_no_run_of_the_recipe_as_printed(run, tmp_path):
    run.write(tmp_path / "run")
    sealed(tmp_path / "run" / "run.json", data__resize="crop")
    assert runs.load(tmp_path).loc[0, "variant"] == "small, epochs=2, cropped"


def test_a_damaged_run_is_left_out_and_named(run, tmp_path):
    run.write(tmp_path / "good")
    run.write(tmp_path / "bad")
    (tmp_path / "bad" / "predictions.csv").write_text("")
    (tmp_path / "unfinished").mkdir()
    with pytest.warns(UserWarning, match=r"bad cannot be read: predictions.csv was changed"):
        table = runs.load(tmp_path)
    assert len(table) == 1


def test_no_runs_is_an_empty_table(tmp_path):
    assert list(runs.load(tmp_path).columns) == runs.COLUMNS
    with pytest.raises(RecordError, match="nowhere is no folder: name one that holds"):
        runs.load(tmp_path / "nowhere")  # once an empty table


def test_the_table_of_no_runs_has_numbers_for_columns(tmp_path):
    """A chapter takes means of it before the first run has ended."""
    table = runs.load(tmp_path)
    assert table.empty
    assert np.isnan(table["accuracy"].mean())
    assert table["isic accuracy"].dtype == table["gamma"].dtype == float
