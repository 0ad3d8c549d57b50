"""Puts trained networks into the page 'Try it', where they run without Python.

The page computes with `book/_static/try_it/network.js`. A network's weights are a script, and not
a file of bytes: a page that was opened from a disk may load scripts and nothing else.
"""

import base64
import json
from collections.abc import Sequence
from pathlib import Path

import keras

from skinlib import runs
from skinlib.book import evidence
from skinlib.errors import SkinlibError
from skinlib.models.proposed import proposed
from skinlib.runs import Run
from skinlib.scores import score_values
from skinlib.training.train import trained_network

FOLDER = Path("_static") / "try_it"

PARTS = {"deformable": "deformable convolution", "attention": "soft attention"}

NAMES = {"ham10000": "HAM10000", "phantom": "the phantom"}


def publish(recorded: Sequence[Run], root: Path) -> None:
    """Writes networks for the page, in the place of those that are there.

    `networks.js` says which there are; each has a script of its own, which the page loads when
    its reader asks for it.

    Args:
        recorded: runs of the proposed network, their weights beside them.
        root: the folder that holds the page's `_static`.

    Raises:
        SkinlibError: if there is no such page, or a run is of another network.
        RecordError: if a run's weights are missing or damaged.
    """
    folder = root / FOLDER
    if not (folder / "page.js").exists():
        raise SkinlibError(f"{folder} does not hold the page's scripts: make the book first")
    scripts, offer = {}, []
    for number, run in enumerate(recorded):
        if run.recipe.model != "proposed":
            raise SkinlibError(f"the page knows the proposed network, not {run.recipe.model}")
        file = f"network{number}.js"
        data = json.dumps(packed(trained_network(run), run.recipe.options))
        scripts[file] = f"tryIt.received({json.dumps(file)}, {data});\n"
        size = len(scripts[file])
        offer.append({"file": file, "bytes": size, "title": title(run), "about": about(run)})
    scripts["networks.js"] = f"tryIt.offer({json.dumps(offer)});\n"
    for file, text in scripts.items():
        (folder / file).write_text(text)


def packed(model: keras.Model, options: dict) -> dict:
    """A network in the form that `network.js` unpacks; its weights in half precision.

    Args:
        model: a proposed network, of square images.
        options: with which it was built.
    """
    options = (proposed.__kwdefaults__ or {}) | options
    arrays = [keras.ops.convert_to_numpy(w).astype("<f2") for w in model.weights]
    return {
        "size": model.input_shape[1],
        "options": {
            **{name: options[name] for name in ("deformable", "attention", "batch_norm")},
            "pools": list(options["pools"]),
            "dense": len(options["dense"]),
        },
        "names": [(w.path, list(w.shape)) for w in model.weights],
        "base64": base64.b64encode(b"".join(a.tobytes() for a in arrays)).decode(),
    }


def title(run: Run) -> str:
    """What the reader chooses by: 'trained on HAM10000'; parts that it lacks are named."""
    lacks = [name for part, name in PARTS.items() if run.recipe.options.get(part) is False]
    data = run.config["data"]["name"]
    without = f" without {' and '.join(lacks)}" if lacks else ""
    return f"trained on {NAMES.get(data, data)}{without}"


def about(run: Run) -> str:
    """On how many images it was trained, and how often it is right on its test part."""
    split = run.config["split"]
    right = score_values(run, ["accuracy"])["accuracy"]
    return (
        f"{split['train']:,} images in training; right on {100 * right:.0f} % of the "
        f"{split['test']:,} of its test part ({split['kind']} split)"
    )


def chosen(results: Path) -> list[Run]:
    """The runs that the book's page shows: one on the phantom, one on HAM10000 if it was kept."""
    kept = results / "ham10000_64px"
    ham10000 = evidence.kept(runs.load(kept)) if kept.is_dir() else None
    phantom = Run.read(results / "phantom_networks" / "proposed")
    return [phantom] + ([ham10000] if ham10000 else [])
