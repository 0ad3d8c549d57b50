"""Figures of chapter 04: imbalance, the focal curve, and what the joint loss does."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from skinlib.data import CLASSES
from skinlib.figures import COLOURS

LINES = [("#0072B2", "-"), ("#D55E00", "--"), ("#000000", ":"), ("#CC79A7", "-."), ("#56B4E9", "-")]


def imbalance(shares: pd.DataFrame, data: str) -> Figure:
    """Who supplies the pictures, and who supplies the loss: a panel a column, a bar a class.

    Args:
        shares: a row a class; each column sums to 1.
        data: the data set's name.
    """
    figure, axes = plt.subplots(1, shares.shape[1], figsize=(7, 3.2), sharey=True)
    for axis, title in zip(axes, shares, strict=True):
        bars = axis.barh(shares.index, shares[title], color=[COLOURS[c] for c in shares.index])
        axis.bar_label(bars, [f"{v:.0%}" for v in shares[title]], padding=2, fontsize=9)
        axis.xaxis.set_major_formatter("{x:.0%}")
        axis.set(xlim=(0, 1), title=title, xlabel="share")
    axes[0].invert_yaxis()
    figure.suptitle(f"data: {data}", fontsize="medium")
    return figure


def curves(p: np.ndarray, panels: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """Curves over the probability of the true class, a panel a quantity.

    Args:
        p: probabilities, (n,).
        panels: label of the y axis -> label of a line -> values (n,).
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(7, 3.2))
    for axis, (quantity, lines) in zip(axes, panels.items(), strict=True):
        for (label, values), (colour, style) in zip(lines.items(), LINES, strict=False):
            axis.plot(p, values, style, color=colour, label=label)
        axis.set(xlabel="p of the true class", ylabel=quantity, xlim=(0, 1), ylim=(0, None))
    axes[0].legend()
    return figure


def focal_share(shares: pd.DataFrame, bounds: Mapping[str, float], data: str) -> Figure:
    """The focal term's share of the gradient over training, a line a reading of eq. 4.

    Args:
        shares: a row an epoch, a column a reading; 0 to 1.
        bounds: reading -> the bound on its share of the loss, drawn as a thin line.
        data: the data set's name.
    """
    figure, axes = plt.subplots(figsize=(7, 3.6))
    for name, (colour, style), marker in zip(shares, LINES, "os^", strict=False):
        axes.plot(shares.index, shares[name], style, marker=marker, color=colour, label=name)
        axes.axhline(bounds[name], color=colour, linewidth=0.8)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(
        lambda value, _: f"{value:.3%}" if value < 1e-3 else f"{value:.1%}"
    )
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set(xlabel="epoch", ylabel="focal share of the gradient", title=f"data: {data}")
    axes.legend(title="reading of eq. 4", loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def sweep(table: pd.DataFrame, data: str) -> Figure:
    """Scores of every setting with their intervals over seeds.

    Args:
        table: a row a setting; a column pair (score, "mean" | "half") a score, "half" being half
            the interval's width.
        data: the data set's name.
    """
    scores = list(table.columns.get_level_values(0).unique())
    figure, axes = plt.subplots(1, len(scores), figsize=(7, 0.36 * len(table) + 1.2), sharey=True)
    for axis, score in zip(axes, scores, strict=True):
        mean, half = table[score, "mean"], table[score, "half"]
        axis.errorbar(mean, table.index, xerr=half, fmt="o", capsize=3, color="#0072B2")
        axis.axvline(mean.iloc[0], color="0.6", linewidth=0.8, linestyle="--")
        axis.xaxis.set_major_formatter("{x:.0%}")
        axis.set(xlabel=score)
    axes[0].invert_yaxis()
    axes[0].tick_params(axis="y", labelsize=9)
    figure.suptitle(f"data: {data}; 95 % intervals over seeds", fontsize="medium")
    return figure


def recalls(table: pd.DataFrame, pictures: pd.Series, data: str) -> Figure:
    """Recall of each class under each setting: mean over seeds, a cell a class and setting.

    Args:
        table: a row a setting, a column a class; 0 to 1.
        pictures: test pictures a class.
        data: the data set's name.
    """
    figure, axes = plt.subplots(figsize=(7, 0.4 * len(table) + 1.4))
    axes.imshow(table, vmin=0, vmax=1, aspect="auto")
    for row, values in enumerate(table.to_numpy()):
        for column, value in enumerate(values):
            colour = "white" if value < 0.5 else "black"
            axes.text(column, row, f"{value:.0%}", ha="center", va="center", color=colour, size=9)
    axes.set_xticks(range(len(CLASSES)), [f"{c}\nn = {pictures[c]}" for c in CLASSES], fontsize=9)
    axes.set_yticks(range(len(table)), table.index, fontsize=9)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_title(f"recall, mean over seeds; data: {data}", fontsize="medium")
    return figure
