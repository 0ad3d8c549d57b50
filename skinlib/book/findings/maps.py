"""Where heat maps point."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from skinlib.book import evidence, verdict
from skinlib.book.verdict import BOTH
from skinlib.book.words import many
from skinlib.data.dataset import Dataset
from skinlib.intervals import compare, show, t_interval, unsure
from skinlib.models import NAMES
from skinlib.runs import Run


def heat_maps(runs: pd.DataFrame, draws: pd.DataFrame) -> str:
    """How the proposed network's heat maps stand to untrained ones and to a blob in the middle.

    `draws`: see `evidence.with_controls`.
    """
    runs = evidence.with_controls(evidence.live(runs), draws)
    found = {}
    for place, size in verdict.PLACES.items():
        of = runs[runs["size"] == size]
        answer = verdict.above(of, list(CONTROLS), "overlap", BOTH)
        if answer.numbers:
            found[place] = answer
    if not found:
        return "How well the proposed network's heat maps point on HAM10000: not yet run."
    most = max(found, key=lambda place: found[place].pairs)
    answers = [
        f"{WORDS[compare(found[most].numbers[control])]} {words}"
        for control, words in CONTROLS.items()
    ]
    said = []
    for place in (most, *(found.keys() - {most})):
        rows = [found[place].numbers[control] for control in CONTROLS]
        first, second = (
            f"{show(row, 2, False, signed=True)}{' (not sure)' * bool(unsure(row))}" for row in rows
        )
        trainings = many(found[place].pairs, "training")
        said.append(
            f"At {place} ({trainings}, each beside a draw of untrained weights) the overlap with "
            f"the lesion differs from the untrained one's by {first}, and from the blob's by "
            f"{second}."
        )
    return (
        f"At {most} pixels the proposed network's heat maps point at the lesion "
        f"{', and '.join(answers)}. {' '.join(said)}"
    )


WORDS = {"better": "better than", "worse": "worse than", "undecided": "not surely otherwise than"}


CONTROLS = {
    "fresh weights": "those of untrained weights",
    "blob in the middle": "a blob in the middle of the image",
}


def against_blob(table: pd.DataFrame, data: str) -> str:
    """Whose heat maps overlap more with the lesion than a blob in the middle.

    `table`: of `evidence.pointing`.
    """
    if table.empty:
        return f"How well heat maps point on {data}: not yet run."
    overlap = table.loc["overlap"]
    blob = overlap.loc[evidence.CONTROLS["blob in the middle"]]
    outline = overlap.loc[evidence.CONTROLS[evidence.OUTLINE]]
    names = [name for name in overlap.index if name not in evidence.CONTROLS.values()]
    beaten = [name for name in names if overlap.loc[name, "low"] > blob["high"]]
    listed = ", ".join(f"{name} {overlap.loc[name, 'value']:.2f}" for name in names)
    return (
        f"On {data}, {', '.join(beaten) or 'none'} of {many(len(names), 'network')} beats a blob "
        f"in the middle of the image: the blob overlaps with the lesion by {show(blob, 2, False)}; "
        f"{listed}. The true outline, drawn as coarsely as the proposed network's map, gets "
        f"{outline['value']:.2f}: what the truth itself scores on so few places."
    )


def untrained(table: pd.DataFrame) -> str:
    """Which networks, trained, surely point worse than the proposed one before it was trained.

    `table`: of `evidence.pointing`.
    """
    if table.empty:
        return "How well untrained maps point: not yet run."
    overlap = table.loc["overlap"]
    fresh = overlap.loc[evidence.CONTROLS["fresh weights"]]
    names = [name for name in NAMES.values() if name in overlap.index]
    worse = [name for name in names if overlap.loc[name, "high"] < fresh["low"]]
    text = (
        "Before it was trained (one draw of weights), the proposed network's maps overlap with the "
        f"lesion by {show(fresh, 2, False)}."
    )
    if not worse:
        return f"{text} No trained network's surely overlap less."
    return (
        f"{text} Those of {', '.join(worse)} surely overlap less, though trained. So where a map "
        "points depends on a network's layers, too, and not on what it learnt alone."
    )


def same_images(run: Run, dataset: Dataset, rows: np.ndarray) -> str:
    """Whether the images that are shown, `rows` of a data set, are those a run was tested on."""
    shown = dataset.table["image_id"].to_numpy()[rows]
    known = np.isin(shown, run.predictions["image_id"])
    text = f"{int(known.sum())} of these {len(shown)} images are in the network's own test set."
    if run.config["data"]["fingerprint"] != dataset.fingerprint:
        text += (
            f" It was trained on {run.config['data']['name']}, and not on this copy of these "
            "images: its answers may differ from the recorded ones."
        )
    return text


def deletion(curves: Mapping[str, Mapping[str, np.ndarray]]) -> str:
    """Whether the probability falls or rises faster in the first order than in the others.

    `curves`: of `skinlib.explain.curves`.
    """
    said = []
    for kind, orders in curves.items():
        means = {name: curve.mean(axis=1) for name, curve in orders.items()}  # (N,) each
        first, *others = means
        parts = []
        for other in others:
            gain = means[first] - means[other]
            found = compare(t_interval(-gain if kind == "deletion" else gain))
            word = "not told apart from" if found == "undecided" else f"{found} than"
            points = show(t_interval(gain), 2, False, signed=True)
            parts.append(f"{word} {other}, {points}")
        said.append(
            f"During {kind} the probability is {means[first].mean():.2f} on average with the order "
            f"of {first} ({len(means[first])} images): {'; '.join(parts)}."
        )
    return " ".join(said)


def half_a_cell(scores: pd.DataFrame) -> str:
    """What moving a map by half a cell does.

    `scores`: `value`, `low`, `high` of the overlap, one row per way; one is "as drawn".
    """
    if scores.empty:
        return "No outline is known: not measured."
    values = scores["value"].round(2)  # as they are printed
    drawn, moved = values["as drawn"], values.drop("as drawn")
    listed = [f"{show(scores.loc[way], 2, False)} if moved {way}" for way in moved.index]
    return (
        f"Half a cell moves the overlap, its mean over lesions, from {drawn:.2f} to "
        f"{' and to '.join(listed)}. The network is the same: {(moved - drawn).abs().max():.2f} of "
        "overlap may hang on where a place is drawn. Networks whose maps have the same places are "
        "drawn alike, so they can be compared. Between a network and a blob, or maps with other "
        "places, a smaller difference may come from the drawing alone."
    )
