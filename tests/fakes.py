"""Data sets of noise, and runs without training: what scores and verdicts ask of one."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from skinlib.data import CLASSES, Dataset


def dataset_of(labels, lesion_ids, images=None) -> Dataset:
    """A data set with given labels and lesions; the pictures are noise."""
    count = len(labels)
    if images is None:
        images = np.random.default_rng(0).integers(0, 256, (count, 16, 16, 3), dtype="uint8")
    table = pd.DataFrame(
        {
            "image_id": [f"T_{i:04}" for i in range(count)],
            "lesion_id": lesion_ids,
            "dx": [CLASSES[i] for i in labels],
            "age": 50.0,
            "sex": "female",
            "localization": "back",
        }
    )
    return Dataset("test", images, table, "0", "drawn")


def run_of(labels, predicted, lesion_ids=None, **recipe):
    """A run in which each image is predicted with certainty.

    Args:
        labels: (N,), class indices.
        predicted: (N,), class indices.
        lesion_ids: (N,); by default, each image shows a lesion of its own.
        recipe: what its recipe holds.
    """
    rows = pd.DataFrame(np.eye(7)[predicted], columns=list(CLASSES))
    rows["label"] = [CLASSES[i] for i in labels]
    rows["image_id"] = [f"i{i}" for i in range(len(labels))]
    rows["lesion_id"] = rows["image_id"] if lesion_ids is None else lesion_ids
    return SimpleNamespace(predictions=rows, config={"recipe": recipe})
