"""A run on disk, and the table of all runs: one row per run.

A run's identity is what its `run.json` says, never the name of its folder.
"""

import hashlib
import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired

import numpy as np
import pandas as pd
import pooch
from pydantic import ConfigDict, Field, TypeAdapter, with_config
from typing_extensions import TypedDict

from skinlib.data.dataset import CLASSES
from skinlib.errors import RecordError, in_words
from skinlib.files import atomic_write
from skinlib.scores import TABLE1, arrays, score_values
from skinlib.training.recipe import Recipe

SCHEMA = 3

CROPPED = ", cropped"
"""The end of a variant's name whose images were cropped, not squashed."""

PREDICTIONS, ISIC, HEAT_MAPS = "predictions.csv", "isic2018_test.csv", "heat_maps.csv"
PREDICTION_COLUMNS = ["image_id", "lesion_id", "label", *CLASSES]
POINTING = ["pointing", "energy", "overlap"]
HEAT_MAP_COLUMNS = ["image_id", "lesion_id", "label", "map", *POINTING]

Count = Annotated[int, Field(ge=0)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
exact = with_config(ConfigDict(extra="forbid", strict=True))


@exact
class Data(TypedDict):
    """Which images: `Dataset.about`."""

    name: str
    fingerprint: str
    resize: str
    image_shape: tuple[Count, Count, Literal[3]]


@exact
class Parts(TypedDict):
    """Which split, and how many images are in each of its parts: `Split.about`."""

    kind: str
    seed: Count
    train: Count
    validation: Count
    test: Count


@exact
class Code(TypedDict):
    """What made the run: version, commit, and whether all of it ran the code of that commit."""

    version: str
    commit: str | None
    clean: bool | None


@exact
class Environment(TypedDict):
    """Where it was made."""

    date: str
    python: str
    packages: dict[str, str]
    backend: str
    gpus: list[str]
    processor: str
    cores: Count


@exact
class Cost(TypedDict):
    """What it took to train: the memory is the process's highest."""

    wall_seconds: Number
    images_per_second: Number
    peak_memory_mib: Count | None
    peak_gpu_memory_mib: NotRequired[Count | None]  # of older records


@exact
class Config(TypedDict):
    """What `run.json` holds."""

    schema: Literal[3]
    recipe: Recipe
    data: Data
    split: Parts
    code: Code
    environment: Environment
    parameters: Count
    cost: Cost
    history: dict[str, list[Number]]
    vital_signs: dict[str, Any]
    files: dict[Literal["predictions.csv", "isic2018_test.csv", "heat_maps.csv"], Digest]
    weights: Digest | None
    sha256: Digest


CONFIG, RECIPE = TypeAdapter(Config), TypeAdapter(Recipe)
"""They take longer to make than to use."""


@dataclass(frozen=True, eq=False)
class Run:
    """One training run.

    Attributes:
        config: what `run.json` holds, see `Config`; `files`, `weights` and `sha256` are added when
            it is written.
        predictions: one row per test image: `image_id`, `lesion_id`, `label` (a class name) and one
            column of probabilities per class.
        isic2018_test: the same for the test set of ISIC 2018, or None.
        heat_maps: what `skinlib.explain.heat_map_scores` says of the test images whose outline is
            known, or None.
        folder: where it lies, or None.
    """

    config: dict
    predictions: pd.DataFrame
    isic2018_test: pd.DataFrame | None = None
    heat_maps: pd.DataFrame | None = None
    folder: Path | None = None

    @property
    def recipe(self) -> Recipe:
        """How it was trained."""
        return RECIPE.validate_json(json.dumps(self.config["recipe"]))

    @property
    def history(self) -> pd.DataFrame:
        """One row per epoch, from 1; columns as Keras names them (`loss`, `accuracy`, ...)."""
        history = pd.DataFrame(self.config["history"])
        return history.set_index(pd.RangeIndex(1, len(history) + 1, name="epoch"))

    @property
    def probabilities(self) -> np.ndarray:
        """Predicted probabilities, float64 (N, 7)."""
        return arrays(self.predictions)[1]

    def write(self, folder: Path) -> None:
        """Writes the tables, then `run.json`: a run is there when the latter is.

        Raises:
            RecordError: if the folder holds a run.
        """
        if is_done(folder):
            raise RecordError(f"{folder} exists: remove it, or write the run elsewhere")
        folder.mkdir(parents=True, exist_ok=True)
        tables = {
            PREDICTIONS: self.predictions,
            ISIC: self.isic2018_test,
            HEAT_MAPS: self.heat_maps,
        }
        files = {}
        for name, table in tables.items():
            if table is not None:
                with atomic_write(folder / name) as partial:
                    table.to_csv(partial, index=False, float_format="%.5f", lineterminator="\n")
                files[name] = pooch.file_hash(folder / name)
        weights = folder / "weights.npz"
        config = self.config | {
            "files": files,
            "weights": pooch.file_hash(weights) if weights.exists() else None,
        }
        config["sha256"] = _digest(config)
        with atomic_write(folder / "run.json") as partial:
            partial.write_text(json.dumps(config, indent=1) + "\n")

    @classmethod
    def read(cls, folder: Path) -> "Run":
        """Reads what `write` wrote.

        Raises:
            RecordError: if a file is missing, damaged or changed, or of another schema.
        """
        folder = Path(folder)
        try:
            text = (folder / "run.json").read_text()
            config = json.loads(text)
            if not isinstance(config, dict) or config.get("schema") != SCHEMA:
                raise ValueError(
                    f"run.json is not of schema {SCHEMA}: remove its folder to make it again"
                )
            CONFIG.validate_json(text)
            if config["sha256"] != _digest(config):
                raise ValueError("run.json was changed after it was written")
            for name, digest in config["files"].items():
                if pooch.file_hash(folder / name) != digest:
                    raise ValueError(f"{name} was changed after it was written")
            tables = {
                name: pd.read_csv(folder / name, dtype={"image_id": str, "lesion_id": str})
                for name in config["files"]
            }
            _check(config, tables)
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise RecordError(f"the run {folder} cannot be read: {in_words(error)}") from error
        return cls(config, tables[PREDICTIONS], tables.get(ISIC), tables.get(HEAT_MAPS), folder)


def _digest(config: dict) -> str:
    """The SHA-256 of everything in `run.json` but this."""
    others = {name: value for name, value in config.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(others, sort_keys=True).encode()).hexdigest()


def _check(config: dict, tables: dict[str, pd.DataFrame]) -> None:
    for name, table in tables.items():
        columns = HEAT_MAP_COLUMNS if name == HEAT_MAPS else PREDICTION_COLUMNS
        if list(table.columns) != columns:
            raise ValueError(f"{name}: expected the columns {columns}, got {list(table.columns)}")
        if table.isna().any(axis=None):
            raise ValueError(f"{name} has empty cells")
        if not table["label"].isin(CLASSES).all():
            raise ValueError(f"{name} names an unknown class")
        key = ["image_id", "map"] if name == HEAT_MAPS else ["image_id"]
        if config["split"]["kind"] != "copied" and table.duplicated(key).any():
            raise ValueError(f"{name} has an image twice")
        values = table[columns[-7:] if columns == PREDICTION_COLUMNS else columns[-3:]]
        values = values.to_numpy(dtype=float)
        if not np.isfinite(values).all() or values.min(initial=0) < 0 or values.max(initial=1) > 1:
            raise ValueError(f"{name}: expected numbers from 0 to 1")
        if columns == PREDICTION_COLUMNS and not np.allclose(values.sum(1), 1, atol=1e-3):
            raise ValueError(f"{name} has probabilities that do not sum to 1")
    expected = config["split"]["test"]
    if len(tables[PREDICTIONS]) != expected:
        raise ValueError(f"{PREDICTIONS}: expected {expected} rows, got {len(tables[PREDICTIONS])}")
    if len({len(values) for values in config["history"].values()}) > 1:
        raise ValueError("the columns of its history differ in length")


def is_done(folder: Path) -> bool:
    """Whether a folder holds a run."""
    return (Path(folder) / "run.json").exists()


def load(*folders: str | Path) -> pd.DataFrame:
    """The table of all runs in some folders: one row per run, sorted by what it is.

    A run is a folder directly in one of them.

    A run that cannot be read is left out, with a warning that names it.

    Returns:
        Columns: `model`, `variant` (see `Recipe.variant`, and `CROPPED`), `deformable`,
        `attention`, `beta`, `data`, `split`, `seed`, `size` (pixels), `dtype`, `processor`,
        `commit`, `clean`, `parameters`, `seconds`, `peak_memory_mib`; scores from 0 to 1:
        `accuracy`, `precision`, `F1`, `balanced accuracy`, and the first and last of them on ISIC
        2018's test set (`isic ...`); means over lesions of `pointing`, `energy`, `overlap`; vital
        signs: `offset_mean`, `offset_p95` (pixels), `outside` (share of sampling points; NaN in
        older records), `outside_fixed` (of a fixed grid's), `mask_mean`, `mask_std`, `gamma`,
        `attention_top_tenth`, `dead_relu`, `dead` (why the run is to be distrusted, or ''); and
        `run`, the `Run` itself.

    Raises:
        RecordError: if a folder does not exist.
    """
    for folder in folders:
        if not Path(folder).is_dir():
            raise RecordError(f"{folder} is no folder: name one that holds folders of runs")
    rows = []
    for path in sorted(file for folder in folders for file in Path(folder).glob("*/run.json")):
        try:
            rows.append(_row(Run.read(path.parent)))
        except RecordError as error:
            warnings.warn(str(error), stacklevel=2)
    keys = ["data", "size", "split", "variant", "seed", "dtype"]
    table = pd.DataFrame(rows, columns=COLUMNS)
    measured = COLUMNS[COLUMNS.index("parameters") : COLUMNS.index("dead")]
    table[measured] = table[measured].astype(float)  # no runs, or none that was asked, too
    return table.sort_values(keys, kind="stable", ignore_index=True)


COLUMNS = [
    *("model", "variant", "deformable", "attention", "beta", "data", "split", "seed", "size"),
    *("dtype", "processor", "commit", "clean", "parameters"),
    *("seconds", "peak_memory_mib", *TABLE1),
    *("isic accuracy", "isic balanced accuracy", *POINTING),
    *("offset_mean", "offset_p95", "outside", "outside_fixed", "mask_mean", "mask_std"),
    *("gamma", "attention_top_tenth"),
    *("dead_relu", "dead", "run"),
]


def over_lesions(heat_maps: pd.DataFrame, kind: str) -> pd.Series:
    """The mean of each score of one kind of map, in which each lesion counts once."""
    chosen = heat_maps[heat_maps["map"] == kind]
    return chosen.groupby("lesion_id")[POINTING].mean().mean()


def _row(run: Run) -> dict:
    config, recipe, signs = run.config, run.recipe, run.config["vital_signs"]
    place, proposed = config["environment"], recipe.model == "proposed"
    row = {
        "model": recipe.model,
        "variant": recipe.variant + CROPPED * (config["data"]["resize"] == "crop"),
        "deformable": proposed and recipe.options.get("deformable", True),
        "attention": proposed and recipe.options.get("attention", True),
        "beta": recipe.beta,
        "data": config["data"]["name"],
        "split": config["split"]["kind"],
        "seed": recipe.seed,
        "size": config["data"]["image_shape"][0],
        "dtype": recipe.dtype,
        "processor": ", ".join(place["gpus"]) or place["processor"],
        **{name: config["code"][name] for name in ("commit", "clean")},
        "parameters": config["parameters"],
        "seconds": config["cost"]["wall_seconds"],
        "peak_memory_mib": config["cost"]["peak_memory_mib"],
        **score_values(run.predictions, TABLE1),
        "dead_relu": signs["dead_relu"]["share"],
        "dead": "; ".join(signs["dead"]),
        "run": run,
    }
    if run.isic2018_test is not None:
        values = score_values(run.isic2018_test, ("accuracy", "balanced accuracy"))
        row |= {f"isic {name}": value for name, value in values.items()}
    if run.heat_maps is not None:
        row |= over_lesions(run.heat_maps, "network").to_dict()
    if signs["deformable"]:
        row |= signs["deformable"]
    if signs["attention"]:
        row |= {
            "gamma": signs["attention"]["gamma"],
            "attention_top_tenth": signs["attention"]["top_tenth"],
        }
    return row
