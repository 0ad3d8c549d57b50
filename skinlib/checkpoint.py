"""A run's state on disk, so that a run that was stopped goes on as if it had not been."""

import json
import zipfile
from pathlib import Path

import keras
import numpy as np

from skinlib.records import RecordError, replacing


def save(path: Path, model: keras.Model, progress: dict) -> None:
    """Writes weights, optimizer, random states and `progress` (JSON), all or nothing."""
    arrays = {str(i): variable.numpy() for i, variable in enumerate(_state(model))}
    with replacing(path) as partial, partial.open("wb") as file:
        np.savez(file, progress=np.array(json.dumps(progress)), **arrays)


def restore(path: Path, model: keras.Model, run: str) -> dict:
    """Puts a compiled model into the state that `save` wrote.

    Args:
        path: the file.
        model: as it was built and compiled then.
        run: what `progress["run"]` has to be.

    Returns:
        `progress`.

    Raises:
        RecordError: if the file is damaged or of another run.
    """
    try:
        with path.open("rb") as file, np.load(file) as saved:
            progress = json.loads(str(saved["progress"]))
            arrays = [saved[str(i)] for i in range(len(saved.files) - 1)]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise RecordError(f"{path} cannot be read: remove it to start anew ({error})") from error
    if progress["run"] != run:
        raise RecordError(
            f"{path} belongs to a run with another recipe, split or data: remove it to start "
            "anew, or choose another folder"
        )
    try:
        for variable, array in zip(_state(model), arrays, strict=True):
            variable.assign(array)
    except ValueError as error:
        raise RecordError(f"{path} is of another network: remove it to start anew") from error
    return progress


def _state(model: keras.Model) -> list:
    if not model.optimizer.built:  # a second time, a loss scale would get more variables
        model.optimizer.build(model.trainable_variables)
    return [*model.variables, *model.optimizer.variables]
