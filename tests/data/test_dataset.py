from pathlib import Path

import numpy as np
import pytest

from skinlib.data import CLASSES, Dataset, load
from skinlib.data.dataset import describe, preparing
from skinlib.errors import DataError


def test_opened_as_written(tmp_path, make_dataset):
    wanted = make_dataset(range(7), ["a", "a", "b", None, "c", "d", "e"])
    folder = tmp_path / "prepared"
    with preparing(folder) as scratch:
        np.save(scratch / "images.npy", wanted.images)
        describe(scratch, wanted.table, name="test", resize="drawn", outlined=None)
    got = Dataset.open(folder)
    assert isinstance(got.images, np.memmap)
    np.testing.assert_array_equal(got.images, wanted.images)
    np.testing.assert_array_equal(got.labels, np.arange(7))
    assert got.table["lesion_id"].isna().tolist() == [i == 3 for i in range(7)]
    assert (got.name, got.resize, got.masks, got.outlined) == ("test", "drawn", None, None)
    assert got.image_shape == (16, 16, 3)


def test_a_failed_preparation_leaves_nothing(tmp_path):
    def fail():
        with preparing(tmp_path / "prepared") as scratch:
            (scratch / "images.npy").write_bytes(b"half")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_the_first_of_two_preparations_stays(tmp_path):
    folder = tmp_path / "prepared"
    with preparing(folder) as slow:
        with preparing(folder) as fast:
            (fast / "who").write_text("fast")
        (slow / "who").write_text("slow")
    assert (folder / "who").read_text() == "fast"
    assert list(tmp_path.iterdir()) == [folder]


def test_the_first_stays_where_the_second_looked_in_vain(tmp_path, monkeypatch):
    """Between looking and renaming, another process may finish."""
    folder = tmp_path / "prepared"
    rename = Path.rename

    def late(path, target):
        target.mkdir()
        (target / "who").write_text("fast")
        rename(path, target)

    monkeypatch.setattr(Path, "rename", late)
    with preparing(folder) as slow:
        (slow / "who").write_text("slow")
    assert (folder / "who").read_text() == "fast"


def test_a_cache_that_cannot_be_written_to_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(DataError, match="file cannot be written to: point SKINLIB_DATA at"),
        preparing(tmp_path / "file" / "prepared"),
    ):
        pass


def test_unknown_data_set():
    with pytest.raises(ValueError, match="name: expected one of phantom, .*, got 'mnist'"):
        load("mnist", size=64)


def test_classes_are_sorted_so_that_sklearn_agrees():
    assert list(CLASSES) == sorted(CLASSES)
