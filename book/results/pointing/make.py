"""How well Grad-CAM points at the lesion on HAM10000, picture by picture: `pointing.csv`.

The networks are those of records in `ham10000_64px` with the lesion-grouped split of seed 0; the
pictures are those of its test part that have a mask.

    python make.py HAM10000 MASKS WEIGHTS   (WEIGHTS: a folder with <title>.weights.h5)

Beside the kept network, those whose weights are in WEIGHTS. Records keep none, so the network
without attention was trained again: it is the one of `ham10000_64px_again`.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from skinlib import explain
from skinlib.data import load
from skinlib.data.masks import read_masks
from skinlib.data.splits import grouped_split, lesions
from skinlib.models import build
from skinlib.records import Record
from skinlib.weights import trained

HERE, SIZE = Path(__file__).parent, 64
RECORDS = HERE.parent / "ham10000_64px"
SCORES = (explain.pointing, explain.energy, explain.overlap)


def main(archives: str, masks: str, weights: str) -> None:
    dataset = load("ham10000", root=Path(archives), size=SIZE)
    test = grouped_split(dataset, seed=0).test
    truth, known = read_masks(Path(masks), dataset.table["image_id"][test], SIZE)
    rows = test[known]
    images = dataset.images[rows].astype("float32")

    networks = {"proposed": trained(RECORDS / "proposed_grouped_seed0")}
    networks["random weights"] = explain.randomised(networks["proposed"])
    for path in sorted(Path(weights).glob("*_grouped_seed0.weights.h5")):
        title = path.name.removesuffix(".weights.h5")
        name = title.removesuffix("_grouped_seed0").replace("_", " ")
        if name not in networks:
            recipe = Record.read(RECORDS / title).run["recipe"]
            networks[name] = build(recipe["model"], dataset.image_shape, 7, **recipe["options"])
            networks[name].load_weights(path)
    places = networks["proposed"].get_layer("conv10").output.shape[1]
    heats = {
        "blob in the middle": np.broadcast_to(explain.blob(SIZE), truth.shape),
        f"true outline on {places} x {places} places": explain.coarse(truth, places),
    }
    for name, network in networks.items():
        answers = network.predict(images, verbose=0).argmax(1)
        heats[name] = explain.heat_map(network, images, answers)
    tables = [
        pd.DataFrame(
            {
                "network": name,
                "seed": 0,
                "image_id": dataset.table["image_id"].to_numpy()[rows],
                "lesion_id": lesions(dataset)[rows],
                "dx": dataset.table["dx"].to_numpy()[rows],
                **{score.__name__: np.asarray(score(heat, truth)).round(4) for score in SCORES},
            }
        )
        for name, heat in heats.items()
    ]
    pd.concat(tables).to_csv(HERE / "pointing.csv", index=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
