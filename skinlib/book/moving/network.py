"""Chapter 5: pools and widths."""

from itertools import combinations

import altair as alt
import pandas as pd

from skinlib.book.figures.style import BLUE
from skinlib.book.moving.style import choice, rows, stack, words
from skinlib.cost import multiply_adds
from skinlib.models import build

WIDTHS = (512, 128, 1024, 4096)


def receptive_field(pools: tuple[int, ...], until: int) -> int:
    """How many pixels of the image, along one side, a place sees after a convolution.

    Args:
        pools: the convolutions after which a pool follows, 4 to 10.
        until: the convolution, 4 to 10.
    """
    sees, stride = 7, 1  # the widest of the four parallel ones
    for number in range(4, until + 1):
        if number > 4:
            sees += 2 * stride
        if number == 8 < until:
            sees += 2 * stride  # the deformable convolution, its offsets left out
        if number in pools and number < until:
            sees += 2 * stride
            stride *= 2
    return sees


def layers_of(pools: tuple[int, ...]) -> pd.DataFrame:
    """What convolutions 4 (all four parallel ones) to 10 cost at 224 x 224 pixels.

    The deformable convolution counts with the eighth, attention with the ninth.

    Returns:
        One row per convolution: the `side` of its map, its `work` in million multiply-adds, the
        `field` that a place sees.
    """
    model = build("proposed", (224, 224, 3), pools=pools)
    work = multiply_adds(model)
    parts = {4: ["conv1_1x1", "conv2_3x3", "conv3_5x5", "conv4_7x7"]}
    parts |= {number: [f"conv{number}"] for number in range(5, 11)}
    parts[8].append("deformable")
    parts[9].append("attention")
    found = [
        (
            number,
            model.get_layer(names[0]).output.shape[1],
            sum(work[name] for name in names) / 1e6,
            receptive_field(pools, number),
        )
        for number, names in parts.items()
    ]
    return pd.DataFrame(found, columns=["number", "side", "work", "field"])


def pools_and_widths() -> alt.VConcatChart:
    """Where the pools sit and how wide the last layers are: work, parameters, receptive field."""
    tables, ours = [], "4, 5, 6, 7, 10"
    for pools in combinations(range(4, 11), 5):
        tables.append(layers_of(pools).assign(pools=", ".join(map(str, pools))))
    table = pd.concat(tables).round({"work": 1})
    names = [ours, *sorted(set(table["pools"]) - {ours})]
    select = alt.binding_select(options=names, name="pools after convolutions ")
    places = alt.param(name="pools", value=ours, bind=select)
    controls = [places, choice("wide", "width of the last layers", list(WIDTHS))]

    parameters, dense = {}, {}
    for width in WIDTHS:
        model = build("proposed", (224, 224, 3), dense=(width, width))
        work = multiply_adds(model)
        parameters[width] = model.count_params() / 1e6
        dense[width] = sum(work[name] for name in ("dense1", "dense2", "probabilities")) / 1e6

    chosen = alt.Chart(rows(table)).transform_filter("datum.pools == pools")
    layer = alt.Y("number:O", title="convolution")
    panels = []
    for name, title in (("side", "side of its map"), ("work", "million multiply-adds")):
        bars = alt.X(f"{name}:Q", title=title).scale(domain=[0, 1.4 * table[name].max()])
        bar = chosen.mark_bar(color=BLUE).encode(bars.axis(tickCount=2), layer)
        text = chosen.mark_text(align="left", dx=3).encode(
            bars, layer, text=alt.Text(f"{name}:Q", format=",.0f")
        )
        panels.append(alt.layer(bar, text).properties(width=110, height=150))
        layer = alt.Y("number:O", title=None)
    said = words(
        f"format(datum.chain + ({dense})[wide], ',.0f') + ' million multiply-adds'",
        f"format(({parameters})[wide], '.1f') + ' million parameters'",
        "'a place of convolution 10 sees ' + datum.sees + ' × ' + datum.sees + ' pixels'",
        of=chosen.transform_aggregate(chain="sum(work)", sees="max(field)"),
    )
    return stack(said, alt.hconcat(*panels, spacing=30)).add_params(*controls)
