"""A small HAM10000 in every layout, seeded damages, and a judge of what comes out.

Right is: the same data set; or another one with a warning, in which every image and
mask is as it was; or one sentence (DataError) that names the folder. Wrong is all else,
a traceback or silence.
"""

import io
import json
import os
import shutil
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from skinlib.data import CLASSES, Dataset
from skinlib.data.ham10000 import prepare
from skinlib.data.metadata import PARTS, column_digest
from skinlib.data.prepared import DataWarning
from skinlib.errors import DataError

COUNT = 14
IDS = [f"ISIC_{24306 + i:07}" for i in range(COUNT)]
ONE_HOT = ("MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC")
TABLE = pd.DataFrame(
    {
        "lesion_id": [f"HAM_{i % 7 + 7 * (i // 14):07}" for i in range(COUNT)],
        "image_id": IDS,
        "dx": [CLASSES[i % 7] for i in range(COUNT)],
        "dx_type": "histo",
        "age": [None, *(5.0 * i for i in range(1, COUNT))],
        "sex": ["female", "male"] * 7,
        "localization": ["back", "scalp", "unknown", "trunk", "ear", "hand", "foot"] * 2,
    }
).sample(frac=1, random_state=0)
NAMES = ("HAM10000_images_part_1", "HAM10000_images_part_2")
CSV = "HAM10000_metadata.csv"
SMALL = PARTS["training"]._replace(
    rows=(COUNT,),
    counts=(2,) * 7,
    digests={name: column_digest(TABLE, name) for name in PARTS["training"].digests},
)
"""What `skinlib.data.metadata.PARTS` says of HAM10000, for this small one."""


def jpeg(seed: int, width: int = 20, height: int = 15) -> bytes:
    """An image with as much detail as a JPEG can keep."""
    coarse = np.random.default_rng(seed).integers(0, 256, (3, 4, 3), dtype="uint8")
    data = io.BytesIO()
    Image.fromarray(coarse).resize((width, height)).save(data, "jpeg")
    return data.getvalue()


def png(mask: np.ndarray, mode: str = "1") -> bytes:
    """A mask of 0 and 1 as PNG; 255 on the lesion in mode "1", else as it is."""
    data = io.BytesIO()
    image = Image.fromarray((mask * (255 if mode == "1" else 1)).astype("uint8"))
    image.convert(mode).save(data, "png")
    return data.getvalue()


IMAGES = {name: jpeg(i) for i, name in enumerate(IDS)}
MASKS = {name: np.arange(15)[:, None] * np.ones((1, 20)) < 3 + i for i, name in enumerate(IDS[:9])}
MASK_FILES = {f"{name}_segmentation.png": png(mask) for name, mask in MASKS.items()}


def put(path: Path, content: bytes | str) -> None:
    """Writes a file, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def zipped(path: Path | io.BytesIO, members: dict[str, bytes | str]) -> None:
    """Writes a zip file."""
    if isinstance(path, Path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def members_of(path: Path) -> dict[str, bytes]:
    """The members of a zip file."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def files(part: slice = slice(None), folder: str = "") -> dict[str, bytes]:
    """Names and contents of some images."""
    return {f"{folder}{name}.jpg": IMAGES[name] for name in IDS[part]}


def one_hot(table: pd.DataFrame = TABLE) -> str:
    """The table of classes as ISIC 2018 has it."""
    table = table.sort_values("image_id")
    hot = pd.DataFrame({name: (table["dx"] == name.lower()).astype(float) for name in ONE_HOT})
    hot.insert(0, "image", table["image_id"])
    return hot.to_csv(index=False)


def groupings(table: pd.DataFrame = TABLE) -> str:
    """The table of lesions as ISIC 2018 has it."""
    table = table[["image_id", "lesion_id"]].rename(columns={"image_id": "image"})
    return table.assign(diagnosis_confirm_type="histopathology").to_csv(index=False)


def two_zips(root: Path) -> None:
    """As Dataverse and the project's own copy have it."""
    put(root / CSV, TABLE.to_csv(index=False))
    zipped(root / f"{NAMES[0]}.zip", files(slice(0, 8)))
    zipped(root / f"{NAMES[1]}.zip", files(slice(8, None)))


def two_folders(root: Path) -> None:
    """Unpacked; some tools lower the case."""
    put(root / CSV, TABLE.to_csv(index=False))
    for folder, part in ((NAMES[0], slice(0, 8)), (NAMES[1].lower(), slice(8, None))):
        for name, content in files(part).items():
            put(root / folder / name, content)


def kaggle(root: Path, name: str = "archive (1).zip") -> None:
    """Its archive holds each folder twice, with one name in two cases."""
    members = files(slice(0, 8), f"{NAMES[0]}/") | files(slice(0, 8), f"{NAMES[0].lower()}/")
    members |= files(slice(8, None), f"{NAMES[1]}/")
    zipped(root / name, members | {CSV: TABLE.to_csv(index=False)})


def flat(root: Path) -> None:
    """Everything in one folder, the table with tabs."""
    for name, content in files().items():
        put(root / name, content)
    put(root / "HAM10000_metadata.tab", TABLE.to_csv(index=False, sep="\t"))


def dataverse_button(root: Path) -> None:
    """The button for a whole deposit gives zip files in a zip file."""
    inner = {}
    for name, part in zip(NAMES, (slice(0, 8), slice(8, None)), strict=True):
        zipped(buffer := io.BytesIO(), files(part))
        inner[f"{name}.zip"] = buffer.getvalue()
    table = TABLE.to_csv(index=False, sep="\t")
    zipped(root / "dataverse_files.zip", inner | {"HAM10000_metadata": table, "MANIFEST.TXT": "?"})


def isic(root: Path, table: pd.DataFrame = TABLE, images: dict[str, bytes] | None = None) -> None:
    """As ISIC 2018 has it: one-hot classes, lesions apart, no ages, sexes and sites."""
    folder = "ISIC2018_Task3_Training_Input"
    members = {f"{folder}/{name}": data for name, data in (images or files()).items()}
    zipped(root / f"{folder}.zip", members | {f"{folder}/LICENSE.txt": "CC"})
    name = "ISIC2018_Task3_Training_GroundTruth"
    members = {f"{name}/{name}.csv": one_hot(table), f"{name}/LICENSE.txt": "CC"}
    zipped(root / f"{name}.zip", members)
    put(root / "ISIC2018_Task3_Training_LesionGroupings.csv", groupings(table))


LAYOUTS = (two_zips, two_folders, kaggle, flat, dataverse_button, isic)


def with_masks(root: Path) -> None:
    """Two zips, and masks of some images beside them."""
    two_zips(root)
    zipped(root / "lesion_masks.zip", MASK_FILES)


def with_folder_of_masks(root: Path) -> None:
    """Two zips, and masks unpacked beside them."""
    two_zips(root)
    for name, content in MASK_FILES.items():
        put(root / "HAM10000_segmentations_lesion_tschandl" / name, content)


# Damages: each changes files below a folder, at random.


def flip(path: Path, rng: np.random.Generator, count: int = 1) -> None:
    """Flips bits of a file."""
    data = bytearray(path.read_bytes())
    for place in rng.integers(len(data), size=count):
        data[place] ^= 1 << rng.integers(8)
    path.write_bytes(data)


def cut(path: Path, rng: np.random.Generator) -> None:
    """Cuts off the end of a file."""
    data = path.read_bytes()
    path.write_bytes(data[: rng.integers(len(data))])


def zero(path: Path, rng: np.random.Generator) -> None:
    """Writes zeros over a stretch of a file."""
    data = bytearray(path.read_bytes())
    start, length = rng.integers(len(data)), rng.integers(1, 64)
    data[start : start + length] = bytes(len(data[start : start + length]))
    path.write_bytes(data)


def swap(path: Path, rng: np.random.Generator) -> None:
    """Exchanges two stretches of a file."""
    data = bytearray(path.read_bytes())
    a, b = sorted(rng.integers(max(1, len(data) // 2 - 16), size=2))
    b += len(data) // 2
    data[a : a + 16], data[b : b + 16] = data[b : b + 16], data[a : a + 16]
    path.write_bytes(data)


def lines(path: Path, rng: np.random.Generator) -> None:
    """Deletes, repeats, exchanges, spoils or adds a line of a table."""
    rows = path.read_text().splitlines()
    i, j = rng.integers(1, len(rows), size=2)
    match rng.integers(6):
        case 0:
            del rows[i]
        case 1:
            rows.insert(j, rows[i])
        case 2:
            del rows[rng.integers(len(rows)) :]
        case 3:
            rows[i] = rows[i] + "," + rows[j]
        case 4:
            rows.insert(i, str(rng.choice(["", "#", '"', "\x00", ",,,,,,,,,", "é,ü"])))
        case 5:
            rows[i] = rows[i][: rng.integers(len(rows[i]))]
    path.write_text("\n".join(rows) + "\n")


def cells(path: Path, rng: np.random.Generator) -> None:
    """Changes, empties or exchanges some cells of a table."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    for _ in range(rng.integers(1, 4)):
        i, k, column = *rng.integers(len(table), size=2), rng.integers(table.shape[1])
        values = ["", "x", "-1", "nan", "999", " ", "healthy", table.iat[k, column], "1e9", '"']
        table.iat[i, column] = str(rng.choice(values))
    path.write_text(table.to_csv(index=False))


def columns(path: Path, rng: np.random.Generator) -> None:
    """Renames, drops, repeats or exchanges columns of a table."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    name = str(rng.choice(table.columns))
    other = str(rng.choice(table.columns))
    match rng.integers(5):
        case 0:
            table = table.rename(columns={name: name.upper()})
        case 1:
            table = table.drop(columns=name)
        case 2:
            table[name.upper()] = table[name]
        case 3:
            table[f"{name.upper()} "] = table[other]
        case 4:
            table = table.rename(columns={name: other, other: name})
    path.write_text(table.to_csv(index=False))


def dressing(path: Path, rng: np.random.Generator) -> None:
    """Writes a table as other programs do: nothing is lost."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    ids = table["image_id"]
    match rng.integers(6):
        case 0:
            table["image_id"] = ids + str(rng.choice([".jpg", ".JPG", ".jpeg", " ", ".jpg "]))
        case 1:
            table["image_id"] = str(rng.choice([" ", "images/", "a\\b\\"])) + ids
        case 2:
            table["image_id"] = ids.str.lower()
        case 3:
            table["dx"] = table["dx"].str.upper() + " "
        case 4:
            words = ("Actinic keratoses", "basal cell carcinoma", "benign keratosis-like lesions")
            words += ("dermatofibroma", "Melanoma", "melanocytic nevi", "vascular lesions")
            table["dx"] = table["dx"].map(dict(zip(CLASSES, words, strict=True)))
        case 5:
            table["lesion_id"] = " " + table["lesion_id"].str.lower()
    text = table.to_csv(index=False, sep=str(rng.choice([",", ";", "\t", "|"])))
    text = text.replace("\n", str(rng.choice(["\n", "\r\n"])))
    path.write_bytes(text.encode(str(rng.choice(["utf-8", "utf-8-sig", "utf-16"]))))


def any_table(root: Path, rng: np.random.Generator) -> None:
    """One of the damages to the table."""
    damage = (flip, cut, zero, swap, lines, lines, cells, cells, columns, dressing)
    damage[rng.integers(len(damage))](root / CSV, rng)


def any_zip(root: Path, rng: np.random.Generator) -> None:
    """Damages a zip file, or writes it as other programs and hostile ones do."""
    path = sorted(root.glob("*.zip"))[rng.integers(len(list(root.glob("*.zip"))))]
    match rng.integers(9):
        case 0:
            flip(path, rng, rng.integers(1, 4))
        case 1:
            cut(path, rng)
        case 2:
            zero(path, rng)
        case 3:
            swap(path, rng)
        case 4:
            path.write_bytes(path.read_bytes() + rng.bytes(rng.integers(1, 100)))
        case 5:
            prefix = str(rng.choice(["part\\", "__MACOSX/._", "../", "/", "C:\\", "a/b/c/d/"]))
            members = members_of(path)
            name = str(rng.choice(list(members)))
            zipped(path, members | {f"{prefix}{Path(name).name}": members[name]})
        case 6:
            zipped(path, {name.replace("/", "\\"): v for name, v in members_of(path).items()})
        case 7:
            put(path.with_name(f"._{path.name}"), rng.bytes(50))
            path.rename(path.with_name(f"{path.stem} (1).zip"))
        case 8:
            members = members_of(path)
            zipped(buffer := io.BytesIO(), members)
            inner = bytearray(buffer.getvalue())
            if rng.random() < 0.5:
                inner[rng.integers(len(inner))] ^= 8
            zipped(path, {path.name: bytes(inner)})


def not_a_jpeg(rng: np.random.Generator, whole: bytes) -> bytes:
    """What is called .jpg and is none."""
    other = io.BytesIO()
    kind = str(rng.choice(["png", "gif", "bmp", "tiff", "ppm", "webp"]))
    Image.open(io.BytesIO(whole)).save(other, kind)
    texts = [b"", b"<html>sign in</html>", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nquit"]
    return [other.getvalue(), whole[: rng.integers(len(whole) - 9)], *texts][rng.integers(5)]


def any_image(root: Path, rng: np.random.Generator) -> None:
    """Puts something else in the place of an image, in a zip file or a folder."""
    for archive in sorted(root.glob("*.zip")):
        members = members_of(archive)
        names = [name for name in members if name.endswith(".jpg")]
        for name in rng.permutation(names)[: rng.integers(1, 4)]:
            members[name] = not_a_jpeg(rng, members[name])
        zipped(archive, members)
    unpacked = sorted(root.rglob("*.jpg"))
    for i in rng.permutation(len(unpacked))[:2]:
        unpacked[i].write_bytes(not_a_jpeg(rng, unpacked[i].read_bytes()))


def any_mask(root: Path, rng: np.random.Generator) -> None:
    """Writes a mask in another way, or damages it."""
    loose = sorted(root.rglob("*_segmentation.png"))
    archive = root / "lesion_masks.zip"
    masks = members_of(archive) if archive.exists() else {p.name: p.read_bytes() for p in loose}
    name = str(rng.choice(list(masks)))
    mask = MASKS[name.split("_seg")[0]]
    match rng.integers(5):
        case 0:
            masks[name] = png(mask, str(rng.choice(["L", "P", "RGB", "I;16"])))
        case 1:
            masks[name] = png(mask, str(rng.choice(["1"])))
        case 2:
            masks[name] = png(mask & False)
        case 3:
            masks[name] = masks[name][: rng.integers(len(masks[name]) - 12)]
        case 4:
            masks[name] = not_a_jpeg(rng, jpeg(0))[:40]
    if archive.exists():
        zipped(archive, masks)
    for path in loose:
        path.unlink()
        if path.name in masks:
            path.write_bytes(masks[path.name])


def any_prepared(folder: Path, rng: np.random.Generator) -> None:
    """Damages a prepared folder."""
    path = sorted(folder.iterdir())[rng.integers(len(list(folder.iterdir())))]
    match rng.integers(8):
        case 0 | 1:
            flip(path, rng)
        case 2:
            cut(path, rng)
        case 3:
            zero(path, rng)
        case 4:
            path.unlink()
        case 5:
            other = sorted(folder.iterdir())[rng.integers(len(list(folder.iterdir())))]
            path.write_bytes(other.read_bytes())
        case 6:
            table = pd.read_csv(folder / "table.csv").sample(frac=1, random_state=0)
            table.to_csv(folder / "table.csv", index=False)
        case 7:
            whole = json.loads((folder / "dataset.json").read_text())
            key = str(rng.choice(list(whole["contents"])))
            whole["contents"][key] = [None, 7, "x", {}, []][rng.integers(5)]
            (folder / "dataset.json").write_text(json.dumps(whole))


SCENES: dict[str, tuple[Callable, Callable]] = {
    "table": (two_zips, any_table),
    "table of ISIC 2018": (isic, lambda root, rng: isic_table(root, rng)),
    "zip file": (two_zips, any_zip),
    "zip file of Kaggle": (kaggle, any_zip),
    "zip file of Dataverse's button": (dataverse_button, any_zip),
    "image in a zip file": (two_zips, any_image),
    "image in a folder": (two_folders, any_image),
    "masks in a zip file": (with_masks, any_mask),
    "masks in a folder": (with_folder_of_masks, any_mask),
}
"""Name -> how the folder is laid out, and what happens to it."""


def isic_table(root: Path, rng: np.random.Generator) -> None:
    """Damages the tables of ISIC 2018, or writes them in another way."""
    path = root / "ISIC2018_Task3_Training_GroundTruth.csv"
    (root / "ISIC2018_Task3_Training_GroundTruth.zip").unlink()
    path.write_text(one_hot())
    if rng.random() < 0.3:
        text = path.read_text().replace("1.0", "True").replace("0.0", "FALSE")
        path.write_text(text.replace(",", ";") if rng.random() < 0.5 else text)
        return
    other = root / "ISIC2018_Task3_Training_LesionGroupings.csv"
    damage = (flip, cut, zero, swap, lines, cells, columns)[rng.integers(7)]
    damage(path if rng.random() < 0.6 else other, rng)


def truth(workplace: Path, layout: Callable) -> Dataset:
    """The data set as it comes out of an undamaged folder."""
    layout(workplace / "root")
    return opened(workplace)[0]


def opened(workplace: Path) -> tuple[Dataset, list[str]]:
    """Prepares `workplace/root` in `workplace/cache`; the data set and its warnings."""
    before = os.environ.get("SKINLIB_DATA")
    os.environ["SKINLIB_DATA"] = str(workplace / "cache")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            dataset = prepare(workplace / "root", 8)
    finally:
        if before is not None:
            os.environ["SKINLIB_DATA"] = before
    return dataset, [str(w.message) for w in caught if w.category is DataWarning]


def judge(workplace: Path, whole: Dataset) -> str:
    """What comes of a damaged folder: "same", "said", "refused", or "WRONG: ..."."""
    try:
        dataset, said = opened(workplace)
    except DataError as error:
        text = str(error)
        named = str(workplace) in text and "\n" not in text
        return "refused" if named else f"WRONG: no one sentence: {text!r}"
    except Exception as error:
        return f"WRONG: {type(error).__name__}: {error}"
    if any("\n" in sentence for sentence in said):
        return f"WRONG: no one sentence: {said}"
    return compare(dataset, whole, said)


def compare(dataset: Dataset, whole: Dataset, said: list[str]) -> str:
    """Judges a data set that came out with some warnings."""
    place = {name: i for i, name in enumerate(whole.table["image_id"])}
    if not set(dataset.table["image_id"]) <= place.keys():
        return "WRONG: images that there are not"
    rows = np.array([place[name] for name in dataset.table["image_id"]])
    if not np.array_equal(dataset.images, whole.images[rows]):
        return "WRONG: other pixels"
    if not 0 <= dataset.labels.min() <= dataset.labels.max() < 7:
        return "WRONG: no class"
    blank = np.zeros(dataset.images.shape[:3], "uint8")
    masks = blank if dataset.masks is None else dataset.masks
    expected = blank if whole.masks is None else whole.masks[rows]
    known = masks.any(axis=(1, 2))
    if not np.array_equal(masks[known], expected[known]):
        return "WRONG: other masks"
    same = len(dataset) == len(whole) and dataset.table.equals(whole.table)
    if same and np.array_equal(masks, expected):
        return "same"
    return "said" if said else "WRONG: silence"


def run_case(scene: str, seed: int, workplace: Path) -> str:
    """Lays out, damages and judges one case of a scene, in an empty folder."""
    layout, damage = SCENES[scene]
    whole = truth(workplace, layout)
    shutil.rmtree(workplace / "root")
    shutil.rmtree(workplace / "cache")
    layout(workplace / "root")
    damage(workplace / "root", np.random.default_rng([seed, *scene.encode()]))
    return judge(workplace, whole)


def run_prepared_case(seed: int, workplace: Path) -> str:
    """Damages what was prepared, and judges what is opened after that."""
    whole = truth(workplace, with_masks)
    (folder,) = (workplace / "cache").iterdir()
    table, images = whole.table.copy(), np.array(whole.images)
    masks = np.array(whole.masks)
    whole = Dataset("ham10000", images, table, whole.fingerprint, "squash", masks)
    any_prepared(folder, np.random.default_rng([seed, 0]))
    verdict = judge(workplace, whole)
    return verdict if verdict in ("same", "refused") else f"WRONG: not made anew: {verdict}"
