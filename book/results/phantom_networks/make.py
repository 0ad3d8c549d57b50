"""The networks that chapter 7 looks into, trained on its phantom: a record of each.

Three of them are kept with their weights. `maps.npz` holds the heat maps of each network for four
pictures of the test part, `pointing.csv` how well its maps point at the lesion, picture by picture.
None of them was tuned: batches of 8, and no dropout in the paper's network. Networks that are kept
are not trained again; remove the folders of the others first.

    python make.py
"""

from pathlib import Path

import numpy as np
import pandas as pd

from skinlib import explain
from skinlib.data import load
from skinlib.data.splits import grouped_split, lesions
from skinlib.models import MODELS
from skinlib.records import Record
from skinlib.training import Recipe, train
from skinlib.weights import keep, trained

HERE = Path(__file__).parent
SCORES = (explain.pointing, explain.energy, explain.overlap)
PLAIN = {"deformable": False, "attention": False}
NETWORKS = {
    "proposed": ("proposed", {"dropout": 0.0}),
    "without_both": ("proposed", {"dropout": 0.0, **PLAIN}),
    "small": ("small", {}),
    **{name: (name, {}) for name in MODELS if name != "proposed"},
}
KEPT = ("proposed", "without_both", "small")


def main() -> None:
    dataset = load("phantom", count=1000, size=64)
    split = grouped_split(dataset, seed=0)
    images, truth = dataset.images[split.test], dataset.masks[split.test]
    labels = dataset.labels[split.test]
    common = np.bincount(labels, minlength=7).argsort()[::-1][:4]
    rows = [int(np.flatnonzero(labels == c)[0]) for c in common]
    maps, tables = {"rows": rows}, []
    for name, (kind, options) in NETWORKS.items():
        recipe = Recipe(model=kind, options=options, epochs=15, batch_size=8)
        if (HERE / name / "weights.npz").exists():
            model, record = trained(HERE / name), Record.read(HERE / name)
        else:
            model, record = train(dataset, split, recipe, HERE / name)
            if name in KEPT:
                keep(model, HERE / name)
        heat = explain.heat_map(model, images, record.probabilities.argmax(1))
        maps[name] = (255 * heat[rows]).round().astype("uint8")
        scores = {score.__name__: np.asarray(score(heat, truth)).round(4) for score in SCORES}
        lesion = lesions(dataset)[split.test]
        tables.append(pd.DataFrame({"network": name, "lesion_id": lesion, **scores}))
        np.savez_compressed(HERE / "maps.npz", **maps)
        pd.concat(tables).to_csv(HERE / "pointing.csv", index=False)


if __name__ == "__main__":
    main()
