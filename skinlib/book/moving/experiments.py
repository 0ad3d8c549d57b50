"""Chapters 6 and 7: other decisions from the same probabilities."""

import altair as alt
import pandas as pd

from skinlib.book.figures.style import BLUE
from skinlib.book.moving.style import WIDTH, rows, slider, stack, words
from skinlib.data.dataset import CLASSES, IMAGES_PER_CLASS
from skinlib.scores import confusion_matrix, score_values

TIMES = (1, 1.5, 2, 3, 5, 10, 20, 50)
"""How many times a melanoma's probability may count."""


def decided(predictions: pd.DataFrame, removed: float, times: float) -> pd.DataFrame:
    """Predictions with another decision: the probabilities are weighed, none is trained anew.

    Args:
        predictions: as a run's.
        removed: which part of the prior, the classes' shares in HAM10000, is divided out, 0 to 1;
            -1 puts it back where it was.
        times: how often the probability of a melanoma counts.
    """
    moved = predictions.copy()
    weights = pd.Series(IMAGES_PER_CLASS, index=CLASSES, dtype=float) ** -removed
    weights["mel"] *= times
    moved[list(CLASSES)] = moved[list(CLASSES)] * weights
    total = moved[list(CLASSES)].sum(axis=1)
    moved[list(CLASSES)] = moved[list(CLASSES)].div(total, axis=0)
    return moved


def decisions(predictions: pd.DataFrame, data: str) -> alt.VConcatChart:
    """The confusion matrix and three scores of recorded predictions under other decisions.

    Args:
        predictions: of a run.
        data: what they are of.
    """
    controls = [
        slider("removed", "part of the prior taken out", 0, 0, 1, 0.25),
        slider("step", "weight of melanoma, step (see above)", 0, 0, len(TIMES) - 1, 1),
    ]
    names = ["accuracy", "balanced accuracy", "melanoma recall"]
    table = []
    for quarters in range(5):
        for step, times in enumerate(TIMES):
            moved = decided(predictions, quarters / 4, times)
            scores = score_values(moved, names).values()
            counts = confusion_matrix(moved).to_numpy().ravel()
            table.append([quarters / 4, step, *[round(score, 4) for score in scores], *counts])
    pairs = [f"{true}>{said}" for true in CLASSES for said in CLASSES]
    table = pd.DataFrame(table, columns=["removed", "step", *names, *pairs])
    chosen = alt.Chart(rows(table)).transform_filter(
        "datum.removed == removed && datum.step == step"
    )

    cells = chosen.transform_fold([*pairs], as_=["pair", "count"]).transform_calculate(
        true="split(datum.pair, '>')[0]", said="split(datum.pair, '>')[1]"
    )
    cells = cells.transform_joinaggregate(total="sum(count)", groupby=["true"])
    cells = cells.transform_calculate(share="datum.count / max(1, datum.total)")
    across = alt.X("said:N", title="predicted class").axis(labelAngle=0)
    down = alt.Y("true:N", title="true class")
    colour = alt.Color("share:Q", legend=None).scale(scheme="blues", domain=[0, 1])
    squares = cells.mark_rect().encode(across, down, colour)
    ink = alt.condition("datum.share > 0.5", alt.value("white"), alt.value("black"))
    counts = cells.mark_text(fontSize=11).encode(across, down, text="count:Q", color=ink)
    matrix = alt.layer(squares, counts).properties(
        width=WIDTH - 20, height=210, title=f"data: {data}"
    )

    bars = chosen.transform_fold([*names], as_=["score", "value"])
    place = alt.Y("score:N", title=None, sort=names).axis(labelLimit=0)
    length = alt.X("value:Q", title=None).scale(domain=[0, 1]).axis(format="%", values=[0, 0.5, 1])
    bar = bars.mark_bar(color=BLUE).encode(length, place)
    text = bars.mark_text(align="left", dx=3).encode(
        length, place, text=alt.Text("value:Q", format=".1%")
    )
    shown = alt.layer(bar, text).properties(width=WIDTH - 100, height=66)
    said = words(f"'weight of a melanoma: × ' + {list(TIMES)}[step]")
    return stack(said, shown, matrix).add_params(*controls)
