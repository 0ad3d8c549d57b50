import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from skinlib.data.leakage import leakage, perceptual_hash
from skinlib.data.splits import SPLITS, grouped_split, lesions, random_split
from skinlib.errors import DataError


@st.composite
def labelled_lesions(draw):
    """Labels and lesion names of 7 to 20 lesions a class, one to four pictures each."""
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
    group = lesions(dataset)
    sides = [set(group[part]) for part in (split.train, split.validation, split.test)]
    assert sum(map(len, sides)) == len(set().union(*sides))
    assert leakage(dataset, split).loc["all", "same_lesion"] == 0


def test_the_papers_shares(make_dataset):
    labels = np.repeat(range(7), [327, 514, 1099, 115, 1113, 6705, 142])
    dataset = make_dataset(labels, [None] * 10015)
    split = random_split(dataset)
    assert len(split.test) == 1503
    shares = np.bincount(labels[split.test]) / np.bincount(labels)
    np.testing.assert_allclose(shares, 0.15, atol=0.005)
    assert not len(split.validation)
    assert list(split.test) != list(random_split(dataset, seed=1).test)


def test_leakage_counts_what_is_known(make_dataset):
    """Every lesion has two pictures, so a test picture leaks unless its twin is tested too."""
    labels = np.repeat(np.arange(7), 20)
    dataset = make_dataset(labels, np.repeat([f"L{i}" for i in range(70)], 2))
    split = random_split(dataset, seed=3)
    table = leakage(dataset, split)
    twins = np.isin(split.test ^ 1, split.train)
    assert table.loc["all", "same_lesion"] == pytest.approx(twins.mean())
    assert table.loc["all", "images"] == len(split.test) == table["images"][:-1].sum()
    assert table.loc["all", "near_duplicate"] == 0


def test_a_near_duplicate_is_found_although_its_lesion_differs(make_dataset, phantom):
    rng = np.random.default_rng(0)
    images = np.concatenate([phantom.images[:70], phantom.images[:70]]).astype(int)
    images[70:] = images[70:] * 0.9 + rng.integers(0, 4, images[70:].shape)
    dataset = make_dataset(np.arange(140) % 7, None, images.astype("uint8"))
    split = random_split(dataset, seed=0)
    table = leakage(dataset, split)
    twins = np.isin((split.test + 70) % 140, split.train)
    assert table.loc["all", "near_duplicate"] == pytest.approx(twins.mean(), abs=0.1)
    assert table.loc["all", "same_lesion"] == 0


def test_the_hash_forgives_size_and_light_and_tells_pictures_apart(phantom):
    original = perceptual_hash(phantom.images[:20])
    small = np.stack(
        [np.asarray(Image.fromarray(i).resize((48, 48))) * 0.8 for i in phantom.images[:20]]
    )
    changed = perceptual_hash(small.astype("uint8"))
    distance = np.bitwise_count(original[:, None] ^ changed[None]).sum(2)
    assert np.diag(distance).max() < distance[~np.eye(20, dtype=bool)].min()


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


def test_too_few_pictures(make_dataset):
    dataset = make_dataset([0, 0, 1], ["a", "b", "c"])
    with pytest.raises(DataError, match="single lesion or picture of bcc"):
        random_split(dataset)


def test_a_test_part_smaller_than_the_classes(make_dataset):
    with pytest.raises(DataError, match="fewer than the 7 classes: use more pictures"):
        random_split(make_dataset(np.arange(40) % 7, None))


def test_a_random_split_of_the_phantom_leaks(phantom):
    splits = [random_split(phantom, seed) for seed in range(20)]
    shares = [leakage(phantom, split).loc["all", "same_lesion"] for split in splits]
    assert 0.25 < np.mean(shares) < 0.55  # HAM10000: 0.40
    assert leakage(phantom, grouped_split(phantom)).loc["all", "same_lesion"] == 0
