"""A trained network kept beside its record, in half precision."""

import zipfile
import zlib
from pathlib import Path

import keras
import numpy as np

from skinlib.data.dataset import CLASSES
from skinlib.models import build
from skinlib.records import Record, RecordError, replacing


def keep(model: keras.Model, folder: Path) -> None:
    """Writes a network's weights into the folder of its record, as float16."""
    arrays = {v.path: keras.ops.convert_to_numpy(v).astype("float16") for v in model.weights}
    with replacing(Path(folder) / "weights.npz") as partial, partial.open("wb") as file:
        np.savez_compressed(file, **arrays)


def trained(folder: Path) -> keras.Model:
    """Builds the network of a record and gives it the weights that `keep` wrote.

    Half precision moves its probabilities by less than a hundredth.

    Raises:
        RecordError: if the record or the weights cannot be read, or do not fit each other.
    """
    run = Record.read(folder).run
    recipe, shape = run["recipe"], tuple(run["data"]["image_shape"])
    model = build(recipe["model"], shape, len(CLASSES), **recipe["options"])
    try:
        with (Path(folder) / "weights.npz").open("rb") as file, np.load(file) as saved:
            for variable in model.weights:
                variable.assign(saved[variable.path].astype("float32"))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise RecordError(f"the weights in {folder} cannot be used: {error}") from error
    return model
