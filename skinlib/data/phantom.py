"""Dermoscopy-like images, drawn here: seven classes, hairs, rulers, true masks.

An image is skin, a lesion on it, one function for each sign that dermatologists name, then what
lies between the lens and the skin. Lengths are in units of half the image's side, angles in
radians. What belongs to a lesion is drawn from the lesion's own random numbers, so that all its
views show the same spot; the camera, the light and the hairs are each view's own.
"""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw

from skinlib.data.dataset import CLASSES, IMAGES_PER_CLASS, Dataset
from skinlib.data.prepared import cache_folder, open_or_make, require_space, seal, write_array

VERSION = 2  # of the drawing: another one makes other images

VIEWS = np.array([5514, 1423, 490, 34, 5, 4])
"""Lesions of HAM10000 with one image, two, ... six."""

WORKING = 200
"""Bytes of memory that the drawing of one image takes per pixel, about."""

AGES = dict(zip(CLASSES, [67, 67, 64, 52, 61, 47, 52], strict=True))
"""Mean age of the patients, in years; the spread is 15."""

SITES = ("abdomen", "back", "chest", "face", "lower extremity", "trunk", "upper extremity")

SKIN = np.array([228.0, 182, 163])
BROWN = np.array([140.0, 92, 66])
DARK = np.array([66.0, 42, 36])
RED = np.array([184.0, 74, 78])
PURPLE = np.array([116.0, 26, 52])
BLUE = np.array([104.0, 114, 142])
WHITE = np.array([240.0, 222, 212])

BODY = {
    "akiec": (RED, 0.40),
    "bcc": (RED, 0.40),
    "bkl": (BROWN, 0.75),
    "df": (BROWN, 0.50),
    "mel": (BROWN, 0.80),
    "nv": (BROWN, 0.75),
    "vasc": (RED, 0.55),
}
"""A lesion's own colour, and how much of it lies over the skin."""

EDGE = {"bkl": 0.03, "mel": 0.05}
"""How far a border fades, as a share of the radius; 0.1 where not named."""

ROUGHNESS = {"akiec": 0.12, "bcc": 0.09, "mel": 0.16}
"""How irregular an outline is; 0.05 where not named."""


def prepare(count: int = 1000, size: int = 96, seed: int = 0) -> Dataset:
    """Opens the phantom; the first time, draws it into the cache. See `draw`."""
    folder = cache_folder() / f"phantom-v{VERSION}-{count}-{size}-{seed}"

    def make(scratch: Path) -> None:
        images, masks, table = draw(count, size, seed)
        require_space(folder.parent, images.nbytes + masks.nbytes)
        write_array(scratch / "images.npy", images, images.shape)
        write_array(scratch / "masks.npy", masks, masks.shape)
        seal(scratch, table, name="phantom", resize="drawn")

    return open_or_make(folder, make)[0]


def draw(
    count: int = 1000, size: int = 96, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Draws images in HAM10000's proportions, each class at least four times.

    Args:
        count: how many images, 40 or more.
        size: height and width in pixels, 16 or more.
        seed: another one gives other lesions.

    Returns:
        Images uint8 (count, size, size, 3); masks uint8 (count, size, size), 1 on the lesion; the
        table, one row per image.

    Raises:
        ValueError: if `count` or `size` is too small, or too large for this machine's memory.
    """
    if count < 40 or size < 16:
        raise ValueError(f"expected 40 images or more, of 16 pixels or more: {count}, {size}")
    needed, memory = (5 * count + WORKING) * size**2, _memory()
    if needed > memory:
        raise ValueError(
            f"{count:,} images of {size:,} pixels need {needed / 1e9:,.0f} GB of "
            f"memory and this machine has {memory / 1e9:,.0f}: ask for fewer or "
            "smaller ones"
        )
    images = np.empty((count, size, size, 3), "uint8")
    masks = np.empty((count, size, size), "uint8")
    places = np.random.default_rng((VERSION, seed)).permutation(count).argsort()
    rows: list[tuple] = []
    for number, (dx, views) in enumerate(_lesions(count, seed)):
        seeds = (VERSION, seed, number)
        person = np.random.default_rng((*seeds, 0))
        age = np.clip(5 * np.round(person.normal(AGES[dx], 15) / 5), 5, 85)
        sex, site = person.choice(["female", "male"]), person.choice(SITES)
        for view in range(views):
            i = places[len(rows)]
            images[i], masks[i] = draw_one(dx, size, (*seeds, 1), (*seeds, 2 + view))
            rows.append((i, f"PHL_{number:06}", dx, age, sex, site))
    names = ["place", "lesion_id", "dx", "age", "sex", "localization"]
    table = pd.DataFrame(rows, columns=names).set_index("place").sort_index()
    table.insert(0, "image_id", [f"PHA_{i:06}" for i in range(count)])
    return images, masks, table.rename_axis(None)


def _memory() -> float:
    """This machine's memory in bytes, infinite where it does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return math.inf


def _lesions(count: int, seed: int) -> Iterator[tuple[str, int]]:
    """Class and number of views of each lesion, until there are `count` images."""
    rng = np.random.default_rng((VERSION, seed))
    ham = np.array(IMAGES_PER_CLASS)
    wanted = np.maximum(np.round(count * ham / ham.sum()).astype(int), 4)
    wanted[wanted.argmax()] += count - wanted.sum()
    for dx, left in zip(CLASSES, wanted, strict=True):
        while left:
            views = min(left, 1 + rng.choice(len(VIEWS), p=VIEWS / VIEWS.sum()))
            left -= views
            yield dx, views


@dataclass
class Lesion:
    """A lesion as one view sees it; every array is (size, size).

    Attributes:
        rng: the lesion's own generator; its signs draw from it in a fixed order.
        x, y: coordinates that turn and grow with the lesion.
        base: its mean radius.
        depth: 1 in the middle, 0 on the outline, negative outside.
        cover: from 0 (skin) to 1 (lesion), soft across the border.
        colours: the image so far, float (size, size, 3), 0 to 255.
    """

    rng: np.random.Generator
    x: np.ndarray
    y: np.ndarray
    base: float
    depth: np.ndarray
    cover: np.ndarray
    colours: np.ndarray

    def paint(self, weight: np.ndarray, colour: np.ndarray, strength: float) -> None:
        """Blends a colour over the lesion where `weight`, 0 to 1, says."""
        self.colours += (strength * weight * self.cover)[..., None] * (colour - self.colours)

    def dots(self, count: int, radius: float) -> np.ndarray:
        """Soft round dots at random places on the lesion."""
        places = self.base * self.rng.uniform(-0.75, 0.75, (count, 2))
        dots = np.zeros_like(self.x)
        for px, py in places:
            distance = np.hypot(self.x - px, self.y - py)
            dots = np.maximum(dots, np.exp(-((distance / radius) ** 2)))
        return dots


def network(lesion: Lesion, strength: float = 0.5) -> None:
    """Brown meshes, as of a honeycomb that has been pulled about."""
    mesh, turn = lesion.rng.uniform(40, 52), lesion.rng.uniform(0, np.pi)
    bend = lesion.rng.uniform(0, 2 * np.pi, 2)
    x = lesion.x + 0.04 * np.sin(7 * lesion.y + bend[0])
    y = lesion.y + 0.04 * np.sin(6 * lesion.x + bend[1])
    waves = [
        np.cos(mesh * (np.cos(a) * x + np.sin(a) * y)) for a in turn + np.pi / 3 * np.arange(3)
    ]
    lesion.paint(np.clip(0.55 - sum(waves) / 1.5, 0, 1), DARK, strength)


def atypical_network(lesion: Lesion) -> None:
    """A network on one side only, darker than a nevus's."""
    turn, shift = lesion.rng.uniform(0, 2 * np.pi), lesion.rng.uniform(-0.3, 0.1)
    side = np.cos(turn) * lesion.x + np.sin(turn) * lesion.y - shift * lesion.base
    whole, lesion.cover = lesion.cover, lesion.cover / (1 + np.exp(-side / 0.04))
    network(lesion, 0.75)
    lesion.cover = whole


def globules(lesion: Lesion) -> None:
    """Round brown dots."""
    lesion.paint(lesion.dots(12, 0.045), DARK, 0.6)


def blotches(lesion: Lesion) -> None:
    """Large patches of black and of light brown: several colours in one lesion."""
    lesion.paint(lesion.dots(2, 0.45 * lesion.base), DARK, 0.85)
    lesion.paint(lesion.dots(2, 0.35 * lesion.base), RED + 30, 0.5)


def blue_white_veil(lesion: Lesion) -> None:
    """A hazy blue-grey patch."""
    lesion.paint(lesion.dots(1, 0.5 * lesion.base), BLUE, 0.75)


def milia_like_cysts(lesion: Lesion) -> None:
    """Small white dots."""
    lesion.paint(lesion.dots(9, 0.03), WHITE, 0.85)


def comedo_like_openings(lesion: Lesion) -> None:
    """Small dark pits."""
    lesion.paint(lesion.dots(9, 0.04), DARK, 0.8)


def arborising_vessels(lesion: Lesion) -> None:
    """Bright red vessels that branch and thin out."""
    for _ in range(3):
        turn, offset = lesion.rng.uniform(0, 2 * np.pi), lesion.rng.uniform(-0.5, 0.5)
        along = np.cos(turn) * lesion.x + np.sin(turn) * lesion.y
        across = np.cos(turn) * lesion.y - np.sin(turn) * lesion.x - offset * lesion.base
        bent = across + 0.07 * np.sin(9 * along + offset)
        branch = across - np.abs(along) * lesion.rng.uniform(0.4, 0.8)
        for line, width in ((bent, 0.025), (branch, 0.016)):
            lesion.paint(np.exp(-((line / width) ** 2)), np.array([170.0, 30, 44]), 0.8)


def ovoid_nests(lesion: Lesion) -> None:
    """Blue-grey ovals."""
    lesion.paint(lesion.dots(4, 0.08), BLUE - 20, 0.8)


def strawberry(lesion: Lesion) -> None:
    """Pink-red ground around pale openings of hair follicles, and flakes of scale."""
    lesion.paint(1 - lesion.dots(16, 0.07), RED, 0.45)
    lesion.paint(lesion.dots(6, 0.05), WHITE, 0.8)


def central_white_patch(lesion: Lesion) -> None:
    """A scar-like centre inside a delicate network."""
    network(lesion, 0.4)
    lesion.paint(np.clip(1.6 * lesion.depth - 0.5, 0, 1), WHITE, 0.9)


def lacunae(lesion: Lesion) -> None:
    """Red to purple lakes with paths between them."""
    lesion.paint(lesion.dots(14, 0.085), PURPLE, 0.8)


SIGNS = {
    "akiec": (strawberry,),
    "bcc": (ovoid_nests, arborising_vessels),
    "bkl": (milia_like_cysts, comedo_like_openings),
    "df": (central_white_patch,),
    "mel": (atypical_network, blotches, blue_white_veil),
    "nv": (network, globules),
    "vasc": (lacunae,),
}


def draw_one(
    dx: str, size: int, own: tuple[int, ...], camera: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """One view of one lesion: uint8 (size, size, 3), and its mask, uint8 (size, size).

    `own` seeds the lesion's random numbers, `camera` the view's.
    """
    rng, view = np.random.default_rng(own), np.random.default_rng(camera)
    across, down = np.meshgrid(*[(np.arange(size) + 0.5) / size * 2 - 1] * 2)
    lesion = _lesion(dx, rng, view, across, down)
    mask = (lesion.depth > 0).astype("uint8")
    colour, weight = BODY[dx]
    lesion.paint(np.ones_like(across), colour + rng.normal(0, 12) + rng.normal(0, 6, 3), weight)
    for sign in SIGNS[dx]:
        if rng.random() < 0.85 or len(SIGNS[dx]) == 1:
            sign(lesion)

    light = 1 + 0.08 * (view.normal() * across + view.normal() * down) / 2
    colours = lesion.colours * light[..., None] * view.normal(1, 0.015, 3) * view.uniform(0.9, 1.06)
    colours += view.normal(0, 2.5, colours.shape)
    if view.random() < 0.3:
        inside = view.uniform(1.0, 1.25) - np.hypot(across, down)
        colours *= (1 / (1 + np.exp(-inside / 0.03)))[..., None]
    image = Image.fromarray(np.clip(colours, 0, 255).astype("uint8"))
    pen = ImageDraw.Draw(image)
    if view.random() < 0.3:
        _hairs(pen, view, size)
    if view.random() < 0.15:
        _ruler(pen, size)
    return np.asarray(image), mask


def _lesion(
    dx: str,
    rng: np.random.Generator,
    view: np.random.Generator,
    across: np.ndarray,
    down: np.ndarray,
) -> Lesion:
    """Bare skin, and where on it the lesion lies; round, long or irregular as it comes.

    `across` and `down` are the coordinates of the image, from -1 to 1, (size, size).
    """
    turn, zoom = view.uniform(0, 2 * np.pi), view.uniform(0.9, 1.15)
    right, low = view.uniform(-0.12, 0.12, 2)
    x = (np.cos(turn) * (across - right) + np.sin(turn) * (down - low)) / zoom
    y = (np.cos(turn) * (down - low) - np.sin(turn) * (across - right)) / zoom

    base, stretch = rng.uniform(0.36, 0.6), rng.uniform(0.6, 1)
    angle, radius = np.arctan2(y / stretch, x), np.hypot(x, y / stretch)
    outline = np.ones_like(x)
    for k in range(2, 9):
        amplitude = rng.normal(0, ROUGHNESS.get(dx, 0.05)) * 2 / k
        outline += amplitude * np.cos(k * angle + rng.uniform(0, 2 * np.pi))
    depth = 1 - radius / (base * np.maximum(outline, 0.3))
    cover = 1 / (1 + np.exp(-np.clip(depth / EDGE.get(dx, 0.1), -30, 30)))

    skin = SKIN + rng.normal(0, 10) + rng.normal(0, 5, 3)
    texture = 5 * _noise(view, len(x), 5) + 3 * _noise(view, len(x), len(x) // 3)
    return Lesion(rng, x, y, base, depth, cover, skin + texture[..., None])


def _noise(rng: np.random.Generator, size: int, cells: int) -> np.ndarray:
    """Smooth noise (size, size) of unit spread, with `cells` bumps to a side."""
    grid = Image.fromarray(rng.normal(size=(cells, cells)).astype("float32"))
    return np.asarray(grid.resize((size, size), Image.Resampling.BICUBIC))


def _hairs(pen: ImageDraw.ImageDraw, rng: np.random.Generator, size: int) -> None:
    """A few dark arcs."""
    for _ in range(rng.integers(2, 8)):
        start, turn, length = rng.uniform(0, size, 2), rng.uniform(0, 2 * np.pi), 0.7 * size
        turns = turn + np.linspace(0, rng.normal(0, 1.2), 12)
        steps = length / 12 * np.stack([np.cos(turns), np.sin(turns)], axis=1)
        path = start + np.cumsum(steps, axis=0)
        pen.line([tuple(p) for p in path], fill=(52, 36, 32), width=max(1, size // 90))


def _ruler(pen: ImageDraw.ImageDraw, size: int) -> None:
    """Ticks along the lower edge, every fifth one longer."""
    for tick in range(26):
        place, height = tick * size / 25, size * (0.06 if tick % 5 else 0.1)
        pen.line([(place, size), (place, size - height)], fill=(70, 66, 66))
