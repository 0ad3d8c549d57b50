"""Figures of chapter 04: imbalance, the focal curve, and what the joint loss does."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from skinlib.book.figures import style


def imbalance(shares: pd.DataFrame, data: str) -> Figure:
    """Who supplies the images, and who supplies the loss: a panel per column, a bar per class.

    `shares`: one row per class; each column sums to 1.
    """
    figure, axes = plt.subplots(1, shares.shape[1], figsize=(style.WIDTH, 3), sharey=True)
    for ax, name in zip(axes, shares, strict=True):
        bars = ax.barh(shares.index, shares[name], color=[style.COLOURS[c] for c in shares.index])
        ax.bar_label(bars, [f"{v:.0%}" for v in shares[name]], padding=2, fontsize=9)
        ax.set(xlim=(0, 1.3), title=name, xlabel="share", xticks=[])
        ax.spines.bottom.set_visible(False)
    axes[0].set_ylabel("class")
    axes[0].invert_yaxis()
    style.title(figure, data)
    return figure


def curves(p: np.ndarray, panels: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """Curves over the probability of the true class, a panel per quantity.

    `p`: probabilities, (n,); `panels`: label of the y axis -> label of a line -> values (n,).
    """
    size = (style.WIDTH, 2.2 * len(panels) + 0.6)
    figure, axes = plt.subplots(len(panels), 1, figsize=size, sharex=True)
    for ax, (quantity, lines) in zip(axes, panels.items(), strict=True):
        style.lines(ax, p, lines)
        ax.set(ylabel=quantity, xlim=(0, 1), ylim=(0, None))
    axes[-1].set_xlabel("p of the true class")
    style.legend(figure)
    return figure


def focal_share(shares: pd.DataFrame, bounds: Mapping[str, float], data: str) -> Figure:
    """The focal term's share of the gradient over training, one line per reading of eq. 4.

    Args:
        shares: one row per epoch, one column per reading; 0 to 1.
        bounds: reading -> the bound on its share of the loss, drawn as a thin line.
        data: the data set's name.
    """
    figure, ax = plt.subplots(figsize=(style.WIDTH, 4))
    style.lines(ax, shares.index, shares, "os^vD")
    for name, (colour, _) in zip(shares, style.LINES, strict=False):
        ax.axhline(bounds[name], color=colour, linewidth=0.8)
    ax.plot([], [], color=style.GREY, linewidth=0.8, label="thin: bound on its share of the loss")
    ax.set_yscale("log")
    style.share(ax.yaxis)
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    ax.set(xlabel="epoch", ylabel="focal share of the gradient")
    style.legend(figure, title="reading of eq. 4")
    style.title(figure, data)
    return figure


def sweep(table: pd.DataFrame, data: str, paper: Sequence[str] = ()) -> Figure:
    """What every setting changes, with intervals over seeds; a dashed line at no change.

    Args:
        table: one row per setting; columns (score, "value" | "low" | "high"), shares of 1.
        data: the data set's name.
        paper: the rows that are the paper's own settings.
    """
    names = list(table.columns.get_level_values(0).unique())
    size = (style.WIDTH, 0.4 * len(table) + 1.4)
    figure, axes = plt.subplots(1, len(names), figsize=size, sharey=True)
    theirs = table.index.isin(paper)
    y = np.arange(len(table))
    for ax, name in zip(axes, names, strict=True):
        style.intervals(ax, table[name][~theirs], y[~theirs], label="a setting")
        if theirs.any():
            row = table[name][theirs]
            label = "the paper's β"
            style.intervals(ax, row, y[theirs], label=label, marker="D", color=style.ORANGE)
        ax.axvline(0, color="0.6", linewidth=0.8, linestyle="--")
        style.share(ax.xaxis, "")
        ax.set_xlabel(f"{name},\ndifference in points")
    style.name_rows(axes[0], table.index)
    for ax in axes[1:]:
        ax.patch.set_visible(False)  # it would cover the ends of long names
        ax.spines.left.set_visible(False)
        ax.tick_params(axis="y", length=0)
        ax.grid(axis="x", color="0.9")
    if theirs.any():
        style.legend(figure)
    style.title(figure, data, "95 % intervals over seeds, in pairs of one seed")
    return figure


def recalls(table: pd.DataFrame, counts: pd.Series, data: str) -> Figure:
    """Recall of each class under each setting: mean over seeds.

    Args:
        table: one row per setting, one column per class; 0 to 1.
        counts: test images per class.
        data: the data set's name.
    """
    figure, axes = plt.subplots(len(table), 1, figsize=(style.WIDTH, 0.48 * len(table) + 1))
    for ax, (setting, values) in zip(axes, table.iterrows(), strict=True):
        ax.imshow(values.to_numpy()[None], vmin=0, vmax=1, aspect="auto")
        for column, value in enumerate(values):
            colour = "white" if value < 0.5 else "black"
            ax.text(column, 0, f"{value:.0%}", ha="center", va="center", color=colour, size=9)
        ax.set_title(setting, loc="left", fontsize=9, pad=2)
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    axes[-1].set_xticks(range(len(values)), [f"{c}\nn = {counts[c]}" for c in table], fontsize=9)
    axes[-1].tick_params(length=0)
    style.title(figure, data, "recall, mean over seeds")
    return figure
