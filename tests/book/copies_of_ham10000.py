"""Each chapter that reads images, on small copies of HAM10000 with faults that `prepare` lets pass.

The README's own two lines once ended in a traceback of chapter 1, for ISIC 2018's files
hold no ages. It takes minutes, so it is no part of `make check`:

    pytest -n 2 tests/book/copies_of_ham10000.py
"""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from data.broken import CSV, NAMES, isic, png, put, zipped
from notebooks import ROOT, execute, tiny_copy
from PIL import Image

from skinlib.book import build
from skinlib.data import load


@pytest.fixture(scope="session")
def drawn():
    return load("phantom", count=150, size=64, seed=1)


def table_of(drawn) -> pd.DataFrame:
    """HAM10000's table, for phantoms."""
    numbers = pd.factorize(drawn.table["lesion_id"])[0]
    ids = [f"ISIC_{24306 + i:07}" for i in range(len(numbers))]
    lesions = [f"HAM_{number:07}" for number in numbers]
    return drawn.table.assign(image_id=ids, lesion_id=lesions, dx_type="histo")


def images_of(drawn, table: pd.DataFrame) -> dict[str, bytes]:
    """Names and contents of its JPEG files."""
    contents = {}
    for name, pixels in zip(table["image_id"], drawn.images, strict=True):
        data = io.BytesIO()
        Image.fromarray(np.asarray(pixels)).save(data, "jpeg")
        contents[f"{name}.jpg"] = data.getvalue()
    return contents


def in_part(root: Path, table: pd.DataFrame, images: dict[str, bytes]) -> None:
    """Only classes are known; one of two archives, in which an image is cut; some masks."""
    names = sorted(images)[: 4 * len(images) // 5]
    first = {name: images[name] for name in names}
    first[names[3]] = first[names[3]][:500]
    put(root / CSV, table[["image_id", "dx"]].to_csv(index=False))
    zipped(root / f"{NAMES[0]}.zip", first)
    for name in table["image_id"][::2]:
        mask = np.zeros((64, 64), "uint8")
        mask[16:48, 16:48] = 1
        put(root / "masks" / f"{name}_segmentation.png", png(mask))


READERS = [path for path in build.chapters(ROOT) if "= load(data," in (ROOT / path).read_text()]


@pytest.mark.parametrize(
    ("layout", "chapter"),
    # In part, nothing is known but classes. The other layout has lesions, of which chapter 1 tells.
    [(isic, READERS[0]), *((in_part, chapter) for chapter in READERS)],
    ids=lambda value: getattr(value, "stem", getattr(value, "__name__", None)),
)
def test_what_prepare_accepts_every_chapter_bears(drawn, tmp_path, layout, chapter):
    table = table_of(drawn)
    layout(tmp_path / "ham10000", table, images_of(drawn, table))
    path, parameters = tiny_copy(chapter, tmp_path)
    execute(path, parameters | {"data": "ham10000", "ham10000": str(tmp_path / "ham10000")})
