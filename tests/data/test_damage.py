"""A few of the many damages that benchmarks/damage.py tries."""

import pytest
from broken import SCENES, SMALL, run_case, run_prepared_case

from skinlib.data.metadata import PARTS


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setitem(PARTS, "training", SMALL)


@pytest.mark.parametrize("seed", range(1000, 1004))
@pytest.mark.parametrize("scene", SCENES)
def test_what_comes_out_is_right(scene, seed, tmp_path):
    assert run_case(scene, seed, tmp_path) in ("same", "said", "refused")


@pytest.mark.parametrize("seed", range(1000, 1008))
def test_what_is_damaged_after_its_preparation_is_made_anew(seed, tmp_path):
    assert run_prepared_case(seed, tmp_path) in ("same", "refused")
