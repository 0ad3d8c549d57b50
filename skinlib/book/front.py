"""The first page: its picture, and what was found as the README shows it, from chapter 9.

python -m skinlib.book.front
"""

import base64
import html
import re
from pathlib import Path

import nbformat

from skinlib.book import cover

ROOT = Path(__file__).parents[2]
START, END = "<!-- found: python -m skinlib.book.front -->", "<!-- end -->"


def glued(chapter: Path) -> dict[str, str]:
    """What a notebook shows on other pages: name -> HTML."""
    outputs = [out for cell in nbformat.read(chapter, 4).cells for out in cell.get("outputs", [])]
    named = [out for out in outputs if "scrapbook" in out.get("metadata", {})]
    return {out.metadata["scrapbook"]["name"]: out.data["text/html"] for out in named}


def front(chapter: Path) -> tuple[str, bytes]:
    """The README's passage in Markdown, and its picture (PNG)."""
    shown = glued(chapter)
    sentences = re.findall(r"<li>(.*?)</li>", shown["found"])
    lines = [f"{i}. {html.unescape(s)}" for i, s in enumerate(sentences, 1)]
    lines = [re.sub("</?strong>", "**", line) for line in lines]
    lines = [re.sub("</?em>", "*", line).replace("\N{NO-BREAK SPACE}", " ") for line in lines]
    ((alt, picture),) = re.findall('alt="(.*?)" src="data:image/png;base64,(.*?)"', shown["gap"])
    figure = f'<img src="book/found.png" width="500" alt="{alt}">'
    return "\n".join([START, figure, "", *lines, END]), base64.b64decode(picture)


if __name__ == "__main__":
    drawn = cover.cover(cover.phantoms())
    (ROOT / "book/cover.svg").write_text(drawn)
    (ROOT / "book/cover.png").write_bytes(cover.as_png(drawn))
    passage, picture = front(ROOT / "book/09_verdict.ipynb")
    (ROOT / "book/found.png").write_bytes(picture)
    readme = ROOT / "README.md"
    before, _, rest = readme.read_text().partition(START)
    readme.write_text(before + passage + rest.partition(END)[2])
