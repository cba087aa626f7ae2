"""A stand-in for CuPy that computes on the CPU, so that a hidden host call is found where there is no GPU.

It does what CuPy 14 does, and refuses what CuPy refuses:

- no implicit conversion: ``np.asarray(a)`` is a TypeError, ``a.get()`` is the only way to the host;
- no mixing with NumPy arrays, only with Python and NumPy scalars (as an index a host array is copied to the device);
- NumPy's functions arrive through ``__array_ufunc__`` and ``__array_function__`` and find the function of the same name
  here, with CuPy's parameters: ``max`` has no ``initial``, and ``ndarray(x)`` takes a *shape*;
- a reduction to no axes is a 0-d array, never a NumPy scalar.

``waits`` lists the operations for which the host waits for the device: ``item``, ``bool``, ``float``, ``get``, …
"""

import functools
import operator
import sys
from types import SimpleNamespace

import numpy as np

waits = []


class ndarray:
    """An array that lives on a pretended device."""

    __array_priority__ = 100

    def __init__(self, shape, dtype=float):
        self._host = np.empty(shape, dtype)

    shape = property(operator.attrgetter("_host.shape"))
    dtype = property(operator.attrgetter("_host.dtype"))
    ndim = property(operator.attrgetter("_host.ndim"))
    size = property(operator.attrgetter("_host.size"))
    strides = property(operator.attrgetter("_host.strides"))
    T = property(lambda self: _wrap(self._host.T))

    # To the host: only when asked for

    def __array__(self, dtype=None, copy=None):
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Use .get()")

    def get(self):
        waits.append("get")
        return self._host.copy()

    def item(self):
        waits.append("item")
        return self._host.item()

    def __bool__(self):
        waits.append("bool")
        return bool(self._host)

    def __int__(self):
        waits.append("int")
        return int(self._host)

    def __float__(self):
        waits.append("float")
        return float(self._host)

    def __format__(self, form):
        return format(self.get(), form)

    # NumPy's functions

    def __array_ufunc__(self, ufunc, method, *inputs, out=(), **options):
        if method != "__call__":
            return NotImplemented
        result = ufunc(*map(_unwrap, inputs), out=tuple(map(_unwrap, out)) or None, **options)
        return out[0] if out else _wrap(result)

    def __array_function__(self, func, types, args, kwargs):
        try:
            module = functools.reduce(getattr, func.__module__.split(".")[1:], sys.modules[__name__])
            ours = getattr(module, func.__name__)
        except AttributeError:
            return NotImplemented
        return ours(*args, **kwargs)

    # Elements

    def __len__(self):
        return len(self._host)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index):
        return _wrap(self._host[_index(index)])

    def __setitem__(self, index, value):
        self._host[_index(index)] = _unwrap(value)

    def reshape(self, *shape, order="C"):
        return _wrap(self._host.reshape(*shape, order=order))

    def transpose(self, *axes):
        return _wrap(self._host.transpose(*axes))

    def view(self, dtype):
        return _wrap(self._host.view(dtype))

    def swapaxes(self, axis1, axis2):
        return _wrap(self._host.swapaxes(axis1, axis2))


def _wrap(host):
    array = ndarray.__new__(ndarray)
    array._host = np.asarray(host)
    return array


def _unwrap(value):
    if isinstance(value, ndarray):
        return value._host
    if isinstance(value, (int, float, np.generic)):
        return value
    raise TypeError(f"Unsupported type {type(value)}")


def _index(index):
    """The index for the host's array; like CuPy, at most one mask, and then no other array."""
    parts = index if isinstance(index, tuple) else (index,)
    parts = tuple(part._host if isinstance(part, ndarray) else part for part in parts)
    arrays = [np.asarray(part) for part in parts if isinstance(part, (list, np.ndarray))]
    if any(array.dtype == bool for array in arrays) and len(arrays) > 1:
        raise ValueError("currently, CuPy only supports slices that consist of one boolean array.")
    return parts


def _method(name, *parameters):
    """NumPy's method of that name, with CuPy's parameters."""

    def method(self, *args, **options):
        named = dict(zip(parameters, args, strict=False)) | options
        if len(args) > len(parameters) or not named.keys() <= set(parameters):
            raise TypeError(f"{name}({', '.join(parameters)}) got {args} and {options}")
        return _wrap(getattr(self._host, name)(**named))

    return method


for _name in ("sum", "mean"):
    setattr(ndarray, _name, _method(_name, "axis", "dtype", "out", "keepdims"))
for _name in ("max", "min", "argmax", "any", "all"):
    setattr(ndarray, _name, _method(_name, "axis", "out", "keepdims"))
for _name in ("var", "std"):
    setattr(ndarray, _name, _method(_name, "axis", "dtype", "out", "ddof", "keepdims"))
ndarray.squeeze = _method("squeeze", "axis")
ndarray.astype = _method("astype", "dtype", "order", "casting", "subok", "copy")
ndarray.copy = _method("copy", "order")


def _yields(x, y):
    """Whether the operator of y answers: CuPy's arrays ask for ``__array_ufunc__``, and without it for a priority."""
    if hasattr(y, "__array_ufunc__"):
        return y.__array_ufunc__ is None
    return x.__array_priority__ < getattr(y, "__array_priority__", 0)


def _binary(ufunc):
    def forward(self, other):
        return NotImplemented if _yields(self, other) else ufunc(self, other)

    def reflected(self, other):
        return ufunc(other, self)

    def inplace(self, other):
        return ufunc(self, other, out=self)

    return forward, reflected, inplace


_OPERATORS = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "truediv": np.divide,
    "floordiv": np.floor_divide,
    "mod": np.remainder,
    "pow": np.power,
    "matmul": np.matmul,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
}
for _name, _ufunc in _OPERATORS.items():
    for _prefix, _function in zip(("", "r", "i"), _binary(_ufunc)):
        setattr(ndarray, f"__{_prefix}{_name}__", _function)
_COMPARISONS = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}
for _name, _ufunc in _COMPARISONS.items():
    setattr(ndarray, f"__{_name}__", _binary(_ufunc)[0])
for _name, _ufunc in {"neg": np.negative, "abs": np.absolute, "invert": np.invert}.items():
    setattr(ndarray, f"__{_name}__", functools.partialmethod(lambda self, ufunc: ufunc(self), _ufunc))


# Functions, with CuPy's parameters -----------------------------------------------------------------------------------


def asarray(a, dtype=None):
    """From the host to the device: a copy."""
    return a if isinstance(a, ndarray) else _wrap(np.array(a, dtype))


def _like(function):
    def like(a, *fill, dtype=None, order="K", subok=None, shape=None):
        if subok is not None:
            raise TypeError("subok is not supported yet")
        return _wrap(function(a._host, *fill, dtype=dtype, order=order, shape=shape or None))  # an empty shape is none

    return like


empty_like, zeros_like, ones_like, full_like = map(_like, (np.empty_like, np.zeros_like, np.ones_like, np.full_like))


def broadcast_to(array, shape):
    return _wrap(np.broadcast_to(_unwrap(array), shape))


def concatenate(tup, axis=0, out=None, *, dtype=None, casting="same_kind"):
    return _wrap(np.concatenate([_unwrap(a) for a in tup], axis))


def expand_dims(a, axis):
    return _wrap(np.expand_dims(a._host, axis))


def moveaxis(a, source, destination):
    return _wrap(np.moveaxis(a._host, source, destination))


def shape(a):
    return a.shape


def tensordot(a, b, axes=2):
    return _wrap(np.tensordot(_unwrap(a), _unwrap(b), axes))


def einsum(*operands):
    return _wrap(np.einsum(*(x if isinstance(x, list) else _unwrap(x) for x in operands)))


def where(condition, x, y):
    return _wrap(np.where(*map(_unwrap, (condition, x, y))))


def clip(a, a_min, a_max, out=None):
    return _wrap(np.clip(*map(_unwrap, (a, a_min, a_max))))


def _add_at(a, indices, b):
    if a.dtype not in (np.int32, np.float16, np.float32, np.float64, np.uint32, np.uint64):
        raise TypeError(f"scatter_add does not support {a.dtype}")
    np.add.at(a._host, _index(indices), _unwrap(b))


add = SimpleNamespace(at=_add_at)


def _as_strided(x, shape=None, strides=None):
    return _wrap(np.lib.stride_tricks.as_strided(x._host, shape, strides))


def _sliding_window_view(x, window_shape, axis=None, *, subok=False, writeable=False):
    """CuPy copies the window's shape to the device and reads it back number by number, to see that none is negative."""
    waits.extend(["bool"] * len(window_shape))
    return _wrap(np.lib.stride_tricks.sliding_window_view(x._host, window_shape, axis))


lib = SimpleNamespace(stride_tricks=SimpleNamespace(as_strided=_as_strided, sliding_window_view=_sliding_window_view))
