"""What shows that each part of a trained network did its job.

It is asked about `images`, (N, H, W, 3), 0..255.
"""

import hashlib
from collections.abc import Iterator

import keras
import numpy as np
from keras import ops

from skinlib.layers.attention import AttentionResidual, SoftAttention
from skinlib.layers.deformable import DeformableConv2D

BATCH = 32


def fingerprints(model: keras.Model) -> dict[str, str]:
    """Path of each trainable variable -> a digest of its value, to see which ones change."""
    return {
        variable.path: hashlib.sha256(ops.convert_to_numpy(variable).tobytes()).hexdigest()
        for variable in model.trainable_variables
    }


def vital_signs(
    model: keras.Model, images: np.ndarray, fresh: dict[str, str], history: dict[str, list[float]]
) -> dict:
    """Measures the parts of a trained network.

    Args:
        model: the network.
        images: a fixed sample of the test part.
        fresh: its `fingerprints` before training.
        history: its loss (and more) after each epoch.

    Returns:
        - `deformable`: mean and 95th percentile of |offset| in pixels of its map (the length of
          the vector (y, x)), mean and standard deviation of the mask, and the share of sampling
          points `outside` the map, where they read zero (`outside_fixed` is what a plain
          convolution's padding has); None without the layer.
        - `attention`: gamma, and the share of alpha on its highest tenth of places (`uniform` is
          what a flat map would have); None without the layer.
        - `alphas`: layer -> alpha, of attention residual learning.
        - `dead_relu`: the share of ReLU units (a channel, or a unit of a dense layer) that are
          zero on all images, and layer -> share where it is not zero.
        - `unchanged`: the trainable variables that training never changed.
        - `dead`: why the run is to be distrusted, empty where nothing was found.
    """
    now = fingerprints(model)
    unchanged = [path for path, digest in now.items() if fresh[path] == digest]
    signs = {
        "deformable": _deformable(model, images),
        "attention": _attention(model, images),
        "alphas": {
            layer.name: float(layer.alpha)
            for layer in model.layers
            if isinstance(layer, AttentionResidual)
        },
        "dead_relu": _dead_relu(model, images),
        "unchanged": unchanged,
    }
    return signs | {"dead": _dead(model, images, signs, history)}


def _dead(model: keras.Model, images: np.ndarray, signs: dict, history: dict) -> list[str]:
    reasons = []
    if signs["deformable"] and signs["deformable"]["offset_p95"] == 0:
        reasons.append("the offsets never moved")
    if signs["unchanged"]:
        reasons.append(f"{len(signs['unchanged'])} variables never changed")
    answers = np.concatenate([p.argmax(-1) for (p,) in _outputs(model, [model.output], images)])
    if len(np.unique(answers)) == 1:
        reasons.append("one class for every image")
    if len(history["loss"]) > 1 and history["loss"][-1] >= history["loss"][0]:
        reasons.append("the loss never fell")
    return reasons


def _outputs(model: keras.Model, tensors: list, images: np.ndarray) -> Iterator[list[np.ndarray]]:
    """The values of some of a network's tensors, batch by batch."""
    inner = keras.Model(model.inputs[0], tensors)
    for start in range(0, len(images), BATCH):
        values = inner(np.asarray(images[start : start + BATCH], "float32"), training=False)
        yield [ops.convert_to_numpy(ops.cast(x, "float32")) for x in keras.tree.flatten(values)]


def _deformable(model: keras.Model, images: np.ndarray) -> dict | None:
    layers = [layer for layer in model.layers if isinstance(layer, DeformableConv2D)]
    if not layers:
        return None
    layer, lengths, masks, points = layers[0], [], [], []
    for (features,) in _outputs(model, [layer.input], images):
        offset, mask = layer.offset_and_mask(ops.convert_to_tensor(features, layer.compute_dtype))
        if mask is None:  # not modulated
            mask = ops.ones_like(offset)
        pairs = ops.convert_to_numpy(ops.cast(offset, "float32")).reshape(-1, 2)  # y, x
        lengths.append(np.hypot(*pairs.T))
        masks.append(ops.convert_to_numpy(ops.cast(mask, "float32")).ravel())
        moved = ops.convert_to_numpy(layer.sampling_points(features)).reshape(-1, 2)
        fixed = np.rint(moved - pairs)  # whole pixels
        points.append(np.stack([_outside(moved, layer), _outside(fixed, layer)]))  # (2, points)
    length, values = np.concatenate(lengths), np.concatenate(masks)
    outside, outside_fixed = np.concatenate(points, axis=1).mean(1)
    return {
        "offset_mean": float(length.mean()),
        "offset_p95": float(np.quantile(length, 0.95)),
        "mask_mean": float(values.mean()),
        "mask_std": float(values.std()),
        "outside": float(outside),
        "outside_fixed": float(outside_fixed),
    }


def _outside(points: np.ndarray, layer: DeformableConv2D) -> np.ndarray:
    """Which of the points (y, x), (P, 2), have no pixel of the layer's map beside them."""
    return ((points <= -1) | (points >= layer.input.shape[1:3])).any(1)


def _attention(model: keras.Model, images: np.ndarray) -> dict | None:
    layers = [layer for layer in model.layers if isinstance(layer, SoftAttention)]
    if not layers:
        return None
    layer, shares = layers[0], []
    for (features,) in _outputs(model, [layer.input], images):
        alpha = layer.alpha(ops.convert_to_tensor(features, layer.compute_dtype))
        alpha = np.sort(ops.convert_to_numpy(alpha).reshape(len(features), -1))  # (n, H * W)
        tenth = int(np.ceil(alpha.shape[1] / 10))
        shares.append(alpha[:, -tenth:].sum(1) / alpha.sum(1))
    return {
        "gamma": float(layer.gamma),
        "top_tenth": float(np.concatenate(shares).mean()),
        "uniform": tenth / alpha.shape[1],
    }


def _dead_relu(model: keras.Model, images: np.ndarray) -> dict:
    relu = [
        layer
        for layer in model.layers
        if isinstance(layer, keras.layers.ReLU)
        or getattr(layer, "activation", None) is keras.activations.relu
    ]
    highest = [0.0] * len(relu)
    for values in _outputs(model, [layer.output for layer in relu], images):
        tops = [value.max(tuple(range(value.ndim - 1))) for value in values]  # (C,) each
        highest = [np.maximum(*pair) for pair in zip(highest, tops, strict=True)]
    shares = {
        layer.name: float(np.mean(top <= 0)) for layer, top in zip(relu, highest, strict=True)
    }
    units = np.concatenate(highest)
    return {
        "share": float((units <= 0).mean()),
        "layers": {name: share for name, share in shares.items() if share > 0},
    }
