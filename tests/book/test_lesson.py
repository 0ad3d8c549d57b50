"""What the chapters need beside their subject."""

import json
from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest
from fakes import dataset_of
from keras import layers

from skinlib.book import lesson
from skinlib.layers.attention import SoftAttention
from skinlib.layers.deformable import DeformableConv2D


def ellipse(height, width, size=64):
    """True within half axes of `height` and `width` pixels around the middle."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    return (y / height) ** 2 + (x / width) ** 2 <= 1


class TestNearDuplicateControl:
    def test_finds_copies_and_no_strangers(self, phantom):
        found = lesson.near_duplicate_control(phantom, count=30)["found"]
        assert found["saved as a poor JPEG"] > 0.7
        assert found["half as wide and high"] > 0.7
        assert found["mirrored"] == found["another lesion"] == 0

    def test_pairs_images_of_one_lesion(self):
        rng = np.random.default_rng(0)
        images = rng.integers(0, 256, (4, 64, 64, 3), dtype="uint8")
        images[3] = images[1]  # both of lesion b
        table = lesson.near_duplicate_control(dataset_of([0, 1, 2, 1], list("abcb"), images))
        assert list(table.loc["another image of the lesion"]) == [1, 1]
        assert list(table.loc["another lesion"]) == [3, 0]

    def test_of_lesions_with_one_image_each(self):
        table = lesson.near_duplicate_control(dataset_of([0, 1], ["a", "b"]))
        count, share = table.loc["another image of the lesion"]
        assert count == 0
        assert np.isnan(share)


@pytest.mark.parametrize("resize", ["squash", "crop"])
def test_a_camera_frame_gives_back_the_square(resize):
    """Of a picture that is the same in each row, and symmetric: both ways change its sides only."""
    image = np.zeros((90, 90, 3), "uint8")
    image[:, 30:60] = 255
    frame = np.asarray(lesson.camera_frame(image, resize).convert("L"))
    assert frame.shape == (450, 600)
    assert (frame[0] > 128).sum() == pytest.approx(200, abs=2)


def test_onnx_without_offsets_is_a_plain_convolution():
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(2, 5, 6, 3)), rng.normal(size=(3, 3, 3, 4))
    x, w, offset = x.astype("float32"), w.astype("float32"), np.zeros((2, 5, 6, 18), "float32")
    half = lesson.onnx_deform_conv(x, w, offset, np.full((2, 5, 6, 9), 0.5, "float32"))
    plain = keras.ops.convert_to_numpy(keras.ops.conv(x, w, padding="same"))
    np.testing.assert_allclose(half, plain / 2, atol=1e-4)


class TestShapes:
    def test_a_disc_and_an_ellipse(self):
        assert lesson.shape(ellipse(20, 20))["elongation"] == pytest.approx(1, abs=0.01)
        assert lesson.shape(ellipse(10, 20))["elongation"] == pytest.approx(2, rel=0.05)
        assert lesson.shape(ellipse(20, 20))["solidity"] == pytest.approx(1, abs=0.1)

    def test_a_cross_is_not_solid(self):
        """Arms of 10 in a square of 30: 500 of its hull's 30 * 30 - 2 * 10 * 10 = 700."""
        cross = np.zeros((64, 64), bool)
        cross[10:40, 20:30] = cross[20:30, 10:40] = True
        assert lesson.shape(cross)["solidity"] == pytest.approx(5 / 7, abs=0.07)

    def test_the_largest_part(self):
        mask = np.zeros((8, 8))
        mask[0, :2] = mask[4:6, 4:7] = 1
        assert lesson.largest_part(mask).sum() == 6
        assert not lesson.largest_part(0 * mask).any()

    def dataset(self):
        """A disc, an ellipse, a disc with a bite, a speck, and a disc that is not outlined."""
        bitten = ellipse(20, 20)
        bitten[32:, 25:40] = False
        masks = [ellipse(20, 20), ellipse(10, 25), bitten, ellipse(3, 3), 0 * ellipse(20, 20)]
        found = dataset_of([0, 1, 2, 3, 4], list("abcde"), np.zeros((5, 64, 64, 3), "uint8"))
        return replace(found, masks=np.stack(masks).astype("uint8"))

    def test_leaves_out_specks_and_what_is_not_outlined(self):
        assert list(lesson.shapes(self.dataset(), np.array([4, 3, 2, 1, 0])).index) == [0, 1, 2]

    def test_of_no_outline_nothing_is_said(self):
        bare = replace(self.dataset(), masks=None)
        table = lesson.shapes(bare, np.arange(5))
        assert table.empty
        assert lesson.choose_shapes(table) == {}
        assert bare.images[table.index].shape == (*lesson.outlines(bare, table.index).shape, 3)

    def test_are_chosen_by_rule(self):
        table = lesson.shapes(self.dataset(), np.arange(5))
        assert lesson.choose_shapes(table) == {"round": 0, "elongated": 1, "irregular": 2}


class TestSamplingPoints:
    @pytest.fixture
    def model(self):
        return keras.Sequential(
            [
                keras.Input((32, 32, 3)),
                layers.Conv2D(2, 3, strides=2, padding="same"),
                layers.Conv2D(2, 3, strides=2, padding="same", name="features"),
                layers.BatchNormalization(name="normalised"),
                DeformableConv2D(2, 3, padding="same", name="deformable"),
            ]
        )

    def test_of_a_layer_whose_points_all_move_alike(self, model):
        moves = np.tile([1.0, -2.0], 9)
        bias = model.get_layer("deformable").offset_convolution.bias
        bias.assign(np.concatenate([moves, np.zeros(9)]))
        fixed, moved = np.moveaxis(lesson.sampling_points(model, np.zeros((1, 32, 32, 3))), 3, 0)
        np.testing.assert_allclose(moved - fixed, np.broadcast_to([4.0, -8.0], fixed.shape))
        np.testing.assert_allclose(fixed[0, 2, 5, 4], [2 * 4 + 3, 5 * 4 + 3])

    def test_are_those_of_what_enters_the_layer(self, model):
        """They were once those of the features before they were normalised."""
        model.get_layer("normalised").gamma.assign([0.0, 0.0])
        model.get_layer("normalised").beta.assign([1.0, 2.0])  # the same features everywhere
        layer = model.get_layer("deformable")
        rng = np.random.default_rng(0)
        layer.offset_convolution.kernel.assign(rng.normal(size=(3, 3, 2, 27)))
        images = rng.uniform(0, 255, (1, 32, 32, 3))
        fixed, moved = np.moveaxis(lesson.sampling_points(model, images), 3, 0)
        inner = (moved - fixed)[0, 1:-1, 1:-1]
        assert np.abs(inner).max() > 1
        np.testing.assert_allclose(inner, np.broadcast_to(inner[:1, :1], inner.shape), atol=1e-3)

    def test_of_no_image(self, model):
        points = lesson.sampling_points(model, np.zeros((0, 32, 32, 3)))
        assert points.shape == (0, 8, 8, 2, 9, 2)
        found = lesson.means(lesson.shift_by_zone(points, np.zeros((0, 32, 32))), np.zeros(0))
        assert lesson.shifts_in_words(found).startswith("not measured")

    def test_lie_where_the_network_looks(self, model):
        """The pixels that move `features` at a place have the fixed point as their middle."""
        features = keras.Model(model.inputs[0], model.get_layer("features").output)
        base = keras.ops.convert_to_numpy(features(np.zeros((1, 32, 32, 3), "float32")))
        seen = []
        for pixel in range(32):
            image = np.zeros((1, 32, 32, 3), "float32")
            image[0, pixel] = 1  # a row
            if np.abs(keras.ops.convert_to_numpy(features(image)) - base)[0, 4].max() > 1e-9:
                seen.append(pixel)
        points = lesson.sampling_points(model, np.zeros((1, 32, 32, 3)))
        assert np.mean(seen) == points[0, 4, 4, 0, 4, 0]


def test_shift_by_zone():
    """16 x 16 places on 64 x 64 pixels; the lesion covers the left half, where points move by 5."""
    points = np.zeros((2, 16, 16, 2, 9, 2))
    points[:, :, :8, 1, :, :] = [3.0, 4.0]
    outlines = np.zeros((2, 64, 64))
    outlines[0, :, :32] = 1
    table = lesson.shift_by_zone(points, outlines)
    assert list(table.loc[0, ["inside", "outside"]]) == [5, 0]
    assert table["outside"][1] == pytest.approx(2.5)
    assert np.isnan(table["inside"][1])


def test_means_count_each_lesion_once_and_leave_out_what_is_not_known():
    table = pd.DataFrame({"a": [1, 3, 6], "b": [2, np.nan, 5], "c": [np.nan] * 3})
    found = lesson.means(table, np.array(["x", "x", "y"]))
    assert list(found["value"]) == [4, 3.5]
    assert (found["low"] < found["high"]).all()


def test_shifts_in_words():
    rows = {"inside - border": [1, 0.5, 2], "border - outside": [-1, -2, -0.5]}
    found = pd.DataFrame(rows, index=["value", "low", "high"]).T
    assert lesson.shifts_in_words(found) == (
        "Points move farther inside than on the border: +1.00 (+0.50 to +2.00) pixels.\n"
        "Points move less far on the border than outside: -1.00 (-2.00 to -0.50) pixels."
    )
    found.loc["inside - border"] = [1, -1, 3]
    assert "is undecided: +1.00 (-1.00 to" in lesson.shifts_in_words(found)


def test_shares_in_words():
    gaps = lesson.means(
        pd.DataFrame({"uniform": [0.4, 0.6], "narrow blob in the middle": [-0.1, 0.1]}),
        np.array(["a", "b"]),
    )
    text = lesson.shares_in_words(gaps)
    assert "no sure difference from a uniform map: +50 (-" in text
    assert "about as narrow as the map: +0 (-" in text
    gaps.loc["uniform"] = [-0.5, -0.8, -0.2]
    gaps.loc["narrow blob in the middle"] = [0.5, 0.2, 0.8]
    text = lesson.shares_in_words(gaps)
    assert "lies less on the lesion than a uniform map: -50 (-80 to -20)" in text
    assert "more on the lesion than a blob in the middle, about as narrow as the map: +50" in text
    nothing = lesson.means(pd.DataFrame({"uniform": []}, dtype=float), np.array([]))
    assert lesson.shares_in_words(nothing).startswith("No outline is known here")


def test_benches_against_their_goals(tmp_path):
    bench = {
        "environment": {"gpus": [], "cores": 2, "processor": "Abacus", "backend": "jax"},
        "seconds": {"14": {"ratio": 4.5}},
        "memory": {"28": {"plain": 3.4, "deformable": 11.2}},
        "network": {"plain": 0.95, "deformable": 1.0},
    }
    (tmp_path / "abacus.json").write_text(json.dumps(bench))
    found = lesson.read_benches(tmp_path)
    assert list(found) == ["2 cores of Abacus, jax"]
    time, memory, speed = lesson.against_goals(found["2 cores of Abacus, jax"]).values()
    assert (time, memory, speed) == ("4.50, missed", "11 (a plain one: 3)", "95%")
    assert lesson.read_benches(tmp_path / "nothing") == {}


def test_watch_sees_each_batch_and_each_epoch():
    inputs = keras.Input((4, 4, 2))
    outputs = layers.GlobalAveragePooling2D()(SoftAttention(2, name="attention")(inputs))
    model = keras.Model(inputs, outputs)
    watch = lesson.Watch(lambda model: float(model.get_layer("attention").gamma))
    x = np.random.default_rng(0).normal(size=(32, 4, 4, 2)).astype("float32")
    losses = lesson.fit(
        model, x, x.mean((1, 2)) * 2, rate=0.1, epochs=3, loss="mse", callbacks=[watch]
    )["loss"]
    assert losses[0] > losses[1] > losses[2]
    assert len(watch.gamma) == 6  # two batches of 16, three times
    assert watch.alpha == pytest.approx([0.01, *watch.gamma[1::2]])
