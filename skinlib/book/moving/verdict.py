"""Chapter 9: seeds, gap and spread."""

import altair as alt
import numpy as np
import pandas as pd
from scipy import stats

from skinlib.book.figures.style import BLUE, ORANGE
from skinlib.book.moving.style import GREY, WIDTH, one, rows, slider, stack, words


def power_of(seeds: int, ratio: float) -> float:
    """How often the 95 % interval of a mean of paired differences lies above zero.

    Args:
        seeds: pairs of runs, two or more.
        ratio: the true difference, in its standard deviations from seed to seed.
    """
    border = stats.t.ppf(0.975, seeds - 1)
    return float(stats.nct.sf(border, seeds - 1, ratio * seeds**0.5))


def power() -> alt.VConcatChart:
    """How many seeds it takes to see a gap between two networks."""
    controls = [
        slider("gap", "true gap (points)", 1, 0, 4, 0.5),
        slider("spread", "spread over seeds (points)", 1.5, 0.5, 3, 0.5),
        slider("n", "seeds", 5, 2, 30, 1),
    ]
    ratios = sorted({round(gap / sd, 3) for gap in np.arange(9) / 2 for sd in np.arange(1, 7) / 2})
    table = pd.DataFrame(
        [
            (seeds, ratio, round(power_of(seeds, ratio), 4))
            for ratio in ratios
            for seeds in range(2, 31)
        ],
        columns=["seeds", "ratio", "power"],
    )
    half = stats.t.ppf(0.975, np.arange(2, 31) - 1) / np.arange(2, 31) ** 0.5
    halves = alt.param(name="halves", value=[round(value, 5) for value in half.tolist()])

    chosen = alt.Chart(rows(table)).transform_filter("abs(datum.ratio - gap / spread) < 0.001")
    x = alt.X("seeds:Q", title="seeds (pairs of runs)").scale(domain=[0, 30])
    y = alt.Y("power:Q", title="share of studies that see it").scale(domain=[0, 1])
    curve = chosen.mark_line(color=BLUE).encode(x, y.axis(format="%"))
    dots = chosen.mark_point(color=BLUE, filled=True, size=25).encode(x, y)
    here = chosen.transform_filter("datum.seeds == n")
    ring = here.mark_point(color=ORANGE, size=150, strokeWidth=3).encode(x, y)
    goal = alt.Chart(alt.InlineData(values=[{"power": 0.8}]))
    goal = goal.mark_rule(color=GREY, strokeDash=[4, 3]).encode(y="power:Q")

    study = one().transform_calculate(
        mid="gap",
        low="gap - spread * halves[n - 2]",
        high="gap + spread * halves[n - 2]",
        zero="0",
    )
    axis = alt.X("low:Q", title="an average study's 95 % interval (points)")
    axis = axis.scale(domain=[-8, 8], clamp=True)
    bar = study.mark_rule(color=BLUE, strokeWidth=3).encode(axis, x2="high:Q")
    middle = study.mark_point(color=BLUE, filled=True, size=80).encode(x="mid:Q")
    zero = study.mark_rule(color=GREY, strokeDash=[4, 3]).encode(x="zero:Q")

    said = words(
        "n + ' seeds: ' + format(datum.power, '.0%') + ' of studies see the gap'",
        "'half of an interval: ' + format(spread * halves[n - 2], '.2f') + ' points'",
        of=here,
    )
    return stack(
        said,
        alt.layer(goal, curve, dots, ring).properties(width=WIDTH, height=150),
        alt.layer(zero, bar, middle).properties(width=WIDTH, height=30),
    ).add_params(*controls, halves)
