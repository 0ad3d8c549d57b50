"""Figures of the chapters 06, 07, 09 and 10: what the runs say."""

import textwrap
from itertools import cycle

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from skinlib.book.figures import style


def learning_curves(history: pd.DataFrame, data: str) -> Figure:
    """Loss and accuracy on the training data, and on the validation data where there are any.

    `history`: one row per epoch; columns `loss` and `accuracy`, and perhaps both with `val_`.
    """
    figure, axes = plt.subplots(2, 1, figsize=(style.WIDTH, 4.4), sharex=True)
    for ax, name in zip(axes, ("loss", "accuracy"), strict=True):
        named = {"training": name, "validation": f"val_{name}"}
        found = {label: history[column] for label, column in named.items() if column in history}
        style.lines(ax, history.index, found, "os")
        ax.set_ylabel(name)
    axes[1].set(xlabel="epoch", ylim=(0, 1))
    style.share(axes[1].yaxis)
    axes[1].xaxis.get_major_locator().set_params(integer=True)
    style.legend(figure)
    style.title(figure, data)
    return figure


def averages(table: pd.DataFrame, data: str) -> Figure:
    """Accuracy after each epoch, with two kinds of averages in batch normalisation.

    `table`: columns `epoch`, `images` (which ones), `averages` (which kind) and `accuracy`.
    """
    figure, axes = plt.subplots(2, 1, figsize=(style.WIDTH, 4.4), sharex=True)
    for ax, (images, of) in zip(axes, table.groupby("images", sort=False), strict=True):
        of = of.pivot(index="epoch", columns="averages", values="accuracy")
        style.lines(ax, of.index, {f"{name} averages": of[name] for name in of}, "os")
        ax.set(title=f"{images} images", ylabel="accuracy", ylim=(0, 1))
        style.share(ax.yaxis)
    axes[1].set_xlabel("epoch")
    axes[1].xaxis.get_major_locator().set_params(integer=True)
    style.legend(figure)
    style.title(figure, data)
    return figure


def confusion_matrix(counts: pd.DataFrame, data: str) -> Figure:
    """Rows are true classes: colour is the share of the row, the number counts images."""
    part = counts.div(counts.sum(axis=1).clip(lower=1), axis=0)
    figure, ax = plt.subplots(figsize=(style.WIDTH, 4.4))
    sns.heatmap(
        part, annot=counts, fmt="d", vmin=0, vmax=1, cmap="cividis", square=True, ax=ax,
        cbar_kws={"label": "share of the true class", "format": "{x:.0%}"},
    )  # fmt: skip
    ax.set(xlabel="predicted class", ylabel="true class")
    ax.tick_params(axis="y", rotation=0)
    style.title(figure, data)
    return figure


def against_majority(scores: pd.DataFrame, majority: pd.DataFrame, data: str) -> Figure:
    """Each score with its interval, beside what always answering the commonest class gets.

    Args:
        scores: one row per score; columns `value`, `low`, `high`, from 0 to 1.
        majority: the same rows; column `value`.
        data: what the run was made on.
    """
    figure, ax = style.row_chart(scores.index, 0.45 * len(scores) + 1.2, "score", data)
    style.intervals(ax, scores, label="the network, 95 % interval")
    y = range(len(majority))
    ax.plot(majority["value"], y, "x", color=style.ORANGE, ms=8, label="always nv")
    ax.set_xlim(0, 1)
    style.legend(figure)
    return figure


def per_class_recall(table: pd.DataFrame, data: str) -> Figure:
    """A bar per class, with the number of test images that it rests on.

    `table`: one row per class; columns `recall` (0 to 1) and `images`.
    """
    figure, ax = plt.subplots()
    bars = ax.bar(table.index, table["recall"], color=[style.COLOURS[c] for c in table.index])
    ax.bar_label(bars, [f"n = {n}" for n in table["images"]], padding=2, fontsize=9)
    style.share(ax.yaxis)
    ax.set(xlabel="class", ylabel="recall", ylim=(0, 1.1))
    style.title(figure, data)
    return figure


def side_by_side(table: pd.DataFrame, data: str, score: str = "accuracy") -> Figure:
    """A score of several sources, such as the paper and ours, with intervals.

    `table`: one row per network; columns (source, "value" | "low" | "high"), from 0 to 1, NaN where
    there is no run. The first source is grey.
    """
    if not len(table.columns):
        return style.not_measured("not yet run")
    sources = list(dict.fromkeys(table.columns.get_level_values(0)))
    xlabel = f"{score}, 95 % intervals"
    figure, ax = style.row_chart(table.index, 0.75 * len(table) + 1.6, xlabel, data)
    colours = (style.GREY, style.BLUE, style.ORANGE, "#009E73", "#CC79A7")
    looks = zip(sources, cycle("osD^v"), cycle(colours), strict=False)
    for number, (source, marker, colour) in enumerate(looks):
        y = np.arange(len(table)) + 0.13 * number
        style.intervals(ax, table[source], y, label=source, marker=marker, color=colour)
    ax.set_ylim(len(table) - 0.3, -0.7)
    style.legend(figure, columns=1)
    return figure


def gap(table: pd.DataFrame, paper: float, data: str) -> Figure:
    """What was measured, from low to high, beside the paper's accuracy as a dashed line.

    `table`: one row per thing; columns `value`, `low`, `high`, as shares.
    """
    figure, ax = style.row_chart(table.index, 0.5 * len(table) + 1.4, "accuracy", data)
    y = range(len(table))
    ax.barh(y, table["value"], 0.35, color=style.BLUE, alpha=0.35)
    style.intervals(ax, table, y, label="95 % interval")
    ax.axvline(paper, color=style.ORANGE, ls="--", label="the paper")
    ax.set_xlim(0, 1)
    style.legend(figure)
    return figure


def intervals(table: pd.DataFrame, xlabel: str, data: str, paper: float | None = None) -> Figure:
    """Scores beside the paper's, or differences beside none, with their intervals.

    Args:
        table: one row per thing; columns `value`, `low`, `high`, as shares, and perhaps `kind`, one
            of two, for the legend.
        xlabel: what is measured.
        data: what the runs were made on.
        paper: the paper's score; None for differences, which are shown in points.
    """
    if table.empty or table["value"].isna().all():
        return style.not_measured("not yet run")
    points, height = paper is None, 0.43 * len(table) + 1.5
    xlabel = f"{xlabel}{' (points)' * points}, 95 % intervals"
    figure, ax = style.row_chart(table.index, height, xlabel, data, points=points)
    kinds = table.get("kind", pd.Series("", table.index))
    groups = table.assign(y=range(len(table))).groupby(kinds, sort=False)
    looks = (("o", style.BLUE), ("s", style.ORANGE))
    for (kind, rows), (marker, colour) in zip(groups, looks, strict=False):
        style.intervals(ax, rows, rows["y"], label=kind, marker=marker, color=colour)
    ax.axvline(paper or 0, color="0.4", ls="--", label="" if points else "the paper")
    style.legend(figure, columns=3)
    return figure


def forest(table: pd.DataFrame, means: pd.DataFrame, data: str, score: str = "accuracy") -> Figure:
    """Paired differences with their intervals, and each comparison's mean; zero is no difference.

    Args:
        table: index (comparison, split, seed); columns `value`, `low`, `high`, as shares.
        means: index comparison, the same columns.
        data: what the runs were made on.
        score: what is compared.
    """
    looks = {"random": ("o", style.BLUE), "grouped": ("s", style.ORANGE), "mean": ("D", "black")}
    rows: dict[str, list] = {kind: [] for kind in looks}  # (y, value, low, high)
    names, y = {}, 0
    for comparison, pairs in table.groupby(level=0, sort=False):
        names[comparison] = y
        lines = [(kind, row) for (_, kind, _), row in pairs.iterrows()]
        if comparison in means.index:
            lines.append(("mean", means.loc[comparison]))
        for kind, row in lines:
            rows[kind].append([y, *(100 * row[["value", "low", "high"]].astype(float))])
            y += 1
        y += 2
    figure, ax = plt.subplots(figsize=(style.WIDTH, 0.17 * y + 1.6))
    for kind, (marker, colour) in looks.items():
        label = "mean of all pairs" if kind == "mean" else f"one pair, {kind} split"
        drawn = pd.DataFrame(rows[kind], columns=["y", "value", "low", "high"])
        style.intervals(ax, drawn, drawn["y"], label=label, marker=marker, color=colour)
    style.name_rows(ax, list(names), list(names.values()))
    ax.axvline(0, color="0.4", ls="--")
    ax.set(ylim=(y - 2.2, -2), xlabel=f"difference in {score} (points), 95 % interval")
    style.legend(figure)
    style.title(figure, data)
    return figure


def claims(table: pd.DataFrame, data: str) -> Figure:
    """A forest of claims: how far what was measured lies from where each of them turns.

    `table`: one row per claim; columns `value`, `low`, `high` (points) and `colour`.
    """
    if table.empty:
        return style.not_measured("no claim has enough runs yet")
    names = [textwrap.fill(name, 72) for name in table.index]
    xlabel = "points from where the claim turns, 95 % interval"
    figure, ax = style.row_chart(names, 0.6 * len(table) + 1.2, xlabel, data, points=True)
    for colour, rows in table.assign(y=range(len(table))).groupby("colour"):
        style.intervals(ax, rows, rows["y"], color=colour)
    ax.axvline(0, color="0.4", ls="--")
    return figure


def calibration(tables: dict[str, pd.DataFrame], data: str) -> Figure:
    """Reliability: how often a network is right, against how sure it is.

    `tables`: name of a run -> one row per bin; columns `images`, `confidence`, `accuracy`.
    """
    figure, ax = plt.subplots(figsize=(style.WIDTH, 4.8))
    ax.plot([0, 1], [0, 1], color="0.5", ls="--", label="perfectly calibrated")
    colours = cycle(sns.color_palette("colorblind"))
    marks = zip(tables.items(), cycle("osD^v"), colours, strict=False)
    for (name, table), marker, colour in marks:
        size = 15 + 300 * table["images"] / table["images"].sum()
        ax.plot(table["confidence"], table["accuracy"], color=colour, lw=1)
        ax.scatter(
            table["confidence"], table["accuracy"], size, color=colour, marker=marker, label=name
        )
    style.share(ax.xaxis)
    style.share(ax.yaxis)
    ax.set(xlabel="largest probability", ylabel="share that is right")
    ax.set(xlim=(0, 1.02), ylim=(0, 1.02))
    style.legend(figure, columns=1)
    style.title(figure, data, "a mark's area: its share of the images")
    return figure
