"""Figures of chapter 05: the network's shapes, what it sees, and its rivals."""

from itertools import groupby

import keras
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from scipy.special import softmax

from skinlib.book.figures import style
from skinlib.models import NAMES

KINDS = {
    "DeformableConv2D": ("deformable convolution", style.ORANGE),
    "Conv2D": ("convolution", "#56B4E9"),
    "SoftAttention": ("soft attention", "#E69F00"),
    "MaxPooling2D": ("max-pool", "#999999"),
    "Dense": ("fully connected", style.BLUE),
}
"""A layer's class -> its name in the legend, and its colour."""
WINDOWS = {1: "#E69F00", 3: "#56B4E9", 5: style.ORANGE, 7: style.BLUE}


def shapes(model: keras.Model) -> Figure:
    """The model's layers from top to bottom; a box is as wide as its map, on a log scale.

    Layers that read the same map stand side by side. Layers of no kind in `KINDS` are left out.
    """
    drawn = [layer for layer in model.layers if type(layer).__name__ in KINDS]
    rows = [list(row) for _, row in groupby(drawn, key=lambda layer: id(layer.input))]
    figure, ax = plt.subplots(figsize=(style.WIDTH, 0.29 * len(rows) + 1))
    for y, row in enumerate(rows):
        sides = row[0].output.shape[1:]
        width = 1 + 1.1 * np.log2(sides[0] if len(sides) > 1 else 1)  # a vector is one pixel
        for place, layer in enumerate(row):
            left = width * (place / len(row) - 0.5)
            size = width * (0.94 / len(row) if len(row) > 1 else 1)
            colour = KINDS[type(layer).__name__][1]
            ax.add_patch(Rectangle((left, y - 0.4), size, 0.8, color=colour))
        ends = [row[place].name.partition("_")[0] for place in (0, -1)]
        name = row[0].name if len(row) == 1 else " … ".join(ends)
        shape = " × ".join(map(str, sides))
        times = f"{len(row)} of " if len(row) > 1 else ""
        weights = sum(layer.count_params() for layer in row)
        ax.text(-5.2, y, name, va="center", ha="right", fontsize=9)
        ax.text(5.2, y, f"{times}{shape}", va="center", fontsize=9)
        ax.text(22, y, f"{weights:,}" if weights else "–", va="center", ha="right", fontsize=9)
    ax.text(5.2, -1, "output", va="center", fontsize=9, weight="bold")
    ax.text(22, -1, "parameters", va="center", ha="right", fontsize=9, weight="bold")
    ax.set(xlim=(-14, 22), ylim=(len(rows) - 0.3, -1.6))
    ax.axis("off")
    present = dict(KINDS[type(layer).__name__] for layer in drawn)
    handles = [Rectangle((0, 0), 1, 1, color=c, label=name) for name, c in present.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


PARTS = {
    "four convolutions": 4,
    "convolutions 5 to 8": 3,
    "deformable convolution": 2,
    "convolution 9": 2,
    "soft attention": 2,
    "convolution 10": 2,
    "fully connected layers": 1,
    "joint loss": 1,
}
"""The parts of the network in their order -> the height of its box in `here`."""


IMAGE = "image"
"""What comes in, the first place of `here`."""


def here(*parts: str) -> Figure:
    """The network as a row of boxes from the image to the loss, some of its `PARTS` marked.

    `parts`: names of PARTS, or IMAGE; without any, the whole network is marked.
    """
    figure, ax = plt.subplots(figsize=(style.WIDTH, 1.9))
    arrow = {"arrowstyle": "->", "color": style.GREY, "shrinkA": 0, "shrinkB": 0}
    marked = parts or (IMAGE, *PARTS)
    for place, (name, height) in enumerate({IMAGE: 4, **PARTS}.items()):
        is_marked = name in marked
        colour = style.ORANGE if is_marked else "0.8"
        ax.add_patch(Rectangle((place + 0.1, -height / 2), 0.7, height, color=colour))
        if place:
            ax.annotate("", (place + 0.1, 0), (place - 0.2, 0), arrowprops=arrow)
        text = ax.text(place + 0.6, -2.5, name, ha="right", va="top", fontsize=9)
        text.set(rotation=40, rotation_mode="anchor")
        text.set(weight="bold" if is_marked and parts else "normal")
    ax.set(xlim=(-1.2, 9), ylim=(-2.6, 2.2))
    ax.axis("off")
    return figure


def edge_of(mask: np.ndarray) -> tuple[int, int]:
    """The (row, column) of the lesion's right edge at half its height; mask uint8 (H, W).

    Without a lesion, the middle.
    """
    if not mask.any():
        return mask.shape[0] // 2, mask.shape[1] // 2
    rows = np.flatnonzero(mask.any(axis=1))
    row = int(rows[len(rows) // 2])
    return row, int(np.flatnonzero(mask[row])[-1])


def windows(image: np.ndarray, centre: tuple[int, int], data: str) -> Figure:
    """The pixels that a kernel of each size sees at one place of an image, uint8 (H, W, 3)."""
    row, column = centre
    figure = plt.figure(figsize=(style.WIDTH, 2.9))
    whole, *axes = figure.subplot_mosaic("AABC;AADE").values()
    whole.imshow(image)
    for ax, (size, colour) in zip(axes, WINDOWS.items(), strict=True):
        half = size // 2
        corner = (column - half - 0.5, row - half - 0.5)
        whole.add_patch(Rectangle(corner, size, size, fill=False, color=colour, linewidth=1.5))
        padded = np.pad(image, ((half, half), (half, half), (0, 0)))
        ax.imshow(padded[row : row + size, column : column + size])
        ax.set_title(f"{size} × {size}", fontsize=9)
        ax.spines[:].set(visible=True, color=colour, linewidth=2.5)
    whole.spines[:].set_visible(False)
    for ax in figure.axes:
        ax.set(xticks=[], yticks=[])
    style.title(figure, data)
    return figure


def feature_maps(model: keras.Model, image: np.ndarray, names: list[str], data: str) -> Figure:
    """The image, and one row per named layer: the four maps that vary most over it.

    A map that is zero on nine places in ten shows nothing and is left out. Each has its own scale,
    which leaves out the extreme hundredths, such as a rim.

    `image`: uint8 (H, W, 3); `names`: of its layers.
    """
    outputs = [model.get_layer(name).output for name in names]
    reads = keras.Model(model.input, outputs)
    values = reads(image[None].astype("float32"), training=False)
    figure, axes = style.image_grid(len(names), 5, titles=["image"], ratio=1.05)
    axes[0, 0].imshow(image)
    for row, name, value in zip(axes, names, values, strict=True):
        maps = keras.ops.convert_to_numpy(value)[0]  # (h, w, C)
        height, width, _ = maps.shape
        row[1].set_ylabel(f"{name}\n{height} × {width}", fontsize=9)
        alive = np.flatnonzero((maps != 0).mean(axis=(0, 1)) > 0.1)
        strongest = alive[np.argsort(-maps[..., alive].std(axis=(0, 1)))]
        for ax, channel in zip(row[1:], strongest, strict=False):
            low, high = np.percentile(maps[..., channel], (1, 99))
            ax.imshow(maps[..., channel], vmin=low, vmax=high)
    style.title(figure, data, "bright is large")
    return figure


def receptive_fields(image: np.ndarray, fields: dict[str, int], side: int, data: str) -> Figure:
    """What one place in the middle sees of the image, layer by layer.

    Args:
        image: uint8 (H, W, 3), stretched to `side` x `side` pixels.
        fields: name of a layer -> side of the square that a place of it sees, in pixels.
        side: of the image that the network reads, in pixels.
        data: the data set's name.
    """
    figure, ax = plt.subplots(figsize=(style.WIDTH, 4.6))
    ax.imshow(image, extent=(0, side, side, 0), interpolation="bilinear")
    frame = {"fc": "black", "alpha": 0.6, "lw": 0, "pad": 1}
    for name, size in fields.items():
        corner = (side - size) / 2
        ax.add_patch(Rectangle((corner, corner), size, size, fill=False, ec="white", lw=1.2))
        text = f"{name}: {size}"
        ax.text(side / 2, corner, text, color="white", ha="center", fontsize=9, bbox=frame)
    ax.set(xlim=(0, side), ylim=(side, 0), xlabel="x (pixels)", ylabel="y (pixels)")
    style.title(figure, data, "squares: the pixels that one place sees")
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
    residual, x = (keras.ops.convert_to_numpy(term)[0] for term in terms)  # (h, w, C)
    channel = np.argmax(residual.std(axis=(0, 1)))
    residual, x = residual[..., channel], x[..., channel]
    where = softmax(residual)  # over all places
    shown = {"image": image, "$x$": x, "$F(x)$": residual}
    shown |= {"softmax $F(x)$": where, "softmax $F(x) · x$": where * x}
    figure, axes = style.image_grid(2, 3, titles=list(shown))
    for ax, values in zip(axes.flat, shown.values(), strict=False):
        ax.imshow(values)
    style.title(figure, data, "each map from its least (dark) to its largest")
    return figure


def rivals(table: pd.DataFrame) -> Figure:
    """The paper's accuracies against what the networks cost.

    `table`: one row per network, with `accuracy` (%), `parameters` and `multiply_adds`.
    """
    costs = {"parameters": "parameters", "multiply_adds": "multiply-adds of one prediction"}
    figure, axes = plt.subplots(2, 1, figsize=(style.WIDTH, 5.6))
    for ax, (column, label) in zip(axes, costs.items(), strict=True):
        colours = [style.ORANGE if name == "proposed" else style.BLUE for name in table.index]
        ax.scatter(table[column], table["accuracy"], c=colours, s=45)
        middle = np.sqrt(table[column].min()) * np.sqrt(table[column].max())
        for rank, (name, row) in enumerate(table.sort_values("accuracy").iterrows()):
            right = row[column] > middle
            away = (-7 if right else 7, 5 if rank % 2 else -5)  # neighbours part
            ax.annotate(
                NAMES.get(name, name), (row[column], row["accuracy"]), away,
                textcoords="offset points", ha="right" if right else "left", va="center",
            )  # fmt: skip
        ax.set(xscale="log", xlabel=label, ylabel="accuracy (%)")
        ax.set_xlim(table[column].min() / 1.6, table[column].max() * 1.6)
        ax.margins(y=0.12)  # room for the lowest name
    style.title(figure, "HAM10000, as published", "costs counted by us")
    return figure
