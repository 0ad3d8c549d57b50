import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skinlib.data.splits import SPLITS, copied_split, grouped_split, random_split
from skinlib.errors import DataError


@st.composite
def labelled_lesions(draw):
    """Labels and lesion names of 7 to 20 lesions per class, one to four images each."""
    counts = draw(st.lists(st.integers(1, 4), min_size=49, max_size=140))
    classes = [i % 7 for i in range(len(counts))]
    return np.repeat(classes, counts), np.repeat([f"L{i}" for i in range(len(counts))], counts)


@settings(deadline=None, max_examples=25)
@given(labelled_lesions(), st.integers(0, 1000), st.sampled_from([random_split, grouped_split]))
def test_parts_are_disjoint_and_cover(make_dataset, drawn, seed, splitter):
    dataset = make_dataset(*drawn)
    split = splitter(dataset, seed, validation=0.2)
    parts = np.concatenate([split.train, split.validation, split.test])
    np.testing.assert_array_equal(np.sort(parts), np.arange(len(dataset)))
    again = splitter(dataset, seed, validation=0.2)
    np.testing.assert_array_equal(split.test, again.test)
    assert set(dataset.labels[split.test]) == set(range(7))


@settings(deadline=None, max_examples=25)
@given(labelled_lesions(), st.integers(0, 1000))
def test_a_grouped_split_divides_no_lesion(make_dataset, drawn, seed):
    dataset = make_dataset(*drawn)
    split = grouped_split(dataset, seed, validation=0.2)
    group = dataset.lesions
    sides = [set(group[part]) for part in (split.train, split.validation, split.test)]
    assert sum(map(len, sides)) == len(set().union(*sides))


def test_what_tunes_a_recipe_sees_no_test_lesion(make_dataset):
    rng = np.random.default_rng(0)
    lesions = np.repeat(np.arange(140), rng.integers(1, 4, 140))
    dataset = make_dataset(lesions % 7, [f"L{i}" for i in lesions])
    tuning, final = (SPLITS[kind](dataset, 3) for kind in ("tuning", "grouped"))
    used = np.concatenate([tuning.train, tuning.test])
    np.testing.assert_array_equal(np.sort(used), final.train)
    assert not set(lesions[tuning.train]) & set(lesions[tuning.test])


def test_the_papers_shares(make_dataset):
    labels = np.repeat(range(7), [327, 514, 1099, 115, 1113, 6705, 142])
    dataset = make_dataset(labels, [None] * 10015)
    split = random_split(dataset)
    assert len(split.test) == 1503
    shares = np.bincount(labels[split.test]) / np.bincount(labels)
    np.testing.assert_allclose(shares, 0.15, atol=0.005)
    assert not len(split.validation)
    assert list(split.test) != list(random_split(dataset, seed=1).test)


def test_the_faulty_splits_have_their_faults(phantom):
    fair = random_split(phantom, 3)
    peeked, copied, seen = (SPLITS[kind](phantom, 3) for kind in ("peeked", "copied", "seen"))
    np.testing.assert_array_equal(peeked.validation, fair.test)
    np.testing.assert_array_equal(peeked.train, fair.train)
    np.testing.assert_array_equal(seen.test, fair.test)
    assert set(seen.train) >= set(seen.test)
    counts = np.bincount(phantom.labels[copied.test], minlength=7)
    assert counts.max() < 2 * counts.min()
    rare = copied.test[phantom.labels[copied.test] != 5]
    assert np.isin(rare, copied.train).mean() > 0.9


def test_oversampled_copies_training_rows_alone(phantom):
    fair, copied = random_split(phantom, 3), SPLITS["oversampled"](phantom, 3)
    np.testing.assert_array_equal(copied.test, fair.test)
    np.testing.assert_array_equal(np.unique(copied.train), np.sort(fair.train))
    counts = np.bincount(phantom.labels[copied.train], minlength=7)
    assert counts.max() < 2 * counts.min()
    assert len(copied.train) > 2 * len(fair.train)


def test_too_few_images(make_dataset):
    dataset = make_dataset([0, 0, 1], ["a", "b", "c"])
    with pytest.raises(DataError, match="single lesion or image of bcc"):
        random_split(dataset)


def test_a_test_part_smaller_than_the_classes(make_dataset):
    with pytest.raises(DataError, match="fewer than the 7 classes: use more images"):
        random_split(make_dataset(np.arange(40) % 7, None))


@pytest.mark.parametrize("shares", [{"test": 0}, {"test": 1.5}, {"validation": -0.1}])
def test_shares_lie_between_0_and_1(phantom, shares):
    with pytest.raises(ValueError, match="expected shares between 0 and 1, got"):
        random_split(phantom, **shares)
    if "test" in shares:
        with pytest.raises(ValueError, match="expected shares between 0 and 1, got"):
            copied_split(phantom, **shares)
