"""What a random split adds to a score, and what is left of it on new images."""

from collections import Counter
from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd

from skinlib.book.evidence.selection import live
from skinlib.book.verdict import BOTH, ENOUGH, each_better
from skinlib.intervals import cluster_bootstrap, difference, interval_over_seeds
from skinlib.runs import Run
from skinlib.scores import TABLE1, arrays


def leak(runs: pd.DataFrame, size: int, names: Sequence[str] = TABLE1) -> pd.DataFrame:
    """How much higher a random split's scores are than a grouped one's, corrected for them (Holm).

    Networks share the splits of a seed, so the interval is over seeds, of the mean over variants;
    of fewer than three there is none.

    Returns:
        One row per score: `value`, `low`, `high`, `seeds`, `networks`.
    """
    chosen = _with_most_seeds(live(runs, size=size))
    means = chosen.groupby(["split", "variant", "seed"])[list(names)].mean()
    kind = means.index.get_level_values("split")
    random, grouped = (means[kind == split].droplevel("split") for split in BOTH)
    gaps = (random - grouped).dropna()
    by_seed = gaps.groupby("seed").mean()
    rows = each_better(by_seed)[1]
    table = pd.DataFrame(rows, index=["value", "low", "high"]).T
    if len(by_seed) < ENOUGH:
        table[["low", "high"]] = np.nan
    networks = gaps.index.get_level_values("variant").nunique()
    return table.assign(seeds=len(by_seed), networks=networks)


def _with_most_seeds(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs on both splits, of the variants that have the most seeds on both, and the same.

    One with fewer would change the mean of some seeds, and not of others.
    """
    runs = runs[runs["split"].isin(BOTH)]
    splits = runs.groupby(["variant", "seed"])["split"].nunique()
    both = splits[splits == len(BOTH)].reset_index()
    seeds = both.groupby("variant")["seed"].agg(tuple).to_dict()  # sorted
    sets = Counter(seeds.values())
    most = max(sets, key=lambda one: (len(one), sets[one]), default=())
    return runs[runs["variant"].isin([name for name in seeds if seeds[name] == most])]


def relatives(runs: pd.DataFrame, size: int) -> pd.DataFrame:
    """How much more often the same image is recognised if it is in a random split's test set.

    Networks of both splits are asked about it. If another image of its lesion, a relative, was
    trained on in the random split, the difference has the leak in it; if none was, nothing leaked.
    The mean over all pairs of runs; a lesion counts once.

    Returns:
        `value`, `low`, `high`: for all images and for all but nv, those with a relative, those
        without, and how far the first lie above the second; their intervals draw lesions. The last
        row is that of all but nv again, with Student's interval over the random splits, in which
        the luck of their trainings is. Also `images` and `lesions`.
    """
    found = _with_most_seeds(live(runs, size=size))
    tables = []
    for _, of in found.groupby("variant"):
        of = of.set_index("seed")
        random, grouped = (of["run"][of["split"] == split].map(_recognised) for split in BOTH)
        for (seed, first), second in product(random.items(), grouped):
            both = first.merge(second, on=IMAGE)
            # A grouped test set has all images of its lesions.
            both["relative"] = both["of_lesion_y"] > both["of_lesion_x"]
            tables.append(both.assign(gain=both["right_x"] - both["right_y"], seed=seed))
    if not tables:
        return pd.DataFrame(columns=["value", "low", "high", "images", "lesions"], dtype=float)
    table = pd.concat(tables)
    rare = table[table["label"] != "nv"]
    rows = {}
    for kind, chosen in (("all", table), ("all but nv", rare)):
        gains = chosen.groupby([*IMAGE, "relative"], as_index=False)["gain"].mean()
        groups = [gains[gains["relative"] == relative] for relative in (True, False)]
        leaked, control = (
            {
                **cluster_bootstrap(of["gain"].to_numpy(), of["lesion_id"].to_numpy()),
                "images": len(of),
                "lesions": of["lesion_id"].nunique(),
            }
            for of in groups
        )
        rows[f"{kind}, a relative trained on"] = leaked
        rows[f"{kind}, none trained on"] = control
        rows[f"{kind}, the first minus the second"] = difference(leaked, control)
    by_lesion = rare.groupby(["seed", "relative", "lesion_id"])["gain"].mean()
    means = by_lesion.groupby(["seed", "relative"]).mean().unstack()
    means = means.reindex(columns=[True, False])
    over_splits = (means[True] - means[False]).dropna()
    rows["all but nv, the same over splits"] = interval_over_seeds(over_splits)
    return pd.DataFrame(rows).T


IMAGE = ["image_id", "lesion_id", "label"]


def _recognised(run: Run) -> pd.DataFrame:
    """Which test images are recognised, and how many images of its lesion each test set has."""
    table = run.predictions
    labels, probabilities = arrays(run)
    right = probabilities.argmax(1) == labels
    of_lesion = table.groupby("lesion_id")["image_id"].transform("size")
    return table[IMAGE].assign(right=right.astype(float), of_lesion=of_lesion)


def new_images(runs: pd.DataFrame) -> pd.DataFrame:
    """Each live run's scores on its own test set, and on ISIC 2018's.

    Returns:
        One row per run that was asked about the latter: `network`, `split`, `size`, `seed`,
        `accuracy`, `isic accuracy`, `balanced accuracy`, `isic balanced accuracy`.
    """
    shown = ["variant", "split", "size", "seed"]
    for name in ("accuracy", "balanced accuracy"):
        shown += [name, f"isic {name}"]
    table = live(runs).dropna(subset="isic accuracy")[shown]
    table = table[table["split"].isin(BOTH)]
    return table.rename(columns={"variant": "network"}).reset_index(drop=True)
