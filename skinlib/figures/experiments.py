"""Figures of chapter 06: what the runs say."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from skinlib.figures import COLOURS


def learning_curves(history: pd.DataFrame, data: str) -> Figure:
    """Loss and accuracy on the training part, and on the validation part where there is one."""
    figure, axes = plt.subplots(1, 2, figsize=(7, 3))
    for axis, name in zip(axes, ("loss", "accuracy"), strict=True):
        axis.plot(history[name], "o-", label="training", color="#0072B2")
        if f"val_{name}" in history:
            axis.plot(history[f"val_{name}"], "s--", label="validation", color="#D55E00")
        axis.set(xlabel="epoch", ylabel=name)
        axis.xaxis.get_major_locator().set_params(integer=True)
    axes[1].set_ylim(0, 1)
    axes[0].legend()
    figure.suptitle(f"data: {data}", fontsize="medium")
    return figure


def confusion_matrix(counts: pd.DataFrame, data: str) -> Figure:
    """Rows are true classes: colour is the share of the row, the number counts pictures."""
    share = counts.div(counts.sum(axis=1).clip(lower=1), axis=0)
    figure, axes = plt.subplots(figsize=(5.5, 4.6))
    sns.heatmap(
        share, annot=counts, fmt="d", vmin=0, vmax=1, cmap="cividis", square=True, ax=axes,
        cbar_kws={"label": "share of the true class"},
    )  # fmt: skip
    axes.set(xlabel="predicted", ylabel="true", title=f"data: {data}")
    axes.tick_params(axis="y", rotation=0)
    return figure


def against_majority(scores: pd.DataFrame, majority: pd.DataFrame, data: str) -> Figure:
    """Each score with its interval, beside what always answering the commonest class gets."""
    figure, axes = plt.subplots(figsize=(6.5, 2.8))
    names = list(scores.index)
    spread = [scores["value"] - scores["low"], scores["high"] - scores["value"]]
    axes.errorbar(scores["value"], names, xerr=spread, fmt="o", capsize=4, color="#0072B2",
                  label="the network, 95 % interval")  # fmt: skip
    axes.plot(majority["value"], names, "x", color="#D55E00", markersize=9, label="always nv")
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), title=f"data: {data}")
    axes.xaxis.set_major_formatter("{x:.0%}")
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def per_class_recall(table: pd.DataFrame, data: str) -> Figure:
    """A bar a class, with the number of test pictures that it rests on."""
    figure, axes = plt.subplots(figsize=(6.5, 3))
    bars = axes.bar(table.index, table["recall"], color=[COLOURS[c] for c in table.index])
    axes.bar_label(bars, [f"n = {n}" for n in table["pictures"]], padding=2, fontsize=9)
    axes.yaxis.set_major_formatter("{x:.0%}")
    axes.set(ylabel="recall", ylim=(0, 1.1), title=f"data: {data}")
    return figure
