"""Tables for readers and for screen readers."""

from html import escape
from numbers import Integral, Real

import pandas as pd

CELL = "padding: 0.2em 0.8em; text-align: "
NOTHING = "not yet run"


class show:
    """A table with air, its numbers right-aligned under their heads; text where there is no HTML.

    An empty one says that it is not yet run.

    Several levels of an index or of columns are joined into one head; a corner without a name is
    no head at all.

    Args:
        table: any table.
        digits: behind the point.
    """

    def __init__(self, table: pd.DataFrame, digits: int = 2) -> None:
        heads = [", ".join(map(str, c)) if isinstance(c, tuple) else str(c) for c in table.columns]
        rows = [", ".join(map(str, r)) if isinstance(r, tuple) else str(r) for r in table.index]
        corner = ", ".join(str(name) for name in table.index.names if name is not None)
        cells = [[_text(v, digits) for v in row] for row in table.itertuples(index=False)]
        self.table = pd.DataFrame(cells, index=pd.Index(rows, name=corner or None), columns=heads)
        right = [pd.api.types.is_numeric_dtype(dtype) for dtype in table.dtypes]
        self.sides = ["right" if number else "left" for number in right]

    def __repr__(self) -> str:
        return NOTHING if self.table.empty else self.table.to_string()

    def _repr_html_(self) -> str:
        if self.table.empty:
            return f"<p>{NOTHING}</p>"
        corner = self.table.index.name
        heads = [_cell("th", corner, "left", "col") if corner else "<td></td>"]
        pairs = zip(self.table.columns, self.sides, strict=True)
        heads += [_cell("th", head, side, "col") for head, side in pairs]
        lines = ["".join(heads)]
        for name, *cells in self.table.itertuples():
            pairs = zip(cells, self.sides, strict=True)
            values = [_cell("td", value, side) for value, side in pairs]
            lines.append(_cell("th", name, "left", "row") + "".join(values))
        head, *body = (f"<tr>{line}</tr>" for line in lines)
        return f"<table><thead>{head}</thead><tbody>{''.join(body)}</tbody></table>"


def _text(value: object, digits: int) -> str:
    if not isinstance(value, str) and pd.isna(value):
        return ""
    if isinstance(value, bool) or not isinstance(value, Real):
        return str(value)
    return f"{value:,}" if isinstance(value, Integral) else f"{value:,.{digits}f}"


def _cell(tag: str, text: str, side: str, scope: str = "") -> str:
    scope = f' scope="{scope}"' if scope else ""
    return f'<{tag}{scope} style="{CELL}{side}">{escape(text)}</{tag}>'
