"""How well the heat maps of this folder's runs point, where their weights were kept.

    python heat_maps.py HAM10000 FOLDER

with the folder of the archives, and a folder of runs that `make.py` wrote: on JAX, so that they
lack the scores of their heat maps, which need TensorFlow. Each run is written anew with them. The
weights were kept in half precision, which moves a probability by a few hundredths.
"""

import shutil
import sys
from dataclasses import replace
from pathlib import Path

from skinlib.data import load
from skinlib.experiments import Experiment
from skinlib.explain import heat_map_scores
from skinlib.runs import Run
from skinlib.training.train import trained_network


def main() -> None:
    dataset = load("ham10000", root=sys.argv[1], size=224)
    for weights in sorted(Path(sys.argv[2]).glob("*/weights.npz")):
        run = Run.read(weights.parent)
        split = Experiment(run.recipe, run.config["split"]["kind"]).divide(dataset)
        maps = heat_map_scores(trained_network(run), dataset, split.test)
        beside = weights.parent.with_name(f"{weights.parent.name}.new")
        beside.mkdir()
        shutil.copy(weights, beside)
        replace(run, heat_maps=maps).write(beside)
        shutil.rmtree(weights.parent)
        beside.rename(weights.parent)


if __name__ == "__main__":
    main()
