"""Normalisation: one function, `normalize`, under batch, layer, instance and group norm; and `pixel_norm`.

They differ only in the axes over which mean and variance are taken, and in the shape of scale and shift.
In evaluation, batch norm is another function altogether: an affine map with constant coefficients.
"""

import math

import numpy as np

from scratchgan.functional.broadcast import total, total_product
from scratchgan.functional.elementwise import add_to, number, sqrt
from scratchgan.functional.reduce import mean, var
from scratchgan.tensor import Tensor, floating, is_recording, record


def normalize(input, axes, eps):
    """y = (x − mean x) / σ with σ = √(var x + ε), mean and (biased) variance over ``axes``.

    ∂σ/∂x = y / n, from which the vjp is (g − mean g − y · mean(g y)) / σ. It reads σ, which depends on x: when this
    derivative is itself recorded, σ must be a Tensor and not the array computed here.
    """
    centred, _, variance = _moments(input.data, axes)
    return _scaled(input, centred, variance, axes, eps)


def _moments(x, axes):
    """x − mean x, mean x and the biased variance over ``axes``, which are kept with length 1."""
    mu = _mean(x, axes)
    centred = x - mu
    return centred, mu, _mean_product(centred, centred, axes)


def _scaled(input, centred, variance, axes, eps):
    """`normalize` from the moments of ``input``; written over ``centred``."""
    eps = number("eps", eps)
    sigma = np.sqrt(variance + eps)
    centred /= sigma

    def vjp(g, y):
        if not is_recording():
            return Tensor(_cotangent(g.data, y.data, sigma, axes))
        s = sqrt(var(input, axes, correction=0, keepdim=True) + eps)
        return (g - mean(g, axes, True) - y * mean(g * y, axes, True)) / s

    return record(centred, (input, vjp))


def _cotangent(g, y, sigma, axes):
    """(g − mean g − y · mean(g y)) / σ once more, for arrays: written over one new array."""
    x = y * _mean_product(g, y, axes)
    np.subtract(g, x, out=x)
    x -= _mean(g, axes)
    x /= sigma
    return x


def _mean(x, axes):
    """mean x over ``axes``, which are kept with length 1."""
    return total(x, axes) / _count(x, axes)


def _mean_product(a, b, axes):
    """mean(a b) over ``axes``, which are kept with length 1."""
    return total_product(a, b, axes) / _count(a, axes)


def _count(x, axes):
    """How many elements lie along some axes."""
    return math.prod(x.shape[axis] for axis in axes)


def batch_norm(input, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-05):
    """Normalise each channel of (N, C, …): in training by the batch's own mean and variance, else by the running ones.

    Parameters
    ----------
    running_mean, running_var : array or Tensor, (C,), or None
        Buffers, not values: in training they are updated in place, r ← (1 − m) r + m · (mean, or unbiased variance).
    weight, bias : Tensor, (C,), optional

    Raises
    ------
    ValueError
        For an input without channels, vectors of another size than C, a single value per channel in training, no
        statistics in evaluation. Nothing has moved then.
    """
    _check_channels("batch_norm", input, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    axes = (0, *range(2, input.ndim))
    if training:
        count = _count(input, axes)
        if count <= 1:
            raise ValueError(
                f"batch_norm: shape {input.shape} has {count} value per channel, training needs at least 2"
            )
        centred, mu, variance = _moments(input.data, axes)
        _move(running_mean, mu, momentum)
        _move(running_var, variance * (count / (count - 1)), momentum)
        y = _scaled(input, centred, variance, axes, eps)
    elif running_mean is None or running_var is None:
        raise ValueError("batch_norm: evaluation needs running_mean and running_var; training=True needs none")
    else:
        mean_, var_ = (_over_channels(r, input.ndim) for r in (running_mean, running_var))
        y = (input - mean_) / sqrt(var_ + eps)
    return _affine(y, weight, bias)


def _move(running, statistic, momentum):
    """r ← (1 − m) r + m · statistic, in place, if there is an r."""
    if running is not None:
        array = running.data if isinstance(running, Tensor) else running
        array *= 1 - momentum
        array += momentum * statistic.reshape(array.shape)


def _over_channels(vector, ndim):
    """(C,) -> (C, 1, …, 1), to broadcast against (N, C, …)."""
    vector = vector if isinstance(vector, Tensor) else Tensor(vector)
    return vector.reshape(-1, *(1,) * (ndim - 2))


def _affine(y, weight, bias):
    """Scale and shift of each channel."""
    y = y if weight is None else y * _over_channels(weight, y.ndim)
    if bias is None:
        return y
    bias = _over_channels(bias, y.ndim)
    return y + bias if weight is None else add_to(y, bias)


def _check_channels(name, input, **vectors):
    """The input has a batch axis and channels, each vector a number for each channel."""
    floating(**{f"{name}: input": input})
    if input.ndim < 2:
        raise ValueError(f"{name} needs (N, C, …), got shape {input.shape}")
    _check_shapes(input, input.shape[1:2], **vectors)


def _check_shapes(y, shape, **values):
    for name, value in values.items():
        if value is not None and value.shape != shape:
            raise ValueError(f"{name} must have shape {shape} to normalise shape {y.shape}, not {value.shape}")


def layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-05):
    """Normalise each sample over its last axes, which have the given shape, as do weight and bias."""
    shape = (normalized_shape,) if np.ndim(normalized_shape) == 0 else tuple(normalized_shape)
    _check_shapes(input, shape, weight=weight, bias=bias)
    if not shape or input.shape[-len(shape) :] != shape:
        raise ValueError(f"layer_norm: the last axes of {input.shape} are not {shape}")
    y = normalize(input, tuple(range(input.ndim - len(shape), input.ndim)), eps)
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


def group_norm(input, num_groups, weight=None, bias=None, eps=1e-05):
    """Normalise each sample over groups of consecutive channels: (N, C, …), C a multiple of ``num_groups``."""
    _check_channels("group_norm", input, weight=weight, bias=bias)
    if num_groups < 1 or input.shape[1] % num_groups:
        raise ValueError(f"group_norm: the channels of {input.shape} do not split into {num_groups} groups")
    if input.numel() == num_groups:
        raise ValueError(f"group_norm: shape {input.shape} has a single value per group")
    n, channels, *rest = input.shape
    grouped = input.reshape(n, num_groups, channels // num_groups, *rest)
    return _affine(normalize(grouped, tuple(range(2, grouped.ndim)), eps).reshape(input.shape), weight, bias)


def instance_norm(
    input, running_mean=None, running_var=None, weight=None, bias=None, use_input_stats=True, momentum=0.1, eps=1e-05
):
    """Normalise each channel of each sample by itself: (N, C, …). Running statistics are kept as in `batch_norm`.

    There is always a batch axis, as in PyTorch: three axes are (N, C, L). A single image (C, H, W) needs one,
    ``image.unsqueeze(0)``.

    Raises
    ------
    ValueError
        For fewer than three axes, a single value per channel and sample, vectors of another size than C.
    """
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    vectors = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    _check_channels("instance_norm", input, **vectors)
    axes = tuple(range(2, input.ndim))
    count = _count(input, axes)
    if count <= 1:
        raise ValueError(f"instance_norm: shape {input.shape} has no two values per channel and sample")
    centred, mu, variance = _moments(input.data, axes)
    _move(running_mean, _mean(mu, (0,)), momentum)
    _move(running_var, _mean(variance, (0,)) * (count / (count - 1)), momentum)
    return _affine(_scaled(input, centred, variance, axes, eps), weight, bias)


def pixel_norm(input, eps=1e-08):
    """The channels of each pixel, scaled to a mean square of 1: y = x / σ with σ = √(mean_c x² + ε), for (N, C, …).

    Karras et al. 2018, arXiv:1710.10196, §4.2: no pixel's signal can grow without bound, whatever the weights. (The
    paper says "unit length"; its code, as here, makes the length √C.)

    ∂σ/∂x = y / C, so the vjp is that of `normalize` without its mean: (g − y · mean_c(g y)) / σ.

    Raises
    ------
    ValueError
        For an input without channels.
    """
    _check_channels("pixel_norm", input)
    eps, x = number("eps", eps), input.data
    sigma = np.sqrt(_mean_product(x, x, (1,)) + eps)

    def vjp(g, y):
        if not is_recording():
            return Tensor((g.data - y.data * _mean_product(g.data, y.data, (1,))) / sigma)
        s = sqrt(mean(input * input, 1, True) + eps)
        return (g - y * mean(g * y, 1, True)) / s

    return record(x / sigma, (input, vjp))
