"""Which choice, or which fault, would close the gap to the paper."""

from itertools import product

import numpy as np
import pandas as pd

from skinlib.book import evidence
from skinlib.book.evidence import RENEWED
from skinlib.book.verdict import ENOUGH
from skinlib.book.words import interval, many, percent
from skinlib.data.dataset import CLASSES
from skinlib.intervals import (
    interval_of_shares,
    interval_over_seeds,
    mean_over_seeds,
    paired_difference,
    show,
    unsure,
)
from skinlib.models import NAMES
from skinlib.runs import Run


def readings(table: pd.DataFrame, paper: float) -> str:
    """Which choices could explain the gap, from `evidence.readings`."""
    table = table[table["dead"] == ""]
    choices = table[~table["fault"]].drop("as printed", errors="ignore")
    faults = table[table["fault"]]
    if choices.empty and faults.empty:
        return "What would close the gap: not yet run."
    said = []
    if len(choices):
        said.append(_choices(choices, table["run"].get("as printed"), paper))
    if len(faults):
        reach = {
            "below": ", below the paper's",
            "at": ", as the paper",
            "above": ", above the paper's",
            "": ", of two trainings, which is too few for an interval",
            "other": "",
        }
        listed = [f"{name} {interval(row)}{reach[row['reach']]}" for name, row in faults.iterrows()]
        said.append(f"What a fault would print, on its own test set: {'; '.join(listed)}.")
    peak = choices["best epoch"].max()
    if np.isfinite(peak):
        even = "Even the" if peak < paper else "The"
        said.append(
            f"{even} best epoch of these trainings, picked on the test set, has {percent(peak)}."
        )
    return " ".join(said)


def _choices(table: pd.DataFrame, printed: Run | None, paper: float) -> str:
    """Which of the choices could close the gap; `printed`: a run without any of them."""
    enough = list(table.index[table["reach"].isin(["at", "above"])])
    best = table["value"].astype(float).idxmax()
    once = int((table["runs"] == 1).sum())
    text = (
        f"{', '.join(enough).capitalize() or 'No choice that was tried'} could close the gap to "
        f"{percent(paper, 2)}. At 64 x 64 pixels, {len(table)} of {len(evidence.CHOICES) - 1} "
        "changes to our reading of the recipe were tried"
    )
    if once:
        text += f", {'each' if once == len(table) else f'{once} of them'} in a single training"
    text += f". The best, *{best}*, reaches {interval(table.loc[best])}"
    run = table.loc[best, "run"]
    pair = printed if table.loc[best, "runs"] == 1 else None
    if pair is not None and run.predictions["image_id"].equals(pair.predictions["image_id"]):
        gain = paired_difference(run, pair, resamples=500)
        text += (
            f"; beside the recipe as printed, a training of each on the same images, that is "
            f"{show(gain, signed=True)} points{unsure(gain)}"
        )
    return f"{text}."


def slow_start(runs: pd.DataFrame) -> str:
    """How many first epochs stay at the answer that is alike for all classes and images."""
    alike = np.log(len(CLASSES))  # its cross-entropy, whether classes are weighted or not
    peeked = runs[(runs["data"] == "ham10000") & (runs["split"] == "peeked")]
    said, never = [], []
    for name in ("as printed", "balanced sampling", "class weights"):
        of = peeked[peeked["variant"] == evidence.CHOICES[name]]
        for run in of["run"].head(1):
            stuck = int((run.history["loss"] > 0.98 * alike).cummin().sum())
            said.append(f"{name} {stuck}")
            if stuck == len(run.history):
                never.append(name)
    if not said:
        return "How training starts if all classes count alike: not yet run."
    text = (
        f"A network that calls every class equally likely, whatever the image, has a cross-entropy "
        f"of {alike:.2f}. Of {len(run.history)} epochs, this many passed before the loss fell to "
        f"98 % of that: {', '.join(said)}."
    )
    if never:
        text += f" With {' and '.join(never)} it never did: such a run cannot judge a choice."
    return text


def copied(runs: pd.DataFrame, paper: float) -> str:
    """What copying rare images before the split does, and whether it need be leakage."""
    runs = evidence.live(runs, size=evidence.LAPTOP)
    faulty = runs[(runs["split"] == "copied") & (runs["variant"] == "proposed")]
    if faulty.empty:
        return "Rare images copied before the split: not yet run."
    text = copies(runs, paper)
    plain = runs[(runs["split"] == "random") & (runs["variant"] == "proposed")]
    plain = plain[plain["seed"].isin(faulty["seed"])]
    if len(plain):
        longer = _trained_on(faulty) / _trained_on(plain)
        text += (
            f" The copies also balance the classes, and make an epoch {longer:.1f} times as long; "
            "those that are made after the split do both, and leak nothing."
        )
    run = set(runs["model"][runs["split"] == "copied"])
    missing = [name for model, name in NAMES.items() if model not in run]
    if missing:
        text += f" Not yet run with the fault: {', '.join(missing)}."
    return text


def copies(runs: pd.DataFrame, paper: float) -> str:
    """What copying rare images before the split would print, and why."""
    found = evidence.live(runs, variant="proposed", split="copied", size=evidence.LAPTOP)
    if found.empty:
        return ""
    prints, shared = mean_over_seeds(found), evidence.at_natural_shares(found)
    text = (
        f"With a fault, copying rare images before the split, the recipe would print "
        f"{interval(prints)}. Copies of test images are trained on then. If classes were as "
        f"frequent in its test set as in HAM10000, that would be "
        f"{interval(interval_of_shares(shared))} ({many(len(found), 'run')} at 64 x 64 pixels)."
    )
    gains = lifts(runs)
    if gains:
        text += f" So weighted, the fault lifts, in points: {lifted(gains)}."
    text += after_the_split(runs)
    if prints["value"] > paper:
        text += (
            " So a fault of that kind can lift the number as far as the paper's. Whether one did, "
            "its text does not say."
        )
    return text


def after_the_split(runs: pd.DataFrame) -> str:
    """What is left of the fault if the copies are made of training images alone."""
    runs = evidence.live(runs, variant="proposed", size=evidence.LAPTOP)
    shares = {
        split: evidence.at_natural_shares(runs[runs["split"] == split])
        for split in ("random", "oversampled", "copied")
    }
    both = pd.DataFrame(shares).dropna()
    if both.empty:
        return ""
    lift, fault, leaked = (
        interval_over_seeds(both[first] - both[second])
        for first, second in (
            ("oversampled", "random"),
            ("copied", "random"),
            ("copied", "oversampled"),
        )
    )
    text = (
        " If the same copies are made after the split, of training images alone, the proposed "
        f"network changes by {show(lift, signed=True)}"
    )
    seeds = f"over {many(len(both), 'seed')}"
    if len(both) < ENOUGH:
        return f"{text} instead of {show(fault, signed=True)} ({seeds}: too few to be sure)."
    return (
        f"{text} {seeds}{unsure(lift)}: the leak is worth {show(leaked, signed=True)}"
        f"{unsure(leaked)}."
    )


def lifts(runs: pd.DataFrame) -> dict[str, pd.Series]:
    """Network -> how far copying before the split lifts its accuracy, at natural shares.

    Beside a random split with the same seed: `value`; from three seeds on `low` and `high`,
    Student's interval over them; and `seeds`, how many. Networks with batch normalisation answer by
    averages made anew where they were recorded so.
    """
    runs = evidence.live(runs, size=evidence.LAPTOP)
    gains = {}
    for model, end in product(("proposed", *evidence.RIVALS), (RENEWED, "")):
        of = runs[runs["variant"] == model + end]
        plain, faulty = (
            evidence.at_natural_shares(of[of["split"] == split]) for split in ("random", "copied")
        )
        differences = (faulty - plain).dropna()
        if len(differences):
            name = f"{NAMES[model]}{' (averages made anew)' * bool(end)}"
            gains[name] = pd.Series({**interval_over_seeds(differences), "seeds": len(differences)})
    return gains


def lifted(gains: dict[str, pd.Series]) -> str:
    """The `lifts`, in points."""
    return ", ".join(
        f"{name} {show(gain, signed=True)} over {many(int(gain['seeds']), 'seed')}"
        for name, gain in gains.items()
    )


def _trained_on(runs: pd.DataFrame) -> float:
    """How many images an epoch has, on average over runs."""
    return float(np.mean([run.config["split"]["train"] for run in runs["run"]]))
