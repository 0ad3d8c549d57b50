"""Works off a list of experiments: one process per run, here or on a Dask cluster."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import joblib
from tqdm import tqdm

from skinlib.data import Resize, load
from skinlib.data.dataset import Dataset
from skinlib.errors import RecordError, SkinlibError, in_words
from skinlib.experiments import Experiment
from skinlib.runs import Run, is_done
from skinlib.training.recipe import Dtype, Recipe

WAIT = 30
"""Seconds to wait for a cluster's first worker."""

SHARED_CARD = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
"""Else the first of several processes takes a card's whole memory, or nearly."""


@dataclass(frozen=True)
class Source:
    """Where the images come from, as `skinlib.data.load` and the command line take it.

    Attributes:
        data, size, root, count, seed, resize: see `skinlib.data.load`; `data` is its `name`.
        isic2018_test: folder of ISIC 2018's test set, to be predicted by each run; or None.
    """

    data: str
    size: int
    root: Path | None = None
    count: int | None = None
    seed: int = 0
    isic2018_test: Path | None = None
    resize: Resize = "squash"

    def load(self) -> Dataset:
        """Opens the data set."""
        return load(
            self.data,
            size=self.size,
            root=self.root,
            count=self.count,
            seed=self.seed,
            resize=self.resize,
        )

    def load_isic2018_test(self) -> Dataset | None:
        """Opens ISIC 2018's test set, if it was named."""
        if self.isic2018_test is None:
            return None
        root = self.isic2018_test
        return load("isic2018_test", size=self.size, root=root, resize=self.resize)

    @property
    def options(self) -> list[str]:
        """The same for `skinlib train`, wherever it is called."""
        named = {
            "--data": self.data,
            "--size": self.size,
            "--ham10000": self.root and self.root.resolve(),
            "--count": self.count,
            "--data-seed": self.seed,
            "--isic2018-test": self.isic2018_test and self.isic2018_test.resolve(),
            "--resize": self.resize,
        }
        return [str(part) for pair in named.items() if pair[1] is not None for part in pair]


def pending(
    experiments: list[Experiment],
    dataset: Dataset,
    folder: Path,
    dtype: Dtype = "float32",
    *,
    isic2018_test: bool = False,
) -> list[Experiment]:
    """The experiments that have no run in a folder yet.

    A run counts for an experiment if its recipe, split and data are the same; in whichever dtype it
    was made, for it says so.

    Args:
        experiments: what is asked for.
        dataset: to train on.
        folder: of the runs; several lists may share it, and what they have in common.
        dtype: of those that are still to be run, see `Recipe`.
        isic2018_test: whether runs are to answer ISIC 2018's test set, too.

    Raises:
        RecordError: if a run in the folder is damaged, or was not asked about that test set.
    """
    todo = {_key(one.recipe, one.divide(dataset).about, dataset.about): one for one in experiments}
    for path in Path(folder).glob("*/run.json"):
        run = Run.read(path.parent)
        key = _key(run.recipe, run.config["split"], run.config["data"])
        unasked = run.isic2018_test is None and run.config["split"]["kind"] != "tuning"
        if isic2018_test and unasked and key in todo:
            raise RecordError(
                f"{path.parent} has no answers to ISIC 2018's test set: sweep without it, or into "
                "another folder"
            )
        todo.pop(key, None)
    return [replace(one, recipe=replace(one.recipe, dtype=dtype)) for one in todo.values()]


def _key(recipe: Recipe, split: dict, data: dict) -> str:
    return json.dumps([asdict(recipe) | {"dtype": None}, split, data], sort_keys=True)


def command(experiment: Experiment, source: Source, folder: Path, *options: str) -> list[str]:
    """The command line that trains one experiment, for a shell or a process."""
    settings = {n: v for n, v in asdict(experiment.recipe).items() if v != getattr(PAPER, n)}
    named = [f"{name}={json.dumps(value)}" for name, value in settings.items()]
    return [
        *("skinlib", "train", str(folder), *source.options),
        *("--split", experiment.split, "--test", str(experiment.test), *options),
        *(part for setting in named for part in ("--set", setting)),
    ]


PAPER = Recipe()


def run_all(
    experiments: list[Experiment],
    source: Source,
    folder: Path,
    *,
    jobs: int = 1,
    scheduler: str | None = None,
    keep_weights: bool = False,
) -> None:
    """Trains experiments and writes their runs. A run that was stopped goes on where it was.

    A terminal sees a bar, with the time left.

    Args:
        experiments: what `pending` says.
        source: of the images.
        folder: for the runs; on a cluster, one that every worker reaches.
        jobs: how many processes at a time; they share the cores.
        scheduler: the address of a Dask cluster; None works here. A worker that dies costs its
            current run only, from its last checkpoint. Where workers have the resource "GPU", each
            run takes one.
        keep_weights: of each run.

    Raises:
        RecordError: if a run of other data is in the way.
        SkinlibError: at the end, if runs failed; or if no worker connects.
    """
    folder, failed = Path(folder).resolve(), []
    options = ["--keep-weights"] if keep_weights else []
    commands = {}
    for one in experiments:
        place = folder / folder_name(one, source)
        if is_done(place):
            raise RecordError(f"{place} holds a run of other data: choose another folder")
        commands[one.title] = command(one, source, place, *options)
    results = _on_cluster(commands, scheduler) if scheduler else _here(commands, jobs)
    with closing(results), tqdm(total=len(commands), unit="run", disable=None) as bar:
        for title, reason in results:
            bar.update()
            if reason:
                failed.append(f"{title} ({reason})")
                bar.write(failed[-1], file=sys.stderr)
    if failed:
        raise SkinlibError(
            f"{len(failed)} of {len(commands)} runs failed: {'; '.join(failed)}. "
            "Call again to repeat just these"
        )


Results = Generator[tuple[str, str]]
"""The title of each experiment that has ended, and why it failed, or nothing."""


def folder_name(experiment: Experiment, source: Source) -> str:
    """A name for the folder of an experiment's run, for people: nothing reads it."""
    cropped = " cropped" * (source.resize == "crop" and source.data != "phantom")
    words = f"{experiment.title} {source.size}px{cropped}"
    name = "_".join("".join(c if c.isalnum() or c in ".=" else " " for c in words).split())
    if len(name) > 120:  # what some file systems bear, with a checksum for what is cut
        name = f"{name[:100]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return name


def _here(commands: dict[str, list[str]], jobs: int) -> Results:
    threads = max(1, joblib.cpu_count() // jobs) if jobs > 1 else None
    processes: list[subprocess.Popen] = []
    pool = ThreadPoolExecutor(jobs)
    try:
        futures = {
            pool.submit(_run_one, c, threads, processes): title for title, c in commands.items()
        }
        for future in as_completed(futures):
            yield futures[future], future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            if process.stdin:
                process.stdin.close()  # which stops it
        pool.shutdown()


def _on_cluster(commands: dict[str, list[str]], scheduler: str) -> Results:
    from distributed import Client
    from distributed import as_completed as as_ended

    try:
        client = Client(scheduler, timeout=WAIT)
    except OSError as error:
        raise SkinlibError(f"there is no Dask scheduler at {scheduler}: {error}") from None
    with client:
        try:
            client.wait_for_workers(1, timeout=WAIT)
        except TimeoutError:
            raise SkinlibError(
                f"no worker has connected to {scheduler} within {WAIT} s: start some with "
                f"`dask worker {scheduler} --nthreads 1`"
            ) from None
        workers = client.scheduler_info(n_workers=-1)["workers"].values()
        resources = {"GPU": 1} if any("GPU" in w["resources"] for w in workers) else None
        futures = {
            client.submit(_run_one, c, pure=False, resources=resources): title
            for title, c in commands.items()
        }
        for future in as_ended(futures):
            failure = future.exception()
            yield futures[future], future.result() if failure is None else in_words(failure)


def _run_one(command: list[str], threads: int | None = None, started: list | None = None) -> str:
    """Trains one run in a process of its own; returns why it failed, or nothing.

    The process stops when this one, which may be a cluster's worker, ends, however it ends: its
    standard input ends then.
    """
    if is_done(Path(command[2])):  # by a worker that died before it could say so
        return ""
    environment = dict(os.environ)
    if threads:
        names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
        environment |= dict.fromkeys(names, str(threads))
        environment |= SHARED_CARD
    process = subprocess.Popen(
        [sys.executable, "-m", *command, "--stop-with-input"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    if started is not None:
        started.append(process)
    with process:
        errors = process.stderr.read() if process.stderr else ""
    if process.returncode == 0:
        return ""
    if process.returncode < 0:
        return f"it was killed by signal {-process.returncode}: is memory full?"
    lines = errors.strip().splitlines() or [f"it ended with {process.returncode}"]
    ours = [line for line in lines if line.startswith("skinlib: ")]
    return (ours or lines)[-1].removeprefix("skinlib: ")
