"""What each figure shows: its points, bars and images, where they are, and every word on it.

`figures.yml` holds what follows from the tables below: positions from values, counts from rows.
"""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import yaml
from fakes import dataset_of
from matplotlib import pyplot as plt
from matplotlib.category import StrCategoryLocator
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Annotation
from matplotlib.ticker import FixedLocator, FuncFormatter
from PIL import Image

from skinlib.book import figures
from skinlib.book.figures import (
    attention,
    dataset,
    deformable,
    experiments,
    grad_cam,
    losses,
    network,
    style,
)
from skinlib.data import CLASSES

AVERAGES = pd.DataFrame(
    {
        "epoch": [1, 1, 1, 1, 2, 2, 2, 2],
        "images": ["training", "training", "validation", "validation"] * 2,
        "averages": ["running", "new"] * 4,
        "accuracy": [0.5, 0.75, 0.25, 0.5, 0.6, 0.8, 0.4, 0.7],
    }
)


def seen(figure):
    """Every mark and word on a figure; what is empty is left out."""
    figure.canvas.draw()
    legends = [*figure.legends, *[ax.get_legend() for ax in figure.axes if ax.get_legend()]]
    return filled(
        title=figure.get_suptitle() or "".join(text.get_text() for text in figure.texts),
        legend=[text.get_text() for legend in legends for text in legend.get_texts()],
        legend_title="".join(legend.get_title().get_text() for legend in legends),
        axes=[on(ax) for ax in figure.axes],
    )


def on(ax):
    collections = {
        kind: [c for c in ax.collections if isinstance(c, kind)]
        for kind in (LineCollection, PathCollection, ContourSet)
    }
    segments = [s for c in collections[LineCollection] for s in c.get_segments() if len(s)]
    boxes = [p for p in ax.patches if isinstance(p, Rectangle) and p.get_width()]
    lines = [line for line in ax.get_lines() if not np.isnan(line.get_ydata()).all()]
    return filled(
        title=ax.get_title() or ax.get_title(loc="left"),
        x=ax.get_xlabel(),
        y=ax.get_ylabel(),
        texts=[text.get_text() for text in ax.texts if text.get_text()],
        lines=[of_line(line) for line in lines],
        spans=[numbers(segment.ravel()) for segment in segments],
        dots=[numbers(place) for c in collections[PathCollection] for place in c.get_offsets()],
        boxes=[of_box(box) for box in boxes],
        arrows=[numbers((*text.xyann, *text.xy)) for text in ax.texts if is_arrow(text)],
        images=[of_image(np.asarray(image.get_array())) for image in ax.images],
        outlines=len(collections[ContourSet]),
        x_ticks=ticks(ax.xaxis) if ax.axison else [],
        y_ticks=ticks(ax.yaxis) if ax.axison else [],
    )


def is_arrow(text):
    return isinstance(text, Annotation) and text.arrow_patch


def filled(**found):
    """Without what is empty; line breaks become bars."""
    return {what: barred(value) for what, value in found.items() if value}


def barred(value):
    if isinstance(value, list):
        return [barred(one) for one in value]
    return value.replace("\n", " | ") if isinstance(value, str) else value


def numbers(values):
    return [None if np.isnan(value) else round(float(value), 4) for value in values]


def of_line(line):
    """Label, colour, points."""
    label = "" if line.get_label().startswith("_") else line.get_label()
    return [label, to_hex(line.get_color()), *map(numbers, np.transpose(line.get_data()))]


def of_box(box):
    """Colour, left, bottom, width, height."""
    colour = box.get_facecolor() if box.get_fill() else box.get_edgecolor()
    return [to_hex(colour), *numbers((*box.get_xy(), box.get_width(), box.get_height()))]


def of_image(pixels):
    """Height, width, mean, largest."""
    return [*pixels.shape[:2], *numbers([pixels.mean(), pixels.max()])]


def ticks(axis):
    if isinstance(axis.get_major_locator(), FixedLocator | StrCategoryLocator):
        return [tick.get_text() for tick in axis.get_ticklabels()]
    if isinstance(axis.get_major_formatter(), FuncFormatter):
        return [axis.get_major_formatter()(0.5)]
    return []


IMAGE = np.full((16, 16, 3), 128, "uint8")
TWO = np.stack([IMAGE, IMAGE // 2])
MASK = np.pad(np.ones((4, 6), "uint8"), ((6, 6), (5, 5)))  # rows 6 to 9, columns 5 to 10
GRID = np.array([[1.0, 1], [1, 2]])  # two kernel points, y and x


def rows(*values, index="ab"):
    """Intervals from 0.1 below to 0.2 above each value."""
    value = np.array(values)
    columns = {"value": value, "low": value - 0.1, "high": value + 0.2}
    return pd.DataFrame(columns, index=list(index))


def frame(index, **columns):
    return pd.DataFrame(columns, index=index)


def nine():
    """Nine images of seven lesions: one image per class, but for three of one nv."""
    found = dataset_of([0, 1, 2, 3, 4, 5, 5, 5, 6], list("abcdefffg"))
    found.table["age"] = [30.0, 40, 50, 60, 70, 20, 30, 40, 80]
    found.table["localization"] = ["back"] * 6 + ["face"] * 3
    masks = np.zeros((9, 16, 16), "uint8")
    masks[0] = MASK  # the others' outlines are not known
    return replace(found, masks=masks)


def tiny():
    """Two convolutions that read the image, a pool, a convolution and a dense layer."""

    def convolution(filters, size, name):
        return keras.layers.Conv2D(
            filters, size, padding="same", kernel_initializer="ones", name=name
        )

    image = keras.Input((16, 16, 3))
    sides = [convolution(2, 1, "conv1")(image), convolution(2, 3, "conv2_3x3")(image)]
    x = keras.layers.Concatenate(name="concatenate")(sides)
    x = keras.layers.MaxPooling2D(name="pool1")(x)
    x = keras.layers.Flatten()(convolution(5, 3, "conv5")(x))
    return keras.Model(image, keras.layers.Dense(7, name="probabilities")(x))


def pairs():
    names = ["comparison", "split", "seed"]
    index = [("x", "random", 0), ("x", "grouped", 0), ("y", "random", 0)]
    found = rows(0.01, 0.02, 0.03, index=index)
    return found.set_index(pd.MultiIndex.from_tuples(index, names=names))


EXPECTED = yaml.safe_load(Path(__file__).with_name("figures.yml").read_text())
DRAWN = {
    "not_measured": lambda: figures.not_measured("no masks"),
    "class_histogram": lambda: dataset.class_histogram(
        pd.DataFrame({"ham10000": [3, 1], "phantom": [1, 1]}, index=["nv", "df"])
    ),
    "samples": lambda: dataset.samples(nine(), columns=2),
    "patients": lambda: dataset.patients(nine()),
    "images_per_lesion": lambda: dataset.images_per_lesion(nine()),
    "one_lesion": lambda: dataset.one_lesion(nine()),
    "leakage_bars": lambda: dataset.leakage_bars(
        {
            "random": frame(["nv", "all"], same_lesion=[0.5, 0.25]),
            "grouped": frame(["nv", "all"], same_lesion=[0, 0.1]),
        },
        "test",
    ),
    "recorded_leak": lambda: dataset.recorded_leak(rows(0.3, 0.4, index=["nv", "all"]), "HAM10000"),
    "aspect": lambda: dataset.aspect(Image.new("RGB", (40, 30)), 8, "test"),
    "grids": lambda: deformable.grids(GRID, GRID + 0.5, np.array([0.5, 1]), 4),
    "deformable_flow": deformable.flow,
    "hats": lambda: deformable.hats(1.25, 3),
    "slope": lambda: deformable.slope(np.arange(-1.0, 2), np.array([0.0, 2, 0]), 0.5, -2.0),
    "kink": lambda: deformable.kink(
        np.array([0.5, 1, 1.5, 2]),
        np.array([0.5, 1, 0.5, 0]),
        np.array([1.0, 0, -1, 0]),
        np.array([1.0, -1, -1, 0]),
    ),
    "shift_losses": lambda: deformable.shift_losses({"plain": [2.0, 1.5], "ours": [2.0, 0.5]}),
    "over_lesions": lambda: deformable.over_lesions(
        IMAGE[None], MASK[None], [np.array([[GRID + 4, GRID * 3 + 2]])], ["round"], "test"
    ),
    "ratios": lambda: deformable.ratios(
        {
            "ours": {
                "seconds": {
                    "14": {"plain": 1.0, "deformable": 3.0},
                    "28": {"plain": 2.0, "deformable": 4.0},
                }
            }
        }
    ),
    "softmax_axes": lambda: attention.softmax_axes(
        np.array([[1.0, 2], [3, -4]]), np.array([[0.3, 0.7], [0.9, 0.1]]), np.eye(2)
    ),
    "attention_flow": attention.flow,
    "unit": lambda: attention.unit(
        IMAGE,
        np.ones((2, 2, 3)),
        np.full((2, 2, 5), np.arange(5)),
        np.full((2, 2), 6.0),
        np.full((2, 2, 3), 0.5),
        "test",
    ),
    "small_multiples": lambda: attention.small_multiples(
        TWO,
        {"untrained": np.ones((2, 2, 2)), "epoch 1": np.full((2, 2, 2), [0.0, 2])},
        np.stack([MASK, 0 * MASK]),
        ["nv", "mel"],
        "test",
    ),
    "on_the_lesion": lambda: attention.on_the_lesion(rows(0.3, 0.5), "test"),
    "gamma_path": lambda: attention.gamma_path(
        {"K = 1": np.array([0, 0.1, 0.3]), "K = 16": np.array([0, -0.1, -0.2])}, 0.5, "test"
    ),
    "channel_reach": lambda: attention.channel_reach(
        {"ours": np.array([1.0, 2]), "theirs": np.array([0.0, 2])}
    ),
    "imbalance": lambda: losses.imbalance(
        frame(["nv", "df"], images=[0.9, 0.1], focal_loss=[0.2, 0.8]), "test"
    ),
    "loss_curves": lambda: losses.curves(
        np.array([0, 0.5]),
        {
            "loss": {"0": np.array([2.0, 1]), "3": np.array([2, 0.2])},
            "gradient": {"0": np.array([1, 0.5]), "3": np.array([1, 0.1])},
        },
    ),
    "focal_share": lambda: losses.focal_share(
        frame([1, 2], mean=[0.01, 0.02], sum=[0.1, 0.2]), {"mean": 0.03, "sum": 0.3}, "test"
    ),
    "sweep": lambda: losses.sweep(
        pd.concat({"accuracy": rows(0.5, 0.6), "F1": rows(0.3, 0.4)}, axis=1), "test", paper=["b"]
    ),
    "recalls": lambda: losses.recalls(
        frame(["focal", "both"], nv=[0.9, 0.8], df=[0.1, 0.25]),
        pd.Series({"df": 3, "nv": 40}),
        "test",
    ),
    "shapes": lambda: network.shapes(tiny()),
    "here": lambda: network.here("soft attention"),
    "windows": lambda: network.windows(IMAGE, network.edge_of(MASK), "test"),
    "feature_maps": lambda: network.feature_maps(tiny(), IMAGE, ["conv1", "conv5"], "test"),
    "receptive_fields": lambda: network.receptive_fields(
        IMAGE, {"conv5": 4, "conv6": 10}, 20, "test"
    ),
    "attention_residual": lambda: network.attention_residual(tiny(), IMAGE, "concatenate", "test"),
    "rivals": lambda: network.rivals(
        frame(
            ["proposed", "alexnet"],
            accuracy=[88.0, 80],
            parameters=[1e6, 1e8],
            multiply_adds=[10**9, 10**10],  # their product is no int64
        )
    ),
    "learning_curves": lambda: experiments.learning_curves(
        frame([1, 2], loss=[2, 1], accuracy=[0.5, 0.75], val_loss=[3, 2], val_accuracy=[0.25, 0.5]),
        "test",
    ),
    "averages": lambda: experiments.averages(AVERAGES, "test"),
    "confusion_matrix": lambda: experiments.confusion_matrix(
        frame(["nv", "df"], nv=[3, 0], df=[1, 0]), "test"
    ),
    "against_majority": lambda: experiments.against_majority(
        rows(0.5, 0.6), frame(["a", "b"], value=[0.4, 0.3]), "test"
    ),
    "per_class_recall": lambda: experiments.per_class_recall(
        frame(["nv", "df"], recall=[0.5, 1], images=[4, 2]), "test"
    ),
    "side_by_side": lambda: experiments.side_by_side(
        pd.concat({"the paper": rows(0.5, 0.6), "ours": rows(0.3, np.nan)}, axis=1), "test"
    ),
    "gap": lambda: experiments.gap(rows(0.5, 0.6), 0.88, "test"),
    "claims": lambda: experiments.claims(
        rows(0.01, -0.02).assign(colour=["#00594c", "#a1260d"]), "test"
    ),
    "forest": lambda: experiments.forest(pairs(), rows(0.015, index="x"), "test"),
    "intervals": lambda: experiments.intervals(
        rows(0.5, 0.6, 0.7, index="abc").assign(kind=["one", "other", "one"]), "score", "test", 0.8
    ),
    "differences": lambda: experiments.intervals(rows(0.05, -0.1), "one minus other", "test"),
    "calibration": lambda: experiments.calibration(
        {"ours": frame([0, 1], images=[1, 3], confidence=[0.5, 0.75], accuracy=[0.25, 1])}, "test"
    ),
    "grad_cam_flow": grad_cam.flow,
    "steps": lambda: grad_cam.steps(
        IMAGE, np.array([2.0, -1]), np.array([[1.0, -4], [0, 2]]), np.ones((16, 16)), "test"
    ),
    "gallery": lambda: grad_cam.gallery(
        TWO,
        ["nv", "df"],
        {
            "proposed": (np.ones((2, 4, 4)), ["nv 90%", "nv 60%"]),
            "ARL14": (np.zeros((2, 4, 4)), ["df 70%", "df 80%"]),
        },
        "test",
    ),
    "scores": lambda: grad_cam.scores(
        pd.concat(
            {"pointing": rows(0.5, 0.6), "energy": rows(0.3, 0.4), "overlap": rows(0.2, 0.3)}
        ),
        "test",
    ),
    "deletion_curves": lambda: grad_cam.curves(
        {
            "deletion": {"blob": np.array([[1, 0.5, 0], [0, 0.5, 0]])},
            "insertion": {"blob": np.array([[0, 0.5, 1]])},
        },
        "test",
    ),
}


@pytest.fixture(autouse=True)
def _look():
    with plt.rc_context():
        figures.use_style()
        yield
    plt.close("all")


@pytest.mark.parametrize("name", DRAWN)
def test_shows(name):
    figure = DRAWN[name]()
    assert seen(figure) == EXPECTED[name]
    assert figure.get_figwidth() == 5


def test_every_figure_is_in_the_list():
    modules = [attention, dataset, deformable, experiments, grad_cam, losses, network]
    drawing = [
        name
        for module in modules
        for name, function in vars(module).items()
        if getattr(function, "__annotations__", {}).get("return") is Figure
    ]
    assert len(drawing) + 2 == len(DRAWN)  # `not_measured`, and `intervals` twice


@pytest.mark.parametrize(
    ("draw", "why"),
    [
        (lambda: deformable.over_lesions(TWO[:0], MASK[None][:0], [], [], "test"), "fewer than"),
        (lambda: attention.on_the_lesion(pd.DataFrame(), "test"), "no lesion has"),
        (lambda: experiments.side_by_side(pd.DataFrame(index=["a"]), "test"), "not yet run"),
        (lambda: experiments.intervals(pd.DataFrame(), "score", "test"), "not yet run"),
    ],
)
def test_what_is_not_measured_is_said(draw, why):
    (ax,) = seen(draw())["axes"]
    assert ax["texts"][0].startswith(f"not measured: {why}")


def test_without_an_outline_the_middle_is_looked_at():
    assert network.edge_of(0 * MASK) == (8, 8)


def test_patients_of_whom_nothing_is_known():
    """ISIC 2018's files have no ages and no sites."""
    bare = dataset_of([0, 5], ["a", "b"])
    bare.table[["age", "localization"]] = np.nan
    ages, sites = seen(dataset.patients(bare))["axes"]
    assert "spans" not in ages
    assert sites["y_ticks"] == ["not recorded"]


def test_the_classes_keep_their_colours_apart():
    assert list(style.COLOURS) == list(CLASSES)
    assert len(set(style.COLOURS.values())) == 7


def test_dead_feature_maps_are_left_out():
    """Seven of sixteen squares in chapter 5 once were nearly empty."""
    inputs = keras.Input((16, 16, 3))
    conv = keras.layers.Conv2D(3, 1, use_bias=False, name="conv")
    model = keras.Model(inputs, conv(inputs))
    conv.set_weights([np.diag([1.0, 0, 1])[None, None]])
    image = np.random.default_rng(0).integers(1, 256, (16, 16, 3), dtype="uint8")
    image[2:, :, 2] = 0  # the third map shows something on an eighth of its places
    drawn = network.feature_maps(model, image, ["conv", "conv"], "test")
    assert [len(ax.images) for ax in drawn.axes] == [1, 1, 1, 0, 0, 0, 1, 1, 0, 0]
    image[1:, :, 2] = 0  # and now on a sixteenth
    drawn = network.feature_maps(model, image, ["conv", "conv"], "test")
    assert [len(ax.images) for ax in drawn.axes] == [1, 1, 0, 0, 0, 0, 1, 0, 0, 0]
