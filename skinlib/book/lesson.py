"""What the chapters need beside their subject, so that their cells show the subject."""

import io
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from keras import ops
from PIL import Image
from scipy.ndimage import label, uniform_filter
from scipy.spatial import ConvexHull

from skinlib.data.dataset import Dataset
from skinlib.data.leakage import NEAR, perceptual_hash
from skinlib.intervals import cluster_bootstrap, compare, show
from skinlib.training.compile import compile_model

STEP = 4
"""Pixels of the image per pixel of the map, in the network of chapter 2: two strides of 2."""


def fit(
    model: keras.Model,
    *data: object,
    rate: float,
    epochs: int,
    loss: str = "categorical_crossentropy",
    callbacks: Iterable[keras.callbacks.Callback] = (),
) -> dict[str, list[float]]:
    """Trains a network with Adam, in silence, and returns its `loss` after each epoch.

    `data`: batches, such as `skinlib.data.batches.Batches`, which shuffle by themselves; or inputs
    and targets, which stay in order, 16 at a time.
    """
    compile_model(model, keras.optimizers.Adam(rate), loss)
    size = {"batch_size": 16} if len(data) == 2 else {}
    fitted = model.fit(
        *data, epochs=epochs, shuffle=False, verbose=0, callbacks=list(callbacks), **size
    )
    return fitted.history


def masks(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    """The outlines of these images: (N, H, W), 1 on the lesion; 0 where none is known."""
    if dataset.masks is None:
        return np.zeros((len(rows), *dataset.image_shape[:2]), "uint8")
    return dataset.masks[rows]


def means(table: pd.DataFrame, lesions: np.ndarray) -> pd.DataFrame:
    """The mean of each column over lesions, with its interval: `value`, `low` and `high`.

    `table`: one row per image, `lesions`: what each shows. What is NaN is left out, and a column
    of nothing else.
    """
    rows = {}
    for name, values in table.items():
        known = values.notna().to_numpy()
        if known.any():
            rows[name] = cluster_bootstrap(values[known], lesions[known])
    return pd.DataFrame(rows).T


# Chapter 1


def near_duplicate_control(dataset: Dataset, *, count: int = 100) -> pd.DataFrame:
    """What `skinlib.data.leakage.leakage` recognises: changed copies, and what is no copy.

    The first `count` lesions are looked at.

    Returns:
        One row per change; columns `images`, and `found`, the share of them whose hash is near the
        original's, 0 to 1 (NaN of none).
    """
    table = pd.DataFrame({"row": range(len(dataset)), "lesion": dataset.lesions})
    again = table.duplicated("lesion")
    first = table[~again].set_index("lesion")["row"]
    second = table[again].drop_duplicates("lesion").set_index("lesion")["row"][:count]
    images = dataset.images[first.to_numpy()[:count]]
    pairs = {}
    for name, change in CHANGES.items():
        changed = [np.asarray(change(Image.fromarray(image))) for image in images]
        pairs[name] = images, np.stack(changed)
    pairs["another image of the lesion"] = (
        dataset.images[first[second.index].to_numpy()],
        dataset.images[second.to_numpy()],
    )
    pairs["another lesion"] = (images, np.roll(images, 1, axis=0))
    rows = {
        name: {"images": len(one), "found": _share_near(one, other)}
        for name, (one, other) in pairs.items()
    }
    return pd.DataFrame(rows).T.astype({"images": int})


def _share_near(one: np.ndarray, other: np.ndarray) -> float:
    """Of pairs of images, the share that are near-duplicates."""
    if not len(one):
        return np.nan
    return (np.bitwise_count(perceptual_hash(one) ^ perceptual_hash(other)).sum(1) <= NEAR).mean()


def _jpeg(image: Image.Image) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=30)
    return Image.open(file)


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "saved as a poor JPEG": _jpeg,
    "20 % darker": lambda image: image.point(lambda value: 0.8 * value),
    "half as wide and high": lambda image: image.resize((image.width // 2, image.height // 2)),
    "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
}
"""What a copy of an image may have gone through."""


def camera_frame(image: np.ndarray, resize: str) -> Image.Image:
    """A 4:3 frame, 600 x 450, such as a camera's, made from a square image (H, W, 3).

    It is stretched back if the square was squashed, and else cut out.
    """
    picture = Image.fromarray(image)
    if resize == "squash":
        return picture.resize((600, 450))
    return picture.resize((600, 600)).crop((0, 75, 600, 525))


# Chapter 2


def onnx_deform_conv(
    x: np.ndarray, w: np.ndarray, offset: np.ndarray, mask: np.ndarray, **attributes: object
) -> np.ndarray:
    """ONNX's DeformConv in plain NumPy, for a 3 x 3 kernel that pads by 1.

    `x`: float32 (N, H, W, C); `w`: (3, 3, C, F); `offset`: (N, H, W, 18); `mask`: (N, H, W, 9);
    `attributes`: of the operator, for other kernels.

    Returns:
        (N, H, W, F).
    """
    import onnx
    from onnx.reference import ReferenceEvaluator

    last = {"x": x, "offset": offset, "mask": mask}
    first = {name: np.moveaxis(values, -1, 1) for name, values in last.items()}
    first |= {"w": w.transpose(3, 2, 0, 1), "bias": np.zeros(w.shape[-1], "float32")}
    names = ["x", "w", "offset", "bias", "mask"]
    tensor = onnx.helper.make_tensor_value_info
    inputs = [tensor(name, onnx.TensorProto.FLOAT, None) for name in names]
    outputs = [tensor("y", onnx.TensorProto.FLOAT, None)]
    attributes = {"pads": [1, 1, 1, 1], **attributes}
    node = onnx.helper.make_node("DeformConv", names, ["y"], **attributes)
    graph = onnx.helper.make_graph([node], "deform", inputs, outputs)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 19)])
    (y,) = ReferenceEvaluator(model).run(None, first)
    return np.moveaxis(y, 1, -1)


def largest_part(mask: np.ndarray) -> np.ndarray:
    """The largest connected part of an outline: bool (H, W), from (H, W) that is 0 elsewhere."""
    parts, _ = label(mask)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0  # what is outside
    return (parts == sizes.argmax()) & (parts > 0)


def outlines(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    """`largest_part` of each of the `masks`: bool (N, H, W)."""
    found = [largest_part(mask) for mask in masks(dataset, rows)]
    return np.reshape(found, (-1, *dataset.image_shape[:2]))


def shape(outline: np.ndarray) -> dict[str, float]:
    """Two numbers of an outline, bool (H, W).

    Returns:
        `elongation`, its largest spread (standard deviation) over its smallest, 1 or more; and
        `solidity`, its share of its convex hull (pixels over the area between their centres).
    """
    points = np.argwhere(outline)
    smallest, largest = np.sqrt(np.linalg.eigvalsh(np.cov(points.T)))
    return {"elongation": largest / smallest, "solidity": len(points) / ConvexHull(points).volume}


def shapes(dataset: Dataset, rows: np.ndarray) -> pd.DataFrame:
    """`shape` of each lesion that fills 8 to 50 % of its image: one row per image.

    `rows` are indices of images; those without a known outline are left out.

    Returns:
        Columns `elongation` and `solidity`; the index holds the images' rows, in order.
    """
    rows = np.sort(rows)
    found = {
        row: shape(outline)
        for row, outline in zip(rows, outlines(dataset, rows), strict=True)
        if 0.08 < outline.mean() < 0.5
    }
    table = pd.DataFrame(found, index=["elongation", "solidity"]).T
    return table.set_index(table.index.astype(int))


def choose_shapes(table: pd.DataFrame) -> dict[str, int]:
    """Three images of a table of `shapes`, by rule: 'round', 'elongated' and 'irregular' -> row.

    The smallest elongation, the largest, and the smallest solidity of the others; none of fewer
    than three images.
    """
    if len(table) < 3:
        return {}
    chosen = {"round": table["elongation"].idxmin(), "elongated": table["elongation"].idxmax()}
    others = table.drop(index=list(chosen.values()))
    return chosen | {"irregular": others["solidity"].idxmin()}


def sampling_points(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Where chapter 2's network looks, in pixels of the image.

    Args:
        model: with a layer `deformable`, on a map of 1 / `STEP` of the image's sides.
        images: (N, H, W, 3), 0..255.

    Returns:
        (N, H', W', 2, 9, 2): the fixed points and the moved ones, y and x.
    """
    layer = model.get_layer("deformable")
    features = keras.Model(model.inputs[0], layer.input)
    if not len(images):  # TensorFlow convolves no empty batch
        return np.zeros((0, *layer.output.shape[1:3], 2, 9, 2))
    maps = features(images.astype("float32"))  # (N, H', W', C)
    moved = ops.convert_to_numpy(layer.sampling_points(maps))  # (N, H', W', 9, 2)
    offset = ops.convert_to_numpy(layer.offset_and_mask(maps)[0]).reshape(moved.shape)
    both = np.stack([moved - offset, moved], axis=3)
    return STEP * both + STEP - 1  # a stride of 2 on an even side pads at the end only


def shift_by_zone(points: np.ndarray, outlines: np.ndarray) -> pd.DataFrame:
    """How far points move, by where the middle of their kernel lies: one row per image.

    `points`: of `sampling_points`, (N, H', W', 2, 9, 2); `outlines`: 1 on the lesion, (N, H, W).

    Returns:
        Columns `inside`, `border` and `outside`: mean shift in pixels, NaN where an image has no
        such place.
    """
    shift = np.linalg.norm(points[:, :, :, 1] - points[:, :, :, 0], axis=-1).mean(-1)
    around = uniform_filter(outlines.astype(float), (1, STEP + 1, STEP + 1))
    lesion = around[:, STEP - 1 :: STEP, STEP - 1 :: STEP]  # (N, H', W'), share of what is near
    zones = {
        "inside": lesion > 0.95,
        "border": (lesion >= 0.05) & (lesion <= 0.95),
        "outside": lesion < 0.05,
    }
    shifts = {zone: np.ma.array(shift, mask=~here) for zone, here in zones.items()}
    return pd.DataFrame({zone: of.mean((1, 2)).filled(np.nan) for zone, of in shifts.items()})


def shares_in_words(gaps: pd.DataFrame) -> str:
    """How the trained map's share on the lesion compares with two maps that know no image.

    `gaps`: of `means`, one row per other map; none where no outline is known.
    """
    if gaps.empty:
        return "No outline is known here: how much of the map lies on the lesion was not measured."
    said = []
    for name, words in (
        ("uniform", "a uniform map"),
        ("narrow blob in the middle", "a blob in the middle, about as narrow as the map"),
    ):
        row = gaps.loc[name]
        points = f"{show(row, 0, signed=True)} points"
        if compare(row) == "undecided":
            said.append(f"There is no sure difference from {words}: {points}.")
        else:
            more = "more" if compare(row) == "better" else "less"
            said.append(f"The trained map lies {more} on the lesion than {words}: {points}.")
    return " ".join(said)


def shifts_in_words(found: pd.DataFrame) -> str:
    """The differences of the zones' shifts, in pixels: a line each. `found`: `means` of them."""
    if found.empty:
        return "not measured: no lesion has a known outline"
    lines = []
    for first, second in (("inside", "border"), ("border", "outside")):
        row = found.loc[f"{first} - {second}"]
        one, other = (zone.replace("border", "on the border") for zone in (first, second))
        said = {
            "better": f"Points move farther {one} than {other}",
            "worse": f"Points move less far {one} than {other}",
            "undecided": f"Whether points move farther {one} or {other} is undecided",
        }[compare(row)]
        lines.append(f"{said}: {show(row, 2, percent=False, signed=True)} pixels.")
    return "\n".join(lines)


def read_benches(folder: str | Path) -> dict[str, dict]:
    """The records of benchmarks/deformable.py in a folder: machine and backend -> record."""
    benches = {}
    for file in sorted(Path(folder).glob("*.json")):
        bench = json.loads(file.read_text())
        place = bench["environment"]
        machine = ", ".join(place["gpus"]) or f"{place['cores']} cores of {place['processor']}"
        benches[f"{machine}, {place['backend']}"] = bench
    return benches


def against_goals(bench: Mapping) -> dict[str, str]:
    """What a benchmark measured, beside the goals that were set first: goal -> value."""
    ratio = bench["seconds"]["14"]["ratio"]
    found = {"time at 14 x 14, in plain convolutions: at most 4": (f"{ratio:.2f}", ratio <= 4)}
    for side, peak in bench["memory"].items():
        goal = f"extra memory at {side} x {side}, in sizes of the input: below 12"
        value = f"{peak['deformable']:.0f} (a plain one: {peak['plain']:.0f})"
        found[goal] = value, peak["deformable"] < 12
    speed = bench["network"]["plain"] / bench["network"]["deformable"]
    goal = "training speed of the network at 64 x 64: at least 90 %"
    found[goal] = f"{speed:.0%}", speed >= 0.9
    return {goal: value if met else f"{value}, missed" for goal, (value, met) in found.items()}


# Chapter 3


class Watch(keras.callbacks.Callback):
    """Writes down gamma after every batch, and a map before every epoch and at the end.

    Args:
        look: a function from the model to maps (N, h, w).

    Attributes:
        gamma: one number per batch.
        alpha: maps (N, h, w), one entry per epoch and one more.
    """

    def __init__(self, look: Callable[[keras.Model], np.ndarray]) -> None:
        super().__init__()
        self.look = look
        self.gamma: list[float] = []
        self.alpha: list[np.ndarray] = []

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.alpha.append(self.look(self.model))

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        gamma = self.model.get_layer("attention").gamma
        self.gamma.append(float(ops.convert_to_numpy(gamma)))

    def on_train_end(self, logs: dict | None = None) -> None:
        self.alpha.append(self.look(self.model))
