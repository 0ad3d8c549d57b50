"""The table of HAM10000 as people have it, cleaned and compared with the original."""

import hashlib
import io
import warnings
from typing import NamedTuple

import numpy as np
import pandas as pd

from skinlib.data.archives import DAMAGED_ZIP, File, Listing, Reader, is_of_the_machine, some
from skinlib.data.dataset import CLASSES, COLUMNS, IMAGES_PER_CLASS
from skinlib.errors import DataError, in_words

SUFFIXES = (".csv", ".tab", ".tsv", ".txt", "")
IMAGE_ID = r"ISIC_\d{7}"

WORDS = {
    "akiec": r"actinic keratos[ie]s.*|bowen'?s disease|intraepithelial carcinoma",
    "bcc": r"basal cell carcinoma",
    "bkl": r"(pigmented )?benign keratos[ie]s.*|seborrh?eic keratos[ie]s|solar lentigo",
    "df": r"dermatofibromas?",
    "mel": r"melanomas?",
    "nv": r"(melanocytic )?na?ev(us|i)",
    "vasc": r"vascular( skin)? lesions?",
}
"""Class -> what else it is called in tables, in lower case."""

SEXES = ("female", "male", "unknown")
SITES = (
    *("abdomen", "acral", "back", "chest", "ear", "face", "foot", "genital", "hand"),
    *("lower extremity", "neck", "scalp", "trunk", "unknown", "upper extremity"),
)


class Part(NamedTuple):
    """What one part of the data is called, and what its table holds as published.

    Attributes:
        name: of the data set.
        tables: names of its table, the best first.
        groupings: name of the table of lesions that belongs to one-hot classes.
        images: names of the archives.
        rows: how many rows the table may have.
        counts: images per class of `CLASSES`, of the most rows.
        digests: column -> `column_digest` of the published table; none where it is not known.
    """

    name: str
    tables: tuple[str, ...]
    groupings: str
    images: str
    rows: tuple[int, ...]
    counts: tuple[int, ...]
    digests: dict[str, str]


PARTS = {
    "training": Part(
        "ham10000",
        ("HAM10000_metadata", "ISIC2018_Task3_Training_GroundTruth"),
        "ISIC2018_Task3_Training_LesionGroupings",
        "HAM10000_images_part_1 and _part_2, or ISIC2018_Task3_Training_Input",
        (10015,),
        IMAGES_PER_CLASS,
        {
            "dx": "40ed946f3e295997",
            "lesion_id": "b7a36dd78f6496b6",
            "age": "0e53434a5b3040a5",
            "sex": "f83199e6100c2209",
            "localization": "70bc05c26aaf36eb",
        },
    ),
    "test": Part(
        "isic2018_test",
        ("ISIC2018_Task3_Test_GroundTruth",),
        "ISIC2018_Task3_Test_LesionGroupings",
        "ISIC2018_Task3_Test_Input",
        (1511, 1512),
        (43, 93, 217, 44, 171, 909, 35),
        {},
    ),
}


def read_metadata(part: Part, listing: Listing, reader: Reader) -> tuple[pd.DataFrame, list[str]]:
    """Reads, cleans and checks the table of a part.

    Args:
        part: one of `PARTS`.
        listing: where to look.
        reader: of its files.

    Returns:
        N rows with the columns `COLUMNS`, sorted by image id, which are unique; and one sentence
        for each thing that was left out or is not as published.

    Raises:
        DataError: if there is no table, it cannot be read or lacks a column, one image has two
            classes or lesions, or no row is left.
    """
    found = _named(listing, part.tables)
    if not found:
        raise DataError(
            f"not a folder of {part.name}: expected "
            f"{'.csv or '.join(part.tables)}.csv and {part.images} (zip files or "
            f"folders, any letter case), {listing}"
        )
    groupings = _named(listing, (part.groupings,))
    first, *others = found
    table, problems = _clean(part, first, groupings, reader)
    for other in others:
        try:
            second, _ = _clean(part, other, groupings, reader)
        except DataError as error:
            problems.append(f"used {first}, not {other}: {error}")
            continue
        both = table.merge(second, on="image_id", how="outer", suffixes=("", "_2"))
        differs = both["dx"].ne(both["dx_2"]) | (
            both["lesion_id"].ne(both["lesion_id_2"]) & both["lesion_id_2"].notna()
        )
        if differs.any():
            problems.append(
                f"{other} differs from {first} in {differs.sum():,} images "
                f"({some(both.loc[differs, 'image_id'])}): used {first}, delete "
                "the wrong one"
            )
    return table, problems


def _named(listing: Listing, names: tuple[str, ...]) -> list[File]:
    """The tables of some names, in the order of the names."""
    tables = [file for file in listing.files if file.suffix in SUFFIXES]
    return [file for name in names for file in tables if file.stem == name.lower()]


def _read(file: File, reader: Reader, *required: str) -> pd.DataFrame:
    """A table of text whose columns have lower-case names, each once."""
    try:
        data = reader.read(file)
        header = data.partition(b"\n")[0]
        encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pd.errors.ParserWarning)  # commas at the ends of rows
            table = pd.read_csv(
                io.BytesIO(data),
                sep=max(",;\t|", key=lambda sign: header.count(sign.encode())),
                dtype=str,
                encoding=encoding,
                index_col=False,
            )
    except (OSError, RuntimeError, *DAMAGED_ZIP) as error:
        if is_of_the_machine(error):
            raise DataError(f"{file} cannot be read ({error}): mend that and try again") from None
        raise DataError(f"{file} is not a table ({in_words(error)}): fetch it again") from None
    names = table.columns.str.strip().str.lower()
    if "image_id" not in names:
        names = names.where(names != "image", "image_id")
    table = table.set_axis(names, axis=1)
    for name in names[names.duplicated()]:
        if not table[name].T.drop_duplicates().shape[0] == 1:
            raise DataError(f"{file} has two unequal columns {name}: keep one of them")
    table = table.loc[:, ~names.duplicated()]
    table = table.apply(lambda column: column.str.strip().replace("", np.nan))
    if lacking := [name for name in required if name not in table]:
        raise DataError(
            f"{file} lacks the columns {', '.join(lacking)} (it has {some(table.columns)}): "
            "fetch it again"
        )
    return table


def _image_ids(column: pd.Series) -> pd.Series:
    """Image ids in capitals, without folders before and suffixes behind them."""
    return column.str.upper().str.replace(r"^.*[/\\]|\.(JPE?G|PNG)$", "", regex=True)


def _numbers(column: pd.Series) -> pd.Series:
    """Floats; NaN where the text is none. A decimal comma counts as a point."""
    text = column.str.replace(",", ".").str.lower().replace({"true": "1", "false": "0"})
    return pd.to_numeric(text, errors="coerce").astype(float)


def _classes(file: File, table: pd.DataFrame) -> pd.Series:
    """Classes from the column `dx`, in short or in words, or from one-hot columns."""
    if "dx" in table:
        dx = table["dx"].str.lower().str.replace("’", "'")
        for name, words in WORDS.items():
            dx = dx.mask(dx.str.fullmatch(words, na=False), name)
        return dx
    if lacking := [name for name in CLASSES if name not in table]:
        raise DataError(
            f"{file} lacks the column dx, or {', '.join(lacking)} (it has "
            f"{some(table.columns)}): fetch it again"
        )
    hot = table[list(CLASSES)].apply(_numbers).to_numpy()  # (N, 7)
    one = ((hot == 1).sum(1) == 1) & ((hot == 0).sum(1) == len(CLASSES) - 1)
    return pd.Series(np.where(one, np.array(CLASSES)[(hot == 1).argmax(1)], "none or several"))


def _clean(
    part: Part, file: File, groupings: list[File], reader: Reader
) -> tuple[pd.DataFrame, list[str]]:
    """What `read_metadata` returns, of one table."""
    raw = _read(file, reader, "image_id")
    table = raw.reindex(columns=list(COLUMNS)).astype(object)
    table["image_id"], table["dx"] = _image_ids(raw["image_id"]), _classes(file, raw)
    table["lesion_id"] = table["lesion_id"].str.upper().replace("UNKNOWN", np.nan)
    if groupings and table["lesion_id"].isna().any():
        known = _lesions(groupings[0], reader)
        table["lesion_id"] = table["lesion_id"].fillna(table["image_id"].map(known))

    problems: list[str] = []
    foreign, why = ~table["dx"].isin(CLASSES), "of a class that HAM10000 has not"
    table = _leave_out(table, foreign, "dx", f"of {file} {why}", problems)
    foreign = ~table["image_id"].str.fullmatch(IMAGE_ID, na=False).astype(bool)
    why = "with an image id unlike ISIC_0024306"
    table = _leave_out(table, foreign, "image_id", f"of {file} {why}", problems)
    if table.empty:
        left_out = "; ".join(problems) or "it is empty"
        raise DataError(f"no row of {file} is one of {part.name} ({left_out}): fetch it again")
    _refuse_conflicts(file, table.drop_duplicates(["image_id", "dx", "lesion_id"]))
    again = table["image_id"].duplicated()
    table = _leave_out(table, again, "image_id", f"of {file} that repeat an image id", problems)
    table = _without_strange_values(table, file, problems)
    lacking = [name for name in ("age", "sex", "localization") if name not in raw]
    if lacking and "dx" in raw:
        problems.append(f"{file} lacks the columns {', '.join(lacking)}: they count as unknown")
    problems += _differences(part, file, table)
    return table.sort_values("image_id", ignore_index=True), problems


def _lesions(file: File, reader: Reader) -> pd.Series:
    """Image id -> lesion id, of a table of groupings."""
    groups = _read(file, reader, "image_id", "lesion_id")[["image_id", "lesion_id"]].dropna()
    groups["image_id"] = _image_ids(groups["image_id"])
    groups["lesion_id"] = groups["lesion_id"].str.upper()
    groups = groups.drop_duplicates()
    _refuse_conflicts(file, groups)
    return groups.set_index("image_id")["lesion_id"]


def _leave_out(
    table: pd.DataFrame, bad: pd.Series, column: str, which: str, problems: list[str]
) -> pd.DataFrame:
    """The table without some rows, and a problem more if there are any."""
    if bad.any():
        values = some(table.loc[bad, column].unique())
        problems.append(f"left out {bad.sum():,} rows {which} ({values})")
    return table[~bad]


def _without_strange_values(table: pd.DataFrame, file: File, problems: list[str]) -> pd.DataFrame:
    """Ages as floats; ages, sexes and sites that HAM10000 cannot have as NaN."""
    age = _numbers(table["age"])
    sex, site = table["sex"].str.lower(), table["localization"].str.lower()
    columns = {
        "age": age.where(age.between(0, 120)),
        "sex": sex.where(sex.isin(SEXES)),
        "localization": site.where(site.isin(SITES)),
    }
    for name, column in columns.items():
        strange = table.loc[table[name].notna() & column.isna(), name]
        if len(strange):
            values = some(strange.unique())
            problems.append(
                f"{len(strange):,} values of {name} in {file} count as unknown ({values})"
            )
    return table.assign(**columns)


def _differences(part: Part, file: File, table: pd.DataFrame) -> list[str]:
    """In what a cleaned table differs from the published one, a sentence each."""
    problems = []
    found = table["dx"].value_counts().reindex(list(CLASSES), fill_value=0).to_numpy()
    missing = np.array(part.counts) - found
    if len(table) not in part.rows or np.abs(missing).sum() != sum(part.counts) - len(table):
        rows = " or ".join(f"{n:,}" for n in part.rows)
        counts = ", ".join(
            f"{name} {n:,} for {published:,}"
            for name, n, published in zip(CLASSES, found, part.counts, strict=True)
            if n != published
        )
        problems.append(
            f"{file} has {len(table):,} rows of {part.name}, not the {rows} "
            f"published ({counts}): fetch it again unless you meant to use a part"
        )
    unknown = table["lesion_id"].isna().sum()
    if unknown and part.digests:
        problems.append(
            f"the lesion of {unknown:,} images is unknown, so no split can keep "
            f"lesions together: add {part.groupings}.csv"
        )
    if len(table) == sum(part.counts):
        known = [name for name in part.digests if table[name].notna().any()]
        others = [name for name in known if column_digest(table, name) != part.digests[name]]
        if others:
            problems.append(
                f"{file} differs from the published table in {', '.join(others)}: fetch it again"
            )
    return problems


def column_digest(table: pd.DataFrame, name: str) -> str:
    """What changes when a value of a column does: 16 hexadecimal digits.

    `table`: a cleaned table, in any order.
    """
    rows = table[["image_id", name]].sort_values("image_id")
    return hashlib.sha256(rows.to_csv(index=False).encode()).hexdigest()[:16]


def _refuse_conflicts(file: File, facts: pd.DataFrame) -> None:
    conflicts = facts.loc[facts["image_id"].duplicated(), "image_id"].unique()
    if len(conflicts):
        raise DataError(
            f"{file}: {len(conflicts):,} image ids have two classes or lesions "
            f"({some(conflicts)}): fetch the table again"
        )
