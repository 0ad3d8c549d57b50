import numpy as np
import pytest

from skinlib.data import CLASSES, load
from skinlib.data.dataset import fingerprint


def test_unknown_data_set():
    with pytest.raises(ValueError, match=r"name: expected one of phantom, .*, got 'mnist'"):
        load("mnist", size=64)


@pytest.mark.parametrize("wrong", [{"size": 0}, {"size": 16, "count": 0}])
def test_sizes_and_counts_from_one(wrong):
    with pytest.raises(ValueError, match="size and count: expected 1 or more, got"):
        load("phantom", **wrong)


def test_classes_are_sorted_so_that_sklearn_agrees():
    assert list(CLASSES) == sorted(CLASSES)


def test_an_unknown_lesion_is_a_lesion_of_its_own(make_dataset):
    dataset = make_dataset(range(4), ["a", "a", None, None])
    assert dataset.lesions.tolist() == ["a", "a", "T_0002", "T_0003"]


@pytest.mark.parametrize("column", ["image_id", "dx", "lesion_id", None])
def test_what_the_fingerprint_sees(make_dataset, column):
    dataset = make_dataset(range(7), list("aabcdef"))
    table, images = dataset.table.copy(), dataset.images.copy()
    before = fingerprint(table, images)
    assert fingerprint(table.assign(age=1.0), images) == before
    if column:
        table.loc[3, column] = "other"
    else:
        images[3, 4, 5, 0] ^= 1
    assert fingerprint(table, images) != before


def test_some_images(phantom):
    rows = np.array([7, 3, 11])
    some = phantom.take(rows)
    np.testing.assert_array_equal(some.images, phantom.images[rows])
    np.testing.assert_array_equal(some.masks, phantom.masks[rows])
    np.testing.assert_array_equal(some.labels, phantom.labels[rows])
    assert some.fingerprint == fingerprint(some.table, some.images)
