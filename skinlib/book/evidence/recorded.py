"""How many runs there are, what their parts did, and what they cost."""

import pandas as pd

from skinlib.book.verdict import BOTH


def counts(runs: pd.DataFrame) -> pd.DataFrame:
    """How many runs there are: one row per variant, one column per size.

    Returns:
        Cells such as '3 grouped, 3 random', and `dead`, how many of them are.
    """
    runs = runs[runs["data"] == "ham10000"]
    number = runs.groupby(["variant", "size", "split"]).size()
    words = number.astype(str) + " " + number.index.get_level_values("split")
    table = words.groupby(level=["variant", "size"]).agg(", ".join).unstack(fill_value="")
    table.columns = [f"{size} x {size}" for size in table.columns]
    table["dead"] = (runs["dead"] != "").groupby(runs["variant"]).sum().astype(int)
    return table.rename_axis(index="network")


SIGNS = {
    "offset_mean": "offset, px",
    "offset_p95": "its 95 %",
    "mask_mean": "mask",
    "mask_std": "its sd",
    "gamma": "gamma",
    "attention_top_tenth": "top tenth",
    "dead_relu": "dead ReLU",
}
"""Vital sign -> its name in a table."""


def vital_signs(runs: pd.DataFrame) -> pd.DataFrame:
    """Means of the vital signs: one row per variant and size, dead runs included.

    Only runs on random and grouped splits; what a variant lacks is NaN.
    """
    runs = runs[(runs["data"] == "ham10000") & runs["split"].isin(BOTH)]
    runs = runs.assign(runs=1, dead=(runs["dead"] != "").astype(int))
    groups = runs.groupby(["variant", "size"])
    table = groups[["runs", "dead"]].sum().join(groups[list(SIGNS)].mean())
    return table.rename(columns=SIGNS).rename_axis(["network", "size"])


def costs(runs: pd.DataFrame) -> pd.DataFrame:
    """What training took: one row per variant, size, dtype, processor and its cores in use.

    Only runs on random and grouped splits: others train on more images. And none on a card, which
    up to ten of them shared.
    """
    runs = runs[(runs["data"] == "ham10000") & runs["split"].isin(BOTH)]
    runs = runs[runs["run"].map(lambda run: not run.config["environment"]["gpus"]).astype(bool)]
    cores = runs["run"].map(lambda run: run.config["environment"]["cores"])
    runs = runs.assign(runs=1, minutes=runs["seconds"] / 60, cores=cores)
    groups = runs.groupby(["variant", "size", "dtype", "processor", "cores"])
    table = groups[["runs"]].sum()
    table["parameters"] = groups["parameters"].first()
    table[["minutes", "memory (MiB)"]] = groups[["minutes", "peak_memory_mib"]].median()
    return table.reset_index().rename(columns={"variant": "network"})
