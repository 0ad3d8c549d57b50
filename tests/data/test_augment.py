import keras
import numpy as np
import pytest

from skinlib.data.augment import Augment

ONE_OF_EACH = np.eye(7, dtype="float32")


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (7, 8, 8, 3)).astype("uint8")


@pytest.mark.parametrize("options", [{"jitter": 0.2}, {"mixup": 0.4}])
def test_one_seed_one_change(images, options):
    augment = Augment(**options)
    first, again, other = (augment(images, ONE_OF_EACH, seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)
    assert first.shape == images.shape
    assert first.min() >= 0
    assert first.max() <= 255


def test_a_network_in_16_bits_gets_the_same_images(images):
    expected = Augment(jitter=0.2, mixup=0.4)(images, ONE_OF_EACH, 1)
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        got = Augment(jitter=0.2, mixup=0.4)(images, ONE_OF_EACH, 1)
    finally:
        keras.config.set_dtype_policy("float32")
    for one, other in zip(got, expected, strict=True):
        assert one.dtype == "float32"
        np.testing.assert_array_equal(one, other)


def test_an_image_is_mixed_as_its_label(images):
    """With one image of each class, labels are the shares of the images."""
    mixed, labels = Augment(mixup=0.8)(images, ONE_OF_EACH, 0)
    np.testing.assert_allclose(labels.sum(1), 1, atol=1e-6)
    assert ((labels > 0.05).sum(1) == 2).any()
    expected = np.einsum("nc,chwd->nhwd", labels, images.astype(float))
    np.testing.assert_allclose(mixed, expected, atol=1e-3)


def test_shifts_go_everywhere_and_not_too_far():
    """A bright spot says how far; one seed for rows and columns would move along a diagonal."""
    images = np.full((60, 21, 21, 3), 50, "uint8")
    images[:, 10, 10] = 200
    shifted, labels = Augment(jitter=0.2)(images, np.tile(ONE_OF_EACH[0], (60, 1)), 0)
    assert (labels == ONE_OF_EACH[0]).all()
    places = shifted.sum(-1).reshape(60, -1).argmax(1)
    rows, columns = np.divmod(places, 21) - np.array([[10], [10]])
    for moved in (rows, columns):
        assert set(np.sign(moved)) == {-1, 0, 1}
        assert np.abs(moved).max() in (4, 5)  # a fifth of 21 pixels
    assert np.mean(rows == columns) < 0.4


def test_light_changes_by_no_more_than_its_share():
    images = np.full((40, 4, 4, 3), 100, "uint8")  # shifts and contrast leave it alone
    changed, _ = Augment(jitter=0.1)(images, np.tile(ONE_OF_EACH[0], (40, 1)), 0)
    change = changed.mean((1, 2, 3)) - 100
    assert 15 < np.abs(change).max() <= 0.1 * 255 + 1e-3
    assert change.min() < -10 < 10 < change.max()
