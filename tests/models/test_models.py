"""What holds for all six networks."""

import keras
import numpy as np
import pytest

from skinlib.models import MODELS, build
from skinlib.models.error import ModelError

# Keras 3.15 saves its variables through a protocol that NumPy 2.4 calls old.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

OPTIONS = {name: {"dropout": 0.0} if name in ("proposed", "alexnet") else {} for name in MODELS}

EAGER = keras.backend.backend() == "tensorflow"
OWN = ["alexnet", "arl14", "proposed"]
"""Those with code of our own; arl50 is compared with ResNet50 in test_arl, weight by weight."""


@pytest.fixture(autouse=True)
def _fresh():
    keras.utils.set_random_seed(0)
    yield
    keras.backend.clear_session()


def pictures(count: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Dark noise is of class 0, bright noise of class 1."""
    random = np.random.default_rng(0)
    labels = np.arange(count) % 2
    pixels = random.integers(0, 128, (count, 64, 64, 3)) + 127 * labels[:, None, None, None]
    return pixels.astype("float32"), np.eye(7, dtype="float32")[labels]


def test_the_six_of_table_1():
    assert list(MODELS) == ["alexnet", "vgg16", "resnet50", "arl14", "arl50", "proposed"]


def test_unknown_name():
    with pytest.raises(ModelError, match=r"unknown model 'lenet': expected one of alexnet, vgg16"):
        build("lenet", (64, 64, 3))


@pytest.mark.parametrize("name", OWN)
def test_training_reaches_every_weight(name):
    pixels, labels = pictures()
    model = build(name, (64, 64, 3), **OPTIONS[name])
    before = [w.numpy() for w in model.trainable_weights]
    model.compile(
        keras.optimizers.Adam(1e-4),
        "categorical_crossentropy",
        run_eagerly=EAGER,  # two steps do not pay for a graph
    )
    losses = model.fit(pixels, labels, batch_size=8, epochs=2, verbose=0).history["loss"]
    assert losses[-1] < losses[0]

    still = {
        weight.path
        for weight, old in zip(model.trainable_weights, before, strict=True)
        if np.array_equal(weight.numpy(), old)
    }
    normalised = any(isinstance(layer, keras.layers.BatchNormalization) for layer in model.layers)
    if normalised:  # the mean is subtracted, and a bias with it: only rounding moves one
        still = {path for path in still if not path.endswith("bias")}
    assert not still


@pytest.mark.parametrize("name", OWN)
def test_saved_and_loaded(name, tmp_path):
    pixels, _ = pictures(2)
    model = build(name, (64, 64, 3), classes=3)
    expected = keras.ops.convert_to_numpy(model(pixels))
    assert expected.shape == (2, 3)
    np.testing.assert_allclose(expected.sum(1), 1, atol=1e-5)

    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(pixels), expected, atol=1e-6)
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in model.layers]


@pytest.mark.parametrize("name", MODELS)
def test_pixels_become_shares(name, outline):
    """Networks that see other numbers are no rivals: each gets 0..255 and divides by 255."""
    model = outline(name, (64, 64, 3))
    assert model.get_layer("rescale").scale == 1 / 255
    assert model.get_layer("rescale").input is model.inputs[0]


@pytest.mark.parametrize("name", MODELS)
def test_other_sizes_and_mixed_precision(name, outline):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = outline(name, (65, 96, 3))
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.output.shape == (None, 7)
    assert model.output.dtype == "float32"
    assert model.layers[-1].name == "probabilities"
