"""Cases of every differentiable function: what to call, and with which arrays.

A case's function takes one Tensor for each of its arrays, and *every* floating array is an argument to differentiate:
targets, weights, biases and running statistics as much as inputs. Integer and boolean arrays are constants.

The arrays stay in the domain of the function (positive under a logarithm) and away from its kinks, where a finite
difference would see two slopes: `away` keeps |x| > 0.1, `distinct` keeps elements 0.3 apart, so that no maximum ties.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from scratchgan import functional as F
from scratchgan.functional.normalize import pixel_norm
from scratchgan.functional.resample import blur
from scratchgan.hints import Function, Random

# Recipes for arrays --------------------------------------------------------------------------------------------------

Recipe = Callable[[Random], np.ndarray]


def normal(*shape: int) -> Recipe:
    """Standard normal."""
    return lambda rng: rng.standard_normal(shape)


def uniform(low: float, high: float, *shape: int) -> Recipe:
    """Uniform between two numbers."""
    return lambda rng: rng.uniform(low, high, shape)


def positive(*shape: int) -> Recipe:
    """Uniform between ½ and 2."""
    return uniform(0.5, 2, *shape)


def away(*shape: int) -> Recipe:
    """Of both signs, with |x| > 0.1."""
    return lambda rng: np.asarray(rng.uniform(0.2, 2, shape) * rng.choice([-1.0, 1.0], shape))


def distinct(*shape: int, offset: float = 0.0) -> Recipe:
    """Of both signs and all 0.3 apart; two arrays whose offsets differ by 0.15 have no element in common either."""

    def draw(rng):
        count = int(np.prod(shape))
        return (0.3 * (rng.permutation(count) - count // 2) + 0.12 + offset).reshape(shape)

    return draw


def fixed(values: ArrayLike) -> Recipe:
    """Given integers or booleans: indices, labels, masks."""
    return lambda rng: np.array(values)


MASK = fixed([[True, False, True], [False, False, True]])
LABELS = fixed([2, 0, 1, 2])
MAP_LABELS = fixed([[[2, 0, 1], [1, 1, 0]], [[0, 2, 2], [1, 0, 2]]])  # (N, H, W) = (2, 2, 3)

# The table -----------------------------------------------------------------------------------------------------------

TABLE = {
    # Arithmetic
    "add": {
        "equal shapes": (F.add, normal(2, 3), normal(2, 3)),
        "broadcast both": (F.add, normal(2, 1, 3), normal(4, 1)),
        "0-d": (F.add, normal(), normal(2)),
        "number": (lambda x: 2 + F.add(x, 3), normal(2, 3)),
        "alpha": (lambda x, y: F.add(x, y, alpha=-2.5), normal(2, 3), normal(3)),
        "to itself": (lambda x: F.add(x, x), normal(3)),
    },
    "sub": {
        "equal shapes": (F.sub, normal(2, 3), normal(2, 3)),
        "broadcast both": (F.sub, normal(3, 1), normal(1, 4)),
        "number": (lambda x: 2 - F.sub(x, 3), normal(2, 3)),
        "alpha": (lambda x, y: F.sub(x, y, alpha=3), normal(1), normal(2, 3)),
    },
    "mul": {
        "equal shapes": (F.mul, normal(2, 3), normal(2, 3)),
        "broadcast both": (F.mul, normal(2, 1, 3), normal(4, 1)),
        "0-d": (F.mul, normal(), normal(2, 2)),
        "number": (lambda x: 2 * F.mul(x, 0.5), normal(2, 3)),
        "by itself": (lambda x: F.mul(x, x), normal(3)),
    },
    "div": {
        "equal shapes": (F.div, normal(2, 3), away(2, 3)),
        "broadcast both": (F.div, normal(2, 1), away(1, 3)),
        "number": (lambda x: 2 / F.div(x, 3), away(2, 3)),
        "0-d": (F.div, normal(2), away()),
    },
    "neg": {"2-d": (F.neg, normal(2, 3)), "0-d": (F.neg, normal())},
    "pow": {
        "cube of both signs": (lambda x: F.pow(x, 3), away(2, 3)),
        "square": (lambda x: x**2, normal(2, 3)),
        "first power": (lambda x: F.pow(x, 1), normal(3)),
        "power zero": (lambda x: F.pow(x, 0), normal(3)),
        "inverse": (lambda x: F.pow(x, -1), away(3)),
        "root": (lambda x: F.pow(x, 0.5), positive(2, 3)),
        "number to a tensor": (lambda p: 3**p, normal(2, 3)),
        "tensor to a tensor": (F.pow, positive(2, 1), normal(1, 3)),
        "0-d exponent": (F.pow, positive(2, 3), normal()),
    },
    # Functions of one argument
    "exp": {"2-d": (F.exp, normal(2, 3)), "0-d": (F.exp, normal())},
    "log": {"2-d": (F.log, positive(2, 3)), "0-d": (F.log, positive())},
    "sqrt": {"2-d": (F.sqrt, positive(2, 3)), "0-d": (F.sqrt, positive())},
    "abs": {"2-d": (F.abs, away(2, 3)), "0-d": (F.abs, away())},
    "sigmoid": {
        "2-d": (F.sigmoid, normal(2, 3)),
        "0-d": (F.sigmoid, normal()),
        "tails": (F.sigmoid, uniform(-9, 9, 6)),
    },
    "tanh": {"2-d": (F.tanh, normal(2, 3)), "0-d": (F.tanh, normal())},
    "relu": {"2-d": (F.relu, away(2, 3)), "0-d": (F.relu, away())},
    "leaky_relu": {
        "default": (F.leaky_relu, away(2, 3)),
        "slope 0.2": (lambda x: F.leaky_relu(x, 0.2), away(2, 3)),
        "slope above 1": (lambda x: F.leaky_relu(x, 1.5), away(2, 3)),
        "negative slope": (lambda x: F.leaky_relu(x, -0.3), away(5)),
        "slope 0": (lambda x: F.leaky_relu(x, 0), away(5)),
    },
    "elu": {
        "default": (F.elu, away(2, 3)),
        "alpha": (lambda x: F.elu(x, alpha=1.7), away(2, 3)),
        "0-d": (F.elu, away()),
    },
    "prelu": {
        "one weight": (F.prelu, away(2, 3), normal(1)),
        "one for each channel": (F.prelu, away(2, 3, 2, 2), normal(3)),
        "0-d weight": (F.prelu, away(2, 3), normal()),
        "vector": (F.prelu, away(4), normal(1)),
        "0-d input": (F.prelu, away(), normal(1)),
    },
    "softplus": {
        "default": (F.softplus, normal(2, 3)),
        "beta": (lambda x: F.softplus(x, beta=2.5), normal(2, 3)),
        "beyond the threshold": (lambda x: F.softplus(x, threshold=0), away(6)),
        "large": (F.softplus, uniform(-30, 30, 6)),
    },
    # Functions that choose
    "where": {
        "equal shapes": (F.where, MASK, normal(2, 3), normal(2, 3)),
        "broadcast branches": (F.where, MASK, normal(3), normal(2, 1)),
        "broadcast mask": (F.where, fixed([True, False, True]), normal(2, 3), normal()),
        "number": (lambda mask, x: F.where(mask, x, 0.5) * F.where(mask, 2, x), MASK, normal(2, 3)),
    },
    "maximum": {
        "equal shapes": (F.maximum, distinct(2, 3), distinct(2, 3, offset=0.15)),
        "broadcast both": (F.maximum, distinct(2, 1, 3), distinct(4, 1, offset=0.15)),
        "number": (lambda x: F.maximum(x, 0.0), away(2, 3)),
    },
    "minimum": {
        "equal shapes": (F.minimum, distinct(2, 3), distinct(2, 3, offset=0.15)),
        "broadcast both": (F.minimum, distinct(2, 1, 3), distinct(4, 1, offset=0.15)),
        "number": (lambda x: F.minimum(0.0, x), away(2, 3)),
    },
    "clamp": {
        "both": (lambda x: F.clamp(x, -0.3, 0.9), distinct(2, 5)),
        "below": (lambda x: F.clamp(x, min=0), away(2, 3)),
        "above": (lambda x: F.clamp(x, max=0), away(2, 3)),
        "tensors": (F.clamp, distinct(2, 5), uniform(-0.4, -0.35, 5), uniform(0.8, 0.85, 2, 1)),
        "empty interval": (lambda x: F.clamp(x, min=1.05, max=-0.33) * x, distinct(5)),
    },
    "dropout": {
        "default": (lambda x: F.dropout(x, rng=np.random.default_rng(1)), normal(3, 4)),
        "p 0.2": (lambda x: F.dropout(x, 0.2, rng=np.random.default_rng(1)) * x, normal(3, 4)),
        "p 0": (lambda x: F.dropout(x, 0.0), normal(3)),
        "p 1": (lambda x: F.dropout(x, 1.0), normal(3)),
        "evaluation": (lambda x: F.dropout(x, training=False), normal(3)),
    },
    # Reductions
    "sum": {
        "all": (F.sum, normal(2, 3)),
        "axis": (lambda x: F.sum(x, 1), normal(2, 3, 2)),
        "axes kept": (lambda x: F.sum(x, (0, -1), keepdim=True), normal(2, 3, 2)),
        "0-d": (F.sum, normal()),
        "axis of length 1": (lambda x: x.sum(axis=1, keepdims=True), normal(2, 1, 3)),
    },
    "mean": {
        "all": (F.mean, normal(2, 3)),
        "axis": (lambda x: F.mean(x, -1), normal(2, 3)),
        "axes kept": (lambda x: F.mean(x, (0, 2), keepdim=True), normal(2, 3, 2)),
        "0-d": (F.mean, normal()),
    },
    "var": {
        "all": (F.var, normal(2, 3)),
        "axis": (lambda x: F.var(x, 1), normal(2, 3)),
        "biased": (lambda x: F.var(x, (0, 2), unbiased=False, keepdim=True), normal(2, 3, 2)),
        "correction": (lambda x: F.var(x, 0, correction=2), normal(4, 2)),
        "one element": (lambda x: F.var(x, 0, correction=0), normal(1, 3)),
    },
    "std": {
        "all": (F.std, normal(2, 3)),
        "axis": (lambda x: F.std(x, 1), normal(2, 3)),
        "biased": (lambda x: F.std(x, (0, 2), unbiased=False, keepdim=True), normal(2, 3, 2)),
        "correction": (lambda x: F.std(x, 0, correction=2), normal(4, 2)),
    },
    "amax": {
        "all": (F.amax, distinct(2, 3)),
        "axis": (lambda x: F.amax(x, 1), distinct(2, 3)),
        "axes kept": (lambda x: F.amax(x, (0, -1), keepdim=True), distinct(2, 3, 2)),
        "0-d": (F.amax, normal()),
    },
    "logsumexp": {
        "axis": (lambda x: F.logsumexp(x, 1), normal(2, 3)),
        "axes kept": (lambda x: F.logsumexp(x, (0, 2), keepdim=True), normal(2, 3, 2)),
        "0-d": (lambda x: F.logsumexp(x, 0), normal()),
    },
    "softmax": {
        "last": (lambda x: F.softmax(x, -1), normal(2, 3)),
        "channels": (lambda x: F.softmax(x, dim=1), normal(2, 3, 2)),
        "one class": (lambda x: F.softmax(x, 1), normal(2, 1)),
    },
    "log_softmax": {
        "last": (lambda x: F.log_softmax(x, -1), normal(2, 3)),
        "channels": (lambda x: F.log_softmax(x, dim=1), normal(2, 3, 2)),
        "0-d": (lambda x: F.log_softmax(x, 0), normal()),
    },
    "broadcast_to": {
        "new axes": (lambda x: F.broadcast_to(x, (2, 4, 3)), normal(3)),
        "length 1": (lambda x: F.broadcast_to(x, (2, 4, 3)), normal(2, 1, 3)),
        "0-d": (lambda x: F.broadcast_to(x, (2, 1)), normal()),
        "same": (lambda x: F.broadcast_to(x, (2, 3)), normal(2, 3)),
    },
    "expand": {
        "keeping": (lambda x: F.expand(x, -1, 4, -1), normal(2, 1, 3)),
        "new axes": (lambda x: F.expand(x, (2, -1, 3)), normal(2, 1)),
    },
    # Shapes
    "reshape": {
        "given": (lambda x: F.reshape(x, 3, 2), normal(2, 3)),
        "deduced": (lambda x: F.reshape(x, (2, -1)), normal(2, 3, 2)),
        "to 0-d": (lambda x: F.reshape(x, ()), normal(1, 1)),
    },
    "permute": {
        "3-d": (lambda x: F.permute(x, 2, 0, 1), normal(2, 3, 4)),
        "negative axes": (lambda x: F.permute(x, (0, -1, 1)), normal(2, 3, 4)),
        "0-d": (lambda x: F.permute(x, ()), normal()),
    },
    "transpose": {
        "last two": (lambda x: F.transpose(x, -2, -1), normal(2, 3, 4)),
        "T": (lambda x: x.T @ x, normal(2, 3)),
    },
    "flatten": {
        "all": (F.flatten, normal(2, 3, 2)),
        "from": (lambda x: F.flatten(x, 1), normal(2, 3, 2)),
        "middle": (lambda x: F.flatten(x, 1, 2), normal(2, 3, 2, 2)),
        "0-d": (F.flatten, normal()),
    },
    "unflatten": {
        "middle": (lambda x: F.unflatten(x, 1, (2, 3)), normal(2, 6, 2)),
        "deduced": (lambda x: F.unflatten(x, -1, (-1, 2)), normal(2, 4)),
    },
    "squeeze": {
        "all": (F.squeeze, normal(1, 3, 1)),
        "one": (lambda x: F.squeeze(x, -1), normal(1, 3, 1)),
        "not of length 1": (lambda x: F.squeeze(x, 1), normal(1, 3)),
    },
    "unsqueeze": {
        "middle": (lambda x: F.unsqueeze(x, 1), normal(2, 3)),
        "last": (lambda x: F.unsqueeze(x, -1), normal(2, 3)),
        "0-d": (lambda x: F.unsqueeze(x, 0), normal()),
    },
    "cat": {
        "rows": (lambda *xs: F.cat(xs), normal(2, 3), normal(1, 3)),
        "columns": (lambda *xs: F.cat(xs, -1), normal(2, 1), normal(2, 3), normal(2, 2)),
        "with itself": (lambda x: F.cat([x, x * x], 1), normal(2, 3)),
        "empty piece": (lambda *xs: F.cat(xs, 1), normal(2, 0), normal(2, 3)),
    },
    "stack": {
        "first": (lambda *xs: F.stack(xs), normal(2, 3), normal(2, 3)),
        "last": (lambda *xs: F.stack(xs, -1), normal(2, 3), normal(2, 3)),
        "0-d": (lambda *xs: F.stack(xs), normal(), normal()),
    },
    "getitem": {
        "integer": (lambda x: x[1], normal(3, 2)),
        "slices": (lambda x: x[1:, ::2], normal(3, 5)),
        "backwards": (lambda x: x[::-1, -1:0:-2], normal(3, 5)),
        "ellipsis and new axis": (lambda x: x[..., None, 1], normal(2, 3)),
        "repeated indices": (F.getitem, normal(4, 2), fixed([1, 3, 1, 1])),
        "pairs": (lambda x, i, j: x[i, j], normal(3, 4), fixed([0, 2, 2]), fixed([1, -1, 3])),
        "list in a tuple": (lambda x: x[:, [0, 0, 2]], normal(2, 3)),
        "mask": (F.getitem, normal(2, 3), MASK),
        "to 0-d": (lambda x: x[1, 2], normal(2, 3)),
        "nothing": (lambda x: x[0:0], normal(2, 3)),
    },
    "gather": {
        "rows": (lambda x, i: F.gather(x, 0, i), normal(3, 2), fixed([[0, 2], [2, 2], [1, 0], [1, 1]])),
        "columns": (lambda x, i: F.gather(x, -1, i), normal(2, 3), fixed([[2, 2], [0, 1]])),
        "fewer rows": (lambda x, i: F.gather(x, 1, i), normal(3, 2), fixed([[1, 1, 0]])),
    },
    "index_select": {
        "columns, repeated": (lambda x, i: F.index_select(x, 1, i), normal(2, 3), fixed([2, 0, 2, 2])),
        "rows": (lambda x, i: F.index_select(x, 0, i), normal(3, 2), fixed([1])),
        "0-d": (lambda x, i: F.index_select(x, 0, i), normal(), fixed([0])),
    },
    "pad": {
        "zeros": (lambda x: F.pad(x, (1, 2)), normal(2, 3)),
        "a value": (lambda x: F.pad(x, (1, 0, 2, 1), value=7.0), normal(2, 3, 2)),
        "crop": (lambda x: F.pad(x, (-1, -1)), normal(2, 4)),
        "crop and fill": (lambda x: F.pad(x, (-1, 2, 1, -1), value=3.0), normal(3, 3)),
        "reflect": (lambda x: F.pad(x, (2, 1, 1, 2), mode="reflect"), normal(2, 3, 3)),
        "replicate": (lambda x: F.pad(x, (2, 4, 0, 1), mode="replicate"), normal(2, 2, 3)),
        "circular": (lambda x: F.pad(x, (2, 3, 1, 0), mode="circular"), normal(2, 2, 3)),
        "reflect and crop": (lambda x: F.pad(x, (-1, 2), mode="reflect"), normal(2, 4)),
        "replicate and crop": (lambda x: F.pad(x, (1, -2), mode="replicate"), normal(2, 4)),
    },
    "pixel_shuffle": {
        "by 2": (lambda x: F.pixel_shuffle(x, 2), normal(2, 8, 2, 3)),
        "unbatched by 3": (lambda x: F.pixel_shuffle(x, 3), normal(9, 1, 2)),
    },
    "pixel_unshuffle": {
        "by 2": (lambda x: F.pixel_unshuffle(x, 2), normal(2, 2, 2, 4)),
        "unbatched by 3": (lambda x: F.pixel_unshuffle(x, 3), normal(1, 3, 6)),
    },
    # Matrix products
    "matmul": {
        "matrices": (F.matmul, normal(2, 3), normal(3, 4)),
        "vectors": (F.matmul, normal(3), normal(3)),
        "matrix and vector": (F.matmul, normal(2, 3), normal(3)),
        "vector and matrix": (F.matmul, normal(3), normal(3, 2)),
        "batch": (F.matmul, normal(2, 2, 3), normal(2, 3, 2)),
        "broadcast batch": (F.matmul, normal(2, 1, 2, 3), normal(2, 3, 1)),
        "vector and batch": (F.matmul, normal(3), normal(2, 3, 2)),
        "square": (lambda x: x @ x, normal(2, 2)),
    },
    "linear": {
        "bias": (F.linear, normal(4, 3), normal(2, 3), normal(2)),
        "no bias": (F.linear, normal(4, 3), normal(2, 3)),
        "vector": (F.linear, normal(3), normal(2, 3), normal(2)),
        "3-d": (F.linear, normal(2, 2, 3), normal(1, 3), normal(1)),
    },
    "embedding": {
        "repeated": (F.embedding, fixed([[0, 2], [2, 2]]), normal(4, 3)),
        "padding row": (lambda i, w: F.embedding(i, w, padding_idx=0) * 2, fixed([1, 3]), normal(4, 3)),
        "0-d index": (F.embedding, fixed(1), normal(2, 3)),
    },
    # Convolution
    "conv2d": {
        "bias": (F.conv2d, normal(2, 2, 4, 3), normal(3, 2, 2, 2), normal(3)),
        "stride and padding": (
            lambda x, w: F.conv2d(x, w, stride=(2, 1), padding=(1, 2)), normal(2, 2, 5, 3), normal(2, 2, 3, 2)
        ),
        "stride beyond the kernel": (lambda x, w: F.conv2d(x, w, stride=3), normal(1, 1, 5, 6), normal(1, 1, 2, 1)),
        "same": (lambda x, w, b: F.conv2d(x, w, b, padding="same"), normal(1, 2, 3, 4), normal(1, 2, 3, 2), normal(1)),
        "valid": (lambda x, w: F.conv2d(x, w, padding="valid"), normal(1, 1, 3, 3), normal(2, 1, 3, 3)),
        "1×1": (F.conv2d, normal(2, 3, 2, 2), normal(2, 3, 1, 1)),
        "unbatched": (lambda x, w, b: F.conv2d(x, w, b, padding=1), normal(1, 3, 3), normal(2, 1, 3, 3), normal(2)),
    },
    "conv_transpose2d": {
        "bias": (F.conv_transpose2d, normal(2, 3, 2, 3), normal(3, 2, 2, 2), normal(2)),
        "dcgan": (
            lambda x, w: F.conv_transpose2d(x, w, stride=2, padding=1), normal(2, 2, 2, 3), normal(2, 1, 4, 4)
        ),
        "output padding": (
            lambda x, w: F.conv_transpose2d(x, w, stride=(2, 3), padding=(1, 0), output_padding=(1, 2)),
            normal(1, 2, 3, 2), normal(2, 2, 3, 2),
        ),
        "stride beyond the kernel": (
            lambda x, w: F.conv_transpose2d(x, w, stride=3), normal(1, 1, 2, 2), normal(1, 1, 2, 1)
        ),
        "unbatched": (F.conv_transpose2d, normal(1, 2, 2), normal(1, 2, 3, 3), normal(2)),
    },
    "unfold": {
        "default": (lambda x: F.unfold(x, 2), normal(2, 2, 3, 4)),
        "options": (lambda x: F.unfold(x, (2, 3), padding=(1, 0), stride=(2, 1)), normal(1, 2, 3, 4)),
        "unbatched": (lambda x: F.unfold(x, 2, padding=1, stride=2), normal(1, 3, 3)),
    },
    "fold": {
        "default": (lambda x: F.fold(x, (3, 4), 2), normal(2, 8, 6)),
        "options": (lambda x: F.fold(x, (3, 4), (2, 3), padding=(1, 0), stride=(2, 1)), normal(1, 12, 4)),
        "unbatched": (lambda x: F.fold(x, 3, 2, padding=1, stride=2), normal(4, 4)),
    },
    # Pooling and resampling
    "max_pool2d": {
        "default": (lambda x: F.max_pool2d(x, 2), distinct(2, 2, 4, 5)),
        "overlapping": (lambda x: F.max_pool2d(x, 3, stride=1, padding=1), distinct(1, 2, 3, 4)),
        "ceil": (lambda x: F.max_pool2d(x, (2, 3), stride=2, ceil_mode=True), distinct(1, 1, 5, 6)),
        "indices": (lambda x: F.max_pool2d(x, 2, return_indices=True)[0], distinct(1, 1, 4, 4)),
        "unbatched": (lambda x: F.max_pool2d(x, 2), distinct(2, 4, 4)),
    },
    "avg_pool2d": {
        "default": (lambda x: F.avg_pool2d(x, 2), normal(2, 2, 4, 5)),
        "overlapping": (lambda x: F.avg_pool2d(x, 3, stride=1, padding=1), normal(1, 2, 3, 4)),
        "padding uncounted": (lambda x: F.avg_pool2d(x, 2, padding=1, count_include_pad=False), normal(1, 1, 3, 4)),
        "ceil": (lambda x: F.avg_pool2d(x, (2, 3), stride=2, padding=(1, 0), ceil_mode=True), normal(1, 1, 4, 6)),
        "divisor": (lambda x: F.avg_pool2d(x, 2, divisor_override=3), normal(1, 1, 4, 4)),
        "unbatched": (lambda x: F.avg_pool2d(x, 2), normal(2, 4, 4)),
    },
    "blur": {"images": (blur, normal(2, 2, 3, 4)), "one pixel": (blur, normal(1, 1, 1, 1))},
    "interpolate": {
        "nearest, twice as large": (lambda x: F.interpolate(x, scale_factor=2), normal(2, 2, 2, 3)),
        "nearest, any size": (lambda x: F.interpolate(x, size=(5, 2)), normal(1, 1, 3, 4)),
        "nearest-exact": (lambda x: F.interpolate(x, size=(5, 2), mode="nearest-exact"), normal(1, 1, 3, 4)),
        "bilinear": (lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"), normal(1, 2, 2, 3)),
        "bilinear, smaller": (lambda x: F.interpolate(x, size=(2, 3), mode="bilinear"), normal(1, 1, 4, 5)),
        "corners": (lambda x: F.interpolate(x, size=5, mode="bilinear", align_corners=True), normal(1, 1, 3, 4)),
        "scale of its own": (lambda x: F.interpolate(x, scale_factor=(1.6, 2.3), mode="bilinear"), normal(1, 1, 3, 2)),
        "recomputed scale": (
            lambda x: F.interpolate(x, scale_factor=1.6, mode="bilinear", recompute_scale_factor=True),
            normal(1, 1, 3, 2),
        ),
        "linear": (lambda x: F.interpolate(x, size=5, mode="linear"), normal(2, 1, 3)),
        "trilinear": (lambda x: F.interpolate(x, size=(3, 1, 4), mode="trilinear"), normal(1, 1, 2, 2, 2)),
    },
    # Normalisation
    "batch_norm": {
        "training": (
            lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True), normal(3, 2, 2, 2), normal(2), normal(2)
        ),
        "training, features": (lambda x: F.batch_norm(x, None, None, training=True), normal(4, 3)),
        "training, signals": (lambda x, w: F.batch_norm(x, None, None, w, training=True), normal(2, 2, 3), normal(2)),
        "large eps": (lambda x, b: F.batch_norm(x, None, None, None, b, True, eps=0.8), normal(3, 2), normal(2)),
        "evaluation": (F.batch_norm, normal(2, 2, 2, 2), normal(2), positive(2), normal(2), normal(2)),
        "evaluation, features": (lambda x, m, v: F.batch_norm(x, m, v, eps=0.8), normal(2, 3), normal(3), positive(3)),
    },
    "pixel_norm": {
        "images": (pixel_norm, normal(2, 3, 2, 2)),
        "vectors": (lambda x: pixel_norm(x, eps=0.5), normal(3, 4)),
    },
    "layer_norm": {
        "last": (lambda x: F.layer_norm(x, 3), normal(2, 3)),
        "affine": (lambda x, w, b: F.layer_norm(x, (3, 2), w, b), normal(2, 3, 2), normal(3, 2), normal(3, 2)),
        "bias alone": (lambda x, b: F.layer_norm(x, [3], None, b, eps=0.1), normal(2, 2, 3), normal(3)),
    },
    "instance_norm": {
        "default": (F.instance_norm, normal(2, 2, 2, 3)),
        "affine": (lambda x, w, b: F.instance_norm(x, weight=w, bias=b), normal(2, 3, 4), normal(3), normal(3)),
        "running statistics": (
            lambda x, m, v: F.instance_norm(x, m, v, use_input_stats=False), normal(2, 2, 3), normal(2), positive(2)
        ),
    },
    "group_norm": {
        "affine": (lambda x, w, b: F.group_norm(x, 2, w, b), normal(2, 4, 2, 2), normal(4), normal(4)),
        "one group": (lambda x: F.group_norm(x, 1), normal(2, 3)),
        "a group a channel": (lambda x, w: F.group_norm(x, 2, w, eps=0.3), normal(2, 2, 3), normal(2)),
    },
    # Losses, in the prediction, the target and the weights
    "mse_loss": {
        "mean": (F.mse_loss, normal(2, 3), normal(2, 3)),
        "sum": (lambda x, t: F.mse_loss(x, t, reduction="sum"), normal(2, 3), normal(2, 3)),
        "none": (lambda x, t: F.mse_loss(x, t, reduction="none"), normal(2, 3), normal(2, 3)),
    },
    "l1_loss": {
        "mean": (F.l1_loss, distinct(2, 3), distinct(2, 3, offset=0.15)),
        "sum": (lambda x, t: F.l1_loss(x, t, reduction="sum"), distinct(4), distinct(4, offset=0.15)),
        "none": (lambda x, t: F.l1_loss(x, t, reduction="none"), distinct(4), distinct(4, offset=0.15)),
    },
    "binary_cross_entropy": {
        "mean": (F.binary_cross_entropy, uniform(0.2, 0.8, 2, 3), uniform(0, 1, 2, 3)),
        "weight": (F.binary_cross_entropy, uniform(0.2, 0.8, 2, 3), uniform(0, 1, 2, 3), positive(3)),
        "sum": (lambda x, t: F.binary_cross_entropy(x, t, reduction="sum"), uniform(0.2, 0.8, 4), uniform(0, 1, 4)),
        "none": (lambda x, t: F.binary_cross_entropy(x, t, reduction="none"), uniform(0.2, 0.8, 4), uniform(0, 1, 4)),
    },
    "binary_cross_entropy_with_logits": {
        "mean": (F.binary_cross_entropy_with_logits, normal(2, 3), uniform(0, 1, 2, 3)),
        "weights": (
            lambda x, t, w, p: F.binary_cross_entropy_with_logits(x, t, w, pos_weight=p),
            normal(2, 3), uniform(0, 1, 2, 3), positive(2, 1), positive(3),
        ),
        "sum": (
            lambda x, t: F.binary_cross_entropy_with_logits(x, t, reduction="sum"), normal(4), uniform(0, 1, 4)
        ),
        "none": (
            lambda x, t, p: F.binary_cross_entropy_with_logits(x, t, reduction="none", pos_weight=p),
            normal(4), uniform(0, 1, 4), positive(),
        ),
    },
    "cross_entropy": {
        "labels": (F.cross_entropy, normal(4, 3), LABELS),
        "label map": (F.cross_entropy, normal(2, 3, 2, 3), MAP_LABELS),
        "unbatched": (F.cross_entropy, normal(3), fixed(1)),
        "weight": (F.cross_entropy, normal(4, 3), LABELS, positive(3)),
        "ignored label": (lambda x, t, w: F.cross_entropy(x, t, w, ignore_index=2), normal(4, 3), LABELS, positive(3)),
        "default ignored label": (F.cross_entropy, normal(4, 3), fixed([1, -100, 0, -100])),
        "smoothed labels": (lambda x, t: F.cross_entropy(x, t, label_smoothing=0.3), normal(4, 3), LABELS),
        "everything at once": (
            lambda x, t, w: F.cross_entropy(x, t, w, ignore_index=0, label_smoothing=0.3),
            normal(2, 3, 2, 3), MAP_LABELS, positive(3),
        ),
        "sum": (lambda x, t, w: F.cross_entropy(x, t, w, reduction="sum"), normal(4, 3), LABELS, positive(3)),
        "none": (lambda x, t: F.cross_entropy(x, t, reduction="none", ignore_index=0), normal(4, 3), LABELS),
        "probabilities": (F.cross_entropy, normal(4, 3), uniform(0, 1, 4, 3)),
        "weighted probabilities": (F.cross_entropy, normal(2, 3, 2), uniform(0, 1, 2, 3, 2), positive(3)),
        "smoothed probabilities": (
            lambda x, t: F.cross_entropy(x, t, label_smoothing=0.3, reduction="sum"), normal(4, 3), uniform(0, 1, 4, 3)
        ),
    },
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A call of the function ``name``: ``call`` takes one Tensor for each of the `arrays`."""

    name: str
    note: str
    call: Function
    recipes: Sequence[Recipe]

    def arrays(self, dtype: DTypeLike = np.float64) -> list[np.ndarray]:
        """Fresh arrays, the same ones each time; the floating ones of the given dtype.

        Their seed is the name of the case: the cotangents of a checker, drawn from another, must not equal them.
        """
        rng = np.random.default_rng(list(str(self).encode()))
        arrays = [np.asarray(draw(rng)) for draw in self.recipes]
        return [array.astype(dtype) if array.dtype.kind == "f" else array for array in arrays]

    def __str__(self):
        return f"{self.name}({self.note})"


CASES = [Case(name, note, call, recipes) for name, notes in TABLE.items() for note, (call, *recipes) in notes.items()]
