"""Figures of chapter 02: where a deformable convolution looks."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

PLAIN, MOVED = "#0072B2", "#D55E00"


def grids(plain: np.ndarray, moved: np.ndarray, side: int) -> Figure:
    """The paper's figure 2: a fixed grid beside one that moves.

    Args:
        plain: sampling points of one output pixel, (kh * kw, 2), y and x in pixels.
        moved: the same with offsets.
        side: of the image, in pixels.
    """
    figure, axes = plt.subplots(1, 2, figsize=(6.4, 3.4), sharey=True)
    for ax, title in zip(axes, ("plain", "deformable"), strict=True):
        ax.set(xlim=(-0.5, side - 0.5), ylim=(side - 0.5, -0.5), aspect="equal", title=title)
        ax.set(xlabel="x (pixels)", xticks=range(0, side, 2), yticks=range(0, side, 2))
        ax.hlines(np.arange(side + 1) - 0.5, -0.5, side - 0.5, color="0.88", lw=0.8)
        ax.vlines(np.arange(side + 1) - 0.5, -0.5, side - 0.5, color="0.88", lw=0.8)
        ax.plot(*plain.T[::-1], "o", mfc="none", mec=PLAIN, ms=8, label="fixed grid")
    axes[0].plot(*plain.T[::-1], "o", color=PLAIN, ms=5)
    for start, end in zip(plain, moved, strict=True):
        axes[1].annotate(
            "", end[::-1], start[::-1], arrowprops={"arrowstyle": "->", "color": "0.4"}
        )
    axes[1].plot(*moved.T[::-1], "D", color=MOVED, ms=6, label="with offsets")
    axes[0].set_ylabel("y (pixels)")
    axes[1].legend(loc="upper left", fontsize=9)
    return figure


def hats(position: float, side: int) -> Figure:
    """Bilinear interpolation as hat functions: the weight of each pixel, along y and in 2D.

    Args:
        position: of the point, in pixels, on both axes.
        side: of the image, in pixels.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(6.6, 3.1), width_ratios=(3, 2))
    p = np.linspace(0, side - 1, 400)
    for pixel, colour in zip(range(side), sns.color_palette("colorblind", side), strict=True):
        left.plot(p, np.maximum(0, 1 - np.abs(p - pixel)), color=colour)
        left.plot(position, max(0, 1 - abs(position - pixel)), "o", color=colour, ms=7)
    left.axvline(position, color="0.5", ls=":")
    left.set(xlabel="position p (pixels)", ylabel="weight of each pixel (hats)", xticks=range(side))
    weight = np.maximum(0, 1 - np.abs(position - np.arange(side)))
    sns.heatmap(np.outer(weight, weight), ax=right, annot=True, fmt=".2f", cmap="cividis",
                cbar=False, square=True, linewidths=0.5, annot_kws={"size": 9})  # fmt: skip
    right.set(xlabel="x (pixels)", ylabel="y (pixels)", title=f"weights at y = x = {position}")
    return figure


def slope(shifts: np.ndarray, values: np.ndarray, at: float, gradient: float) -> Figure:
    """An output as a function of one offset, with the gradient that a backend computes.

    Args:
        shifts: the offset's values, in pixels.
        values: the output at each.
        at: where the gradient was taken.
        gradient: d output / d offset there.
    """
    figure, ax = plt.subplots(figsize=(6, 3))
    ax.plot(shifts, values, color=PLAIN, label="output")
    here = np.interp(at, shifts, values)
    reach = np.array([-0.7, 0.7])
    ax.plot(at + reach, here + gradient * reach, color=MOVED, ls="--", label="automatic gradient")
    ax.plot(at, here, "o", color=MOVED)
    for kink in range(int(np.ceil(shifts[0])), int(shifts[-1]) + 1):
        ax.axvline(kink, color="0.85", zorder=0)
    ax.set(xlabel="offset in y of one kernel point (pixels)", ylabel="output y(p)")
    ax.legend(fontsize=9)
    return figure


def over_lesions(
    images: np.ndarray, outlines: np.ndarray, points: list[np.ndarray], titles: list[str], data: str
) -> Figure:
    """Sampling points over pictures, the fixed grid beside the moved one.

    Args:
        images: uint8 (N, H, W, 3).
        outlines: 1 on the lesion, (N, H, W).
        points: for each picture, (places, 2, kernel points, 2): fixed and moved, y and x in pixels.
        titles: of each picture.
        data: name of the data set.
    """
    figure, axes = plt.subplots(1, len(images), figsize=(7, 2.9))
    for ax, image, outline, places, title in zip(
        axes, images, outlines, points, titles, strict=True
    ):
        ax.imshow(image)
        ax.contour(outline, levels=[0.5], colors="white", linewidths=1)
        for fixed, moved in places:
            ax.plot(*np.stack([fixed, moved], 1).T[::-1], color="white", lw=0.8)
            ax.plot(*fixed.T[::-1], "o", mfc="none", mec="white", ms=5)
            ax.plot(*moved.T[::-1], "D", color="#F0E442", mec="black", mew=0.5, ms=5)
        ax.set(title=title, xticks=[], yticks=[])
        ax.set(xlim=(-0.5, image.shape[1] - 0.5), ylim=(image.shape[0] - 0.5, -0.5))
    figure.supxlabel(f"{data}; white: outline and fixed grid; yellow: with offsets", fontsize=9)
    return figure


def ratios(machines: dict[str, pd.DataFrame]) -> Figure:
    """Time of a step on each machine, as a multiple of the plain convolution's.

    Args:
        machines: its name -> a row a side of the feature map; columns `plain`, `deformable` and
            perhaps `torchvision`, in seconds.
    """
    figure, ax = plt.subplots(figsize=(6, 4))
    colours = sns.color_palette("colorblind")[1:]
    for (machine, seconds), mark, colour in zip(machines.items(), "DsPv^", colours, strict=False):
        for name, line in (("deformable", "-"), ("torchvision", "--")):
            if name in seconds:
                ratio = (seconds[name] / seconds["plain"]).to_numpy()
                ax.plot(ratio, line, marker=mark, color=colour, label=f"{name}, {machine}")
    ax.axhline(1, color=PLAIN, label="plain convolution")
    ax.axhline(4, color="0.5", ls=":", label="our goal at 14 x 14")
    ax.set_xticks(range(len(seconds)), [f"{side} x {side}" for side in seconds.index])
    ax.set(xlabel="feature map (pixels)", ylabel="time (multiples of plain)", ylim=(0, None))
    ax.legend(fontsize=9, loc="upper center", bbox_to_anchor=(0.5, -0.2))
    return figure
