"""How a finding is written: numbers, shares and intervals in a sentence."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from IPython.display import Markdown

from skinlib.intervals import show


def say(*sentences: str) -> Markdown:
    """Sentences as paragraphs of a page; an empty one is none."""
    return Markdown("\n\n".join(filter(None, sentences)).replace(" %", "&nbsp;%"))


def many(count: int, what: str) -> str:
    """'1 run', '2 runs'."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def span(values: pd.Series, digits: int, *, signed: bool = False) -> str:
    """'0.03', or '0.02 to 0.05' for values that differ."""
    form = f"{'+' if signed else ''}z.{digits}f"
    low, high = (format(float(end), form) for end in (np.min(values), np.max(values)))
    return low if low == high else f"{low} to {high}"


def percent(share: float, digits: int = 1) -> str:
    """'76.1 %'."""
    return f"{100 * share:.{digits}f} %"


def interval(row: Mapping[str, float], digits: int = 1) -> str:
    """'76.1 % (75.2 to 77.1)'."""
    value, *ends = show(row, digits).split(" ", 1)
    return " ".join([f"{value} %", *ends])
