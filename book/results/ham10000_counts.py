"""Counts HAM10000's images and lesions per class; writes ham10000_counts.csv beside this file.

python book/results/ham10000_counts.py HAM10000_metadata.csv
"""

import sys
from pathlib import Path

import pandas as pd


def main() -> None:
    table = pd.read_csv(sys.argv[1])
    classes = table.groupby("dx")
    counts = pd.DataFrame({"images": classes.size(), "lesions": classes["lesion_id"].nunique()})
    alone = table[~table["lesion_id"].duplicated(keep=False)]
    counts["lesions of one image"] = alone["dx"].value_counts()
    counts = counts.fillna(0).astype(int)
    counts.rename_axis("class").to_csv(Path(__file__).with_suffix(".csv"))


if __name__ == "__main__":
    main()
