"""Where a network looks: heat maps by tf-keras-vis, and how well they point at the lesion.

Grad-CAM: Selvaraju et al. (2017), doi:10.1109/ICCV.2017.74.
"""

import warnings
from functools import partial

import keras
import numpy as np
import pandas as pd
from keras import ops
from PIL import Image
from scipy import stats

from skinlib.data.dataset import Dataset
from skinlib.errors import SkinlibError

BATCH = 64

MAPS = ("network", "fresh weights", "blob in the middle", "outline on as few places")
"""Whose heat maps a run scores: its own, and three controls."""


def last_spatial_layer(model: keras.Model) -> str:
    """The name of the last layer with a height and a width above 1 that does not pool.

    Raises:
        ValueError: if there is none.
    """
    for layer in reversed(model.layers[1:]):
        shape = layer.output.shape
        if len(shape) == 4 and min(shape[1:3]) > 1 and "pool" not in type(layer).__name__.lower():
            return layer.name
    raise ValueError(f"{model.name} has no layer with a height and a width")


def heat_map(
    model: keras.Model,
    images: np.ndarray,
    classes: np.ndarray | None = None,
    *,
    layer: str | None = None,
) -> np.ndarray:
    """Grad-CAM: what speaks for a class, place by place. The model is left as it is.

    The score that is explained is the class's logit, before the softmax.

    Args:
        model: a classifier of `skinlib.models`.
        images: (N, H, W, 3), 0..255.
        classes: N class indices; None takes, for each image, the class that the model says.
        layer: name of the layer whose map is weighted, this one and no other; None takes
            `last_spatial_layer`.

    Returns:
        (N, H, W), values scaled from 0 to 1; a map without any difference is 0. See `upsample`.

    Raises:
        ValueError: if the layer or a class is unknown, or the last layer is no softmax whose logit
            could be explained.
        SkinlibError: if Keras does not run on TensorFlow, which tf-keras-vis needs.
    """
    if keras.backend.backend() != "tensorflow":
        raise SkinlibError("heat maps need TensorFlow: unset KERAS_BACKEND, or set it so")
    if isinstance(model, keras.Sequential):
        model = keras.Model(model.inputs, model.outputs, name=model.name)
    if getattr(model.layers[-1], "activation", None) is not keras.activations.softmax:
        raise ValueError(
            f"model: expected a last layer with the activation softmax, got {model.layers[-1].name}"
        )
    if classes is not None:
        classes, count = np.asarray(classes), model.output_shape[-1]
        if classes.shape != (len(images),) or not np.isin(classes, np.arange(count)).all():
            raise ValueError(
                f"classes: expected {len(images)} indices from 0 to {count - 1}, got {classes}"
            )
    with warnings.catch_warnings():  # it imports SciPy's functions by old names
        warnings.simplefilter("ignore", DeprecationWarning)
        from tf_keras_vis.gradcam import Gradcam
        from tf_keras_vis.utils.scores import CategoricalScore

    layer = layer or last_spatial_layer(model)
    if isinstance(model.get_layer(layer), keras.Model):
        raise ValueError(f"layer: expected a layer, got {layer}, a network inside the network")
    tool, head, heat = Gradcam(model), model.layers[-1], []
    with warnings.catch_warnings():  # it puts one input into a list
        warnings.filterwarnings("ignore", message=r"(?s).*structure of `inputs`")
        head.activation = keras.activations.linear  # the outputs are logits until the end
        try:
            for start in range(0, len(images), BATCH):
                some = slice(start, start + BATCH)
                score = partial(ops.max, axis=-1)  # the logit of what the model says
                if classes is not None:
                    score = CategoricalScore([int(c) for c in classes[some]])
                heat.append(
                    tool(
                        score,
                        np.asarray(images[some], "float32"),
                        penultimate_layer=layer,
                        seek_penultimate_conv_layer=False,  # or it walks back to one before
                        expand_cam=False,  # it would put corner on corner
                    )
                )
        finally:
            head.activation = keras.activations.softmax
    maps = upsample(np.concatenate(heat), images.shape[1:3])
    maps = maps - maps.min((1, 2), keepdims=True)
    return maps / np.maximum(maps.max((1, 2), keepdims=True), 1e-12)


def heat_map_scores(model: keras.Model, dataset: Dataset, rows: np.ndarray) -> pd.DataFrame | None:
    """How well Grad-CAM points at the lesion, for the class that the network says.

    Beside it, three controls: the same network with one draw of fresh weights, a blob in the
    middle, which knows nothing, and the outline on as few places as the map has, which knows the
    answer.

    Args:
        model: a classifier of `skinlib.models`.
        dataset: with the outlines of some of its lesions.
        rows: indices of images, (M,).

    Returns:
        Four rows per image of `rows` whose outline is known: `image_id`, `lesion_id`, `label`,
        `map` (of `MAPS`), and `pointing`, `energy` and `overlap`, 0 to 1. None if no outline is
        known, or if Keras does not run on TensorFlow.
    """
    if dataset.masks is None or keras.backend.backend() != "tensorflow":
        return None
    rows = np.unique(rows)
    rows = rows[dataset.masks[rows].any(axis=(1, 2))]
    if not len(rows):
        return None
    fresh, size = randomize_weights(model), dataset.image_shape[0]
    places = model.get_layer(last_spatial_layer(model)).output.shape[1]
    tables = []
    for start in range(0, len(rows), 4 * BATCH):  # never all images of a large set at once
        some = rows[start : start + 4 * BATCH]
        images, masks = dataset.images[some], dataset.masks[some]
        maps = (
            heat_map(model, images),
            heat_map(fresh, images),
            np.broadcast_to(center_prior(size), masks.shape),
            upsample(cells(masks, places), masks.shape[1:]),
        )
        for name, heat in zip(MAPS, maps, strict=True):
            columns = {
                "image_id": dataset.table["image_id"].to_numpy()[some],
                "lesion_id": dataset.lesions[some],
                "label": dataset.table["dx"].to_numpy()[some],
                "map": name,
            }
            for score in (pointing, energy, overlap):
                columns[score.__name__] = score(heat, masks).clip(0, 1)
            tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def upsample(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Maps of a layer at the size of the image: each place fills its cell, bilinear between.

    Args:
        maps: (N, h, w).
        size: H and W.

    Returns:
        float32 (N, H, W).
    """
    maps = np.asarray(maps, "float32")[..., None]
    stretched = ops.image.resize(maps, size, data_format="channels_last")
    return ops.convert_to_numpy(stretched)[..., 0]


def randomize_weights(model: keras.Model, seed: int = 0) -> keras.Model:
    """The same network with fresh weights: its maps are what training does not explain.

    Adebayo et al. (2018), arXiv 1810.03292. One draw is one network, and draws differ much.
    """
    keras.utils.set_random_seed(seed)
    return keras.models.clone_model(model)


def center_prior(size: int, deviation: float | None = None) -> np.ndarray:
    """A control that knows nothing of the image: a Gaussian in the middle.

    Args:
        size: height and width.
        deviation: its standard deviation, in places; None takes a fifth of `size`.

    Returns:
        (size, size), largest in the middle.
    """
    width = deviation or size / 5
    bell = np.exp(-((np.arange(size) - (size - 1) / 2) ** 2) / (2 * width**2))
    return bell[:, None] * bell


def cells(masks: np.ndarray, places: int) -> np.ndarray:
    """The lesion's share of each place of a layer: float32 (N, places, places), 0 to 1.

    Args:
        masks: (N, size, size), 1 on the lesion.
        places: height and width of the layer.
    """
    shares = [
        Image.fromarray(mask.astype("float32")).resize((places, places), Image.Resampling.BOX)
        for mask in masks
    ]
    return np.stack([np.asarray(share) for share in shares])


def spread(maps: np.ndarray) -> np.ndarray:
    """Over how many places each map effectively spreads, (N,): the exponential of its entropy.

    1 for a single spot, and the number of places for a uniform map, or for one of zeros. `maps`:
    (N, h, w), 0 or more.
    """
    flat = maps.reshape(len(maps), -1)  # (N, h w)
    flat = np.where(flat.any(1, keepdims=True), flat, 1)
    return np.exp(stats.entropy(flat, axis=1))


def pointing(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Pointing game (Zhang et al. 2018): whether the highest point lies on the lesion.

    Args:
        maps: (N, H, W), 0 or more.
        masks: (N, H, W), 1 on the lesion.

    Returns:
        (N,), 0 to 1; where several points are highest, their share on the lesion.
    """
    highest = maps == maps.max((1, 2), keepdims=True)
    return (highest * masks).sum((1, 2)) / highest.sum((1, 2))


def energy(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """The share of a map's sum that lies on the lesion (Wang et al. 2020), (N,), 0 to 1.

    A map of zeros counts as a uniform one. `maps` and `masks` are those of `pointing`.
    """
    total = maps.sum((1, 2))
    inside = (maps * masks).sum((1, 2)) / np.where(total > 0, total, 1)
    return np.where(total > 0, inside, masks.mean((1, 2)))


def overlap(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Intersection over union with the lesion of a map's highest points, as many as it has.

    So a map that ranks all points of the lesion first scores 1, whatever its values. Equal values
    count from the top left on. `maps` and `masks` are those of `pointing`.

    Returns:
        (N,), 0 to 1.
    """
    flat = masks.reshape(len(masks), -1) > 0
    order = np.argsort(-maps.reshape(len(maps), -1), axis=1, kind="stable")
    rank = np.argsort(order, axis=1)
    chosen = rank < flat.sum(1, keepdims=True)
    union = (chosen | flat).sum(1)
    return (chosen & flat).sum(1) / np.maximum(union, 1)


def curves(
    model: keras.Model,
    images: np.ndarray,
    orders: dict[str, np.ndarray],
    labels: np.ndarray,
    *,
    steps: int = 10,
) -> dict[str, dict[str, np.ndarray]]:
    """The class's probability while pixels go or come, highest first (Petsiuk et al. 2018).

    Deletion replaces pixels by the image's mean colour; insertion starts there and puts them back.
    The mean of a curve is the area under it: small is good for deletion, large for insertion.

    Args:
        model: a classifier.
        images: (N, H, W, 3), 0..255.
        orders: name -> maps (N, H, W), whose highest pixels go first.
        labels: N class indices.
        steps: how many; each moves the same number of pixels.

    Returns:
        "deletion" and "insertion" -> name of an order -> probabilities (N, steps + 1), from no
        pixel moved to all.
    """

    def curve(image: np.ndarray, heat: np.ndarray, label: int, insertion: bool) -> np.ndarray:
        image = np.asarray(image, "float32")
        rank = np.argsort(np.argsort(-heat.ravel(), kind="stable")).reshape(heat.shape)  # (H, W)
        moved = rank < (np.linspace(0, 1, steps + 1) * rank.size)[:, None, None]
        kept = moved if insertion else ~moved  # (steps + 1, H, W)
        batch = np.where(kept[..., None], image, image.mean((0, 1)))
        return model.predict_on_batch(batch)[:, label]

    found: dict[str, dict[str, np.ndarray]] = {"deletion": {}, "insertion": {}}
    for kind, by_order in found.items():
        for name, maps in orders.items():
            triples = zip(images, maps, labels, strict=True)
            by_order[name] = np.array([curve(*one, kind == "insertion") for one in triples])
    return found


def rank_correlation(maps: np.ndarray, others: np.ndarray) -> float:
    """Spearman's, of two maps of one image; the mean over images.

    Args:
        maps: (N, H, W).
        others: (N, H, W).

    Returns:
        NaN if of no image both maps vary.
    """
    pairs = zip(maps.reshape(len(maps), -1), others.reshape(len(others), -1), strict=True)
    found = [stats.spearmanr(*pair).statistic for pair in pairs if all(m.std() for m in pair)]
    return float(np.mean(found)) if found else np.nan
