import warnings
from dataclasses import asdict

import pytest
from typer.testing import CliRunner

from skinlib import cli, doctor, sweep, training
from skinlib.data.ham10000 import DataWarning
from skinlib.records import Record
from skinlib.sweep import SWEEPS, Run
from skinlib.training import Recipe


def run(*arguments):
    return CliRunner().invoke(cli.app, list(map(str, arguments)))


def test_train_writes_a_record(tmp_path):
    options = "--size 64 --epochs 1 --limit 32 --model small --batch-size 8 --seed 3"
    options += " --split grouped --precision mixed_bfloat16"
    result = run("train", tmp_path / "run", *options.split())
    assert result.exit_code == 0, result.output
    assert "balanced accuracy" in result.output
    made = Record.read(tmp_path / "run").run
    recipe = Recipe(model="small", epochs=1, batch_size=8, seed=3, precision="mixed_bfloat16")
    assert made["recipe"] == asdict(recipe)
    assert {name: made["split"][name] for name in ("kind", "seed", "train")} == {
        "kind": "grouped",
        "seed": 3,
        "train": 32,
    }


@pytest.mark.parametrize("wrong", [["--limit", "-60"], ["--limit", "0"], ["--seed", "-1"]])
def test_numbers_that_make_no_sense_are_refused(tmp_path, wrong):
    """A negative limit once trained on all pictures but so many."""
    result = run("train", tmp_path / "run", *wrong)
    assert result.exit_code == 2
    assert "greater than" in result.output
    assert not list(tmp_path.iterdir())


def test_several_devices_are_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "sys.argv", ["skinlib", "train", str(tmp_path / "run"), "--devices", "64", "--size", "64"]
    )
    with pytest.raises(SystemExit, match=r"^skinlib: devices: expected a divisor of the batch"):
        cli.main()


def test_an_expected_error_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "run.json").write_text('{"ended": "completed"}')
    monkeypatch.setattr("sys.argv", ["skinlib", "train", str(tmp_path), "--size", "64"])
    with pytest.raises(SystemExit, match=r"^skinlib: .*exists: remove it"):
        cli.main()


@pytest.mark.parametrize(
    "command", [["prepare"], ["train", "run", "--data", "ham10000", "--ham10000"]]
)
def test_a_folder_without_the_data_is_one_sentence(tmp_path, monkeypatch, command):
    monkeypatch.setattr("sys.argv", ["skinlib", *command, str(tmp_path)])
    with pytest.raises(SystemExit, match=r"^skinlib: .* is not a folder of ham10000: expected"):
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
    monkeypatch.setattr("sys.argv", ["skinlib", *command])
    with pytest.raises(SystemExit, match=r"^skinlib: --data ham10000 and --ham10000 FOLDER go"):
        cli.main()
    assert not list(tmp_path.iterdir())


def test_a_warning_is_one_line(monkeypatch):
    """It once came with the name of a file and a line of its source."""
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)
    monkeypatch.setattr(cli, "app", lambda: None)
    cli.main()
    said = warnings.formatwarning("3 pictures are damaged", DataWarning, "cli.py", 68, "source")
    assert said == "DataWarning: 3 pictures are damaged\n"


def test_ctrl_c_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["skinlib", "train", str(tmp_path / "run"), "--size", "64"])

    def interrupt(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(training._Run, "on_epoch_begin", interrupt)
    with pytest.raises(SystemExit, match=r"^skinlib: it was interrupted.*0 of 20 epochs"):
        cli.main()


def test_a_sweep_says_what_it_will_do_and_skips_what_is_done(tmp_path, monkeypatch):
    runs = {"only": Run(Recipe(model="small", epochs=1))}
    asked = []
    monkeypatch.setitem(SWEEPS, "one", lambda seeds: asked.append(seeds) or runs)
    options = ["--folder", tmp_path, "--size", 64, "--seeds", 4, "--precision", "mixed_bfloat16"]
    first, second = (run("sweep", "one", *options) for _ in range(2))
    assert first.exit_code == second.exit_code == 0, first.output
    assert "1 runs of one to do: only" in first.output
    assert "hours on one machine" in first.output
    assert "0 runs of one to do: none" in second.output
    assert Record.read(tmp_path / "only").run["recipe"]["precision"] == "mixed_bfloat16"
    assert asked == [4, 4]


def test_a_sweep_goes_to_the_cluster_that_was_named(tmp_path, monkeypatch):
    given = {}
    monkeypatch.setattr(sweep, "estimate", lambda *_: 0.0)
    monkeypatch.setattr(sweep, "work", lambda *_, **options: given.update(options))
    options = ["--folder", tmp_path, "--size", 64, "--scheduler", "tcp://here:8786"]
    assert run("sweep", "table1", *options).exit_code == 0
    assert given == {"scheduler": "tcp://here:8786"}


def test_doctor_says_what_is_there(monkeypatch, tmp_path):
    (tmp_path / "ham10000-1").mkdir()
    (tmp_path / "ham10000-1" / "dataset.json").touch()
    monkeypatch.setenv("SKINLIB_DATA", str(tmp_path))
    lines = run("doctor").output.splitlines()
    said = {line.split()[0]: line for line in lines if not line.startswith(" ")}
    assert "on tensorflow" in said["Keras"] or "on jax" in said["Keras"]
    assert "1 prepared" in said["HAM10000"]
    assert "python3" in said["kernels"]
    assert not [line for line in lines if "install Python" in line or "skinlib prepare" in line]


def test_doctor_has_advice_for_what_is_missing(monkeypatch, tmp_path):
    monkeypatch.setenv("SKINLIB_DATA", str(tmp_path))
    monkeypatch.setenv("KERAS_BACKEND", "abacus")
    found = {subject: (state, advice) for subject, state, advice in doctor.findings()}
    assert found["Keras"][0].startswith("cannot start: ")
    assert "KERAS_BACKEND" in found["Keras"][1]
    assert "skinlib prepare" in found["HAM10000"][1]
