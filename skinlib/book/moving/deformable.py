"""Chapter 2: one sampling point."""

import altair as alt
import numpy as np
import pandas as pd

from skinlib.book.figures.style import BLUE, ORANGE
from skinlib.book.moving.style import GREY, WIDTH, one, rows, slider, stack, words
from skinlib.layers.bilinear import sample_by_hats


def sampled(image: np.ndarray) -> pd.DataFrame:
    """The value at points of an image, and its slope in y as automatic differentiation has it.

    Args:
        image: (H, W).

    Returns:
        One row per point, every tenth of a pixel in `y` and every quarter in `x`: `value`, `slope`.
    """
    import tensorflow as tf

    tenths, quarters = np.mgrid[: 10 * len(image) - 9, : 4 * len(image[0]) - 3]
    y = tf.constant(tenths.reshape(1, -1) / 10, "float32")
    x = tf.constant(quarters.reshape(1, -1) / 4, "float32")
    with tf.GradientTape() as tape:
        tape.watch(y)
        value = sample_by_hats(tf.constant(image[None, :, :, None], "float32"), y, x)
    columns = {"y": y, "x": x, "value": value, "slope": tape.gradient(value, y)}
    table = pd.DataFrame({name: np.ravel(column) for name, column in columns.items()})
    return table.astype("float64").round(4)


def sampling_point(image: np.ndarray) -> alt.VConcatChart:
    """A point that moves over a small image: its four weights; its value and slope, times a mask.

    Args:
        image: (H, W), a few pixels, 0 to 1.
    """
    height, width = image.shape
    controls = [
        slider("y", "y of the point (pixels)", 1.3, 0, height - 1, 0.1),
        slider("x", "x of the point (pixels)", 2.25, 0, width - 1, 0.25),
        slider("m", "mask of the point", 1, 0, 1, 0.1),
    ]
    i, j = np.mgrid[:height, :width].reshape(2, -1)
    pixels = pd.DataFrame({"i": i, "j": j, "pixel": image.ravel().round(2)})
    whole = list(range(max(image.shape)))
    across = alt.X("j:Q", title="x").scale(domain=[-0.5, width - 0.5], nice=False)
    across = across.axis(values=whole)
    down = alt.Y("i:Q", title="y").scale(domain=[height - 0.5, -0.5], nice=False)
    down = down.axis(values=whole)
    shared = alt.Chart(rows(pixels)).transform_calculate(
        weight="max(0, 1 - abs(y - datum.i)) * max(0, 1 - abs(x - datum.j))",
        words="datum.weight > 0.0001 ? '× ' + format(datum.weight, '.3~f') : ''",
    )
    squares = shared.mark_square(size=44**2, opacity=1).encode(
        across, down, alt.Color("pixel:Q", legend=None).scale(scheme="greys", domain=[0, 1])
    )
    ink = alt.condition("datum.pixel > 0.65", alt.value("white"), alt.value("black"))
    numbers = shared.mark_text(dy=-13).encode(across, down, text="pixel:Q", color=ink)
    weights = shared.mark_text(dy=14, fontWeight="bold").encode(
        across, down, text="words:N", color=ink
    )
    point = one().transform_calculate(i="y", j="x")
    point = point.mark_point(color=ORANGE, size=110, strokeWidth=2.5, opacity=0.8)
    point = point.encode(across, down)
    picture = alt.layer(squares, numbers, weights, point).properties(width=230, height=230)

    table = sampled(image)
    column = alt.Chart(rows(table)).transform_filter("abs(datum.x - x) < 0.001")
    column = column.transform_calculate(value="m * datum.value", slope="m * datum.slope")
    here = column.transform_filter("abs(datum.y - y) < 0.001")
    said = words(
        "'value ' + format(datum.value, '.3f') + ', slope in y ' + "
        "format(datum.slope, '+.3f') + (abs(y - round(y)) < 0.001 ? ', on a kink' : '')",
        of=here,
    )
    place = alt.X("y:Q").axis(grid=True, values=list(range(height)), gridColor=GREY)
    panels = []
    for name, drawn in {"value": "linear", "slope": "step-after"}.items():
        ends = [min(0, table[name].min()), table[name].max()]  # those of mask 1: less is lower
        of = alt.Y(f"{name}:Q", title=name).scale(domain=ends).axis(tickCount=4)
        line = column.mark_line(color=BLUE, interpolate=drawn).encode(place, of)
        dot = here.mark_point(color=ORANGE, size=110, strokeWidth=3).encode(place, of)
        panels.append(alt.layer(line, dot).properties(width=WIDTH, height=80))
    return stack(said, picture, *panels).add_params(*controls)
