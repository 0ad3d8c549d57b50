import keras
import numpy as np
import pytest
from gradients import gradient
from keras import ops
from scipy.ndimage import map_coordinates

from skinlib.layers.bilinear import sample_by_gathering, sample_by_hats, sample_in_turn

RNG = np.random.default_rng(0)
EXACT = keras.backend.backend() == "tensorflow"  # has float64 without a switch
DTYPE = "float64" if EXACT else "float32"
STEP = np.asarray(0.5, DTYPE)


@pytest.fixture(params=[sample_by_gathering, sample_in_turn, sample_by_hats])
def sample(request):
    return request.param


def numpy(values):
    return ops.convert_to_numpy(values)


def scene(points=40, spread=4.0, shape=(2, 5, 6, 3)):
    """Images (N, H, W, C), and y, x and masks (N, P), of points inside and around."""
    images = RNG.normal(size=shape).astype(DTYPE)
    y, x = RNG.uniform(-spread, 5 + spread, (2, shape[0], points)).astype(DTYPE)
    return images, y, x, RNG.uniform(size=y.shape).astype(DTYPE)


def test_values_are_those_of_scipy(sample):
    images, y, x, mask = scene()
    expected = np.stack(
        [
            [map_coordinates(i[..., c], (v, u), order=1, mode="grid-constant") for c in range(3)]
            for i, v, u in zip(images, y, x, strict=True)
        ]
    ).swapaxes(1, 2)
    np.testing.assert_allclose(numpy(sample(images, y, x)), expected, atol=1e-5)
    masked = numpy(sample(images, y, x, mask))
    np.testing.assert_allclose(masked, expected * mask[..., None], atol=1e-5)


@pytest.mark.parametrize("axis", [0, 1])
def test_the_derivative_on_a_whole_pixel_is_the_right_hand_one(axis, sample):
    """In a cell the value is linear, so that a forward difference is exact. It was once 0 here."""
    images = scene()[0]
    grid = np.meshgrid(np.arange(-4, 9), np.arange(-4, 10), indexing="ij")  # also the borders
    places = [np.broadcast_to(p.ravel(), (2, p.size)).astype(DTYPE) for p in grid]
    weight = RNG.normal(size=(2, places[0].shape[1], 3)).astype(DTYPE)

    def loss(place):
        both = [place if i == axis else p for i, p in enumerate(places)]
        return ops.sum(sample(images, *both) * weight, axis=-1)  # (N, P)

    forward = (numpy(loss(places[axis] + STEP)) - numpy(loss(places[axis]))) / STEP
    assert np.abs(forward).max() > 1
    tolerance = 1e-12 if EXACT else 1e-5
    np.testing.assert_allclose(gradient(loss, places[axis]), forward, atol=tolerance)


@pytest.mark.parametrize("far", [7.5, -1e30, np.inf])
def test_a_point_far_away_is_zero_and_stays(far, sample):
    images, y, x, mask = scene()
    y = np.full_like(y, far)
    assert not numpy(sample(images, y, x, mask)).any()
    assert not gradient(lambda y: sample(images, y, x, mask), y).any()


def test_a_pixel_that_is_no_number_spoils_the_points_that_see_it(sample):
    images, y, x, _ = scene(points=200)
    images[0, 2, 3, 1] = images[1, 0, 0, 2] = np.nan
    clean = np.nan_to_num(images)
    got, expected = numpy(sample(images, y, x)), numpy(sample(clean, y, x))
    sees = [
        (np.abs(v - row) < 1) & (np.abs(u - column) < 1)
        for v, u, row, column in zip(y, x, (2, 0), (3, 0), strict=True)
    ]
    assert 0 < np.sum(sees) < 40
    np.testing.assert_array_equal(np.isnan(got).any(axis=-1), sees)
    np.testing.assert_allclose(got[~np.array(sees)], expected[~np.array(sees)], atol=1e-6)


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="XLA's min and max may drop NaN")
@pytest.mark.parametrize("other", [1.5, 100.0])
def test_a_place_that_is_no_number_is_not_hidden(other, sample):
    images, y, x, mask = scene()
    y[0, 3], x[0, 3] = np.nan, other
    y[1, 5], x[1, 5] = other, np.nan
    spoilt = np.isnan(numpy(sample(images, y, x, mask))).all(axis=-1)
    assert np.argwhere(spoilt).tolist() == [[0, 3], [1, 5]]


def test_no_images(sample):
    images, y, x, mask = (part[:0] for part in scene())
    assert tuple(sample(images, y, x, mask).shape) == (0, 40, 3)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_places_are_exact_in_16_bits(dtype, sample):
    """On a ramp, column 300.25 is 300.25; in bfloat16 the place itself would be 300."""
    ramp = ops.cast(np.arange(600.0).reshape(1, 2, 300, 1) / 300, dtype)
    x = np.arange(299, dtype="float32")[None] + 0.25
    got = sample(ramp, np.zeros_like(x), x)
    assert keras.backend.standardize_dtype(got.dtype) == dtype
    got = numpy(ops.cast(got, "float32"))[0, :, 0]
    np.testing.assert_allclose(got, x[0] / 300, rtol=2**-7, atol=2**-9)
    if dtype == "float16":
        assert np.all(np.diff(got) > 0)
