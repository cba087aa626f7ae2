"""Elementwise functions: y = φ(x) needs only φ', written in functions of this file.

Broadcasting: a value that was spread over several elements collects their cotangents, ``sum_to``.
Conventions at kinks are PyTorch's: ``relu`` and ``abs`` have slope 0 at 0, ties of ``maximum`` share the gradient.
"""

import numpy as np

from scratchgan.backend import array_like, is_array, plain, supported
from scratchgan.functional.broadcast import sum_to
from scratchgan.tensor import Tensor, no_tensor, record, refuse


class Scalar:
    """A Python number as an operand: it reaches the ufunc unwrapped, so it never changes the array's dtype."""

    __slots__ = ("data",)
    requires_grad, shape, dtype = False, (), None

    def __init__(self, data):
        self.data = data


def operand(value):
    """A Tensor as it is, an array as a constant Tensor, a number as a `Scalar`."""
    if isinstance(value, (Tensor, Scalar)):
        return value
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (int, float)):
        return Scalar(value)
    if is_array(value):
        return Tensor(value)
    raise no_tensor("an operand", value, "a Tensor, an array or a number")


def number(name, value):
    """A hyperparameter as Python's number: NumPy's scalars would turn an array of float32 into float64.

    Raises
    ------
    TypeError
        For anything but a number, such as a Tensor, to which no gradient would pass.
    """
    if type(value) in (int, float):
        return value
    scalar = operand(value) if isinstance(value, (np.generic, int, float)) else None
    if scalar is None:
        raise TypeError(f"{name} must be a number, not {type(value).__name__}")
    return scalar.data


def operands(input, other):
    """The two sides of a binary function as operands of one dtype."""
    a, b = operand(input), operand(other)
    x, y = a.dtype, b.dtype
    if y is None:
        return (a, b) if x is None or x.kind == "f" else (_beside(a, b), b)
    if x is None:
        return (a, b) if y.kind == "f" else (a, _beside(b, a))
    return (a, b) if x == y else agreed(a, b)


def _beside(integers, number):
    """Integers become real beside a number with a point, as in PyTorch."""
    return real(integers) if isinstance(number.data, float) else integers


def real(input):
    """The entrance of functions of real numbers: a floating Tensor as it is, integers and booleans as float32.

    Raises
    ------
    TypeError
        For anything but a Tensor.
    """
    try:
        if input._data.dtype.kind == "f":
            return input
    except AttributeError:
        raise no_tensor("the argument", input) from None
    return Tensor(input._data.astype(np.float32))


def agreed(*tensors):
    """The tensors with one dtype: integers and booleans follow the floating ones, two floating dtypes clash.

    Raises
    ------
    TypeError
        For two different floating dtypes.
    """
    floating = {x.dtype for x in tensors if x.dtype.kind == "f"}
    if len(floating) > 1:
        raise TypeError(
            f"dtypes {' and '.join(sorted(map(str, floating)))} do not mix; convert one tensor, as in x.to(np.float32)"
        )
    return [x if x.dtype in floating or not floating else Tensor(x.data.astype(*floating)) for x in tensors]


def to(input, dtype):
    """``input`` converted to another dtype. Between floating ones gradients pass on, any other result is a constant."""
    try:
        dtype = np.dtype(dtype)
    except TypeError:
        raise TypeError(f"to: {dtype!r} is no dtype, such as np.float32; module.to(device) moves a network") from None
    if input.dtype == dtype:
        return input
    if not supported(dtype) or input.dtype.kind != "f":
        return Tensor(input.data.astype(dtype))
    return record(input.data.astype(dtype), (input, lambda g, y: to(g, input.dtype)))


# Arithmetic ----------------------------------------------------------------------------------------------------------


def add(input, other, *, alpha=1):
    """input + alpha · other."""
    a, b = operands(input, other if alpha == 1 else _times(alpha, other))
    return record(a.data + b.data, (a, lambda g, y: sum_to(g, a.shape)), (b, lambda g, y: sum_to(g, b.shape)))


def add_to(fresh, other):
    """fresh + other, written over ``fresh``: a result that nobody has seen yet, and that its own vjp does not read."""
    a, b = operands(fresh, other)
    value = a.data
    value += b.data
    return record(value, (a, lambda g, y: g), (b, lambda g, y: sum_to(g, b.shape)))


def sub(input, other, *, alpha=1):
    """input − alpha · other."""
    a, b = operands(input, other if alpha == 1 else _times(alpha, other))
    return record(a.data - b.data, (a, lambda g, y: sum_to(g, a.shape)), (b, lambda g, y: sum_to(-g, b.shape)))


def _times(alpha, input):
    """alpha · input; of a boolean there is no multiple that is one."""
    input = operand(input)
    if input.dtype == bool:
        raise TypeError(f"alpha={alpha} multiplies numbers, not booleans; convert them, as in x.to(np.float32)")
    return mul(input, number("alpha", alpha))


def mul(input, other):
    """input · other."""
    a, b = operands(input, other)
    return record(a.data * b.data, (a, lambda g, y: sum_to(g * b, a.shape)), (b, lambda g, y: sum_to(g * a, b.shape)))


def div(input, other, *, rounding_mode=None):
    """input / other."""
    refuse(None, rounding_mode=rounding_mode)
    a, b = (x if isinstance(x, Scalar) else real(x) for x in operands(input, other))
    return record(
        a.data / b.data, (a, lambda g, y: sum_to(g / b, a.shape)), (b, lambda g, y: sum_to(-g * y / b, b.shape))
    )


def neg(input):
    """−input."""
    return record(-input.data, (input, lambda g, y: -g))


def pow(input, exponent):
    """input ** exponent, either of which may be a number.

    d/dx xᵖ = p xᵖ⁻¹, which is 0 for p = 0 also at x = 0; d/dp xᵖ = xᵖ log x, which is 0 at x = 0.
    """
    x, p = operands(input, exponent)
    return record(
        x.data**p.data,
        (x, lambda g, y: sum_to(g * _power_slope(x, p), x.shape)),
        (p, lambda g, y: sum_to(g * y * _log_base(x), p.shape)),
    )


def _power_slope(x, p):
    if isinstance(p, Scalar):
        return p.data * x ** (p.data - 1) if p.data else x * 0
    return where(p.data == 0, 0.0, p * x ** where(p.data == 0, 1.0, p - 1))


def _log_base(x):
    """log x, and 0 in place of −∞ at 0."""
    if isinstance(x, Scalar):
        return float(np.log(x.data or 1))
    return log(where(x.data == 0, 1.0, x))


# Functions of one argument -------------------------------------------------------------------------------------------


def exp(input):
    """eˣ."""
    input = real(input)
    return record(np.exp(input.data), (input, lambda g, y: g * y))


def log(input):
    """The natural logarithm."""
    input = real(input)
    return record(np.log(input.data), (input, lambda g, y: g / input))


def sqrt(input):
    """√x. Its slope at 0 is infinite: add an ε, or use ``std``, where a norm may vanish."""
    input = real(input)
    return record(np.sqrt(input.data), (input, lambda g, y: g / (2 * y)))


def abs(input):
    """|x|, with slope 0 at 0."""
    return record(np.abs(input.data), (input, lambda g, y: g * np.sign(input.data)))


def sigmoid(input):
    """σ(x) = 1 / (1 + e⁻ˣ), computed from e^−|x| so that nothing overflows and no digit of a tail is lost."""
    input = real(input)
    e = np.exp(-np.abs(input.data))
    return record(np.where(input.data >= 0, 1, e) / (1 + e), (input, lambda g, y: g * y * (1 - y)))


def tanh(input):
    """tanh x."""
    input = real(input)
    return record(np.tanh(input.data), (input, lambda g, y: g * (1 - y * y)))


def relu(input, inplace=False):
    """max(x, 0), with slope 0 at 0."""
    refuse(False, inplace=inplace)
    zeros = np.zeros_like(input.data)  # the maximum of two arrays takes half as long as that of an array and a number
    return record(np.maximum(input.data, zeros), (input, lambda g, y: chosen(input.data > 0, g)))


def leaky_relu(input, negative_slope=0.01, inplace=False):
    """x where x > 0, else a x with a = ``negative_slope``."""
    refuse(False, inplace=inplace)
    x, a = input.data, number("negative_slope", negative_slope)
    value = np.maximum(x, a * x) if 0 < a <= 1 else np.where(x > 0, x, a * x)  # maximum is several times faster
    return record(value, (input, lambda g, y: g * _leaky_slope(input.data, a)))


def _leaky_slope(x, a):
    """1 where x > 0, else a."""
    if not 0 <= a <= 1:  # (1 − a) + a is 1 for no such a as 10⁸
        return np.where(x > 0, x.dtype.type(1), x.dtype.type(a))
    slope = (x > 0).astype(x.dtype)
    slope *= 1 - a
    slope += a
    return slope


def elu(input, alpha=1.0, inplace=False):
    """x where x > 0, else α (eˣ − 1); there the slope is α eˣ = y + α."""
    refuse(False, inplace=inplace)
    x, alpha = input.data, number("alpha", alpha)
    value = np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))
    return record(value, (input, lambda g, y: g * where(x > 0, 1.0, y + alpha)))


def prelu(input, weight):
    """x where x > 0, else w x; w has one element, or one for each channel (axis 1)."""
    if weight.ndim > 1 or (weight.numel() != 1 and (input.ndim < 2 or weight.numel() != input.shape[1])):
        raise ValueError(
            f"prelu: weight of shape {weight.shape} must have one element, or one for each channel of {input.shape}"
        )
    if input.ndim > 1:
        weight = weight.reshape(-1, *(1,) * (input.ndim - 2))
    elif weight.ndim > input.ndim:
        weight = weight.reshape(())
    positive = input.data > 0
    return chosen(positive, input) + weight * chosen(~positive, input)


def softplus(input, beta=1.0, threshold=20.0):
    """log(1 + e^βx) / β, and x itself where βx > ``threshold``; computed from e^−|βx|, so that nothing overflows."""
    beta, threshold = number("beta", beta), number("threshold", threshold)
    x = input.data * beta
    value = (np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))) / beta
    linear = x > threshold
    return record(
        np.where(linear, input.data, value), (input, lambda g, y: g * where(linear, 1.0, sigmoid(beta * input)))
    )


# Functions that choose -----------------------------------------------------------------------------------------------


def where(condition, input, other):
    """``input`` where the condition holds, ``other`` elsewhere. The condition is a mask: a constant."""
    mask = _mask(condition)
    a, b = operands(input, other)
    return record(
        np.where(mask, a.data, b.data),
        (a, lambda g, y: sum_to(chosen(mask, g), a.shape)),
        (b, lambda g, y: sum_to(chosen(~mask, g), b.shape)),
    )


def _mask(condition):
    condition = plain(condition.data if isinstance(condition, Tensor) else condition)
    if condition.dtype != bool:
        raise TypeError(f"where: a condition holds booleans, not {condition.dtype}: compare, as in x > 0")
    return condition


def chosen(mask, input):
    """``input`` where the mask holds and 0 elsewhere: the product with a mask, but 0 · ∞ is 0. Its own adjoint.

    The mask is spread over the bits of a number and meets them in an `and`: many times as fast as `np.where`.
    """
    bits = np.int32 if input.dtype == np.float32 else np.int64
    value = np.bitwise_and(input.data.view(bits), np.negative(mask.view(np.int8)).astype(bits)).view(input.dtype)
    return record(value, (input, lambda g, y: chosen(mask, g)))


def maximum(input, other):
    """The larger of the two, elementwise; a tie gives each half the gradient."""
    a, b = operands(input, other)
    return record(
        np.maximum(a.data, b.data),
        (a, lambda g, y: sum_to(_share(g, a.data > b.data, a.data == b.data), a.shape)),
        (b, lambda g, y: sum_to(_share(g, a.data < b.data, a.data == b.data), b.shape)),
    )


def minimum(input, other):
    """The smaller of the two, elementwise; a tie gives each half the gradient."""
    a, b = operands(input, other)
    return record(
        np.minimum(a.data, b.data),
        (a, lambda g, y: sum_to(_share(g, a.data < b.data, a.data == b.data), a.shape)),
        (b, lambda g, y: sum_to(_share(g, a.data > b.data, a.data == b.data), b.shape)),
    )


def _share(g, wins, ties):
    """The cotangent where an argument is chosen, half of it where both are."""
    return chosen(wins | ties, g * (1 - 0.5 * ties).astype(g.dtype))


def clamp(input, min=None, max=None):
    """``input`` limited to [min, max]; the bounds are numbers or tensors. Slope 1 on the bounds themselves.

    A bound that is NaN gives NaN.
    """
    if min is None and max is None:
        raise ValueError("clamp needs min, max or both")
    if min is not None:
        input = where((_value(input) < _value(min)) | _is_nan(min), min, input)
    if max is not None:
        input = where((_value(input) > _value(max)) | _is_nan(max), max, input)
    return input


def _value(x):
    return x.data if isinstance(x, Tensor) else x


def _is_nan(x):
    return _value(x) != _value(x)


def dropout(input, p=0.5, training=True, inplace=False, *, rng=None):
    """Each element is zeroed with probability p, the others are divided by 1 − p; the identity unless ``training``.

    Parameters
    ----------
    rng : numpy.random.Generator, optional
        Draws the mask, on the host; without it, a fresh one.
    """
    refuse(False, inplace=inplace)
    if not 0 <= p <= 1:
        raise ValueError(f"dropout: p must be a probability, got {p}")
    if not training or p == 0:
        return input
    rng = np.random.default_rng() if rng is None else rng
    kept = array_like(rng.random(input.shape) >= p, input.data)
    return chosen(kept, input / (1 - p) if p < 1 else real(input))
