"""Figures of chapter 03: maps of where a network looks."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from skinlib.book.figures import style


def softmax_axes(scores: np.ndarray, over_maps: np.ndarray, over_places: np.ndarray) -> Figure:
    """The same scores, normalised over the wrong axis and over the right one.

    Args:
        scores: (places, maps), any real numbers.
        over_maps: softmax of each row.
        over_places: softmax of each column.
    """
    figure, axes = plt.subplots(3, 1, figsize=(style.WIDTH, 5.5), sharex=True)
    names = ("scores", "softmax over maps", "softmax over places")
    for ax, values, name in zip(axes, (scores, over_maps, over_places), names, strict=True):
        maps = {f"map {number}": column for number, column in enumerate(values.T, 1)}
        style.lines(ax, range(len(values)), maps, "os")
        ax.set(title=name, ylabel="weight", ylim=(0, 1))
    axes[0].set(ylabel="score", ylim=(None, None))
    axes[0].autoscale(axis="y")
    axes[-1].set_xlabel("place")
    style.legend(figure)
    return figure


def flow() -> Figure:
    """Equation 2 as a chain, with the residual that the text around it adds."""
    convolution, soft = "convolution,\n$K$ maps", "softmax\nover places"
    alpha, times = "sum of the maps:\n$\\alpha$", "times $\\alpha$"
    boxes = {
        "$t$": (0, 7),
        convolution: (1.2, 1.5),
        soft: (4.2, 1.5),
        alpha: (7.6, 1.5),
        times: (4.2, 7),
        "times $\\gamma$": (6.4, 7),
        "plus $t$": (8.5, 7),
        "out": (10.3, 7),
    }
    chain = ["$t$", convolution, soft, alpha, times, "times $\\gamma$", "plus $t$", "out"]
    arrows = [*pairwise(chain), ("$t$", times), ("$t$", "plus $t$", "arc3,rad=0.3")]
    return style.flow(boxes, arrows, 2.3, marked=[convolution, soft, alpha])


def unit(
    image: np.ndarray,
    features: np.ndarray,
    maps: np.ndarray,
    alpha: np.ndarray,
    outputs: np.ndarray,
    data: str,
) -> Figure:
    """Figure 3 of the paper, drawn from what the layer computes for one image.

    Args:
        image: uint8 (H, W, 3).
        features: t, (h, w, C); drawn as the mean over its channels.
        maps: (h, w, K), K of 3 or more; the most and the least peaked are drawn, and one between.
        alpha: (h, w).
        outputs: f_sa = gamma alpha t, (h, w, C); drawn like t.
        data: the data set's name.
    """
    flat = maps.reshape(-1, maps.shape[-1])  # (h * w, K)
    chosen = np.argsort(-flat.max(0))[np.linspace(0, flat.shape[1] - 1, 3).astype(int)]
    panels = {
        "image": image,
        "t, mean of\nits channels": features.mean(-1),
        **{f"map {k + 1}\n(sums to 1)": maps[..., k] for k in chosen},
        f"alpha = sum of\n{maps.shape[-1]} maps": alpha,
        "gamma t alpha": outputs.mean(-1),
        "t + gamma t alpha": features.mean(-1) + outputs.mean(-1),
    }
    figure, axes = style.image_grid(2, 4, titles=list(panels), ratio=1.3)
    for ax, values in zip(axes.flat, panels.values(), strict=True):
        ax.imshow(values)
    style.title(figure, data, "each map has its own scale, bright is more")
    return figure


def small_multiples(
    images: np.ndarray,
    columns: Mapping[str, np.ndarray],
    masks: np.ndarray | None,
    rows: Sequence[str],
    data: str,
) -> Figure:
    """One row per image, one column per map; the scale is shared, and 1 on it is even.

    Args:
        images: uint8 (N, H, W, 3).
        columns: title -> maps (N, h, w), drawn as multiples of their own mean.
        masks: (N, H, W), drawn as an outline, or None.
        rows: one name per image.
        data: the data set's name.
    """
    names = ["image", *columns]
    figure, axes = style.image_grid(len(images), len(names), titles=names, labels=rows)
    even = {name: maps / maps.mean((1, 2), keepdims=True) for name, maps in columns.items()}
    largest = np.quantile(np.stack(list(even.values())), 0.99)
    for number, (image, row) in enumerate(zip(images, axes, strict=True)):
        row[0].imshow(image)
        mask = None if masks is None else masks[number]
        for ax, maps in zip(row[1:], even.values(), strict=True):
            drawn = style.overlay(ax, image, maps[number], mask, largest)
    bar = figure.colorbar(drawn, ax=axes, location="bottom", shrink=0.6, aspect=40, extend="max")
    bar.set_label("multiples of the map's mean")
    style.title(figure, data, "" if masks is None else "white: the lesion's true outline")
    return figure


def on_the_lesion(shares: pd.DataFrame, data: str) -> Figure:
    """Share of each map that lies on the lesion.

    `shares`: one row per map; columns `value`, `low`, `high`, from 0 to 1.
    """
    if shares.empty:
        return style.not_measured("no lesion has a known outline")
    xlabel = "share of the map's mass on the lesion, 95 % interval"
    figure, ax = style.row_chart(shares.index, 0.4 * len(shares) + 1, xlabel, data)
    style.intervals(ax, shares)
    ax.set_xlim(left=0)
    return figure


def gamma_path(paths: Mapping[str, np.ndarray], rate: float, data: str) -> Figure:
    """gamma after each batch of training, one line per run, beside Adam's longest way.

    `paths`: label -> values (batches,), which start at 0.01; `rate`: Adam's learning rate.
    """
    figure, ax = plt.subplots()
    first = next(iter(paths.values()))
    batches = np.arange(1, len(first) + 1)
    style.lines(ax, batches, paths)
    ax.plot(batches, 0.01 + rate * batches, "-.", color=style.GREY, label="rate x batches")
    ax.axhline(0, color=style.GREY, linewidth=0.8)
    ax.set(xlabel="batches seen", ylabel="gamma")
    style.legend(figure, columns=4)
    style.title(figure, data)
    return figure


def channel_reach(reach: Mapping[str, np.ndarray]) -> Figure:
    """How strongly each input channel moves a map: one panel per layer.

    `reach`: label -> largest change of a score by channel, (C,).
    """
    size = (style.WIDTH, 1.4 * len(reach) + 0.6)
    figure, axes = plt.subplots(len(reach), 1, figsize=size, sharex=True, sharey=True)
    for ax, (label, values) in zip(axes, reach.items(), strict=True):
        ax.bar(np.arange(len(values)), values, color=style.BLUE)
        ax.set_title(label)
        for channel in np.flatnonzero(values == 0):
            ax.text(channel, 0, "0", ha="center", va="bottom", color=style.ORANGE, fontsize=9)
    axes[-1].set_xlabel("input channel")
    figure.supylabel("largest change of a score", fontsize=10)
    return figure
