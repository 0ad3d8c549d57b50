import keras
import numpy as np
import pytest

from skinlib.data.batches import Batches

on_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="it is about how TensorFlow loads"
)


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


@pytest.mark.parametrize("options", [{}, {"sampling": "root"}, {"augment": True}, {"mixup": 0.4}])
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


@pytest.mark.parametrize(("sampling", "power"), [("balanced", 0), ("root", 0.5)])
def test_classes_are_drawn_as_often_as_is_said(phantom, sampling, power):
    batches = Batches(phantom, np.arange(80), 16, seed=0, sampling=sampling)
    counts = np.zeros(7)
    for epoch in range(50):
        batches.begin(epoch)
        counts += everything(batches)[1].sum(0)
    expected = np.bincount(phantom.labels, minlength=7) ** power
    np.testing.assert_allclose(counts / counts.sum(), expected / expected.sum(), atol=0.02)


def test_smoothed_labels_are_those_of_keras(phantom):
    """Its loss smooths what it gets; here it gets what is smooth."""
    rows = np.arange(20)
    plain, smooth = (
        everything(Batches(phantom, rows, 8, label_smoothing=share))[1] for share in (0.0, 0.1)
    )
    p = np.random.default_rng(0).dirichlet(np.ones(7), 20)
    expected = keras.losses.categorical_crossentropy(plain, p, label_smoothing=0.1)
    got = keras.losses.categorical_crossentropy(smooth, p)
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_every_image_can_be_turned_alike(phantom):
    rows = np.arange(5)
    images, _ = everything(Batches(phantom, rows, 2, turn=5))
    np.testing.assert_array_equal(images, np.rot90(phantom.images[rows], 1, (1, 2))[:, :, ::-1])


def test_augmented_images_are_turned_or_mirrored(phantom):
    batches = Batches(phantom, np.full(200, 3), 200, seed=0, augment=True)
    images, _ = batches[0]
    plain = phantom.images[3]
    turned = [np.rot90(p, k) for p in (plain, plain[:, ::-1]) for k in range(4)]
    seen = {next(k for k, t in enumerate(turned) if np.array_equal(i, t)) for i in images}
    assert seen == set(range(8))


@pytest.mark.parametrize(
    "option", [{"sampling": "root"}, {"augment": True}, {"jitter": 0.1}, {"mixup": 0.2}]
)
def test_what_is_drawn_needs_a_seed(phantom, option):
    with pytest.raises(ValueError, match="drawn at random needs a seed, got None"):
        Batches(phantom, np.arange(3), 2, **option)


@on_tensorflow
def test_fit_sees_each_epoch_as_it_is_drawn(phantom):
    """Loaded by two threads, and still in order, epoch by epoch."""
    batches = Batches(phantom, np.arange(80), 16, seed=3, augment=True, jitter=0.2)
    expected, seen = [], []
    for epoch in (1, 2):  # Keras ends one epoch before the first
        batches.begin(epoch)
        expected.append(everything(batches)[0])
    batches.begin(0)

    class Spy(keras.Model):
        def train_step(self, data, *state):
            seen.append(np.asarray(data[0]))
            return {"loss": 0.0}

    model = Spy()
    model.compile(run_eagerly=True, jit_compile=False)
    model.fit(batches, epochs=2, shuffle=False, verbose=0)
    np.testing.assert_array_equal(np.concatenate(seen), np.concatenate(expected))


@on_tensorflow
def test_tensorflow_does_not_tune_the_loading(phantom):
    """Its thread kept each epoch waiting, as long as the epoch had been."""
    from keras.src.trainers.data_adapters.py_dataset_adapter import PyDatasetAdapter

    adapter = PyDatasetAdapter(Batches(phantom, np.arange(8), 4, seed=0))
    assert adapter.get_tf_dataset().options().autotune.enabled is False
