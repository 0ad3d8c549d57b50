"""Everything that determines a run, given a data set and a split."""

import inspect
import json
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, model_validator
from pydantic.dataclasses import dataclass

from skinlib.data.batches import Sampling
from skinlib.data.dataset import CLASSES
from skinlib.models import BUILDERS

Share = Annotated[float, Field(ge=0, le=1)]
Dtype = Literal["float32", "mixed_float16", "mixed_bfloat16"]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
PerClass = Annotated[
    tuple[NonNegative, ...], Field(min_length=len(CLASSES), max_length=len(CLASSES))
]


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid", strict=True))
class Recipe:
    """How a network is trained. Every field is checked when a recipe is made.

    The defaults are the paper's (section 3): batch 32, 20 epochs, Adam at 2e-4, the joint loss of
    eq. 5. What the paper leaves open is argued in the chapters 4 to 6.

    Attributes:
        model: a name in `skinlib.models.BUILDERS`.
        options: keyword arguments of the model.
        seed: of the weights, the shuffling and dropout.
        epochs: how often the training images are seen.
        batch_size: images per step.
        learning_rate: Adam's.
        beta: share of the focal loss in eq. 5; 0 is cross-entropy (eq. 3), 1 the focal loss.
        focusing: the exponent of eq. 4.
        alpha: of eq. 4, one number or one per class.
        focal_reduction: the reading of eq. 4's sum, see `skinlib.losses.JointLoss`.
        class_weights: "balanced" weighs each class by the inverse of its frequency.
        sampling: with replacement; "balanced" draws each class equally often, "root" by the root of
            its frequency.
        augment: flips and quarter turns of the training images.
        jitter: shifts them by up to this share of their sides, and changes brightness and contrast
            by up to as much.
        mixup: alpha of Zhang et al. (2018): mixes pairs of images and of labels; 0 mixes none.
        label_smoothing: share of a label that is spread over all classes (Szegedy et al. 2016).
        schedule: "cosine" raises the learning rate over the first twentieth of the steps and lowers
            it to 0 along half a cosine (Loshchilov and Hutter 2017).
        weight_decay: per step and unit of learning rate, of kernels only (Loshchilov and Hutter
            2019).
        ema: momentum of an exponential moving average of the weights, which takes their place at
            the end (Polyak and Juditsky 1992); 0 keeps the last ones.
        new_averages: those of batch normalisation are made anew after training, see
            `skinlib.training.averages`.
        test_time_augmentation: answers are means over the eight flips and turns of an image.
        logit_adjustment: tau of Menon et al. (2021): divides each answer by the class's frequency
            in the training part to this power.
        dtype: Keras' dtype policy; the mixed ones compute in 16 bits.

    Raises:
        pydantic.ValidationError: a ValueError that names each field that is wrong.
    """

    model: str = "proposed"
    options: dict[str, Any] = Field(default_factory=dict)
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    epochs: Annotated[int, Field(ge=1)] = 20
    batch_size: Annotated[int, Field(ge=1)] = 32
    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 2e-4
    beta: Share = 0.0002
    focusing: NonNegative = 3.0
    alpha: NonNegative | PerClass = 1.0
    focal_reduction: Literal["batch_sum", "mean", "dataset_sum"] = "batch_sum"
    class_weights: Literal["balanced"] | None = None
    sampling: Sampling = "natural"
    augment: bool = False
    jitter: Share = 0.0
    mixup: Share = 0.0
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    schedule: Literal["constant", "cosine"] = "constant"
    weight_decay: NonNegative = 0.0
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.0
    new_averages: bool = False
    test_time_augmentation: bool = False
    logit_adjustment: NonNegative = 0.0
    dtype: Dtype = "float32"

    @model_validator(mode="after")
    def _check_options(self) -> "Recipe":
        if self.model not in BUILDERS:
            raise ValueError(f"model: expected one of {', '.join(BUILDERS)}, got {self.model!r}")
        parameters = inspect.signature(BUILDERS[self.model]).parameters
        known = {n: p for n, p in parameters.items() if p.kind is p.KEYWORD_ONLY}
        for name, value in self.options.items():
            if name not in known:
                raise ValueError(
                    f"options of {self.model}: expected one of {', '.join(known) or 'none'}, "
                    f"got {name!r}"
                )
            try:
                as_json = json.dumps(value)
                TypeAdapter(known[name].annotation).validate_json(as_json, strict=True)
            except ValueError:
                raise ValueError(
                    f"options of {self.model}: {name}: expected {known[name].annotation}, "
                    f"got {value!r}"
                ) from None
        return self

    @property
    def variant(self) -> str:
        """What is trained, in words: 'alexnet', 'proposed without attention, epochs=60'.

        The paper's own setting of a network is its bare name; the seed and the dtype do not count.
        """
        paper = Recipe(model=self.model, beta=PAPER_BETA.get(self.model, 0.0))
        changes = {
            name: value
            for name, value in vars(self).items()
            if name not in ("model", "options", "seed", "dtype") and value != getattr(paper, name)
        }
        default = inspect.signature(BUILDERS[self.model]).parameters
        changes |= {n: v for n, v in self.options.items() if v != default[n].default}
        without = [part for part in ("deformable", "attention") if changes.get(part) is False]
        if self.model == "proposed" and self.beta == 0:
            without.append("joint loss")
            del changes["beta"]
        words = " and ".join(without)
        others = [f"{n}={v}" for n, v in changes.items() if n not in ("deformable", "attention")]
        return ", ".join([f"{self.model} without {words}" if words else self.model, *others])


PAPER_BETA = {"proposed": 0.0002}
"""Network -> beta in the paper; "all compared algorithms use the cross-entropy loss" (3.2)."""
