"""Chapter 4's sweep: each setting's place on the dial, and what it changes.

`table` is what `sweep` returns.
"""

from __future__ import annotations

import pandas as pd

from skinlib.data.dataset import CLASSES
from skinlib.intervals import compare, interval_over_seeds, show
from skinlib.runs import Run
from skinlib.scores import per_class

RARE = ["akiec", "bcc", "df", "vasc"]
PLAIN = "cross-entropy"
PRACTICE = ("class weights", "balanced sampling")
READINGS = {"mean": "mean", "batch_sum": "sum over the batch", "dataset_sum": "sum over the data"}
"""A reading of eq. 4, as a recipe names it -> in words."""
PAPER = [f"β = 0.0002, {words}" for words in READINGS.values()]
"""The paper's own settings: it does not say which of them ran."""


def dial(run: Run) -> float:
    """beta', the focal term's share of a run's loss, with both terms as means.

    beta s / (1 - beta + beta s): s, by the run's reading of eq. 4, is 1, the batch's size, or the
    number of training images.
    """
    recipe = run.config["recipe"]
    sizes = {
        "mean": 1,
        "batch_sum": recipe["batch_size"],
        "dataset_sum": run.config["split"]["train"],
    }
    beta, s = recipe["beta"], sizes[recipe["focal_reduction"]]
    return beta * s / (1 - beta + beta * s)


def setting(run: Run) -> str:
    """What a run of the sweep does, in words."""
    recipe = run.config["recipe"]
    if recipe["class_weights"]:
        return PRACTICE[0]
    if recipe["sampling"] == "balanced":
        return PRACTICE[1]
    beta = recipe["beta"]
    if beta in (0, 1):
        return "focal loss" if beta else PLAIN
    return f"β = {beta:g}, {READINGS[recipe['focal_reduction']]}"


def with_recalls(runs: pd.DataFrame) -> pd.DataFrame:
    """The table with the recall of each class, and `rare recall`, the mean of the four rarest."""
    recalls = [per_class(run)["recall"].to_numpy() for run in runs["run"]]
    recalls = pd.DataFrame(recalls, runs.index, list(CLASSES), dtype=float)
    return runs.join(recalls).assign(**{"rare recall": recalls[RARE].mean(axis=1)})


def sweep(runs: pd.DataFrame) -> pd.DataFrame:
    """What chapter 4 compares, of all runs without a dead part.

    `runs`: of `skinlib.runs.load`.

    Returns:
        These, `with_recalls`, and with their `setting` and `dial` (the mean over the setting's
        runs, whose splits differ by an image or two). By the dial; what practitioners use comes
        last.
    """
    table = with_recalls(runs[runs["dead"] == ""])
    table = table.assign(setting=table["run"].map(setting), dial=table["run"].map(dial))
    table["dial"] = table.groupby("setting")["dial"].transform("mean")
    last = 2 * table["setting"].isin(PRACTICE)  # dial: at most 1
    return table.sort_values("dial", key=last.add, kind="stable", ignore_index=True)


def differences(table: pd.DataFrame, score: str) -> pd.DataFrame:
    """How much a setting changes a score, against cross-entropy alone.

    Runs of one seed share their split, their first weights and the order of their images, so they
    are compared in pairs.

    Returns:
        One row per other setting, in the table's order: `value`, `low`, `high` (Student's interval
        over pairs), the same in `points` as text, `pairs` and `verdict` (see
        `skinlib.intervals.compare`).
    """
    names = [name for name in table["setting"].unique() if name != PLAIN]
    values = table.pivot_table(score, "seed", "setting")
    values = values.reindex(columns=[PLAIN, *names])
    rows = {}
    for name in names:
        gaps = (values[name] - values[PLAIN]).dropna()
        row = interval_over_seeds(gaps)
        points = {"points": show(row, signed=True)}
        rows[name] = {**row, **points, "pairs": len(gaps), "verdict": compare(row)}
    columns = ["value", "low", "high", "points", "pairs", "verdict"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def titled(rows: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Rows of `differences`, with the place on the dial behind each setting's name."""
    place = table.groupby("setting")["dial"].first()
    shown = [name for name in rows.index if name not in PRACTICE]
    return rows.rename(index={name: f"{name} ({place[name]:.2%})" for name in shown})


def in_words(rows: pd.DataFrame) -> str:
    """'better: class weights +20.1 (+12.5 to +27.7); undecided: ...', in points."""
    parts = []
    for verdict in ("better", "worse", "undecided"):
        chosen = rows[rows["verdict"] == verdict]
        named = [f"{name} {points}" for name, points in chosen["points"].items()]
        if named:
            parts.append(f"{verdict}: {', '.join(named)}")
    return "; ".join(parts)


def paper_finding(table: pd.DataFrame) -> str:
    """What the paper's beta changes in balanced accuracy, under each reading of eq. 4."""
    rows = differences(table, "balanced accuracy")
    rows = rows[rows.index.isin(PAPER) & (rows["pairs"] > 0)]
    if rows.empty:
        return "The paper's β: not yet run."
    decided = int((rows["verdict"] != "undecided").sum())
    told = f"a sure change of balanced accuracy under {decided} of {len(rows)} readings"
    if not decided:
        told = "no sure change of balanced accuracy under any reading"
    rows.index = rows.index.str.removeprefix("β = 0.0002, ")
    changes = in_words(rows).removeprefix("" if decided else "undecided: ")
    limit = rows[["low", "high"]].abs().max(axis=None)
    end = "" if pd.isna(limit) else f" No interval reaches beyond {100 * limit:.1f}."
    return (
        f"**With the paper's β = 0.0002, {rows['pairs'].max()} pairs of runs show {told} "
        f"of eq. 4.** In points, against {PLAIN} alone: {changes}.{end}"
    )


def focal_finding(table: pd.DataFrame) -> str:
    """What any share of focal loss, up to all of the loss, changes for the rare classes."""
    rows = differences(table, "rare recall")
    rows = rows[~rows.index.isin(PRACTICE) & (rows["pairs"] > 0)]
    if rows.empty:
        return "Mixtures with focal loss: not yet run."
    sure = int((rows["verdict"] == "better").sum())
    text = (
        f"**{sure or 'None'} of {len(rows)} settings with focal loss {'are' if sure > 1 else 'is'} "
        "a sure gain for the four rare classes.**"
    )
    if "focal loss" in rows.index:
        alone = rows.loc["focal loss"]
        text += f" Focal loss alone changes their recall by {alone['points']} points "
        text += f"({alone['verdict']})."
    return text


def practice_finding(table: pd.DataFrame) -> str:
    """What class weights and balanced sampling change, and who pays."""
    scores = ("rare recall", "nv", "accuracy")
    changes = {score: differences(table, score) for score in scores}
    lines = []
    for name in PRACTICE:
        if name not in changes["nv"].index:
            lines.append(f"With {name}: not yet run.")
            continue
        rare, common, accuracy = (changes[score].loc[name] for score in scores)
        lines.append(
            f"**With {name}**, the recall of the four rare classes changes by "
            f"{rare['points']} points ({rare['verdict']}), that of nv by "
            f"{common['points']} ({common['verdict']}), and accuracy by "
            f"{accuracy['points']} ({accuracy['verdict']})."
        )
    return "\n\n".join(lines)
