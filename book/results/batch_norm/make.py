"""What the running averages of batch normalisation do to a score, epoch by epoch.

ARL14 learns HAM10000 at 64 x 64 pixels with the printed recipe. After each epoch it answers images
twice: with the averages that Keras keeps while it trains (momentum 0.99), and with averages that
are made anew from training images while the weights rest. The images are of the training part of a
grouped split, and of a validation part; no test image is used.

    python book/results/batch_norm/make.py ham10000

with the folder of the archives. Half an hour on two cores.
"""

import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from skinlib.data import load
from skinlib.data.dataset import Dataset
from skinlib.data.splits import Split, tuning_split
from skinlib.scores import score_values
from skinlib.training.averages import renew_averages
from skinlib.training.recipe import Recipe
from skinlib.training.train import predict, train

RECIPE = Recipe(model="arl14", beta=0.0, dtype="mixed_bfloat16")


class Averages(keras.callbacks.Callback):
    """Scores a network after each epoch, with its running averages and with new ones."""

    def __init__(self, dataset: Dataset, split: Split):
        super().__init__()
        some = np.random.default_rng(0).permutation(split.train)
        self.dataset, self.trained = dataset, split.train
        self.parts = {"training": some[-640:], "validation": split.test}
        self.rows: list[dict] = []

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        running = self.model.get_weights()
        self.score(epoch + 1, "running")
        renew_averages(self.model, self.dataset, self.trained)
        self.score(epoch + 1, "new")
        self.model.set_weights(running)

    def score(self, epoch: int, averages: str) -> None:
        for part, rows in self.parts.items():
            scores = score_values(predict(self.model, self.dataset, rows), ["accuracy"])
            self.rows.append({"epoch": epoch, "images": part, "averages": averages, **scores})


def main() -> None:
    dataset = load("ham10000", root=sys.argv[1], size=64)
    split = tuning_split(dataset, seed=0)
    averages = Averages(dataset, split)
    train(dataset, split, RECIPE, callbacks=(averages,), progress=True)
    table = pd.DataFrame(averages.rows).round(4)
    table.to_csv(Path(__file__).with_name("batch_norm.csv"), index=False)


if __name__ == "__main__":
    main()
