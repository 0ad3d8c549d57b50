"""What every test may use: tiny data sets, and a cache that is not the user's."""

import os
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["SKINLIB_DATA"] = tempfile.mkdtemp(prefix="skinlib-tests-")

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from skinlib.data import CLASSES, Dataset, load

mpl.use("agg")


def pytest_unconfigure() -> None:
    import shutil

    shutil.rmtree(os.environ["SKINLIB_DATA"], ignore_errors=True)


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


@pytest.fixture(scope="session")
def make_dataset():
    return dataset_of


@pytest.fixture(scope="session")
def phantom() -> Dataset:
    return load("phantom", count=80, size=64)
