import json
from dataclasses import asdict, replace

import pytest
from pydantic import TypeAdapter

from skinlib.training.recipe import Recipe


def test_the_defaults_are_the_papers():
    recipe = Recipe()
    assert (recipe.batch_size, recipe.epochs, recipe.learning_rate) == (32, 20, 2e-4)
    assert (recipe.model, recipe.beta, recipe.focusing) == ("proposed", 0.0002, 3.0)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"beta": 5.0}, "beta"),
        ({"beta": -0.1}, "beta"),
        ({"loss": "cross_entropy"}, "loss"),
        ({"sampling": "balance"}, "sampling"),
        ({"class_weights": "balance"}, "class_weights"),
        ({"dtype": "float16"}, "dtype"),
        ({"focal_reduction": "sum"}, "focal_reduction"),
        ({"epochs": 0}, "epochs"),
        ({"epochs": 2.5}, "epochs"),
        ({"batch_size": 0}, "batch_size"),
        ({"learning_rate": -1.0}, "learning_rate"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**32}, "seed"),
        ({"focusing": -1.0}, "focusing"),
        ({"alpha": (1.0, 2.0)}, "alpha"),
        ({"augment": "yes"}, "augment"),
        ({"model": "lenet"}, "expected one of alexnet, .*, got 'lenet'"),
        ({"options": {"dropuot": 0.1}}, "expected one of deformable, .*, got 'dropuot'"),
        ({"options": {"dropout": "high"}}, "dropout: expected .*float.*, got 'high'"),
        ({"options": {"attention": "False"}}, "attention: expected .*bool.*, got 'False'"),
        ({"options": {"deformable": 0}}, "deformable: expected .*bool.*, got 0"),
        ({"model": "alexnet", "options": {"attention": False}}, "expected one of dropout, got"),
    ],
)
def test_a_field_that_makes_no_sense_is_refused_when_the_recipe_is_made(wrong, says):
    """beta=5, a misspelt option and an unknown network once waited for their training."""
    with pytest.raises(ValueError, match=says):
        Recipe(**wrong)
    with pytest.raises(ValueError, match=says):
        replace(Recipe(), **wrong)


def test_a_recipe_survives_json():
    recipe = Recipe(alpha=(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0), options={"pools": [4, 5, 6, 7, 10]})
    read = TypeAdapter(Recipe).validate_json(json.dumps(asdict(recipe)))
    assert json.dumps(asdict(read)) == json.dumps(asdict(recipe))


@pytest.mark.parametrize(
    ("fields", "variant"),
    [
        ({"options": {"dropout": 0.5, "deformable": True}}, "proposed"),
        ({}, "proposed"),
        ({"seed": 3, "dtype": "mixed_bfloat16"}, "proposed"),
        ({"beta": 0.0}, "proposed without joint loss"),
        ({"options": {"deformable": False}}, "proposed without deformable"),
        (
            {"options": {"deformable": False, "attention": False}, "beta": 0.0},
            "proposed without deformable and attention and joint loss",
        ),
        ({"options": {"attention": True}}, "proposed"),
        ({"epochs": 60, "augment": True}, "proposed, epochs=60, augment=True"),
        (
            {"options": {"dropout": 0.0, "attention": False}},
            "proposed without attention, dropout=0.0",
        ),
        ({"model": "alexnet", "beta": 0.0}, "alexnet"),
        ({"model": "alexnet"}, "alexnet, beta=0.0002"),
    ],
)
def test_a_variant_is_named_by_what_differs_from_the_paper(fields, variant):
    assert Recipe(**fields).variant == variant
