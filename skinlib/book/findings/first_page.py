"""The findings that the first page shows."""

import pandas as pd

from skinlib.book import evidence
from skinlib.book.findings.choices import copies, readings
from skinlib.book.findings.classes import melanoma
from skinlib.book.findings.networks import gap
from skinlib.book.findings.splits import leak_in_short


def in_short(runs: pd.DataFrame, table: pd.DataFrame, paper: float) -> list[str]:
    """What was found, for the first page and chapter 7.

    `table`: `evidence.readings` of it.
    """
    found = [gap(runs, paper), readings(table[~table["fault"]], paper), copies(runs, paper)]
    return [*filter(None, found), leak_in_short(evidence.renewed(runs)), melanoma(runs)]
