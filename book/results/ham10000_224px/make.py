"""Table 1 and the ablation at the paper's 224 x 224 pixels, many at a time on one card.

    KERAS_BACKEND=jax python make.py HAM10000 ISIC2018_TEST FOLDER JOBS

with the folders of the archives, a folder for the runs, and how many are trained at a time. What is
there already is skipped. A network with batch normalisation is trained once and leaves two runs:
one with the running averages, one with averages that were made anew, of the same weights.
"""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from skinlib.environment import code
from skinlib.experiments import AVERAGED, Experiment, ablation, grouped, table1
from skinlib.runs import is_done
from skinlib.sweep import Source, folder_name
from skinlib.training.checkpoint import Checkpoint, save_state
from skinlib.training.train import CHECKPOINT, identity, train


def experiments() -> list[Experiment]:
    """What is trained, the most wanted first, each once."""
    listed = [*table1(3), *ablation(3), *grouped(3), *table1(5), *grouped(5)]
    once = {one.title: one for one in listed}.values()
    return [replace(one, recipe=replace(one.recipe, dtype="mixed_bfloat16")) for one in once]


class LastState(Checkpoint):
    """Leaves the state after the last epoch as a checkpoint of another run."""

    def __init__(self, folder: Path, identity: str):
        super().__init__(None, identity, code())
        self.folder = folder

    def on_train_end(self, logs: dict | None = None) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        save_state(self.folder / CHECKPOINT, self.model, self.progress)


def run(experiment: Experiment, source: Source, folder: Path) -> None:
    """Trains one network and writes its run, or its two runs."""
    dataset, isic = source.load(), source.load_isic2018_test()
    split = experiment.divide(dataset)
    place = folder / folder_name(experiment, source)
    averaged = replace(experiment, recipe=replace(experiment.recipe, new_averages=True))
    second = folder / folder_name(averaged, source)
    callbacks = ()
    if experiment.recipe.model in AVERAGED:
        callbacks = (LastState(second, identity(dataset, split, averaged.recipe)),)
    if not is_done(place):
        if callbacks:  # the state has to know of all epochs, so it begins anew
            (place / CHECKPOINT).unlink(missing_ok=True)
        keep = experiment.recipe.model == "proposed"
        train(
            dataset,
            split,
            experiment.recipe,
            place,
            isic2018_test=isic,
            keep_weights=keep,
            callbacks=callbacks,
        )
    if callbacks and not is_done(second):
        train(dataset, split, averaged.recipe, second, isic2018_test=isic)


def main() -> None:
    ham10000, isic, folder = map(Path, sys.argv[1:4])
    source = Source("ham10000", 224, ham10000, None, 0, isic)
    listed = experiments()
    if number := os.environ.get("ONE"):
        run(listed[int(number)], source, folder)
        return

    def one(number: int) -> None:
        begin = time.time()
        with (folder / f"{number}.log").open("w") as log:
            command = [sys.executable, *sys.argv]
            environment = {**os.environ, "ONE": str(number)}
            done = subprocess.run(command, env=environment, stdout=log, stderr=log)
        print(listed[number].title, done.returncode, f"{time.time() - begin:.0f} s", flush=True)

    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(int(sys.argv[4])) as pool:
        list(pool.map(one, range(len(listed))))


if __name__ == "__main__":
    main()
