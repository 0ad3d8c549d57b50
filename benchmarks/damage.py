"""Damages a small HAM10000 in many ways, and counts how often what comes out is right.

What is right, tests/data/broken.py says: the same data, other data and a warning, or one sentence.
"""

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "data"))

import broken

from skinlib.data.metadata import PARTS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=60, help="per scene")
    parser.add_argument("--record", action="store_true", help="write book/results/bench/damage.csv")
    options = parser.parse_args()
    cases = options.cases
    PARTS["training"] = broken.SMALL
    rows = {}
    for scene in (*broken.SCENES, "prepared folder"):
        found = Counter()
        for seed in range(cases):
            with tempfile.TemporaryDirectory() as folder:
                if scene in broken.SCENES:
                    verdict = broken.run_case(scene, seed, Path(folder))
                else:
                    verdict = broken.run_prepared_case(seed, Path(folder))
            if verdict.startswith("WRONG"):
                print(f"{scene}, seed {seed}: {verdict}")
            found[verdict.partition(":")[0]] += 1
        right = cases - found["WRONG"]
        kinds = {kind: found[kind] for kind in ("same", "said", "refused")}
        rows[scene] = {"tried": cases, "right": right} | kinds
    table = pd.DataFrame(rows).T
    table.loc["all"] = table.sum()
    print(table.to_string())
    if options.record:
        table.to_csv(
            Path(__file__).parents[1] / "book/results/bench/damage.csv", index_label="scene"
        )


if __name__ == "__main__":
    main()
