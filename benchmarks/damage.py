"""Damages a small HAM10000 in many ways, and counts how often what comes out is right.

What is right, tests/data/broken.py says: the same data, other data and a warning, or one sentence.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "data"))

import broken

from skinlib.data.metadata import PARTS
from skinlib.data.prepared import read_prepared

PREPARE = """
import sys
sys.path.insert(0, sys.argv[1])
import broken
from skinlib.data.ham10000 import prepare
from skinlib.data.metadata import PARTS
PARTS["training"] = broken.SMALL
print("ready", flush=True)
for size in range(600, 640):
    prepare(sys.argv[2], size)
"""


def kill_case(seed: int, workplace: Path) -> str:
    """Kills a process that prepares one size after another, and judges what it leaves."""
    broken.with_masks(workplace / "root")
    cache, rng = workplace / "cache", np.random.default_rng(seed)
    command = [sys.executable, "-c", PREPARE, broken.__file__.rsplit("/", 1)[0]]
    process = subprocess.Popen(
        [*command, str(workplace / "root")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"SKINLIB_DATA": str(cache)},
    )
    process.stdout.readline()
    try:
        process.wait(rng.uniform(0, 2))
    except subprocess.TimeoutExpired:
        process.send_signal((signal.SIGKILL, signal.SIGTERM, signal.SIGINT)[seed % 3])
        process.wait()
    process.stdout.close()
    scratch = {path.name for path in cache.glob(".*")} if cache.exists() else set()
    for folder in cache.glob("[!.]*"):
        size = int(folder.name.split("-")[1])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            read_prepared(folder)[0].images[:, :size].sum()
    whole, said = broken.opened(workplace)
    if said or len(whole) != broken.COUNT or any(cache.glob(".*")):
        return f"WRONG: {said}, left: {scratch}"
    return "same"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=60, help="per scene")
    cases = parser.parse_args().cases
    PARTS["training"] = broken.SMALL
    scenes = {name: partial(broken.run_case, name) for name in broken.SCENES}
    scenes |= {"prepared folder": broken.run_prepared_case, "killed preparation": kill_case}
    rows = {}
    for scene, run in scenes.items():
        found = Counter()
        for seed in range(cases):
            with tempfile.TemporaryDirectory() as folder:
                verdict = run(seed, Path(folder))
            if verdict.startswith("WRONG"):
                print(f"{scene}, seed {seed}: {verdict}")
            found[verdict.partition(":")[0]] += 1
        right = cases - found["WRONG"]
        kinds = {kind: found[kind] for kind in ("same", "said", "refused")}
        rows[scene] = {"tried": cases, "right": right} | kinds
    table = pd.DataFrame(rows).T
    table.loc["all"] = table.sum()
    print(table.to_string())


if __name__ == "__main__":
    main()
