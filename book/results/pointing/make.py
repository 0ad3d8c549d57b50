"""How well Grad-CAM points at the lesion on HAM10000, picture by picture: `pointing.csv`.

The networks are those of records with the lesion-grouped split; of each seed the pictures are
those of its test part that have a mask.

    python make.py HAM10000 MASKS WEIGHTS   (WEIGHTS: a folder with <title>.weights.h5)

A title is a record's, such as `alexnet_grouped_seed1`. Records keep no weights, but for the
proposed network's with seed 0. So some networks were trained a second time: where
`ham10000_64px_again` has a record, the weights are of that run, else of `ham10000_64px`.
"""

import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from skinlib import explain
from skinlib.data import load
from skinlib.data.masks import read_masks
from skinlib.data.splits import grouped_split, lesions
from skinlib.models import build
from skinlib.records import Record
from skinlib.weights import trained

HERE, SIZE, SEEDS = Path(__file__).parent, 64, 3
RECORDS = HERE.parent / "ham10000_64px"
SCORES = (explain.pointing, explain.energy, explain.overlap)


def networks_of(seed: int, weights: Path, shape: tuple[int, int, int]) -> dict[str, keras.Model]:
    """The networks that were trained with a seed, by name, and one that was not trained."""
    ending = f"_grouped_seed{seed}"
    found = {"proposed": trained(RECORDS / "proposed_grouped_seed0")} if seed == 0 else {}
    for path in sorted(weights.glob(f"*{ending}.weights.h5")):
        title = path.name.removesuffix(".weights.h5")
        name = title.removesuffix(ending).replace("_", " ")
        if name not in found:
            recipe = Record.read(RECORDS / title).run["recipe"]
            found[name] = build(recipe["model"], shape, 7, **recipe["options"])
            found[name].load_weights(path)
    return found | {"random weights": explain.randomised(found["proposed"], seed)}


def main(archives: str, masks: str, weights: str) -> None:
    dataset = load("ham10000", root=Path(archives), size=SIZE)
    tables = []
    for seed in range(SEEDS):
        test = grouped_split(dataset, seed=seed).test
        truth, known = read_masks(Path(masks), dataset.table["image_id"][test], SIZE)
        rows = test[known]
        images = dataset.images[rows].astype("float32")
        networks = networks_of(seed, Path(weights), dataset.image_shape)
        places = networks["proposed"].get_layer("conv10").output.shape[1]
        heats = {
            "blob in the middle": np.broadcast_to(explain.blob(SIZE), truth.shape),
            f"true outline on {places} x {places} places": explain.coarse(truth, places),
        }
        for name, network in networks.items():
            answers = network.predict(images, verbose=0).argmax(1)
            heats[name] = explain.heat_map(network, images, answers)
        tables += [
            pd.DataFrame(
                {
                    "network": name,
                    "seed": seed,
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
