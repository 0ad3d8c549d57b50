"""From a recipe to a record: seed, build, fit, predict."""

import datetime
import os
import platform
import sys
import time
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import keras
import numpy as np
import pandas as pd
import psutil
from sklearn.utils.class_weight import compute_class_weight

from skinlib.data.dataset import CLASSES, Dataset
from skinlib.data.splits import Split, lesions
from skinlib.losses import JointLoss
from skinlib.models import build
from skinlib.records import SCHEMA, Record, RecordError

BETA = {"cross_entropy": 0.0, "focal": 1.0}
PACKAGES = ("skinlib", "keras", "tensorflow", "jax", "torch", "numpy", "scikit-learn")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that determines a run, given a data set and a split.

    The defaults are the paper's (section 3): batch 32, 20 epochs, Adam at 2e-4, the joint loss of
    eq. 5. What the paper leaves open is argued in the chapters 04 to 06.

    Attributes:
        model: a name in `skinlib.models.MODELS`.
        options: keyword arguments of the model.
        seed: of the weights, the shuffling and dropout.
        loss: "joint" (eq. 5), or its ends: "cross_entropy" (eq. 3) and "focal" (eq. 4).
        beta, focusing, alpha, focal_reduction: see `skinlib.losses.JointLoss`.
        class_weights: "balanced" weighs each class by the inverse of its frequency.
        sampling: "balanced" draws each class equally often, with replacement.
    """

    model: str = "proposed"
    options: dict = field(default_factory=dict)
    seed: int = 0
    epochs: int = 20
    batch_size: int = 32
    learning_rate: float = 2e-4
    loss: Literal["joint", "cross_entropy", "focal"] = "joint"
    beta: float = 0.0002
    focusing: float = 3.0
    alpha: float | tuple[float, ...] = 1.0
    focal_reduction: str = "batch_sum"
    class_weights: Literal["balanced"] | None = None
    sampling: Literal["natural", "balanced"] = "natural"


class Batches(keras.utils.PyDataset):
    """Pictures and one-hot labels, read batch by batch from the memory-mapped file.

    Args:
        dataset: where they come from.
        rows: indices of the pictures.
        batch_size: pictures a batch; the last one may be smaller.
        seed: shuffles anew each epoch; None keeps the order of `rows`.
        balanced: draws as many pictures as `rows` has, each class equally likely.
    """

    def __init__(
        self,
        dataset: Dataset,
        rows: np.ndarray,
        batch_size: int,
        *,
        seed: int | None = None,
        balanced: bool = False,
    ):
        super().__init__()
        self.images, self.labels, self.rows = dataset.images, dataset.labels, rows
        self.batch_size, self.balanced = batch_size, balanced
        self.random = None if seed is None else np.random.default_rng(seed)
        self.order = rows
        self.on_epoch_end()

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rows = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        one_hot = np.eye(len(CLASSES), dtype="float32")[self.labels[rows]]
        return self.images[rows].astype("float32"), one_hot

    def on_epoch_end(self) -> None:
        if self.random is None:
            return
        labels = self.labels[self.rows]
        share = 1 / np.bincount(labels)[labels] if self.balanced else np.ones(len(labels))
        self.order = self.random.choice(
            self.rows, len(labels), replace=self.balanced, p=share / share.sum()
        )


def train(
    dataset: Dataset,
    split: Split,
    recipe: Recipe,
    folder: Path | None = None,
    *,
    callbacks: tuple[keras.callbacks.Callback, ...] = (),
    verbose: int = 0,
) -> tuple[keras.Model, Record]:
    """Trains a fresh model on `split.train` and predicts `split.test`.

    The three arguments determine the record: on the CPU of one machine, bit for bit, wall time
    and memory apart. The test pictures are looked at once, after the last epoch.

    Args:
        dataset: the pictures.
        split: of them.
        recipe: how to train.
        folder: a new folder to write the record into; None writes nothing.
        callbacks: Keras callbacks, for looking on.
        verbose: as in `keras.Model.fit`.

    Returns:
        The trained model and its record.

    Raises:
        RecordError: if `folder` exists, before training starts.
    """
    if folder is not None and Path(folder).exists():
        raise RecordError(f"{folder} exists: remove it, or write the record elsewhere")
    keras.utils.set_random_seed(recipe.seed)
    model = build(recipe.model, dataset.image_shape, len(CLASSES), **recipe.options)
    model.compile(
        optimizer=keras.optimizers.Adam(recipe.learning_rate),
        loss=_loss(dataset, split, recipe),
        metrics=["accuracy"],
        jit_compile=_compiles(),
    )
    batches = Batches(
        dataset,
        split.train,
        recipe.batch_size,
        seed=recipe.seed,
        balanced=recipe.sampling == "balanced",
    )
    watch = None
    if len(split.validation):
        watch = Batches(dataset, split.validation, recipe.batch_size)
    start = time.perf_counter()
    history = model.fit(
        batches,
        validation_data=watch,
        epochs=recipe.epochs,
        shuffle=False,
        callbacks=list(callbacks),
        verbose=verbose,
    ).history
    seconds = time.perf_counter() - start
    probabilities = model.predict(Batches(dataset, split.test, recipe.batch_size), verbose=0)
    run = {
        "schema": SCHEMA,
        "recipe": asdict(recipe),
        "data": {
            "name": dataset.name,
            "fingerprint": dataset.fingerprint,
            "resize": dataset.resize,
            "image_shape": list(dataset.image_shape),
        },
        "split": {
            "kind": split.kind,
            "seed": split.seed,
            "train": len(split.train),
            "validation": len(split.validation),
            "test": len(split.test),
        },
        "environment": environment(),
        "parameters": model.count_params(),
        "cost": {
            "wall_seconds": round(seconds, 2),
            "images_per_second": round(recipe.epochs * len(split.train) / seconds, 1),
            "peak_memory_mib": round(peak_memory() / 2**20),
        },
        "history": {name: [float(v) for v in values] for name, values in history.items()},
    }
    predictions = pd.DataFrame(np.round(probabilities.astype("float64"), 6), columns=list(CLASSES))
    predictions.insert(0, "label", dataset.table["dx"].to_numpy()[split.test])
    predictions.insert(0, "lesion_id", lesions(dataset)[split.test])
    predictions.insert(0, "image_id", dataset.table["image_id"].to_numpy()[split.test])
    record = Record(run, predictions)
    if folder is not None:
        record.write(Path(folder))
    return model, record


def _compiles() -> bool | str:
    """XLA makes this network slower where TensorFlow runs on the CPU."""
    cpu = all("cpu" in device.lower() for device in keras.distribution.list_devices())
    return False if cpu and keras.backend.backend() == "tensorflow" else "auto"


def _loss(dataset: Dataset, split: Split, recipe: Recipe) -> JointLoss:
    weights = None
    if recipe.class_weights == "balanced":
        labels = dataset.labels[split.train]
        weights = compute_class_weight("balanced", classes=np.arange(len(CLASSES)), y=labels)
        weights = tuple(float(w) for w in weights)
    return JointLoss(
        beta=BETA.get(recipe.loss, recipe.beta),
        focusing=recipe.focusing,
        alpha=recipe.alpha,
        class_weights=weights,
        focal_reduction=recipe.focal_reduction,
        dataset_size=len(split.train) if recipe.focal_reduction == "dataset_sum" else None,
    )


def environment() -> dict:
    """What a record says of the place where it was made."""
    return {
        "date": datetime.date.today().isoformat(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES if _installed(name)},
        "backend": keras.backend.backend(),
        "devices": keras.distribution.list_devices(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
    }


def _installed(name: str) -> bool:
    try:
        return bool(version(name))
    except ModuleNotFoundError:
        return False


def peak_memory() -> int:
    """The most memory that this process has held, in bytes."""
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
