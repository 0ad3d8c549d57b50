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
    copies = evidence.live(runs, variant="proposed", split="copied", size=evidence.LAPTOP)
    would = readings(table[~table["fault"]], paper)
    if len(copies):
        prints, shared = mean_over_seeds(copies), evidence.at_natural_shares(copies)
        would += (
            " If images of rare classes are copied before the split, copies of test images are "
            f"trained on. With that fault the same recipe prints {interval(prints)} on its own "
            f"test set, and {interval(interval_of_shares(shared))} if classes are as frequent "
            f"there as in HAM10000 ({many(len(copies), 'run')})."
        )
        gains = lifts(runs)
        if len(gains) > 1:
            would += f" So weighted, the fault lifts, in points: {lifted(gains)}."
        would += after_the_split(runs)
        if prints["value"] > paper:
            would += (
                " So a fault of that kind can lift the number as far as the paper's. Whether one "
                "did, its text does not say."
            )
    leaked = leak_in_short(evidence.renewed(runs))
    return [gap(runs, paper), would, leaked, melanoma(runs)]
