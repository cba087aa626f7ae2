"""The operators and methods of `Tensor`: each is the function of the same name with the tensor as first argument."""

import operator

import numpy as np

from scratchgan.functional import broadcast, elementwise, linear, reduce, shape
from scratchgan.functional.elementwise import add, div, mul, neg, operands, pow, sub
from scratchgan.functional.linear import matmul
from scratchgan.tensor import Tensor

# fmt: off
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


_ELSEWHERE = {
    "backward grad zero_grad retain_grad grad_fn is_leaf register_hook":
        "gradients are returned and stored nowhere: scratchgan.grad(loss, parameters)",
    "requires_grad_": "say it when it is made: Tensor(array, requires_grad=True)",
    "size dim nelement": "use x.shape, x.ndim, x.numel()",
    "view view_as contiguous": "use x.reshape(...)",
    "clone copy": "it is immutable and needs no copy; x.detach() is the same value without its history",
    "cuda cpu device": 'use x.numpy() for its value on the host, module.to("gpu") for a network',
    "float double half long int bool type astype": "use x.to(np.float32)",
    "max min argmax argmin": "use x.amax(dim), -(-x).amax(dim), x.numpy().argmax(dim)",
    "tolist": "use x.numpy().tolist()",
    "norm square": "use (x * x).sum(dim).sqrt(), x * x",
    "chunk split": "use slices, x[:n] and x[n:]",
    "add_ sub_ mul_ div_ pow_ neg_ clamp_ zero_ fill_ copy_ normal_ uniform_ relu_ exp_ sqrt_ abs_":
        "a Tensor is an immutable value: x = x + y makes a new one, parameter.data = array replaces a parameter's",
}
# fmt: on


def _absent(name, instead):
    """A name of PyTorch's that is missing here, whose use says what to write instead."""

    def missing(self, *value):
        raise AttributeError(f"a Tensor has no {name!r}: {instead}")

    return property(missing, missing)


def _reduction(function):
    """A reduction as a method, which also takes NumPy's names: ``x.sum(axis=0, keepdims=True)``."""

    def method(self, dim=None, keepdim=False, *, axis=None, keepdims=False, **numpys):
        _refuse(function, numpys, keepdim=keepdim)
        return function(self, dim if axis is None else axis, keepdim=keepdim or keepdims)

    method.__doc__ = function.__doc__
    return method


def _spread(function):
    """The same of ``var`` and ``std``, which have PyTorch's ``unbiased`` before ``keepdim``."""

    def method(self, dim=None, unbiased=None, keepdim=False, *, correction=None, axis=None, keepdims=False, **numpys):
        _refuse(function, numpys, unbiased=unbiased, keepdim=keepdim)
        dim = dim if axis is None else axis
        return function(self, dim, unbiased, correction=correction, keepdim=keepdim or keepdims)

    method.__doc__ = function.__doc__
    return method


def _refuse(function, numpys, **flags):
    """``np.mean(x)`` calls ``x.mean(axis=None, dtype=None, out=None)``; in NumPy the second position is the dtype."""
    name = function.__name__
    for flag, value in flags.items():
        if not (value is None or isinstance(value, (bool, np.bool_))):
            raise TypeError(f"{name}: {flag} must be True or False, not {value!r}")
    if numpys:
        raise TypeError(
            f"{name}() takes no {', '.join(numpys)}; if np.{name}(x) was meant, NumPy does not know a Tensor: "
            f"x.{name}() keeps its gradient, np.{name}(x.numpy()) does not"
        )


def _comparison(compare):
    """A comparison: a tensor of booleans, through which no gradient passes."""

    def method(self, other):
        a, b = operands(self, other)
        return Tensor(compare(a.data, b.data))

    return method


for module, names in _METHODS.items():
    for name in names.split():
        setattr(Tensor, name, getattr(module, name))
for name in ("sum", "mean", "amax"):
    setattr(Tensor, name, _reduction(getattr(reduce, name)))
for name in ("var", "std"):
    setattr(Tensor, name, _spread(getattr(reduce, name)))
for name, function in _OPERATORS.items():
    setattr(Tensor, name, function)
for name in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(Tensor, f"__{name}__", _comparison(getattr(operator, name)))
for names, instead in _ELSEWHERE.items():
    for name in names.split():
        setattr(Tensor, name, _absent(name, instead))
