"""Cross-entropy, focal loss, and the joint loss of the two: eq. 3 to 5 of Cao et al. (2024).

The focal loss is that of Lin et al. (2017), arXiv 1708.02002.
"""

from collections.abc import Sequence
from typing import Literal

import keras
from keras import ops

TINY = 1.1754944e-38
"""The smallest normal float32."""


def cross_entropy(
    y_true: keras.KerasTensor, y_pred: keras.KerasTensor, from_logits: bool = False
) -> keras.KerasTensor:
    """-log p of the true class, the summand of eq. 3: a number a sample, (N,).

    Args:
        y_true: one-hot labels (N, C), or class indices (N,).
        y_pred: probabilities (N, C) that sum to 1, or logits.
        from_logits: whether `y_pred` are logits.
    """
    log_p, _ = _log_probabilities(*_prepare(y_true, y_pred), from_logits)
    return -log_p


def focal_loss(
    y_true: keras.KerasTensor,
    y_pred: keras.KerasTensor,
    focusing: float = 3.0,
    alpha: float | Sequence[float] = 1.0,
    from_logits: bool = False,
) -> keras.KerasTensor:
    """-alpha (1 - p)^focusing log p of the true class, the summand of eq. 4: (N,).

    It is never more than alpha times the cross-entropy.

    Args:
        y_true: one-hot labels (N, C), or class indices (N,).
        y_pred: probabilities (N, C) that sum to 1, or logits.
        focusing: 0 or more; the larger, the less a sample counts whose class is nearly certain.
        alpha: a number, or one a class.
        from_logits: whether `y_pred` are logits.
    """
    y_true, y_pred = _prepare(y_true, y_pred)
    log_p, log_rest = _log_probabilities(y_true, y_pred, from_logits)
    return -_per_sample(y_true, alpha) * ops.exp(focusing * log_rest) * log_p


@keras.saving.register_keras_serializable(package="skinlib")
class JointLoss(keras.losses.Loss):
    """(1 - beta) cross-entropy + beta focal loss: eq. 5.

    Eq. 3 is a mean over samples, eq. 4 is a sum, and the paper does not say over what. So the
    reading is an argument. Each returns, after Keras's mean over the batch:

    - "batch_sum": eq. 4 as printed, with the batch for N. The term grows with the batch.
    - "mean": eq. 4 with the 1/N of eq. 3, as focal losses usually are.
    - "dataset_sum": the batch's estimate of the sum over all training samples: its mean times
      their number.

    Args:
        beta: share of the focal term, 0 to 1.
        focusing, alpha: as for `focal_loss`.
        class_weights: one a class; multiplies both terms of a sample of that class.
        focal_reduction: the reading of eq. 4.
        dataset_size: the number of training samples, for "dataset_sum" only.
        from_logits: whether predictions are logits rather than probabilities.
        **kwargs: `name`, `reduction` and `dtype`, as for every Keras loss.

    Raises:
        ValueError: if `beta` is not a share, the reading is unknown, or `dataset_size` is missing
            or without use.

    Example:
        model.compile(optimizer="adam", loss=JointLoss(focal_reduction="mean"))
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
            raise ValueError(f"beta is a share from 0 to 1, got {beta}")
        if focal_reduction not in ("batch_sum", "mean", "dataset_sum"):
            raise ValueError(
                f'focal_reduction is "batch_sum", "mean" or "dataset_sum", got {focal_reduction!r}'
            )
        if (focal_reduction == "dataset_sum") != (dataset_size is not None):
            raise ValueError(
                'dataset_size goes with focal_reduction="dataset_sum" and with no other, '
                f"got {dataset_size} with {focal_reduction!r}"
            )
        self.beta = beta
        self.focusing = focusing
        self.alpha, self.class_weights = (  # JSON, for saving, knows no arrays
            value.tolist() if hasattr(value, "tolist") else value
            for value in (alpha, class_weights)
        )
        self.focal_reduction = focal_reduction
        self.dataset_size = dataset_size
        self.from_logits = from_logits

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        """The loss of each sample, (N,), such that their mean is eq. 5."""
        y_true, y_pred = _prepare(y_true, y_pred)
        cross = cross_entropy(y_true, y_pred, self.from_logits)
        focal = focal_loss(y_true, y_pred, self.focusing, self.alpha, self.from_logits)
        if self.focal_reduction == "batch_sum":
            focal *= ops.cast(_batch_size(focal), focal.dtype)
        elif self.focal_reduction == "dataset_sum":
            focal *= self.dataset_size
        joint = (1 - self.beta) * cross + self.beta * focal
        if self.class_weights is not None:
            joint *= _per_sample(y_true, self.class_weights)
        return joint

    def get_config(self) -> dict:
        """The arguments, for saving."""
        return {
            **super().get_config(),
            "beta": self.beta,
            "focusing": self.focusing,
            "alpha": self.alpha,
            "class_weights": self.class_weights,
            "focal_reduction": self.focal_reduction,
            "dataset_size": self.dataset_size,
            "from_logits": self.from_logits,
        }


def _batch_size(samples):
    """Of the whole batch: TensorFlow shows each of several devices its own part only."""
    if keras.backend.backend() != "tensorflow":
        return ops.shape(samples)[0]
    import tensorflow as tf

    return ops.shape(samples)[0] * tf.distribute.get_strategy().num_replicas_in_sync


def _prepare(y_true, y_pred):
    """One-hot labels and predictions, both (N, C), in float32 or float64.

    Raises:
        ValueError: if labels are neither (N,) nor (N, C).
    """
    y_pred = ops.convert_to_tensor(y_pred)
    dtype = keras.backend.result_type(y_pred.dtype, "float32")
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.cast(y_pred, dtype)
    if len(y_true.shape) == 2 and y_true.shape[-1] != y_pred.shape[-1]:
        raise ValueError(
            f"labels: expected (N,) class indices or one-hot rows as long as the predictions, "
            f"got {tuple(y_true.shape)} for predictions {tuple(y_pred.shape)}"
        )
    if len(y_true.shape) < len(y_pred.shape):
        y_true = ops.one_hot(ops.cast(y_true, "int32"), y_pred.shape[-1])
    return ops.cast(y_true, dtype), y_pred


def _log_probabilities(y_true, y_pred, from_logits):
    """log p and log(1 - p) of the true class, (N,) each.

    Finite, with finite gradients. 1 - p is a sum over the other classes, which does not cancel.
    A probability of 0, from a logit some 87 below the largest, counts as the smallest normal
    number and has no gradient; logits have no such limit.
    """
    true = y_true > 0
    if from_logits:
        log = ops.log_softmax(y_pred, axis=-1)
        others = ops.where(true, ops.full_like(log, -1e30), log)
        return ops.sum(ops.where(true, log, 0.0), axis=-1), ops.logsumexp(others, axis=-1)
    p = ops.sum(ops.where(true, y_pred, 0.0), axis=-1)
    rest = ops.sum(ops.where(true, 0.0, y_pred), axis=-1)
    return ops.log(ops.maximum(p, TINY)), ops.log(ops.maximum(rest, TINY))


def _per_sample(y_true, values):
    """A number, or the one of each sample's class."""
    values = ops.convert_to_tensor(values, dtype=y_true.dtype)
    return ops.sum(y_true * values, axis=-1)
