import keras
import numpy as np
import pytest
from keras.applications import imagenet_utils

from skinlib.models import build
from skinlib.models.error import ModelError

# Keras 3.15 saves its variables through a protocol that NumPy 2.4 calls old.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

APPLICATIONS = {"vgg16": keras.applications.VGG16, "resnet50": keras.applications.ResNet50}
LAST = {"vgg16": "block5_pool", "resnet50": "conv5_block3_out"}


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="slow; Keras reads the file")
@pytest.mark.parametrize("name", APPLICATIONS)
def test_published_weights_get_the_pixels_that_they_expect(name, monkeypatch, tmp_path):
    """The download is replaced by a file that we wrote in the same format."""
    reference = APPLICATIONS[name](weights=None, include_top=False, input_shape=(64, 64, 3))
    reference.save(tmp_path / "weights.h5")
    monkeypatch.setattr(
        "keras.src.utils.file_utils.get_file", lambda *args, **kwargs: str(tmp_path / "weights.h5")
    )
    model = build(name, (64, 64, 3), weights="imagenet")
    if name == "vgg16":
        model.save(tmp_path / "model.keras")
        model = keras.saving.load_model(tmp_path / "model.keras")

    pixels = np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3)).astype("float32")
    features = keras.Model(model.input, model.get_layer(LAST[name]).output)
    prepared = imagenet_utils.preprocess_input(pixels.copy(), mode="caffe")
    np.testing.assert_allclose(features(pixels), reference(prepared), rtol=1e-4, atol=1e-4)
    keras.backend.clear_session()


@pytest.mark.parametrize("name", APPLICATIONS)
def test_no_network_is_one_sentence(name, monkeypatch, outline):
    def unreachable(*args, **kwargs):
        raise Exception("URL fetch failure on https://example.org: None -- unreachable")

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", unreachable)
    with pytest.raises(ModelError, match=r"cannot be downloaded .* take weights=None"):
        outline(name, (64, 64, 3), weights="imagenet")


@pytest.mark.parametrize("name", APPLICATIONS)
def test_other_weights_are_refused(name):
    with pytest.raises(ModelError, match="None or \"imagenet\", got 'isic'"):
        build(name, (64, 64, 3), weights="isic")


def test_other_errors_keep_their_name(outline):
    with pytest.raises(ValueError, match="output size would be zero"):
        outline("vgg16", (16, 16, 3))
