import base64
import io
import re
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from skinlib.book import cover
from skinlib.book.front import ROOT, front
from skinlib.data import CLASSES

SVG = "{http://www.w3.org/2000/svg}"


def pixels(address):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))))


def test_the_readme_says_what_chapter_9_found():
    passage, picture = front(ROOT / "book/09_verdict.ipynb")
    assert passage in (ROOT / "README.md").read_text()
    assert (ROOT / "book/found.png").read_bytes() == picture


def test_the_cover_shows_one_phantom_of_each_class_and_marks_the_papers_parts():
    dataset = cover.phantoms()
    drawn = ElementTree.parse(ROOT / "book/cover.svg").getroot()
    images = drawn.findall(f"{SVG}image")
    assert len(images) == len(CLASSES)
    for label, image in enumerate(images):
        shown = pixels(image.get("href"))
        rows = np.flatnonzero((dataset.images == shown).all(axis=(1, 2, 3)))
        assert [dataset.labels[row] for row in rows] == [label]
    marked = [box[0].text for box in drawn.findall(f"{SVG}rect") if box.get("fill") == cover.ORANGE]
    assert marked == ["deformable convolution", "soft attention", "joint loss"]


def test_the_committed_cover_is_the_one_that_is_drawn():
    def words(svg):  # a PNG's bytes depend on the library that wrote it
        return re.sub(r"base64,[^\"]+", "", svg)

    assert words((ROOT / "book/cover.svg").read_text()) == words(cover.cover(cover.phantoms()))
    assert cover.ALT in (ROOT / "README.md").read_text()
