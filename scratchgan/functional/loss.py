"""Losses that compare a prediction with a target; differentiable in both, and in their weights.

Probabilities enter as logits wherever that is possible: log σ and log softmax are computed whole, never as the
logarithm of a probability that has already been rounded to 0 or 1.
"""

import numpy as np

from scratchgan.backend import array_like
from scratchgan.functional.elementwise import abs, agreed, clamp, mul, operand, softplus, where
from scratchgan.functional.reduce import log_softmax
from scratchgan.tensor import Tensor, floating, no_tensor, record


def mse_loss(input, target, *, reduction="mean"):
    """(x − t)²."""
    input, target = _compared("mse_loss", input, target)
    difference = input - target
    return _reduced(difference * difference, reduction)


def l1_loss(input, target, *, reduction="mean"):
    """|x − t|."""
    input, target = _compared("l1_loss", input, target)
    return _reduced(abs(input - target), reduction)


def binary_cross_entropy(input, target, weight=None, *, reduction="mean"):
    """−[t log x + (1 − t) log(1 − x)] for probabilities x in [0, 1]; logarithms are kept ≥ −100.

    Prefer `binary_cross_entropy_with_logits`: a probability that has been rounded to 0 or 1 has lost its gradient.

    Raises
    ------
    ValueError
        For x outside [0, 1], or shapes that differ.
    """
    input, target = _compared("binary_cross_entropy", input, target)
    x = input.data
    if x.size and not (0 <= x.min() and x.max() <= 1):
        raise ValueError(
            f"binary_cross_entropy: probabilities lie in [0, 1], got {x.min()}…{x.max()}; "
            "for logits use binary_cross_entropy_with_logits"
        )
    loss = -(target * _clamped_log(input) + (1 - target) * _clamped_log(1 - input))
    return _reduced(_weighed(weight, loss), reduction)


def _clamped_log(input):
    """max(log x, −100), whose slope 1/x is limited to 10¹²."""
    with np.errstate(divide="ignore"):
        value = np.maximum(np.log(input.data), -100)
    return record(value, (input, lambda g, y: g / clamp(input, min=1e-12)))


def binary_cross_entropy_with_logits(input, target, weight=None, *, reduction="mean", pos_weight=None):
    """−[p t log σ(x) + (1 − t) log(1 − σ(x))] for logits x; p (``pos_weight``) weighs the positive class.

    With ζ the softplus, −log σ(x) = ζ(−x) and −log(1 − σ(x)) = ζ(x): no digit of either tail is lost.
    """
    input, target = _compared("binary_cross_entropy_with_logits", input, target)
    positive = target if pos_weight is None else target * pos_weight
    loss = _weighed(positive, softplus(-input, threshold=np.inf))
    loss = loss + _weighed(1 - target, softplus(input, threshold=np.inf))
    return _reduced(_weighed(weight, loss), reduction)


def _weighed(weight, loss):
    """weight · loss, where what weighs nothing adds nothing, even if it is infinite: 0 · ∞ is 0 here."""
    if weight is None:
        return loss
    weight = operand(weight)
    nothing = (weight.data == 0) & np.isinf(loss.data)
    if nothing.shape != loss.shape:
        raise ValueError(f"a weight of shape {weight.shape} would make losses of shape {loss.shape} {nothing.shape}")
    return mul(weight, where(nothing, 0.0, loss))


def cross_entropy(input, target, weight=None, *, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    """−Σ_c w_c q_c log softmax(x)_c, where a label is the distribution q that puts all its mass on one class.

    Parameters
    ----------
    input : Tensor, (C,), (N, C) or (N, C, …)
        Logits.
    target : Tensor
        Integer labels (N, …), or probabilities of the shape of ``input``.
    weight : Tensor, (C,), optional
        Of each class. The mean of labels is weighted by it.
    ignore_index : int
        A label that does not count.
    label_smoothing : float
        ε in q ← (1 − ε) q + ε / C.

    Raises
    ------
    ValueError
        For shapes that do not fit, or a label outside 0 … C − 1.
    """
    floating(**{"cross_entropy: input": input})
    if not isinstance(target, Tensor):
        raise no_tensor("cross_entropy: target", target)
    axis = min(input.ndim - 1, 1)
    classes = input.shape[axis]
    labelled = target.dtype.kind in "iu"
    counted, q = _one_hot(input, target, axis, ignore_index) if labelled else (1.0, target)
    input, q = _compared("cross_entropy", input, q)
    smooth = q if not label_smoothing else q * (1 - label_smoothing) + counted * (label_smoothing / classes)
    if weight is not None and weight.shape != (classes,):
        raise ValueError(f"cross_entropy: a weight of shape {weight.shape} does not fit {classes} classes")
    per_class = 1.0 if weight is None else weight.reshape(-1, *(1,) * (input.ndim - 1 - axis))
    loss = -_weighed(per_class * smooth, log_softmax(input, axis)).sum(axis)
    if reduction != "mean":
        return _reduced(loss, reduction)
    return loss.sum() / (per_class * q).sum() if labelled else loss.mean()


def _one_hot(input, target, axis, ignore_index):
    """Labels as distributions, all zero where ignored, and a mask of those that count (with a class axis of 1)."""
    labels, classes = np.expand_dims(target.data, axis), input.shape[axis]
    if (*input.shape[:axis], *input.shape[axis + 1 :]) != target.shape:
        raise ValueError(f"cross_entropy: labels of shape {target.shape} do not fit logits of shape {input.shape}")
    counted = labels != ignore_index
    wrong = counted & ((labels < 0) | (labels >= classes))
    if wrong.any():
        raise ValueError(f"cross_entropy: label {labels[wrong][0]} is outside the classes 0…{classes - 1}")
    numbers = np.arange(classes).reshape(-1, *(1,) * (input.ndim - 1 - axis))
    hot = (labels == array_like(numbers, labels)) & counted
    return Tensor(counted.astype(input.dtype)), Tensor(hot.astype(input.dtype))


def _compared(name, input, target):
    """The two sides of a loss, of one shape and one floating dtype."""
    for role, x in (("input", input), ("target", target)):
        if not isinstance(x, Tensor):
            raise no_tensor(f"{name}: {role}", x)
    if input.shape != target.shape:
        raise ValueError(f"{name}: input of shape {input.shape} and target of shape {target.shape} differ")
    input, target = agreed(input, target)
    floating(**{f"{name}: input": input})
    return input, target


def _reduced(loss, reduction):
    """The loss itself ("none"), its "sum" or its "mean"."""
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f'reduction must be "none", "mean" or "sum", not {reduction!r}')
    return loss if reduction == "none" else getattr(loss, reduction)()
