"""Chooses the setting of chapter 6's short run, without a look at its test part.

Another phantom than the chapter's (seed 1). Each setting trains on the training part and is scored
on the validation part; the test part is not used.

    python book/results/lesson/make.py
"""

from dataclasses import replace
from itertools import product
from pathlib import Path

import pandas as pd

from skinlib.data import load
from skinlib.data.splits import grouped_split
from skinlib.scores import score_values
from skinlib.training.recipe import Recipe
from skinlib.training.train import train


def main() -> None:
    dataset = load("phantom", count=800, size=48, seed=1)
    split = grouped_split(dataset, seed=1, validation=0.2)
    split = replace(split, test=split.validation, validation=split.validation[:0])

    rows = []
    for batch_size, first in product((8, 32), ("glorot_uniform", "he_normal")):
        recipe = Recipe(
            epochs=8, batch_size=batch_size, options={"dropout": 0.0, "initializer": first}
        )
        values = [score_values(train(dataset, split, replace(recipe, seed=s))[1]) for s in range(2)]
        mean = pd.DataFrame(values).mean()
        rows.append({"batch_size": batch_size, "initializer": first, **mean})
    pd.DataFrame(rows).round(4).to_csv(Path(__file__).with_name("settings.csv"), index=False)


if __name__ == "__main__":
    main()
