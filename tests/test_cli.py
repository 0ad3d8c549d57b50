import os
import re
import signal
import subprocess
import sys
import warnings

import pytest
from typer.testing import CliRunner

from skinlib import cli, experiments, runs
from skinlib.experiments import Experiment
from skinlib.runs import Run
from skinlib.training.recipe import Recipe


def run(*arguments):
    return CliRunner().invoke(cli.app, list(map(str, arguments)))


def sentence(monkeypatch, *arguments):
    """What the command says when it fails, through its outermost door."""
    monkeypatch.setattr("sys.argv", ["skinlib", *map(str, arguments)])
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)
    before = {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        with pytest.raises(SystemExit) as error:
            cli.main()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return error.value.code


def test_train_writes_a_run_and_set_reaches_every_field(tmp_path):
    settings = ["model=small", "epochs=1", "seed=3", "beta=0", "batch_size=8", "augment=true"]
    settings += ["dtype=mixed_bfloat16", "alpha=[1,1,1,1,1,1,2]", "class_weights=balanced"]
    options = [part for setting in settings for part in ("--set", setting)]
    more = ["--split", "grouped", "--size", 64, "--count", 120, "--data-seed", 1]
    result = run("train", tmp_path / "run", *options, *more)
    assert result.exit_code == 0, result.output
    assert "balanced accuracy" in result.output
    made = Run.read(tmp_path / "run")
    assert made.recipe == Recipe(
        model="small",
        epochs=1,
        seed=3,
        beta=0.0,
        batch_size=8,
        augment=True,
        dtype="mixed_bfloat16",
        alpha=(1, 1, 1, 1, 1, 1, 2),
        class_weights="balanced",
    )
    assert made.config["split"]["kind"] == "grouped"
    assert made.config["split"]["seed"] == 3
    assert sum(made.config["split"][part] for part in ("train", "test")) == 120


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("beta=5", "beta: .*less than or equal to 1, got 5"),
        ("options.dropuot=0.1", "expected one of deformable, .*, got 'dropuot'"),
        ("model=lenet", "expected one of alexnet"),
        ("loss=focal", "loss: "),
        ("seed=4294967296", "seed: "),
        ("epochs", "expected name=value, got 'epochs'"),
        ("model.alpha=0.5", "model.alpha: "),
        ("alpha=[1, 1, 1, 1, 1, 1, -1]", "alpha.*greater than or equal to 0, got -1"),
    ],
)
def test_a_setting_that_makes_no_sense_is_one_sentence(tmp_path, monkeypatch, setting, says):
    said = sentence(monkeypatch, "train", tmp_path / "run", "--set", setting)
    assert said.startswith("skinlib: ")
    assert "\n" not in said
    assert re.search(says, said)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("wrong", [["--count", "-60"], ["--count", "0"], ["--data-seed", "-1"]])
def test_numbers_that_make_no_sense_are_refused(tmp_path, wrong):
    """A negative limit once trained on all images but so many."""
    result = run("train", tmp_path / "run", *wrong)
    assert result.exit_code == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train", "{tmp}/run", "--size", "32", "--set", "model=alexnet"], "64"),
        (["train", "{tmp}/file/run", "--size", "64", "--set", "model=small"], "file"),
        (["sweep", "table9", "--folder", "{tmp}/runs"], "unknown sweep 'table9': expected one of"),
        (
            ["sweep", "table1", "--folder", "{tmp}", "--jobs", "2", "--scheduler", "tcp://x"],
            "--jobs: a cluster does as many runs at a time as it has workers",
        ),
        (["prepare", "{tmp}"], "not a folder of ham10000"),
        (["train", "{tmp}/run", "--data", "ham10000", "--ham10000", "{tmp}"], "not a folder"),
    ],
)
def test_what_a_user_can_cause_is_one_sentence(tmp_path, monkeypatch, arguments, says):
    (tmp_path / "file").touch()
    said = sentence(monkeypatch, *(a.format(tmp=tmp_path) for a in arguments))
    assert said.startswith("skinlib: ")
    assert says in said
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_options_come_whole_and_one_by_one(tmp_path, monkeypatch):
    options = ("--set", 'options={"dropout": 0.1}', "--set", "options.attention=false")
    recipe = cli._recipe(list(options[1::2]))
    assert recipe.options == {"dropout": 0.1, "attention": False}
    says = "skinlib: --set: expected options={...}, got options=5"
    wrong = ("--set", "options=5", *options[2:])
    assert sentence(monkeypatch, "train", tmp_path / "run", *wrong) == says


@pytest.mark.parametrize("says", ["OOM when allocating tensor", "RESOURCE_EXHAUSTED: Out of"])
def test_a_full_memory_is_one_sentence(monkeypatch, says):
    def app():
        raise RuntimeError(says)

    monkeypatch.setattr(cli, "app", app)
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)
    with pytest.raises(SystemExit, match="memory is full: take a smaller batch_size"):
        cli.main()


@pytest.mark.parametrize(
    "command",
    [
        ["train", "run", "--data", "ham10000"],
        ["sweep", "table1", "--folder", "runs", "--data", "ham10000"],
        ["sweep", "table1", "--folder", "runs", "--ham10000", "."],
        ["book", "--data", "ham10000"],
        ["book", "--ham10000", "."],
    ],
)
def test_real_data_take_two_options(tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    said = sentence(monkeypatch, *command)
    assert said == "skinlib: --data ham10000 and --ham10000 FOLDER go together"
    assert not list(tmp_path.iterdir())


def test_a_warning_is_one_line(monkeypatch):
    """It once came with the name of a file and a line of its source."""
    monkeypatch.setattr(cli, "app", lambda: 1 / 0)
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)
    with pytest.raises(ZeroDivisionError):
        cli.main()
    said = warnings.formatwarning("3 images are damaged", UserWarning, "cli.py", 68, "source")
    assert said == "UserWarning: 3 images are damaged\n"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("by", ["Ctrl-C", "the end of its sweep"])
def test_stopping_is_one_sentence(tmp_path, by):
    command = [sys.executable, "-m", "skinlib", "train", str(tmp_path / "run")]
    command += ["--size", "64", "--count", "200", "--set", "model=small", "--set", "epochs=5000"]
    command += ["--stop-with-input"] if by != "Ctrl-C" else []
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    if by == "Ctrl-C":
        said = b""
        while b"images/s" not in said:  # the bar
            said += os.read(process.stderr.fileno(), 1000)
        os.kill(process.pid, signal.SIGINT)
    _, rest = process.communicate()
    assert process.returncode == 1
    assert rest.decode().splitlines()[-1].startswith("skinlib: it was interrupted: the same call")
    assert b"Traceback" not in rest


HALF_MADE = """
import os, signal, sys
from keras.src.trainers.data_adapters.py_dataset_adapter import OrderedEnqueuer
from skinlib import cli
OrderedEnqueuer.__init__ = lambda self, *_, **__: os.kill(os.getpid(), signal.SIGINT)
cli.main()
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_what_keras_had_half_made_says_nothing_more(tmp_path):
    """Ctrl-C between an object's birth and its first attribute ended in a traceback of its end."""
    command = [sys.executable, "-c", HALF_MADE, "train", str(tmp_path / "run")]
    command += ["--size", "64", "--count", "200", "--set", "model=small", "--set", "epochs=2"]
    done = subprocess.run(command, capture_output=True)
    assert done.returncode == 1
    said = done.stderr.decode().splitlines()[-1]
    assert said.startswith("skinlib: it was interrupted: the same call")
    assert b"Traceback" not in done.stderr


@pytest.mark.slow
def test_a_sweep_says_what_it_will_do_and_skips_what_is_done(tmp_path, monkeypatch):
    one = Experiment(Recipe(model="small", epochs=1, beta=0.0))
    asked = []
    monkeypatch.setitem(experiments.EXPERIMENTS, "one", lambda seeds: asked.append(seeds) or [one])
    options = ["--folder", tmp_path, "--size", 64, "--count", 80, "--seeds", 4]
    options += ["--dtype", "mixed_bfloat16"]
    first, second = (run("sweep", "one", *options) for _ in range(2))
    assert first.exit_code == second.exit_code == 0, first.output
    assert "1 runs of one to do\n  small" in first.output
    assert "0 runs of one to do" in second.output
    assert runs.load(tmp_path)["dtype"].tolist() == ["mixed_bfloat16"]
    assert asked == [4, 4]


def test_doctor_says_what_is_there_and_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("SKINLIB_DATA", str(tmp_path))
    said = run("doctor").output
    assert f"cache {tmp_path}: empty" in said
    assert "missing: HAM10000 is not prepared: skinlib prepare FOLDER" in said
    assert "jupyter-book" not in said
    (tmp_path / "ham10000-64").mkdir()
    (tmp_path / "ham10000-64" / "dataset.json").touch()
    said = run("doctor").output
    assert "ham10000-64" in said
    assert "HAM10000 is not prepared" not in said


def test_a_backend_that_is_not_there_is_one_sentence():
    command = [sys.executable, "-m", "skinlib", "doctor"]
    environment = {**os.environ, "KERAS_BACKEND": "abacus"}
    told = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert told.returncode == 1
    assert told.stderr.strip().splitlines()[-1].startswith("skinlib: ")
    assert "abacus" in told.stderr
    assert "Traceback" not in told.stderr
