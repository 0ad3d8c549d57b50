"""What every test may use: tiny data sets, and a cache that is not the user's."""

import os
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["SKINLIB_DATA"] = tempfile.mkdtemp(prefix="skinlib-tests-")

import matplotlib as mpl
import pytest
from fakes import dataset_of

from skinlib.data import Dataset, load

mpl.use("agg")


def pytest_unconfigure() -> None:
    import shutil

    shutil.rmtree(os.environ["SKINLIB_DATA"], ignore_errors=True)


@pytest.fixture(scope="session")
def make_dataset():
    return dataset_of


@pytest.fixture(scope="session")
def phantom() -> Dataset:
    return load("phantom", count=80, size=64)
