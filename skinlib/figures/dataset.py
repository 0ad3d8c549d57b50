"""Figures of chapter 01: the pictures, their table, and the two splits."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from PIL import Image

from skinlib.data import CLASSES, Dataset
from skinlib.data.decode import to_square
from skinlib.data.splits import lesions
from skinlib.figures import COLOURS


def class_histogram(dataset: Dataset) -> Figure:
    """Pictures per class, as in figure 4 of the paper."""
    counts = np.bincount(dataset.labels, minlength=len(CLASSES))
    figure, axes = plt.subplots()
    bars = axes.bar(CLASSES, counts, color=[COLOURS[c] for c in CLASSES])
    axes.bar_label(bars, [f"{n:,}\n{n / counts.sum():.1%}" for n in counts], padding=2, fontsize=9)
    axes.set(ylabel="pictures", title=f"data: {dataset.name}", ylim=(0, 1.2 * counts.max()))
    return figure


def samples(dataset: Dataset, columns: int = 5, seed: int = 1) -> Figure:
    """A row a class: pictures of different lesions, drawn at random; the mask's outline on the
    first column where the data set has masks."""
    random = np.random.default_rng(seed)
    first = np.unique(lesions(dataset), return_index=True)[1]
    figure, axes = plt.subplots(len(CLASSES), columns, figsize=(6.5, 6.5 / columns * 7.2))
    for row, (label, line) in enumerate(zip(CLASSES, axes, strict=True)):
        of_class = first[dataset.labels[first] == row]
        chosen = random.permutation(of_class)[:columns]
        for axis, index in zip(line, chosen, strict=False):
            axis.imshow(dataset.images[index])
        for axis in line:
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
        if dataset.masks is not None:
            line[0].contour(dataset.masks[chosen[0]], [0.5], colors="white", linewidths=1)
        line[0].set_ylabel(label)
    figure.suptitle(f"data: {dataset.name}", fontsize="medium")
    return figure


def patients(dataset: Dataset) -> Figure:
    """Age and body site of each class."""
    table = dataset.table
    figure, (left, right) = plt.subplots(1, 2, figsize=(7, 4))
    sns.boxplot(
        data=table, x="age", y="dx", hue="dx", order=CLASSES, palette=COLOURS, ax=left,
        fliersize=2, legend=False, medianprops={"color": "white"},
    )  # fmt: skip
    left.set(xlabel="age (years)", ylabel="")
    sites = table["localization"].value_counts(normalize=True)
    right.barh(sites.index, sites, color="0.4")
    right.invert_yaxis()
    right.xaxis.set_major_formatter("{x:.0%}")
    right.set(xlabel="share of the pictures")
    figure.suptitle(f"data: {dataset.name}", fontsize="medium")
    return figure


def pictures_per_lesion(dataset: Dataset) -> Figure:
    """How many lesions have one picture, two, three, ..."""
    sizes = pd.Series(lesions(dataset)).value_counts().value_counts().sort_index()
    figure, axes = plt.subplots(figsize=(5, 3))
    bars = axes.bar(sizes.index.astype(str), sizes, color="0.4")
    axes.bar_label(bars, [f"{n:,}" for n in sizes], padding=2)
    axes.set(xlabel="pictures of the lesion", ylabel="lesions", title=f"data: {dataset.name}")
    return figure


def one_lesion(dataset: Dataset) -> Figure:
    """All pictures of the lesion that has most of them (the first such lesion)."""
    groups = pd.Series(range(len(dataset))).groupby(lesions(dataset))
    rows = max(groups.indices.values(), key=len)
    figure, axes = plt.subplots(1, len(rows), figsize=(7, 7 / len(rows) + 0.4), squeeze=False)
    for axis, row in zip(axes[0], rows, strict=True):
        axis.imshow(dataset.images[row])
        axis.set_title(dataset.table["image_id"][row], fontsize=9)
        axis.axis("off")
    figure.suptitle(f"data: {dataset.name}", fontsize="medium")
    return figure


def leakage_bars(tables: dict[str, pd.DataFrame], data: str) -> Figure:
    """The share of test pictures whose lesion is in training.

    Args:
        tables: name of a split -> what `skinlib.data.splits.leakage` returns.
        data: the data set's name, for the title.
    """
    frame = pd.concat(tables, names=["split", "class"]).reset_index()
    figure, axes = plt.subplots()
    sns.barplot(
        data=frame, x="class", y="same_lesion", hue="split", ax=axes, palette=["#D55E00", "#0072B2"]
    )
    axes.yaxis.set_major_formatter("{x:.0%}")
    axes.set(xlabel="", ylabel="test pictures whose lesion\nis in training", title=f"data: {data}")
    axes.set_ylim(0, 1)
    return figure


def aspect(frame: Image.Image, size: int, data: str) -> Figure:
    """A 4:3 frame beside the two squares, `size` x `size`, that can be made of it."""
    figure, axes = plt.subplots(1, 3, figsize=(7, 2.6), width_ratios=[4, 3, 3])
    pictures = {
        f"frame, {frame.width} x {frame.height}": frame,
        f"squashed, {size} x {size}": to_square(frame, size, "squash"),
        f"cropped, {size} x {size}": to_square(frame, size, "crop"),
    }
    for axis, (title, picture) in zip(axes, pictures.items(), strict=True):
        axis.imshow(picture)
        axis.set_title(title)
        axis.set(xticks=[], yticks=[])
    figure.suptitle(f"data: {data}", fontsize="medium")
    return figure
