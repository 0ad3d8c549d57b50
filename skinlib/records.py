"""A run on disk: what was run, where, its history, its test predictions."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from skinlib import SkinlibError
from skinlib.data.dataset import CLASSES, preparing

SCHEMA = 1
KEYS = {"schema", "recipe", "data", "split", "environment", "parameters", "cost", "history"}
COLUMNS = ["image_id", "lesion_id", "label", *CLASSES]


class RecordError(SkinlibError):
    """A record that cannot be read, or would be overwritten; the message names its folder."""


@dataclass(frozen=True)
class Record:
    """One training run.

    Attributes:
        run: what `run.json` holds: the keys `KEYS`.
        predictions: a row a test picture: `image_id`, `lesion_id`, `label` (a class name) and
            one column of probabilities a class.
    """

    run: dict
    predictions: pd.DataFrame

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
        """Writes `run.json` and `predictions.csv` into a new folder, both or neither."""
        folder = Path(folder)
        if folder.exists():
            raise RecordError(f"{folder} exists: remove it, or write the record elsewhere")
        with preparing(folder) as scratch:
            (scratch / "run.json").write_text(json.dumps(self.run, indent=1) + "\n")
            self.predictions.to_csv(scratch / "predictions.csv", index=False, float_format="%.6f")

    @classmethod
    def read(cls, folder: Path) -> "Record":
        """Reads what `write` wrote.

        Raises:
            RecordError: if a file is missing, damaged, or of another schema.
        """
        folder = Path(folder)
        try:
            run = json.loads((folder / "run.json").read_text())
            text = {"image_id": str, "lesion_id": str}
            predictions = pd.read_csv(folder / "predictions.csv", dtype=text)
            if run.get("schema") != SCHEMA:
                raise ValueError(f"its schema is {run.get('schema')}, expected {SCHEMA}")
            if missing := KEYS - run.keys():
                raise ValueError(f"run.json lacks {', '.join(sorted(missing))}")
            if list(predictions.columns) != COLUMNS:
                raise ValueError(f"predictions.csv has the columns {list(predictions.columns)}")
            record = cls(run, predictions)
            if len(predictions) != run["split"]["test"]:
                raise ValueError(
                    f"predictions.csv has {len(predictions)} rows, expected {run['split']['test']}"
                )
            if not predictions["label"].isin(CLASSES).all():
                raise ValueError("predictions.csv names an unknown class")
            if not np.allclose(record.probabilities.sum(1), 1, atol=1e-4):
                raise ValueError("predictions.csv has probabilities that do not sum to 1")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RecordError(f"the record {folder} cannot be read: {error}") from error
        return record
