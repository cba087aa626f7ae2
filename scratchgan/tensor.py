"""The engine: a tensor is a node of a graph, and `grad` sweeps the graph backwards.

Reverse mode is the transpose of a linear map
---------------------------------------------
A program computes y = f(x) through primitive steps. The derivative of a step at a point is a linear map J, and the
gradient of a scalar needs only its transpose: the *vector-Jacobian product* g ↦ Jᵀg, which takes the cotangent g of
the step's result (the gradient with respect to it) to the cotangent of its argument. The chain rule multiplies the
maps, so their transposes are applied from the last step to the first. That is all `grad` does.

Every vjp is itself written in differentiable functions, so it can be recorded and differentiated again, to any order:
linear functions come in *adjoint pairs*, each the derivative of the other (sum and broadcast, index and scatter,
convolution and transposed convolution); an elementwise φ needs only φ' written in the same functions.

The golden rule
---------------
A raw array captured in a derivative is a constant to the next derivative. Capture raw only what has zero derivative
almost everywhere: masks, indices, shapes, random draws. Everything else that a vjp reads is a `Tensor`.

A whole primitive, with its derivatives of every order::

    def tanh(input):
        return record(np.tanh(input.data), (input, lambda g, y: g * (1 - y * y)))

The result ``y`` is *passed in* to the vjp, never captured: a node would otherwise refer to itself, and memory could
not be freed by reference counting alone.
"""

import itertools
import threading
from contextlib import contextmanager
from operator import attrgetter

import numpy as np

from scratchgan.backend import is_array, plain, to_numpy

_creation = itertools.count()


class _Mode(threading.local):
    recording = True  # False under no_grad; None in a sweep that is not recorded, where arguments are known to be right


_mode = _Mode()


class Tensor:
    """An immutable array that remembers how it was made.

    Parameters
    ----------
    data : array_like
        Wrapped without a copy when it is a NumPy or CuPy array: float32, float64, integers or booleans. A subclass,
        such as `np.matrix`, is wrapped as the plain array that it holds.
    requires_grad : bool
        Whether gradients are asked for with respect to this tensor; its data must then be floating.

    Attributes
    ----------
    data : array
        The value. The dtype of a result follows the data: float32 stays float32.
    edges : tuple of (Tensor, callable)
        The tensors this one was computed from, each with the vjp ``(g, y) -> cotangent of that parent``.
    number : int
        The order of creation. A parent is older than its child, so numbers sort the graph topologically.

    Raises
    ------
    TypeError
        For data that is not real numbers, is float16 or masked, or is not floating although ``requires_grad``.
    """

    __slots__ = ("_data", "requires_grad", "edges", "number", "__weakref__")
    __array_priority__ = 1000  # ndarray * Tensor calls Tensor.__rmul__; np.sin(tensor) is refused by __array__

    def _assigned(self, *_):
        raise TypeError(
            "a Tensor is an immutable value and cannot be assigned to; build a new one: "
            "where(mask, new, old), cat([...]), stack([...]) or pad(...)"
        )

    __setitem__ = _assigned
    data = property(attrgetter("_data"), _assigned)
    shape = property(attrgetter("_data.shape"))
    ndim = property(attrgetter("_data.ndim"))
    dtype = property(attrgetter("_data.dtype"))

    def __init__(self, data, requires_grad=False):
        if isinstance(data, Tensor):
            raise TypeError("data is a Tensor already; x.detach() is the same value without its history")
        data = _differentiable(data) if requires_grad else plain(data)
        self._data, self.requires_grad, self.edges, self.number = data, requires_grad, (), next(_creation)

    def detach(self):
        """The same value as a constant: no gradient passes through it."""
        return Tensor(self._data)

    def numpy(self):
        """The value as a NumPy array (copied from the GPU if it is there)."""
        return to_numpy(self._data)

    def item(self):
        """The value of a one-element tensor as a Python number."""
        return self._data.item()

    def numel(self):
        """The number of elements."""
        return self._data.size

    def __reduce__(self):
        """Copies and pickles are new nodes: the same value, without its history."""
        return Tensor, (self._data, self.requires_grad and not self.edges)

    def __len__(self):
        return len(self._data)

    def __iter__(self):
        if not self.ndim:
            raise TypeError("cannot iterate over a 0-d Tensor")
        return (self[i] for i in range(len(self)))

    def __bool__(self):
        return bool(self._data)

    def __float__(self):
        return float(self._data)

    def __format__(self, spec):
        return format(self.item(), spec) if spec else str(self)

    def __array__(self, dtype=None, copy=None):
        raise TypeError(
            "NumPy does not know a Tensor: x.numpy() is its value, x.exp() or functional.exp(x) keeps its gradient, "
            "functional.stack joins several"
        )

    def __repr__(self):
        tail = ", requires_grad=True" if self.requires_grad else ""
        return f"Tensor({np.array2string(self.numpy(), separator=', ', prefix='Tensor(')}, dtype={self.dtype}{tail})"


class Parameter(Tensor):
    """A tensor that a model learns. Its ``data`` may be replaced, and only an optimiser or a loader does so.

    Replacing the data renews ``number``: a graph recorded before then has a parent younger than its child, which `grad`
    reports instead of mixing old values with new ones.
    """

    __slots__ = ()

    def __init__(self, data):
        super().__init__(data, requires_grad=True)

    def __reduce__(self):
        return Parameter, (self._data,)

    @property
    def data(self):
        """The current value."""
        return self._data

    @data.setter
    def data(self, value):
        value = _differentiable(value)
        if value.shape != self.shape:
            raise ValueError(f"a parameter of shape {self.shape} cannot have data of shape {value.shape}")
        self._data, self.number = value, next(_creation)


def record(data, *edges):
    """The result ``data`` of a primitive as a `Tensor`.

    Parameters
    ----------
    data : array
    *edges : (Tensor, callable)
        For each argument the vjp ``(g, y) -> cotangent of the argument``, where ``g`` is the cotangent of the result
        and ``y`` the result, both Tensors. Arguments that require no gradient are dropped.

    Raises
    ------
    TypeError
        For an argument that is no Tensor, or holds integers although the result is of real numbers.
    """
    node, recording = Tensor.__new__(Tensor), _mode.recording
    node._data, node.number = _array(data), next(_creation)
    try:
        node.edges = tuple([edge for edge in edges if edge[0].requires_grad]) if recording else ()
    except AttributeError:
        _check_arguments(edges, node._data)
        raise
    if not node.edges and recording is not None:
        _check_arguments(edges, node._data)
    node.requires_grad = bool(node.edges)
    return node


def _array(data):
    """NumPy's functions give a scalar for what would be an array without axes."""
    return np.asarray(data) if isinstance(data, np.generic) else data


@contextmanager
def _recording(flag):
    before, _mode.recording = _mode.recording, flag
    try:
        yield
    finally:
        _mode.recording = before


def no_grad():
    """A context (or, as ``@no_grad()``, a decorator) in which nothing is recorded: results are constants."""
    return _recording(False)


def is_recording():
    """Whether operations are being recorded, that is, whether a derivative of the results may be asked for."""
    return bool(_mode.recording)


def grad(
    outputs,
    inputs,
    grad_outputs=None,
    retain_graph=None,
    create_graph=False,
    only_inputs=True,
    allow_unused=False,
    is_grads_batched=False,
    materialize_grads=False,
):
    """The gradients of ``outputs`` with respect to ``inputs``: Σₖ Jₖᵀ gₖ over the outputs k.

    Nothing is stored on any tensor, and only edges on a path from an input to an output are followed: the gradient of
    a critic with respect to its data computes no gradient of its weights.

    Parameters
    ----------
    outputs : Tensor or sequence of Tensor
    inputs : Tensor or sequence of Tensor
    grad_outputs : Tensor or sequence of (Tensor or None), optional
        The cotangent of each output, of its shape and dtype. May be left out (or None) for a scalar output: 1.
    retain_graph : bool, optional
        PyTorch's. It changes nothing here: a graph is never taken apart, and lives as long as its outputs do.
    create_graph : bool
        Record the sweep, so that the gradients can be differentiated again.
    allow_unused, materialize_grads : bool
        Give zeros for an input that no output depends on, instead of an error.
    only_inputs, is_grads_batched : bool
        PyTorch's, at their only values.

    Returns
    -------
    tuple of Tensor
        One for each input, of its shape and dtype.

    Raises
    ------
    ValueError
        For a non-scalar output without ``grad_outputs``, a cotangent of another shape or dtype, an input that no
        output depends on.
    RuntimeError
        When a parameter was updated after the graph was recorded.
    TypeError
        When the derivative of a primitive gives no Tensor.
    NotImplementedError
        For ``only_inputs=False`` (nothing is accumulated anywhere) and ``is_grads_batched=True``.
    """
    refuse(True, only_inputs=only_inputs)
    refuse(False, is_grads_batched=is_grads_batched)
    outputs, inputs = _tensors(outputs, "outputs"), _tensors(inputs, "inputs")
    grad_outputs = _given(outputs, grad_outputs)
    ancestors = _ancestors(outputs)
    if not (allow_unused or materialize_grads):
        _refuse_unreachable(inputs, ancestors)
    live = _depending_on(inputs, ancestors)
    kept, cotangents = {x.number for x in inputs}, {}
    with _recording(create_graph or None):
        for output, g in zip(outputs, grad_outputs):
            _accumulate(cotangents, output, _seed(output, g))
        for number in sorted(live, reverse=True):
            node = ancestors[number]
            g = cotangents[number] if number in kept else cotangents.pop(number)
            for parent, vjp in node.edges:
                if parent.number in live:
                    _accumulate(cotangents, parent, vjp(g, node))
        return tuple(cotangents[x.number] if x.number in ancestors else Tensor(np.zeros_like(x.data)) for x in inputs)


def _seed(output, g):
    """Where the sweep begins: at 1, or at a copy of the given cotangent, so that no gradient shares its memory."""
    if g is None:
        return Tensor(np.ones_like(output.data))
    return record(g.data.copy(order="K"), (g, lambda h, y: h))


def _accumulate(cotangents, node, g):
    if not isinstance(g, Tensor):
        raise TypeError(
            f"a vjp gave {type(g).__name__} as the gradient of its argument of shape {node.shape}: it must give a "
            "Tensor, computed from g and the arguments themselves: g.data and x.data are constants to later derivatives"
        )
    known = cotangents.get(node.number)
    cotangents[node.number] = g if known is None else known + g


def _ancestors(outputs):
    """Everything the outputs were computed from, themselves included: {number: node}. Iterative: graphs are deep."""
    found, stack = {}, list(outputs)
    while stack:
        node = stack.pop()
        if node.number not in found:
            found[node.number] = node
            for parent, _ in node.edges:
                if parent.number > node.number:
                    raise RuntimeError(
                        f"a parameter of shape {parent.shape} was updated after this graph was recorded with its old "
                        "value; compute all gradients before an optimiser steps, or run the forward pass again"
                    )
                stack.append(parent)
    return found


def _depending_on(inputs, ancestors):
    """The numbers of those ancestors that depend on an input. Parents sort before children, so one pass is enough."""
    live = {x.number for x in inputs if x.number in ancestors}
    for number in sorted(ancestors):
        for parent, _ in ancestors[number].edges:
            if parent.number in live:
                live.add(number)
                break
    return live


# What is refused ------------------------------------------------------------------------------------------------------


def no_tensor(name, value, due="a Tensor"):
    """The error that something else was given where a Tensor is due."""
    return TypeError(f"{name} must be {due}, not {type(value).__name__}; an array is wrapped as Tensor(array)")


def floating(**tensors):
    """Refuse what is no Tensor of floating numbers, by its name: ``floating(real=real, fake=fake)``.

    Raises
    ------
    TypeError
    """
    for name, x in tensors.items():
        if not isinstance(x, Tensor):
            raise no_tensor(name, x)
        if x.dtype.kind != "f":
            raise _integers(name, x)


def _integers(name, x):
    return TypeError(
        f"{name} must hold floating numbers, not {x.dtype}: convert it with x.to(np.float32), "
        "and scale pixels to the range of your network"
    )


def _differentiable(data):
    data = plain(data)
    if data.dtype.kind != "f":
        raise TypeError(
            f"only floating data can require a gradient, got {data.dtype}; convert it: array.astype(np.float32)"
        )
    return data


def _check_arguments(edges, result):
    """As in PyTorch, a function of real numbers either converts integers itself, or does not know what they mean."""
    if not is_array(result):  # of two numbers
        raise no_tensor("an argument", result)
    for x, _ in edges:
        if not hasattr(x, "requires_grad"):
            raise no_tensor("an argument", x)
        if x.dtype is not None and x.dtype.kind != "f" and result.dtype.kind == "f":
            raise _integers("an argument", x)


def refuse(default, **options):
    """Raise for an option that differs from the only value supported, given once or for each axis.

    Raises
    ------
    NotImplementedError
        Naming the option, as in ``refuse(1, dilation=dilation)``.
    """
    for name, value in options.items():
        if value not in (default, (default,), (default, default), [default], [default, default]):
            raise NotImplementedError(f"{name}={value!r} is not supported, only {default!r}")


def _tensors(value, name):
    try:
        values = (value,) if isinstance(value, Tensor) else tuple(value)
    except TypeError:
        raise no_tensor(name, value, "a Tensor, or several") from None
    floating(**{f"{name}[{i}]": x for i, x in enumerate(values)})
    return values


def _given(outputs, grad_outputs):
    """The cotangent given for each output, or None, checked."""
    if grad_outputs is None:
        grad_outputs = (None,) * len(outputs)
    elif isinstance(grad_outputs, Tensor) or is_array(grad_outputs):
        grad_outputs = (grad_outputs,)
    elif not isinstance(grad_outputs, (tuple, list)):
        raise no_tensor("grad_outputs", grad_outputs, "a Tensor for each output")
    if len(grad_outputs) != len(outputs):
        raise ValueError(f"{len(outputs)} outputs but {len(grad_outputs)} grad_outputs")
    for output, g in zip(outputs, grad_outputs):
        _check_cotangent(output, g)
    return grad_outputs


def _check_cotangent(output, g):
    if g is None:
        if output.numel() != 1:
            raise ValueError(
                f"an output of shape {output.shape} is no scalar: pass grad_outputs, or reduce it with sum() or mean()"
            )
    elif not isinstance(g, Tensor):
        raise no_tensor("a cotangent in grad_outputs", g)
    elif g.shape != output.shape or g.dtype != output.dtype:
        raise ValueError(
            f"a cotangent has shape {g.shape} and dtype {g.dtype}, its output {output.shape} and {output.dtype}"
        )


def _refuse_unreachable(inputs, ancestors):
    for i, x in enumerate(inputs):
        if x.number not in ancestors:
            why = "" if x.requires_grad else " (it has requires_grad=False)"
            raise ValueError(
                f"the outputs do not depend on inputs[{i}], of shape {x.shape}{why}; "
                "allow_unused=True gives zeros for it"
            )
