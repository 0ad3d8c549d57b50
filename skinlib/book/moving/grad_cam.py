"""Chapter 8: a heat map, moved."""

import altair as alt
import matplotlib as mpl
import numpy as np
import pandas as pd
from scipy.ndimage import binary_erosion, shift

from skinlib.book.moving.style import WIDTH, png, rows, slider, stack, words
from skinlib.explain import overlap

STEPS = (-8, -4, 0, 4, 8)
"""Pixels that a map is moved by: half a cell of 16 pixels, in quarters of a cell."""


def heat_map_moved(
    images: np.ndarray, heat: np.ndarray, masks: np.ndarray, shown: int, data: str
) -> alt.VConcatChart:
    """A heat map that the reader moves, with its overlap, and the mean over all images.

    Args:
        images: 0..255, (N, 64, 64, 3).
        heat: 0 to 1, (N, 64, 64).
        masks: 1 on the lesion, (N, 64, 64).
        shown: the image to show.
        data: the data set's name.
    """
    if not len(images):
        return stack(words("'not measured: no outline is known'"))
    step = STEPS[1] - STEPS[0]
    controls = [
        slider("down", "map moved down (pixels)", 0, STEPS[0], STEPS[-1], step),
        slider("right", "map moved right (pixels)", 0, STEPS[0], STEPS[-1], step),
    ]
    lesion = masks[shown] > 0
    edge = lesion & ~binary_erosion(lesion)
    grey = np.repeat(images[shown].mean(-1, keepdims=True), 3, axis=-1)
    grey[edge] = 255
    table = []
    for down in STEPS:
        for right in STEPS:
            there = shift(heat, (0, down, right), order=1, mode="nearest")
            scores = overlap(there, masks)
            drawn = mpl.colormaps["cividis"](there[shown], bytes=True)
            drawn[..., 3] = 140
            address = png(drawn)
            table.append((down, right, scores[shown].round(3), scores.mean().round(3), address))
    table = pd.DataFrame(table, columns=["down", "right", "overlap", "mean", "map"])

    place = {"x": alt.value(WIDTH / 2), "y": alt.value(WIDTH / 2)}
    size = {"width": WIDTH, "height": WIDTH}
    below = alt.Chart(alt.InlineData(values=[{"image": png(grey.astype("uint8"))}]))
    below = below.mark_image(**size).encode(url="image:N", **place)
    chosen = alt.Chart(rows(table)).transform_filter("datum.down == down && datum.right == right")
    above = chosen.mark_image(**size).encode(url="map:N", **place)
    said = words(
        "'this image: overlap ' + format(datum.overlap, '.2f')",
        f"'mean of {len(images)} images: ' + format(datum.mean, '.3f')",
        of=chosen,
    )
    picture = alt.layer(below, above).properties(**size, title=f"data: {data}")
    return stack(said, picture).add_params(*controls)
