"""The book's figures, one module per chapter, and the look that they share."""

import matplotlib as mpl
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from skinlib.data import CLASSES

COLOURS = dict(
    zip(
        CLASSES,
        ["#E69F00", "#CC79A7", "#56B4E9", "#8C510A", "#000000", "#0072B2", "#D55E00"],
        strict=True,
    )
)
"""One colour a class, from Okabe and Ito's colour-blind-safe palette (brown for its yellow)."""


def use_style() -> None:
    """Sets the book's look: readable in print, colour-blind safe; see also _static/figures.css."""
    sns.set_theme(context="notebook", style="ticks", palette="colorblind")
    mpl.rcParams.update(
        {
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlesize": "medium",
            "figure.constrained_layout.use": True,
            "figure.dpi": 110,
            "figure.figsize": (6, 3.5),
            "image.cmap": "cividis",
            "legend.frameon": False,
        }
    )


def not_measured(why: str) -> Figure:
    """Stands in for a figure that this data set cannot give, so that references still resolve."""
    figure = plt.figure(figsize=(6, 0.8))
    figure.text(0.5, 0.5, f"not measured: {why}", ha="center", va="center")
    return figure
