"""The sweep that chapter 04 reads: each setting of the joint loss, five seeds, on a phantom.

Another phantom than the chapter's (seed 1). What is there already is skipped.

    python book/results/joint_loss/make.py
"""

from pathlib import Path

from skinlib.data import load
from skinlib.sweep import missing, work

HERE = Path(__file__).parent

options = {"count": 800, "size": 48, "seed": 1}
runs = missing("joint_loss", 5, load("phantom", **options), HERE)
work(runs, "phantom", options, HERE)
