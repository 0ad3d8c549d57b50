"""From a recipe to a record: seed, build, fit, predict."""

import contextlib
import errno
import hashlib
import json
import random
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import pandas as pd
from keras.src.random import seed_generator
from sklearn.utils.class_weight import compute_class_weight
from tqdm import tqdm

from skinlib import SkinlibError, checkpoint
from skinlib.data.batches import Batches
from skinlib.data.dataset import CLASSES, Dataset
from skinlib.data.splits import Split, lesions
from skinlib.environment import (
    environment,
    forget_peak_memory,
    gpus,
    peak_gpu_memory,
    peak_memory,
)
from skinlib.losses import JointLoss
from skinlib.models import build
from skinlib.records import COMPLETED, SCHEMA, Record, RecordError

BETA = {"cross_entropy": 0.0, "focal": 1.0}

CHOICES = {
    "loss": ("joint", *BETA),
    "class_weights": (None, "balanced"),
    "sampling": ("natural", "balanced"),
    "precision": ("float32", "mixed_float16", "mixed_bfloat16"),
}
"""Field of a `Recipe` -> what it may be."""

CHECKPOINT_SECONDS = 30
"""A checkpoint is written at the end of an epoch, at most this often."""


class TrainingError(SkinlibError):
    """A run that cannot go on; the message says why, and what to try."""


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
        augment: flips and quarter turns of the training pictures.
        precision: Keras' dtype policy; the "mixed" ones compute in 16 bits.
        devices: this many GPUs share each batch.

    Raises:
        TrainingError: if a field is none of its choices.
    """

    model: str = "proposed"
    options: dict = field(default_factory=dict)
    seed: int = 0
    epochs: int = 20
    batch_size: int = 32
    learning_rate: float = 2e-4
    loss: str = "joint"
    beta: float = 0.0002
    focusing: float = 3.0
    alpha: float | tuple[float, ...] = 1.0
    focal_reduction: str = "batch_sum"
    class_weights: str | None = None
    sampling: str = "natural"
    augment: bool = False
    precision: str = "float32"
    devices: int = 1

    def __post_init__(self):
        for name, choices in CHOICES.items():
            if (value := getattr(self, name)) not in choices:
                raise TrainingError(f"{name}: expected one of {choices}, got {value!r}")
        if min(self.epochs, self.batch_size, self.devices) < 1:
            raise TrainingError("epochs, batch_size and devices: expected 1 or more of each")


def train(
    dataset: Dataset,
    split: Split,
    recipe: Recipe,
    folder: Path | None = None,
    *,
    callbacks: tuple[keras.callbacks.Callback, ...] = (),
    progress: bool = False,
) -> tuple[keras.Model, Record]:
    """Trains a fresh model on `split.train` and predicts `split.test`.

    The three arguments determine the record: on the CPU of one machine, bit for bit, cost and
    environment apart. The test pictures are looked at once, after the last epoch.

    A run that was killed goes on from its last checkpoint when it is called again with the same
    arguments, and ends with the same record.

    Args:
        dataset: the pictures.
        split: of them.
        recipe: how to train.
        folder: where to write the record, and checkpoints until then; None writes nothing.
        callbacks: Keras callbacks, for looking on.
        progress: shows a bar with pictures a second and the time left.

    Returns:
        The trained model and its record.

    Raises:
        RecordError: if `folder` has a finished record, or a checkpoint of another run.
        TrainingError: if the loss is not finite, or memory or the disk is full. Then, and after
            Ctrl-C, `run.json` says how the run ended.
    """
    if folder is not None:
        folder = Path(folder)
        if Record.done(folder):
            raise RecordError(f"{folder} exists: remove it, or write the record elsewhere")
    keras.utils.set_random_seed(recipe.seed)
    with _own_random(recipe.seed), _precision(recipe.precision), _sharing(recipe):
        run = _Run(dataset, split, recipe, folder)
        record = run.go(callbacks, progress)
    return run.network, record


class _Run(keras.callbacks.Callback):
    """One run, looking on itself: it keeps its history, and its state on disk."""

    def __init__(self, dataset: Dataset, split: Split, recipe: Recipe, folder: Path | None):
        super().__init__()
        forget_peak_memory()
        self.dataset, self.split, self.recipe, self.folder = dataset, split, recipe, folder
        self.network = build(recipe.model, dataset.image_shape, len(CLASSES), **recipe.options)
        self.network.compile(
            optimizer=keras.optimizers.Adam(recipe.learning_rate),
            loss=_loss(dataset, split, recipe),
            metrics=["accuracy"],
            jit_compile=compiles(),
        )
        self.batches = Batches(
            dataset,
            split.train,
            recipe.batch_size,
            seed=recipe.seed,
            balanced=recipe.sampling == "balanced",
            augment=recipe.augment,
            multiple=recipe.devices,
        )
        self.state = {"run": self._digest(), "epochs": 0, "history": {}}
        self.state |= {"seconds": 0.0, "input_seconds": 0.0}
        self.path = folder / "checkpoint.npz" if folder else None
        if self.path and self.path.exists():
            self.state = checkpoint.restore(self.path, self.network, self.state["run"])
        self.kept = self.state["epochs"]
        self.clock = self.saved = time.perf_counter()

    def go(self, callbacks: tuple, progress: bool) -> Record:
        try:
            if self.folder:
                self.folder.mkdir(parents=True, exist_ok=True)
            self._fit(callbacks, progress)
            record = self._record(COMPLETED, self._predict())
            if self.folder:
                record.write(self.folder)
                for left in self.folder.glob("checkpoint.npz*"):
                    left.unlink()
        except (Exception, KeyboardInterrupt) as error:
            reason = self._reason(error)
            ended = f"{reason}; {self.state['epochs']} of {self.recipe.epochs} epochs were done"
            if self.folder:
                with contextlib.suppress(OSError):
                    self._record(ended).write(self.folder)
            if isinstance(error, KeyboardInterrupt):
                raise KeyboardInterrupt(ended) from None
            if reason == _first_line(error) and not isinstance(error, TrainingError):
                raise
            raise TrainingError(ended) from error
        return record

    def _fit(self, callbacks: tuple, progress: bool) -> None:
        recipe, batches, watched = self.recipe, self.batches, None
        if len(self.split.validation):
            watched = Batches(
                self.dataset, self.split.validation, recipe.batch_size, multiple=recipe.devices
            )
        done, total = self.state["epochs"] * batches.count, recipe.epochs * batches.count
        with tqdm(
            total=total, initial=done, unit=" pictures", mininterval=1, disable=not progress
        ) as bar:

            def advance(batch, logs):
                begin = batch * recipe.batch_size
                bar.update(min(recipe.batch_size, batches.count - begin))

            self.network.fit(
                batches,
                validation_data=watched,
                epochs=recipe.epochs,
                initial_epoch=self.state["epochs"],
                shuffle=False,
                callbacks=[
                    self,
                    *callbacks,
                    keras.callbacks.LambdaCallback(
                        on_train_batch_end=advance,
                        on_epoch_end=lambda epoch, logs: bar.set_postfix(
                            epoch=epoch + 1, loss=f"{logs['loss']:.3f}"
                        ),
                    ),
                ],
                verbose=0,
            )

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.batches.begin(epoch)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        for name, value in logs.items():
            if not np.isfinite(value):
                raise TrainingError(
                    f"the {name} was {value} in epoch {epoch + 1}: lower the learning rate"
                )
        for name, value in logs.items():
            self.state["history"].setdefault(name, []).append(float(value))
        now = time.perf_counter()
        self.state["epochs"] = epoch + 1
        self.state["seconds"] += now - self.clock
        self.clock = now
        self.state["input_seconds"] += self.batches.seconds
        self.batches.seconds = 0.0
        if self.path and now - self.saved >= CHECKPOINT_SECONDS:
            checkpoint.save(self.path, self.network, self.state)
            self.saved, self.kept = time.perf_counter(), epoch + 1

    def _predict(self) -> pd.DataFrame:
        rows = self.split.test
        padded = np.pad(rows, (0, -len(rows) % self.recipe.devices), mode="wrap")
        batches = Batches(self.dataset, padded, self.recipe.batch_size)
        probabilities = self.network.predict(batches, verbose=0)[: len(rows)]
        if not np.isfinite(probabilities).all():
            raise TrainingError("the last step lost the weights: lower the learning rate")
        table = pd.DataFrame(np.round(probabilities.astype("float64"), 6), columns=list(CLASSES))
        table.insert(0, "label", self.dataset.table["dx"].to_numpy()[rows])
        table.insert(0, "lesion_id", lesions(self.dataset)[rows])
        table.insert(0, "image_id", self.dataset.table["image_id"].to_numpy()[rows])
        return table

    def _record(self, ended: str, predictions: pd.DataFrame | None = None) -> Record:
        seconds, gpu = self.state["seconds"], peak_gpu_memory()
        pictures = self.state["epochs"] * self.batches.count
        run = {
            "schema": SCHEMA,
            "ended": ended,
            "recipe": asdict(self.recipe),
            "data": self.dataset.about,
            "split": self.split.about,
            "environment": environment(),
            "parameters": self.network.count_params(),
            "cost": {
                "wall_seconds": round(seconds, 2),
                "images_per_second": round(pictures / seconds, 1) if seconds else None,
                "input_seconds": round(self.state["input_seconds"], 2),
                "peak_memory_mib": round(peak_memory() / 2**20),
                "peak_gpu_memory_mib": round(gpu / 2**20) if gpu else None,
            },
            "history": self.state["history"],
        }
        return Record(run, predictions)

    def _reason(self, error: BaseException) -> str:
        """Why the run ended: one sentence, without its full stop."""
        text, recipe = str(error), self.recipe
        if isinstance(error, KeyboardInterrupt):
            again = f": the same call goes on after epoch {self.kept}" if self.kept else ""
            return f"it was interrupted{again}"
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            return f"no space is left on the disk of {self.folder}: free some, and call again"
        out = ("RESOURCE_EXHAUSTED", "out of memory")
        if isinstance(error, MemoryError) or any(words in text for words in out):
            return (
                f"memory does not hold a step of {recipe.model} with batches of "
                f"{recipe.batch_size}: take smaller batches or pictures"
            )
        return _first_line(error)

    def _digest(self) -> str:
        """What a checkpoint has to agree with to be this run's."""
        digest = hashlib.sha256(json.dumps(asdict(self.recipe), sort_keys=True).encode())
        digest.update(f"{self.dataset.fingerprint} {self.dataset.images.shape}".encode())
        for rows in (self.split.train, self.split.validation, self.split.test):
            digest.update(np.ascontiguousarray(rows, "int64").tobytes() + b"|")
        return digest.hexdigest()


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines() or [""]
    return text[0] if isinstance(error, SkinlibError) else f"{type(error).__name__}: {text[0]}"


@contextlib.contextmanager
def _own_random(seed: int) -> Iterator[None]:
    """Keras takes the seeds of first weights and dropout from Python's one random generator.

    On a cluster other threads draw from it in between; so Keras gets one that is not shared.
    """
    with mock.patch.object(seed_generator, "python_random", random.Random(seed)):
        yield


@contextlib.contextmanager
def _precision(policy: str) -> Iterator[None]:
    """Layers built within compute as `policy` says."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _sharing(recipe: Recipe) -> contextlib.AbstractContextManager:
    """Models built within share each batch among several devices, each with all weights."""
    if recipe.devices == 1:
        return contextlib.nullcontext()
    names = keras.distribution.list_devices()
    if recipe.devices > len(names) or recipe.batch_size % recipe.devices:
        raise TrainingError(
            f"devices: expected a divisor of the batch size {recipe.batch_size}, and at most the "
            f"{len(names)} that {keras.backend.backend()} sees, got {recipe.devices}"
        )
    if keras.backend.backend() == "jax":
        return keras.distribution.DataParallel(devices=names[: recipe.devices]).scope()
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.distribute.MirroredStrategy(names[: recipe.devices]).scope()
    raise TrainingError("devices: several need TensorFlow or JAX, see KERAS_BACKEND")


def compiles() -> bool | str:
    """XLA makes this network slower where TensorFlow runs on the CPU."""
    return False if keras.backend.backend() == "tensorflow" and not gpus() else "auto"


def _loss(dataset: Dataset, split: Split, recipe: Recipe) -> JointLoss:
    weights = None
    if recipe.class_weights == "balanced":
        labels = dataset.labels[split.train]
        if absent := [name for c, name in enumerate(CLASSES) if c not in labels]:
            raise TrainingError(
                f"class weights: no picture to train on is {', '.join(absent)}: use more pictures"
            )
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
