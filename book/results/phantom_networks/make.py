"""The networks that chapter 8 looks into, trained on its phantom: a run of each.

Three of them are kept with their weights. `maps.npz` holds the heat maps of each network for four
images of the test part; how well all maps point at the lesion stands in the runs. None of the
networks was tuned: batches of 8, and no dropout in the paper's. What is there already is kept.

    python book/results/phantom_networks/make.py
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from skinlib import explain
from skinlib.data import load
from skinlib.data.splits import grouped_split
from skinlib.models import MODELS
from skinlib.training.recipe import PAPER_BETA, Recipe
from skinlib.training.train import train

HERE = Path(__file__).parent
KEPT = ("proposed", "without_both", "small")
SHORT = Recipe(epochs=15, batch_size=8, beta=0.0)
RIVALS = {name: replace(SHORT, model=name) for name in MODELS if name != "proposed"}
PROPOSED = replace(SHORT, beta=PAPER_BETA["proposed"], options={"dropout": 0.0})
PLAIN = {"dropout": 0.0, "deformable": False, "attention": False}
RECIPES = {
    "proposed": PROPOSED,
    "without_both": replace(PROPOSED, options=PLAIN),
    "small": replace(SHORT, model="small"),
    **RIVALS,
}


def main() -> None:
    dataset = load("phantom", count=1000, size=64)
    split = grouped_split(dataset, seed=0)
    labels = dataset.labels[split.test]
    common = np.bincount(labels, minlength=7).argsort()[::-1][:4]
    rows = [int(np.flatnonzero(labels == c)[0]) for c in common]
    images = dataset.images[split.test][rows]
    for name, recipe in RECIPES.items():
        if (HERE / name / "run.json").exists():
            continue
        model, _ = train(dataset, split, recipe, HERE / name, keep_weights=name in KEPT)
        heat = explain.heat_map(model, images)
        path = HERE / "maps.npz"
        maps = dict(np.load(path)) if path.exists() else {"rows": rows}
        np.savez_compressed(path, **maps, **{name: (255 * heat).round().astype("uint8")})


if __name__ == "__main__":
    main()
