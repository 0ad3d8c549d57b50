"""Figures of chapter 01: the images, their table, and the two splits."""

import math

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from PIL import Image, ImageOps

from skinlib.book.figures import style
from skinlib.data.dataset import CLASSES, Dataset


def class_histogram(counts: pd.DataFrame) -> Figure:
    """Images per class, as in figure 4 of the paper: one panel per data set.

    `counts`: one row per class, one column per data set.
    """
    size = (style.WIDTH, 2.6 * counts.shape[1])
    figure, axes = plt.subplots(counts.shape[1], 1, figsize=size, sharex=True, squeeze=False)
    for ax, (name, column) in zip(axes.flat, counts.items(), strict=True):
        bars = ax.bar(column.index, column, color=[style.COLOURS[c] for c in column.index])
        shares = [f"{n:,}\n{n / column.sum():.1%}" for n in column]
        ax.bar_label(bars, shares, padding=2, fontsize=9)
        ax.set(title=f"data: {name}", ylabel="images", ylim=(0, 1.3 * column.max()))
    axes[-1, 0].set_xlabel("class")
    return figure


def samples(dataset: Dataset, columns: int = 5) -> Figure:
    """One row per class: images of different lesions, drawn at random; the lesion's outline on
    the first where it is known."""
    rng = np.random.default_rng(1)
    first = np.unique(dataset.lesions, return_index=True)[1]
    figure, axes = style.image_grid(len(CLASSES), columns, labels=CLASSES, ratio=1.03)
    for label, row in enumerate(axes):
        chosen = rng.permutation(first[dataset.labels[first] == label])[:columns]
        for ax, index in zip(row, chosen, strict=False):
            ax.imshow(dataset.images[index])
        if dataset.masks is not None and len(chosen) and dataset.masks[chosen[0]].any():
            row[0].contour(dataset.masks[chosen[0]], [0.5], colors="white", linewidths=1)
    style.title(figure, dataset.name)
    return figure


def patients(dataset: Dataset) -> Figure:
    """Age and body site of each class; either may be missing from the table."""
    table = dataset.table
    figure, (upper, lower) = plt.subplots(2, 1, figsize=(style.WIDTH, 6))
    ages = table.groupby("dx")["age"].quantile([0.5, 0.25, 0.75]).unstack().reindex(CLASSES)
    ages.columns = ["value", "low", "high"]
    for y, name in enumerate(CLASSES):
        style.intervals(upper, ages.loc[[name]], [y], color=style.COLOURS[name])
    upper.set_yticks(range(len(CLASSES)), CLASSES)
    upper.invert_yaxis()
    upper.set(xlabel="age (years): median and middle half", ylabel="class")
    sites = table["localization"].astype(object).fillna("not recorded")
    sites = sites.value_counts(normalize=True)
    lower.barh(sites.index, sites, color="0.4")
    lower.invert_yaxis()
    style.share(lower.xaxis)
    lower.set(xlabel="share of the images", ylabel="site")
    style.title(figure, dataset.name)
    return figure


def images_per_lesion(dataset: Dataset) -> Figure:
    """How many lesions have one image, two, three, ..."""
    sizes = pd.Series(dataset.lesions).value_counts().value_counts()
    sizes = sizes.reindex(range(1, sizes.index.max() + 1), fill_value=0)
    figure, ax = plt.subplots()
    bars = ax.bar(sizes.index.astype(str), sizes, color="0.4")
    ax.bar_label(bars, [f"{n:,}" for n in sizes], padding=2, fontsize=9)
    ax.set(xlabel="images of the lesion", ylabel="lesions")
    style.title(figure, dataset.name)
    return figure


def one_lesion(dataset: Dataset) -> Figure:
    """All images of the lesion that has most of them (the first such lesion)."""
    groups = pd.Series(range(len(dataset))).groupby(dataset.lesions)
    chosen = max(groups.indices.values(), key=len)
    rows = math.ceil(len(chosen) / 3)
    columns = math.ceil(len(chosen) / rows)
    figure, axes = style.image_grid(rows, columns, titles=dataset.table["image_id"][chosen])
    for ax, index in zip(axes.flat, chosen, strict=False):
        ax.imshow(dataset.images[index])
    style.title(figure, dataset.name)
    return figure


def leakage_bars(tables: dict[str, pd.DataFrame], data: str) -> Figure:
    """The share of test images whose lesion is in training.

    `tables`: name of a split -> one row per class, with a column `same_lesion`, 0 to 1.
    """
    frame = pd.concat(tables, names=["split", "class"]).reset_index()
    figure, ax = plt.subplots()
    colours = [style.ORANGE, style.BLUE]
    sns.barplot(
        frame, x="class", y="same_lesion", hue="split", ax=ax, palette=colours, saturation=1
    )
    style.share(ax.yaxis)
    ax.set(xlabel="class", ylabel="test images whose lesion\nis in training", ylim=(0, 1))
    ax.legend().remove()
    style.legend(figure, title="split")
    style.title(figure, data)
    return figure


def recorded_leak(table: pd.DataFrame, data: str) -> Figure:
    """The share of test images whose lesion is in training: one row per class.

    `table`: columns `value`, `low` and `high`, from 0 to 1: the mean over splits, and one standard
    deviation below and above it.
    """
    xlabel = "test images whose lesion is in training, ± 1 standard deviation"
    figure, ax = style.row_chart(table.index, 0.4 * len(table) + 1, xlabel, data)
    for y, name in enumerate(table.index):
        style.intervals(ax, table.loc[[name]], [y], color=style.COLOURS.get(name, style.GREY))
    ax.set_xlim(0, 1)
    return figure


def aspect(frame: Image.Image, size: int, data: str) -> Figure:
    """A 4:3 frame above the two squares, `size` x `size`, that can be made of it."""
    images = {
        f"frame, {frame.width} x {frame.height}": frame,
        f"squashed, {size} x {size}": frame.resize((size, size)),
        f"cropped, {size} x {size}": ImageOps.fit(frame, (size, size)),
    }
    figure = plt.figure(figsize=(style.WIDTH, 4.6))
    axes = figure.subplot_mosaic("AA;BC")
    for ax, (name, image) in zip(axes.values(), images.items(), strict=True):
        ax.imshow(image)
        ax.set(title=name, xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    style.title(figure, data)
    return figure
