"""Chapter 5: readings of the paper's network, its pulse, and what the networks cost."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from skinlib.cost import multiply_adds
from skinlib.models import NAMES, build
from skinlib.runs import Run

COSTS = {
    "parameters": "parameters",
    "multiply_adds": "multiply-adds",
    "step_seconds": "training step (s)",
    "prediction_seconds": "prediction (s)",
    "peak_memory_mib": "peak memory (MiB)",
}
"""Of what `benchmarks/models.py` records, what the book shows -> its name there."""


def readings(options: Mapping[str, Mapping[str, Any]], size: int = 224) -> pd.DataFrame:
    """What the proposed network costs as the paper may have meant it.

    Args:
        options: a reading's name -> keyword arguments of `skinlib.models.proposed`.
        size: height and width of the images, in pixels.

    Returns:
        One row per reading: `parameters`, `multiply-adds` of one prediction, and `map`, the side of
        the map that attention chooses from.
    """
    rows = {}
    for name, arguments in options.items():
        model = build("proposed", (size, size, 3), **arguments)
        rows[name] = {
            "parameters": model.count_params(),
            "multiply-adds": sum(multiply_adds(model).values()),
            "map": model.get_layer("conv9").output.shape[1],
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def pulse(run: Run) -> pd.DataFrame:
    """The vital signs of a run of the proposed network.

    Returns:
        One row per sign: where a `fresh` layer starts (NaN if nowhere in particular), and what was
        measured of the `trained` one.
    """
    signs = run.config["vital_signs"]
    moved, attention = signs["deformable"], signs["attention"]
    rows = {
        "offset, mean length (pixels of its map)": (0, moved["offset_mean"]),
        "offset, 95th percentile": (0, moved["offset_p95"]),
        "mask, mean": (0.5, moved["mask_mean"]),
        "mask, standard deviation": (0, moved["mask_std"]),
        "gamma": (0.01, attention["gamma"]),
        "attention on its highest tenth of places (fresh: an even map)": (
            attention["uniform"],
            attention["top_tenth"],
        ),
        "share of ReLU units at zero on all test images": (None, signs["dead_relu"]["share"]),
    }
    columns = ["fresh", "trained"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns, dtype=float)


def pulse_in_words(run: Run) -> str:
    """Which parts of a run's network are at work, in a few sentences."""
    signs = run.config["vital_signs"]
    if signs["dead"]:
        lead = f"**Not all of it is alive: {'; '.join(signs['dead'])}.**"
    else:
        lead = "**No part of it is dead.**"
    moved, relu = signs["deformable"], signs["dead_relu"]
    text = (
        f"{lead} The sampling points moved by {moved['offset_mean']:.2f} pixels of their "
        f"map on average, and gamma went from 0.010 to {signs['attention']['gamma']:.3f}. "
        f"Of all ReLU units, {relu['share']:.1%} are zero on every test image"
    )
    if relu["layers"]:
        worst = max(relu["layers"], key=relu["layers"].get)
        text += f", most often in `{worst}`: {relu['layers'][worst]:.1%}"
    return text + "."


def costs(path: str | Path, table1: pd.DataFrame) -> pd.DataFrame:
    """`table1`, the paper's scores, one row per network, with the columns of `COSTS`.

    `path`: what `benchmarks/models.py --record` wrote.
    """
    models = json.loads(Path(path).read_text())["models"]
    return table1.join(pd.DataFrame.from_dict(models, orient="index")[list(COSTS)])


def machine(path: str | Path) -> str:
    """Where and how the costs were measured."""
    record = json.loads(Path(path).read_text())
    place, settings = record["environment"], record["settings"]
    side = settings["size"]
    parts = [
        ", ".join(place["gpus"]) or place["processor"],
        f"{place['cores']} cores",
        f"Keras {place['packages']['keras']} on {place['backend']}",
        f"steps of {settings['batch']} images of {side} x {side} pixels",
    ]
    return f"Measured on {place['date']}: {', '.join(parts[:2])};\n{', '.join(parts[2:])}."


def size_claim(widths: Mapping[str, int], rivals: pd.Series) -> str:
    """Of which widths of the last layers it is true that the network is smaller.

    Args:
        widths: a reading in words -> the network's parameters.
        rivals: network -> its parameters.
    """
    rivals = rivals.rename(index=NAMES)
    lines = []
    for name, parameters in widths.items():
        larger = list(rivals.index[rivals > parameters])
        smaller = list(rivals.index[rivals <= parameters])
        text = f"- {name}: {parameters / 1e6:.1f} million parameters, "
        if not smaller:
            text += f"fewer than each of the {len(rivals)} baselines."
        elif not larger:
            text += "fewer than no baseline."
        else:
            text += f"fewer than {_listed(larger)}, more than {_listed(smaller)}."
        lines.append(text)
    return "\n".join(lines)


def work_claim(ratio: pd.DataFrame, readings: pd.Series) -> str:
    """How far the network's lead in speed depends on where its pools are.

    Args:
        ratio: what each baseline costs if the network costs 1; one column per cost.
        readings: the network's multiply-adds for each way to place the pools.
    """
    dearer = ratio[["training step", "prediction"]].gt(1.1).all(axis=1).sum()
    whose = f"all {dearer}" if dearer == len(ratio) else f"{dearer} of {len(ratio)}"
    return (
        f"With our pools, a training step and a prediction take less time than those of {whose} "
        "baselines, on the machine that the page names. Other places of the pools, which the text "
        f"allows as well, need up to {readings.max() / readings.min():.1f} times as many "
        "multiply-adds as the cheapest."
    )


def _listed(names: list[str]) -> str:
    """'a, b and c'."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)
