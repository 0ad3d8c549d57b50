"""Chapter 3: how loudly the attention speaks."""

import altair as alt

from skinlib.book.figures.style import BLUE, ORANGE
from skinlib.book.moving.style import GREY, WIDTH, colours, slider, stack, words


def loudness() -> alt.VConcatChart:
    """How much gamma times alpha adds to the features, for maps of all sizes.

    The mean of alpha is K divided by the number of places, whatever the weights are. The most
    that one place can have is K: all maps on it.
    """
    controls = [
        slider("gamma", "γ", 0.01, 0, 0.2, 0.005),
        slider("K", "K", 128, 1, 256, 1),
        slider("side", "side of the map", 14, 2, 28, 1),
    ]
    names = {"even": "on average", "one": "at one place, at most", "start": "the paper's start"}
    kinds = {names["even"]: BLUE, names["one"]: ORANGE, names["start"]: GREY}
    lines = (
        alt.Chart(alt.sequence(2, 29, as_="place"))
        .transform_calculate(
            even="gamma * K / (datum.place * datum.place)",
            one="gamma * K",
            start="0.01 * 128 / (datum.place * datum.place)",
        )
        .transform_fold(list(names), as_=["which", "growth"])
        .transform_calculate(kind=f"({names})[datum.which]")
        .transform_filter("datum.growth > 0")
    )
    growth = alt.Y("growth:Q", title="growth of the features")
    growth = growth.scale(type="log", domain=[0.0001, 100], clamp=True)
    growth = growth.axis(format="~%", values=[0.0001, 0.01, 1, 100])
    curves = lines.mark_line(strokeWidth=2).encode(
        alt.X("place:Q", title="side of the map, in places"),
        growth,
        colours(kinds),
        alt.StrokeDash("kind:N").scale(domain=list(kinds), range=[[1, 0], [6, 3], [2, 2]]),
    )
    here = lines.transform_filter("datum.place == side && datum.which == 'even'")
    here = here.mark_point(color=BLUE, size=90, filled=True).encode(x="place:Q", y=growth)
    said = words(
        "'γ = ' + format(gamma, '.3f') + ', K = ' + K + ', ' + side + ' × ' + side + ' places'",
        "'features grow by ' + format(gamma * K / (side * side), '.2%') + ' on average,'",
        "'and by ' + format(gamma * K, '.0%') + ' where all maps meet'",
    )
    both = alt.layer(curves, here).properties(width=WIDTH, height=170)
    return stack(said, both).add_params(*controls)
