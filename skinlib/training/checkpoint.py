"""A run's state on disk, so that a run that was stopped goes on as if it had not been."""

import json
import time
import zipfile
import zlib
from pathlib import Path
from typing import Annotated

import keras
import numpy as np
import pooch
from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict

from skinlib.errors import RecordError, SkinlibError, in_words
from skinlib.files import atomic_write
from skinlib.runs import Code, Number, exact

SECONDS = 30
"""A checkpoint is written at the end of an epoch, at most this often."""

DAMAGED = (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile, zlib.error)
"""What reading a damaged .npz file raises."""


@exact
class Progress(TypedDict):
    """How far a run has come: epochs done, its history and the seconds that they took."""

    identity: str
    code: Code
    epochs: int
    seconds: Annotated[Number, Field(ge=0)]
    history: dict[str, list[Number]]


class Checkpoint(keras.callbacks.Callback):
    """Keeps a run's progress, and writes it and the network's state to disk now and then.

    Args:
        path: the checkpoint's file; None keeps nothing on disk.
        identity: of the run; a checkpoint of another run is refused.
        code: what trains it. If other code began it, the run is not of one commit: not `clean`.

    Attributes:
        progress: see `Progress`.
    """

    def __init__(self, path: Path | None, identity: str, code: Code):
        super().__init__()
        self.path = path
        self.progress: Progress = {
            "identity": identity,
            "code": code,
            "epochs": 0,
            "seconds": 0.0,
            "history": {},
        }

    def resume(self, model: keras.Model, epochs: int) -> None:
        """Puts a freshly compiled model into the state of the last checkpoint, if there is one.

        Raises:
            RecordError: if the checkpoint is damaged, of another run, or beyond `epochs`.
        """
        if self.path is not None and self.path.exists():
            code = self.progress["code"]
            self.progress = _restore(self.path, model, self.progress["identity"], epochs)
            if self.progress["code"] != code:
                self.progress["code"] = {**code, "clean": False}

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.clock = self.saved = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        for name, value in (logs or {}).items():
            if not np.isfinite(value):
                raise SkinlibError(
                    f"the {name} was {value} in epoch {epoch + 1}: lower the learning rate"
                )
            self.progress["history"].setdefault(name, []).append(float(value))
        now = time.perf_counter()
        self.progress["epochs"] = epoch + 1
        self.progress["seconds"] += now - self.clock
        self.clock = now
        if self.path is not None and now - self.saved >= SECONDS:
            save_state(self.path, self.model, self.progress)
            self.saved = now


def save_state(path: Path, model: keras.Model, progress: Progress) -> None:
    """Writes a checkpoint: the progress, and the state of the network and its optimizer."""
    arrays = {str(i): variable.numpy() for i, variable in enumerate(_state(model))}
    with atomic_write(path) as partial, partial.open("wb") as file:
        np.savez(file, progress=np.array(json.dumps(progress)), **arrays)


def _restore(path: Path, model: keras.Model, identity: str, epochs: int) -> Progress:
    try:
        with path.open("rb") as file, np.load(file) as saved:
            text = str(saved["progress"])
            arrays = [saved[str(i)] for i in range(len(saved.files) - 1)]
        progress = TypeAdapter(Progress).validate_json(text)
        if progress["identity"] != identity:
            raise RecordError(
                f"{path} belongs to a run with another recipe, split or data: remove it to start "
                "anew, or choose another folder"
            )
        lengths = {len(values) for values in progress["history"].values()}
        if not 0 < progress["epochs"] <= epochs or lengths != {progress["epochs"]}:
            raise ValueError(
                f"it tells of {progress['epochs']} epochs and {sorted(lengths)} rows of history, "
                f"and the recipe has {epochs} epochs"
            )
        if not all(np.isfinite(array).all() for array in arrays):
            raise ValueError("a value is not finite")
    except DAMAGED as error:
        raise RecordError(
            f"{path} is damaged: remove it to start anew ({in_words(error)})"
        ) from error
    try:
        for variable, array in zip(_state(model), arrays, strict=True):
            variable.assign(array)
    except ValueError as error:
        raise RecordError(f"{path} is of another network: remove it to start anew") from error
    return progress


def _state(model: keras.Model) -> list:
    return [*model.variables, *model.optimizer.variables]


def save_weights(model: keras.Model, path: Path) -> None:
    """Writes a network's weights in half precision, in the order of `model.weights`.

    An array with a number that half precision has not (above 65,504) keeps its own.
    """
    arrays = [keras.ops.convert_to_numpy(variable) for variable in model.weights]
    with np.errstate(over="ignore"):
        halves = [array.astype("float16") for array in arrays]
    pairs = zip(halves, arrays, strict=True)
    arrays = [half if np.isfinite(half).all() else array for half, array in pairs]
    with atomic_write(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, *arrays)


def load_weights(model: keras.Model, path: Path, digest: str | None) -> None:
    """Gives a network the weights that `save_weights` wrote.

    Half precision moves its probabilities by less than a hundredth. `digest` is the file's SHA-256,
    as the run knows it.

    Raises:
        RecordError: if the file is missing, damaged, or of another network.
    """
    try:
        if digest is None:
            raise ValueError("the run kept no weights: train it with --keep-weights")
        if pooch.file_hash(path) != digest:
            raise ValueError("it was changed after it was written")
        with path.open("rb") as file, np.load(file) as saved:
            arrays = [saved[f"arr_{i}"] for i in range(len(saved.files))]
        for variable, array in zip(model.weights, arrays, strict=True):
            variable.assign(array.astype("float32"))
    except DAMAGED as error:
        raise RecordError(f"{path} cannot be used: {error}") from error
