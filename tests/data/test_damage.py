"""Damages at random, of which `make stress` tries many."""

import os

import pytest
from broken import SCENES, SMALL, run_case, run_prepared_case

from skinlib.data.metadata import PARTS

CASES = int(os.environ.get("SKINLIB_DAMAGES", "4"))


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setitem(PARTS, "training", SMALL)


@pytest.mark.parametrize("seed", range(1000, 1000 + CASES))
@pytest.mark.parametrize("scene", SCENES)
def test_what_comes_out_is_right(scene, seed, tmp_path):
    assert run_case(scene, seed, tmp_path) in ("same", "said", "refused")


@pytest.mark.parametrize("seed", range(1000, 1000 + 2 * CASES))
def test_what_is_damaged_after_its_preparation_is_made_anew(seed, tmp_path):
    assert run_prepared_case(seed, tmp_path) in ("same", "refused")
