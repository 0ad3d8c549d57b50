"""A training step's worth of deformable convolution against a plain one, in one run.

Forward and backward, batch 32, 128 -> 128 channels, 3 x 3. Then the memory of such a step, and the
proposed network's training speed with the layer and with a plain convolution in its place.

    python benchmarks/deformable.py [--record]

A record is named after the card, or the processor where there is none.
"""

import argparse
import json
import os
import re
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median

import keras
import numpy as np
import pandas as pd
import psutil
from keras import layers, ops

from skinlib.environment import environment, peak_memory
from skinlib.layers.deformable import DeformableConv2D
from skinlib.models.proposed import proposed
from skinlib.training.compile import compile_model

RECORDS = Path(__file__).parents[1] / "book/results/bench/deformable"
BATCH, CHANNELS, ROUNDS = 32, 128, 7


def step(layer, inputs):
    """A compiled function that computes the gradients of sum(layer(x) ** 2)."""
    if keras.backend.backend() == "jax":
        import jax

        weights = [v.value for v in layer.trainable_variables]

        def loss(weights, x):
            return ops.sum(layer.stateless_call(weights, [], x)[0] ** 2)

        compiled = jax.jit(jax.grad(loss, argnums=(0, 1)))
        return lambda: jax.block_until_ready(compiled(weights, inputs))
    import tensorflow as tf

    x = tf.constant(inputs)

    @tf.function
    def gradients():
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = ops.sum(layer(x) ** 2)
        return tape.gradient(loss, [x, *[v.value for v in layer.trainable_variables]])

    return lambda: [g.numpy() for g in gradients()]


def measure(side: int) -> dict[str, float]:
    """Median seconds a step, the contestants taking turns."""
    inputs = np.random.default_rng(0).normal(size=(BATCH, side, side, CHANNELS)).astype("float32")
    plain = layers.Conv2D(CHANNELS, 3, padding="same")
    deformable = DeformableConv2D(CHANNELS, 3, padding="same")
    for layer in (plain, deformable):
        layer.build(inputs.shape)
    moves = deformable.offset_convolution.kernel
    moves.assign(0.02 * np.random.default_rng(1).normal(size=moves.shape))
    work = {"plain": step(plain, inputs), "deformable": step(deformable, inputs)}
    for task in work.values():
        task()
    seconds = {name: [] for name in work}
    for _ in range(ROUNDS):
        for name, task in work.items():
            start = time.perf_counter()
            task()
            seconds[name].append(time.perf_counter() - start)
    return {name: median(values) for name, values in seconds.items()}


def memory(side: int) -> dict[str, float]:
    """Extra peak memory of a step, in sizes of its input; from a process of its own each."""
    peaks = {}
    for name, layer in (("plain", layers.Conv2D), ("deformable", DeformableConv2D)):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            peaks[name] = pool.submit(_memory, layer, side).result()
    return peaks


def _memory(kind: type[layers.Conv2D], side: int) -> float:
    inputs = np.zeros((BATCH, side, side, CHANNELS), "float32")
    small = np.zeros((BATCH, 2, 2, CHANNELS), "float32")
    layer = kind(CHANNELS, 3, padding="same")
    layer.build(inputs.shape)
    step(layer, small)()
    task, before = step(layer, inputs), psutil.Process().memory_info().rss
    task()
    return (2**20 * peak_memory() - before) / inputs.nbytes


def network() -> dict[str, float]:
    """Seconds a training step of the proposed network, batch 32, 64 x 64, median."""
    images = np.random.default_rng(0).integers(0, 256, (32, 64, 64, 3)).astype("float32")
    labels = np.eye(7, dtype="float32")[np.arange(32) % 7]
    work, seconds = {}, {}
    for name, deformable in (("deformable", True), ("plain", False)):
        model = proposed(images.shape[1:], deformable=deformable)
        compile_model(model, keras.optimizers.Adam())
        work[name], seconds[name] = model, []
        model.train_on_batch(images, labels)
    for _ in range(3 * ROUNDS):
        for name, model in work.items():
            start = time.perf_counter()
            model.train_on_batch(images, labels)
            seconds[name].append(time.perf_counter() - start)
    return {name: median(values) for name, values in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true", help=f"write to {RECORDS.name}/")
    arguments = parser.parse_args()
    peaks = {side: memory(side) for side in (14, 28, 56)}  # first: a child inherits the peak
    rows = {side: measure(side) for side in (7, 14, 28, 56)}
    table = pd.DataFrame(rows).T.rename_axis("side")
    table["ratio"] = table["deformable"] / table["plain"]
    print(table.round(4).to_string())
    print("extra memory, in sizes of the input:")
    print(pd.DataFrame(peaks).T.round(1).to_string())
    training = network()
    print(f"training speed with the layer: {training['plain'] / training['deformable']:.0%}")
    if arguments.record:
        place = environment()
        machine = (place["gpus"] or [place["processor"]])[0]
        about = {
            "environment": place,
            "load": os.getloadavg()[0],
            "batch": BATCH,
            "channels": CHANNELS,
            "seconds": table.round(5).to_dict("index"),
            "memory": peaks,
            "network": training,
        }
        RECORDS.mkdir(parents=True, exist_ok=True)
        name = re.sub(r"\W+", "-", machine.lower()).strip("-")
        (RECORDS / f"{name}.json").write_text(json.dumps(about, indent=1) + "\n")


if __name__ == "__main__":
    main()
