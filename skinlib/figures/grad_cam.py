"""Figures of chapter 07: heat maps, and how well they point."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from skinlib.figures.attention import overlay


def steps(
    image: np.ndarray, weights: np.ndarray, raw: np.ndarray, heat: np.ndarray, data: str
) -> Figure:
    """Grad-CAM by hand: picture, the channels' weights, their weighted sum, the map on top.

    Args:
        image: (H, W, 3), 0..255.
        weights: of the channels, (C,).
        raw: the weighted sum of the features, (h, w).
        heat: the final map, (H, W), 0..1.
        data: name of the data set.
    """
    figure, axes = plt.subplots(1, 4, figsize=(7, 2.4), width_ratios=(1, 1.2, 1, 1))
    axes[0].imshow(image.astype("uint8"))
    axes[1].bar(range(len(weights)), np.sort(weights), color="#0072B2", width=1, lw=0)
    axes[1].set(xlabel="channel, sorted")
    axes[1].ticklabel_format(axis="y", scilimits=(0, 0))
    reach = np.abs(raw).max()
    axes[2].imshow(raw, cmap="PuOr_r", vmin=-reach, vmax=reach)
    overlay(axes[3], image, heat)
    titles = ("picture", "mean gradients", "weighted sum\n(orange +, purple -)", "on top")
    for ax, title in zip(axes, titles, strict=True):
        ax.set_title(title, fontsize=10)
        if title != "mean gradients":
            ax.set(xticks=[], yticks=[])
    figure.suptitle(f"data: {data}", fontsize=9)
    return figure


def gallery(images: np.ndarray, truth: list[str], maps: dict[str, tuple], data: str) -> Figure:
    """Like the paper's figures 5 to 8: a row a picture, a column a network.

    Args:
        images: (N, H, W, 3), 0..255.
        truth: N class names.
        maps: name of a network -> (heat maps (N, H, W), N captions).
        data: name of the data set.
    """
    shape = (len(images), len(maps) + 1)
    side = min(7 / shape[1], 1.75)
    size = (side * shape[1], 1.06 * side * shape[0])
    figure, axes = plt.subplots(*shape, figsize=size, squeeze=False)
    for row, (image, name) in enumerate(zip(images, truth, strict=True)):
        axes[row, 0].imshow(image.astype("uint8"))
        axes[row, 0].set_title(f"true: {name}", fontsize=9)
        for ax, (network, (heats, captions)) in zip(axes[row, 1:], maps.items(), strict=True):
            overlay(ax, image, heats[row])
            ax.set_title(captions[row], fontsize=9)
            if row == shape[0] - 1:
                ax.set_xlabel(network, fontsize=9)
    for ax in axes.flat:
        ax.set(xticks=[], yticks=[])
    figure.suptitle(f"data: {data}", fontsize=9)
    return figure


def scores(table: pd.DataFrame, data: str) -> Figure:
    """How well maps point, with intervals.

    Args:
        table: index (score, map), columns `value`, `low`, `high`.
        data: name of the data set.
    """
    names = list(dict.fromkeys(table.index.get_level_values(0)))
    figure, axes = plt.subplots(
        1, len(names), figsize=(7, 0.3 * len(table) / len(names) + 1.4), sharey=True
    )
    for ax, name in zip(axes, names, strict=True):
        rows = table.loc[name]
        spread = [rows["value"] - rows["low"], rows["high"] - rows["value"]]
        for i, label in enumerate(rows.index):
            marker, colour = ("x", "0.4") if label.startswith("control") else ("o", "#0072B2")
            error = [[side.iloc[i]] for side in spread]
            ax.errorbar(rows["value"].iloc[i], i, xerr=error, fmt=marker, color=colour, capsize=3)
        ax.set_yticks(range(len(rows)), rows.index)
        ax.set(title=name, xlim=(-0.04, 1.04), xticks=(0, 0.5, 1), ylim=(len(rows) - 0.5, -0.5))
        ax.xaxis.set_major_formatter("{x:.0%}")
        ax.grid(axis="x", color="0.9")
    figure.suptitle(f"data: {data}; 95 % intervals over lesions", fontsize=9)
    return figure


def curves(found: dict[str, dict[str, np.ndarray]], data: str) -> Figure:
    """Deletion and insertion: mean probability of the predicted class as pixels go or come.

    Args:
        found: "deletion" and "insertion" -> name of an order -> (N, steps + 1).
        data: name of the data set.
    """
    figure, axes = plt.subplots(1, 2, figsize=(7, 3), sharey=True)
    looks = ("-", "--", ":", "-.")
    for ax, (title, orders) in zip(axes, found.items(), strict=True):
        colours = sns.color_palette("colorblind")
        for (name, values), style, colour in zip(orders.items(), looks, colours, strict=False):
            share = np.linspace(0, 1, values.shape[1])
            ax.plot(share, values.mean(0), style, color=colour, label=name)
        ax.set(title=title, xlabel="pixels moved", ylim=(0, 1))
        ax.xaxis.set_major_formatter("{x:.0%}")
    axes[0].set_ylabel("probability of the answer")
    axes[0].legend(fontsize=9)
    figure.suptitle(f"data: {data}", fontsize=9)
    return figure
