"""What the figures that move share.

They are Altair charts whose parameters are bound to sliders and buttons. The reader's browser
computes them: no kernel, no network.
"""

import base64
from collections.abc import Mapping, Sequence
from io import BytesIO

import altair as alt
import numpy as np
import pandas as pd
import vl_convert
from IPython.display import display
from PIL import Image

from skinlib.book.pages import VEGALITE

WIDTH = 300  # pixels of a chart: with its axis it fits a phone
GREY = "#8c8c8c"  # to be seen on white and on black
CONFIG = {
    "background": None,
    "font": "sans-serif",
    "view": {"stroke": None},
    "axis": {
        "grid": False,
        "domainColor": GREY,
        "tickColor": GREY,
        "labelColor": "currentColor",
        "titleColor": "currentColor",
        "titleFontWeight": "normal",
        "labelFontSize": 11,
        "titleFontSize": 12,
    },
    "legend": {
        "orient": "bottom",
        "title": None,
        "columns": 2,
        "labelColor": "currentColor",
        "labelFontSize": 12,
        "labelLimit": 0,
    },
    "text": {"color": "currentColor", "fontSize": 12},
}


def show(chart: alt.TopLevelMixin) -> None:
    """Shows a chart in a notebook: to be moved in JupyterLab and the book, else as a picture."""
    spec = chart.to_dict() | {"config": CONFIG}
    still = vl_convert.vegalite_to_png(spec | {"background": "white"}, scale=2)
    bundle = {VEGALITE: spec, "image/png": still, "text/plain": "A figure that moves"}
    sharp = {VEGALITE: {"embed_options": {"renderer": "svg"}}}  # and its words are words
    display(bundle, metadata=sharp, raw=True)


def slider(
    name: str, label: str, value: float, low: float, high: float, step: float
) -> alt.Parameter:
    """A number that the reader sets, called `name` in expressions."""
    bind = alt.binding_range(min=low, max=high, step=step, name=f"{label} ")
    return alt.param(name=name, value=value, bind=bind)


def choice(
    name: str, label: str, options: Sequence, labels: Sequence[str] | None = None
) -> alt.Parameter:
    """One of some values, by radio buttons; the first is chosen at first."""
    bind = alt.binding_radio(options=options, labels=labels or alt.Undefined, name=f"{label} ")
    return alt.param(name=name, value=options[0], bind=bind)


def rows(table: pd.DataFrame) -> alt.InlineData:
    """A table as a chart's data: as text, a quarter of the size of JSON."""
    numbers = {str(name): "number" for name in table if pd.api.types.is_numeric_dtype(table[name])}
    return alt.InlineData(
        values=table.to_csv(index=False), format=alt.CsvDataFormat(type="csv", parse=numbers)
    )


def words(*expressions: str, of: alt.Chart | None = None) -> alt.LayerChart:
    """Lines of text, each computed by an expression of Vega.

    Args:
        *expressions: one per line.
        of: the data, a single row, that they may speak of as `datum`.
    """
    of = of or one()
    lines = [
        of.transform_calculate(line=expression)
        .mark_text(align="left", baseline="top")
        .encode(x=alt.value(0), y=alt.value(17 * place), text="line:N")
        for place, expression in enumerate(expressions)
    ]
    return alt.layer(*lines).properties(width=WIDTH, height=17 * len(lines))


def one() -> alt.Chart:
    """A chart with a single mark, whose place is computed."""
    return alt.Chart(alt.InlineData(values=[{}]))


def colours(kinds: Mapping[str, str]) -> alt.Color:
    """The colour of each `kind`: name -> colour."""
    scale = alt.Scale(domain=list(kinds), range=list(kinds.values()))
    return alt.Color("kind:N", scale=scale)


def stack(*charts: alt.LayerChart | alt.Chart | alt.HConcatChart) -> alt.VConcatChart:
    """Charts below one another."""
    return alt.vconcat(*charts, spacing=12)


def png(image: np.ndarray) -> str:
    """An image, uint8 (H, W, 3 or 4), as an address that holds it."""
    file = BytesIO()
    Image.fromarray(image).save(file, "png", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
