"""Measures the leakage of HAM10000's splits, and what the hash of near-duplicates recognises.

Writes leakage.csv and near_duplicates.csv beside this file.

python book/results/leakage/make.py FOLDER_OF_THE_ARCHIVES
"""

import sys
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from skinlib.book.lesson import near_duplicate_control
from skinlib.data import load, splits
from skinlib.data.leakage import leakage


def main() -> None:
    dataset = load("ham10000", root=Path(sys.argv[1]), size=224)
    dx = dataset.table["dx"].to_numpy()
    group = dataset.lesions

    shares = []
    for seed in tqdm(range(50)):
        split = splits.random_split(dataset, seed)
        leaks = pd.Series(group[split.test]).isin(group[split.train])
        shares.append({**leaks.groupby(dx[split.test]).mean(), "all": leaks.mean()})
    shares = pd.DataFrame(shares)

    near = {}
    for kind in ("random", "grouped"):
        tables = [leakage(dataset, splits.SPLITS[kind](dataset, seed)) for seed in tqdm(range(5))]
        near[kind] = sum(table["near_duplicate"] for table in tables) / len(tables)
    table = pd.DataFrame(
        {
            "random split: same lesion (mean)": shares.mean(),
            "random split: same lesion (sd)": shares.std(),
            "random split: near-duplicate (mean)": near["random"],
            "grouped split: near-duplicate (mean)": near["grouped"],
        }
    )
    folder = Path(__file__).parent
    table.rename_axis("class").to_csv(folder / "leakage.csv", float_format="%.5f")

    control = near_duplicate_control(dataset, count=1000)
    control.rename_axis("copy").to_csv(folder / "near_duplicates.csv", float_format="%.3f")


if __name__ == "__main__":
    main()
