"""Cross-entropy, focal loss, and the joint loss of the two: eq. 3 to 5 of Cao et al. (2024).

The focal loss is that of Lin et al. (2017), arXiv 1708.02002.
"""

from collections.abc import Sequence
from typing import Literal

import keras
import numpy as np
from keras import KerasTensor, ops

TINY = 1.1754944e-38
"""The smallest normal float32."""


def cross_entropy(
    y_true: KerasTensor, y_pred: KerasTensor, from_logits: bool = False
) -> KerasTensor:
    """-sum over c of y_c log p_c, the summand of eq. 3: one number per sample, (N,).

    Args:
        y_true: y, one-hot labels (N, C), or shares of classes (N, C) as label smoothing gives them,
            or class indices (N,). The loss of an index that is no class is NaN.
        y_pred: probabilities p, (N, C), that sum to 1, or logits.
        from_logits: whether `y_pred` are logits.

    Raises:
        ValueError: if the shapes do not fit.
    """
    y, y_pred = _prepare(y_true, y_pred)
    log_p, _ = _log_probabilities(y_pred, from_logits)
    return -ops.sum(y * log_p, axis=-1)


def focal_loss(
    y_true: KerasTensor,
    y_pred: KerasTensor,
    focusing: float = 3.0,
    alpha: float | Sequence[float] = 1.0,
    from_logits: bool = False,
) -> KerasTensor:
    """-sum over c of y_c alpha_c (1 - p_c)^focusing log p_c, the summand of eq. 4: (N,).

    It is never more than alpha times the cross-entropy.

    Args:
        y_true: as for `cross_entropy`.
        y_pred: as for `cross_entropy`.
        focusing: 0 or more; the larger, the less a sample counts whose class is nearly certain.
        alpha: one number, or one per class.
        from_logits: whether `y_pred` are logits.

    Raises:
        ValueError: if the shapes do not fit, or `focusing` is negative.
    """
    _check_focusing(focusing)
    y, y_pred = _prepare(y_true, y_pred)
    log_p, log_rest = _log_probabilities(y_pred, from_logits)
    alpha = _per_class("alpha", alpha, y)
    return -ops.sum(y * alpha * ops.exp(focusing * log_rest) * log_p, axis=-1)


@keras.saving.register_keras_serializable(package="skinlib")
class JointLoss(keras.losses.Loss):
    """(1 - beta) cross-entropy + beta focal loss: eq. 5.

    Eq. 3 is a mean over samples, eq. 4 is a sum, and the paper does not say over what. So the
    reading is an argument. Each returns, after Keras's mean over the batch:

    - "batch_sum": eq. 4 as printed, with the batch for N. The term grows with the batch.
    - "mean": eq. 4 with the 1/N of eq. 3, as focal losses usually are.
    - "dataset_sum": the batch's estimate of the sum over all training samples: its mean times their
      number.

    Args:
        beta: share of the focal term, 0 to 1.
        focusing, alpha: as for `focal_loss`.
        class_weights: one number per class; multiplies both terms of a sample of that class.
        focal_reduction: the reading of eq. 4.
        dataset_size: the number of training samples, for "dataset_sum" only.
        from_logits: whether predictions are logits rather than probabilities.
        **kwargs: `name`, `reduction` and `dtype`, as for every Keras loss.

    Raises:
        ValueError: if an argument is out of its range, or `dataset_size` is missing or without use.
            When called: if the shapes of labels, predictions or numbers per class do not fit.
    """

    def __init__(
        self,
        beta: float = 0.0002,
        focusing: float = 3.0,
        alpha: float | Sequence[float] = 1.0,
        class_weights: Sequence[float] | None = None,
        focal_reduction: Literal["batch_sum", "mean", "dataset_sum"] = "batch_sum",
        dataset_size: int | None = None,
        from_logits: bool = False,
        name: str = "joint_loss",
        **kwargs: object,
    ):
        super().__init__(name=name, **kwargs)
        if not 0 <= beta <= 1:
            raise ValueError(f"beta: expected a share from 0 to 1, got {beta}")
        _check_focusing(focusing)
        if focal_reduction not in ("batch_sum", "mean", "dataset_sum"):
            raise ValueError(
                'focal_reduction: expected "batch_sum", "mean" or "dataset_sum", '
                f"got {focal_reduction!r}"
            )
        if (focal_reduction == "dataset_sum") != (dataset_size is not None):
            raise ValueError(
                'dataset_size goes with focal_reduction="dataset_sum" and with no other, '
                f"got {dataset_size} with {focal_reduction!r}"
            )
        if dataset_size is not None and dataset_size < 1:
            raise ValueError(f"dataset_size: expected 1 or more, got {dataset_size}")
        self.beta = beta
        self.focusing = focusing
        self.alpha = np.asarray(alpha).tolist()  # JSON, for saving, knows no arrays
        self.class_weights = np.asarray(class_weights).tolist()  # or None
        self.focal_reduction = focal_reduction
        self.dataset_size = dataset_size
        self.from_logits = from_logits

    def call(self, y_true: KerasTensor, y_pred: KerasTensor) -> KerasTensor:
        """The loss of each sample, (N,), such that their mean is eq. 5."""
        y_true, y_pred = _prepare(y_true, y_pred)
        if self.class_weights is not None:
            y_true = y_true * _per_class("class_weights", self.class_weights, y_true)
        cross = cross_entropy(y_true, y_pred, self.from_logits)  # (N,), eq. 3
        # (N,), eq. 4
        focal = focal_loss(y_true, y_pred, self.focusing, self.alpha, self.from_logits)
        if self.focal_reduction == "batch_sum":
            focal *= ops.cast(ops.shape(focal)[0], focal.dtype)  # N, which the mean divides by
        elif self.focal_reduction == "dataset_sum":
            focal *= self.dataset_size
        return (1 - self.beta) * cross + self.beta * focal  # eq. 5

    def get_config(self) -> dict:
        names = ("beta", "focusing", "alpha", "class_weights", "focal_reduction", "dataset_size")
        own = {name: getattr(self, name) for name in (*names, "from_logits")}
        return super().get_config() | own


def _check_focusing(focusing: float) -> None:
    if not focusing >= 0:
        raise ValueError(f"focusing: expected 0 or more, got {focusing}")


def _prepare(y_true, y_pred):
    """Shares of classes y and predictions, both (N, C), in float32 or float64."""
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    if len(y_pred.shape) != 2 or y_pred.shape[-1] < 2:
        raise ValueError(
            "predictions: expected (N, C), one column per class and two classes or more, "
            f"got {tuple(y_pred.shape)}"
        )
    classes = y_pred.shape[-1]
    fits = len(y_true.shape) > 0 and tuple(y_true.shape[1:]) in ((), (classes,))
    if not fits or len({y_true.shape[0], y_pred.shape[0]} - {None}) > 1:
        raise ValueError(
            "labels: expected (N,) class indices or rows as long as the predictions, "
            f"got {tuple(y_true.shape)} for predictions {tuple(y_pred.shape)}"
        )
    dtype = keras.backend.result_type(y_pred.dtype, "float32")
    if len(y_true.shape) == 1:
        index = ops.cast(y_true, "int32")
        known = (index >= 0) & (index < classes)  # (N,)
        y_true = ops.where(known[:, None], ops.one_hot(index, classes, dtype=dtype), float("nan"))
    return ops.cast(y_true, dtype), ops.cast(y_pred, dtype)


def _log_probabilities(y_pred, from_logits):
    """log p and log(1 - p) of each class, (N, C) each.

    Finite, with finite gradients. 1 - p is a sum over the other classes, which does not cancel. A
    probability of 0 counts as the smallest normal number and has no gradient; so does an infinite
    logit as 1e30.
    """
    itself = ops.eye(y_pred.shape[-1], dtype="bool")  # (C, C)
    if from_logits:
        log_p = ops.log_softmax(ops.clip(y_pred, -1e30, 1e30), axis=-1)
        others = ops.where(itself, -1e30, log_p[:, None, :])  # (N, C, C)
        return log_p, ops.logsumexp(others, axis=-1)
    rest = ops.sum(ops.where(itself, 0.0, y_pred[:, None, :]), axis=-1)  # (N, C)
    return ops.log(ops.maximum(y_pred, TINY)), ops.log(ops.maximum(rest, TINY))


def _per_class(name, values, y):
    """One number, or one per class: () or (C,)."""
    values = ops.convert_to_tensor(values, dtype=y.dtype)
    if tuple(values.shape) not in ((), (y.shape[-1],)):
        raise ValueError(
            f"{name}: expected one number per class, {y.shape[-1]}, got {tuple(values.shape)}"
        )
    return values
