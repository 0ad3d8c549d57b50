"""Figures of chapter 03: maps of where a network looks."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "0.45"


def softmax_axes(scores: np.ndarray, over_maps: np.ndarray, over_places: np.ndarray) -> Figure:
    """The same scores, normalised over the wrong axis and over the right one.

    Args:
        scores: (places, maps), any real numbers.
        over_maps: softmax of each row.
        over_places: softmax of each column.
    """
    figure, axes = plt.subplots(1, 3, figsize=(7, 3), sharex=True)
    titles = ("scores", "softmax over maps", "softmax over places")
    for axis, values, title in zip(axes, (scores, over_maps, over_places), titles, strict=True):
        for number, (column, style) in enumerate(zip(values.T, ("o-", "s--"), strict=True)):
            axis.plot(column, style, color=(BLUE, ORANGE)[number], label=f"map {number + 1}")
        axis.set(title=title, xlabel="place")
    axes[0].set_ylabel("score")
    axes[1].set(ylabel="weight", ylim=(0, 1))
    axes[2].set(ylim=(0, 1))
    axes[0].legend()
    return figure


def unit(
    image: np.ndarray,
    features: np.ndarray,
    maps: np.ndarray,
    alpha: np.ndarray,
    outputs: np.ndarray,
    data: str,
) -> Figure:
    """Figure 3 of the paper, drawn from what the layer computes for one picture.

    Args:
        image: uint8 (H, W, 3).
        features: t, (h, w, C); drawn as the mean over its channels.
        maps: (h, w, K), K of 3 or more; the most and the least peaked are drawn, and one between.
        alpha: (h, w).
        outputs: f_sa = gamma alpha t, (h, w, C); drawn like t.
        data: the data set's name.
    """
    figure, axes = plt.subplots(2, 4, figsize=(7, 4))
    flat = maps.reshape(-1, maps.shape[-1])
    chosen = np.argsort(-flat.max(0))[np.linspace(0, flat.shape[1] - 1, 3).astype(int)]
    panels = {
        "picture": image,
        "t, mean of\nits channels": features.mean(-1),
        **{f"map {k + 1}\n(sums to 1)": maps[..., k] for k in chosen},
        f"alpha = sum of\n{maps.shape[-1]} maps": alpha,
        "gamma t alpha": outputs.mean(-1),
        "t + gamma t alpha": features.mean(-1) + outputs.mean(-1),
    }
    for axis, (title, values) in zip(axes.flat, panels.items(), strict=True):
        axis.imshow(values)
        axis.set_title(title, fontsize=9)
        axis.axis("off")
    figure.suptitle(f"data: {data}; each map has its own scale, bright is more", fontsize=9)
    return figure


def overlay(
    axis: Axes, image: np.ndarray, alpha: np.ndarray, mask: np.ndarray | None = None
) -> None:
    """Draws a map on a grey picture, bright where it is large, with the lesion's outline."""
    side = (image.shape[1], image.shape[0])
    smooth = Image.fromarray(alpha.astype("float32")).resize(side, Image.Resampling.BILINEAR)
    axis.imshow(image.mean(-1), cmap="gray")
    axis.imshow(np.asarray(smooth), alpha=0.6, vmin=0)
    if mask is not None:
        axis.contour(mask, [0.5], colors="white", linewidths=1.2)
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)


def small_multiples(
    images: np.ndarray,
    columns: Mapping[str, np.ndarray],
    masks: np.ndarray | None,
    rows: Sequence[str],
    data: str,
) -> Figure:
    """A row a picture, a column a map.

    Args:
        images: uint8 (N, H, W, 3).
        columns: title -> maps (N, h, w).
        masks: (N, H, W), drawn as an outline, or None.
        rows: a name a picture.
        data: the data set's name.
    """
    count = len(columns) + 1
    figure, axes = plt.subplots(
        len(images), count, figsize=(7, 7 / count * len(images) + 0.7), squeeze=False
    )
    for row, (image, line, name) in enumerate(zip(images, axes, rows, strict=True)):
        line[0].imshow(image)
        line[0].set(xticks=[], yticks=[])
        line[0].spines[:].set_visible(False)
        line[0].set_ylabel(name)
        mask = None if masks is None else masks[row]
        for axis, maps in zip(line[1:], columns.values(), strict=True):
            overlay(axis, image, maps[row], mask)
    for axis, title in zip(axes[0], ["picture", *columns], strict=True):
        axis.set_title(title, fontsize=10)
    outline = "" if masks is None else "; white: the lesion's true outline"
    figure.suptitle(f"data: {data}{outline}", fontsize=9)
    return figure


def on_the_lesion(shares: pd.DataFrame, data: str) -> Figure:
    """Share of each map that lies on the lesion.

    Args:
        shares: a row a map; columns `value`, `low`, `high`, from 0 to 1.
        data: the data set's name.
    """
    figure, axes = plt.subplots(figsize=(6.5, 2.6))
    spread = [shares["value"] - shares["low"], shares["high"] - shares["value"]]
    axes.errorbar(shares["value"], shares.index, xerr=spread, fmt="o", capsize=4, color=BLUE)
    axes.invert_yaxis()
    axes.margins(y=0.2)
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.set(xlabel="share of the map's mass on the lesion, 95 % interval", title=f"data: {data}")
    axes.set_xlim(left=0)
    return figure


def gamma_path(paths: Mapping[str, np.ndarray], rate: float, data: str) -> Figure:
    """gamma after each batch of training, a line a run, beside as many steps of Adam in one go.

    Args:
        paths: label -> values.
        rate: Adam's learning rate.
        data: the data set's name.
    """
    figure, axes = plt.subplots(figsize=(6.5, 3))
    styles = zip(paths.items(), ("-", "--", ":"), (BLUE, ORANGE, "k"), strict=False)
    for (label, values), style, colour in styles:
        axes.plot(range(1, len(values) + 1), values, style, color=colour, label=label)
    batches = np.arange(1, len(values) + 1)
    axes.plot(batches, values[0] + rate * (batches - 1), "-.", color=GREY, label="rate x batches")
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.set(xlabel="batches seen", ylabel="gamma", title=f"data: {data}")
    axes.legend()
    return figure


def channel_reach(reach: Mapping[str, np.ndarray]) -> Figure:
    """How strongly each input channel moves a map: one line a layer.

    Args:
        reach: label -> largest change of a score by channel, (C,).
    """
    figure, axes = plt.subplots(1, len(reach), figsize=(7, 2.8), sharey=True)
    for axis, (label, values) in zip(axes, reach.items(), strict=True):
        axis.bar(np.arange(len(values)), values, color=np.where(values > 0, BLUE, ORANGE))
        axis.set(title=label, xlabel="input channel")
        for channel in np.flatnonzero(values == 0):
            axis.text(channel, 0, "0", ha="center", va="bottom", color=ORANGE, fontsize=9)
    axes[0].set_ylabel("largest change of a score")
    return figure
