"""The findings that the first page shows."""

import pandas as pd

from skinlib.book import evidence
from skinlib.book.findings.choices import after_the_split, lifted, lifts, readings
from skinlib.book.findings.classes import melanoma
from skinlib.book.findings.networks import gap
from skinlib.book.findings.splits import leak_in_short
from skinlib.book.words import interval, many
from skinlib.intervals import interval_of_shares, mean_over_seeds


def in_short(runs: pd.DataFrame, table: pd.DataFrame, paper: float) -> list[str]:
    """What was found, for the first page and chapter 7.

    `table`: `evidence.readings` of it.
    """
    found = [gap(runs, paper), readings(table[~table["fault"]], paper), copies(runs, paper)]
    return [*filter(None, found), leak_in_short(evidence.renewed(runs)), melanoma(runs)]


def copies(runs: pd.DataFrame, paper: float) -> str:
    """What copying rare images before the split would print, and why."""
    found = evidence.live(runs, variant="proposed", split="copied", size=evidence.LAPTOP)
    if found.empty:
        return ""
    prints, shared = mean_over_seeds(found), evidence.at_natural_shares(found)
    text = (
        f"With a fault, copying rare images before the split, the recipe would print "
        f"{interval(prints)}. Copies of test images are trained on then. If classes were as "
        f"frequent in its test set as in HAM10000, that would be "
        f"{interval(interval_of_shares(shared))} ({many(len(found), 'run')} at 64 x 64 pixels)."
    )
    gains = lifts(runs)
    if len(gains) > 1:
        text += f" So weighted, the fault lifts, in points: {lifted(gains)}."
    text += after_the_split(runs)
    if prints["value"] > paper:
        text += (
            " So a fault of that kind can lift the number as far as the paper's. Whether one did, "
            "its text does not say."
        )
    return text
