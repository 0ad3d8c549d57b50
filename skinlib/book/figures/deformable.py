"""Figures of chapter 02: where a deformable convolution looks."""

import textwrap
from itertools import cycle, pairwise

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from skinlib.book.figures import style


def flow() -> Figure:
    """Where the second convolution sits, and what its two outputs do."""
    offset, mask = "18 offsets\n$\\Delta p_k$", "9 masks\n$\\Delta m_k$"
    second = "a second\nconvolution"
    sample, times = "sample at\n$p + p_k + \\Delta p_k$", "times\n$\\Delta m_k$"
    total = "times $w_k$,\nsum over $k$"
    boxes = {
        "$x$": (0, 8),
        second: (0.4, 2.5),
        offset: (3, 2.5),
        mask: (5.6, 2.5),
        sample: (3, 8),
        times: (5.6, 8),
        total: (8, 8),
        "$y(p)$": (10.2, 8),
    }
    chain = ["$x$", second, offset, sample, times, total, "$y(p)$"]
    above = (second, mask, "arc3,rad=-0.4")
    arrows = [*pairwise(chain), above, (mask, times), ("$x$", sample)]
    return style.flow(boxes, arrows, 2.2, marked=[second, offset, mask])


def grids(plain: np.ndarray, moved: np.ndarray, mask: np.ndarray, side: int) -> Figure:
    """The paper's figure 2, and the mask: a fixed grid, one that moves, and how much each counts.

    Args:
        plain: sampling points of one output pixel, (kh * kw, 2), y and x in pixels.
        moved: the same with offsets.
        mask: the weight of each point, 0 to 1, (kh * kw,).
        side: of the image, in pixels.
    """
    figure, axes = plt.subplots(2, 2, figsize=(style.WIDTH, 5.4), sharex=True, sharey=True)
    *axes, last = axes.flat
    last.axis("off")
    for ax, name in zip(axes, ("fixed grid", "+ offsets", "+ mask"), strict=True):
        ax.set(xlim=(-0.5, side - 0.5), ylim=(side - 0.5, -0.5), aspect="equal", title=name)
        ax.set(xticks=range(0, side, 2), yticks=range(0, side, 2))
        ax.hlines(np.arange(side + 1) - 0.5, -0.5, side - 0.5, color="0.88", lw=0.8)
        ax.vlines(np.arange(side + 1) - 0.5, -0.5, side - 0.5, color="0.88", lw=0.8)
    fixed, offsets, masked = axes
    fixed.plot(*plain.T[::-1], "o", color=style.BLUE, label="fixed grid $p + p_k$")
    offsets.plot(*plain.T[::-1], "o", mfc="none", mec=style.BLUE)
    for start, end in zip(plain, moved, strict=True):
        arrow = {"arrowstyle": "->", "color": "0.4"}
        offsets.annotate("", end[::-1], start[::-1], arrowprops=arrow)
    offsets.plot(*moved.T[::-1], "D", color=style.ORANGE, label="moved by $\\Delta p_k$")
    label = "area: $\\Delta m_k$"
    masked.scatter(
        *moved.T[::-1], 110 * mask, zorder=3, marker="D", color=style.ORANGE, label=label
    )
    for ax in (fixed, masked):
        ax.set_ylabel("y (pixels)")
    for ax in (offsets, masked):
        ax.set_xlabel("x (pixels)")
        ax.xaxis.set_tick_params(labelbottom=True)
    handles = [axes[i].get_legend_handles_labels()[0][0] for i in range(3)]
    last.legend(handles=handles, loc="center")
    return figure


def hats(position: float, side: int) -> Figure:
    """Bilinear interpolation as hat functions: the weight of each pixel, along y and in 2D.

    `position`: of the point, in pixels, on both axes; `side`: of the image, in pixels.
    """
    figure, (upper, lower) = plt.subplots(2, 1, figsize=(style.WIDTH, 5.4), height_ratios=(3, 4))
    for pixel, colour in zip(range(side), sns.color_palette("colorblind", side), strict=True):
        upper.plot(range(side), np.eye(side)[pixel], color=colour)  # straight between pixels
        upper.plot(position, max(0, 1 - abs(position - pixel)), "o", color=colour, ms=7)
    upper.axvline(position, color="0.5", ls=":")
    upper.set(xlabel="position p (pixels)", ylabel="weight of each pixel", xticks=range(side))
    weight = np.maximum(0, 1 - np.abs(position - np.arange(side)))
    sns.heatmap(
        np.outer(weight, weight), ax=lower, annot=True, fmt=".2f", cmap="cividis", cbar=False,
        square=True, linewidths=0.5,
    )  # fmt: skip
    lower.set(xlabel="x (pixels)", ylabel="y (pixels)", title=f"weights at y = x = {position}")
    return figure


def slope(shifts: np.ndarray, values: np.ndarray, at: float, gradient: float) -> Figure:
    """An output as a function of one offset, with the gradient that a backend computes.

    Args:
        shifts: the offset's values, in pixels, (n,).
        values: the output at each, (n,).
        at: where the gradient was taken.
        gradient: d output / d offset there.
    """
    figure, ax = plt.subplots()
    ax.plot(shifts, values, color=style.BLUE, label="output")
    here = np.interp(at, shifts, values)
    reach = np.array([-0.7, 0.7])
    ax.plot(
        at + reach, here + gradient * reach, color=style.ORANGE, ls="--", label="automatic gradient"
    )
    ax.plot(at, here, "o", color=style.ORANGE)
    for kink in range(int(np.ceil(shifts[0])), int(shifts[-1]) + 1):
        ax.axvline(kink, color="0.85", zorder=0)
    ax.set(xlabel="offset in y of one kernel point (pixels)", ylabel="output y(p)")
    style.legend(figure)
    return figure


def kink(
    places: np.ndarray, values: np.ndarray, automatic: np.ndarray, right: np.ndarray
) -> Figure:
    """A pixel's share in a point, its slope, and where a framework takes another slope.

    Args:
        places: of the point, in pixels, rising, (n,); whole pixels are among them.
        values: the share at each, (n,).
        automatic: d values / d places, as a framework computes it.
        right: the same from the right.
    """
    figure, (upper, lower) = plt.subplots(2, 1, figsize=(style.WIDTH, 4.8), sharex=True)
    upper.plot(places, values, color=style.BLUE)
    lower.plot(places, right, color=style.BLUE, drawstyle="steps-post", label="right-hand slope")
    whole = places == np.round(places)
    for slope, colour, dashes in ((right, style.BLUE, "--"), (automatic, style.ORANGE, "-")):
        for place, value, rise in zip(places[whole], values[whole], slope[whole], strict=True):
            ends = [value, value + 0.6 * rise]
            upper.plot([place, place + 0.6], ends, dashes, color=colour, lw=3)
    upper.plot(places[whole], values[whole], "o", color=style.ORANGE)
    name = "automatic slope, on a whole pixel"
    lower.plot(places[whole], automatic[whole], "o", color=style.ORANGE, label=name)
    lower.plot(places[~whole], automatic[~whole], ".", color="black", ms=3, label="elsewhere")
    upper.set(ylabel="share of the pixel", ylim=(-0.1, 1.15))
    lower.set(xlabel="position p of the point (pixels)", ylabel="slope", ylim=(-1.3, 1.3))
    style.legend(figure, columns=3)
    return figure


def shift_losses(losses: dict[str, list[float]]) -> Figure:
    """The loss after each epoch: one line per layer.

    `losses`: name of the layer -> (epochs,).
    """
    figure, ax = plt.subplots()
    epochs = range(1, 1 + len(next(iter(losses.values()))))
    style.lines(ax, epochs, losses)
    ax.set(xlabel="epoch", ylabel="loss (mean squared error)", ylim=(0, None))
    style.legend(figure, columns=1)
    return figure


def over_lesions(
    images: np.ndarray, outlines: np.ndarray, points: list[np.ndarray], titles: list[str], data: str
) -> Figure:
    """Sampling points on images: one row per image, one column per place, seen from near.

    Args:
        images: uint8 (N, H, W, 3).
        outlines: 1 on the lesion, (N, H, W).
        points: for each image, (places, 2, kernel points, 2): fixed and moved, y and x in pixels.
        titles: of each image.
        data: name of the data set.
    """
    if not titles:
        return style.not_measured("fewer than three lesions have a known outline")
    figure, axes = style.image_grid(len(images), 1 + len(points[0]), labels=titles)
    for row, image, outline, places in zip(axes, images, outlines, points, strict=True):
        for ax in row:
            ax.imshow(image)
            ax.contour(outline, levels=[0.5], colors="white", linewidths=1)
        for number, (ax, both) in enumerate(zip(row[1:], places, strict=True), 1):
            ax.set_facecolor("0.8")  # beyond the image
            fixed, moved = both
            middle, reach = fixed.mean(0), np.abs(both - fixed.mean(0)).max() + 2
            corner = middle[::-1] - reach
            row[0].add_patch(Rectangle(corner, 2 * reach, 2 * reach, fill=False, ec="white"))
            place = np.clip(corner, 0, image.shape[1::-1])  # or the number would shrink the image
            row[0].text(*place, number, color="white", va="bottom", fontsize=9)
            ax.plot(*both.swapaxes(0, 1).T[::-1], color="white", lw=1)
            ax.plot(*fixed.T[::-1], "o", mfc="none", mec="white", ms=4)
            ax.scatter(*moved.T[::-1], 18, np.arange(len(moved)), marker="D", ec="black", lw=0.5)
            ax.set(xlim=middle[1] + [-reach, reach], ylim=middle[0] + [reach, -reach])
        height, width = outline.shape
        row[0].set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    for number, ax in enumerate(axes[0, 1:], 1):
        ax.set_title(f"place {number}", fontsize=9)
    style.title(figure, data, "white: outline and fixed grid; diamonds: with offsets")
    return figure


def ratios(benches: dict[str, dict]) -> Figure:
    """Time of a step on each machine, as a multiple of the plain convolution's.

    `benches`: machine -> a record, whose `seconds` hold for each side of the feature map the times
    `plain` and `deformable`.
    """
    machines = {name: pd.DataFrame(bench["seconds"]).T for name, bench in benches.items()}
    figure, ax = plt.subplots(figsize=(style.WIDTH, 3.4 + 0.5 * len(machines)))
    colours = sns.color_palette("colorblind")[1:]
    for (machine, seconds), mark, colour in zip(machines.items(), cycle("DsPv^"), cycle(colours)):
        ratio = (seconds["deformable"] / seconds["plain"]).to_numpy()
        label = textwrap.fill(f"deformable, {machine}", 60)
        ax.plot(ratio, marker=mark, color=colour, label=label)
    ax.axhline(1, color=style.BLUE, label="plain convolution")
    ax.axhline(4, color="0.5", ls=":", label="our goal at 14 x 14")
    ax.set_xticks(range(len(seconds)), [f"{side} x {side}" for side in seconds.index])
    ax.set(xlabel="feature map (pixels)", ylabel="time (multiples of plain)", ylim=(0, None))
    style.legend(figure, columns=1)
    return figure
