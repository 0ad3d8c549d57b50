"""Figures of chapter 06: what the runs say."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

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
    axes.bar_label(bars, [f"n = {n}" for n in table["images"]], padding=2, fontsize=9)
    axes.yaxis.set_major_formatter("{x:.0%}")
    axes.set(ylabel="recall", ylim=(0, 1.1), title=f"data: {data}")
    return figure


def table1(table: pd.DataFrame, data: str) -> Figure:
    """Accuracies of the paper and of ours, with intervals.

    Args:
        table: a row a network; columns (source, "value" | "low" | "high"), from 0 to 1, NaN where
            there is no run. The first source is the paper.
        data: what the runs were made on.
    """
    sources = list(dict.fromkeys(table.columns.get_level_values(0)))
    figure, ax = plt.subplots(figsize=(6.6, 0.55 * len(table) + 1.6))
    looks = zip(sources, "osD^", ("0.45", "#0072B2", "#D55E00", "#009E73"), strict=False)
    for shift, (source, marker, colour) in enumerate(looks):
        row = table[source]
        y = np.arange(len(table)) + 0.2 * (shift - 1)
        spread = [row["value"] - row["low"], row["high"] - row["value"]]
        ax.errorbar(row["value"], y, xerr=spread, fmt=marker, color=colour, capsize=3, label=source)
    ax.set_yticks(range(len(table)), table.index)
    ax.invert_yaxis()
    ax.xaxis.set_major_locator(MultipleLocator(0.05))
    ax.xaxis.set_major_formatter("{x:.0%}")
    ax.set(xlabel="accuracy, 95 % intervals", title=data)
    figure.legend(loc="outside lower center", ncols=2, fontsize=9)
    return figure


def forest(table: pd.DataFrame, means: pd.DataFrame, data: str) -> Figure:
    """Paired differences with their intervals, and each comparison's mean; zero is no difference.

    Args:
        table: index (comparison, split, seed); columns `value`, `low`, `high`, as shares.
        means: index comparison, the same columns.
        data: what the runs were made on.
    """
    looks = {"random": ("o", "#0072B2"), "grouped": ("s", "#D55E00"), "mean": ("D", "black")}
    comparisons = list(dict.fromkeys(table.index.get_level_values(0)))
    lines = len(table) + len(means) + len(comparisons)
    figure, ax = plt.subplots(figsize=(6.6, 0.22 * lines + 1.6))
    y, middles = 0, []
    for comparison in comparisons:
        rows = [(split, row) for (split, _), row in table.loc[comparison].iterrows()]
        if comparison in means.index:
            rows.append(("mean", means.loc[comparison]))
        middles.append(y + (len(rows) - 1) / 2)
        for kind, row in rows:
            marker, colour = looks[kind]
            value, low, high = 100 * row[["value", "low", "high"]].astype(float)
            error = [[value - low], [high - value]]
            ax.errorbar(value, y, xerr=error, fmt=marker, color=colour, capsize=3, ms=5)
            y += 1
        y += 1
    for kind, (marker, colour) in looks.items():
        label = "mean of all pairs" if kind == "mean" else f"one pair, {kind} split"
        ax.plot([], [], marker, color=colour, label=label)
    ax.axvline(0, color="0.4", ls="--")
    ax.set_yticks(middles, comparisons)
    ax.tick_params(axis="y", length=0)
    ax.set(ylim=(y - 1.3, -0.7), title=data)
    ax.set_xlabel("difference in accuracy (points), 95 % interval")
    figure.legend(loc="outside lower center", ncols=3, fontsize=9)
    return figure


def readings(table: pd.DataFrame, paper: float, data: str) -> Figure:
    """How near each reading of the paper comes to its accuracy.

    Args:
        table: a row a reading; columns `value`, `low`, `high`, as shares, and `fault`, whether the
            reading lets test pictures into training.
        paper: its accuracy.
        data: what the runs were made on.
    """
    figure, ax = plt.subplots(figsize=(6.6, 0.42 * len(table) + 1.6))
    for fault, marker, colour in ((False, "o", "#0072B2"), (True, "X", "#D55E00")):
        y = np.flatnonzero(table["fault"] == fault)
        row = table.iloc[y].astype({"value": float, "low": float, "high": float})
        spread = [row["value"] - row["low"], row["high"] - row["value"]]
        label = "a fault" if fault else "a reading"
        ax.errorbar(row["value"], y, xerr=spread, fmt=marker, color=colour, capsize=3, label=label)
    ax.axvline(paper, color="0.4", ls="--", label="the paper")
    ax.set_yticks(range(len(table)), table.index)
    ax.set(ylim=(len(table) - 0.5, -0.5), title=data, xlabel="accuracy, 95 % intervals")
    ax.xaxis.set_major_formatter("{x:.0%}")
    figure.legend(loc="outside lower center", ncols=3, fontsize=9)
    return figure


def calibration(tables: dict[str, pd.DataFrame], data: str) -> Figure:
    """Reliability: how often a network is right, against how sure it is.

    Args:
        tables: name of a run -> what `skinlib.scores.reliability_table` returns.
        data: what the runs were made on.
    """
    figure, ax = plt.subplots(figsize=(4.6, 4.2))
    ax.plot([0, 1], [0, 1], color="0.5", ls="--", label="perfectly calibrated")
    marks = zip(tables.items(), "osD^v", sns.color_palette("colorblind"), strict=False)
    for (name, table), marker, colour in marks:
        size = 15 + 300 * table["images"] / table["images"].sum()
        ax.plot(table["confidence"], table["accuracy"], color=colour, lw=1)
        ax.scatter(table["confidence"], table["accuracy"], size, color=colour, marker=marker,
                   label=name)  # fmt: skip
    ax.set(xlabel="largest probability", ylabel="share that is right", title=data)
    ax.set(xlim=(0, 1.02), ylim=(0, 1.02))
    figure.legend(loc="outside lower center", fontsize=9)
    return figure
