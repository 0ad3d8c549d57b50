"""The command `skinlib`: prepare | train | sweep | book | try-it | run | doctor."""

import json
import logging
import os
import re
import shutil
import signal
import sys
import threading
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

import typer

from skinlib.errors import SkinlibError, in_words

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)

Data = Annotated[Literal["phantom", "ham10000"], typer.Option(help="Which data set.")]
Root = Annotated[
    Path | None, typer.Option("--ham10000", help="Folder of the HAM10000 archives.", exists=True)
]
Isic = Annotated[
    Path | None,
    typer.Option(help="Folder of ISIC 2018's test set, to be predicted as well.", exists=True),
]
Size = Annotated[int, typer.Option(min=16, help="Height and width of the images, in pixels.")]
Count = Annotated[int | None, typer.Option(min=1, help="Take so many images, chosen at random.")]
DataSeed = Annotated[int, typer.Option(min=0, help="Of the phantom, and of the choice.")]
Resize = Annotated[
    Literal["squash", "crop"],
    typer.Option(help="Make an image square as a whole, or its largest centred square."),
]
Keep = Annotated[bool, typer.Option("--keep-weights", help="Keep the trained weights, too.")]


def _check_root(data: str, root: Path | None) -> None:
    if (data == "ham10000") != (root is not None):
        raise SkinlibError("--data ham10000 and --ham10000 FOLDER go together")


@app.command()
def prepare(
    root: Annotated[Path, typer.Argument(help="Folder of the HAM10000 archives.")],
    size: Size = 224,
    part: Annotated[
        Literal["training", "test"],
        typer.Option(help="HAM10000 itself, or the test set of ISIC 2018 task 3."),
    ] = "training",
    resize: Resize = "squash",
    strict: Annotated[bool, typer.Option("--strict", help="Refuse imperfect data.")] = False,
    download: Annotated[
        Literal["dataverse", "isic"] | None,
        typer.Option(help="Fetch the archives into the folder first (2.8 GB, and a test set)."),
    ] = None,
) -> None:
    """Checks the archives of HAM10000, decodes them once, and says where the result lies."""
    from numpy import memmap

    from skinlib.data import ham10000

    if download:
        from skinlib.data.download import download as fetch

        fetch(download, root)
    dataset = ham10000.prepare(root, size, resize, part=part, strict=strict)
    height, width, _ = dataset.image_shape
    print(f"{len(dataset):,} images of {height} x {width}")
    print(dataset.table["dx"].value_counts().sort_index().to_string(header=False))
    assert isinstance(dataset.images, memmap)  # the data set was not cut down
    print(dataset.images.filename)


@app.command()
def train(
    folder: Annotated[Path, typer.Argument(help="A new folder for the run.")],
    data: Data = "phantom",
    root: Root = None,
    isic2018_test: Isic = None,
    size: Size = 96,
    count: Count = None,
    data_seed: DataSeed = 0,
    resize: Resize = "squash",
    split: Annotated[
        Literal["random", "grouped", "tuning", "oversampled", "peeked", "copied", "seen"],
        typer.Option(help="How the images are divided; the last three are faults."),
    ] = "random",
    test: Annotated[float, typer.Option(help="Share of the images to test on.")] = 0.15,
    settings: Annotated[
        list[str],
        typer.Option(
            "--set", help="A field of the recipe: model=arl14, beta=0.5, options.dropout=0."
        ),
    ] = [],  # noqa: B006
    keep_weights: Keep = False,
    child: Annotated[bool, typer.Option("--stop-with-input", hidden=True)] = False,
) -> None:
    """Trains one network, by default with the paper's recipe, and writes its run."""
    from skinlib.experiments import Experiment
    from skinlib.intervals import show
    from skinlib.scores import scores
    from skinlib.sweep import Source
    from skinlib.training.train import train as fit

    experiment = Experiment(_recipe(settings), split, test)
    if child:
        stop_with_input()
    _check_root(data, root)
    source = Source(data, size, root, count, data_seed, isic2018_test, resize)
    dataset = source.load()
    _, run = fit(
        dataset,
        experiment.divide(dataset),
        experiment.recipe,
        folder,
        isic2018_test=source.load_isic2018_test(),
        keep_weights=keep_weights,
        progress=not child,
    )
    for name, row in scores(run).iterrows():
        print(f"{name:<18} {show(row)}")
    for reason in run.config["vital_signs"]["dead"]:
        print(f"beware: {reason}")
    print(folder)


def _recipe(settings: list[str]):
    """A `Recipe` from `name=value` settings; a value is JSON, or else a word."""
    from pydantic import TypeAdapter

    from skinlib.training.recipe import Recipe

    fields: dict = {}
    options: dict = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise SkinlibError(f"--set: expected name=value, got {setting!r}")
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        if name.startswith("options."):
            options[name.removeprefix("options.")] = value
        else:
            fields[name] = value
    if options:
        whole = fields.get("options", {})
        if not isinstance(whole, dict):
            raise SkinlibError(f"--set: expected options={{...}}, got options={whole!r}")
        fields["options"] = whole | options
    return TypeAdapter(Recipe).validate_json(json.dumps(fields))


def stop_with_input() -> None:
    """Stops this process when its standard input ends: the one that started it has ended."""

    def wait() -> None:
        os.read(sys.stdin.fileno(), 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


@app.command()
def sweep(
    name: Annotated[
        str,
        typer.Argument(
            help="table1, grouped, averages, ablation, readings, ingredients, well, joint_loss."
        ),
    ],
    folder: Annotated[Path, typer.Option(help="For the runs; on a cluster, a shared one.")],
    data: Data = "phantom",
    root: Root = None,
    isic2018_test: Isic = None,
    size: Size = 224,
    count: Count = None,
    data_seed: DataSeed = 0,
    resize: Resize = "squash",
    seeds: Annotated[int, typer.Option(min=1, help="Repeat each run with so many seeds.")] = 1,
    dtype: Annotated[
        Literal["float32", "mixed_float16", "mixed_bfloat16"],
        typer.Option(help="The mixed ones compute in 16 bits."),
    ] = "float32",
    keep_weights: Keep = False,
    jobs: Annotated[int, typer.Option(min=1, help="So many runs at a time.")] = 1,
    scheduler: Annotated[str | None, typer.Option(help="Address of a Dask cluster.")] = None,
) -> None:
    """Trains many networks and writes their runs; what is there already is skipped."""
    from skinlib.experiments import EXPERIMENTS
    from skinlib.sweep import Source, pending, run_all

    if name not in EXPERIMENTS:
        raise SkinlibError(f"unknown sweep {name!r}: expected one of {', '.join(EXPERIMENTS)}")
    if scheduler and jobs > 1:
        raise SkinlibError("--jobs: a cluster does as many runs at a time as it has workers")
    _check_root(data, root)
    source = Source(data, size, root, count, data_seed, isic2018_test, resize)
    # Prepared once, before many processes ask for it.
    asked = source.load_isic2018_test() is not None
    todo = pending(EXPERIMENTS[name](seeds), source.load(), folder, dtype, isic2018_test=asked)
    print(f"{len(todo)} runs of {name} to do", *(one.title for one in todo), sep="\n  ")
    if todo:
        run_all(todo, source, folder, jobs=jobs, scheduler=scheduler, keep_weights=keep_weights)


@app.command()
def book(
    data: Data = "phantom",
    root: Root = None,
    kernel: Annotated[str | None, typer.Option(help="A Jupyter kernel, by name.")] = None,
) -> None:
    """Executes every chapter and renders the book into _build/html."""
    from skinlib.book.build import make

    _check_root(data, root)
    parameters = {"data": data, "ham10000": str(root.resolve()) if root else ""}
    print(make(Path.cwd(), parameters, kernel))


@app.command()
def try_it(
    folders: Annotated[
        list[Path], typer.Argument(help="Runs of the proposed network, with their weights.")
    ],
    book: Annotated[Path, typer.Option(help="The made book.")] = Path("_build/html"),
) -> None:
    """Puts trained networks into the book's page 'Try it', in the place of those there."""
    from skinlib.book.try_it import publish
    from skinlib.runs import Run

    publish([Run.read(folder) for folder in folders], book)
    print(book / "book" / "try_it.html")


@app.command()
def run(
    chapters: Annotated[list[Path], typer.Argument(help="Notebooks.", exists=True)],
) -> None:
    """Runs chapters in place and keeps their outputs, after you have changed them."""
    from skinlib.book.build import refresh

    for chapter in chapters:
        refresh(chapter)


@app.command()
def doctor() -> None:
    """Says what is there, and what to do about each thing that is missing."""
    from skinlib.data import cache_folder
    from skinlib.environment import environment

    place, cache = environment(), cache_folder()
    packages = ", ".join(f"{name} {number}" for name, number in place["packages"].items())
    gpus = ", ".join(place["gpus"])
    prepared = ", ".join(sorted(path.parent.name for path in cache.glob("*/dataset.json")))
    disk = next(folder for folder in (cache, *cache.parents) if folder.exists())
    free = shutil.disk_usage(disk).free / 2**30
    print(f"Python {place['python']}; {packages}; Keras runs on {place['backend']}")
    print(f"{place['processor']}, {place['cores']} cores; GPU: {gpus or 'none'}")
    print(f"cache {cache}: {prepared or 'empty'}; {free:.0f} GiB free, of which HAM10000 takes 4")
    if not gpus:
        print("missing: a GPU that the backend sees: fine for a laptop; on Linux make gpu-kernel")
    if "ham10000" not in prepared:
        print("missing: HAM10000 is not prepared: skinlib prepare FOLDER (--download isic: 2.8 GB)")
    if not find_spec("jupyter_book"):
        print("missing: jupyter-book: pip install -c constraints.txt -e '.[book]'")
    if free < 4:
        print("missing: room for the cache: free some, or point SKINLIB_DATA at another disk")


def main() -> None:
    """Runs the command; what can be foreseen is one sentence, not a traceback."""

    def interrupt(*_: object) -> None:
        logging.getLogger("asyncio").disabled = True  # its tasks would say it once more
        sys.unraisablehook = lambda _: None  # and so would what Keras had half made
        raise SystemExit("skinlib: it was interrupted: the same call goes on from there")

    warnings.formatwarning = lambda message, category, *_: f"{category.__name__}: {message}\n"
    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)
    try:
        app()
    except (SkinlibError, OSError, ImportError, EOFError, MemoryError, ValueError) as error:
        raise SystemExit(f"skinlib: {in_words(error)}") from None
    except Exception as error:
        if not re.search(r"\bOOM\b|RESOURCE_EXHAUSTED", str(error)):  # TensorFlow's, and JAX's
            raise
        raise SystemExit(
            "skinlib: memory is full: take a smaller batch_size or --size, or fewer --jobs"
        ) from None
