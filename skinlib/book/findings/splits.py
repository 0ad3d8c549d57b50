"""What a random split adds to a score, and what is left of it on new images."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from skinlib.book import evidence, verdict
from skinlib.book.words import many, percent
from skinlib.intervals import compare, interval_over_seeds, show, unsure


def leak(runs: pd.DataFrame, size: int) -> str:
    """What a random split adds to the scores."""
    table = evidence.leak(runs, size)
    seeds, networks = (int(table[name].iloc[0]) for name in ("seeds", "networks"))
    if not seeds:
        return "What the leak is worth: not yet run (it takes a network on both splits)."
    said = []
    for name in ("accuracy", "balanced accuracy"):
        row = table.loc[name]
        said.append(f"{show(row, signed=True)} points to the {name}{unsure(row)}")
    return (
        f"At {size} x {size} pixels a random split adds {', and '.join(said)}. That is the mean "
        f"over {many(seeds, 'seed')} of {many(networks, 'network')} or variants; the test images "
        "differ."
    )


def relatives(runs: pd.DataFrame, size: int) -> str:
    """What it is worth that another image of the lesion was trained on, on the same images."""
    table = evidence.relatives(runs, size)
    if table.empty or table["value"].iloc[:-1].isna().any():
        return "What a relative among the training images is worth: not yet run."
    *_, leaked, control, gain, over_splits = (row for _, row in table.iterrows())

    def counts(row: Mapping[str, float]) -> str:
        return f"{row['images']:.0f} images of {row['lesions']:.0f} lesions"

    text = (
        f"Take images that are not nv and lie in the test sets of both kinds of split ({size} x "
        f"{size} pixels). If another image of the lesion was trained on, networks of a random "
        f"split are right {show(leaked, signed=True)} points more often than those of a split by "
        f"lesion ({counts(leaked)}). If none was, nothing can leak, and the number is "
        f"{show(control, signed=True)} ({counts(control)}). The first lies "
        f"{show(gain, signed=True)} points above the second{unsure(gain)}, with an interval over "
        "lesions"
    )
    if np.isfinite(over_splits["low"]):
        text += (
            f"; with one over the random splits and their trainings, "
            f"{show(over_splits, signed=True)}{unsure(over_splits)}"
        )
    return text + "."


def leak_in_short(runs: pd.DataFrame) -> str:
    """What a relative among the training images is worth, at each size, for the first page.

    It is *sure* at a size if the intervals over lesions and over trainings both say so.
    """
    said, sure, answers = [], [], []
    for place, size in verdict.PLACES.items():
        table = evidence.relatives(runs, size)
        if len(table) and not np.isnan(table["low"].iloc[-2]):
            *_, gain, over_splits = (row for _, row in table.iterrows())
            if compare(gain) == compare(over_splits) == "better":
                sure.append(place)
            answers += [compare(gain), compare(over_splits)]
            words = f"{show(gain, signed=True)} points at {place} pixels as a mean over lesions"
            words += unsure(gain)
            if not np.isnan(over_splits["low"]):
                words += f", and {show(over_splits, signed=True)} as one over splits and their "
                words += f"trainings{unsure(over_splits)}"
            said.append(words)
    if not said:
        return "What a relative among the training images is worth: not yet run."
    lead = "What images of one lesion on both sides of a split are worth is not sure"
    if sure:
        lead = "Images of one lesion on both sides of a split flatter a network"
        lead += "" if len(sure) == len(said) else f", surely at {sure[0]} pixels"
    elif "better" in answers and "worse" not in answers:
        lead = "Images of one lesion on both sides of a split seem to flatter a network"
    return (
        f"{lead}. A random split has such images. If a test image is not nv, another one of its "
        f"lesion among the training images is worth {'; '.join(said)}."
    )


def new_images(runs: pd.DataFrame) -> str:
    """How the proposed network does on ISIC 2018's test set."""
    table = evidence.new_images(runs)
    table = table[(table["network"] == "proposed") & (table["split"] == "grouped")]
    table = table[table["size"] == evidence.main_size(runs)]
    if table.empty:
        return "The proposed network on the ISIC 2018 test set: not yet run on a grouped split."
    said = []
    for name in ("balanced accuracy", "accuracy"):
        own, other = table[name], table[f"isic {name}"]
        change = interval_over_seeds((other - own).groupby(table["seed"]).mean())
        said.append(
            f"{name} changes by {show(change, signed=True)} points{unsure(change)} "
            f"({percent(own.mean())} on its own test set, {percent(other.mean())} there)"
        )
    return (
        f"On new images, the ISIC 2018 test set, the proposed network's {'; its '.join(said)}; "
        f"{many(len(table), 'run')} on the grouped split."
    )
