import pytest

from skinlib.experiments import (
    EXPERIMENTS,
    ablation,
    grouped,
    ingredients,
    joint_loss,
    readings,
    table1,
    well,
)
from skinlib.models import MODELS
from skinlib.sweep import Source, folder_name


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_no_experiment_is_listed_twice(name):
    runs = EXPERIMENTS[name](2)
    assert len({one.title for one in runs}) == len({str(one) for one in runs}) == len(runs)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_each_run_has_a_folder_of_its_own_that_file_systems_bear(name):
    """The recipe that trains well once gave a name of 270 characters."""
    runs = EXPERIMENTS[name](3)
    folders = {folder_name(one, Source("ham10000", 224)) for one in runs}
    assert len(folders) == len(runs)
    assert max(map(len, folders)) <= 120


def test_table_1_has_all_six_networks_and_the_rivals_cross_entropy():
    """Section 3.2; the rivals once had the joint loss here, too."""
    for name in (table1, grouped):
        runs = name(1)
        assert {one.recipe.model for one in runs} == set(MODELS)
        for one in runs:
            assert (one.recipe.beta > 0) == (one.recipe.model == "proposed")
            assert not one.recipe.augment


def test_the_ablation_shares_runs_with_table_1():
    runs = ablation(3)
    assert len(runs) == 4 * 2 * 3
    assert {one.recipe.variant for one in runs} == {
        "proposed",
        "proposed without deformable",
        "proposed without attention",
        "proposed without joint loss",
    }
    for other in (table1, grouped):
        assert next(one for one in other(1) if one.recipe.model == "proposed") in runs


def test_the_best_epoch_on_the_test_part_can_be_told():
    """It is one of the faults, and needs the test part's scores after each epoch."""
    assert {one.split for one in readings(1)} == {"peeked", "copied", "oversampled", "seen"}
    assert {one.test for one in readings(1)} == {0.15}
    assert {(one.split, one.test) for one in joint_loss(1)} == {("grouped", 0.4)}


def test_ingredients_are_judged_without_test_images():
    assert {one.split for one in ingredients(2)} == {"tuning"}


def test_what_was_chosen_on_the_tuning_split_is_what_is_judged():
    chosen = [one.recipe for one in ingredients(1)]
    judged = [one.recipe for one in well(1)]
    whole = [recipe for recipe in judged if recipe in chosen]
    assert {recipe.epochs for recipe in whole} == {20, 60}
    parts = {"deformable", "attention"}
    assert all(parts & {*recipe.options} for recipe in judged if recipe not in whole)
    assert {one.split for one in well(2)} == {"grouped", "random"}
    assert {one.recipe.seed for one in well(3)} == {0, 1, 2}
