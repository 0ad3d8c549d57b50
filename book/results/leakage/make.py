"""Measures the leakage of HAM10000's splits; writes leakage.csv beside this file.

python book/results/leakage/make.py FOLDER_OF_THE_ARCHIVES
"""

import sys
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from skinlib.data import load, splits
from skinlib.data.leakage import leakage

dataset = load("ham10000", root=Path(sys.argv[1]), size=224)
dx = dataset.table["dx"].to_numpy()
group = dataset.lesions

shares = []
for seed in tqdm(range(50)):
    split = splits.random_split(dataset, seed)
    leaks = pd.Series(group[split.test]).isin(group[split.train])
    shares.append({**leaks.groupby(dx[split.test]).mean(), "all": leaks.mean()})
shares = pd.DataFrame(shares)

near = pd.DataFrame(
    {
        seed: leakage(dataset, splits.grouped_split(dataset, seed))["near_duplicate"]
        for seed in range(5)
    }
)
table = pd.DataFrame(
    {
        "random split: same lesion (mean)": shares.mean(),
        "random split: same lesion (sd)": shares.std(),
        "grouped split: near-duplicate (mean)": near.mean(axis=1),
    }
)
table.rename_axis("class").to_csv(Path(__file__).with_name("leakage.csv"), float_format="%.5f")
