"""Figures of chapter 08: heat maps, and how well they point."""

from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from skinlib.book.figures import style
from skinlib.runs import POINTING


def flow() -> Figure:
    """Grad-CAM as a chain: forward to the score of a class, back to a layer, and the map."""
    channels, logit = "channels\n$A^k$", "logit\n$y^c$"
    gradient, mean = "gradient\n$\\partial y^c / \\partial A^k$", "mean over\nplaces: $\\alpha_k^c$"
    total = "weighted\nsum, ReLU"
    boxes = {
        "image": (0, 2),
        "layers": (2.3, 2),
        channels: (4.8, 2),
        "later\nlayers": (7.3, 2),
        logit: (9.8, 2),
        gradient: (9.4, 8),
        mean: (6.2, 8),
        total: (3, 8),
        "map $L^c$": (0.2, 8),
    }
    chain = ["image", "layers", channels, "later\nlayers", logit]
    back = [logit, gradient, mean, total, "map $L^c$"]
    arrows = [*pairwise(chain), *pairwise(back), (channels, total)]
    return style.flow(boxes, arrows, 2.1, marked=[gradient, mean])


def steps(
    image: np.ndarray, weights: np.ndarray, raw: np.ndarray, heat: np.ndarray, data: str
) -> Figure:
    """Grad-CAM by hand: image, the channels' weights, their weighted sum, the map on top.

    Args:
        image: (H, W, 3), 0..255.
        weights: of the channels, (C,); drawn as multiples of the largest.
        raw: the weighted sum of the features, (h, w); its colour bar has their unit.
        heat: the final map, (H, W), 0..1.
        data: name of the data set.
    """
    names = ("image", "mean gradients", "weighted sum", "on top")
    figure, axes = style.image_grid(2, 2, titles=names)
    (first, bars), (summed, last) = axes
    first.imshow(image.astype("uint8"))
    height = np.sort(weights) / np.abs(weights).max()
    bars.bar(range(len(weights)), height, color=style.BLUE, width=1, lw=0)
    bars.set(xlabel="channel, sorted", ylabel="multiples of the largest", yticks=[-1, 0, 1])
    bars.spines.left.set_visible(True)
    reach = np.abs(raw).max()
    drawn = summed.imshow(raw / reach, cmap="PuOr_r", vmin=-1, vmax=1)
    bar = figure.colorbar(drawn, ax=summed, location="bottom", ticks=[-1, 0, 1])
    bar.set_label("against the class … for it")
    style.overlay(last, image, heat)
    style.title(figure, data)
    return figure


def gallery(images: np.ndarray, truth: list[str], maps: dict[str, tuple], data: str) -> Figure:
    """Like the paper's figures 5 to 8: one column per image, one row per network.

    Args:
        images: (N, H, W, 3), 0..255.
        truth: N class names.
        maps: name of a network -> (heat maps (N, H, W), N captions).
        data: name of the data set.
    """
    names = [f"true: {name}" for name in truth]
    figure, axes = style.image_grid(1 + len(maps), len(images), titles=names, labels=["", *maps])
    for ax, image in zip(axes[0], images, strict=True):
        ax.imshow(image.astype("uint8"))
    for row, (heats, captions) in zip(axes[1:], maps.values(), strict=True):
        for ax, image, heat, caption in zip(row, images, heats, captions, strict=True):
            style.overlay(ax, image, heat)
            ax.set_title(caption, fontsize=9)
    style.title(figure, data)
    return figure


def scores(table: pd.DataFrame, data: str) -> Figure:
    """How well maps point, with intervals over lesions.

    `table`: index (score, map), columns `value`, `low`, `high`, from 0 to 1.
    """
    names, maps = POINTING, table.loc[POINTING[0]].index
    figure, ax = style.row_chart(maps, 0.6 * len(maps) + 1.4, "score, 95 % interval", data)
    for number, (name, (colour, _)) in enumerate(zip(names, style.LINES, strict=False)):
        rows = table.loc[name].reindex(maps)
        y = np.arange(len(maps)) + 0.2 * number
        style.intervals(ax, rows, y, label=name, marker="osD^v"[number], color=colour)
    ax.set(xlim=(-0.02, 1.02), ylim=(len(maps) - 0.3, -0.7))
    style.legend(figure, columns=3)
    return figure


def curves(found: dict[str, dict[str, np.ndarray]], data: str) -> Figure:
    """Deletion and insertion: mean probability of the predicted class as pixels go or come.

    `found`: "deletion" and "insertion" -> name of an order -> (N, steps + 1).
    """
    figure, axes = plt.subplots(2, 1, figsize=(style.WIDTH, 4.8))
    labels = {"deletion": "pixels deleted", "insertion": "pixels put back"}
    for ax, (kind, orders) in zip(axes, found.items(), strict=True):
        means = {name: values.mean(0) for name, values in orders.items()}
        moved = np.linspace(0, 1, len(next(iter(means.values()))))
        style.lines(ax, moved, means)
        ax.set(title=kind, xlabel=labels[kind], ylim=(0, 1), ylabel="probability")
        style.share(ax.xaxis)
    style.legend(figure, columns=3)
    style.title(figure, data)
    return figure
