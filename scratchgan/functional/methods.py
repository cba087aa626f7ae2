"""The operators and methods of `Tensor`: each is the function of the same name with the tensor as first argument."""

import operator

from scratchgan.functional import broadcast, elementwise, linear, reduce, shape
from scratchgan.functional.elementwise import add, div, mul, neg, operands, pow, sub
from scratchgan.functional.linear import matmul
from scratchgan.tensor import Tensor

_METHODS = {
    elementwise: "abs add clamp div exp log maximum minimum mul neg pow relu sigmoid sqrt sub tanh to",
    broadcast: "broadcast_to expand",
    reduce: "log_softmax logsumexp softmax",
    shape: "flatten gather index_select permute reshape squeeze transpose unflatten unsqueeze",
    linear: "matmul",
}

_OPERATORS = {
    "__abs__": elementwise.abs,
    "__add__": add,
    "__getitem__": shape.getitem,
    "__matmul__": matmul,
    "__mul__": mul,
    "__neg__": neg,
    "__pow__": pow,
    "__radd__": lambda self, other: add(other, self),
    "__rmatmul__": lambda self, other: matmul(other, self),
    "__rmul__": lambda self, other: mul(other, self),
    "__rpow__": lambda self, other: pow(other, self),
    "__rsub__": lambda self, other: sub(other, self),
    "__rtruediv__": lambda self, other: div(other, self),
    "__sub__": sub,
    "__truediv__": div,
    "T": property(lambda self: shape.permute(self, range(self.ndim)[::-1])),
    "mT": property(lambda self: shape.transpose(self, -2, -1)),
}


def _reduction(function):
    """A reduction as a method, which also takes NumPy's names: ``x.sum(axis=0, keepdims=True)``."""

    def method(self, dim=None, keepdim=False, *, axis=None, keepdims=False, **options):
        return function(self, dim if axis is None else axis, keepdim=keepdim or keepdims, **options)

    method.__doc__ = function.__doc__
    return method


def _comparison(compare):
    """A comparison: a tensor of booleans, through which no gradient passes."""

    def method(self, other):
        a, b = operands(self, other)
        return Tensor(compare(a.data, b.data))

    return method


for module, names in _METHODS.items():
    for name in names.split():
        setattr(Tensor, name, getattr(module, name))
for name in ("sum", "mean", "var", "std", "amax"):
    setattr(Tensor, name, _reduction(getattr(reduce, name)))
for name, function in _OPERATORS.items():
    setattr(Tensor, name, function)
for name in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(Tensor, f"__{name}__", _comparison(getattr(operator, name)))
