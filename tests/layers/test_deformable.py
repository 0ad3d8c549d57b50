import itertools

import keras
import numpy as np
import pytest
from gradients import gradient
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from skinlib.book.lesson import onnx_deform_conv
from skinlib.layers import deformable
from skinlib.layers.bilinear import sample_by_gathering, sample_by_hats, sample_in_turn
from skinlib.layers.deformable import DeformableConv2D, deform_conv2d

RNG = np.random.default_rng(0)
BACKEND = keras.backend.backend()
DTYPE = "float64" if BACKEND == "tensorflow" else "float32"  # elsewhere a switch


def normal(*shape, dtype="float32"):
    return RNG.normal(size=shape).astype(dtype)


def same_pads(side, kernel, stride, rate):
    total = max((-(-side // stride) - 1) * stride + (kernel - 1) * rate + 1 - side, 0)
    return total // 2, total - total // 2


def oracle(x, kernel, offset, mask, stride=1, padding="same", rate=1):
    """ONNX's DeformConv; without a mask it has ones."""
    kh, kw, per_group, _ = kernel.shape
    pads = [(0, 0), (0, 0)]
    if padding == "same":
        sides = zip(x.shape[1:3], (kh, kw), strict=True)
        pads = [same_pads(side, k, stride, rate) for side, k in sides]
    if mask is None:
        mask = np.ones((*offset.shape[:3], kh * kw), "float32")
    options = {"strides": [stride, stride], "dilations": [rate, rate]}
    options["pads"] = [pads[0][0], pads[1][0], pads[0][1], pads[1][1]]
    groups = x.shape[-1] // per_group
    return onnx_deform_conv(x, kernel, offset, mask, group=groups, **options)


def outputs_of(side, kernel, stride, padding, rate):
    return (
        -(-side // stride) if padding == "same" else (side - (kernel - 1) * rate - 1) // stride + 1
    )


def case(kh, kw, stride, rate, padding, groups, masked, shape=(2, 6, 5, 4), spread=2):
    h = outputs_of(shape[1], kh, stride, padding, rate)
    w = outputs_of(shape[2], kw, stride, padding, rate)
    points = kh * kw
    offset = spread * normal(shape[0], h, w, 2 * points)
    mask = RNG.uniform(size=(shape[0], h, w, points)).astype("float32") if masked else None
    return normal(*shape), normal(kh, kw, shape[3] // groups, 4), offset, mask


HATS, GATHERS = 10**6, 0
"""Small maps take the product of hats, larger ones the gathers: so that every map takes either."""


WAYS = {"hats": HATS, "gathers": GATHERS}


def take(way, monkeypatch):
    monkeypatch.setattr(deformable, "SMALL", WAYS[way])


@pytest.fixture(params=WAYS)
def sampling(request, monkeypatch):
    take(request.param, monkeypatch)


GRID = [  # every seventh of all combinations
    (kernel, stride, rate, padding, groups, masked)
    for kernel, stride, rate, padding, (groups, masked) in itertools.product(
        [(1, 1), (3, 3), (2, 3)],
        [1, 2],
        [1, 2],
        ["same", "valid"],
        [(1, True), (1, False), (2, False), (2, True), (4, True)],
    )
][::7]
if BACKEND == "jax":  # which compiles each anew
    GRID = GRID[::3]


@pytest.mark.parametrize(("kernel", "stride", "rate", "padding", "groups", "masked"), GRID)
def test_onnx_agrees(kernel, stride, rate, padding, groups, masked, monkeypatch):
    x, w, offset, mask = case(*kernel, stride, rate, padding, groups, masked)
    wanted = oracle(x, w, offset, mask, stride, padding, rate)
    for way in WAYS:
        take(way, monkeypatch)
        got = deform_conv2d(
            x,
            w,
            offset,
            mask,
            strides=stride,
            padding=padding,
            dilation_rate=rate,
        )
        np.testing.assert_allclose(ops.convert_to_numpy(got), wanted, atol=2e-5)


@settings(deadline=None, max_examples=12)
@given(st.sampled_from([(2, 5), (14, 14), (13, 16)]), st.sampled_from([0.1, 3.0, 40.0, 1e6]))
def test_onnx_agrees_wherever_the_offsets_point(sides, spread):
    """Small maps take the product of hats, larger ones the gathers: both sides of the choice."""
    x, w, offset, mask = case(1, 2, 1, 1, "same", 1, True, (1, *sides, 2), spread)
    got = ops.convert_to_numpy(deform_conv2d(x, w, offset, mask))
    np.testing.assert_allclose(got, oracle(x, w, offset, mask), atol=2e-5)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="Keras has float64 there only")
@pytest.mark.usefixtures("sampling")
@pytest.mark.parametrize("name", ["inputs", "kernel", "offset", "mask"])
def test_gradients_are_finite_differences(name):
    x, w, offset, mask = (
        a.astype("float64") for a in case(3, 3, 1, 1, "same", 1, True, (1, 5, 5, 2), 1.5)
    )
    offset = np.floor(offset) + RNG.uniform(0.2, 0.8, offset.shape)  # away from the kinks
    tensors = {"inputs": x, "kernel": w, "offset": offset, "mask": mask}

    def loss(value):
        return ops.sin(deform_conv2d(**{**tensors, name: value}))

    got, value, step = gradient(loss, tensors[name]), tensors[name], 1e-6
    for index in RNG.choice(value.size, 12):
        move = np.zeros(value.size)
        move[index] = step
        move = move.reshape(value.shape)
        high, low = (float(ops.sum(loss(value + s * move))) for s in (1, -1))
        assert got.flat[index] == pytest.approx((high - low) / (2 * step), rel=1e-4, abs=1e-6)


@pytest.mark.usefixtures("sampling")
@pytest.mark.parametrize("whole", [(0, 0), (1, -2)])
def test_offset_gradients_on_whole_pixels_are_forward_differences(whole):
    """A fresh layer starts there. TensorFlow once gave 0, and the offsets stayed for ever.

    Between pixels the outputs are linear in an offset, so that a forward difference is exact.
    """
    x, w, _, mask = (a.astype(DTYPE) for a in case(3, 3, 1, 1, "same", 1, True, (1, 5, 5, 2), 1.5))
    offset = np.tile(np.asarray(whole, DTYPE), (1, 5, 5, 9))
    weight = RNG.normal(size=(1, 5, 5, 4)).astype(DTYPE)

    def loss(offset):
        return deform_conv2d(x, w, offset, mask) * weight

    got, step = gradient(loss, offset), 0.5
    assert np.abs(got).max() > 0.1
    for index in RNG.choice(offset.size, 12, replace=False):
        moved = offset.copy()
        moved.flat[index] += step
        forward = float(ops.sum(loss(moved) - loss(offset))) / step
        near = 1e-12 if DTYPE == "float64" else 1e-4
        assert got.flat[index] == pytest.approx(forward, rel=near, abs=near)


@pytest.mark.parametrize("way", WAYS if BACKEND == "tensorflow" else ["hats"])
def test_a_fresh_layer_learns_a_shift_that_a_plain_one_cannot(way, monkeypatch):
    """By two pixels of noise: a kernel of 3 x 3 reaches one. An offset has to move."""
    take(way, monkeypatch)
    x = np.random.default_rng(0).normal(size=(32, 8, 8, 4)).astype("float32")
    y = np.roll(x, 2, axis=2)[..., :2]
    losses = []
    for kind in (keras.layers.Conv2D, DeformableConv2D):
        keras.utils.set_random_seed(0)
        layer = kind(2, 3, padding="same")
        model = keras.Sequential([keras.Input(x.shape[1:]), layer])
        model.compile(keras.optimizers.Adam(0.03), "mse", jit_compile=BACKEND != "tensorflow")
        for _ in range(40):
            loss = model.train_on_batch(x, y)
        losses.append(float(loss))
    assert losses[1] < 0.6 * losses[0]
    offsets = ops.convert_to_numpy(layer.offset_convolution(x))[..., :18]
    assert np.abs(offsets).mean(axis=(0, 1, 2)).max() > 0.5  # of some point, in pixels


POLICIES = ["float32", "mixed_float16", "mixed_bfloat16", "bfloat16", "float16", "float64"]


@pytest.mark.slow
@pytest.mark.skipif(BACKEND != "tensorflow", reason="only TensorFlow runs eagerly and in a graph")
@pytest.mark.usefixtures("sampling")
@pytest.mark.parametrize("policy", POLICIES)
def test_gradients_are_the_same_eagerly_and_in_a_graph(policy):
    """On large maps the kernel's was once doubled, and mixed precision crashed."""
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=(2, 9, 8, 4)).astype("float32"))
    weight = rng.normal(size=(2, 9, 8, 4)).astype("float32")
    reference, layer = (
        DeformableConv2D(4, 3, padding="same", activation="relu", dtype=dtype)
        for dtype in ("float32", policy)
    )
    reference.build(x.shape)
    layer.build(x.shape)
    moves = reference.offset_convolution.kernel
    moves.assign(0.2 * rng.normal(size=moves.shape))
    layer.set_weights(reference.get_weights())

    def gradients(layer):
        variables = [v.value for v in layer.trainable_variables]
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(tf.cast(layer(x), "float32") * weight)
        return tape.gradient(loss, [x, *variables])

    names = ["x", *[v.path for v in layer.trainable_variables]]
    expected = gradients(reference)
    eager, graph = gradients(layer), tf.function(gradients)(layer)
    near = {"float32": 1e-5, "float64": 1e-5}.get(policy, 0.1)  # 16 bits move points, too
    for name, *each in zip(names, eager, graph, expected, strict=True):
        one, two, exact = (np.array(tf.cast(g, "float64")) for g in each)
        assert np.linalg.norm(two - one) < near * np.linalg.norm(exact), name
        assert np.linalg.norm(one - exact) < near * np.linalg.norm(exact), name


@pytest.mark.usefixtures("sampling")
def test_an_integer_offset_is_a_shifted_convolution():
    side = 6
    x, w = normal(2, side, side, 3), normal(3, 3, 3, 5)
    offset = np.tile(np.float32([1, -2]), (2, side, side, 9))
    shifted = np.zeros_like(x)
    shifted[:, :-1, 2:] = x[:, 1:, :-2]
    plain = ops.convert_to_numpy(ops.conv(shifted, w, padding="same"))
    got = ops.convert_to_numpy(deform_conv2d(x, w, offset))
    inner = np.s_[:, 1:-2, 3:-1]  # where the shift has brought no border into reach
    np.testing.assert_allclose(got[inner], plain[inner], atol=1e-5)


class TestBugsOfPeers:
    """Each of these was shipped in a public port."""

    def test_offset_channels_count_kernel_points_not_channels(self):
        x, w, _, _ = case(3, 3, 1, 1, "same", 1, False)
        with pytest.raises(
            ValueError, match=r"offset: expected \(2, 6, 5, 18\), got \(2, 6, 5, 8\)"
        ):
            deform_conv2d(x, w, normal(2, 6, 5, 2 * 4))

    def test_y_and_x_are_interleaved(self):
        """Only the first kernel point moves, down by one; as halves, x would move as well."""
        x = normal(1, 6, 6, 1)
        w = np.zeros((3, 3, 1, 1), "float32")
        w[0, 0] = 1
        offset = np.zeros((1, 6, 6, 18), "float32")
        offset[..., 0] = 1
        got = ops.convert_to_numpy(deform_conv2d(x, w, offset))
        np.testing.assert_allclose(got[0, :, 1:, 0], x[0, :, :-1, 0], atol=1e-6)

    @pytest.mark.usefixtures("sampling")
    def test_offsets_do_not_cross_batch_items(self):
        side = 6
        x, w, offset, mask = case(3, 3, 1, 1, "same", 1, True, (3, side, side, 4), 9)
        whole = ops.convert_to_numpy(deform_conv2d(x, w, offset, mask))
        for i in range(3):
            one = np.s_[i : i + 1]
            alone = ops.convert_to_numpy(deform_conv2d(x[one], w, offset[one], mask[one]))
            np.testing.assert_allclose(whole[one], alone, atol=1e-5)

    @pytest.mark.usefixtures("sampling")
    def test_the_last_row_keeps_its_weight(self):
        side = 6
        x = np.ones((1, side, side, 1), "float32")
        w = np.ones((1, 1, 1, 1), "float32")
        got = ops.convert_to_numpy(deform_conv2d(x, w, np.zeros((1, side, side, 2), "float32")))
        np.testing.assert_array_equal(got, x)

    @pytest.mark.usefixtures("sampling")
    def test_borders_are_zero_not_clamped(self):
        side = 6
        x, w = normal(2, side, side, 3), normal(3, 3, 3, 4)
        got = deform_conv2d(x, w, np.zeros((2, side, side, 18), "float32"))
        plain = ops.convert_to_numpy(ops.conv(x, w, padding="same"))
        np.testing.assert_allclose(ops.convert_to_numpy(got), plain, atol=1e-5)

    def test_the_batch_is_dynamic(self):
        inputs = keras.Input((6, 6, 3))
        model = keras.Model(inputs, DeformableConv2D(4, 3, padding="same")(inputs))
        for n in (1, 5):
            assert model.predict(normal(n, 6, 6, 3), verbose=0).shape == (n, 6, 6, 4)


@pytest.mark.parametrize("options", [{}, {"strides": 2}, {"groups": 2}, {"dilation_rate": 2}])
def test_an_untrained_layer_is_half_the_plain_convolution(options):
    layer = DeformableConv2D(4, 3, padding="same", use_bias=False, **options)
    plain = keras.layers.Conv2D(4, 3, padding="same", use_bias=False, **options)
    x = normal(2, 12, 12, 4)
    layer.build(x.shape)
    plain.build(x.shape)
    plain.kernel.assign(layer.kernel)
    np.testing.assert_allclose(
        ops.convert_to_numpy(layer(x)), ops.convert_to_numpy(plain(x)) / 2, atol=1e-5
    )
    first = DeformableConv2D(4, 3, padding="same", use_bias=False, modulated=False, **options)
    first.build(x.shape)
    first.kernel.assign(layer.kernel)
    np.testing.assert_allclose(
        ops.convert_to_numpy(first(x)), ops.convert_to_numpy(plain(x)), atol=1e-5
    )


def moving(**options):
    """A layer whose offset convolution is not zero, and inputs for it."""
    layer = DeformableConv2D(4, 3, padding="same", activation="relu", **options)
    x = normal(2, 9, 8, 4)
    layer.build(x.shape)
    moves = layer.offset_convolution.kernel
    moves.assign(0.2 * normal(*moves.shape))
    return layer, x


def test_saved_and_loaded(tmp_path):
    layer, x = moving()
    inputs = keras.Input(x.shape[1:])
    model = keras.Model(inputs, layer(inputs))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(model.predict(x, verbose=0), loaded.predict(x, verbose=0))
    assert loaded.layers[-1].get_config() == layer.get_config()


@pytest.mark.parametrize(("kernel", "strides"), [(3, 1), (1, 2), (5, 1)])
def test_height_and_width_are_dynamic(kernel, strides):
    layer = DeformableConv2D(4, kernel, strides, padding="same")
    layer.build((None, None, None, 4))
    inputs = keras.Input((None, None, 4))
    model = keras.Model(inputs, layer(inputs))
    for side in (7, 15):
        x = normal(1, side, side + 1, 4)
        np.testing.assert_allclose(
            model.predict(x, verbose=0), ops.convert_to_numpy(layer(x)), atol=1e-5
        )


@pytest.mark.usefixtures("sampling")
@pytest.mark.parametrize("shape", [(1, 1, 1, 4), (2, 1, 5, 4), (2, 5, 1, 4)])
def test_sides_of_length_one(shape):
    """The oracle cannot do them: it gets the image with a frame of zeros, which changes nothing."""
    arguments = case(3, 3, 1, 1, "same", 1, True, shape, spread=1)
    x, kernel, offset, mask = arguments
    framed = [np.pad(part, ((0, 0), (1, 1), (1, 1), (0, 0))) for part in (x, offset, mask)]
    expected = oracle(framed[0], kernel, *framed[1:])[:, 1:-1, 1:-1]
    np.testing.assert_allclose(ops.convert_to_numpy(deform_conv2d(*arguments)), expected, atol=1e-4)


@pytest.mark.usefixtures("sampling")
@pytest.mark.parametrize(("dtype", "near"), [("float16", 2e-2), ("bfloat16", 1e-1)])
def test_mixed_precision_keeps_coordinates_exact(dtype, near):
    layer, x = moving()
    mixed = DeformableConv2D(4, 3, padding="same", activation="relu", dtype=f"mixed_{dtype}")
    mixed.build(x.shape)
    mixed.set_weights(layer.get_weights())
    outputs = mixed(x)
    assert keras.backend.standardize_dtype(outputs.dtype) == dtype
    got = np.asarray(ops.convert_to_numpy(ops.cast(outputs, "float32")))
    np.testing.assert_allclose(got, ops.convert_to_numpy(layer(x)), atol=5 * near, rtol=near)
    points = mixed.sampling_points(x)
    assert keras.backend.standardize_dtype(points.dtype) == "float32"


@pytest.mark.usefixtures("sampling")
def test_16_bits_do_not_round_places():
    """On a ramp of 64 columns, a quarter of a pixel to the right of column j is j + 1/4."""
    ramp = ops.cast(np.broadcast_to(np.arange(64.0) / 64, (2, 2, 64))[..., None], "bfloat16")
    offset = np.broadcast_to(np.float32([0, 0.25]), (2, 2, 64, 2))
    got = deform_conv2d(ramp, ops.ones((1, 1, 1, 1), "bfloat16"), offset)
    expected = (np.arange(63) + 0.25) / 64
    got = ops.convert_to_numpy(ops.cast(got, "float32"))[:, :, :63, 0]
    np.testing.assert_allclose(got, np.broadcast_to(expected, got.shape), rtol=2**-8, atol=1e-6)


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="XLA's min and max may drop NaN")
@pytest.mark.usefixtures("sampling")
@pytest.mark.parametrize("other", [0, 100])
def test_an_offset_that_is_no_number_is_not_hidden(other):
    """Nor does the other coordinate hide it by lying outside the map."""
    x, kernel, offset, mask = case(3, 3, 1, 1, "same", 1, True)
    offset[0, 2, 2, 4:6] = np.nan, other
    got = ops.convert_to_numpy(deform_conv2d(x, kernel, offset, mask))
    assert np.isnan(got[0, 2, 2]).all()
    assert np.isnan(got).sum() == got.shape[-1]


def test_sampling_points_of_an_untrained_layer_are_the_grid():
    layer = DeformableConv2D(4, 3, padding="same", strides=2)
    x = normal(1, 8, 8, 4)
    layer.build(x.shape)
    points = ops.convert_to_numpy(layer.sampling_points(x))
    assert points.shape == (1, 4, 4, 9, 2)
    np.testing.assert_array_equal(points[0, 1, 2, 0], [2, 4])
    np.testing.assert_array_equal(points[0, 1, 2, 8], [4, 6])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"mask": np.ones((2, 6, 5, 8))}, r"mask: expected \(2, 6, 5, 9\), got \(2, 6, 5, 8\)"),
        ({"padding": "reflect"}, 'expected "same" or "valid", got \'reflect\''),
        ({"padding": "valid", "dilation_rate": 4}, "reaches over 9 pixels and the inputs have 6"),
        ({"kernel": np.ones((3, 3, 3, 4))}, "channels that divide the inputs' 4"),
        ({"inputs": np.ones((7, 6, 4))}, r"inputs: expected 4 axes, got the shape \(7, 6, 4\)"),
    ],
)
def test_wrong_arguments(change, says):
    x, w, offset, mask = case(3, 3, 1, 1, "same", 1, True)
    with pytest.raises(ValueError, match=says):
        deform_conv2d(**{"inputs": x, "kernel": w, "offset": offset, "mask": mask, **change})


@pytest.mark.parametrize("argument", ["strides", "dilation_rate"])
@pytest.mark.parametrize("value", [0, -1, (1, 0), 1.5])
def test_strides_and_dilation_start_at_one(argument, value):
    says = f"{argument}: expected one or two whole numbers from 1 on, got "
    with pytest.raises(ValueError, match=says):
        DeformableConv2D(4, 3, **{argument: value})
    x, w, offset, _ = case(3, 3, 1, 1, "same", 1, False)
    with pytest.raises(ValueError, match=says):
        deform_conv2d(x, w, offset, **{argument: value})


@pytest.mark.usefixtures("sampling")
@pytest.mark.parametrize("groups", [1, 2])
def test_an_empty_batch_keeps_its_shape(groups):
    x, w, offset, mask = case(3, 3, 1, 1, "same", groups, True)
    outputs = deform_conv2d(x[:0], w, offset[:0], mask[:0])
    assert tuple(outputs.shape) == (0, 6, 5, 4)


@pytest.mark.usefixtures("sampling")
def test_a_pixel_that_is_no_number_spoils_the_outputs_that_see_it():
    x = np.ones((1, 9, 9, 1), "float32")
    x[0, 0, 0, 0] = np.nan
    kernel = np.ones((3, 3, 1, 1), "float32")
    outputs = deform_conv2d(x, kernel, np.full((1, 9, 9, 18), 0.25, "float32"))
    spoilt = np.isnan(ops.convert_to_numpy(outputs))[0, :, :, 0]
    assert np.argwhere(spoilt).tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]


def test_the_way_to_sample_may_be_passed_in():
    x, w, offset, mask = case(3, 3, 1, 1, "same", 1, True)
    expected = ops.convert_to_numpy(deform_conv2d(x, w, offset, mask))
    for sample in (sample_by_gathering, sample_by_hats, sample_in_turn):
        got = deform_conv2d(x, w, offset, mask, sample=sample)
        np.testing.assert_allclose(ops.convert_to_numpy(got), expected, atol=1e-5)


def test_channels_first_is_refused():
    with pytest.raises(ValueError, match="expected channels_last"):
        DeformableConv2D(4, 3, data_format="channels_first")
