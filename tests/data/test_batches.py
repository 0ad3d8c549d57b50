import numpy as np
import pytest

from skinlib.data.batches import Batches


def everything(batches):
    pairs = [batches[i] for i in range(len(batches))]
    return tuple(np.concatenate(parts) for parts in zip(*pairs, strict=True))


def test_without_a_seed_in_order(phantom):
    rows = np.array([5, 2, 60, 7, 7])
    batches = Batches(phantom, rows, 2)
    assert [len(batches[i][0]) for i in range(len(batches))] == [2, 2, 1]
    images, labels = everything(batches)
    np.testing.assert_array_equal(images, phantom.images[rows])
    np.testing.assert_array_equal(labels, np.eye(7)[phantom.labels[rows]])


@pytest.mark.parametrize("options", [{}, {"balanced": True}, {"augment": True}])
def test_an_epoch_depends_on_seed_and_number_alone(phantom, options):
    rows = np.arange(0, 80, 2)
    first, second = (Batches(phantom, rows, 16, seed=3, **options) for _ in range(2))
    for _ in range(2):
        first.on_epoch_end()
    second.begin(2)
    np.testing.assert_array_equal(everything(first)[0], everything(second)[0])
    second.begin(1)
    assert not np.array_equal(everything(first)[0], everything(second)[0])


def test_shuffled_each_row_comes_once(phantom):
    rows = np.arange(0, 80, 2)
    batches = Batches(phantom, rows, 16, seed=0)
    np.testing.assert_array_equal(np.sort(batches.order), rows)
    assert list(batches.order) != list(rows)


def test_balanced_draws_each_class_alike(phantom):
    batches = Batches(phantom, np.arange(80), 16, seed=0, balanced=True)
    counts = np.zeros(7)
    for epoch in range(50):
        batches.begin(epoch)
        counts += everything(batches)[1].sum(0)
    np.testing.assert_allclose(counts / counts.sum(), 1 / 7, atol=0.02)


def test_augmented_images_are_turned_or_mirrored(phantom):
    batches = Batches(phantom, np.full(200, 3), 200, seed=0, augment=True)
    images, _ = batches[0]
    plain = phantom.images[3]
    turned = [np.rot90(p, k) for p in (plain, plain[:, ::-1]) for k in range(4)]
    seen = {next(k for k, t in enumerate(turned) if np.array_equal(i, t)) for i in images}
    assert seen == set(range(8))


@pytest.mark.parametrize("option", ["balanced", "augment"])
def test_what_is_drawn_needs_a_seed(phantom, option):
    with pytest.raises(ValueError, match="draw at random: expected a seed, got None"):
        Batches(phantom, np.arange(3), 2, **{option: True})
