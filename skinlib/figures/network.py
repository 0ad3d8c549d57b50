"""Figures of chapter 05: the network's shapes, what it sees, and its rivals."""

from itertools import groupby

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from skinlib.layers.attention import SoftAttention
from skinlib.layers.deformable import DeformableConv2D

KINDS = {
    "deformable convolution": (DeformableConv2D, "#D55E00"),
    "convolution": (keras.layers.Conv2D, "#56B4E9"),
    "soft attention": (SoftAttention, "#E69F00"),
    "max-pool": (keras.layers.MaxPooling2D, "#999999"),
    "fully connected": (keras.layers.Dense, "#0072B2"),
}
WINDOWS = {1: "#E69F00", 3: "#56B4E9", 5: "#D55E00", 7: "#0072B2"}


def shapes(model: keras.Model) -> Figure:
    """The model's layers from top to bottom; a box is as wide as its map, on a log scale.

    Layers that read the same map stand side by side. Layers of no kind in `KINDS` are left out.
    """
    drawn = [(layer, kind) for layer in model.layers if (kind := _kind(layer))]
    rows = [list(row) for _, row in groupby(drawn, key=lambda pair: id(pair[0].input))]
    figure, axes = plt.subplots(figsize=(6.8, 0.33 * len(rows) + 0.9))
    for y, row in enumerate(rows):
        widths = [_width(layer) for layer, _ in row]
        left = -sum(widths) / 2 if len(row) == 1 else -widths[0] / 2
        step = widths[0] / len(row)
        for place, (_, kind) in enumerate(row):
            size = widths[0] if len(row) == 1 else 0.94 * step
            box = (left + place * step, y - 0.4)
            axes.add_patch(Rectangle(box, size, 0.8, color=KINDS[kind][1]))
        names = [layer.name for layer, _ in row]
        ends = [names[i].partition("_")[0] for i in (0, -1)]
        name = names[0] if len(row) == 1 else " … ".join(ends)
        shape = " × ".join(map(str, row[0][0].output.shape[1:]))
        times = f"{len(row)} of " if len(row) > 1 else ""
        weights = sum(layer.count_params() for layer, _ in row)
        axes.text(-5.4, y, name, va="center", ha="right", fontsize=9)
        axes.text(5.4, y, f"{times}{shape}", va="center", fontsize=9)
        axes.text(14.8, y, f"{weights:,}" if weights else "–", va="center", ha="right", fontsize=9)
    axes.text(5.4, -1, "output", va="center", fontsize=9, weight="bold")
    axes.text(14.8, -1, "parameters", va="center", ha="right", fontsize=9, weight="bold")
    axes.set(xlim=(-10.5, 15), ylim=(len(rows) - 0.3, -1.6))
    axes.axis("off")
    present = {kind for _, kind in drawn}
    handles = [Rectangle((0, 0), 1, 1, color=KINDS[k][1], label=k) for k in KINDS if k in present]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=9)
    return figure


def _kind(layer: keras.Layer) -> str | None:
    return next((kind for kind, (cls, _) in KINDS.items() if isinstance(layer, cls)), None)


def _width(layer: keras.Layer) -> float:
    """Of the box: the log of the map's side; a vector counts as one pixel."""
    side = layer.output.shape[1] if len(layer.output.shape) == 4 else 1
    return 1 + 1.1 * np.log2(side)


def edge_of(mask: np.ndarray) -> tuple[int, int]:
    """The (row, column) of the lesion's right edge at half its height; mask uint8 (H, W)."""
    rows = np.flatnonzero(mask.any(axis=1))
    row = int(rows[len(rows) // 2])
    return row, int(np.flatnonzero(mask[row])[-1])


def windows(image: np.ndarray, centre: tuple[int, int], data: str) -> Figure:
    """The pixels that a kernel of each size sees at one place of a picture, uint8 (H, W, 3)."""
    row, column = centre
    figure, axes = plt.subplots(1, 5, figsize=(7, 1.95), width_ratios=[1.6, 1, 1, 1, 1])
    axes[0].imshow(image)
    axes[0].set_title(f"data: {data}", fontsize=9)
    for axis, (size, colour) in zip(axes[1:], WINDOWS.items(), strict=True):
        half = size // 2
        corner = (column - half - 0.5, row - half - 0.5)
        axes[0].add_patch(Rectangle(corner, size, size, fill=False, color=colour, linewidth=1.5))
        padded = np.pad(image, ((half, half), (half, half), (0, 0)))
        axis.imshow(padded[row : row + size, column : column + size])
        axis.set_title(f"{size} × {size}", fontsize=9)
        axis.spines[:].set(visible=True, color=colour, linewidth=2.5)
    for axis in axes:
        axis.set(xticks=[], yticks=[])
    return figure


def feature_maps(
    model: keras.Model, image: np.ndarray, names: list[str], data: str, columns: int = 4
) -> Figure:
    """For each named layer a row: the maps that vary most over the picture, uint8 (H, W, 3).

    Each map has its own grey scale, from its least to its largest value.
    """
    outputs = [model.get_layer(name).output for name in names]
    reads = keras.Model(model.input, outputs)
    values = reads(image[None].astype("float32"), training=False)
    figure, axes = plt.subplots(len(names), columns + 1, figsize=(7, 1.35 * len(names)))
    for line, name, value in zip(axes, names, values, strict=True):
        maps = keras.ops.convert_to_numpy(value)[0]
        order = np.argsort(-maps.std(axis=(0, 1)))[:columns]
        line[0].imshow(image)
        for axis, channel in zip(line[1:], order, strict=True):
            axis.imshow(maps[..., channel])
        height, width, _ = maps.shape
        line[0].set_ylabel(f"{name}\n{height} × {width}", fontsize=9)
        for axis in line:
            axis.set(xticks=[], yticks=[])
    figure.suptitle(f"data: {data}; bright is large", fontsize=9)
    return figure


def attention_residual(model: keras.Model, image: np.ndarray, block: str, data: str) -> Figure:
    """The terms of an ARL block for one channel: x, F(x), softmax(F(x)) and their product.

    Args:
        model: an ARL network.
        image: uint8 (H, W, 3).
        block: name of its `AttentionResidual` layer.
        data: the data set's name.
    """
    reads = keras.Model(model.input, model.get_layer(block).input)
    terms = reads(image[None].astype("float32"), training=False)
    residual, x = (keras.ops.convert_to_numpy(term)[0] for term in terms)
    channel = np.argmax(residual.std(axis=(0, 1)))
    residual, x = residual[..., channel], x[..., channel]
    where = np.exp(residual - residual.max())
    where /= where.sum()
    shown = {"picture": image, "$x$": x, "$F(x)$": residual}
    shown |= {"softmax $F(x)$": where, "softmax $F(x) · x$": where * x}
    figure, axes = plt.subplots(1, 5, figsize=(7, 1.9))
    for axis, (title, values) in zip(axes, shown.items(), strict=True):
        axis.imshow(values)
        axis.set_title(title, fontsize=9)
        axis.set(xticks=[], yticks=[])
    figure.suptitle(f"data: {data}; each map from its least (dark) to its largest", fontsize=9)
    return figure


def rivals(table: pd.DataFrame) -> Figure:
    """The paper's accuracies against what the networks cost.

    Args:
        table: a row a network, with `accuracy` (%), `parameters` and `multiply_adds`.
    """
    figure, axes = plt.subplots(1, 2, figsize=(7, 3.4), sharey=True)
    for axis, column in zip(axes, ("parameters", "multiply_adds"), strict=True):
        axis.scatter(table[column], table["accuracy"], c=_highlight(table), s=45)
        middle = np.sqrt(table[column].min() * table[column].max())
        for name, row in table.iterrows():
            right = row[column] > middle
            axis.annotate(
                name, (row[column], row["accuracy"]), (-7 if right else 7, 0), fontsize=9,
                textcoords="offset points", ha="right" if right else "left", va="center",
            )  # fmt: skip
        axis.set(xscale="log", xlabel=column.replace("_", "-"))
        axis.set_xlim(table[column].min() / 1.6, table[column].max() * 1.6)
    axes[0].set_ylabel("accuracy in the paper's table 1 (%)")
    axes[1].set_xlabel("multiply-adds of a prediction")
    figure.suptitle("data: HAM10000, as published; costs counted by us", fontsize="medium")
    return figure


def _highlight(table: pd.DataFrame) -> list[str]:
    return ["#D55E00" if name == "proposed" else "#0072B2" for name in table.index]
