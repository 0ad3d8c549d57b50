import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from skinlib.data.masks import find_masks, read_masks
from skinlib.errors import DataError


def png(inside):
    file = io.BytesIO()
    Image.fromarray((255 * inside).astype("uint8")).convert("1").save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def masks():
    rows = np.arange(40)[:, None]
    return {name: (rows < cut) & np.ones((40, 40), bool) for name, cut in (("a", 10), ("c", 30))}


@pytest.fixture(params=["zip", "folder"])
def source(request, tmp_path, masks):
    names = {f"deep/{name}_segmentation.png": png(mask) for name, mask in masks.items()}
    if request.param == "zip":
        with zipfile.ZipFile(tmp_path / "masks.zip", "w") as archive:
            for name, data in names.items():
                archive.writestr(name, data)
        return tmp_path / "masks.zip"
    (tmp_path / "deep").mkdir()
    for name, data in names.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


def test_masks_are_found_by_their_pictures(source):
    masks, found = read_masks(source, ["c", "b", "a"], 20)
    assert found.tolist() == [True, False, True]
    assert masks.shape == (2, 20, 20)
    assert set(np.unique(masks)) == {0, 1}
    assert masks.mean((1, 2)).tolist() == [0.75, 0.25]


def test_a_source_without_these_pictures_is_refused(source):
    with pytest.raises(DataError, match="no mask of these pictures, expected names like x_seg"):
        read_masks(source, ["x"], 20)


def test_a_wrong_path_is_named(tmp_path):
    (tmp_path / "text.zip").write_text("no zip")
    with pytest.raises(DataError, match=r"text\.zip is no folder and no zip file"):
        read_masks(tmp_path / "text.zip", ["a"], 20)


def test_a_damaged_mask_is_named(tmp_path):
    (tmp_path / "a_segmentation.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"a_segmentation\.png in .* cannot be read"):
        read_masks(tmp_path, ["a"], 20)


def test_a_zip_file_damaged_inside_names_the_mask(tmp_path):
    path = tmp_path / "masks.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a_segmentation.png", b"0123456789")
    path.write_bytes(path.read_bytes().replace(b"0123456789", b"0123456780", 1))
    with pytest.raises(DataError, match=r"a_segmentation\.png in .* cannot be read"):
        read_masks(path, ["a"], 20)


@pytest.mark.parametrize("name", ["HAM10000_segmentations_lesion_tschandl", "lesion_masks.zip"])
def test_masks_beside_the_archives_are_found(tmp_path, name):
    assert find_masks(tmp_path) is None
    (tmp_path / name).touch()
    assert find_masks(tmp_path) == tmp_path / name
