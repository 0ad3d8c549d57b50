"""Kills a sweep at random moments, again and again, until it is complete; then looks for losses.

Two processes at a time train small networks on a phantom. Each kill hits the sweep alone: with
SIGKILL, SIGTERM or SIGINT. In the end every run must be readable, and the history of each must be
that of a run that nobody killed. A run takes a minute or two, and writes a checkpoint after half of
one: the output says how many kills found one, for without them nothing was resumed.

    python benchmarks/kills.py [--kills 50] [--seed 0] [--longest 120]
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from skinlib import runs
from skinlib.experiments import joint_loss
from skinlib.sweep import Source, pending, run_all
from skinlib.training.train import CHECKPOINT

SOURCE = Source("phantom", 48, count=10_000)
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


def main(kills: int, seed: int, longest: float) -> None:
    rng, hit, resumable = random.Random(seed), Counter(), 0
    dataset, experiments = SOURCE.load(), joint_loss(1)
    folder = Path(tempfile.mkdtemp(prefix="skinlib-kills-"))
    command = [sys.executable, "-m", "skinlib", "sweep", "joint_loss", "--folder", str(folder)]
    command += [*SOURCE.options, "--jobs", "2"]
    while todo := pending(experiments, dataset, folder):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(timeout=rng.uniform(1, longest) if hit.total() < kills else None)
            hit["ended by itself"] += 1
        except subprocess.TimeoutExpired:
            how = rng.choice(SIGNALS)
            os.kill(process.pid, how)
            process.wait()
            hit[how.name] += 1
            resumable += any(folder.glob(f"*/{CHECKPOINT}"))
        found = f"{resumable} left a checkpoint"
        print(f"{hit.total():3} {dict(hit)}, {found}, to do: {len(todo)}", flush=True)

    table = runs.load(folder).set_index("variant")["run"]
    left = {p.name for p in folder.glob("*/*")} - {"run.json", "predictions.csv", "heat_maps.csv"}
    print(f"{len(table)} of {len(experiments)} runs are there; files left over: {left or 'none'}")
    # In as many threads, for their number changes the last digits, and training all others.
    undisturbed = Path(tempfile.mkdtemp(prefix="skinlib-whole-"))
    run_all(experiments, SOURCE, undisturbed, jobs=2)
    wrong = 0
    for name, whole in runs.load(undisturbed).set_index("variant")["run"].items():
        wrong += not np.allclose(table[name].history["loss"], whole.history["loss"], rtol=1e-2)
    print(f"runs with another history than one that nobody killed: {wrong}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--longest", type=float, default=120, help="seconds before a kill")
    main(**vars(parser.parse_args()))
