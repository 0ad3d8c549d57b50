"""How well the heat maps of untrained networks point at lesions, draw by draw.

    python book/results/untrained_maps/make.py FOLDER_OF_THE_ARCHIVES

A recorded run holds one draw of untrained weights, the same for all runs. Here are more of them,
scored on every image of HAM10000 whose outline is known. Writes draws.csv beside this file.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from skinlib import explain
from skinlib.data import load
from skinlib.models import build
from skinlib.runs import POINTING

DRAWS = {64: 10, 224: 4}  # those at 224 x 224 pixels take minutes each
BATCH = 64


def scores(model, dataset, rows: np.ndarray) -> pd.Series:
    """Each score's mean, in which each lesion counts once."""
    found = []
    for start in range(0, len(rows), BATCH):
        some = rows[start : start + BATCH]
        heat, masks = explain.heat_map(model, dataset.images[some]), dataset.masks[some]
        found.append(np.stack([getattr(explain, name)(heat, masks) for name in POINTING], axis=1))
    table = pd.DataFrame(np.concatenate(found).clip(0, 1), columns=POINTING)
    return table.groupby(dataset.lesions[rows]).mean().mean()


def main() -> None:
    table = []
    for size, count in DRAWS.items():
        dataset = load("ham10000", root=sys.argv[1], size=size)
        rows = np.flatnonzero(dataset.masks.any(axis=(1, 2)))
        for draw in range(count):
            fresh = explain.randomize_weights(build("proposed", dataset.image_shape), draw)
            row = {"size": size, "draw": draw, "images": len(rows)}
            table.append(row | scores(fresh, dataset, rows).to_dict())
            print(table[-1], flush=True)
    file = Path(__file__).with_name("draws.csv")
    pd.DataFrame(table).to_csv(file, index=False, float_format="%.4f")


if __name__ == "__main__":
    main()
