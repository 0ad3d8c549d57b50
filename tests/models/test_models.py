"""What holds for all six networks."""

import re

import keras
import numpy as np
import pytest

from skinlib.models import MODELS, build

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


def test_unknown_name():
    with pytest.raises(ValueError, match=r"model: expected one of alexnet, vgg16.*, got 'lenet'"):
        build("lenet", (64, 64, 3))


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS if EAGER else OWN)
def test_training_changes_every_weight(name, phantom):
    """The offsets of the deformable convolution once stayed at 0 for ever."""
    labels = np.eye(7, dtype="float32")[phantom.labels[:4]]
    model = build(name, (64, 64, 3), **OPTIONS[name])
    before = values(model)
    model.compile(
        keras.optimizers.Adam(1e-4),
        "categorical_crossentropy",
        run_eagerly=EAGER,  # two steps do not pay for a graph
    )
    model.fit(phantom.images[:4].astype("float32"), labels, batch_size=4, epochs=2, verbose=0)
    after = values(model)
    still = {path for path in before if np.array_equal(before[path], after[path])}
    if any(isinstance(layer, keras.layers.BatchNormalization) for layer in model.layers):
        # A normalisation subtracts the mean, and with it the bias of the convolution before: only
        # rounding moves that. No other bias is in these networks but that of the last layer.
        still = {path for path in still if not path.endswith("conv/bias")}
        still = {path for path in still if not re.search(r"(conv\d|project)/bias$", path)}
    assert not still

    for part in ("kernel", "bias") if name == "proposed" else ():
        path = f"deformable/offset/{part}"  # 18 channels of offsets and 9 of masks
        moved = np.abs(after[path] - before[path]).reshape(-1, 27).max(axis=0)
        assert (moved > 0).all()


def values(model) -> dict[str, np.ndarray]:
    return {v.path: np.array(keras.ops.convert_to_numpy(v)) for v in model.trainable_variables}


LEAST = {"alexnet": 64, "small": 8}
"""The shortest side; 32 where it is not said, for five halvings."""


@pytest.mark.parametrize("name", [*MODELS, "small"])
def test_the_shortest_side(name, outline):
    least = LEAST.get(name, 32)
    assert outline(name, (least, least + 1, 3)).output.shape == (None, 7)
    for shape in ((least - 1, least, 3), (least, least - 1, 3)):
        says = rf"input_shape: expected sides of {least} or more, got \({shape[0]}, {shape[1]}, 3\)"
        with pytest.raises(ValueError, match=says):
            outline(name, shape)


@pytest.mark.parametrize("name", [*MODELS, "small"])
def test_channels_first_is_refused(name):
    """The maps of keras.applications would be transposed: silently another network."""
    keras.config.set_image_data_format("channels_first")
    try:
        with pytest.raises(ValueError, match=r"expected channels_last, got channels_first: call"):
            build(name, (64, 64, 3))
    finally:
        keras.config.set_image_data_format("channels_last")


@pytest.mark.parametrize("name", [*MODELS, "small"])
def test_paths_of_variables_do_not_depend_on_what_was_built_before(name, outline):
    """The page 'Try it' finds weights by their paths, and vital signs name them so."""
    paths = [[v.path for v in outline(name, (64, 64, 3)).weights] for _ in range(2)]
    assert paths[0] == paths[1]
    assert len(set(paths[0])) == len(paths[0])


@pytest.mark.parametrize("name", OWN)
def test_saved_and_loaded(name, tmp_path):
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3)).astype("float32")
    model = build(name, (64, 64, 3), classes=3)
    expected = keras.ops.convert_to_numpy(model(pixels))
    assert expected.shape == (2, 3)
    np.testing.assert_allclose(expected.sum(1), 1, atol=1e-5)

    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(pixels), expected, atol=1e-6)
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in model.layers]


@pytest.mark.parametrize("name", MODELS)
def test_other_sizes_mixed_precision_and_scaled_pixels(name, outline):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = outline(name, (65, 96, 3))
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.output.shape == (None, 7)
    assert model.output.dtype == "float32"
    assert model.layers[-1].name == "probabilities"
    # Networks that see other numbers are no rivals: each gets 0..255 and divides by 255.
    assert model.get_layer("rescale").scale == 1 / 255
    assert model.get_layer("rescale").input is model.inputs[0]
