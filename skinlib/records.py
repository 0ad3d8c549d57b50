"""A run on disk: what was run, where, its history, its test predictions."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from skinlib import SkinlibError
from skinlib.data.dataset import CLASSES

SCHEMA = 2
COMPLETED = "completed"
KEYS = {
    "schema",
    "ended",
    "recipe",
    "data",
    "split",
    "environment",
    "parameters",
    "cost",
    "history",
}
COLUMNS = ["image_id", "lesion_id", "label", *CLASSES]


class RecordError(SkinlibError):
    """A record that cannot be read, or would be overwritten; the message names its folder."""


@dataclass(frozen=True)
class Record:
    """One training run.

    Attributes:
        run: what `run.json` holds: the keys `KEYS`.
        predictions: a row a test picture: `image_id`, `lesion_id`, `label` (a class name) and
            one column of probabilities a class. None where the run did not end well.
    """

    run: dict
    predictions: pd.DataFrame | None

    @property
    def history(self) -> pd.DataFrame:
        """A row an epoch, from 1; columns as Keras names them (`loss`, `accuracy`, ...)."""
        history = pd.DataFrame(self.run["history"])
        return history.set_index(pd.RangeIndex(1, len(history) + 1, name="epoch"))

    @property
    def labels(self) -> np.ndarray:
        """True class indices, int64 (N,)."""
        return pd.Categorical(self.predictions["label"], categories=CLASSES).codes.astype("int64")

    @property
    def probabilities(self) -> np.ndarray:
        """Predicted probabilities, float64 (N, 7)."""
        return self.predictions[list(CLASSES)].to_numpy(dtype=float)

    def write(self, folder: Path) -> None:
        """Writes `predictions.csv`, then `run.json`: a record is there when the latter is.

        Raises:
            RecordError: if the folder holds a finished record.
        """
        folder = Path(folder)
        if self.done(folder):
            raise RecordError(f"{folder} exists: remove it, or write the record elsewhere")
        folder.mkdir(parents=True, exist_ok=True)
        if self.predictions is not None:
            table = self.predictions.to_csv(index=False, float_format="%.6f")
            with replacing(folder / "predictions.csv") as partial:
                partial.write_text(table)
        with replacing(folder / "run.json") as partial:
            partial.write_text(json.dumps(self.run, indent=1) + "\n")

    @staticmethod
    def done(folder: Path) -> bool:
        """Whether a folder holds the record of a run that ended well, or what is left of one."""
        try:
            return json.loads((Path(folder) / "run.json").read_text())["ended"] == COMPLETED
        except FileNotFoundError:
            return False
        except (OSError, ValueError, KeyError, TypeError):
            return True

    @classmethod
    def read(cls, folder: Path) -> "Record":
        """Reads what `write` wrote.

        Raises:
            RecordError: if a file is missing, damaged, or of another schema, or if the run did
                not end well.
        """
        folder = Path(folder)
        try:
            run = json.loads((folder / "run.json").read_text())
            if run.get("schema") != SCHEMA:
                raise ValueError(f"its schema is {run.get('schema')}, expected {SCHEMA}")
            if missing := KEYS - run.keys():
                raise ValueError(f"run.json lacks {', '.join(sorted(missing))}")
            if run["ended"] != COMPLETED:
                raise ValueError(run["ended"])
            text = {"image_id": str, "lesion_id": str}
            predictions = pd.read_csv(folder / "predictions.csv", dtype=text)
            if list(predictions.columns) != COLUMNS:
                raise ValueError(f"predictions.csv has the columns {list(predictions.columns)}")
            record = cls(run, predictions)
            if len(predictions) != run["split"]["test"]:
                raise ValueError(
                    f"predictions.csv has {len(predictions)} rows, expected {run['split']['test']}"
                )
            if predictions.isna().any(axis=None):
                raise ValueError("predictions.csv has empty cells")
            if not predictions["label"].isin(CLASSES).all():
                raise ValueError("predictions.csv names an unknown class")
            probabilities = record.probabilities
            if probabilities.min() < 0 or not np.allclose(probabilities.sum(1), 1, atol=1e-4):
                raise ValueError(
                    "predictions.csv has probabilities that are negative or do not sum to 1"
                )
            if len({len(values) for values in run["history"].values()}) > 1:
                raise ValueError("the columns of its history differ in length")
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise RecordError(f"the record {folder} cannot be read: {error}") from error
        return record


def read_all(folder: Path) -> tuple[dict[str, Record], list[str]]:
    """Every record in a folder by its name, and a sentence on each that cannot be used."""
    found, faults = {}, []
    for path in sorted(Path(folder).glob("*/run.json")):
        try:
            found[path.parent.name] = Record.read(path.parent)
        except RecordError as error:
            faults.append(str(error))
    return found, faults


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file to write that takes the place of `path` only if the block ends well."""
    partial = path.with_name(f"{path.name}.partial")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
