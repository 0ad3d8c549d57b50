"""Makes the figures that move in a notebook move on its page, without a network."""

import json
from html import escape
from pathlib import Path

import nbformat
import vl_convert
from nbformat import NotebookNode

VEGALITE = "application/vnd.vegalite.v5+json"
SCRIPT = """
for (const figure of document.querySelectorAll(".moving:not([data-seen])")) {
  figure.dataset.seen = "";
  const chart = document.createElement("div");
  const spec = JSON.parse(figure.querySelector("script").textContent);
  vegaEmbed(chart, spec, {mode: "vega-lite", actions: false, renderer: "svg"}).then(() => {
    figure.append(chart);
    figure.classList.add("moves");
  });
}
"""
"""In each figure, the chart takes the place of its picture once it is drawn."""


def let_figures_move(book: Path) -> None:
    """Makes HTML of each notebook's charts, and writes the script that they need.

    Args:
        book: a copy of the folder with the chapters; it is changed.
    """
    for file in sorted(book.glob("*.ipynb")):
        chapter = nbformat.read(file, 4)
        for cell in chapter.cells:
            _to_html(cell)
        nbformat.write(chapter, file)
    script = vl_convert.javascript_bundle(SCRIPT)
    script = f"(() => {{{script}}})();"  # its names are its own: Sphinx has one, `_`, too
    (book / "_static" / "moving.js").write_text(script, encoding="utf-8")


def _to_html(cell: NotebookNode) -> None:
    """Makes HTML of a cell's charts; their alternative text is that of the cell's picture."""
    charts = [out.data for out in cell.get("outputs", []) if VEGALITE in out.get("data", {})]
    for data in charts:
        text = cell.metadata["mystnb"]["image"]["alt"]
        spec = data.pop(VEGALITE) | {"description": text}  # Sphinx warns of what it does not know
        del spec["$schema"]  # JupyterLab's version; the script's is newer, and reads it as well
        spec = json.dumps(spec).replace("</", r"<\/")
        picture = "".join(data["image/png"].split())
        data["text/html"] = (
            f'<div class="moving"><img src="data:image/png;base64,{picture}" alt="{escape(text)}">'
            f'<script type="application/json">{spec}</script></div>'
            '<script defer src="../_static/moving.js"></script>'
        )
