"""Which choice, or which fault, would close the gap to the paper."""

from itertools import product

import numpy as np
import pandas as pd

from skinlib.book.evidence.selection import ENDS, RIVALS, TESTED, named
from skinlib.experiments import READINGS
from skinlib.intervals import mean_over_seeds, show, wilson_interval
from skinlib.runs import CROPPED
from skinlib.training.recipe import Recipe

CHOICES = {name: Recipe(**changes).variant for name, changes in READINGS.items()}
CHOICES["cropped instead of squashed"] = "proposed" + CROPPED
"""What the paper may have done -> the variant that does it."""

FAULTS = {"copied": "copied before the split", "seen": "trained on the test set"}
"""Split with a fault -> what was done."""

ENOUGH_ALONE = {
    "below": "no",
    "at": "may be",
    "above": "more than that",
    "": "not known",
    "other": "",  # another network than the paper's
}


def readings(runs: pd.DataFrame, paper: float, size: int) -> pd.DataFrame:
    """How near each thing that the paper may have done comes to its accuracy, on one size.

    Returns:
        One row per reading or fault that was run: `value`, `low`, `high`, `runs`; `fault`; `dead`,
        why it says nothing, or ''; `best epoch`, the highest accuracy of any epoch on the test set;
        `printed`, the accuracy of the recipe as printed, with the same seeds; `share`, of the gap
        from there; `run`, the first; `reach`, whether its interval lies "below" the paper's
        (Wilson's), "above" it, or "at" it. The copies' test set has other shares of classes, and so
        no share of the gap. Nor have "other" networks, which the paper's number is not of.
    """
    runs = runs[(runs["data"] == "ham10000") & (runs["size"] == size)]
    chosen = {}
    for name, variant in CHOICES.items():
        chosen[name] = runs[(runs["split"] == "peeked") & (runs["variant"] == variant)], False
    for split, words in FAULTS.items():
        for model, end in product(("proposed", *RIVALS), ENDS):
            variant = model + end
            name = words if variant == "proposed" else f"{words}, {named(variant)}"
            faulty = (runs["split"] == split) & (runs["variant"] == variant)
            chosen[name] = runs[faulty], True
    # As printed, by seed; where "peeked" is missing, "random", which trains and tests on the same.
    plain = runs[runs["split"].isin(["peeked", "random"]) & (runs["variant"] == "proposed")]
    plain = plain[plain["dead"] == ""].sort_values("split").groupby("seed")["accuracy"].first()
    rows = {}
    for name, (found, fault) in chosen.items():
        if len(found):
            alive = found[found["dead"] == ""]
            counted = alive if len(alive) else found
            best = [max(run.history.get("val_accuracy", [np.nan])) for run in counted["run"]]
            if "new_averages" in CHOICES.get(name, ""):  # none of its epochs had them
                best = [np.nan]
            rows[name] = {
                **mean_over_seeds(counted),
                "run": counted["run"].iloc[0],
                "fault": fault,
                "dead": "" if len(alive) else found["dead"].iloc[0],
                "best epoch": max(best),
                "printed": plain.reindex(counted["seed"]).mean(),
            }
    numbers = ["value", "low", "high", "runs", "best epoch", "printed"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=[*numbers, "fault", "dead", "run"])
    table = table.astype({"fault": bool, **dict.fromkeys(numbers, float)})
    table["share"] = (table["value"] - table["printed"]) / (paper - table["printed"])
    copied = np.array([name.startswith(FAULTS["copied"]) for name in table.index], bool)
    rivals = table["fault"] & ~table.index.isin(FAULTS.values())
    table.loc[copied | rivals, "share"] = np.nan
    theirs = wilson_interval(paper, TESTED)
    table["reach"] = ""
    table.loc[table["low"].notna(), "reach"] = "at"
    table.loc[table["high"] < theirs["low"], "reach"] = "below"
    table.loc[table["low"] > theirs["high"], "reach"] = "above"
    table.loc[rivals, "reach"] = "other"
    return table


def reading_words(table: pd.DataFrame) -> pd.DataFrame:
    """`readings` for a page, in per cent: one row per reading or fault, run or not."""
    names = [*CHOICES, *FAULTS.values()]
    names += [name for name in table.index if name not in names]
    rows = {}
    for name in names:
        if name not in table.index:
            rows[name] = {"accuracy, %": "not yet run"}
            continue
        row = table.loc[name]
        enough = ENOUGH_ALONE[row["reach"]]
        rows[name] = {
            "accuracy, %": show(row),
            "seeds": f"{row['runs']:.0f}",
            "share of the gap": f"{row['share']:.0%}" if row["share"] > 0 else "",
            "enough alone": "a dead run: " + row["dead"] if row["dead"] else enough,
            "a fault": "yes" if row["fault"] else "",
            "best epoch, % (a fault)": show({"value": row["best epoch"]}),
        }
    return pd.DataFrame(rows).T.fillna("").rename_axis("reading")
