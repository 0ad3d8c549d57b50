import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from distributed import Client, LocalCluster

from skinlib import runs, sweep
from skinlib.errors import RecordError, SkinlibError
from skinlib.experiments import Experiment
from skinlib.runs import Run, is_done
from skinlib.sweep import Source, folder_name, pending, run_all
from skinlib.training.recipe import Recipe
from skinlib.training.train import train

PHANTOM = Source("phantom", 64, count=80)
SMALL = Experiment(Recipe(model="small", epochs=1, beta=0.0))


@pytest.fixture(scope="module")
def dataset():
    return PHANTOM.load()


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A folder with the run of SMALL, under a name that says nothing."""
    folder = tmp_path_factory.mktemp("runs")
    dataset = PHANTOM.load()
    train(dataset, SMALL.divide(dataset), SMALL.recipe, folder / "x")
    return folder


def test_a_run_counts_by_what_it_says_of_itself(dataset, done):
    other_seed = replace(SMALL, recipe=replace(SMALL.recipe, seed=1))
    assert pending([SMALL, other_seed], dataset, done) == [other_seed]


@pytest.mark.parametrize(
    ("experiment", "source"),
    [
        (replace(SMALL, recipe=replace(SMALL.recipe, epochs=2)), PHANTOM),
        (replace(SMALL, split="grouped"), PHANTOM),
        (replace(SMALL, test=0.3), PHANTOM),
        (SMALL, replace(PHANTOM, size=32)),
        (SMALL, replace(PHANTOM, seed=1)),
    ],
)
def test_another_run_is_not_taken_for_done(done, experiment, source):
    """A trial on a few small images once counted as a run of table 1."""
    assert pending([experiment], source.load(), done) == [experiment]


def test_a_run_counts_in_whichever_dtype_it_was_made(dataset, done):
    assert pending([SMALL], dataset, done, "mixed_bfloat16") == []
    other = replace(SMALL, split="grouped")
    (todo,) = pending([other], dataset, done, "mixed_bfloat16")
    assert todo.recipe.dtype == "mixed_bfloat16"


def test_a_run_that_was_not_asked_about_new_images_is_said(dataset, done):
    """It counted as done, and its answers never came."""
    with pytest.raises(RecordError, match="x has no answers to ISIC 2018's test set: sweep"):
        pending([SMALL], dataset, done, isic2018_test=True)
    other = replace(SMALL, split="grouped")
    assert pending([other], dataset, done, isic2018_test=True) == [other]


def test_a_damaged_run_is_said_and_not_made_again(dataset, done, tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "run.json").write_text("{}")
    with pytest.raises(RecordError, match="x cannot be read"):
        pending([SMALL], dataset, tmp_path)


def test_a_run_of_other_data_in_the_way_is_said(done, tmp_path):
    """It was taken for the run that was asked for: nothing was trained, and success printed."""
    (run,) = (path.parent for path in done.glob("*/run.json"))
    other = replace(PHANTOM, seed=1)
    shutil.copytree(run, tmp_path / folder_name(SMALL, other))
    with pytest.raises(RecordError, match="holds a run of other data"):
        run_all([SMALL], other, tmp_path)


@pytest.mark.slow
def test_each_run_has_a_process_and_failed_ones_are_named_at_the_end(dataset, tmp_path):
    lost = replace(SMALL, recipe=replace(SMALL.recipe, learning_rate=1e30))
    fields = {"alpha": (1.0,) * 7, "beta": 0.5, "options": {}, "seed": 2}
    rich = replace(SMALL, recipe=replace(SMALL.recipe, **fields), split="grouped")
    with pytest.raises(SkinlibError, match=r"1 of 2 runs failed: small, .*\(the loss was"):
        run_all([lost, rich], PHANTOM, tmp_path, jobs=2)
    assert pending([lost, rich], dataset, tmp_path) == [lost]
    table = runs.load(tmp_path).set_index("split")
    assert table.loc["grouped", "run"].recipe == rich.recipe
    _, here = train(dataset, rich.divide(dataset), rich.recipe)
    there = table.loc["grouped", "run"].predictions
    pd.testing.assert_frame_equal(there, here.predictions, atol=1e-3)


@pytest.fixture
def said(tmp_path, monkeypatch):
    """What a sweep says of a run whose process executes some code."""

    def call(code, **options):
        (tmp_path / "ends.py").write_text(f"import os, sys\n{code}\n")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        return sweep._run_one(["ends", "train", str(tmp_path / "run")], **options)

    return call


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(
    ("ends", "says"),
    [
        ("os.kill(os.getpid(), 9)", "it was killed by signal 9: is memory full?"),
        ("sys.exit('skinlib: why\\nnoise')", "why"),
        ("sys.exit('some words')", "some words"),
        ("sys.exit(3)", "it ended with 3"),
    ],
)
def test_a_run_that_fails_says_why(said, ends, says):
    """TensorFlow writes to stderr, too, and its last line once was the reason."""
    assert said(ends) == says


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OMP_NUM_THREADS", "2"),
        ("TF_FORCE_GPU_ALLOW_GROWTH", "true"),
        ("XLA_PYTHON_CLIENT_PREALLOCATE", "false"),
    ],
)
def test_runs_at_a_time_share_the_cores_and_a_card(said, monkeypatch, name, value):
    monkeypatch.delenv(name, raising=False)
    assert said(f"sys.exit(os.environ.get('{name}'))", threads=2) == value


@pytest.fixture
def stand_in(done, monkeypatch):
    """Trainings of a sweep are tests/stand_in.py."""
    original = sweep.command
    monkeypatch.setattr(sweep, "command", lambda *args: ["stand_in", *original(*args)[1:]])
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.setenv("FINISHED", str(done / "x"))


@pytest.fixture
def server(stand_in, monkeypatch):
    """Here they say that they live."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(120)
        monkeypatch.setenv("IN_USE", str(server.getsockname()[1]))
        yield server


def started(server):
    """A line to the stand-in that starts next, which ends when that does."""
    line, _ = server.accept()
    line.settimeout(120)
    assert line.recv(10) == b"in use"
    return line


SWEEP = """
import sys
from pathlib import Path
from skinlib import sweep
from skinlib.cli import main
original = sweep.command
sweep.command = lambda *args: ["stand_in", *original(*args)[1:]]
sys.argv = ["skinlib", "sweep", "joint_loss", "--folder", sys.argv[1], "--size", "64"]
sys.argv += ["--count", "80"]
main()
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_sweep_that_ends_leaves_no_process_behind(server, tmp_path, how):
    command = [sys.executable, "-c", SWEEP, str(tmp_path / "runs")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    with started(server) as line:
        os.kill(process.pid, how)
        _, errors = process.communicate()
        assert line.recv(10) == b""
    if how != signal.SIGKILL:
        says = "it was interrupted: the same call goes on from there"
        assert errors.decode().strip().endswith(says)


@pytest.fixture
def cluster(stand_in):
    with LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=":0", silence_logs=50
    ) as cluster:
        yield cluster


@pytest.mark.slow
def test_a_cluster_runs_what_is_left(cluster, tmp_path):
    bad = replace(SMALL, recipe=replace(SMALL.recipe, learning_rate=1e30))
    with pytest.raises(SkinlibError, match=r"1 of 2 runs failed: .* \(the loss was nan\)"):
        run_all([SMALL, bad], PHANTOM, tmp_path, scheduler=cluster.scheduler_address)
    (folder,) = (path.parent for path in tmp_path.glob("*/run.json"))
    assert Run.read(folder).recipe == SMALL.recipe


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_worker_that_dies_costs_only_its_run(server, cluster, tmp_path):
    """Its process ends with it, and the run goes on elsewhere."""
    with Client(cluster) as client:
        (pid,) = client.run(os.getpid).values()

    def kill():
        with started(server) as line:
            os.kill(pid, signal.SIGKILL)
            ended.append(line.recv(10))

    ended = []
    killer = threading.Thread(target=kill)
    killer.start()
    run_all([SMALL], PHANTOM, tmp_path, scheduler=cluster.scheduler_address)
    killer.join()
    assert ended == [b""]
    (path,) = tmp_path.glob("*/run.json")
    assert is_done(path.parent)


def test_a_cluster_without_workers_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(sweep, "WAIT", 1)
    with (
        LocalCluster(n_workers=0, dashboard_address=":0", silence_logs=50) as empty,
        pytest.raises(SkinlibError, match=r"no worker has connected to .* start some with"),
    ):
        run_all([SMALL], PHANTOM, tmp_path, scheduler=empty.scheduler_address)


def test_no_scheduler_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(sweep, "WAIT", 1)
    with pytest.raises(SkinlibError, match=r"there is no Dask scheduler at tcp://127\.0\.0\.1:9"):
        run_all([SMALL], PHANTOM, tmp_path, scheduler="tcp://127.0.0.1:9")
