"""The page 'Try it' in a browser: its network against Keras, its phantom against the phantom."""

import base64
import json
import re
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from skinlib import cli, explain
from skinlib.book import try_it
from skinlib.book.pdf import open_browser
from skinlib.data import CLASSES, phantom
from skinlib.data.dataset import CLASS_NAMES
from skinlib.errors import SkinlibError
from skinlib.models.proposed import proposed
from skinlib.runs import Run
from skinlib.training.train import trained_network

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "book" / "_static" / "try_it"


@pytest.fixture(scope="module")
def browser():
    try:
        with open_browser() as chromium:
            yield chromium.new_context(offline=True)
    except SkinlibError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def page(browser):
    """An empty page with the network and the phantom in it."""
    page = browser.new_page()
    for script in ("network.js", "phantom.js"):
        page.add_script_tag(path=PAGE / script)
    return page


def images(count=50):
    """(count, 64, 64, 3): phantoms; then flat, noisy and impossible ones, in turn."""
    rng = np.random.default_rng(0)
    drawn = phantom.draw(40, 64, seed=3)[0][: count // 2].astype("float32")
    odd = [
        lambda: np.full((64, 64, 3), rng.integers(256)),
        lambda: np.broadcast_to(rng.integers(0, 256, 3), (64, 64, 3)),
        lambda: rng.integers(0, 256, (64, 64, 3)),
        lambda: np.repeat(255 * (np.indices((64, 64, 1)).sum(0) // rng.integers(1, 9) % 2), 3, 2),
        lambda: 255 * (rng.random((64, 64, 3)) < 0.001),
        lambda: rng.normal(0, 3000, (64, 64, 3)).round(),
        lambda: np.zeros((64, 64, 3)) - 255,
    ]
    odd = [odd[n % len(odd)]() for n in range(count - len(drawn))]
    return np.concatenate([drawn, np.asarray(odd, "float32")])


ANSWER = """([net, base64, count]) => {
  const ready = network.unpack(JSON.parse(net));
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const values = new Float32Array(bytes.buffer);
  const answers = Array.from({ length: count }, (_, n) => {
    const answer = network.run(ready, values.subarray(n * 12288, (n + 1) * 12288));
    const label = answer.probabilities.indexOf(Math.max(...answer.probabilities));
    const places = Array.from({ length: 16 }, (_, at) => [Math.floor(at / 4), at % 4]);
    return {
      probabilities: [...answer.probabilities],
      alpha: answer.alpha && [...answer.alpha.values],
      points: answer.points && places.map(([i, j]) => answer.points(i, j)),
      heat: [...network.gradCam(ready, answer, label).values],
    };
  });
  return JSON.stringify(answers);
}"""


def in_browser(page, model, options, inputs):
    """Name of an output -> its values for each of the inputs (N, 64, 64, 3)."""
    encoded = base64.b64encode(inputs.astype("<f4").tobytes()).decode()
    net = json.dumps(try_it.packed(model, options))
    answers = json.loads(page.evaluate(ANSWER, [net, encoded, len(inputs)]))
    return {name: [answer[name] for answer in answers] for name in answers[0]}


@pytest.mark.slow
def test_the_recorded_networks_answer_as_in_keras(page):
    inputs = images()
    runs = try_it.chosen(ROOT / "book" / "results")
    assert [run.config["data"]["name"] for run in runs] == ["phantom", "ham10000"]
    assert not any(run.recipe.augment for run in runs)  # the page says so
    for run in runs:
        model = trained_network(run)
        found = in_browser(page, model, run.recipe.options, inputs)
        eighth, ninth = model.get_layer("deformable"), model.get_layer("attention")
        parts = keras.Model(model.inputs[0], [eighth.input, ninth.input, *model.outputs])
        before, features, probabilities = parts(inputs)
        alpha = ninth.alpha(features)
        points = eighth.sampling_points(before)  # (50, 4, 4, 9, 2)
        _, mask = eighth.offset_and_mask(before)
        asked = [probabilities, np.reshape(alpha, (50, 16)), np.reshape(points, (50, 16, 9, 2))]
        in_page = np.array(found["points"])  # (50, 16, 9, 3)
        np.testing.assert_allclose(found["probabilities"], asked[0], atol=1e-3)
        np.testing.assert_allclose(found["alpha"], asked[1], atol=1e-3)
        np.testing.assert_allclose(in_page[..., :2], asked[2], atol=1e-3)
        np.testing.assert_allclose(in_page[..., 2], np.reshape(mask, (50, 16, 9)), atol=1e-3)
        assert np.abs(in_page[..., :2] - in_page[..., :2].round()).max() > 0.01  # points that moved


@pytest.mark.slow
def test_any_other_proposed_network_does_too(page):
    """Its parts on or off, batch normalisation, other pools, offsets that reach far."""
    inputs = images(3)
    for options in (
        {"deformable": False, "attention": False, "dense": (16, 8)},
        {"batch_norm": True, "pools": (4, 5, 6, 7), "dense": (24, 16)},
        {"pools": (4, 6, 8, 9), "dense": (8, 8)},
    ):
        keras.utils.set_random_seed(1)
        model = proposed((64, 64, 3), **options)
        rng = np.random.default_rng(1)
        for weight in model.weights:  # each its own number, that half precision holds
            spread = 0.5 if "offset" in weight.path or len(weight.shape) == 1 else 0.06
            value = rng.normal(0, spread, weight.shape)
            value = np.abs(value) + 0.5 if "variance" in weight.path else value
            weight.assign(np.asarray(value).astype("float16").astype("float32"))
        found = in_browser(page, model, options, inputs)
        asked = keras.ops.convert_to_numpy(model(inputs))
        assert np.ptp(asked, axis=1).max() > 0.1
        np.testing.assert_allclose(found["probabilities"], asked, atol=1e-3)


def test_its_heat_map_is_grad_cam(page):
    inputs = images(12)
    run = try_it.chosen(ROOT / "book" / "results")[0]
    model = trained_network(run)
    found = in_browser(page, model, run.recipe.options, inputs)
    labels = np.argmax(found["probabilities"], axis=1)
    heat = explain.upsample(np.reshape(found["heat"], (-1, 4, 4)), (64, 64))
    heat -= heat.min((1, 2), keepdims=True)
    heat /= np.maximum(heat.max((1, 2), keepdims=True), 1e-12)
    assert explain.last_spatial_layer(model) == "conv10"
    np.testing.assert_allclose(heat, explain.heat_map(model, inputs, labels), atol=1e-3)


class SharedNumbers:
    """The page's random numbers behind the methods of a NumPy generator that a phantom asks for."""

    def __init__(self, seed):
        self.state = seed[-1]

    def random(self):
        mask = 2**32 - 1
        self.state = (self.state + 0x6D2B79F5) & mask
        t = ((self.state ^ self.state >> 15) * (self.state | 1)) & mask
        t ^= (t + (t ^ t >> 7) * (t | 61)) & mask
        return (t ^ t >> 14) / 2**32

    def many(self, draw, size):
        if size is None:
            return draw()
        return np.array([draw() for _ in range(np.prod(size))]).reshape(size)

    def uniform(self, low, high, size=None):
        return self.many(lambda: low + (high - low) * self.random(), size)

    def normal(self, loc=0.0, scale=1.0, size=None):
        def one():
            radius = np.sqrt(-2 * np.log(1 - self.random()))
            return loc + scale * radius * np.cos(2 * np.pi * self.random())

        return self.many(one, size)

    def integers(self, low, high):
        return low + int((high - low) * self.random())


def test_its_phantom_is_the_phantom(page, monkeypatch):
    monkeypatch.setattr(np.random, "default_rng", SharedNumbers)
    for seed in range(21):
        dx = CLASSES[seed % 7]
        drawn, _ = phantom.draw_one(dx, 64, (seed,), (100 + seed,))
        asked = {"dx": dx, "lesion": seed, "camera": 100 + seed}
        in_page = page.evaluate("(asked) => [...phantom.draw(asked, 64)].join()", asked)
        in_page = np.array(in_page.split(","), float)
        difference = np.abs(np.reshape(in_page, (64, 64, 3)) - drawn.astype(float))
        assert difference.max() <= 1  # a rounding to whole numbers that falls the other way
        assert (difference > 0).mean() < 1e-3


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The page without the book around it, its networks beside it; its address."""
    root = tmp_path_factory.mktemp("made")
    (root / "book").mkdir()
    shutil.copytree(PAGE, root / try_it.FOLDER)
    try_it.publish(try_it.chosen(ROOT / "book" / "results"), root)
    (markup,) = re.findall(r"```{raw} html\n(.*?)```", (ROOT / "book/try_it.md").read_text(), re.S)
    html = f'<!doctype html><meta charset="utf-8"><title>Try it</title>{markup}'
    (root / "book" / "try_it.html").write_text(html)
    return (root / "book" / "try_it.html").as_uri()


@pytest.fixture
def opened(browser, made):
    """The page on a phone; what it asks for and what goes wrong are kept, and looked at."""
    page = browser.new_page()
    page.set_viewport_size({"width": 390, "height": 844})
    page.asked, wrong = [], []
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(made)
    yield page
    assert not wrong
    assert all(url.startswith(("file:", "blob:", "data:")) for url in page.asked)
    page.close()


def load(page):
    page.get_by_role("button", name="Load 2 networks").click()
    page.locator("#try-networks section").nth(1).wait_for()
    page.wait_for_function("document.querySelector('#try-status').textContent.includes('says')")


def test_the_weights_are_loaded_when_asked_for_and_answer_as_keras_does(opened):
    assert opened.locator("#try-load").inner_text() == "Load 2 networks (6.5 MB)"
    assert not [url for url in opened.asked if "network0" in url]
    load(opened)
    asked = "[...phantom.draw({dx: 'mel', lesion: 8, camera: 8, right: 0, low: 0, radius: 0.48,"
    asked += " roughness: 0.16, turn: 0, hairs: 0, rim: false, ruler: false}, 64)].join()"
    image = np.array(opened.evaluate(asked).split(","), "float32").reshape(1, 64, 64, 3)
    says = opened.locator(".says").all_inner_texts()
    for run, said in zip(try_it.chosen(ROOT / "book" / "results"), says, strict=True):
        probabilities = np.asarray(trained_network(run)(image))[0]
        name, share = said.removeprefix("says ").removesuffix("\u00a0%").split(", ")
        assert name == CLASS_NAMES[CLASSES[probabilities.argmax()]]
        assert abs(100 * probabilities.max() - int(share)) < 1
    assert opened.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_keyboard_moves_the_lesion_the_place_and_the_lessons(opened):
    load(opened)
    picture = "document.querySelector('#try-image').toDataURL()"
    before = opened.evaluate(picture)
    opened.locator("#try-image").press("ArrowRight")
    opened.wait_for_function(f"before => {picture} !== before", arg=before)

    caption = opened.locator("section figcaption").filter(has_text="nine points").first
    said = caption.inner_text()
    opened.locator("canvas[tabindex='0']").nth(1).press("ArrowDown")
    opened.wait_for_function(
        "said => ![...document.querySelectorAll('figcaption')].some(c => c.textContent === said)",
        arg=said,
    )

    button = opened.get_by_role("button", name="Empty skin")
    button.press("Enter")
    opened.locator("button[aria-pressed='true']").wait_for()
    row = opened.locator("tr").filter(has=button)
    assert all(cell.startswith("moves by") for cell in row.locator("td").all_inner_texts())
    button.press("Enter")
    opened.locator("button[aria-pressed='true']").wait_for(state="detached")
    assert row.locator("td").all_inner_texts() == ["", ""]

    opened.locator("summary").first.press("Enter")
    opened.get_by_text("deformable convolution: 4 x 4 places, 128 channels").wait_for()


def test_an_image_of_ones_own_is_answered_and_what_is_none_is_named(opened, tmp_path):
    load(opened)
    before = opened.locator("#try-status").inner_text()
    Image.new("RGB", (90, 50), (20, 40, 200)).save(tmp_path / "blue.png")
    opened.set_input_files("#try-file", tmp_path / "blue.png")
    opened.wait_for_function(
        "before => document.querySelector('#try-status').innerText !== before", arg=before
    )
    assert opened.locator("#try-class").is_disabled()
    assert opened.get_by_text("(drawn)").count() == 0
    (tmp_path / "notes.png").write_text("no image")
    opened.set_input_files("#try-file", tmp_path / "notes.png")
    opened.get_by_text("notes.png is no image").wait_for()
    opened.get_by_role("button", name="Back to the phantom").click()
    opened.get_by_text(before).wait_for()


def test_a_run_of_ones_own_takes_the_place_of_the_books(tmp_path):
    shutil.copytree(PAGE, tmp_path / try_it.FOLDER)
    folder = ROOT / "book" / "results" / "phantom_networks"
    command = ["try-it", str(folder / "without_both"), "--book", str(tmp_path)]
    assert CliRunner().invoke(cli.app, command).exit_code == 0
    offered = (tmp_path / try_it.FOLDER / "networks.js").read_text()
    (one,) = json.loads(offered.removeprefix("tryIt.offer(").removesuffix(");\n"))
    without = "without deformable convolution and soft attention"
    assert one["title"] == f"trained on the phantom {without}"
    assert (tmp_path / try_it.FOLDER / one["file"]).stat().st_size == one["bytes"]
    with pytest.raises(SkinlibError, match="the proposed network, not small"):
        try_it.publish([Run.read(folder / "small")], tmp_path)
    with pytest.raises(SkinlibError, match="make the book first"):
        try_it.publish([], tmp_path / "book")
