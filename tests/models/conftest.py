import keras
import pytest

from skinlib.models import build


@pytest.fixture
def outline():
    """Like `build`, without values in the weights: large networks in no time and no memory."""

    def make(*args, **options):
        with keras.StatelessScope(initialize_variables=False):
            return build(*args, **options)

    yield make
    keras.backend.clear_session()
