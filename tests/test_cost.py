import keras
import pytest
from keras import layers

from skinlib.cost import multiply_adds
from skinlib.layers.attention import AttentionResidual
from skinlib.layers.deformable import DeformableConv2D
from skinlib.models import build


@pytest.fixture(autouse=True)
def _fresh():
    yield
    keras.backend.clear_session()


def alone(layer: keras.Layer, shape: tuple[int, ...]) -> int:
    """What a model of one layer is counted as."""
    inputs = keras.Input(shape)
    model = keras.Model(inputs, layer(inputs))
    return sum(multiply_adds(model).values())


def test_convolution_by_hand():
    # 5 x 4 places, 3 x 3 kernel, 2 channels, 7 filters
    assert alone(layers.Conv2D(7, 3, padding="same"), (5, 4, 2)) == 20 * 9 * 2 * 7
    assert alone(layers.Conv2D(7, 3), (5, 4, 2)) == 6 * 9 * 2 * 7
    assert alone(layers.Conv2D(8, 3, strides=2, padding="same"), (5, 4, 2)) == 6 * 9 * 2 * 8
    assert alone(layers.Conv2D(8, 1, groups=2), (5, 4, 2)) == 20 * 1 * 1 * 8


def test_deformable_by_hand():
    places, points, channels, filters = 5 * 4, 9, 2, 7
    product = places * points * channels * filters
    offsets_and_mask = places * points * channels * (2 * points + points)
    sampling = places * points * channels * 4  # four corners
    masking = places * points * channels
    layer = DeformableConv2D(filters, 3, padding="same")
    assert alone(layer, (5, 4, 2)) == product + offsets_and_mask + sampling + masking

    layer = DeformableConv2D(filters, 3, padding="same", modulated=False)
    offsets = places * points * channels * 2 * points
    assert alone(layer, (5, 4, 2)) == product + offsets + sampling


def test_attention_residual_by_hand():
    pair = [keras.Input((5, 4, 2)), keras.Input((5, 4, 2))]
    model = keras.Model(pair[0], AttentionResidual()([pair[0], pair[0]]))
    assert sum(multiply_adds(model).values()) == 5 * 4 * 2 * 2


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("vgg16", 15.47e9),
        ("resnet50", 3.86e9),  # with the stride in the first 1 x 1 convolution, as in 2016
        ("alexnet", 1.14e9),  # in one tower
    ],
)
def test_published_multiply_adds(name, published):
    with keras.StatelessScope(initialize_variables=False):  # shapes without values
        model = build(name, (224, 224, 3), 1000)
    assert sum(multiply_adds(model).values()) == pytest.approx(published, rel=0.005)


def test_proposed_by_hand():
    parallel = 224**2 * 3 * 8 * (1 + 9 + 25 + 49)
    plain = 9 * (112**2 * 32 * 64 + 56**2 * 64 * 64 + 28**2 * 64 * 128)
    deep = 9 * 14**2 * (128 * 128 + 128 * 128 + 128 * 64)
    deformable = 9 * 14**2 * 128 * (128 + 27 + 4 + 1)
    attention = 14**2 * 128 * (9 * 128 + 2)
    dense = 7 * 7 * 64 * 512 + 512 * 512 + 512 * 7
    counted = multiply_adds(build("proposed", (224, 224, 3)))
    assert counted["deformable"] == deformable
    assert counted["attention"] == attention
    assert sum(counted.values()) == parallel + plain + deep + deformable + attention + dense


def test_an_unknown_kernel_is_named():
    inputs = keras.Input((8, 8, 2))
    model = keras.Model(inputs, layers.LayerNormalization(name="odd")(inputs))
    with pytest.raises(ValueError, match=r"the layer 'odd' is a LayerNormalization"):
        multiply_adds(model)


def test_unknown_height_and_width():
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, layers.Conv2D(1, 1)(inputs))
    with pytest.raises(ValueError, match=r"fixed input shape, got \(None, None, None, 3\)"):
        multiply_adds(model)
