import keras
import pytest

from skinlib.data.splits import random_split

TENSORFLOW = keras.backend.backend() == "tensorflow"


@pytest.fixture(scope="session")
def split(phantom):
    return random_split(phantom, validation=0.2)


@pytest.fixture(scope="module", autouse=True)
def _eagerly():
    """A few steps do not pay for a graph, which takes seconds to draw."""
    _draw_graphs(False)
    yield
    _draw_graphs(True)


@pytest.fixture
def in_a_graph():
    """As in a user's run."""
    _draw_graphs(True)
    yield
    _draw_graphs(False)


def _draw_graphs(on: bool) -> None:
    if TENSORFLOW:
        import tensorflow as tf

        tf.config.run_functions_eagerly(not on)
