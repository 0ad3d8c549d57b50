import pytest

from skinlib.files import atomic_write, locked


def test_a_file_is_whole_or_as_it_was(tmp_path):
    path = tmp_path / "file"
    path.write_text("before")

    def fail():
        with atomic_write(path) as partial:
            partial.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert path.read_text() == "before"
    with atomic_write(path) as partial:
        partial.write_text("after")
    assert path.read_text() == "after"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_half_wrote_is_removed(tmp_path):
    (tmp_path / "checkpoint.npz.99999.skinlib-partial").touch()
    (tmp_path / "film.mkv.partial").touch()  # somebody else's
    with locked(tmp_path):
        assert {path.name for path in tmp_path.iterdir()} == {".lock", "film.mkv.partial"}
    assert tmp_path.exists()


def test_a_folder_that_was_made_for_nothing_goes(tmp_path):
    with locked(tmp_path / "empty"), locked(tmp_path / "used"):
        (tmp_path / "used" / "file").touch()
    assert [path.name for path in tmp_path.iterdir()] == ["used"]
