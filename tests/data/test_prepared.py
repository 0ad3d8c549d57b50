import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from skinlib.data.prepared import DataWarning, atomic_folder, open_prepared, seal
from skinlib.errors import DataError


def write(folder, dataset):
    with atomic_folder(folder) as scratch:
        np.save(scratch / "images.npy", dataset.images)
        seal(scratch, dataset.table, name="test", resize="drawn", about={"problems": ["one"]})


@pytest.fixture
def dataset(make_dataset):
    return make_dataset(range(7), ["a", "a", "b", None, "c", "d", "e"])


def test_opened_as_written(tmp_path, dataset):
    write(tmp_path / "prepared", dataset)
    got, about = open_prepared(tmp_path / "prepared")
    assert isinstance(got.images, np.memmap)
    np.testing.assert_array_equal(got.images, dataset.images)
    np.testing.assert_array_equal(got.labels, np.arange(7))
    assert got.table["lesion_id"].isna().tolist() == [i == 3 for i in range(7)]
    assert (got.name, got.resize, got.masks) == ("test", "drawn", None)
    assert got.image_shape == (16, 16, 3)
    assert about == {"problems": ["one"]}
    assert open_prepared(tmp_path / "another") is None


@pytest.mark.parametrize("place", [0.3, 0.6, 0.9])
def test_a_flipped_bit_is_seen(tmp_path, dataset, place):
    folder = tmp_path / "prepared"
    write(folder, dataset)
    path = folder / "images.npy"
    data = bytearray(path.read_bytes())
    data[int(place * len(data))] ^= 1
    path.write_bytes(data)
    with pytest.warns(DataWarning, match=r"damaged \(images.npy was changed\): it is made anew"):
        assert open_prepared(folder) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("key", ["fingerprint", "name", "about", "files"])
def test_what_is_remembered_is_checked_too(tmp_path, dataset, key):
    write(tmp_path / "prepared", dataset)
    path = tmp_path / "prepared" / "dataset.json"
    whole = json.loads(path.read_text())
    whole["contents"][key] = {} if key in ("about", "files") else "0"
    path.write_text(json.dumps(whole))
    with pytest.warns(DataWarning, match=r"is damaged \(dataset.json was changed\)"):
        assert open_prepared(tmp_path / "prepared") is None


def test_the_first_of_two_preparations_stays(tmp_path):
    folder = tmp_path / "prepared"
    with atomic_folder(folder) as slow:
        with atomic_folder(folder) as fast:
            (fast / "who").write_text("fast")
        (slow / "who").write_text("slow")
    assert (folder / "who").read_text() == "fast"
    assert list(tmp_path.iterdir()) == [folder]


def test_scratch_folders_of_dead_processes_go_and_others_stay(tmp_path):
    with atomic_folder(tmp_path / "mine") as mine:
        left = [sys.executable, "-c", "import os; print(os.getpid())"]
        dead = int(subprocess.run(left, capture_output=True, check=True).stdout)
        parts = mine.name.split(".")
        names = {
            "dead": ".".join([*parts[:-2], str(dead), parts[-1]]),
            "elsewhere": ".".join([*parts[:-3], "elsewhere", str(dead), parts[-1]]),
        }
        for name in names.values():
            (tmp_path / name / "folder").mkdir(parents=True)
            os.utime(tmp_path / name, (1, 1))
        os.utime(mine, (1, 1))
        with atomic_folder(tmp_path / "other"):
            pass
        assert mine.exists()
    assert not (tmp_path / names["dead"]).exists()
    assert (tmp_path / names["elsewhere"]).exists()


def test_a_cache_that_cannot_be_written_to_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(DataError, match=r"file cannot be written to .*: make room there, or point"),
        atomic_folder(tmp_path / "file" / "prepared"),
    ):
        pass


def test_a_full_disk_is_one_sentence(tmp_path):
    sentence = r"cannot be written to \(No space left on device\): make room"
    with pytest.raises(DataError, match=sentence), atomic_folder(tmp_path / "prepared"):
        Path("/dev/full").write_text("x")
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_cannot_be_read_is_not_thrown_away(tmp_path, dataset, monkeypatch):
    write(tmp_path / "prepared", dataset)

    def fail(path, *_, **__):
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_text", fail)
        with pytest.raises(DataError, match=r"cannot be read: .*Too many open files: mend that"):
            open_prepared(tmp_path / "prepared")
    assert open_prepared(tmp_path / "prepared") is not None
