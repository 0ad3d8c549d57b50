"""The faults of public ports do what their names say, and nothing else."""

import numpy as np
import pytest
from keras import ops

from skinlib.book import faults
from skinlib.layers.deformable import deform_conv2d

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 6, 5, 3)).astype("float32")
W = RNG.normal(size=(3, 3, 3, 4)).astype("float32")


def difference(port, offset):
    """Where a port differs from the definition: (N, H', W')."""
    both = [ops.convert_to_numpy(f(X, W, offset.astype("float32"))) for f in (port, deform_conv2d)]
    return np.abs(both[0] - both[1]).max(-1) > 1e-4


@pytest.mark.parametrize("name", faults.FAULTS)
def test_runs_and_is_wrong(name):
    assert difference(faults.FAULTS[name], RNG.normal(size=(2, 6, 5, 18)) * 2).any()


@pytest.mark.parametrize(
    ("name", "offset"),
    [
        ("y and x as halves", np.full((2, 6, 5, 18), 0.7)),  # y and x alike
        ("offsets cross the batch", np.tile(RNG.normal(size=(1, 6, 5, 18)), (2, 1, 1, 1))),
        ("one offset for all points", np.zeros((2, 6, 5, 18))),
    ],
)
def test_is_right_where_its_fault_makes_no_difference(name, offset):
    assert not difference(faults.FAULTS[name], offset).any()


def test_the_border_is_where_a_fresh_layer_sees_the_faults():
    wrong = difference(faults.borders_are_clamped, np.zeros((2, 6, 5, 18)))
    assert wrong[:, [0, -1]].all()
    assert not wrong[:, 1:-1, 1:-1].any()
    wrong = difference(faults.last_row_has_no_weight, np.zeros((2, 6, 5, 18)))
    assert wrong[:, -2:].all()
    assert not wrong[:, 1:-2, 1:-2].any()


def test_the_first_gradient():
    """A kernel of one weight, on a ramp along x: only the middle point, and only x, has a slope."""
    ramp = np.tile(np.arange(5, dtype="float32")[:, None], (1, 5, 1, 1))
    w = np.zeros((3, 3, 1, 1), "float32")
    w[1, 1] = 2
    found = faults.first_gradient(deform_conv2d, ramp, w)
    # y: 0 but for the last row, which falls to zero: the values 0 to 4, times 2.
    # x: 2 in four columns of five rows, and -8 in the last one.
    assert found == pytest.approx((2 * 10 + 5 * (4 * 2 + 8)) / (25 * 18))


def test_the_gradient_of_an_offset():
    """The shares of an image whose points all lie a quarter above their pixels: y falls by 1."""
    ramp = np.tile(np.arange(5, dtype="float32")[:, None, None], (1, 1, 5, 1))  # along y
    w = np.zeros((3, 3, 1, 1), "float32")
    w[1, 1] = 2
    offset = np.full((1, 5, 5, 18), -0.25)
    found = faults.offset_gradient(deform_conv2d, ramp, w, offset)
    np.testing.assert_allclose(found[0, 1:, 1:, 8], 2)  # y of the middle point
    assert not found[..., :8].any()
