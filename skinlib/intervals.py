"""Intervals and tests under their usual names.

An interval is a Series with `value`, `low` and `high` (95 %).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from scipy import stats

from skinlib.scores import SCORES, arrays, bootstrap_weights, scores, table_of, weighted_scores

if TYPE_CHECKING:
    from skinlib.runs import Run

CLUSTERS = 15
"""From so many clusters on, `cluster_bootstrap` resamples them."""


def t_interval(values: Sequence[float], *, confidence: float = 0.95) -> pd.Series:
    """The mean of independent values, with Student's interval.

    A single value has none (NaN), and no values have no mean.
    """
    found = np.asarray(values, dtype=float)
    count = len(found)
    mean, half = found.mean() if count else np.nan, np.nan
    if count > 1:
        half = stats.t.ppf((1 + confidence) / 2, count - 1) * stats.sem(found)
    return pd.Series({"value": mean, "low": mean - half, "high": mean + half})


def wilson_interval(share: float, count: int) -> pd.Series:
    """A share that was seen in `count` independent images (Wilson 1927)."""
    test = stats.binomtest(round(share * count), count)
    low, high = test.proportion_ci(method="wilson")
    return pd.Series({"value": share, "low": low, "high": high})


def holm_correction(p: pd.Series) -> pd.Series:
    """P values corrected for their number (Holm 1979): reject those below the level."""
    order = p.sort_values()
    steps = order * np.arange(len(p), 0, -1)
    return steps.cummax().clip(upper=1).reindex(p.index)


def cluster_bootstrap(
    values: np.ndarray, clusters: np.ndarray, *, resamples: int = 1000
) -> pd.Series:
    """The mean of a value over clusters (lesions), of which each counts once.

    Below 15 clusters, Student's t interval over them; it covers normal values 95 % of the time,
    skewed ones (exponential; shares near 0) 88 to 92. From 15 on, at either end the wider of that
    and bootstrap-t, which resamples clusters: 96 % of normal values, 95 to 97 of such skewed ones,
    91 to 96 of log-normal ones. (Percentiles of resampled means cover 85, 79 and 93, 92 % for
    normal and exponential values of 5 and 30 clusters.) Where nearly all clusters have the same
    value, no such interval holds: 80 % for 30 clusters of which each is 1 with a chance of 0.95 and
    else 0. Use `wilson_interval` there.

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
    ends = {"low": min(low, row["low"]), "high": max(high, row["high"])}
    return pd.Series({"value": row["value"], **ends})


def paired_difference(
    first: Run | pd.DataFrame,
    second: Run | pd.DataFrame,
    name: str = "accuracy",
    *,
    resamples: int = 2000,
) -> pd.Series:
    """How far the first network's score lies above the second's, on the same test images.

    The test is a permutation test: under its hypothesis the two networks' answers on a lesion may
    be swapped. In simulations (300 lesions, the rarest class has ten; 1,000 repetitions) it is
    wrong 4 to 6 % of the time at the 5 % level, for 1, 1.34 and 2.5 images per lesion; McNemar's
    test on images, 5, 8 and 16 %. The interval covers 92 to 96 %.

    Args:
        first: a run, or a table like its `predictions`.
        second: another, of the same test part.
        name: of `skinlib.scores.SCORES`.
        resamples: of the lesions, and as many permutations; both are seeded. The smallest possible
            p is 1 / (resamples + 1).

    Returns:
        `value`, `low`, `high` (bootstrap over lesions, the same ones for both) and `p`.

    Raises:
        ValueError: if the test parts differ.
    """
    tables = [table_of(run) for run in (first, second)]
    if list(tables[0]["image_id"]) != list(tables[1]["image_id"]):
        raise ValueError("first, second: expected one test part, got two")
    (labels, ours), (_, theirs) = arrays(first), arrays(second)

    weights = bootstrap_weights(first, resamples)
    draws = weighted_scores(labels, ours, weights, (name,))
    draws -= weighted_scores(labels, theirs, weights, (name,))
    low, high = draws[name].quantile([0.025, 0.975])

    # Swapping the answers on some lesions is weighing both answers by 0 and 1.
    lesions = tables[0]["lesion_id"].to_numpy(dtype=str)
    ids, lesion = np.unique(lesions, return_inverse=True)
    swap = np.random.default_rng(0).integers(2, size=(resamples + 1, len(ids)))
    swap[0] = 0  # the observed difference
    swap = swap[:, lesion].astype(float)  # (resamples + 1, N)
    both = np.tile(labels, 2), np.concatenate([ours, theirs])
    swapped = weighted_scores(*both, np.hstack([1 - swap, swap]), (name,))
    swapped -= weighted_scores(*both, np.hstack([swap, 1 - swap]), (name,))
    value = swapped[name][0]
    p = (swapped[name].abs() >= abs(value) - 1e-12).mean()
    return pd.Series({"value": value, "low": low, "high": high, "p": p})


def mean_over_seeds(runs: pd.DataFrame, name: str = "accuracy") -> pd.Series:
    """The mean of a score over runs, with Student's interval.

    Each run has its own split and its own first weights, so the interval says where the mean of
    many such runs on this data set lies; other images would move it further. Trainings of one seed
    count once. A single run gets the interval of `skinlib.scores.scores`, which leaves out the luck
    of the training. Two get none, for Student's would be 25 standard errors wide.

    Args:
        runs: of `skinlib.runs.load`.
        name: a column.

    Returns:
        `value`, `low`, `high` and `runs`; NaN and 0 without runs.
    """
    if len(runs) == 1 and name in SCORES:
        row = scores(runs["run"].iloc[0], (name,)).loc[name]
    else:
        row = interval_of_shares(runs.groupby("seed")[name].mean())
    return pd.Series({**row, "runs": len(runs)})


def interval_over_seeds(values: Sequence[float]) -> pd.Series:
    """`t_interval` of three values or more; of fewer, their mean alone: two say too little."""
    row = t_interval(values)
    return row if len(values) > 2 else row.where(row.index == "value")


def interval_of_shares(values: Sequence[float]) -> pd.Series:
    """`interval_over_seeds`, within 0 and 1."""
    return interval_over_seeds(values).clip(0, 1)


def difference(first: Mapping[str, float], second: Mapping[str, float]) -> pd.Series:
    """How far one value lies above another that does not depend on it (Newcombe 1998).

    Args:
        first: `value`, `low`, `high`.
        second: the same of the other.

    Returns:
        `value`, `low`, `high`, from the two intervals alone.
    """
    value = first["value"] - second["value"]
    low = np.hypot(first["value"] - first["low"], second["high"] - second["value"])
    high = np.hypot(first["high"] - first["value"], second["value"] - second["low"])
    return pd.Series({"value": value, "low": value - low, "high": value + high})


def compare(row: Mapping[str, float]) -> Literal["better", "worse", "undecided"]:
    """Whether a difference is sure: its whole interval lies above zero, or below."""
    return "better" if row["low"] > 0 else "worse" if row["high"] < 0 else "undecided"


def unsure(row: Mapping[str, float]) -> str:
    """What a sentence adds to a difference that is not sure."""
    return ", not sure" if compare(row) == "undecided" else ""


def equivalence(
    interval: Mapping[str, float], target: float, margin: float
) -> Literal["equivalent", "different", "undecided"]:
    """Whether an interval lies within `margin` of `target`, wholly outside, or neither.

    Two one-sided tests (Schuirmann 1987), stricter by asking for the 95 % interval.
    """
    low, high = interval["low"] - target, interval["high"] - target
    if -margin <= low and high <= margin:
        return "equivalent"
    return "different" if high < -margin or low > margin else "undecided"


def show(
    row: Mapping[str, float], digits: int = 1, percent: bool = True, *, signed: bool = False
) -> str:
    """'x (low to high)', as the book writes it; 'x', or '', where there is no more.

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
    if "nan" in low:
        return "" if "nan" in value else value
    return f"{value} ({low} to {high})"
