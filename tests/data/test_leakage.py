import numpy as np
import pytest
from PIL import Image

from skinlib.data.leakage import leakage, perceptual_hash
from skinlib.data.splits import grouped_split, random_split


def test_leakage_counts_what_is_known(make_dataset):
    """Lesions have two images, so a test image leaks unless its twin is tested, too."""
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


def test_the_hash_forgives_size_and_light_and_tells_images_apart(phantom):
    original = perceptual_hash(phantom.images[:20])
    small = np.stack(
        [np.asarray(Image.fromarray(i).resize((48, 48))) * 0.8 for i in phantom.images[:20]]
    )
    changed = perceptual_hash(small.astype("uint8"))
    distance = np.bitwise_count(original[:, None] ^ changed[None]).sum(2)
    assert np.diag(distance).max() < distance[~np.eye(20, dtype=bool)].min()


def test_a_random_split_of_the_phantom_leaks(phantom):
    splits = [random_split(phantom, seed) for seed in range(20)]
    shares = [leakage(phantom, split).loc["all", "same_lesion"] for split in splits]
    assert 0.25 < np.mean(shares) < 0.55  # HAM10000: 0.40
    assert leakage(phantom, grouped_split(phantom)).loc["all", "same_lesion"] == 0
