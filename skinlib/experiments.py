"""The lists of runs that the paper asks for: what is trained, on which split, how often."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from skinlib.data.dataset import Dataset
from skinlib.data.splits import SPLITS, Split
from skinlib.training.recipe import PAPER_BETA, Recipe


@dataclass(frozen=True)
class Experiment:
    """A recipe and the split that it is trained on, drawn with the recipe's seed.

    Attributes:
        recipe: how to train.
        split: a name in `skinlib.data.splits.SPLITS`.
        test: share of the images to test on.
    """

    recipe: Recipe
    split: str = "random"
    test: float = 0.15

    def divide(self, dataset: Dataset) -> Split:
        """Draws the split."""
        return SPLITS[self.split](dataset, self.recipe.seed, test=self.test)

    @property
    def title(self) -> str:
        """What is run, in words."""
        return f"{self.recipe.variant}, {self.split} split, seed {self.recipe.seed}"


def table1(seeds: int, split: str = "random") -> list[Experiment]:
    """The paper's table 1: six networks, images divided at random."""
    return [
        Experiment(Recipe(model=model, seed=seed, beta=PAPER_BETA.get(model, 0.0)), split)
        for seed in range(seeds)
        for model in ("proposed", "arl14", "alexnet", "resnet50", "arl50", "vgg16")
    ]


def grouped(seeds: int) -> list[Experiment]:
    """Table 1 again, lesions divided at random: no lesion on both sides."""
    return table1(seeds, "grouped")


AVERAGED = ("resnet50", "arl14", "arl50")
"""The networks of table 1 with batch normalisation, whose running averages may lag."""


def averages(seeds: int) -> list[Experiment]:
    """These networks once more, with averages made anew, on both splits."""
    return [
        Experiment(Recipe(model=model, seed=seed, beta=0.0, new_averages=True), split)
        for seed in range(seeds)
        for split in ("random", "grouped")
        for model in AVERAGED
    ]


PARTS: dict[str, dict[str, Any]] = {
    "deformable": {"options": {"deformable": False}},
    "attention": {"options": {"attention": False}},
    "joint loss": {"beta": 0.0},
}
"""What the paper adds to a plain network -> how a recipe leaves it out."""


def ablation(seeds: int) -> list[Experiment]:
    """The proposed network, whole and without each of its three parts, on both splits."""
    return [
        Experiment(Recipe(seed=seed, **changes), split)
        for seed in range(seeds)
        for split in ("random", "grouped")
        for changes in ({}, *PARTS.values())
    ]


READINGS: dict[str, dict[str, Any]] = {
    "as printed": {},
    "no dropout": {"options": {"dropout": 0.0}},
    "batch normalisation": {"options": {"batch_norm": True}},
    "batch normalisation, averages made anew": {
        "options": {"batch_norm": True},
        "new_averages": True,
    },
    "he_normal": {"options": {"initializer": "he_normal"}},
    "augmented": {"augment": True},
    "class weights": {"class_weights": "balanced"},
    "balanced sampling": {"sampling": "balanced"},
    "60 epochs": {"epochs": 60},
    "batch of 8": {"batch_size": 8},
    "sum over the data": {"focal_reduction": "dataset_sum"},
    "four at once": {
        "options": {"batch_norm": True, "initializer": "he_normal"},
        "augment": True,
        "epochs": 60,
    },
}
"""What the paper may have done and does not say -> how a recipe does it."""


def readings(seeds: int) -> list[Experiment]:
    """One change at a time that might close the gap to the paper; then several at once.

    The split "peeked" shows the test part's scores after each epoch, so that the best epoch can be
    told: one of three faults. "copied" and "seen" are the others. "oversampled" is no fault: it
    tells what "copied" does apart from the leak.
    """
    runs = []
    for seed in range(seeds):
        names = READINGS if seed == 0 else ("four at once",)
        runs += [Experiment(Recipe(seed=seed, **READINGS[name]), "peeked") for name in names]
        runs += [Experiment(Recipe(seed=seed), split) for split in ("copied", "oversampled")]
        if seed == 0:
            runs.append(Experiment(Recipe(), "seen"))
            runs += [
                Experiment(Recipe(model="alexnet", beta=0.0), "copied"),
                Experiment(Recipe(model="arl14", beta=0.0, new_averages=True), "copied"),
            ]
    return runs


INGREDIENTS: dict[str, dict[str, Any]] = {
    "the paper's recipe": {},
    "batch normalisation with He's weights": {
        "options": {"batch_norm": True, "initializer": "he_normal"},
    },
    "flips and turns": {"augment": True},
    "cosine schedule": {"schedule": "cosine", "learning_rate": 1e-3},
    "sampling by the root": {"sampling": "root"},
    "logit adjustment": {"logit_adjustment": 1.0},
    "jitter": {"jitter": 0.1},
    "mixup": {"mixup": 0.2},
    "mean over eight turns": {"test_time_augmentation": True},
    "averaged weights": {"ema": 0.999},
    "label smoothing": {"beta": 0.0, "label_smoothing": 0.1},
    "weight decay": {"weight_decay": 0.05},
    "60 epochs": {"epochs": 60},
}
"""What trains a network well -> how a recipe says it."""

LARGER = {"96 x 96 pixels": 96, "128 x 128 pixels": 128}
"""The paper's recipe on larger images -> their side, which is no field of a recipe."""

SIDES = {**LARGER, "together, smoothed, 96 x 96 pixels": 96}
"""All that is trained on images of another side than 64 -> that side."""

FIRST: dict[str, Any] = {
    "options": {"batch_norm": True, "initializer": "he_normal"},
    "epochs": 60,
    "learning_rate": 1e-3,
    "beta": 0.0,
    "sampling": "root",
    "augment": True,
    "jitter": 0.1,
    "schedule": "cosine",
    "weight_decay": 0.05,
    "test_time_augmentation": True,
    "logit_adjustment": 0.5,
}
"""Drawing by the root and dividing by it make all classes alike."""

WELL: dict[str, Any] = {
    **FIRST,
    "options": {**FIRST["options"], "dropout": 0.2},
    "weight_decay": 0.02,
}
"""The same with less that holds the network back."""

SHORT: dict[str, Any] = {**WELL, "epochs": 20}
"""In as many epochs as the paper's, so that the network can be trained often."""

SMOOTH: dict[str, Any] = {**SHORT, "label_smoothing": 0.1}
"""The same with smoothed labels."""

MIXTURES = {
    "together, as first tried": FIRST,
    "together, 20 epochs": SHORT,
    "together, smoothed": SMOOTH,
    "together, smoothed, 96 x 96 pixels": SMOOTH,
    "together": WELL,
}
"""Ingredients together -> how a recipe says it; the last one is taken."""

LAYERS = ("deformable", "attention")
"""The parts that are layers: they can be left out of any training."""


def without_layers(training: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Variant of the paper's ablation -> how a recipe says it, with another training."""
    variants = {"proposed": training}
    for layer in LAYERS:
        options = training["options"] | PARTS[layer]["options"]
        variants[f"proposed without {layer}"] = {**training, "options": options}
    return variants


def ingredients(seeds: int) -> list[Experiment]:
    """Each ingredient alone, then mixtures, judged on a part of the training images."""
    named = {**INGREDIENTS, **MIXTURES}
    return [
        Experiment(Recipe(seed=seed, **changes), "tuning")
        for seed in range(seeds)
        for name, changes in named.items()
        if name not in SIDES
    ]


def well(seeds: int) -> list[Experiment]:
    """The network trained well; and in fewer epochs, whole and without its two layers."""
    whole = [Experiment(Recipe(seed=seed, **WELL), "grouped") for seed in range(seeds)]
    return whole + [
        Experiment(Recipe(seed=seed, **changes), split)
        for seed in range(seeds)
        for split in ("grouped", "random")
        for changes in without_layers(SHORT).values()
    ]


def joint_loss(seeds: int) -> list[Experiment]:
    """Chapter 4: beta and the readings of eq. 4, beside what practitioners use.

    The network is `skinlib.models.small`, so that a run takes seconds.
    """
    small = Recipe(model="small", epochs=10, batch_size=16, learning_rate=1e-3, beta=0.0)
    settings: list[dict[str, Any]] = [{}, {"class_weights": "balanced"}, {"sampling": "balanced"}]
    settings.append({"beta": 1.0, "focal_reduction": "mean"})
    for beta in (0.0002, 0.02, 0.5):
        for reading in ("mean", "batch_sum", "dataset_sum"):
            settings.append({"beta": beta, "focal_reduction": reading})
    return [
        Experiment(replace(small, seed=seed, **changes), "grouped", test=0.4)
        for seed in range(seeds)
        for changes in settings
    ]


EXPERIMENTS: dict[str, Callable[[int], list[Experiment]]] = {
    "table1": table1,
    "grouped": grouped,
    "averages": averages,
    "ablation": ablation,
    "readings": readings,
    "ingredients": ingredients,
    "well": well,
    "joint_loss": joint_loss,
}
"""Name of a list -> a function that makes it for a number of seeds."""
