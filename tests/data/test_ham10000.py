import errno
import io
import os
import subprocess
import sys
import zipfile
from collections import namedtuple

import numpy as np
import pandas as pd
import pytest
from broken import (
    COUNT,
    CSV,
    IDS,
    IMAGES,
    LAYOUTS,
    MASK_FILES,
    MASKS,
    NAMES,
    SMALL,
    TABLE,
    dataverse_button,
    files,
    isic,
    jpeg,
    kaggle,
    members_of,
    one_hot,
    png,
    put,
    two_folders,
    two_zips,
    with_masks,
    zipped,
)
from PIL import Image

from skinlib.data import load
from skinlib.data.archives import Reader
from skinlib.data.ham10000 import prepare
from skinlib.data.metadata import PARTS
from skinlib.data.prepared import DataWarning
from skinlib.errors import DataError
from skinlib.sweep import Source


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path):
    """A complete data set has fourteen rows here; the cache is the test's own."""
    monkeypatch.setitem(PARTS, "training", SMALL)
    monkeypatch.setitem(PARTS, "test", PARTS["test"]._replace(rows=(COUNT,), counts=(2,) * 7))
    monkeypatch.setenv("SKINLIB_DATA", str(tmp_path / "cache"))


@pytest.fixture
def root(tmp_path):
    return tmp_path / "root"


@pytest.fixture
def opened(root):
    return lambda size=8, **options: prepare(root, size, **options)


def expected(size, resize="squash"):
    """What Pillow makes of the images, one at a time."""
    pixels = []
    for name in IDS:
        image = Image.open(io.BytesIO(IMAGES[name]))
        if resize == "crop":
            image = image.crop((2, 0, 17, 15))
        pixels.append(np.asarray(image.resize((size, size), Image.Resampling.BILINEAR)))
    return np.stack(pixels)


def cached(tmp_path):
    return list((tmp_path / "cache").iterdir())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same(root, opened, layout):
    layout(root)
    dataset = opened()
    assert (dataset.name, dataset.resize, dataset.masks) == ("ham10000", "squash", None)
    assert isinstance(dataset.images, np.memmap)
    np.testing.assert_array_equal(dataset.images, expected(8))
    wanted = TABLE.sort_values("image_id", ignore_index=True).drop(columns="dx_type")
    if layout is isic:
        assert dataset.table["age"].dtype == float
        assert dataset.table[["age", "sex", "localization"]].isna().all(axis=None)
        assert dataset.table["sex"].dtype == dataset.table["dx"].dtype
        wanted[["age", "sex", "localization"]] = dataset.table[["age", "sex", "localization"]]
    pd.testing.assert_frame_equal(dataset.table, wanted[list(dataset.table)], check_dtype=False)


def test_letter_case_does_not_matter(root, opened):
    zipped(root / "ham10000_IMAGES_part_1.ZIP", {k.upper(): v for k, v in files().items()})
    put(root / "Ham10000_MetaData.CSV", TABLE.rename(columns=str.upper).to_csv(index=False))
    np.testing.assert_array_equal(opened(strict=True).images, expected(8))


@pytest.mark.parametrize("resize", ["squash", "crop"])
@pytest.mark.parametrize("size", [5, 15, 32])
def test_sizes(root, opened, size, resize):
    two_zips(root)
    dataset = opened(size, resize=resize)
    assert (dataset.image_shape, dataset.resize) == ((size, size, 3), resize)
    np.testing.assert_array_equal(dataset.images, expected(size, resize))


def test_a_sweep_may_ask_for_cropped_images(root):
    two_zips(root)
    source = Source("ham10000", 15, root, resize="crop")
    dataset = source.load()
    np.testing.assert_array_equal(dataset.images, expected(15, "crop"))
    assert dataset.about["resize"] == "crop"
    assert source.options[-2:] == ["--resize", "crop"]


@pytest.mark.parametrize("wrong", [{"resize": "stretch"}, {"size": 0}, {"part": "validation"}])
def test_options_that_do_not_exist(opened, wrong):
    with pytest.raises(ValueError, match=repr(next(iter(wrong.values())))):
        opened(**wrong)


def test_the_door_takes_the_first_of_a_permutation(root):
    with_masks(root)
    whole, five = (load("ham10000", root=root, size=8, count=count) for count in (None, 5))
    rows = np.random.default_rng(0).permutation(COUNT)[:5]
    np.testing.assert_array_equal(five.images, whole.images[rows])
    np.testing.assert_array_equal(five.masks, whole.masks[rows])
    assert list(five.table["image_id"]) == [IDS[row] for row in rows]
    assert five.fingerprint != whole.fingerprint
    for count, seed, fingerprint in ((5, 0, five.fingerprint), (99, 0, whole.fingerprint)):
        again = load("ham10000", root=root, size=8, count=count, seed=seed)
        assert again.fingerprint == fingerprint
    assert load("ham10000", root=root, size=8, count=5, seed=1).fingerprint != five.fingerprint


@pytest.mark.parametrize("root", [None, ""])
def test_the_door_asks_for_the_folder(root):
    with pytest.raises(DataError, match="read from its archives: name their folder"):
        load("ham10000", size=8, root=root)


@pytest.mark.parametrize("dataverse", [True, False])
def test_isic_2018_test_set(root, opened, dataverse):
    two_zips(root)
    name = "ISIC2018_Task3_Test_GroundTruth.csv"
    put(root / name, TABLE.to_csv(index=False) if dataverse else one_hot())
    dataset = load("isic2018_test", root=root, size=8)
    assert dataset.name == "isic2018_test"
    assert dataset.table["lesion_id"].notna().all() == dataverse
    np.testing.assert_array_equal(dataset.labels, [i % 7 for i in range(COUNT)])
    assert opened().name == "ham10000"


def test_the_second_start_decodes_nothing(root, opened, monkeypatch):
    with_masks(root)
    first = opened()
    monkeypatch.setattr("skinlib.data.archives.Reader.read", None)
    second = opened()
    assert second.images.filename == first.images.filename
    pd.testing.assert_frame_equal(second.table, first.table)


def test_copies_of_the_same_images_have_one_fingerprint(root, opened):
    two_folders(root)
    first = opened()
    image = root / NAMES[0] / f"{IDS[0]}.jpg"
    os.utime(image, ns=(1, 1))
    assert opened().fingerprint == first.fingerprint != opened(9).fingerprint
    put(image, jpeg(99))
    assert opened().fingerprint != first.fingerprint


def test_an_archive_that_moves_is_not_decoded_again(root, opened, tmp_path):
    two_zips(root)
    opened()
    (root / f"{NAMES[0]}.zip").rename(root / "ham10000_images_PART_1.zip")
    put(root / "notes.txt", "nothing to do with it")
    opened()
    assert len(cached(tmp_path)) == 1


# Masks


def test_masks_beside_the_archives_are_prepared(root, opened):
    with_masks(root)
    dataset = opened(15)
    assert dataset.masks.any((1, 2)).tolist() == [name in MASKS for name in IDS]
    assert (dataset.masks.shape, dataset.masks.dtype) == ((COUNT, 15, 15), np.uint8)
    for i, name in enumerate(IDS):
        wanted = MASKS[name][:, :15] if name in MASKS else np.zeros((15, 15))
        np.testing.assert_array_equal(dataset.masks[i], wanted)


@pytest.mark.parametrize("mode", ["L", "P", "RGB", "I;16"])
def test_masks_of_0_and_1_are_read(root, opened, mode):
    with_masks(root)
    wanted = np.array(opened().masks)
    zipped(root / "lesion_masks.zip", {n: png(MASKS[n[:12]], mode) for n in MASK_FILES})
    np.testing.assert_array_equal(opened().masks, wanted)


def test_a_mask_is_cropped_as_its_image_is(root, opened):
    with_masks(root)
    np.testing.assert_array_equal(opened(15, resize="crop").masks[4], MASKS[IDS[4]][:, 2:17])


def test_tschandls_masks_come_before_others(root, opened):
    with_masks(root)
    name = f"{IDS[0]}_segmentation.png"
    put(root / "HAM10000_segmentations_lesion_tschandl" / name, png(~MASKS[IDS[0]]))
    assert opened(15).masks[0].mean() > 0.7


@pytest.mark.parametrize("content", [png(np.zeros((15, 20))), b"no image", jpeg(0)])
def test_a_mask_that_cannot_be_used_is_said_and_tried_again(root, opened, content):
    name = f"{IDS[0]}_segmentation.png"
    with_masks(root)
    zipped(root / "lesion_masks.zip", MASK_FILES | {name: content})
    with pytest.warns(DataWarning, match=rf"left out 1 of 9 masks, .*{name} in lesion_masks.zip"):
        assert opened().masks.any((1, 2)).sum() == len(MASKS) - 1
    zipped(root / "lesion_masks.zip", MASK_FILES)
    assert opened().masks.any((1, 2)).sum() == len(MASKS)


# What is interrupted


KILLED = """
import os, sys
from skinlib.data import ham10000
read, count = ham10000.Reader.read, 0
def die(*arguments):
    global count
    count += 1
    if count == 5:
        os._exit(9)
    return read(*arguments)
ham10000.Reader.read = die
ham10000.prepare(sys.argv[1], 8)
"""


def test_a_killed_preparation_is_not_trusted_and_swept_up(root, opened, tmp_path):
    two_zips(root)
    command = [sys.executable, "-c", KILLED, str(root)]
    assert subprocess.run(command, capture_output=True).returncode == 9
    (left,) = cached(tmp_path)
    assert left.name.startswith(".")
    assert opened(strict=False).image_shape == (8, 8, 3)
    (whole,) = cached(tmp_path)
    assert not whole.name.startswith(".")


def test_a_failed_preparation_leaves_nothing(root, opened, monkeypatch, tmp_path):
    two_zips(root)

    def fail(*_):
        raise MemoryError

    monkeypatch.setattr("skinlib.data.decode.to_square", fail)
    with pytest.raises(
        DataError, match=r"memory does not hold ISIC_00243\d+.jpg in HAM10000_images"
    ):
        opened()
    assert cached(tmp_path) == []


@pytest.mark.parametrize("number", [errno.EACCES, errno.EMFILE, errno.EIO])
def test_the_machines_errors_cost_no_images(root, opened, monkeypatch, tmp_path, number):
    two_folders(root)
    read = Reader.read

    def fail(reader, file):
        if file.name == f"{IDS[3]}.jpg":
            raise OSError(number, os.strerror(number))
        return read(reader, file)

    with monkeypatch.context() as patch:
        patch.setattr("skinlib.data.archives.Reader.read", fail)
        with pytest.raises(DataError, match=rf"{IDS[3]}.jpg .*{os.strerror(number)}.*try again"):
            opened()
    assert cached(tmp_path) == []
    np.testing.assert_array_equal(opened(strict=True).images, expected(8))


def test_not_enough_disk(root, opened, monkeypatch, tmp_path):
    two_zips(root)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(9 * 10**9, 9 * 10**9, 3 * 10**9))
    with pytest.raises(
        DataError, match=r"cache has 3,000 MB free and the images need 4,200 MB: make"
    ):
        opened(10000)
    assert cached(tmp_path) == []


# What is not as published: refused when strict, else reported at every start


def reports(opened, match, kept=IDS, count=1):
    with pytest.raises(DataError, match=match):
        opened(strict=True)
    for _ in range(2):
        with pytest.warns(DataWarning) as caught:
            dataset = opened()
        messages = [str(warning.message) for warning in caught]
        assert len(messages) == count, messages
        assert pd.Series(messages).str.contains(match).any(), messages
        assert dataset.table["image_id"].tolist() == kept
        rows = [IDS.index(name) for name in kept]
        np.testing.assert_array_equal(dataset.images, expected(8)[rows])
    with pytest.raises(DataError, match=match):
        opened(strict=True)


def foreign(**columns):
    rows = TABLE.head(2).assign(lesion_id=None, age=None)
    return pd.concat([TABLE, rows.assign(**columns)])


def table(root, frame, **options):
    two_zips(root)
    put(root / CSV, frame.to_csv(index=False, **options))


def test_healthy_rows(root, opened):
    table(root, foreign(image_id=["ISIC_0099998", "ISIC_0099999"], dx="healthy"))
    reports(opened, r"left out 2 rows of HAM10000_metadata.csv of a class that .* \(healthy\)")


def test_foreign_ids(root, opened):
    table(root, foreign(image_id=["PAT_1_2", None]))
    reports(opened, r"left out 2 rows .* an image id unlike ISIC_0024306 \(PAT_1_2, nan\)")


def test_one_hot_rows_without_a_class(root, opened):
    isic(root)
    (root / "ISIC2018_Task3_Training_GroundTruth.zip").unlink()
    text = one_hot() + "ISIC_0099999,0,0,0,0,0,0,0\nISIC_0099998,1,.5,0,0,0,0,0\n"
    put(root / "ISIC2018_Task3_Training_GroundTruth.csv", text)
    reports(opened, r"left out 2 rows .* of a class .* \(none or several\)")


def test_repeated_rows(root, opened):
    table(root, pd.concat([TABLE, TABLE.head(3)]))
    reports(opened, "left out 3 rows of .* that repeat an image id")


@pytest.mark.parametrize("column", ["dx", "lesion_id"])
@pytest.mark.parametrize("strict", [True, False])
def test_conflicting_rows(root, opened, column, strict):
    row = TABLE[TABLE["image_id"] == IDS[0]]
    table(root, pd.concat([TABLE, row.assign(**{column: "nv"})]))
    with pytest.raises(DataError, match=rf"1 image ids have two .* \({IDS[0]}\): fetch the table"):
        opened(strict=strict)


def test_rows_missing(root, opened):
    table(root, TABLE.sort_values("image_id")[:-1])
    match = r"has 13 rows of ham10000, not the 14 published \(vasc 1 for 2\): fetch it again"
    reports(opened, match, IDS[:-1])


def test_other_counts_per_class(root, opened):
    table(root, TABLE.assign(dx=TABLE["dx"].mask(TABLE["image_id"] == IDS[0], "nv")))
    reports(opened, r"not the 14 published \(akiec 1 for 2, nv 3 for 2\)", count=2)


@pytest.mark.parametrize("column", ["lesion_id", "age", "sex", "localization"])
def test_a_value_that_was_changed(root, opened, column):
    values = {"lesion_id": "HAM_0000099", "age": 85.0, "sex": "unknown", "localization": "neck"}
    other = TABLE.copy()
    other.iloc[0, other.columns.get_loc(column)] = values[column]
    table(root, other)
    reports(opened, f"differs from the published table in {column}: fetch it again")


@pytest.mark.parametrize(("column", "value"), [("age", "old"), ("sex", "m"), ("age", "999")])
def test_strange_values_count_as_unknown(root, opened, column, value):
    other = TABLE.astype({"age": object})
    other.iloc[1, other.columns.get_loc(column)] = value
    table(root, other)
    reports(opened, rf"1 values of {column} in .* count as unknown \({value}\)", count=2)


def test_a_table_without_ages(root, opened):
    table(root, TABLE.drop(columns="age"))
    reports(opened, r"lacks the columns age: they count as unknown")


def test_lesions_unknown(root, opened):
    isic(root)
    (root / "ISIC2018_Task3_Training_LesionGroupings.csv").unlink()
    reports(opened, "lesion of 14 images is unknown.*add ISIC2018_Task3_Training_LesionG")


def test_the_advice_to_add_lesions_helps(root, opened):
    table(root, TABLE.drop(columns="lesion_id"))
    with pytest.warns(DataWarning, match=r"add ISIC2018_Task3_Training_LesionGroupings\.csv"):
        opened()
    isic(root / "more")
    opened(strict=True)


def test_images_missing(root, opened):
    two_zips(root)
    (root / f"{NAMES[1]}.zip").rename(root / "elsewhere")
    reports(opened, rf"left out 6 rows without an image \({IDS[8]}, .*, \.\.\.\): comp", IDS[:8])
    (root / "elsewhere").rename(root / f"{NAMES[1]}.zip")
    opened(strict=True)


def test_what_was_not_opened_is_said_where_images_are_missing(root, opened):
    two_zips(root)
    (root / f"{NAMES[1]}.zip").rename(root / "photos.zip")
    whole = (root / "photos.zip").read_bytes()
    (root / "photos.zip").write_bytes(whole[:-30])
    match = r"left out 6 rows .*not opened: photos.zip \(File is not a zip file\)"
    reports(opened, match, IDS[:8])
    (root / "photos.zip").write_bytes(whole)
    opened(strict=True)


def test_unequal_copies(root, opened):
    two_zips(root)
    put(root / "later" / f"{IDS[0]}.jpg", jpeg(0, width=40))
    reports(opened, rf"unequal files of 1 images \({IDS[0]}\): keep one copy")
    (root / "later" / f"{IDS[0]}.jpg").unlink()
    opened(strict=True)


def test_two_unequal_tables(root, opened):
    two_zips(root)
    isic(root / "isic")
    opened(strict=True)
    put(root / "old" / CSV, TABLE.iloc[2:].to_csv(index=False))
    match = r"HAM10000_metadata.csv in old differs from HAM10000_metadata.csv in 2 images"
    reports(opened, match)
    (root / "old" / CSV).unlink()
    opened(strict=True)


def test_a_second_table_that_cannot_be_used(root, opened):
    two_zips(root)
    put(root / "old" / CSV, "image_id\n")
    match = rf"used {CSV}, not {CSV} in old: .*lacks the column dx"
    reports(opened, match)


# Images that cannot be decoded


@pytest.mark.parametrize(
    "content",
    [
        IMAGES[IDS[3]][:-80],
        b"",
        b"<html>not found</html>",
        MASK_FILES[f"{IDS[0]}_segmentation.png"],
    ],
)
def test_images_that_cannot_be_decoded(root, opened, content):
    two_folders(root)
    path = root / NAMES[0] / f"{IDS[3]}.jpg"
    put(path, content)
    match = (
        rf"left out 1 of 14 images, which cannot be decoded \({IDS[3]}.jpg in .*fetch them again"
    )
    reports(opened, match, [name for name in IDS if name != IDS[3]])
    put(path, IMAGES[IDS[3]])
    np.testing.assert_array_equal(opened(strict=True).images, expected(8))


def test_a_file_that_is_far_too_large_is_not_read(root, opened):
    two_folders(root)
    with (root / NAMES[0] / f"{IDS[3]}.jpg").open("r+b") as file:
        file.truncate(2**26 + 1)
    kept = [name for name in IDS if name != IDS[3]]
    reports(opened, r"cannot be decoded \(.*: it has 67,108,865 bytes\)", kept)


def test_postscript_starts_no_other_decoder(root, opened, monkeypatch):
    """A .jpg that is PostScript started Ghostscript."""
    two_folders(root)
    put(root / NAMES[0] / f"{IDS[3]}.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    put(root / f"{IDS[0]}_segmentation.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    monkeypatch.setattr("subprocess.Popen", None)
    with pytest.warns(DataWarning, match="cannot identify image file"):
        opened()


def test_a_zip_file_damaged_inside_and_mended(root, opened):
    """The same names, sizes and checksums: only another look tells."""
    two_zips(root)
    archive = root / f"{NAMES[0]}.zip"
    whole = archive.read_bytes()
    with zipfile.ZipFile(archive) as members:
        start = members.getinfo(f"{IDS[1]}.jpg").header_offset
    archive.write_bytes(whole[: start + 100] + bytes(40) + whole[start + 140 :])
    match = rf"left out 1 of 14 images, which cannot be decoded \({IDS[1]}.jpg"
    reports(opened, match, [name for name in IDS if name != IDS[1]])
    archive.write_bytes(whole)
    np.testing.assert_array_equal(opened(strict=True).images, expected(8))


def test_a_zip_file_in_a_zip_file_damaged_inside_and_mended(root, opened):
    """It was remembered as broken: a zip file's checksums are those of what it should hold."""
    dataverse_button(root)
    archive = root / "dataverse_files.zip"
    whole = archive.read_bytes()
    with zipfile.ZipFile(archive) as members:
        start = members.getinfo(f"{NAMES[1]}.zip").header_offset
    archive.write_bytes(whole[: start + 200] + bytes(60) + whole[start + 260 :])
    reports(opened, r"left out 6 rows .*not opened: .*part_2.zip \(Bad CRC-32", IDS[:8])
    archive.write_bytes(whole)
    assert len(opened(strict=True)) == COUNT


def test_nothing_can_be_decoded(root, opened, tmp_path):
    two_folders(root)
    for image in root.rglob("*.jpg"):
        image.write_bytes(b"nothing")
    with pytest.raises(
        DataError,
        match=r"root: left out 14 of 14 images, which cannot be decoded .*: fetch them again",
    ):
        opened()
    assert cached(tmp_path) == []


# The right sentence


def test_rows_left_out_are_said_before_images_are_missed(root, opened):
    table(root, TABLE.assign(dx=TABLE["dx"].mask(TABLE["dx"] == "nv", "healthy")))
    for archive in root.glob("*.zip"):
        archive.unlink()
    match = r"left out 2 rows .*\(healthy\).*; none of the 12 images is there: add HAM10000_images"
    with pytest.raises(DataError, match=match):
        opened()


@pytest.mark.parametrize(("column", "value"), [("image_id", "PAT_1"), ("dx", "b")])
def test_no_row_is_of_ham10000(root, opened, column, value):
    table(root, TABLE.assign(**{column: value}))
    match = rf"no row of HAM10000_metadata.csv is one of ham10000 \(left out 14 rows.*\({value}\)"
    with pytest.raises(DataError, match=match):
        opened()


def test_what_was_seen_is_said(root, opened):
    put(root / CSV, TABLE.to_csv(index=False))
    for name in IDS:
        put(root / "images" / f"{name}.png", b"")
    put(root / "photos.zip", b"no zip file")
    match = (
        r"root: none of the 14 images .*ISIC_0024306.jpg; found 14 .png \(ISIC_0024306.png\), .*"
    )
    with pytest.raises(DataError, match=match + r"not opened: photos.zip \(File is not a zip file"):
        opened()


def test_a_wrong_folder(root, opened):
    with pytest.raises(DataError, match="root is not a folder: give the folder that holds"):
        opened()
    root.mkdir()
    with pytest.raises(DataError, match=r"HAM10000_metadata\.csv or ISIC2018.*found nothing"):
        opened()
    put(root / "holiday.jpg", jpeg(0))
    with pytest.raises(DataError, match=r"images_part_1 and _part_2.*found 1 .jpg \(holiday\.jpg"):
        opened()


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("dx,age\nnv,30\n", r"lacks the columns image_id \(it has dx, age\): fetch"),
        ("image;MEL;NV\nISIC_0024306;1;0\n", "lacks the column dx, or akiec, bcc, bkl, .*: fetch"),
        ("", "is not a table .*: fetch it again"),
        (b"\x89PNG\r\n\x1a\n\xff\xff", "is not a table .*: fetch it again"),
        ("image_id,dx\n", "no row of HAM10000_metadata.csv is one of ham10000"),
        ("image_id,dx,DX\nISIC_0024306,nv,mel\n", "two unequal columns dx: keep one of them"),
    ],
)
def test_a_wrong_table(root, opened, text, match):
    two_zips(root)
    put(root / CSV, text)
    with pytest.raises(DataError, match=f"root: .*{match}"):
        opened()


def test_columns_that_become_one(root, opened):
    frame = TABLE.assign(Age=TABLE["age"], image="other").rename(columns={"sex": " Sex "})
    table(root, frame)
    opened(strict=True)


WORDS = {
    "akiec": "Actinic keratoses",
    "bcc": "basal cell carcinoma",
    "bkl": "Benign keratosis-like lesions",
    "df": "dermatofibroma",
    "mel": "Melanoma",
    "nv": "Melanocytic nevi",
    "vasc": "vascular lesions",
}


@pytest.mark.parametrize("sep", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    "change",
    [
        {"image_id": TABLE["image_id"] + ".jpg"},
        {"image_id": " " + TABLE["image_id"].str.lower() + " "},
        {"lesion_id": TABLE["lesion_id"].str.lower() + " "},
        {"dx": TABLE["dx"].map(WORDS)},
        {"sex": TABLE["sex"].str.title()},
    ],
)
def test_other_spellings(root, opened, sep, change):
    table(root, TABLE.assign(**change), sep=sep)
    wanted = TABLE.sort_values("image_id")["lesion_id"]
    assert opened(strict=True).table["lesion_id"].tolist() == wanted.tolist()


def test_one_hot_of_true_and_false(root, opened):
    isic(root)
    (root / "ISIC2018_Task3_Training_GroundTruth.zip").unlink()
    text = one_hot().replace("1.0", "True").replace("0.0", "False")
    put(root / "ISIC2018_Task3_Training_GroundTruth.csv", text)
    np.testing.assert_array_equal(opened(strict=True).labels, [i % 7 for i in range(COUNT)])


# Archives


@pytest.mark.parametrize("name", ["archive.zip", "archive (1).zip", "skin-cancer.zip"])
def test_other_names_of_the_archives(root, opened, name):
    kaggle(root, name)
    np.testing.assert_array_equal(opened(strict=True).images, expected(8))


def test_what_other_systems_write(root, opened):
    two_zips(root)
    archive = root / f"{NAMES[0]}.zip"
    members = {f"{NAMES[0]}\\{name}": data for name, data in members_of(archive).items()}
    zipped(archive, members | {f"__MACOSX/._{IDS[0]}.jpg": b"", f"a/._{IDS[1]}.jpg": b""})
    put(root / f"._{NAMES[0]}.zip", b"from a Mac")
    put(root / f"._{CSV}", b"from a Mac")
    np.testing.assert_array_equal(opened(strict=True).images, expected(8))


@pytest.mark.parametrize("end", [b"", b"cut"])
def test_a_cut_zip_file(root, opened, end):
    two_zips(root)
    archive = root / f"{NAMES[1]}.zip"
    whole = archive.read_bytes()
    archive.write_bytes(whole[:-30] + end)
    match = rf"root: {NAMES[1]}\.zip is no complete zip file.*: fetch it again"
    with pytest.raises(DataError, match=match):
        opened()
    archive.write_bytes(whole)
    opened(strict=True)


@pytest.mark.parametrize("name", ["../x.jpg", "a/../../x.jpg", "/x.jpg", "C:\\x.jpg", "..\\x.jpg"])
def test_a_zip_file_with_hostile_paths(root, opened, name):
    two_zips(root)
    zipped(root / "HAM10000_images_part_3.zip", {name: b""})
    with pytest.raises(DataError, match=r"part_3\.zip .*it names a path outside itself"):
        opened()
    assert not (root.parent / "x.jpg").exists()


def test_a_zipped_table_damaged_inside(root, opened):
    isic(root)
    archive = root / "ISIC2018_Task3_Training_GroundTruth.zip"
    data = bytearray(archive.read_bytes())
    data[130:150] = bytes(20)
    archive.write_bytes(data)
    with pytest.raises(
        DataError, match=r"GroundTruth\.csv in .* is not a table .*: fetch it again"
    ):
        opened()


def test_folders_may_be_links_and_lie_deep(root, opened):
    two_folders(root.parent / "elsewhere")
    deep = root / "a" / "b" / "c" / "d"
    deep.mkdir(parents=True)
    for path in (root.parent / "elsewhere").iterdir():
        (deep / path.name).symlink_to(path)
    np.testing.assert_array_equal(opened(strict=True).images, expected(8))


def test_an_archive_that_cannot_be_read_is_not_missed_in_silence(root, opened):
    two_zips(root)
    path = root / f"{NAMES[1]}.zip"
    path.rename(root / "hidden")
    path.symlink_to(root / "nowhere")
    match = r"6 images are missing .*not opened: HAM10000_images_part_2.zip .*No such file.*make"
    with pytest.raises(DataError, match=match):
        opened()
    path.unlink()
    (root / "hidden").rename(path)
    opened(strict=True)
