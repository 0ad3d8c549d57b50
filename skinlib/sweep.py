"""Many runs: named lists of recipes, and a loop that can be stopped and started again."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from skinlib import SkinlibError
from skinlib.data.dataset import Dataset
from skinlib.data.splits import Split
from skinlib.training import Recipe, train


class SweepError(SkinlibError):
    """Some runs of a sweep failed; the message names them, after all others have run."""


def joint_loss() -> dict[str, Recipe]:
    """Chapter 04: beta and the readings of eq. 4, beside what practitioners use; three seeds.

    The network is `skinlib.models.small`, so that a run takes seconds.
    """
    small = Recipe(model="small", epochs=10, batch_size=16, learning_rate=1e-3)
    settings = {
        "cross_entropy": {"loss": "cross_entropy"},
        **{
            f"beta_{beta}_{reading}": {"beta": beta, "focal_reduction": reading}
            for beta in (0.0002, 0.02)
            for reading in ("mean", "batch_sum", "dataset_sum")
        },
        "focal": {"loss": "focal", "focal_reduction": "mean"},
        "class_weights": {"loss": "cross_entropy", "class_weights": "balanced"},
        "balanced_sampling": {"loss": "cross_entropy", "sampling": "balanced"},
    }
    return {
        f"{name}_seed{seed}": replace(small, seed=seed, **changes)
        for seed in range(3)
        for name, changes in settings.items()
    }


SWEEPS: dict[str, Callable[[], dict[str, Recipe]]] = {"joint_loss": joint_loss}
"""Name of a sweep -> a function that lists its runs: name of the run -> recipe."""


def run(name: str, dataset: Dataset, split: Split, folder: Path) -> None:
    """Runs what is missing of a sweep, one after another, on this machine.

    Args:
        name: a key of `SWEEPS`.
        dataset: the pictures.
        split: of them.
        folder: gets one record a run, under the run's name. Runs that are there already are
            skipped.

    Raises:
        ValueError: if there is no sweep of that name.
        SweepError: at the end, if runs failed.
    """
    if name not in SWEEPS:
        raise ValueError(f"unknown sweep {name!r}: expected one of {', '.join(SWEEPS)}")
    failed = {}
    for title, recipe in SWEEPS[name]().items():
        if (Path(folder) / title).exists():
            continue
        try:
            train(dataset, split, recipe, Path(folder) / title)
        except Exception as error:
            failed[title] = f"{type(error).__name__}: {error}"
    if failed:
        details = "; ".join(f"{title} ({reason})" for title, reason in failed.items())
        raise SweepError(
            f"{len(failed)} runs of {name} failed: {details}. Call again to repeat just these"
        )
