"""What tests of derivatives share: a function's value and two derivatives, a network as a function of its weights."""

from contextlib import contextmanager

import numpy as np

from scratchgan import Parameter, Tensor, grad
from scratchgan.tensor import record


def value_and_derivatives(f, arrays, prepare=lambda array: array, lay_out=lambda array: array):
    """y, then Jᵀg in each floating argument, then the derivatives of these in each argument and in g.

    Parameters
    ----------
    f : callable
    arrays : list of array
    prepare : callable
        Applied to every array that is handed in: to the arguments and to the cotangents.
    lay_out : callable
        Applied to the cotangents before.

    Returns
    -------
    list of Tensor
    """
    rng = np.random.default_rng(1)
    arguments = [Tensor(prepare(a), requires_grad=a.dtype.kind == "f") for a in arrays]
    inputs = [x for x in arguments if x.requires_grad]

    def cotangent(y):
        drawn = np.asarray(lay_out(np.asarray(rng.standard_normal(y.shape)))).astype(y.dtype, copy=False)
        return Tensor(prepare(drawn), requires_grad=True)

    y = f(*arguments)
    g = cotangent(y)
    first = grad(received([y], [g]), inputs, create_graph=True, allow_unused=True)
    second = grad(received(first, [cotangent(d) for d in first]), [*inputs, g], allow_unused=True)
    return [y, *first, *second]


def received(results, cotangents):
    """A number whose derivative in each result is the cotangent itself, where `grad` would hand on a copy of it."""
    edges = [(y, lambda h, z, g=g: g) for y, g in zip(results, cotangents, strict=True)]
    return record(np.zeros_like(results[0].data, shape=1), *edges)


@contextmanager
def weights_replaced(module, tensors):
    """The module with ``tensors`` in the places of its parameters, in the order of ``module.parameters()``."""
    slots = [slot for slot in module.slots().values() if isinstance(getattr(*slot), Parameter)]
    parameters = [getattr(*slot) for slot in slots]
    try:
        for (owner, name), tensor in zip(slots, tensors, strict=True):
            vars(owner)[name] = tensor  # which a module would refuse: it is no Parameter
        yield
    finally:
        for (owner, name), parameter in zip(slots, parameters):
            vars(owner)[name] = parameter


def jacobian(f, x):
    """∂f(x)_d / ∂x_e of one example x (…) and a function of batches (N, …): (D, E), from one sweep.

    A copy of x for each output: the sum of output d of copy d has its row d as its slope in copy d.
    """
    outputs = f(Tensor(x[None])).numel()
    copies = Tensor(np.repeat(x[None], outputs, 0), requires_grad=True)
    y = f(copies).reshape(outputs, outputs)
    (g,) = grad((y * Tensor(np.eye(outputs))).sum(), copies)
    return g.data.reshape(outputs, -1)
