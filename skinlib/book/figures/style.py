"""The look that the figures share: five inches wide, so that they can be read on a phone."""

import os
import sys
from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import ArrayLike
from PIL import Image

from skinlib.data.dataset import CLASSES

WIDTH = 5  # inches
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "0.45"
COLOURS = dict(
    zip(CLASSES, ["#E69F00", "#CC79A7", "#56B4E9", "#8C510A", "#000000", BLUE, ORANGE], strict=True)
)
"""One colour per class, from Okabe and Ito's colour-blind-safe palette (brown for its yellow)."""
LINES = [(BLUE, "-"), (ORANGE, "--"), ("#000000", ":"), ("#CC79A7", "-."), ("#56B4E9", "-")]
"""Colour and dashes of the lines of one plot, in their order."""


def use_style() -> None:
    """Sets the book's look; in a notebook, figures become PNG of twice the resolution.

    Where SKINLIB_SVG is set, as `make book` does, figures without pictures become SVG as well, and
    a page shows that. A committed notebook has none: nbval would compare it as text, which differs
    from one machine to another.
    """
    sns.set_theme(
        context="paper",
        style="ticks",
        palette="colorblind",
        rc={
            "axes.labelsize": 10,
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlesize": 10,
            "figure.constrained_layout.use": True,
            "figure.constrained_layout.h_pad": 0.06,
            "figure.dpi": 100,
            "figure.figsize": (WIDTH, 3),
            "figure.titlesize": 10,
            "font.size": 10,
            "image.cmap": "cividis",
            "image.interpolation": "nearest",  # a PNG half as large
            "legend.fontsize": 9,
            "legend.frameon": False,
            "xtick.labelsize": 9,
            "ytick.labelsize": 9,
        },
    )
    notebook = "IPython" in sys.modules and sys.modules["IPython"].get_ipython()
    if notebook:
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("retina")
        if os.environ.get("SKINLIB_SVG"):
            notebook.display_formatter.formatters["image/svg+xml"].for_type(Figure, _as_svg)


def _as_svg(figure: Figure) -> str | None:
    """A figure as SVG; None of one with pictures, which PNG suits better."""
    from IPython.core.pylabtools import print_figure

    pictures = any(axes.images for axes in figure.axes)
    return None if pictures else print_figure(figure, "svg")


def not_measured(why: str) -> Figure:
    """Stands in for a figure that this data set cannot give, so that references still resolve."""
    figure, axes = plt.subplots(figsize=(WIDTH, 0.8))
    axes.set_axis_off()  # IPython shows no figure without axes
    axes.text(0.5, 0.5, f"not measured: {why}", ha="center", va="center", wrap=True)
    return figure


def title(figure: Figure, data: str, note: str = "") -> None:
    """Says above a figure which data it shows, and a note below that."""
    figure.suptitle(f"data: {data}" + (f"\n{note}" if note else ""))


def legend(figure: Figure, columns: int = 2, **options: Any) -> None:
    """One legend for the whole figure, below it; each label once."""
    found: dict[str, Artist] = {}
    for ax in figure.axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    labels = list(found)
    figure.legend(found.values(), labels, loc="outside lower center", ncols=columns, **options)


def share(axis: Axis, symbol: str = "%") -> None:
    """Hundredths on `ax.xaxis` or `ax.yaxis`, whose values are shares of 1, with a symbol."""
    axis.set_major_formatter(lambda value, _: f"{100 * value:.3g}{symbol}")


def lines(
    ax: Axes, x: ArrayLike, values: Mapping[str, ArrayLike], markers: Sequence[str] = ("",)
) -> None:
    """One line per entry, label -> (n,), in the colours and dashes of `LINES`, which come again."""
    looks = zip(values.items(), cycle(LINES), cycle(markers), strict=False)
    for (label, y), (colour, dashes), marker in looks:
        ax.plot(x, y, dashes, color=colour, marker=marker, label=label)


def intervals(
    ax: Axes,
    table: pd.DataFrame,
    y: ArrayLike | None = None,
    *,
    label: str | None = None,
    marker: str = "o",
    color: str = BLUE,
) -> None:
    """A dot with its interval per row, horizontally.

    Args:
        ax: where.
        table: columns `value`, `low` and `high`; a row that is NaN leaves a gap.
        y: height of each row; 0, 1, 2, ... if None.
        label: in the legend.
        marker: matplotlib's sign for the dots.
        color: of dots and intervals.
    """
    y = range(len(table)) if y is None else y
    value, low, high = table[["value", "low", "high"]].to_numpy("float64").T
    ax.hlines(y, low, high, color=color, linewidth=1.5)
    ax.plot(value, y, marker, color=color, label=label)


def name_rows(ax: Axes, names: Sequence[str], y: Sequence[float] | None = None) -> None:
    """Writes each row's name above it, where it takes no width; the first row is on top."""
    y = range(len(names)) if y is None else y
    for place, name in zip(y, names, strict=True):
        label = ax.text(0, place - 0.2, name, va="bottom", transform=ax.get_yaxis_transform())
        label.set(linespacing=1, in_layout=False)
        label.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0})
    ax.set(yticks=[], ylim=(max(y) + 0.5, min(y) - 0.9))
    ax.spines.left.set_visible(False)
    ax.grid(axis="x", color="0.9")


def row_chart(
    names: Sequence[str], height: float, xlabel: str, data: str, *, points: bool = False
) -> tuple[Figure, Axes]:
    """Axes for something about each name, one below the other; see `name_rows` and `share`."""
    figure, ax = plt.subplots(figsize=(WIDTH, height))
    name_rows(ax, names)
    share(ax.xaxis, "" if points else "%")
    ax.set_xlabel(xlabel)
    title(figure, data)
    return figure, ax


def image_grid(
    rows: int,
    columns: int,
    *,
    titles: Sequence[str] = (),
    labels: Sequence[str] = (),
    ratio: float = 1.1,
) -> tuple[Figure, np.ndarray]:
    """Axes for images: without ticks and frames.

    Args:
        rows: how many.
        columns: how many.
        titles: above the first row, or one above each image, row by row.
        labels: one per row, at its left.
        ratio: height of a row, in widths of a column.

    Returns:
        The figure, and its axes (rows, columns).
    """
    size = (WIDTH, WIDTH / columns * ratio * rows + 0.4)
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False)
    for ax in axes.flat:
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    for ax, text in zip(axes.flat, titles, strict=False):
        ax.set_title(text, fontsize=9)
    for ax, text in zip(axes[:, 0], labels, strict=False):
        ax.set_ylabel(text, fontsize=9)
    return figure, axes


def flow(
    boxes: Mapping[str, tuple[float, float]],
    arrows: Sequence[tuple[str, ...]],
    height: float,
    marked: Sequence[str] = (),
) -> Figure:
    """What is computed from what: words in boxes, and arrows between them.

    Args:
        boxes: the words -> where their middle is: from the left, 0 to 10, and down, 0 to 10.
        arrows: start, end, and perhaps matplotlib's `connectionstyle`.
        height: of the figure, in inches.
        marked: boxes in another colour.
    """
    figure, ax = plt.subplots(figsize=(WIDTH, height))
    ax.set(xlim=(-0.7, 10.7), ylim=(10.5, -0.5))
    ax.axis("off")
    drawn = {}
    for text, (x, y) in boxes.items():
        colour = ORANGE if text in marked else GREY
        frame = {"boxstyle": "round,pad=0.35", "fc": "white", "ec": colour, "lw": 1.4}
        drawn[text] = ax.text(x, y, text, ha="center", va="center", fontsize=9, bbox=frame)
    figure.canvas.draw()  # the frames know their places
    for start, end, *bend in arrows:
        look: dict[str, Any] = {"arrowstyle": "->", "color": "0.3", "shrinkA": 0, "shrinkB": 1}
        look |= {"patchA": drawn[start].get_bbox_patch(), "patchB": drawn[end].get_bbox_patch()}
        if bend:
            look["connectionstyle"] = bend[0]
        ax.annotate("", boxes[end], boxes[start], arrowprops=look)
    return figure


def overlay(
    ax: Axes,
    image: np.ndarray,
    heat: np.ndarray,
    mask: np.ndarray | None = None,
    largest: float | None = None,
) -> AxesImage:
    """Draws a map on a grey image, bright where it is large, with the lesion's outline.

    Args:
        ax: where.
        image: 0..255, (H, W, 3).
        heat: (h, w), 0 or more.
        mask: (H, W), 1 on the lesion, or None.
        largest: the value drawn brightest; the map's largest if None.

    Returns:
        The drawn map, for a colour bar.
    """
    side = (image.shape[1], image.shape[0])
    smooth = Image.fromarray(heat.astype("float32")).resize(side, Image.Resampling.BILINEAR)
    ax.imshow(image.mean(-1), cmap="gray", vmin=0, vmax=255)
    drawn = ax.imshow(np.asarray(smooth), alpha=0.6, vmin=0, vmax=largest)
    if mask is not None and mask.any():
        ax.contour(mask, [0.5], colors="white", linewidths=1.2)
    return drawn
