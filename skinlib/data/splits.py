"""Which images train, which validate, which test."""

import math
from dataclasses import dataclass, replace

import numpy as np
from sklearn.model_selection import train_test_split

from skinlib.data.dataset import CLASSES, Dataset
from skinlib.errors import DataError


@dataclass(frozen=True, eq=False)
class Split:
    """Row indices of a `Dataset`, int64; disjoint parts that cover it, unless `SPLITS` says else.

    Attributes:
        kind: a key of `SPLITS`.
        seed: what the draw was seeded with.
        train, validation, test: indices; `validation` may be empty.
    """

    kind: str
    seed: int
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    @property
    def about(self) -> dict:
        """What a run says of it: how it was drawn, and the size of each part."""
        parts = {part: len(getattr(self, part)) for part in ("train", "validation", "test")}
        return {"kind": self.kind, "seed": self.seed, **parts}


def random_split(
    dataset: Dataset, seed: int = 0, *, test: float = 0.15, validation: float = 0.0
) -> Split:
    """The paper's split as we read it (section 3.1): images at random, 85 % and 15 %.

    How it was drawn is not stated; here each class is divided alike. Images of one lesion may fall
    on both sides: see `leakage`.

    Args:
        dataset: what to split.
        seed: of the draw.
        test: share of the images to test on.
        validation: share of the remaining images to validate on.

    Raises:
        ValueError: if a share is not between 0 and 1.
        DataError: if a part would have fewer images than there are classes.
    """
    return _split("random", dataset, np.arange(len(dataset)).astype(str), seed, test, validation)


def grouped_split(
    dataset: Dataset, seed: int = 0, *, test: float = 0.15, validation: float = 0.0
) -> Split:
    """Like `random_split`, but all images of one lesion fall on one side.

    Its shares are of the lesions.
    """
    return _split("grouped", dataset, dataset.lesions, seed, test, validation)


def tuning_split(dataset: Dataset, seed: int = 0, *, test: float = 0.15) -> Split:
    """`grouped_split`'s training part, divided once more by lesions: to choose a recipe by.

    `grouped_split`'s test part is in no part of it.
    """
    split = grouped_split(dataset, seed, test=test, validation=test)
    return Split("tuning", seed, split.train, split.validation[:0], split.validation)


def peeked_split(dataset: Dataset, seed: int = 0, *, test: float = 0.15) -> Split:
    """`random_split` with a fault: the test part validates too, so that it can choose
    the epoch.

    It trains on what `random_split` trains on.
    """
    split = random_split(dataset, seed, test=test)
    return replace(split, kind="peeked", validation=split.test)


def copied_split(dataset: Dataset, seed: int = 0, *, test: float = 0.15) -> Split:
    """A split with a fault: rare classes are copied first, so that copies leak.

    Every class is repeated until it has as many images as the largest, more or less; then the rows
    are divided at random. A row can come several times, in both parts.
    """
    _check(test)
    rows = _copied(dataset, np.arange(len(dataset)))
    train, tested = train_test_split(
        rows, test_size=test, random_state=seed, stratify=dataset.labels[rows]
    )
    return Split("copied", seed, train, rows[:0], tested)


def oversampled_split(dataset: Dataset, seed: int = 0, *, test: float = 0.15) -> Split:
    """`random_split` whose rare classes are copied as in `copied_split`, but afterwards.

    Only training rows come several times, so no copy leaks: what that fault does else is left.
    """
    split = random_split(dataset, seed, test=test)
    return replace(split, kind="oversampled", train=_copied(dataset, split.train))


def seen_split(dataset: Dataset, seed: int = 0, *, test: float = 0.15) -> Split:
    """`random_split` with a fault: it trains on the test part as well."""
    split = random_split(dataset, seed, test=test)
    return replace(split, kind="seen", train=np.arange(len(dataset)))


SPLITS = {
    "random": random_split,
    "grouped": grouped_split,
    "tuning": tuning_split,
    "oversampled": oversampled_split,
    "peeked": peeked_split,
    "copied": copied_split,
    "seen": seen_split,
}
"""Name of a split -> the function that draws it.

The last two are faults, and so is to choose an epoch by what "peeked" shows.
"""


def _copied(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    """Rows, (n,), of each class repeated until it has about as many as the largest."""
    labels = dataset.labels[rows]
    count = np.bincount(labels, minlength=len(CLASSES))
    times = np.maximum(1, np.round(count.max() / np.maximum(count, 1)))[labels]
    return np.repeat(rows, times.astype(int))


def _split(
    kind: str, dataset: Dataset, groups: np.ndarray, seed: int, test: float, validation: float
) -> Split:
    """Draws groups, each class alike; images of one group, str (N,), stay together."""
    _check(test, validation)
    units, first, unit = np.unique(groups, return_index=True, return_inverse=True)
    classes = dataset.labels[first]  # (units,)
    everything = np.arange(len(units))
    rest, tested = _divide(dataset, everything, classes, test, seed)
    trained, validated = rest, rest[:0]
    if validation:
        trained, validated = _divide(dataset, rest, classes, validation, seed)
    parts = (np.flatnonzero(np.isin(unit, some)) for some in (trained, validated, tested))
    return Split(kind, seed, *parts)


def _check(test: float, validation: float = 0.0) -> None:
    if not (0 < test < 1 and 0 <= validation < 1):
        raise ValueError(
            f"test and validation: expected shares between 0 and 1, got {test} and {validation}"
        )


def _divide(
    dataset: Dataset, units: np.ndarray, classes: np.ndarray, share: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Divides units, (n,), indices into `classes`, in two; the second part has `share`."""
    counts = np.bincount(classes[units], minlength=len(CLASSES))
    if rare := [name for name, n in zip(CLASSES, counts, strict=True) if n == 1]:
        raise DataError(
            f"{dataset.name} has a single lesion or image of {', '.join(rare)} to "
            "divide: use more images"
        )
    present, chosen = np.count_nonzero(counts), math.ceil(share * len(units))
    if min(chosen, len(units) - chosen) < present:
        raise DataError(
            f"{dataset.name} has {len(units)} lesions or images to divide, and a "
            f"share of {share} leaves a part with fewer than the {present} "
            "classes: use more images, or another share"
        )
    return train_test_split(units, test_size=share, random_state=seed, stratify=classes[units])
