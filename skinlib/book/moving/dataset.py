"""Chapter 1: the two splits."""

import altair as alt
import numpy as np
import pandas as pd

from skinlib.book.figures.style import BLUE, ORANGE
from skinlib.book.moving.style import WIDTH, choice, colours, rows, slider, stack, words
from skinlib.data import Dataset
from skinlib.data.splits import grouped_split, random_split

PERCENT = range(10, 55, 5)  # of the images in the test set


def draw_of(images: int, seed: int) -> pd.DataFrame:
    """Twenty lesions of so many images each, and how both kinds of split divide them.

    Returns:
        One row per image: its `lesion` and `image`, from 1 on, and for each kind of split the
        least share, in per cent, at which it is in the test set.
    """
    lesion, image = np.divmod(np.arange(20 * images), images)
    ids = {"image_id": np.arange(len(lesion)).astype(str), "lesion_id": lesion.astype(str)}
    table = pd.DataFrame(ids).assign(dx="nv")
    pixels = np.zeros((len(table), 1, 1, 3), "uint8")
    dataset = Dataset("drawn", pixels, table, fingerprint="", resize="drawn")
    found = {"lesion": lesion + 1, "image": image + 1}
    for kind, split in {"random": random_split, "grouped": grouped_split}.items():
        found[kind] = np.full(len(table), 100)
        for percent in reversed(PERCENT):
            found[kind][split(dataset, seed, test=percent / 100).test] = percent
    return pd.DataFrame(found)


def split_simulator() -> alt.VConcatChart:
    """Twenty lesions, split at random or by lesion, with a counter of the leak."""
    controls = [
        choice("kind", "split", ["random", "grouped"]),
        slider("m", "images of each lesion", 2, 1, 4, 1),
        slider("t", "test share (%)", 15, PERCENT[0], PERCENT[-1], PERCENT.step),
        slider("draw", "draw", 1, 1, 5, 1),
    ]
    tables = [
        draw_of(images, seed).assign(m=images, draw=seed)
        for images in range(1, 5)
        for seed in range(1, 6)
    ]
    names = {"trains": BLUE, "tests": ORANGE, "tests, its lesion trains": "currentColor"}
    chosen = (
        alt.Chart(rows(pd.concat(tables)))
        .transform_filter("datum.m == m && datum.draw == draw")
        .transform_calculate(tests="datum[kind] <= t ? 1 : 0")
        .transform_joinaggregate(tested="sum(tests)", images="count()", groupby=["lesion"])
        .transform_calculate(
            leaks="datum.tests && datum.tested < datum.images ? 1 : 0",
            what="datum.leaks ? 'tests, its lesion trains' : datum.tests ? 'tests' : 'trains'",
        )
    )
    shape = alt.Shape("what:N").scale(domain=list(names), range=["circle", "square", "cross"])
    dots = (
        chosen.transform_calculate(kind="datum.what")
        .mark_point(size=90, filled=True, opacity=1)
        .encode(
            alt.X("lesion:O", title="lesion").axis(labelAngle=0, values=[1, 5, 10, 15, 20]),
            alt.Y("image:O", title="image").scale(domain=[1, 2, 3, 4], reverse=True),
            colours(names).legend(columns=1),
            shape.title(None).legend(columns=1),
        )
        .properties(width=WIDTH, height=90)
    )
    expected = "kind == 'grouped' ? 0 : 1 - pow(t / 100, m - 1)"
    counter = words(
        "datum.leaks + ' of ' + datum.tests + ' test images (' + "
        "format(datum.leaks / datum.tests, '.0%') + ') have their lesion in training,'",
        f"'where you should expect about ' + format({expected}, '.0%')",
        of=chosen.transform_aggregate(tests="sum(tests)", leaks="sum(leaks)"),
    )
    return stack(counter, dots).add_params(*controls)
