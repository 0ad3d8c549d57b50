"""The command `skinlib`: prepare | train | sweep | book | run | doctor."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)

Data = Annotated[Literal["phantom", "ham10000"], typer.Option(help="Which data set.")]
Root = Annotated[
    Path | None, typer.Option("--ham10000", help="Folder of the HAM10000 archives.", exists=True)
]
Precision = Annotated[
    Literal["float32", "mixed_float16", "mixed_bfloat16"],
    typer.Option(help="The mixed ones compute in 16 bits."),
]
Size = Annotated[int, typer.Option(min=16, help="Height and width of the pictures, in pixels.")]


@contextmanager
def _stoppable() -> Iterator[None]:
    """Ctrl-C ends the command with the sentence that the interrupted work gave."""
    from skinlib import SkinlibError

    try:
        yield
    except KeyboardInterrupt as interrupt:
        raise SkinlibError(str(interrupt) or "it was interrupted") from None


def _options(data: str, root: Path | None, **others) -> dict:
    """What `skinlib.data.load` takes."""
    from skinlib import SkinlibError

    if (data == "ham10000") != (root is not None):
        raise SkinlibError("--data ham10000 and --ham10000 FOLDER go together")
    return others | ({"root": root.resolve()} if root else {})


@app.command()
def prepare(
    root: Annotated[Path, typer.Argument(help="Folder of the HAM10000 archives.")],
    size: Size = 224,
    resize: Annotated[
        Literal["squash", "crop"],
        typer.Option(help="Resize the whole picture, or its central square."),
    ] = "squash",
    part: Annotated[
        Literal["training", "test"],
        typer.Option(help="HAM10000 itself, or the test set of ISIC 2018 task 3."),
    ] = "training",
    strict: Annotated[bool, typer.Option("--strict", help="Refuse imperfect data.")] = False,
    download: Annotated[
        Literal["dataverse", "isic"] | None,
        typer.Option(help="Fetch the archives into the folder first (about 2.8 GB)."),
    ] = None,
) -> None:
    """Checks the archives of HAM10000, decodes them once, and says where the result lies."""
    from skinlib.data import ham10000

    if download:
        from skinlib.data.download import download as fetch

        fetch(download, root)
    dataset = ham10000.prepare(root, size, resize, part=part, strict=strict)
    height, width, _ = dataset.image_shape
    print(f"{len(dataset):,} pictures of {height} x {width} ({dataset.resize})")
    print(dataset.table["dx"].value_counts().sort_index().to_string(header=False))
    print(dataset.images.filename)


@app.command()
def train(
    folder: Annotated[Path, typer.Argument(help="A new folder for the record.")],
    data: Data = "phantom",
    root: Root = None,
    size: Size = 96,
    model: Annotated[str, typer.Option(help="Which network.")] = "proposed",
    epochs: Annotated[int, typer.Option(min=1)] = 20,
    batch_size: Annotated[int, typer.Option(min=1)] = 32,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    split: Annotated[Literal["random", "grouped"], typer.Option()] = "random",
    precision: Precision = "float32",
    devices: Annotated[int, typer.Option(min=1, help="GPUs that share each batch.")] = 1,
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="Train on this many pictures only, to try things out."),
    ] = None,
) -> None:
    """Trains one network with the paper's recipe and writes its record."""
    from dataclasses import replace

    from skinlib import metrics
    from skinlib.data import load, splits
    from skinlib.training import Recipe
    from skinlib.training import train as fit

    dataset = load(data, **_options(data, root, size=size))
    parts = splits.SPLITS[split](dataset, seed)
    parts = replace(parts, train=parts.train[:limit])
    recipe = Recipe(
        model=model,
        epochs=epochs,
        batch_size=batch_size,
        seed=seed,
        precision=precision,
        devices=devices,
    )
    with _stoppable():
        _, record = fit(dataset, parts, recipe, folder, progress=True)
    print(metrics.scores(record).map("{:.1%}".format).to_string())
    print(folder)


@app.command()
def sweep(
    name: Annotated[str, typer.Argument(help="table1, grouped, ablation, readings, joint_loss.")],
    folder: Annotated[Path, typer.Option(help="For the records; on a cluster, a shared one.")],
    data: Data = "phantom",
    root: Root = None,
    size: Size = 224,
    seeds: Annotated[int, typer.Option(min=1, help="Repeat each run with so many seeds.")] = 1,
    precision: Precision = "float32",
    scheduler: Annotated[str | None, typer.Option(help="Address of a Dask cluster.")] = None,
) -> None:
    """Trains many networks and writes their records; what is there already is skipped."""
    from skinlib import sweep as sweeps
    from skinlib.data import load

    options = _options(data, root, size=size)
    dataset = load(data, **options)
    runs = sweeps.missing(name, seeds, dataset, folder, precision)
    print(f"{len(runs)} runs of {name} to do: {', '.join(runs) or 'none'}")
    if runs:
        hours = sweeps.estimate(runs, dataset) / 3600
        print(f"about {hours:.1f} hours on one machine like this one")
        with _stoppable():
            sweeps.work(runs, data, options, folder, scheduler=scheduler)


@app.command()
def book(
    data: Data = "phantom",
    root: Root = None,
    kernel: Annotated[str | None, typer.Option(help="A Jupyter kernel, by name.")] = None,
) -> None:
    """Executes every chapter and renders the book into _build/html."""
    from skinlib.book.build import make

    options = _options(data, root)
    parameters = {"data": data, "ham10000": str(options.get("root", ""))}
    print(make(Path.cwd(), parameters, kernel))


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
    from skinlib.doctor import findings

    for subject, state, advice in findings():
        print(f"{subject:<10} {state}" + (f"\n{'':<10} -> {advice}" if advice else ""))


def main() -> None:
    """Runs the command; what skinlib foresaw is one sentence, not a traceback."""
    from skinlib import SkinlibError

    warnings.formatwarning = lambda message, category, *_: f"{category.__name__}: {message}\n"
    try:
        app()
    except SkinlibError as error:
        raise SystemExit(f"skinlib: {error}") from None
