"""Which runs a table takes, and what it calls them."""

from collections.abc import Mapping

import pandas as pd

from skinlib.book.verdict import BOTH, ENOUGH, PLACES
from skinlib.book.words import many
from skinlib.data.dataset import IMAGES_PER_CLASS
from skinlib.intervals import show
from skinlib.models import MODELS, NAMES
from skinlib.runs import Run

NV = max(IMAGES_PER_CLASS) / sum(IMAGES_PER_CLASS)
"""Accuracy on HAM10000 of always answering nv."""

RIVALS = tuple(name for name in MODELS if name != "proposed")

RENEWED = ", new_averages=True"
"""The end of such a variant's name."""

ENDS = {"": "", RENEWED: ", averages made anew"}
"""How the name of a variant ends -> what a table says of it."""

LAPTOP = PLACES["64 x 64"]
"""The size at which what takes many trainings was run: readings, faults and ingredients."""

TESTED = 1503
"""Images in 15 % of HAM10000: the paper's test set, about."""


def live(runs: pd.DataFrame, **columns: object) -> pd.DataFrame:
    """The runs on HAM10000 with no dead part, and with these values in these columns."""
    chosen = (runs["data"] == "ham10000") & (runs["dead"] == "")
    for name, value in columns.items():
        chosen &= runs[name] == value
    return runs[chosen]


def renewed(runs: pd.DataFrame) -> pd.DataFrame:
    """The table, in which networks with batch normalisation answer by averages made anew.

    A variant's runs with new averages take its name, and the place of those with running averages,
    on each size and split where they have all of their seeds. Elsewhere they are left out.
    """
    runs = runs.assign(new=runs["variant"].str.endswith(RENEWED))
    runs["variant"] = runs["variant"].str.removesuffix(RENEWED)
    kept = []
    for _, of in runs.groupby(["data", "variant", "size", "split"], sort=False):
        anew, lagging = of[of["new"]], of[~of["new"]]
        all_seeds = len(anew) and set(lagging["seed"]) <= set(anew["seed"])
        kept.append(anew if all_seeds else lagging)
    return pd.concat([runs[:0], *kept]).drop(columns="new").sort_index()


def made_anew(fair: pd.DataFrame, size: int) -> str:
    """The networks of table 1 that answer by averages made anew: 'ARL14, ARL50'.

    `fair`: a table of `renewed`.
    """
    of = live(fair, split="random", size=size)
    of = of[of["variant"].isin(RIVALS)]
    anew = [run.config["recipe"].get("new_averages", False) for run in of["run"]]
    return ", ".join(NAMES[model] for model in of["model"][anew].unique())


def main_size(runs: pd.DataFrame) -> int:
    """The size that the pages show, in pixels.

    Of `PLACES` at which the recipe as printed has enough runs, the one with most networks, or the
    first of several; else the one with most live runs; 64 if there are none.
    """
    found = live(runs)
    printed = live(runs, variant="proposed", split="random")["size"].value_counts()
    enough = [size for size in PLACES.values() if printed.get(size, 0) >= ENOUGH]
    if enough:
        networks = live(runs, split="random").groupby("size")["model"].nunique()
        return max(enough, key=lambda size: networks[size])
    return int(found["size"].mode().max()) if len(found) else PLACES["64 x 64"]


def short(runs: pd.DataFrame) -> pd.DataFrame:
    """The table, its variants without the settings that all of its runs have changed."""
    return runs.assign(variant=runs["variant"].str.split(",").str[0])


def kept(runs: pd.DataFrame) -> Run | None:
    """The first live run of the proposed network, without a fault, with its weights beside it."""
    for run in live(runs[runs["split"].isin(BOTH)], variant="proposed")["run"]:
        if run.config["weights"] and (run.folder / "weights.npz").exists():
            return run
    return None


def named(variant: str) -> str:
    """A variant as a table names it: 'ARL14, averages made anew'."""
    model = variant.removesuffix(RENEWED)
    return NAMES.get(model, model) + ENDS[variant.removeprefix(model)]


def in_words(row: Mapping[str, float]) -> str:
    """'76.1 (75.2 to 77.1), 3 runs', or 'not yet run'."""
    count = int(row["runs"])
    if not count:
        return "not yet run"
    return f"{show(row)}, {many(count, 'run')}"
