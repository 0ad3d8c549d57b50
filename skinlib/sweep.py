"""Many runs: named lists, worked off on this machine or on a Dask cluster."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import keras
import numpy as np
from tqdm import tqdm

from skinlib import SkinlibError
from skinlib.data import load
from skinlib.data.dataset import Dataset
from skinlib.data.splits import SPLITS, Split
from skinlib.models import MODELS
from skinlib.records import Record, RecordError
from skinlib.training import Recipe, train


class SweepError(SkinlibError):
    """Some runs of a sweep failed; the message names them, after all others have run."""


@dataclass(frozen=True)
class Run:
    """A recipe and the split that it is trained on, drawn with the recipe's seed.

    Attributes:
        recipe: how to train.
        split: a name in `skinlib.data.splits.SPLITS`.
        test: share of the pictures to test on.
    """

    recipe: Recipe
    split: str = "random"
    test: float = 0.15

    def divide(self, dataset: Dataset) -> Split:
        return SPLITS[self.split](dataset, self.recipe.seed, test=self.test)


Runs = dict[str, Run]
"""Name of a run, and of its folder -> the run."""


def table1(seeds: int, split: str = "random") -> Runs:
    """The paper's table 1: six networks, pictures divided at random.

    "All compared algorithms use the cross-entropy loss" (section 3.2).
    """
    return {
        f"{model}_{split}_seed{seed}": Run(
            Recipe(
                model=model, seed=seed, loss="joint" if model == "proposed" else "cross_entropy"
            ),
            split,
        )
        for seed in range(seeds)
        for model in reversed(MODELS)
    }


def grouped(seeds: int) -> Runs:
    """Table 1 again, lesions divided at random: no lesion on both sides."""
    return table1(seeds, "grouped")


PARTS = {
    "deformable": {"options": {"deformable": False}},
    "attention": {"options": {"attention": False}},
    "joint_loss": {"loss": "cross_entropy"},
}
"""What the paper adds to a plain network -> how a recipe leaves it out."""


def ablation(seeds: int) -> Runs:
    """The proposed network with each subset of its three parts, on both splits."""
    runs = {}
    for seed in range(seeds):
        for split in ("random", "grouped"):
            for present in np.ndindex(2, 2, 2):
                off = [part for part, here in zip(PARTS, present, strict=True) if not here]
                changes = {"options": {}}
                for part in off:
                    options = {**changes["options"], **PARTS[part].get("options", {})}
                    changes = {**changes, **PARTS[part], "options": options}
                name = "_without_".join(["proposed", *off])
                run = Run(Recipe(seed=seed, **changes), split)
                runs[f"{name}_{split}_seed{seed}"] = run
    return dict(sorted(runs.items(), key=lambda item: item[0].count("without")))


READINGS = {
    "as_printed": {},
    "no_dropout": {"options": {"dropout": 0.0}},
    "batch_norm": {"options": {"batch_norm": True}},
    "he_normal": {"options": {"initializer": "he_normal"}},
    "augmented": {"augment": True},
    "class_weights": {"class_weights": "balanced"},
    "balanced_sampling": {"sampling": "balanced"},
    "60_epochs": {"epochs": 60},
    "batch_8": {"batch_size": 8},
    "sum_over_data": {"focal_reduction": "dataset_sum"},
}
"""What the paper may have done and does not say -> how a recipe does it."""

FAULTS = ("peeked", "copied", "seen")
"""Splits that let the test pictures into training; see `skinlib.data.splits`."""


def readings(seeds: int) -> Runs:
    """One change at a time that might close the gap to the paper's figures; then all at once."""
    together = {
        "options": {"batch_norm": True, "initializer": "he_normal"},
        "augment": True,
        "epochs": 60,
    }
    runs = {}
    for seed in range(seeds):
        for name, changes in {**READINGS, "together": together}.items():
            runs[f"reading_{name}_seed{seed}"] = Run(Recipe(seed=seed, **changes), "peeked")
        for fault in FAULTS[1:]:
            runs[f"reading_{fault}_seed{seed}"] = Run(Recipe(seed=seed), fault)
    return runs


def joint_loss(seeds: int) -> Runs:
    """Chapter 04: beta and the readings of eq. 4, beside what practitioners use.

    The network is `skinlib.models.small`, so that a run takes seconds.
    """
    small = Recipe(model="small", epochs=10, batch_size=16, learning_rate=1e-3)
    settings = {
        "cross_entropy": {"loss": "cross_entropy"},
        **{
            f"beta_{beta}_{reading}": {"beta": beta, "focal_reduction": reading}
            for beta in (0.0002, 0.02, 0.5)
            for reading in ("mean", "batch_sum", "dataset_sum")
        },
        "focal": {"loss": "focal", "focal_reduction": "mean"},
        "class_weights": {"loss": "cross_entropy", "class_weights": "balanced"},
        "balanced_sampling": {"loss": "cross_entropy", "sampling": "balanced"},
    }
    return {
        f"{name}_seed{seed}": Run(replace(small, seed=seed, **changes), "grouped", test=0.4)
        for seed in range(seeds)
        for name, changes in settings.items()
    }


SWEEPS: dict[str, Callable[[int], Runs]] = {
    "table1": table1,
    "grouped": grouped,
    "ablation": ablation,
    "readings": readings,
    "joint_loss": joint_loss,
}
"""Name of a sweep -> a function that lists its runs for a number of seeds."""


def missing(
    name: str, seeds: int, dataset: Dataset, folder: Path, precision: str = "float32"
) -> Runs:
    """The runs of a sweep that have no record yet.

    Args:
        name: a key of `SWEEPS`.
        seeds: repeats every run with the seeds 0 to `seeds` - 1.
        dataset: to train on.
        folder: of the records; several sweeps may share it, and what they have in common.
        precision: of the runs to do, see `skinlib.training.Recipe`. A record counts in whichever
            it was made, and says so.

    Raises:
        SweepError: if there is no sweep of that name.
        RecordError: if a record is damaged, or was made with another recipe, split or data. Two
            copies of HAM10000 (see `skinlib.data.Dataset.fingerprint`) are the same data here.
    """
    if name not in SWEEPS:
        raise SweepError(f"unknown sweep {name!r}: expected one of {', '.join(SWEEPS)}")
    todo = {}
    for title, run in SWEEPS[name](seeds).items():
        if not Record.done(Path(folder) / title):
            todo[title] = replace(run, recipe=replace(run.recipe, precision=precision))
        elif changed := _changed(Record.read(Path(folder) / title), run, dataset):
            raise RecordError(
                f"{Path(folder) / title} has another {changed} than {title} of {name}: choose "
                "another folder"
            )
    return todo


def _changed(record: Record, run: Run, dataset: Dataset) -> str:
    """In which of its inputs a record differs from a run, if in any."""
    made = record.run
    asked = {
        "recipe": asdict(run.recipe) | {"precision": made["recipe"]["precision"]},
        "data": dataset.about | {"fingerprint": made["data"]["fingerprint"]},
        "split": run.divide(dataset).about,
    }
    asked = json.loads(json.dumps(asked))  # as a record holds it: tuples are lists
    return " and ".join(name for name, value in asked.items() if made[name] != value)


def estimate(runs: Runs, dataset: Dataset) -> float:
    """Seconds that runs will take on this machine, from a few steps of each network."""
    rates, total = {}, 0.0
    for run in runs.values():
        recipe, split = run.recipe, run.divide(dataset)
        kind = (recipe.model, str(recipe.options), recipe.batch_size, recipe.precision)
        if kind not in rates:
            rates[kind] = _seconds_a_picture(dataset, split, recipe)
        total += rates[kind] * recipe.epochs * len(split.train)
    return total


def _seconds_a_picture(dataset: Dataset, split: Split, recipe: Recipe) -> float:
    """Of training; measured over four batches, after an epoch that compiles."""
    few = split.train[: 4 * recipe.batch_size]
    times = []
    clock = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: times.append(time.perf_counter()),
        on_epoch_end=lambda epoch, logs: times.append(time.perf_counter()),
    )
    trial = replace(split, train=few, validation=few[:0], test=few[:1])
    train(dataset, trial, replace(recipe, epochs=2, class_weights=None), callbacks=(clock,))
    return (times[3] - times[2]) / len(few)


def work(
    runs: Runs,
    data: str,
    options: dict,
    folder: Path,
    *,
    scheduler: str | None = None,
    progress: bool = True,
) -> None:
    """Trains runs and writes their records.

    Args:
        runs: what `missing` says.
        data: name of the data set.
        options: of `skinlib.data.load`.
        folder: for the records; on a cluster, one that every worker reaches.
        scheduler: the address of a Dask cluster; None works here, one run after another. A
            worker that dies costs its current run only, from its last checkpoint. Where workers
            have the resource "GPU", each run takes one.
        progress: shows bars.

    Raises:
        SweepError: at the end, if runs failed.
    """
    folder, failed = Path(folder).resolve(), {}
    results = _cluster if scheduler else _here
    with tqdm(total=len(runs), unit="run", disable=not progress) as bar:
        for title, reason in results(runs, data, options, folder, scheduler, progress):
            bar.update()
            if reason:
                failed[title] = reason
    if failed:
        details = "; ".join(f"{title} ({reason})" for title, reason in failed.items())
        raise SweepError(f"{len(failed)} runs failed: {details}. Call again to repeat just these")


def _here(runs, data, options, folder, scheduler, progress):
    for title, run in runs.items():
        yield title, _one(run, data, options, folder / title, progress)


def _cluster(runs, data, options, folder, scheduler, progress):
    from distributed import Client, as_completed

    with Client(scheduler) as client:
        workers = client.scheduler_info(n_workers=-1)["workers"].values()
        gpus = any("GPU" in worker["resources"] for worker in workers)
        futures = {
            client.submit(
                _one,
                run,
                data,
                options,
                folder / title,
                key=f"{title}-{time.time_ns()}",
                resources={"GPU": 1} if gpus else None,
            ): title
            for title, run in runs.items()
        }
        for future in as_completed(futures):
            error = future.exception()
            yield futures[future], future.result() if error is None else str(error)


_ALONE = threading.Lock()
"""Keras keeps state for the whole process: a worker's threads take turns."""


def _one(run: Run, data: str, options: dict, folder: Path, progress: bool = False) -> str:
    """Trains one run; returns why it failed, or nothing."""
    with _ALONE:
        try:
            if Record.done(folder):  # by a worker that died before it could say so
                return ""
            dataset = load(data, **options)
            train(dataset, run.divide(dataset), run.recipe, folder, progress=progress)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return ""
