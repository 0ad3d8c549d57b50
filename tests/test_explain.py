import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from keras import layers
from PIL import Image
from scipy.stats import spearmanr

from skinlib import explain
from skinlib.models import MODELS, build

pytestmark = [
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="needs TensorFlow"),
    pytest.mark.filterwarnings("ignore:.*scipy.ndimage.*:DeprecationWarning"),
]

IMAGES = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3)).astype("float32")
CLASSES = [5, 1]


@pytest.fixture(scope="module")
def proposed():
    keras.utils.set_random_seed(0)
    model = build("proposed", (64, 64, 3))
    attention = model.get_layer("attention")  # untrained, its map is that of the layer before it
    attention.gamma.assign(5.0)
    attention.convolution.kernel.assign(100 * attention.convolution.kernel)
    return model


def by_hand(model, layer, image, label):
    """relu(sum over channels of mean gradient times feature), of the logit, scaled to 0..1."""
    import tensorflow as tf

    head = model.get_layer("probabilities")
    parts = keras.Model(model.inputs[0], [model.get_layer(layer).output, head.input])
    with tf.GradientTape() as tape:
        features, last = parts(image[None])
        logit = keras.ops.matmul(last, head.kernel)[0, label] + head.bias[label]
    weights = tape.gradient(logit, features).numpy().mean((0, 1, 2))
    heat = np.maximum(0, (features[0].numpy() * weights).sum(-1))
    return (heat - heat.min()) / (heat.max() - heat.min() + 1e-12)


def by_pillow(heat, size):
    """Bilinear, each place in the middle of its cell."""
    small = Image.fromarray(heat.astype("float32"))
    return np.array(small.resize((size, size), Image.Resampling.BILINEAR))


def test_a_place_is_drawn_where_it_looks():
    """Stretched corner on corner, as the library does, a map of few places misses the lesion."""
    places = np.zeros((1, 4, 4))
    places[0, 1, 2] = 1
    (heat,) = explain.upsample(places, (64, 64))
    rows, columns = np.mgrid[:64, :64] + 0.5
    assert np.average(rows, weights=heat) == pytest.approx(1.5 * 16, abs=1e-4)
    assert np.average(columns, weights=heat) == pytest.approx(2.5 * 16, abs=1e-4)
    np.testing.assert_allclose(heat, by_pillow(places[0], 64), atol=1e-6)


@pytest.mark.parametrize("layer", ["deformable", "attention", "conv7"])
def test_the_layer_that_was_named_not_the_convolution_before_it(proposed, layer):
    heat = explain.heat_map(proposed, IMAGES, CLASSES, layer=layer)
    for image, label, got in zip(IMAGES, CLASSES, heat, strict=True):
        small = by_hand(proposed, layer, image, label)
        expected = by_pillow(small, 64)
        expected -= expected.min()
        np.testing.assert_allclose(got, expected / max(expected.max(), 1e-12), atol=2e-3)
    if layer == "attention":
        before = explain.heat_map(proposed, IMAGES, CLASSES, layer="conv9")
        assert np.abs(heat - before).max() > 0.1


def test_the_model_is_left_as_it_is(proposed):
    config, weights = proposed.get_config(), proposed.get_weights()
    before = proposed(IMAGES)
    heat = explain.heat_map(proposed, IMAGES, CLASSES)
    assert heat.shape == (2, 64, 64)
    assert heat.min() >= 0
    assert heat.max() <= 1 + 1e-6
    assert proposed.get_config() == config
    assert proposed.get_layer("probabilities").activation is keras.activations.softmax
    for old, new in zip(weights, proposed.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    np.testing.assert_array_equal(before, proposed(IMAGES))


def test_the_model_is_left_as_it_is_when_an_image_does_not_fit(proposed):
    with pytest.raises(ValueError, match="shape"):
        explain.heat_map(proposed, IMAGES[:, :32], CLASSES)
    assert proposed.get_layer("probabilities").activation is keras.activations.softmax


def test_without_classes_each_image_is_explained_by_its_answer(proposed):
    images = np.random.default_rng(0).uniform(0, 255, (3, 64, 64, 3)).astype("float32")
    answers = proposed.predict(images, verbose=0).argmax(1)
    expected = explain.heat_map(proposed, images, answers)
    np.testing.assert_allclose(explain.heat_map(proposed, images), expected, atol=1e-5)
    other = explain.heat_map(proposed, images, (answers + 1) % 7)
    assert np.abs(expected - other).max() > 0.1


@pytest.mark.parametrize("name", MODELS)
def test_each_network_has_a_map_of_the_images_size(name):
    model = build(name, (64, 64, 3))
    layer = model.get_layer(explain.last_spatial_layer(model))
    assert min(layer.output.shape[1:3]) > 1
    assert explain.heat_map(model, IMAGES, CLASSES).shape == (2, 64, 64)


def test_the_papers_network_is_explained_at_its_last_convolution(proposed):
    assert explain.last_spatial_layer(proposed) == "conv10"


def test_a_network_without_a_height_is_refused():
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.Flatten(), layers.Dense(7)])
    with pytest.raises(ValueError, match="no layer with a height and a width"):
        explain.last_spatial_layer(model)


@pytest.mark.parametrize("batch", [64, 1])
def test_a_network_whose_map_is_known(monkeypatch, batch):
    """Two channels pass through; class 1 adds the second and class 0 the first."""
    monkeypatch.setattr(explain, "BATCH", batch)
    inputs = keras.Input((64, 64, 2))
    features = layers.Conv2D(2, 1, use_bias=False, name="features")(inputs)
    pooled = layers.GlobalAveragePooling2D()(features)
    outputs = layers.Dense(2, activation="softmax", use_bias=False, name="probabilities")(pooled)
    model = keras.Model(inputs, outputs)
    model.set_weights([np.eye(2)[None, None], np.eye(2)])
    image = np.zeros((1, 64, 64, 2), "float32")
    image[0, 10:20, 10:20, 0] = 1
    image[0, 40:50, 30:60, 1] = 1
    heat = explain.heat_map(model, np.repeat(image, 3, axis=0), [0, 1, 1])
    for got, label in zip(heat, [0, 1, 1], strict=True):
        np.testing.assert_allclose(got, image[0, ..., label], atol=1e-6)


def test_a_sequential_network_has_the_map_of_its_functional_twin():
    keras.utils.set_random_seed(0)
    parts = [keras.Input((16, 16, 3)), layers.Conv2D(4, 3, name="conv"), layers.Flatten()]
    model = keras.Sequential([*parts, layers.Dense(7, activation="softmax")])
    twin = keras.Model(model.inputs, model.outputs)
    images = IMAGES[:, :16, :16]
    maps = [explain.heat_map(m, images, CLASSES) for m in (model, twin)]
    np.testing.assert_array_equal(*maps)
    assert maps[0].max() > 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"layer": "conv99"}, r"No such layer: conv99. Existing layers are: \['pixels', "),
        ({"classes": [-1, -1]}, r"classes: expected 2 indices from 0 to 6, got \[-1 -1\]"),
        ({"classes": [1.7, 1.7]}, "classes: expected 2 indices"),
        ({"classes": [1]}, "classes: expected 2 indices"),
        ({"classes": [1, 1, 1]}, "classes: expected 2 indices"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(proposed, options, says):
    """Some of them once gave a map, and no error."""
    with pytest.raises(ValueError, match=says):
        explain.heat_map(proposed, IMAGES, **{"classes": CLASSES, **options})


def test_a_probability_is_not_explained_for_a_logit():
    """A softmax that was a layer of its own once gave a map of the probability, in silence."""
    inputs = keras.Input((16, 16, 3))
    x = layers.Flatten()(layers.Conv2D(4, 3)(inputs))
    model = keras.Model(inputs, layers.Softmax()(layers.Dense(7)(x)))
    with pytest.raises(ValueError, match="expected a last layer with the activation softmax"):
        explain.heat_map(model, IMAGES[:, :16, :16], CLASSES)


def test_a_network_inside_the_network_is_refused():
    inner = keras.Sequential([keras.Input((16, 16, 3)), layers.Conv2D(4, 3)], name="backbone")
    inputs = keras.Input((16, 16, 3))
    x = layers.Flatten()(inner(inputs))
    model = keras.Model(inputs, layers.Dense(7, activation="softmax")(x))
    with pytest.raises(ValueError, match="got backbone, a network inside the network"):
        explain.heat_map(model, IMAGES[:, :16, :16], CLASSES)


MASKS = np.zeros((1, 8, 8))
MASKS[:, 2:5, 3:6] = 1


def test_a_perfect_map_scores_1_and_its_opposite_0():
    for score in (explain.pointing, explain.energy, explain.overlap):
        assert score(MASKS, MASKS).tolist() == [1]
        assert score(1 - MASKS, MASKS).tolist() == [0]


def test_a_blob_is_a_round_gaussian_about_the_middle():
    blob = explain.center_prior(10)
    np.testing.assert_allclose(blob, np.rot90(blob))
    rows, columns = np.mgrid[:10, :10] - 4.5
    for value in (rows, columns):
        assert np.average(value, weights=blob) == pytest.approx(0, abs=1e-12)
    wide = explain.center_prior(1000)
    spread = np.average((np.mgrid[:1000, :1000][0] - 499.5) ** 2, weights=wide)
    np.testing.assert_allclose(spread**0.5, 200, rtol=0.15)  # the tails are cut
    narrow = np.average(
        (np.mgrid[:1000, :1000][0] - 499.5) ** 2, weights=explain.center_prior(1000, 20)
    )
    np.testing.assert_allclose(narrow**0.5, 20, rtol=1e-3)


def test_a_coarse_outline_is_the_outline_where_places_are_enough():
    def coarse(masks, places):
        return explain.upsample(explain.cells(masks, places), (8, 8))

    np.testing.assert_allclose(coarse(MASKS, 8), MASKS)
    corner = np.zeros((1, 8, 8))
    corner[:, 4:, :4] = 1
    (two,) = coarse(corner, 2)
    assert two[6:, :2].tolist() == [[1, 1], [1, 1]]
    assert np.average(np.mgrid[:8, :8][0], weights=two) > 4
    assert np.average(np.mgrid[:8, :8][1], weights=two) < 3
    assert explain.overlap(coarse(MASKS, 2), MASKS)[0] < 1


def test_a_uniform_map_scores_the_lesions_share():
    uniform = np.ones((1, 8, 8))
    assert explain.pointing(uniform, MASKS) == pytest.approx(9 / 64)
    assert explain.energy(uniform, MASKS) == pytest.approx(9 / 64)
    assert explain.energy(0 * uniform, MASKS) == pytest.approx(9 / 64)


@given(
    arrays(float, (3, 5, 5), elements=st.floats(0, 1)),
    arrays("uint8", (3, 5, 5), elements=st.integers(0, 1)),
)
@settings(deadline=None, max_examples=50)
def test_scores_are_shares_and_ignore_scale(maps, masks):
    for score in (explain.pointing, explain.energy, explain.overlap):
        values = score(maps, masks)
        assert ((values >= 0) & (values <= 1)).all()
    np.testing.assert_allclose(explain.overlap(maps, masks), explain.overlap(4 * maps, masks))


def test_overlap_of_half_the_lesion():
    half = np.zeros((1, 8, 8))
    half[:, 2:5, 3:6] = [[1, 1, 1], [1, 0.9, 0], [0, 0, 0]]
    half[:, 7, :4] = 0.5
    assert explain.overlap(half, MASKS) == pytest.approx(5 / 13)


@pytest.fixture
def counting():
    """P(class 1) is the share of white pixels."""
    inputs = keras.Input((8, 8, 3))
    share = layers.Rescaling(1 / 255)(layers.GlobalAveragePooling2D()(inputs))
    outputs = layers.Dense(2, use_bias=False)(share)
    model = keras.Model(inputs, outputs)
    model.set_weights([np.array([[-1, 1], [0, 0], [0, 0]])])
    return model


def test_deletion_and_insertion_of_a_network_that_counts_white(counting):
    image = np.zeros((8, 8, 3))
    image[:4] = 255
    heat = np.arange(64, 0, -1).reshape(8, 8)  # white first
    orders = {"white first": np.stack([heat, heat]), "black first": np.stack([-heat, -heat])}
    found = explain.curves(counting, np.stack([image, image]), orders, np.array([1, 0]), steps=4)
    one, other = found["deletion"]["white first"]
    np.testing.assert_allclose(one, [0.5, 0.375, 0.25, 0.375, 0.5], atol=1e-6)
    np.testing.assert_allclose(other, -one, atol=1e-6)
    one, _ = found["insertion"]["white first"]
    np.testing.assert_allclose(one, [0.5, 0.625, 0.75, 0.625, 0.5], atol=1e-6)
    one, _ = found["deletion"]["black first"]
    np.testing.assert_allclose(one, [0.5, 0.625, 0.75, 0.625, 0.5], atol=1e-6)


def test_fresh_weights_make_another_map_and_the_same_seed_the_same(proposed):
    """Adebayo et al.: what survives random weights was not learnt."""
    before = explain.heat_map(proposed, IMAGES, CLASSES)
    after, again = (
        explain.heat_map(explain.randomize_weights(proposed), IMAGES, CLASSES) for _ in range(2)
    )
    assert np.abs(after - before).max() > 0.1
    np.testing.assert_allclose(after, again, atol=1e-5)


def test_rank_correlation_leaves_flat_maps_out():
    rng = np.random.default_rng(0)
    maps, others = rng.random((2, 3, 5, 5))
    maps[1] = 0
    found = explain.rank_correlation(maps, others)
    pairs = [(maps[i].ravel(), others[i].ravel()) for i in (0, 2)]
    assert found == pytest.approx(np.mean([spearmanr(*pair).statistic for pair in pairs]))
    assert np.isnan(explain.rank_correlation(maps[1:2], others[1:2]))


def test_cells_are_the_lesions_share_of_each_place():
    masks = np.zeros((1, 8, 8))
    masks[0, :4, :2] = 1
    np.testing.assert_allclose(explain.cells(masks, 2)[0], [[0.5, 0], [0, 0]])


def test_spread_counts_the_places():
    maps = np.zeros((4, 4, 4))
    maps[0], maps[1, 0, :2], maps[2, 3, 3] = 7, 2, 1
    np.testing.assert_allclose(explain.spread(maps), [16, 2, 1, 16])  # the last is all zeros
