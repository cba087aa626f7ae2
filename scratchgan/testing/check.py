"""The gradient checker: how to know that a derivative is right.

Central differences tell the slope of f along a direction d to about eight digits in float64,

    ⟨g, (f(x + εd) − f(x − εd)) / 2ε⟩  =  ⟨Jᵀg, d⟩  + O(ε²),

and the right-hand side is what the engine computes. The cotangent g and the direction d are random: with g = 1, a
wrong derivative of a softmax or a normalisation, whose outputs have a constant sum, would pass.

The next order needs nothing new. The map (x, g) ↦ Jᵀg is itself a function of the engine, so it is checked in the
same way, in x and in g.
"""

import numpy as np

from scratchgan.tensor import Tensor, grad


def check_grads(f, args, order=2, *, eps=1e-5, rtol=1e-6, seed=0):
    """Check the derivatives of ``f`` at ``args`` against central differences.

    Parameters
    ----------
    f : callable
        Takes Tensors, one for each of ``args``, and returns a Tensor or a tuple of them.
    args : sequence of (array or Tensor)
        Floating arguments must be float64, and are differentiated; the others are constants.
    order : int
        The highest derivative to check.
    eps : float
        The step of the differences.
    rtol : float
        The error allowed at first order, relative to ‖gradient‖ · ‖direction‖; each further order is allowed ten times
        the one before.

    Raises
    ------
    AssertionError
        When analytic and numeric slope differ; says at which order, in which argument, by how much.
    TypeError
        For float32 arguments, whose differences carry no more than three digits.
    """
    arrays = [np.asarray(a.data if isinstance(a, Tensor) else a) for a in args]
    for i, array in enumerate(arrays):
        if array.dtype.kind == "f" and array.dtype != np.float64:
            raise TypeError(
                f"args[{i}] is {array.dtype}: a central difference with step {eps} is lost in its rounding, use float64"
            )
    _check(f, arrays, order, 1, eps, rtol, _generator(seed))


def _generator(seed):
    """Not ``default_rng(seed)``: a caller who drew x from that would be given x again as the cotangent."""
    return np.random.default_rng([seed, 1])


def _check(f, arrays, order, level, eps, rtol, rng):
    free = [i for i, array in enumerate(arrays) if array.dtype.kind == "f"]
    cotangents = [rng.standard_normal(y.shape) for y in _values(f, arrays)]
    gradients = _gradient_function(f, arrays, free)(*arrays, *cotangents)
    for i, gradient in zip(free, gradients):
        d = rng.standard_normal(arrays[i].shape)
        ahead, behind = (_values(f, [*arrays[:i], arrays[i] + s * eps * d, *arrays[i + 1 :]]) for s in (1, -1))
        numeric = sum((g * (a - b)).sum() for g, a, b in zip(cotangents, ahead, behind)) / (2 * eps)
        analytic = (gradient.data * d).sum()
        scale = np.linalg.norm(gradient.data) * np.linalg.norm(d) + abs(numeric)
        if not abs(analytic - numeric) <= rtol * scale + 1e-9:
            raise AssertionError(
                f"derivative of order {level} in argument {i} of shape {arrays[i].shape}: "
                f"analytic slope {analytic:.10g}, numeric {numeric:.10g}, apart by {abs(analytic - numeric):.2g}"
            )
    if level < order:
        derivative = _gradient_function(f, arrays, free)
        _check(derivative, [*arrays, *cotangents], order, level + 1, eps, 10 * rtol, rng)


def _values(f, arrays):
    """Copies of the outputs of f: a view of its input would move with it."""
    return [np.array(y.data) for y in _outputs(f(*(Tensor(array) for array in arrays)))]


def _outputs(value):
    return (value,) if isinstance(value, Tensor) else tuple(value)


def _gradient_function(f, arrays, free):
    """(x, g) ↦ Jᵀg, as a function of the engine."""

    def gradient(*tensors):
        tensors = [x if isinstance(x, Tensor) else Tensor(x) for x in tensors]
        points, cotangents = list(tensors[: len(arrays)]), tensors[len(arrays) :]
        for i in free:  # a point that nobody differentiates further is made a leaf here
            points[i] = points[i] if points[i].requires_grad else Tensor(points[i].data, requires_grad=True)
        outputs = _outputs(f(*points))
        return grad(outputs, [points[i] for i in free], cotangents, create_graph=True, allow_unused=True)

    return gradient


def check_adjoint(f, x, adjoint=None, *, rtol=1e-12, seed=0):
    """Check the identity ⟨y, A x⟩ = ⟨Aᵀy, x⟩ of a linear function A and its adjoint: exact, no differences needed.

    Parameters
    ----------
    f : callable
        Linear: Tensor -> Tensor.
    x : array
    adjoint : callable, optional
        Aᵀ: Tensor -> Tensor. Without it, the vjp of ``f``, and also the vjp of that, which must be A again.

    Raises
    ------
    AssertionError
        When the two sides differ by more than ``rtol``, relative to ‖y‖ · ‖A x‖ + ‖Aᵀy‖ · ‖x‖.
    """
    x = Tensor(x, requires_grad=True)
    ax = f(x)
    y = Tensor(_generator(seed).standard_normal(ax.shape).astype(ax.dtype), requires_grad=True)
    aty = adjoint(y) if adjoint else grad(ax, x, y, create_graph=True)[0]
    _compare("⟨y, A x⟩ and ⟨Aᵀy, x⟩", y.data, ax.data, aty.data, x.data, rtol)
    if not adjoint:
        (again,) = grad(aty, y, x.detach())
        _compare("⟨y, A x⟩ and ⟨y, Aᵀᵀx⟩", y.data, ax.data, again.data, y.data, rtol)


def _compare(what, a, b, c, d, rtol):
    left, right = (a * b).sum(), (c * d).sum()
    scale = np.linalg.norm(a) * np.linalg.norm(b) + np.linalg.norm(c) * np.linalg.norm(d)
    if not abs(left - right) <= rtol * scale:
        raise AssertionError(f"{what} differ: {left:.15g} and {right:.15g}")
