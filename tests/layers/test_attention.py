import keras
import numpy as np
import pytest
from gradients import gradient
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops
from scipy.special import softmax

from skinlib.layers.attention import SoftAttention

# Keras 3.15 reads its variables through a protocol that NumPy 2.4 calls old.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def features(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def attend(layer, inputs):
    return [ops.convert_to_numpy(x) for x in (layer(inputs), layer.alpha(inputs))]


def convolve(inputs, kernel):
    """Zero-padded convolution in float64 NumPy, for an odd kernel."""
    side = kernel.shape[0]
    height, width = inputs.shape[1:3]
    margin = side // 2
    padded = np.pad(inputs.astype(float), ((0, 0), (margin, margin), (margin, margin), (0, 0)))
    return sum(
        padded[:, y : y + height, x : x + width] @ kernel[y, x].astype(float)
        for y in range(side)
        for x in range(side)
    )


@given(
    st.sampled_from([(1, 5, 7, 3), (2, 1, 4, 1), (3, 6, 2, 4)]), st.sampled_from([1, 5]),
    st.sampled_from([1, 3, 5]), st.floats(-2, 2, width=32), st.integers(0, 2**32 - 1),
)  # fmt: skip
@settings(deadline=None, max_examples=12)
def test_it_is_equation_2(shape, maps, kernel_size, gamma, seed):
    t = features(*shape, seed=seed)
    layer = SoftAttention(maps, kernel_size, gamma)
    outputs, alpha = attend(layer, t)
    kernel = ops.convert_to_numpy(layer.convolution.kernel)
    expected = softmax(convolve(t, kernel), axis=(1, 2)).sum(-1)
    np.testing.assert_allclose(alpha, expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(outputs, t + gamma * t * expected[..., None], rtol=1e-4, atol=1e-5)


@given(st.sampled_from([(4, 6), (1, 9)]), st.sampled_from([1, 20]), st.floats(0.01, 1e4))
@settings(deadline=None, max_examples=12)
def test_every_map_sums_to_1_and_alpha_to_k(size, maps, scale):
    layer = SoftAttention(maps)
    t = np.float32(scale) * features(2, *size, 3)
    _, alpha = attend(layer, t)
    single = ops.convert_to_numpy(layer.attention_maps(t))
    assert single.shape == (2, *size, maps)
    assert (single >= 0).all()
    np.testing.assert_allclose(single.sum((1, 2)), 1, rtol=1e-4)
    np.testing.assert_allclose(alpha, single.sum(-1), rtol=1e-5)
    np.testing.assert_allclose(alpha.sum((1, 2)), maps, rtol=1e-4)


def test_constant_features_give_a_uniform_alpha():
    t = np.full((2, 4, 6, 3), 0.7, "float32")
    _, alpha = attend(SoftAttention(5, kernel_size=1), t)
    np.testing.assert_allclose(alpha, 5 / 24, rtol=1e-5)

    _, alpha = attend(SoftAttention(5), 0 * t)
    np.testing.assert_allclose(alpha, 5 / 24, rtol=1e-5)

    _, alpha = attend(SoftAttention(5), t)
    np.testing.assert_allclose(alpha[:, 1:-1, 1:-1], alpha[:, 1:2, 1:2] * np.ones((1, 2, 4)), 1e-5)


def test_gamma_0_is_the_identity():
    t = features(2, 5, 4, 3)
    outputs, _ = attend(SoftAttention(gamma=0.0), t)
    np.testing.assert_array_equal(outputs, t)


def test_gamma_starts_at_one_hundredth_and_learns():
    layer = SoftAttention(4)
    layer.build((None, 5, 4, 3))
    assert ops.convert_to_numpy(layer.gamma) == np.float32(0.01)
    assert any(weight is layer.gamma for weight in layer.trainable_weights)
    assert layer.count_params() == 3 * 3 * 3 * 4 + 1


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=10)
def test_a_1_by_1_kernel_does_not_know_where_pixels_are(seed):
    t = features(1, 4, 5, 3, seed=seed)
    order = np.random.default_rng(seed).permutation(20)

    def shuffle(x):
        return x.reshape(1, 20, -1)[:, order].reshape(x.shape)

    layer = SoftAttention(6, kernel_size=1)
    outputs, alpha = attend(layer, t)
    shuffled_outputs, shuffled_alpha = attend(layer, shuffle(t))
    np.testing.assert_allclose(shuffled_alpha, shuffle(alpha), rtol=1e-4)
    np.testing.assert_allclose(shuffled_outputs, shuffle(outputs), rtol=1e-4, atol=1e-6)


def test_pictures_of_a_batch_do_not_meet():
    t = features(3, 5, 4, 2)
    layer = SoftAttention(4)
    together, _ = attend(layer, t)
    alone = np.concatenate([attend(layer, t[i : i + 1])[0] for i in range(3)])
    np.testing.assert_allclose(together, alone, rtol=1e-5)


def test_every_input_channel_decides_where_to_look():
    t = features(2, 6, 5, 7)
    layer = SoftAttention(8)
    layer.build(t.shape)
    by_channel = [gradient(lambda x: layer.alpha(x)[0, 2, 3], t)[..., c] for c in range(7)]
    assert all(np.abs(g[0]).max() > 1e-6 for g in by_channel)
    assert all(np.abs(g[1]).max() == 0 for g in by_channel)


def test_sizes_may_be_unknown():
    inputs = keras.Input((None, None, 3))
    layer = SoftAttention(4)
    model = keras.Model(inputs, [layer(inputs), layer.alpha(inputs)])
    for shape in ((2, 6, 5, 3), (3, 1, 9, 3)):
        outputs, alpha = model.predict(features(*shape), verbose=0)
        assert outputs.shape == shape
        assert alpha.shape == shape[:3]
        np.testing.assert_allclose(alpha.sum((1, 2)), 4, rtol=1e-5)


def test_saved_and_loaded(tmp_path):
    inputs = keras.Input((6, 5, 3))
    layer = SoftAttention(4, 5, gamma=0.3, name="attention")
    model = keras.Model(inputs, layer(inputs))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    t = features(2, 6, 5, 3)
    np.testing.assert_array_equal(loaded.predict(t, verbose=0), model.predict(t, verbose=0))
    assert loaded.get_layer("attention").get_config() == layer.get_config()


def test_half_precision_keeps_the_softmax_in_single():
    t = 30 * features(2, 64, 64, 3)
    half = SoftAttention(16, dtype="mixed_float16")
    outputs, alpha = attend(half, t)
    assert outputs.dtype == "float16"
    assert alpha.dtype == "float32"
    np.testing.assert_allclose(alpha.sum((1, 2)), 16, rtol=1e-5)
    assert half.gamma.dtype == half.convolution.kernel.dtype == "float32"
    assert half.convolution.compute_dtype == "float16"
    assert np.isfinite(outputs).all()


def test_scores_of_any_size_stay_finite():
    outputs, alpha = attend(SoftAttention(4), 1e20 * features(1, 6, 6, 3))
    assert np.isfinite(outputs).all()
    np.testing.assert_allclose(alpha.sum(), 4, rtol=1e-5)


def test_no_maps_are_refused():
    with pytest.raises(ValueError, match="maps: expected 1 or more, got 0"):
        SoftAttention(0)
