import json

import pandas as pd
import pytest

from skinlib.data import CLASSES
from skinlib.records import KEYS, SCHEMA, Record, RecordError, read_all


@pytest.fixture
def record():
    run = {key: {} for key in KEYS} | {
        "schema": SCHEMA,
        "ended": "completed",
        "split": {"test": 2},
        "history": {"loss": [2.0, 1.5], "accuracy": [0.2, 0.4]},
    }
    rows = [["i1", "l1", "nv", *[1 / 8] * 6, 0.25], ["i2", "l2", "bcc", 0, 1, 0, 0, 0, 0, 0]]
    return Record(run, pd.DataFrame(rows, columns=["image_id", "lesion_id", "label", *CLASSES]))


def test_read_as_written(tmp_path, record):
    record.write(tmp_path / "run")
    got = Record.read(tmp_path / "run")
    assert got.run == record.run
    pd.testing.assert_frame_equal(got.predictions, record.predictions, check_dtype=False)
    assert got.labels.tolist() == [5, 1]
    assert got.probabilities.argmax(1).tolist() == [6, 1]
    assert got.history["loss"].to_dict() == {1: 2.0, 2: 1.5}


def test_a_record_is_not_overwritten(tmp_path, record):
    record.write(tmp_path / "run")
    with pytest.raises(RecordError, match="exists: remove it"):
        record.write(tmp_path / "run")


def damage_json(folder):
    (folder / "run.json").write_text((folder / "run.json").read_text()[:-20])


def drop_predictions(folder):
    (folder / "predictions.csv").unlink()


def truncate_predictions(folder):
    lines = (folder / "predictions.csv").read_text().splitlines()
    (folder / "predictions.csv").write_text("\n".join(lines[:-1]))


def change_schema(folder):
    run = json.loads((folder / "run.json").read_text()) | {"schema": 99}
    (folder / "run.json").write_text(json.dumps(run))


def change_probability(folder):
    text = (folder / "predictions.csv").read_text().replace("0.250000", "0.950000")
    (folder / "predictions.csv").write_text(text)


def fail(folder):
    run = json.loads((folder / "run.json").read_text()) | {"ended": "the disk was full"}
    (folder / "run.json").write_text(json.dumps(run))


def rename_class(folder):
    text = (folder / "predictions.csv").read_text().replace("l1,nv", "l1,healthy")
    (folder / "predictions.csv").write_text(text)


def negate_probability(folder):
    text = (folder / "predictions.csv").read_text().replace("0.125000", "-0.125000", 1)
    (folder / "predictions.csv").write_text(text.replace("0.250000", "0.500000"))


def drop_lesion(folder):
    text = (folder / "predictions.csv").read_text().replace(",l1,", ",,")
    (folder / "predictions.csv").write_text(text)


def shorten_history(folder):
    run = json.loads((folder / "run.json").read_text())
    run["history"]["loss"].pop()
    (folder / "run.json").write_text(json.dumps(run))


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (negate_probability, "negative or do not sum to 1"),
        (drop_lesion, "empty cells"),
        (shorten_history, "history differ in length"),
        (damage_json, "cannot be read"),
        (lambda folder: (folder / "run.json").write_text("[]"), "cannot be read"),
        (drop_predictions, "predictions.csv"),
        (truncate_predictions, "1 rows, expected 2"),
        (change_schema, "schema is 99"),
        (change_probability, "sum to 1"),
        (rename_class, "unknown class"),
        (fail, "the disk was full"),
    ],
)
def test_a_damaged_record_is_named(tmp_path, record, damage, says):
    record.write(tmp_path / "run")
    damage(tmp_path / "run")
    with pytest.raises(RecordError, match=says) as error:
        Record.read(tmp_path / "run")
    assert str(tmp_path / "run") in str(error.value)


def test_a_damaged_record_is_left_out_and_named(tmp_path, record):
    record.write(tmp_path / "good")
    record.write(tmp_path / "bad")
    change_schema(tmp_path / "bad")
    (tmp_path / "unfinished").mkdir()
    found, faults = read_all(tmp_path)
    assert list(found) == ["good"]
    assert len(faults) == 1
    assert str(tmp_path / "bad") in faults[0]
