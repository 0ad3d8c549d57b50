"""From a recipe to a run: seed, build, fit, evaluate, write."""

import contextlib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from sklearn.utils.class_weight import compute_class_weight
from tqdm import tqdm

from skinlib import explain
from skinlib.data.batches import Batches
from skinlib.data.dataset import CLASSES, Dataset
from skinlib.data.splits import Split
from skinlib.environment import code, environment, peak_memory
from skinlib.errors import DataError, RecordError, SkinlibError
from skinlib.files import locked
from skinlib.losses import JointLoss
from skinlib.models import build
from skinlib.runs import SCHEMA, Run, is_done
from skinlib.training.averages import renew_averages
from skinlib.training.checkpoint import Checkpoint, load_weights, save_weights
from skinlib.training.compile import compile_model
from skinlib.training.recipe import Recipe
from skinlib.training.vital_signs import fingerprints, vital_signs

CHECKPOINT = "checkpoint.npz"

SAMPLE = 256
"""Vital signs are measured on this many test images."""


def train(
    dataset: Dataset,
    split: Split,
    recipe: Recipe,
    folder: Path | None = None,
    *,
    isic2018_test: Dataset | None = None,
    keep_weights: bool = False,
    callbacks: tuple[keras.callbacks.Callback, ...] = (),
    progress: bool = False,
) -> tuple[keras.Model, Run]:
    """Trains a fresh network on `split.train` and evaluates it on `split.test`.

    The first three arguments determine the run: on the CPU of one machine, with as many threads,
    bit for bit, cost and environment apart. The test images are looked at once, after the last
    epoch (unless the split is "peeked"). A run that was stopped goes on from its last checkpoint
    when it is called again with the same arguments, and ends as it would have.

    Args:
        dataset: the images.
        split: of them.
        recipe: how to train.
        folder: where to write the run, and checkpoints until then; None writes nothing.
        isic2018_test: the test set of ISIC 2018 task 3, to be predicted, too; unless the split is
            for tuning, which looks at no test images.
        keep_weights: write the trained weights beside the run.
        callbacks: more Keras callbacks.
        progress: show a bar with images per second and the time left.

    Returns:
        The trained network and its run.

    Raises:
        RecordError: if `folder` holds a run, a checkpoint of another run, or is being written.
        DataError: if class weights are asked for and a class is missing.
        SkinlibError: if the loss is not finite.
    """
    folder = Path(folder) if folder is not None else None
    if folder is not None and is_done(folder):
        raise RecordError(f"{folder} exists: remove it, or write the run elsewhere")
    made_by = code()  # before hours pass in which a commit may be made
    with locked(folder) if folder else contextlib.nullcontext(), _dtype_policy(recipe.dtype):
        # Seed and build
        keras.utils.set_random_seed(recipe.seed)
        model = build(recipe.model, dataset.image_shape, len(CLASSES), **recipe.options)
        compile_model(
            model,
            make_optimizer(recipe, steps=-(-len(split.train) // recipe.batch_size)),
            make_loss(dataset, split, recipe),
            ["accuracy"],
        )
        fresh = fingerprints(model)
        checkpoint = Checkpoint(
            folder / CHECKPOINT if folder else None, identity(dataset, split, recipe), made_by
        )
        checkpoint.resume(model, recipe.epochs)

        # Fit
        batches = Batches(
            dataset,
            split.train,
            recipe.batch_size,
            seed=recipe.seed,
            sampling=recipe.sampling,
            augment=recipe.augment,
            jitter=recipe.jitter,
            mixup=recipe.mixup,
            label_smoothing=recipe.label_smoothing,
        )
        batches.begin(checkpoint.progress["epochs"])
        validation = Batches(dataset, split.validation, recipe.batch_size)
        done = checkpoint.progress["epochs"]
        bars = [ProgressBar(recipe, len(split.train), done)] if progress else []
        try:
            model.fit(
                batches,
                validation_data=validation if len(split.validation) else None,
                initial_epoch=checkpoint.progress["epochs"],
                epochs=recipe.epochs,
                shuffle=False,
                callbacks=[checkpoint, *callbacks, *bars],
                verbose=0,
            )
        finally:
            for bar in bars:
                bar.bar.close()

        if recipe.new_averages:
            renew_averages(model, dataset, split.train, recipe.batch_size)

        # Evaluate
        frequency = np.bincount(dataset.labels[split.train], minlength=len(CLASSES))
        answers = partial(
            predict,
            model,
            turns=8 if recipe.test_time_augmentation else 1,
            divide_by=np.maximum(frequency, 1.0) ** recipe.logit_adjustment,
        )
        predictions = answers(dataset, split.test)
        isic = None
        if isic2018_test is not None and split.kind != "tuning":
            isic = answers(isic2018_test, np.arange(len(isic2018_test)))
        heat_maps = explain.heat_map_scores(model, dataset, split.test)
        rng = np.random.default_rng(0)
        sample = dataset.images[np.sort(rng.permutation(split.test)[:SAMPLE])]
        signs = vital_signs(model, sample, fresh, checkpoint.progress["history"])

        # Write
        seconds = checkpoint.progress["seconds"]
        config = {
            "schema": SCHEMA,
            "recipe": asdict(recipe),
            "data": dataset.about,
            "split": split.about,
            "code": checkpoint.progress["code"],
            "environment": environment(),
            "parameters": model.count_params(),
            "cost": {
                "wall_seconds": round(seconds, 2),
                "images_per_second": round(recipe.epochs * len(split.train) / seconds, 1),
                "peak_memory_mib": peak_memory(),
            },
            "history": checkpoint.progress["history"],
            "vital_signs": signs,
        }
        run = Run(json.loads(json.dumps(config)), predictions, isic, heat_maps, folder)
        if folder:
            (folder / "weights.npz").unlink(missing_ok=True)  # of another run
            if keep_weights:
                save_weights(model, folder / "weights.npz")
            run.write(folder)
            (folder / CHECKPOINT).unlink(missing_ok=True)
    return model, run


def predict(
    model: keras.Model,
    dataset: Dataset,
    rows: np.ndarray,
    *,
    turns: int = 1,
    divide_by: np.ndarray | float = 1.0,
) -> pd.DataFrame:
    """A network's answers to some images of a data set.

    Args:
        model: of images to probabilities.
        dataset: with the images.
        rows: of the images, (N,).
        turns: the answer is a mean over so many of an image's eight flips and turns.
        divide_by: (7,); each class's probability is divided by it, and the sum brought to 1.

    Returns:
        One row per image: `image_id`, `lesion_id`, `label` (a class name), and one column of
        probabilities per class.

    Raises:
        SkinlibError: if a probability is not finite.
    """
    probabilities = np.zeros((len(rows), len(CLASSES)))
    for turn in range(turns):
        batches = Batches(dataset, rows, 32, turn=turn)
        probabilities += model.predict(batches, verbose=0) / turns
    probabilities /= divide_by
    probabilities /= probabilities.sum(1, keepdims=True)
    if not np.isfinite(probabilities).all():
        raise SkinlibError("the network's answers are not finite: lower the learning rate")
    table = pd.DataFrame(probabilities.round(5), columns=list(CLASSES))
    table.insert(0, "label", dataset.table["dx"].to_numpy()[rows])
    table.insert(0, "lesion_id", dataset.lesions[rows])
    table.insert(0, "image_id", dataset.table["image_id"].to_numpy()[rows])
    return table


def trained_network(run: Run) -> keras.Model:
    """Builds the network of a run and gives it the weights that were kept beside it.

    Raises:
        RecordError: if none were kept, or they are damaged.
    """
    if run.folder is None:
        raise RecordError("the run was not read from a folder, so no weights lie beside it")
    recipe, shape = run.recipe, tuple(run.config["data"]["image_shape"])
    model = build(recipe.model, shape, len(CLASSES), **recipe.options)
    load_weights(model, run.folder / "weights.npz", run.config["weights"])
    return model


def make_optimizer(recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
    """Adam, as a recipe wants it, for a training of so many steps per epoch."""
    rate = recipe.learning_rate
    if recipe.schedule == "cosine":
        steps *= recipe.epochs
        warm = steps // 20
        rate = keras.optimizers.schedules.CosineDecay(
            0.0, max(1, steps - warm), warmup_target=recipe.learning_rate, warmup_steps=warm
        )
    optimizer = keras.optimizers.Adam(
        rate,
        weight_decay=recipe.weight_decay or None,
        use_ema=recipe.ema > 0,
        ema_momentum=recipe.ema,
    )
    if recipe.weight_decay:
        optimizer.exclude_from_weight_decay(var_names=["alpha", "beta", "bias", "gamma"])
    return optimizer


def make_loss(dataset: Dataset, split: Split, recipe: Recipe) -> JointLoss:
    """The loss of a recipe, which may need to know the training part.

    Raises:
        DataError: if a class has no training image and so no weight.
    """
    weights = None
    if recipe.class_weights == "balanced":
        labels = dataset.labels[split.train]
        absent = [name for c, name in enumerate(CLASSES) if c not in labels]
        if absent:
            raise DataError(
                f"class weights: no training image is {', '.join(absent)}: use more images"
            )
        classes = np.arange(len(CLASSES))
        weights = compute_class_weight("balanced", classes=classes, y=labels).tolist()
    return JointLoss(
        beta=recipe.beta,
        focusing=recipe.focusing,
        alpha=recipe.alpha,
        class_weights=weights,
        focal_reduction=recipe.focal_reduction,
        dataset_size=len(split.train) if recipe.focal_reduction == "dataset_sum" else None,
    )


class ProgressBar(keras.callbacks.Callback):
    """One bar for the whole run, with images per second and the time left."""

    def __init__(self, recipe: Recipe, images: int, done: int):
        super().__init__()
        self.batch_size, self.images = recipe.batch_size, images
        total, before = recipe.epochs * images, done * images
        self.bar = tqdm(total=total, initial=before, unit=" images", mininterval=1)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self.bar.update(min(self.batch_size, self.images - batch * self.batch_size))

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.bar.set_postfix(epoch=epoch + 1, loss=f"{(logs or {})['loss']:.3f}")


@contextlib.contextmanager
def _dtype_policy(name: str) -> Iterator[None]:
    """Layers built within compute as the policy says."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def identity(dataset: Dataset, split: Split, recipe: Recipe) -> str:
    """What a checkpoint has to agree with to be this run's."""
    digest = hashlib.sha256(json.dumps(asdict(recipe), sort_keys=True).encode())
    digest.update(json.dumps(dataset.about).encode())
    for rows in (split.train, split.validation, split.test):
        digest.update(np.ascontiguousarray(rows, "int64").tobytes() + b"|")
    return digest.hexdigest()
