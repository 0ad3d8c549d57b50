"""The figures that move: what they say at some settings, against an oracle.

A chart is drawn by Vega itself, with its sliders where the test sets them.
"""

import base64
import json
import re

import keras
import nbformat
import numpy as np
import pandas as pd
import pytest
import vl_convert
from scipy.ndimage import map_coordinates

from skinlib.book import moving, pages
from skinlib.book.moving import style
from skinlib.book.moving.deformable import sampled
from skinlib.book.moving.experiments import TIMES
from skinlib.book.moving.grad_cam import STEPS
from skinlib.book.moving.network import receptive_field
from skinlib.book.moving.verdict import power_of
from skinlib.cost import multiply_adds
from skinlib.data import CLASSES, Dataset
from skinlib.data.dataset import IMAGES_PER_CLASS
from skinlib.data.splits import grouped_split, random_split
from skinlib.explain import overlap
from skinlib.intervals import t_interval
from skinlib.layers.attention import SoftAttention
from skinlib.losses import JointLoss
from skinlib.models import build


def drawn(chart, settings):
    """The chart as SVG, with its sliders at some settings and its lines as points."""
    spec = as_points(chart.to_dict())
    bound = {
        parameter["name"]: parameter for parameter in spec.get("params", []) if "bind" in parameter
    }
    for name, value in settings.items():
        bound[name]["value"] = value
    return vl_convert.vegalite_to_svg(spec)


def as_points(spec):
    """A chart whose lines are drawn as points."""
    if isinstance(spec, dict):
        if spec.get("type") == "line":
            return {"type": "point"}
        return {key: as_points(value) for key, value in spec.items()}
    return [as_points(part) for part in spec] if isinstance(spec, list) else spec


def said(chart, **settings):
    """The words on a chart, in their order."""
    return re.findall(r"<text[^>]*>([^<]*)</text>", drawn(chart, settings))


@pytest.fixture(scope="module")
def simulator():
    return moving.split_simulator()


@pytest.mark.parametrize(
    ("kind", "images", "percent", "seed"),
    [("random", 2, 15, 1), ("random", 4, 35, 3), ("random", 1, 50, 2), ("grouped", 3, 25, 5)],
)
def test_the_split_simulator_splits_as_skinlib_does(simulator, kind, images, percent, seed):
    lesions = np.repeat(np.arange(20), images)
    ids = np.arange(len(lesions)).astype(str)
    table = pd.DataFrame({"image_id": ids, "lesion_id": lesions.astype(str), "dx": "nv"})
    pixels = np.zeros((len(table), 1, 1, 3), "uint8")
    dataset = Dataset("twenty", pixels, table, fingerprint="", resize="drawn")
    split = {"random": random_split, "grouped": grouped_split}[kind]
    split = split(dataset, seed, test=percent / 100)
    leaks = np.isin(lesions[split.test], lesions[split.train]).sum()

    words = said(simulator, kind=kind, m=images, t=percent, draw=seed)
    assert words[0].startswith(f"{leaks} of {len(split.test)} test images")
    chance = 0 if kind == "grouped" else 1 - (percent / 100) ** (images - 1)
    assert words[1] == f"where you should expect about {round(100 * chance)}%"


IMAGE = np.random.default_rng(0).uniform(size=(4, 5)).round(1)


def test_a_points_value_is_scipys_and_its_slope_a_forward_difference():
    table = sampled(IMAGE)
    places = table[["y", "x"]].to_numpy().T
    values = map_coordinates(IMAGE, places, order=1, mode="grid-constant")
    np.testing.assert_allclose(table["value"], values, atol=1e-4)
    beyond = map_coordinates(IMAGE, places + np.array([[0.05], [0]]), order=1, mode="grid-constant")
    np.testing.assert_allclose(table["slope"], (beyond - values) / 0.05, atol=1e-3)


@pytest.mark.parametrize(("y", "x", "m"), [(1.3, 2.25, 1), (2, 0.5, 0.3), (0, 4, 0)])
def test_a_point_shows_its_value_and_the_shares_of_its_neighbours(y, x, m):
    words = said(moving.sampling_point(IMAGE), y=y, x=x, m=m)
    value = m * map_coordinates(IMAGE, [[y], [x]], order=1)[0]
    assert words[0].startswith(f"value {value:.3f}, slope in y ")
    assert words[0].endswith("on a kink") == (y == int(y))
    shares = [float(word.removeprefix("× ")) for word in words if word.startswith("× ")]
    dy, dx = y % 1, x % 1
    four = [(1 - dy) * (1 - dx), (1 - dy) * dx, dy * (1 - dx), dy * dx]
    assert shares == pytest.approx([share for share in four if share > 1e-6], abs=1e-3)


@pytest.mark.parametrize(("gamma", "maps", "side"), [(0.01, 128, 14), (0.05, 3, 4)])
def test_loudness_is_the_layers(gamma, maps, side):
    layer = SoftAttention(maps, gamma=gamma)
    features = np.ones((1, side, side, 1), "float32")
    growth = np.mean(layer(features)) - 1
    words = said(moving.loudness(), gamma=gamma, K=maps, side=side)
    assert words[0] == f"γ = {gamma:.3f}, K = {maps}, {side} × {side} places"
    shown = float(words[1].split()[3].removesuffix("%"))
    assert shown == pytest.approx(100 * growth, abs=0.006)

    kernel = np.zeros((3, 3, 1, maps))
    kernel[1, 1] = 100  # all maps meet where the features are
    layer.convolution.kernel.assign(kernel)
    peak = np.zeros((1, side, side, 1), "float32")
    peak[0, 1, 1] = 1
    assert words[2] == f"and by {layer(peak)[0, 1, 1, 0] - 1:.0%} where all maps meet"


@pytest.mark.parametrize(
    ("turn", "reading", "s", "focusing", "alpha"),
    [
        (0, "batch_sum", 32, 3, 1),
        (2, "mean", 1, 2, 1),
        (1.5, "dataset_sum", 8512, 0.5, 4),
    ],
)
def test_the_dial_is_the_joint_loss(turn, reading, s, focusing, alpha):
    size = s if reading == "dataset_sum" else None
    beta = 0.0002 * 10**turn
    loss = JointLoss(beta, focusing, alpha, focal_reduction=reading, dataset_size=size)
    truth = np.tile([1.0, 0.0], (32, 1))
    weights = 1 - beta + alpha * beta * s
    places = np.linspace(0.1, 0.9, 9)

    def joint(p):  # of a batch of 32 that are alike
        return float(np.mean(loss(truth, np.tile([p, 1 - p], (32, 1))))) / weights

    def at(logit):
        return joint(1 / (1 + np.exp(-logit)))

    logits = np.log(places / (1 - places))
    pulls = [(at(logit - 1e-2) - at(logit + 1e-2)) / 2e-2 for logit in logits]

    settings = {"turn": turn, "s": s, "focusing": focusing, "alpha": alpha}
    chart = moving.loss_dial(8512)
    picture = drawn(chart, settings)
    for what, expected, rtol in (
        ("loss of one sample", [joint(p) for p in places], 1e-4),
        ("its pull on the logit", pulls, 1e-3),
    ):
        point = rf'label="p of the true class: ([\d.]+); {what}: ([\d.]+); kind: joint loss'
        found = {round(float(p), 2): float(y) for p, y in re.findall(point, picture)}
        shown = [found[round(place, 2)] for place in places]
        np.testing.assert_allclose(shown, expected, rtol=rtol)

    sure = 1 - 1e-9  # of a wrong class: there the focal term has its largest share
    wrong = np.tile([1 - sure, sure], (32, 1))
    cross = (1 - beta) * -np.log(1 - sure)
    share = 1 - cross / float(loss(truth, wrong))
    number = float(re.search(r"has ([\d.]+)%", said(chart, **settings)[1])[1])
    assert number == pytest.approx(100 * share, abs=0.006)


@pytest.fixture(scope="module")
def pools():
    return moving.pools_and_widths()


@pytest.mark.parametrize(("places", "width"), [((4, 5, 6, 7, 10), 512), ((6, 7, 8, 9, 10), 4096)])
def test_pools_and_widths_cost_what_the_built_network_costs(pools, places, width):
    model = build("proposed", (224, 224, 3), pools=places, dense=(width, width))
    work = sum(multiply_adds(model).values()) / 1e6
    words = said(pools, pools=", ".join(map(str, places)), wide=width)
    assert float(words[0].split()[0].replace(",", "")) == pytest.approx(work, abs=1)
    assert words[1] == f"{model.count_params() / 1e6:.1f} million parameters"
    sides = [model.get_layer(f"conv{number}").output.shape[1] for number in range(5, 11)]
    start = words.index("224")
    assert [int(word) for word in words[start + 1 : start + 7]] == sides


@pytest.mark.parametrize(("pools", "until"), [((6, 7), 8), ((7, 8), 9), ((4, 9), 10)])
def test_a_receptive_field_is_as_wide_as_the_columns_that_a_place_sees(pools, until):
    model = build("proposed", (64, 64, 3), pools=pools, deformable=False)
    model.get_layer("attention").gamma.assign(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):  # so that no weight or ReLU hides a pixel
            layer.kernel.assign(np.ones(layer.kernel.shape) / layer.kernel.shape[-1])
    cut = keras.Model(model.input, model.get_layer(f"conv{until}").output)
    columns = np.tile(np.eye(64)[:, None, :, None], (1, 64, 1, 3))  # one white column each
    places = keras.ops.convert_to_numpy(cut(columns))
    sees = places[:, places.shape[1] // 2, places.shape[2] // 2, 0] > 0
    assert sees.sum() == receptive_field(pools, until)


@pytest.mark.parametrize(("removed", "step"), [(0, 0), (0.5, 3), (1, 7)])
def test_decisions_are_those_of_the_weighed_probabilities(removed, step):
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(7), size=60)
    labels = rng.integers(7, size=60)
    predictions = pd.DataFrame(p, columns=list(CLASSES))
    predictions["label"] = [CLASSES[label] for label in labels]
    words = said(moving.decisions(predictions, "test"), removed=removed, step=step)

    weights = (1 / np.array(IMAGES_PER_CLASS)) ** removed
    weights[CLASSES.index("mel")] *= TIMES[step]
    answers = (p * weights).argmax(1)
    recalls = [np.mean(answers[labels == c] == c) for c in range(7)]
    scores = [np.mean(answers == labels), np.mean(recalls), recalls[CLASSES.index("mel")]]
    assert f"weight of a melanoma: × {TIMES[step]}" in words
    shown = [word for word in words if re.fullmatch(r"\d+\.\d%", word)]
    assert shown == [f"{score:.1%}" for score in scores]
    counts = [np.sum((labels == a) & (answers == b)) for a in range(7) for b in range(7)]
    assert [int(word) for word in words if word.isdigit()] == counts


def test_a_moved_heat_map_has_the_overlap_of_its_place():
    rng = np.random.default_rng(0)
    images = rng.integers(256, size=(2, 64, 64, 3)).astype("float32")
    heat, masks = np.zeros((2, 64, 64)), np.zeros((2, 64, 64), "uint8")
    heat[:, 20:40, 20:40] = 1 + rng.random((2, 20, 20))
    masks[:, 24:44, 16:36] = 1
    chart = moving.heat_map_moved(images, heat, masks, 1, "test")
    for down, right in [(0, 0), (STEPS[-1], STEPS[1]), (4, -4)]:
        scores = overlap(np.roll(heat, (down, right), axis=(1, 2)), masks)
        words = said(chart, down=down, right=right)
        assert words[0] == f"this image: overlap {scores[1]:.2f}"
        assert words[1] == f"mean of 2 images: {scores.mean():.3f}"
    assert scores.mean() == 1  # where the lesion is
    nothing = moving.heat_map_moved(images[:0], heat[:0], masks[:0], 0, "test")
    assert said(nothing) == ["not measured: no outline is known"]


def test_power_is_how_often_an_interval_lies_above_zero():
    rng = np.random.default_rng(0)
    studies = rng.normal(1, 1.5, size=(1000, 12))
    seen = np.mean([t_interval(study)["low"] > 0 for study in studies])
    assert power_of(12, 1 / 1.5) == pytest.approx(seen, abs=0.04)
    words = said(moving.power(), n=12)
    assert words[0] == f"12 seeds: {power_of(12, 1 / 1.5):.0%} of studies see the gap"
    half = t_interval([0, 1] * 6)
    half = (half["high"] - half["value"]) / np.std([0, 1] * 6, ddof=1) * 1.5
    assert words[1] == f"half of an interval: {half:.2f} points"


def test_a_figure_moves_on_its_page_and_stands_still_without_a_script(tmp_path, monkeypatch):
    bundles = []
    monkeypatch.setattr(style, "display", lambda bundle, **_: bundles.append(bundle))
    moving.show(moving.loudness())
    (bundle,) = bundles
    picture = base64.b64encode(bundle["image/png"]).decode()
    output = nbformat.v4.new_output("display_data", bundle | {"image/png": picture})
    markup = {"mystnb": {"image": {"alt": "Lines, for K < 128"}}}
    cell = nbformat.v4.new_code_cell(outputs=[output], metadata=markup)
    (tmp_path / "_static").mkdir()
    file = tmp_path / "chapter.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), file)

    pages.let_figures_move(tmp_path)
    data = nbformat.read(file, 4).cells[0].outputs[0].data
    assert style.VEGALITE not in data
    html = data["text/html"]
    assert f'<img src="data:image/png;base64,{picture}" alt="Lines, for K &lt; 128">' in html
    spec = json.loads(re.search(r'<script type="application/json">(.*?)</script>', html)[1])
    assert spec["description"] == "Lines, for K < 128"
    assert spec["params"] == bundle[style.VEGALITE]["params"]
    assert (tmp_path / "_static" / "moving.js").stat().st_size > 500_000  # Vega is in it
