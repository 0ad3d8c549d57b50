import io
import os
import subprocess
import sys
import zipfile
from collections import namedtuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from skinlib.data import CLASSES, load
from skinlib.data.ham10000 import PARTS, DataWarning, prepare
from skinlib.errors import DataError

ONE_HOT = ("MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC")
COUNT = 10
IDS = [f"ISIC_{24306 + i:07}" for i in range(COUNT)]
DX = [CLASSES[i % 7] for i in range(COUNT)]
TABLE = pd.DataFrame(
    {
        "lesion_id": [f"HAM_{i // 2:07}" for i in range(COUNT)],
        "image_id": IDS,
        "dx": DX,
        "dx_type": "histo",
        "age": [None, *range(30, 29 + COUNT)],
        "sex": "female",
        "localization": "back",
    }
).sample(frac=1, random_state=0)


def jpeg(seed, width=20, height=15):
    """A picture with as much detail as a JPEG can keep."""
    coarse = np.random.default_rng(seed).integers(0, 256, (3, 4, 3), dtype="uint8")
    data = io.BytesIO()
    Image.fromarray(coarse).resize((width, height)).save(data, "jpeg")
    return data.getvalue()


PICTURES = {name: jpeg(i) for i, name in enumerate(IDS)}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """A complete data set has ten rows here."""
    for part, about in PARTS.items():
        monkeypatch.setitem(PARTS, part, about._replace(rows=(COUNT,)))


@pytest.fixture
def root(tmp_path):
    return tmp_path / "root"


@pytest.fixture
def opened(root, tmp_path):
    """`prepare` without a bar, with a cache of its own."""
    return lambda size=8, **options: prepare(
        root, size, progress=False, cache=tmp_path / "cache", **options
    )


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def zipped(path, members):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def files(part=slice(None), folder=""):
    return {f"{folder}{name}.jpg": PICTURES[name] for name in IDS[part]}


def one_hot():
    hot = pd.DataFrame({name: [float(dx.upper() == name) for dx in DX] for name in ONE_HOT})
    hot.insert(0, "image", IDS)
    return hot.to_csv(index=False)


def groupings():
    table = TABLE[["image_id", "lesion_id"]].rename(columns={"image_id": "image"})
    return table.assign(diagnosis_confirm_type="histopathology").to_csv(index=False)


def two_zips(root, table=TABLE):
    put(root / "HAM10000_metadata.csv", table.to_csv(index=False))
    zipped(root / "HAM10000_images_part_1.zip", files(slice(0, 6)))
    zipped(root / "HAM10000_images_part_2.zip", files(slice(6, None)))


def two_folders(root, first="HAM10000_images_part_1", second="ham10000_images_part_2"):
    put(root / "HAM10000_metadata.csv", TABLE.to_csv(index=False))
    for folder, part in ((first, slice(0, 6)), (second, slice(6, None))):
        for name, content in files(part).items():
            put(root / folder / name, content)


def kaggle(root):
    """Its archive holds each folder twice, with one name in two cases."""
    members = files(slice(0, 6), "HAM10000_images_part_1/")
    members |= files(slice(0, 6), "ham10000_images_part_1/")
    members |= files(slice(6, None), "HAM10000_images_part_2/")
    zipped(root / "archive.zip", members | {"HAM10000_metadata.csv": TABLE.to_csv(index=False)})


def flat(root):
    for name, content in files().items():
        put(root / name, content)
    put(root / "HAM10000_metadata.tab", TABLE.to_csv(index=False, sep="\t"))


def dataverse_original(root):
    two_zips(root)
    table = root / "HAM10000_metadata.csv"
    table.rename(table.with_suffix("")).write_text(TABLE.to_csv(index=False, sep="\t"))


def isic(root):
    zipped(
        root / "ISIC2018_Task3_Training_Input.zip",
        {"ISIC2018_Task3_Training_Input/LICENSE.txt": "CC BY-NC"}
        | files(folder="ISIC2018_Task3_Training_Input/"),
    )
    name = "ISIC2018_Task3_Training_GroundTruth"
    zipped(root / f"{name}.zip", {f"{name}/{name}.csv": one_hot(), f"{name}/LICENSE.txt": "CC"})
    put(root / "ISIC2018_Task3_Training_LesionGroupings.csv", groupings())


def isic_folders(root):
    for name, content in files().items():
        put(root / "isic2018_task3_training_input" / name, content)
    name = "ISIC2018_Task3_Training_GroundTruth"
    put(root / name / f"{name}.csv", one_hot())
    put(root / "ISIC2018_Task3_Training_LesionGroupings.csv", groupings())


def expected(size, resize):
    """What Pillow makes of the pictures, one at a time."""
    pixels = []
    for name in IDS:
        picture = Image.open(io.BytesIO(PICTURES[name]))
        if resize == "crop":
            picture = picture.crop((2, 0, 17, 15))
        pixels.append(np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR)))
    return np.stack(pixels)


LAYOUTS = [two_zips, two_folders, kaggle, flat, dataverse_original, isic, isic_folders]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same(root, opened, layout):
    layout(root)
    dataset = opened()
    assert (dataset.name, dataset.resize, dataset.masks) == ("ham10000", "squash", None)
    assert isinstance(dataset.images, np.memmap)
    np.testing.assert_array_equal(dataset.images, expected(8, "squash"))
    wanted = TABLE.sort_values("image_id", ignore_index=True)
    known = ["image_id", "lesion_id", "dx"]
    if layout not in (isic, isic_folders):
        known += ["age", "sex", "localization"]
    pd.testing.assert_frame_equal(dataset.table[known], wanted[known], check_dtype=False)


@settings(deadline=None, max_examples=20)
@given(st.data())
def test_letter_case_does_not_matter(tmp_path_factory, data):
    def any_case(name):
        upper = data.draw(st.lists(st.booleans(), min_size=len(name), max_size=len(name)))
        return "".join(c.upper() if u else c.lower() for c, u in zip(name, upper, strict=True))

    root = tmp_path_factory.mktemp("case")
    zipped(root / any_case("HAM10000_images_part_1.zip"), files(slice(0, 6)))
    for name, content in files(slice(6, None)).items():
        put(root / any_case("HAM10000_images_part_2") / any_case(name), content)
    put(root / any_case("HAM10000_metadata.csv"), TABLE.to_csv(index=False))
    dataset = prepare(root, 4, strict=True, progress=False, cache=root / "cache")
    assert dataset.table["image_id"].tolist() == IDS
    np.testing.assert_array_equal(dataset.images, expected(4, "squash"))


@pytest.mark.parametrize("resize", ["squash", "crop"])
@pytest.mark.parametrize("size", [5, 15, 32])
def test_sizes(root, opened, size, resize):
    two_zips(root)
    dataset = opened(size, resize=resize)
    assert (dataset.image_shape, dataset.resize) == ((size, size, 3), resize)
    np.testing.assert_array_equal(dataset.images, expected(size, resize))


@pytest.mark.parametrize("wrong", [{"resize": "stretch"}, {"size": 0}, {"part": "validation"}])
def test_options_that_do_not_exist(root, opened, wrong):
    two_zips(root)
    with pytest.raises(ValueError, match=repr(next(iter(wrong.values())))):
        opened(**wrong)


def test_the_door(root):
    two_zips(root)
    assert len(load("ham10000", root=root, size=4)) == COUNT


@pytest.mark.parametrize("dataverse", [True, False])
def test_isic_2018_test_set(root, opened, dataverse):
    two_zips(root)
    name = "ISIC2018_Task3_Test_GroundTruth.csv"
    put(root / name, TABLE.to_csv(index=False) if dataverse else one_hot())
    dataset = opened(part="test")
    assert dataset.name == "isic2018_test"
    assert dataset.table["lesion_id"].notna().all() == dataverse
    np.testing.assert_array_equal(dataset.labels, [i % 7 for i in range(COUNT)])
    assert opened().name == "ham10000"


def test_the_second_start_decodes_nothing(root, opened, monkeypatch):
    two_zips(root)
    first = opened()
    monkeypatch.setattr("skinlib.data.ham10000._pixels", None)
    second = opened()
    assert second.images.filename == first.images.filename
    assert second.fingerprint == first.fingerprint
    pd.testing.assert_frame_equal(second.table, first.table)


def test_copies_of_the_same_images_have_one_fingerprint(root, opened):
    two_folders(root)
    first = opened()
    picture = root / "HAM10000_images_part_1" / f"{IDS[0]}.jpg"
    os.utime(picture, ns=(1, 1))
    assert opened() == first
    assert opened(9) != first
    put(picture, jpeg(99))
    assert opened().fingerprint != first.fingerprint
    put(picture, PICTURES[IDS[0]])
    put(root / "HAM10000_metadata.csv", TABLE.assign(lesion_id="HAM_1").to_csv(index=False))
    assert opened().fingerprint != first.fingerprint


KILLED = """
import os, sys
from skinlib.data import ham10000
decode, count = ham10000._pixels, 0
def die(*arguments):
    global count
    count += 1
    if count == 5:
        os._exit(9)
    return decode(*arguments)
ham10000._pixels = die
ham10000.prepare(sys.argv[1], 8, progress=False, cache=sys.argv[2])
"""


def test_a_killed_preparation_is_not_trusted_and_swept_up(root, opened, tmp_path):
    two_zips(root)
    cache = tmp_path / "cache"
    command = [sys.executable, "-c", KILLED, str(root), str(cache)]
    assert subprocess.run(command, capture_output=True).returncode == 9
    (left,) = cache.iterdir()
    assert left.name.startswith(".")
    np.testing.assert_array_equal(opened().images, expected(8, "squash"))
    assert left.exists()  # it might still be at work

    for path in (*left.iterdir(), left):
        os.utime(path, (1, 1))
    opened(9)
    assert not left.exists()


def test_a_failed_preparation_leaves_nothing(root, opened, monkeypatch, tmp_path):
    two_zips(root)

    def fail(*_):
        raise MemoryError

    monkeypatch.setattr("skinlib.data.ham10000._pixels", fail)
    with pytest.raises(MemoryError):
        opened()
    assert list((tmp_path / "cache").iterdir()) == []


def reports(opened, match, kept):
    """Refused when strict, reported and left out by default, and again at the second start."""
    with pytest.raises(DataError, match=match):
        opened(strict=True)
    for _ in range(2):
        with pytest.warns(DataWarning, match=match) as caught:
            dataset = opened()
        assert len(caught) == 1
        assert dataset.table["image_id"].tolist() == kept
        rows = [IDS.index(name) for name in kept]
        np.testing.assert_array_equal(dataset.images, expected(8, "squash")[rows])
    with pytest.raises(DataError, match=match):
        opened(strict=True)


def foreign(**columns):
    rows = TABLE.head(2).assign(lesion_id=None, age=None)
    return pd.concat([TABLE, rows.assign(**columns)])


def test_healthy_rows(root, opened):
    table = foreign(image_id=["ISIC_0099998", "ISIC_0099999"], dx="healthy")
    two_zips(root, table)
    reports(opened, r"left out 2 rows of a class that HAM10000 has not \(healthy\)", IDS)


def test_foreign_ids(root, opened):
    two_zips(root, foreign(image_id=["PAT_1_2", None]))
    reports(opened, r"left out 2 rows with an image id unlike ISIC_0024306 \(PAT_1_2, nan\)", IDS)


def test_one_hot_rows_without_a_class(root, opened, monkeypatch):
    isic_folders(root)
    name = "ISIC2018_Task3_Training_GroundTruth"
    put(root / name / f"{name}.csv", one_hot() + "ISIC_0099999,0,0,0,0,0,0,0\n")
    reports(opened, r"left out 1 rows of a class .* \(none or several\)", IDS)


def test_repeated_rows(root, opened):
    two_zips(root, pd.concat([TABLE, TABLE.head(3)]))
    reports(opened, "left out 3 rows that repeat an image id", IDS)


@pytest.mark.parametrize("column", ["dx", "lesion_id"])
@pytest.mark.parametrize("strict", [True, False])
def test_conflicting_rows(root, opened, column, strict):
    row = TABLE[TABLE["image_id"] == IDS[0]]
    two_zips(root, pd.concat([TABLE, row.assign(**{column: "nv"})]))
    with pytest.raises(DataError, match=rf"1 image ids have two .* \({IDS[0]}\): fetch the table"):
        opened(strict=strict)


def test_rows_missing(root, opened):
    two_zips(root, TABLE.sort_values("image_id")[:-1])
    reports(opened, r"HAM10000_metadata.csv has 9 rows of ham10000, not 10", IDS[:-1])


def test_lesions_unknown(root, opened):
    isic(root)
    (root / "ISIC2018_Task3_Training_LesionGroupings.csv").unlink()
    reports(opened, "lesion of 10 pictures is unknown.*add ISIC2018_Task3_Training_LesionG", IDS)


def test_pictures_missing(root, opened):
    two_zips(root)
    (root / "HAM10000_images_part_2.zip").unlink()
    reports(opened, rf"left out 4 rows without a picture \({IDS[6]}, .*, \.\.\.\): comp", IDS[:6])


def test_no_picture_at_all(root, opened):
    two_zips(root)
    for archive in root.glob("*.zip"):
        archive.unlink()
    with pytest.raises(DataError, match="none of its pictures: add HAM10000_images_part_1"):
        opened()


@pytest.mark.parametrize("content", [PICTURES[IDS[3]][:-80], b"", b"<html>not found</html>"])
def test_pictures_that_cannot_be_decoded(root, opened, content):
    two_folders(root)
    put(root / "HAM10000_images_part_1" / f"{IDS[3]}.jpg", content)
    match = rf"left out 1 pictures that cannot be decoded \({IDS[3]}.jpg in .*fetch the archives"
    reports(opened, match, [name for name in IDS if name != IDS[3]])


def test_a_zip_file_damaged_inside(root, opened):
    two_zips(root)
    archive = root / "HAM10000_images_part_1.zip"
    with zipfile.ZipFile(archive) as opened_archive:
        start = opened_archive.getinfo(f"{IDS[1]}.jpg").header_offset
    data = bytearray(archive.read_bytes())
    data[start + 100 : start + 140] = bytes(40)
    archive.write_bytes(data)
    match = rf"left out 1 pictures that cannot be decoded \({IDS[1]}.jpg"
    reports(opened, match, [name for name in IDS if name != IDS[1]])


def test_a_zipped_table_damaged_inside(root, opened):
    isic(root)
    archive = root / "ISIC2018_Task3_Training_GroundTruth.zip"
    data = bytearray(archive.read_bytes())
    data[130:150] = bytes(20)
    archive.write_bytes(data)
    with pytest.raises(DataError, match=r"GroundTruth\.zip is not a table .*: fetch it again"):
        opened()


def test_folders_may_be_links(root, opened):
    two_folders(root.parent / "elsewhere")
    root.mkdir()
    for path in (root.parent / "elsewhere").iterdir():
        (root / path.name).symlink_to(path)
    np.testing.assert_array_equal(opened(strict=True).images, expected(8, "squash"))


def test_nothing_can_be_decoded(root, opened, tmp_path):
    flat(root)
    for picture in root.glob("*.jpg"):
        picture.write_bytes(b"nothing")
    with pytest.raises(DataError, match="none of 10 pictures can be decoded"):
        opened()
    assert list((tmp_path / "cache").iterdir()) == []


def test_unequal_copies(root, opened):
    two_zips(root)
    put(root / "later" / f"{IDS[0]}.jpg", jpeg(0, width=40))
    reports(opened, rf"unequal files of 1 pictures \({IDS[0]}\): keep one copy", IDS)


def test_a_cut_zip_file(root, opened):
    two_zips(root)
    archive = root / "HAM10000_images_part_2.zip"
    archive.write_bytes(archive.read_bytes()[:-30])
    with pytest.raises(
        DataError, match=r"part_2\.zip is not a complete zip file.*: fetch it again"
    ):
        opened()


@pytest.mark.parametrize("name", ["../x.jpg", "a/../../x.jpg", "/x.jpg", "C:\\x.jpg", "..\\x.jpg"])
def test_a_zip_file_with_hostile_paths(root, opened, name):
    two_zips(root)
    zipped(root / "HAM10000_images_part_3.zip", {name: b""})
    with pytest.raises(DataError, match=r"part_3\.zip names a path outside itself"):
        opened()
    assert not (root.parent / "x.jpg").exists()


def test_a_wrong_folder(root, opened):
    with pytest.raises(DataError, match="root is not a folder: give the folder that holds"):
        opened()
    root.mkdir()
    with pytest.raises(DataError, match=r"HAM10000_metadata\.csv or ISIC2018.*found nothing"):
        opened()
    put(root / "holiday.jpg", jpeg(0))
    with pytest.raises(DataError, match=r"images_part_1 and _part_2.*found holiday\.jpg"):
        opened()


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("dx,age\nnv,30\n", "lacks the columns image_id: fetch"),
        ("image,MEL,NV\nISIC_0024306,1,0\n", "lacks the columns akiec, bcc, bkl, df, vasc: fetch"),
        ("", "is not a table .*: fetch it again"),
        (b"\xff\xfe\x00image_id", "is not a table .*: fetch it again"),
    ],
)
def test_a_wrong_table(root, opened, text, match):
    two_zips(root)
    put(root / "HAM10000_metadata.csv", text)
    with pytest.raises(DataError, match=match):
        opened()


def test_not_enough_disk(root, opened, monkeypatch, tmp_path):
    two_zips(root)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(9e9, 9e9, 3e9))
    with pytest.raises(DataError, match=r"has 3\.0 GB free and the pictures need 3\.0 GB: make"):
        opened(10000)
    assert list((tmp_path / "cache").iterdir()) == []
