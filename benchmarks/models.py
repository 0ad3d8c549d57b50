"""What the six networks cost, side by side in one run: time, memory, parameters, multiply-adds.

Each network lives in a process of its own, so that its peak memory is its own. The processes work
one at a time, in turn, so that whatever else the machine does falls on all of them alike.

    python benchmarks/models.py [--record] [--size 224] [--batch 8] [--rounds 5]
"""

import argparse
import json
import multiprocessing
import os
import time
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

import pandas as pd

from skinlib.environment import environment, processor
from skinlib.models import MODELS

RECORD = Path(__file__).parents[1] / "book/results/bench/models.json"


def serve(name: str, size: int, batch: int, pipe: Connection) -> None:
    """Builds a network and answers "step", "prediction" (seconds) and "cost" until told to stop."""
    import keras
    import numpy as np

    from skinlib.cost import multiply_adds
    from skinlib.environment import peak_memory
    from skinlib.models import build
    from skinlib.training.compile import compile_model

    model = build(name, (size, size, 3))
    costs = {
        "parameters": model.count_params(),
        "multiply_adds": sum(multiply_adds(model).values()),
    }
    compile_model(model, keras.optimizers.Adam(2e-4))
    pixels = np.random.default_rng(0).uniform(0, 255, (batch, size, size, 3)).astype("float32")
    labels = np.eye(7, dtype="float32")[np.arange(batch) % 7]
    work = {
        "step": lambda: model.train_on_batch(pixels, labels),
        "prediction": lambda: model.predict_on_batch(pixels[:1]),
    }
    for task in work.values():  # the first call compiles
        task()
    while (order := pipe.recv()) != "stop":
        if order == "cost":
            pipe.send({**costs, "peak_memory_mib": peak_memory()})
        else:
            start = time.perf_counter()
            work[order]()
            pipe.send(time.perf_counter() - start)


def measure(size: int, batch: int, rounds: int) -> dict[str, dict]:
    """Name of a network -> its costs; times are medians over the rounds, in seconds."""
    context = multiprocessing.get_context("spawn")
    pipes, processes = {}, []
    for name in MODELS:
        pipes[name], other = context.Pipe()
        processes.append(context.Process(target=serve, args=(name, size, batch, other)))
        processes[-1].start()

    def ask(name: str, order: str):
        pipes[name].send(order)
        return pipes[name].recv()

    costs = {name: ask(name, "cost") for name in MODELS}  # waits until all have compiled
    for order in ("step", "prediction"):
        times = [{name: ask(name, order) for name in MODELS} for _ in range(rounds)]
        for name, record in costs.items():
            record[f"{order}_seconds"] = round(median(t[name] for t in times), 4)
    for name, process in zip(MODELS, processes, strict=True):
        pipes[name].send("stop")
        process.join()
    return costs


def table(costs: dict[str, dict]) -> pd.DataFrame:
    """One row per network, in units for people, with times as multiples of the paper's network."""
    frame = pd.DataFrame(costs).T
    times = frame[["step_seconds", "prediction_seconds"]]
    ratios = (times / times.loc["proposed"]).rename(columns=lambda c: c.replace("seconds", "ratio"))
    frame["parameters"] /= 1e6
    frame["multiply_adds"] /= 1e9
    names = {
        "parameters": "parameters (M)",
        "multiply_adds": "multiply-adds (G)",
        "peak_memory_mib": "peak memory (MiB)",
    }
    return frame.rename(columns=names).join(ratios).round(3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--record", action="store_true", help=f"write {RECORD.name}")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()

    costs = measure(options.size, options.batch, options.rounds)
    settings = {"size": options.size, "batch": options.batch, "rounds": options.rounds}
    print(f"{processor()}, {os.cpu_count()} cores; {settings}")
    print(table(costs).to_string())
    if options.record:
        record = {"environment": environment(), "settings": settings, "models": costs}
        RECORD.parent.mkdir(parents=True, exist_ok=True)
        RECORD.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
