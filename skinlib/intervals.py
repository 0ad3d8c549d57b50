"""Intervals and tests under their usual names.

An interval is a Series with `value`, `low` and `high` (95 %).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from scipy import stats

from skinlib.scores import SCORES, arrays, bootstrap_weights, scores, weighted_scores

if TYPE_CHECKING:
    from skinlib.runs import Run

CLUSTERS = 15
"""From so many clusters on, `cluster_bootstrap` resamples them."""


def t_interval(values: Sequence[float], *, confidence: float = 0.95) -> pd.Series:
    """The mean of independent values, with Student's interval; NaN bounds for a single value."""
    values = np.asarray(values, dtype=float)
    count = len(values)
    mean, half = values.mean(), np.nan
    if count > 1:
        half = stats.t.ppf((1 + confidence) / 2, count - 1) * stats.sem(values)
    return pd.Series({"value": mean, "low": mean - half, "high": mean + half})


def wilson_interval(share: float, count: int) -> pd.Series:
    """A share that was seen in `count` independent images (Wilson 1927)."""
    interval = stats.binomtest(round(share * count), count).proportion_ci(method="wilson")
    return pd.Series({"value": share, "low": interval.low, "high": interval.high})


def holm_correction(p: pd.Series) -> pd.Series:
    """P values corrected for their number (Holm 1979): reject those below the level."""
    order = p.sort_values()
    steps = order * np.arange(len(p), 0, -1)
    return steps.cummax().clip(upper=1).reindex(p.index)


def cluster_bootstrap(
    values: np.ndarray, clusters: np.ndarray, *, resamples: int = 1000
) -> pd.Series:
    """The mean of a value over clusters (lesions), each cluster's values averaged first.

    COVERAGE

    Args:
        values: (N,), one per image.
        clusters: (N,), the lesion that each image shows.
        resamples: how many bootstrap samples; they are seeded.
    """
    means = pd.Series(values).groupby(np.asarray(clusters)).mean().to_numpy()
    row = t_interval(means)
    if len(means) < CLUSTERS or np.ptp(means) == 0:
        return row
    rng = np.random.default_rng(0)
    samples = rng.choice(means, (resamples, len(means)))  # (resamples, clusters)
    samples = samples[np.ptp(samples, axis=1) > 0]
    t = (samples.mean(1) - row["value"]) / stats.sem(samples, axis=1)
    low, high = row["value"] - stats.sem(means) * np.quantile(t, (0.975, 0.025))
    return pd.Series(
        {"value": row["value"], "low": min(low, row["low"]), "high": max(high, row["high"])}
    )


def paired_difference(
    first: Run | pd.DataFrame,
    second: Run | pd.DataFrame,
    name: str = "accuracy",
    *,
    resamples: int = 2000,
) -> pd.Series:
    """How much better the first network is on the same test images.

    LEVEL

    Args:
        first: a run, or a table like its `predictions`.
        second: another, of the same test part.
        name: of `skinlib.scores.SCORES`.
        resamples: of the lesions, and as many permutations; both are seeded. The smallest
            possible p is 1 / (resamples + 1).

    Returns:
        `value`, `low`, `high` (bootstrap over lesions, the same ones for both) and `p`.

    Raises:
        ValueError: if the test parts differ.
    """
    tables = [getattr(run, "predictions", run) for run in (first, second)]
    if list(tables[0]["image_id"]) != list(tables[1]["image_id"]):
        raise ValueError("first, second: expected runs of one test part, got two test parts")
    (labels, ours), (_, theirs) = arrays(first), arrays(second)

    def gap(ours: np.ndarray, theirs: np.ndarray, weight: np.ndarray) -> float:
        a, b = (weighted_scores(labels, p, weight, (name,))[name] for p in (ours, theirs))
        return a - b

    once = np.ones(len(labels))
    value = gap(ours, theirs, once)
    draws = [gap(ours, theirs, weight) for weight in bootstrap_weights(first, resamples)]
    low, high = np.quantile(draws, (0.025, 0.975))
    ids, lesion = np.unique(tables[0]["lesion_id"], return_inverse=True)
    rng = np.random.default_rng(0)
    larger = 0
    for _ in range(resamples):
        swap = (rng.random(len(ids)) < 0.5)[lesion, None]  # (N, 1)
        swapped = gap(np.where(swap, theirs, ours), np.where(swap, ours, theirs), once)
        larger += abs(swapped) >= abs(value) - 1e-12
    p = (larger + 1) / (resamples + 1)
    return pd.Series({"value": value, "low": low, "high": high, "p": p})


def mean_over_seeds(runs: pd.DataFrame, name: str = "accuracy") -> pd.Series:
    """The mean of a score over runs, with Student's interval.

    Each run has its own split and its own first weights, so the interval says where the mean of
    many such runs on this data set lies; other images would move it further. A single run gets
    the interval of `skinlib.scores.scores`, which leaves out the luck of the training.

    Args:
        runs: of `skinlib.runs.load`, one row or more.
        name: a column.

    Returns:
        `value`, `low`, `high` and `runs`.
    """
    if len(runs) == 1 and name in SCORES:
        row = scores(runs["run"].iloc[0], (name,)).loc[name]
    else:
        row = t_interval(runs[name])
    return pd.Series({**row, "runs": len(runs)})


def compare(row: Mapping[str, float]) -> Literal["better", "worse", "undecided"]:
    """Whether a difference is sure: its whole interval lies above zero, or below."""
    return "better" if row["low"] > 0 else "worse" if row["high"] < 0 else "undecided"


def equivalence(
    interval: Mapping[str, float], target: float, margin: float
) -> Literal["equivalent", "different", "undecided"]:
    """Whether an interval lies within `margin` of `target`, wholly outside, or neither.

    Schuirmann's two one-sided tests (1987), with a 95 % interval at both ends of the question.
    """
    low, high = interval["low"] - target, interval["high"] - target
    if -margin <= low and high <= margin:
        return "equivalent"
    return "different" if high < -margin or low > margin else "undecided"


def show(
    row: Mapping[str, float], digits: int = 1, percent: bool = True, *, signed: bool = False
) -> str:
    """'x (low to high)', as the whole book writes it; 'x' alone where there is no interval.

    Args:
        row: `value`, `low`, `high`.
        digits: after the point.
        percent: whether shares are written in per cent.
        signed: whether to write '+', as for a difference.
    """
    form = f"{'+' if signed else ''}z.{digits}f"
    value, low, high = (
        f"{(100 if percent else 1) * row.get(key, np.nan):{form}}"
        for key in ("value", "low", "high")
    )
    return value if "nan" in low else f"{value} ({low} to {high})"
