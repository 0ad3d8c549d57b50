"""Where heat maps point."""

from pathlib import Path

import numpy as np
import pandas as pd

from skinlib.book.evidence.classes import captions
from skinlib.book.evidence.selection import live, named
from skinlib.book.verdict import BOTH
from skinlib.data.dataset import CLASSES
from skinlib.explain import MAPS
from skinlib.intervals import cluster_bootstrap, interval_of_shares, show
from skinlib.models import MODELS, NAMES
from skinlib.runs import POINTING, Run, over_lesions

FRESH, BLOB, OUTLINE = MAPS[1:]
BEST = "the outline's overlap"

CONTROLS = {
    FRESH: "control: one draw of fresh weights",
    BLOB: "control: blob in the middle",
    OUTLINE: "control: the outline, as coarse as the map",
}


def with_maps(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs whose heat maps were held against outlines."""
    return runs[runs["run"].map(lambda run: run.heat_maps is not None).astype(bool)]


def pointing(runs: pd.DataFrame) -> pd.DataFrame:
    """How well heat maps point at the lesion: networks in table 1's order, others, the controls.

    The interval of three trainings is Student's over their means; of one, it is over lesions.
    Controls are those of the proposed network (of the first, if there is none). What the outline
    gets on the places of a network's own map is its row of `BEST`.

    `runs`: of one data set; those without heat maps are left out.

    Returns:
        Index (score, whose map); columns `value`, `low`, `high`, `runs`.
    """
    runs = with_maps(runs[runs["dead"] == ""])
    if runs.empty:
        return pd.DataFrame(columns=["value", "low", "high", "runs"], dtype=float)
    found = set(runs["variant"])
    names = [n for n in dict.fromkeys([*NAMES, *runs["variant"]]) if n in found]
    whose = "proposed" if "proposed" in names else names[0]
    shown = [(named(name), name, "network") for name in names]
    shown += [(CONTROLS[kind], whose, kind) for kind in MAPS[1:]]
    rows = {}
    for column in POINTING:
        for label, variant, kind in shown:
            of = [run.heat_maps for run in runs["run"][runs["variant"] == variant]]
            row = interval_of_shares([over_lesions(table, kind)[column] for table in of])
            if len(of) == 1:
                only = of[0][of[0]["map"] == kind]
                row = cluster_bootstrap(only[column].to_numpy(), only["lesion_id"])
            rows[column, label] = {**row, "runs": len(of)}
    for label, variant, _ in shown[: len(names)]:
        of = [run.heat_maps for run in runs["run"][runs["variant"] == variant]]
        reached = [over_lesions(table, OUTLINE)["overlap"] for table in of]
        rows[BEST, label] = {"value": np.mean(reached), "runs": len(of)}
    return pd.DataFrame(rows).T


def pointing_words(table: pd.DataFrame) -> pd.DataFrame:
    """`pointing` with one row per map, its scores as text, and how many `trainings` it has."""
    if table.empty:
        return table
    words = table.apply(show, axis=1, digits=2, percent=False)
    words = words.unstack(0, sort=False)[[*POINTING, BEST]].fillna("")
    return words.assign(trainings=table.loc["overlap", "runs"].astype(int))


def with_reach(runs: pd.DataFrame) -> pd.DataFrame:
    """The table with `BEST`, what the true outline gets on the places of each run's own maps."""
    maps = [run.heat_maps for run in runs["run"]]
    reach = [np.nan if m is None else over_lesions(m, OUTLINE)["overlap"] for m in maps]
    return runs.assign(**{BEST: pd.Series(reach, runs.index, dtype=float)})


def with_controls(runs: pd.DataFrame, draws: pd.DataFrame) -> pd.DataFrame:
    """The table, with rows of two controls beside each training of the proposed network.

    Their `variant` is the control's name, so that a verdict takes them for networks. Each training
    has a draw of fresh weights of its own, since draws differ, too.

    Args:
        runs: the table of runs.
        draws: what `book/results/untrained_maps` holds, one row per `size` and `draw`.
    """
    rows = []
    trained = with_maps(live(runs[runs["split"].isin(BOTH)], variant="proposed"))
    for size, of in trained.groupby("size"):
        fresh = draws[draws["size"] == size].set_index("draw")[POINTING]
        for number, (_, row) in enumerate(of.sort_values(["split", "seed"]).iterrows()):
            rows.append({**row, "variant": BLOB, **over_lesions(row["run"].heat_maps, BLOB)})
            if number in fresh.index:
                rows.append({**row, "variant": FRESH, **fresh.loc[number]})
    if not rows:
        return runs
    return pd.concat([runs, pd.DataFrame(rows)], ignore_index=True)


def overlap_by_class(runs: pd.DataFrame) -> pd.DataFrame:
    """Mean overlap with the lesion: one row per class, one column per network or control.

    The controls are those of the proposed network. A lesion counts once. `images`: how many images
    of its runs, of which one that several of them tested counts once.
    """
    tables = []
    for row in runs.itertuples():
        if row.run.heat_maps is not None:
            table = row.run.heat_maps
            own = table["map"] == "network"
            name = table["map"].map(CONTROLS).mask(own, row.variant)
            table = table.assign(name=name)
            tables.append(table if row.variant == "proposed" else table[own])
    if not tables:
        return pd.DataFrame()
    table = pd.concat(tables)
    by_lesion = table.groupby(["label", "name", "lesion_id"], as_index=False, sort=False)["overlap"]
    found = by_lesion.mean().pivot_table("overlap", "label", "name", sort=False).reindex(CLASSES)
    proposed = table[table["name"] == "proposed"]
    images = proposed.groupby("label")["image_id"].nunique()
    found.insert(0, "images", images.reindex(CLASSES).fillna(0))
    return found.astype({"images": int}).rename_axis(index="class", columns=None)


def recorded_maps(folder: Path) -> tuple[list[int], dict[str, tuple]]:
    """The heat maps that `phantom_networks/make.py` left of the six networks.

    Returns:
        Which images of the test set, and network -> (maps (N, H, W) from 0 to 1, captions).
    """
    with np.load(folder / "maps.npz") as saved:
        rows = [int(row) for row in saved["rows"]]
        heats = {name: saved[name] / 255 for name in MODELS if name in saved.files}
    answers = {name: Run.read(folder / name).probabilities[rows] for name in heats}
    return rows, {NAMES[n]: (heat, captions(answers[n])) for n, heat in heats.items()}
