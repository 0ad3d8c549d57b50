import pytest

from skinlib.data.splits import random_split


@pytest.fixture(scope="session")
def split(phantom):
    return random_split(phantom, validation=0.2)
