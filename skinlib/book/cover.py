"""The first page's picture: seven lesions, the network that is asked, and its three new parts.

An SVG, written by `python -m skinlib.book.front`. Its text takes the colour of the page.
"""

import vl_convert

from skinlib.book.figures import style
from skinlib.book.figures.network import PARTS
from skinlib.book.moving.style import png
from skinlib.data import CLASS_NAMES, CLASSES, Dataset, load

WIDTH, HEIGHT = 480, 254
SIDE, STEP = 60, 70  # of a lesion; from one to the next
AXIS = 134  # height at which the network lies
ORANGE, GREY = style.ORANGE, "#8c8c8c"

NEW = {
    "deformable convolution": ("chapter 2: its points move", 243, 4),
    "soft attention": ("chapter 3: where to look", 217, 170),
    "joint loss": ("chapter 4: rare classes", 191, 268),
}
"""The parts that the paper adds -> what they are for; height and left end of the words."""

ALT = (
    "Seven drawn skin lesions, one of each class, above the network as a row of boxes that get "
    "lower from the image to the answer. Three boxes are marked: the deformable convolution, the "
    "soft attention and the joint loss."
)


def cover(dataset: Dataset) -> str:
    """The picture as SVG.

    `dataset`: phantoms; the first image of each class is shown.
    """
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" class="cover" '
        f'role="img" aria-label="{ALT}" font-family="sans-serif" font-size="13" '
        'fill="currentColor" stroke="none">'
    ]
    lines += _lesions(dataset) + _network()
    return "\n".join([*lines, "</svg>", ""])


def _lesions(dataset: Dataset) -> list[str]:
    lines = []
    for place, name in enumerate(CLASSES):
        image = dataset.images[int((dataset.labels == place).argmax())]
        x = place * STEP
        lines.append(
            f'<image x="{x}" y="0" width="{SIDE}" height="{SIDE}" href="{png(image)}">'
            f"<title>{CLASS_NAMES[name]}</title></image>"
        )
        lines.append(f'<text x="{x + SIDE / 2:g}" y="77" text-anchor="middle">{name}</text>')
    return lines


def _network() -> list[str]:
    lines = [f'<text x="0" y="{AXIS + 4}">image</text>']
    for place, (name, height) in enumerate(PARTS.items()):
        x, half = 52 + 46 * place, 15 * height
        lines.append(f'<path d="M{x - 12} {AXIS}h8m-4-4l4 4-4 4" stroke="{GREY}" fill="none"/>')
        colour = ORANGE if name in NEW else GREY
        lines.append(
            f'<rect x="{x}" y="{AXIS - half / 2:g}" width="32" height="{half}" fill="{colour}">'
            f"<title>{name}</title></rect>"
        )
        if name in NEW:
            words, y, left = NEW[name]
            lines.append(
                f'<path d="M{x + 16} {AXIS + half / 2:g}V{y - 11}" stroke="{ORANGE}" fill="none"/>'
            )
            lines.append(
                f'<text x="{left}" y="{y}"><tspan font-weight="bold">{name}</tspan>, {words}</text>'
            )
    return [*lines, f'<text x="{WIDTH}" y="{AXIS + 4}" text-anchor="end">7 classes</text>']


def as_png(svg: str) -> bytes:
    """The picture on white, in twice its size, for where the page's colour is not known."""
    paper = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
    head, rest = svg.split("\n", 1)
    return vl_convert.svg_to_png(f"{head}\n{paper}\n{rest}", scale=2)


def phantoms() -> Dataset:
    """What the first page shows."""
    return load("phantom", size=96, count=60)
