import os
from pathlib import Path

import keras
import numpy as np
import pytest

from skinlib.data import load
from skinlib.data.batches import Batches
from skinlib.data.splits import grouped_split
from skinlib.records import Record, RecordError
from skinlib.training import Recipe, train
from skinlib.weights import keep, trained

KEPT = Path(__file__).parents[1] / "book/results/ham10000_64px/proposed_grouped_seed0"


def predict(model, dataset, rows):
    return model.predict(Batches(dataset, rows, 32), verbose=0)


def test_a_kept_network_answers_as_it_did(phantom, tmp_path):
    split = grouped_split(phantom)
    model, record = train(phantom, split, Recipe(epochs=1), tmp_path)
    keep(model, tmp_path)
    keras.backend.clear_session()
    got = predict(trained(tmp_path), phantom, split.test)
    np.testing.assert_allclose(got, record.probabilities, atol=5e-3)


def test_weights_of_another_network_are_refused(phantom, tmp_path):
    model, _ = train(phantom, grouped_split(phantom), Recipe(model="small", epochs=1), tmp_path)
    keep(model, tmp_path)
    text = (tmp_path / "run.json").read_text()
    (tmp_path / "run.json").write_text(text.replace('"model": "small"', '"model": "proposed"'))
    with pytest.raises(RecordError, match=r"weights in .* cannot be used"):
        trained(tmp_path)


def test_cut_weights_are_refused(tmp_path):
    for name in ("run.json", "predictions.csv", "weights.npz"):
        (tmp_path / name).write_bytes((KEPT / name).read_bytes())
    whole = (tmp_path / "weights.npz").read_bytes()
    (tmp_path / "weights.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RecordError, match=r"weights in .* cannot be used"):
        trained(tmp_path)


def test_the_books_network_is_small_and_has_its_record():
    assert (KEPT / "weights.npz").stat().st_size < 6e6
    assert trained(KEPT).count_params() == Record.read(KEPT).run["parameters"]


@pytest.mark.skipif("SKINLIB_HAM10000" not in os.environ, reason="needs HAM10000's archives")
def test_the_books_network_gives_its_records_predictions():
    dataset = load("ham10000", root=os.environ["SKINLIB_HAM10000"], size=64)
    split = grouped_split(dataset, seed=0)
    record = Record.read(KEPT)
    assert list(dataset.table["image_id"][split.test]) == list(record.predictions["image_id"])
    got = predict(trained(KEPT), dataset, split.test)
    assert np.abs(got - record.probabilities).max() < 0.05
    assert (got.argmax(1) == record.probabilities.argmax(1)).mean() > 0.995
