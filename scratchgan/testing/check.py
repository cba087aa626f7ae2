"""The gradient checker: how to know that a derivative is right.

Central differences tell the slope of f along a direction d to about eight digits in float64,

    ⟨g, (f(x + εd) − f(x − εd)) / 2ε⟩  =  ⟨Jᵀg, d⟩  + O(ε²),

and the right-hand side is what the engine computes. The cotangent g and the direction d are random: with g = 1, a
wrong derivative of a softmax or a normalisation, whose outputs have a constant sum, would pass.

The next order needs nothing new. The map (x, g) ↦ Jᵀg is itself a function of the engine, so it is checked in the
same way, in x and in g.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from scratchgan.hints import Function, Operand, Random
from scratchgan.tensor import Tensor, grad
from scratchgan.testing.explain import explain, kink


def check_grads(
    f: Function, args: Sequence[Operand], order: int = 2, *, eps: float = 1e-5, rtol: float = 1e-6, seed: int = 0
) -> None:
    """Check the derivatives of ``f`` at ``args`` against central differences.

    Parameters
    ----------
    f : callable
        Takes Tensors, one for each of ``args``, and returns a Tensor or a tuple of them.
    args : sequence of (array or Tensor)
        Floating arguments must be float64, and are differentiated; the others are constants. Choose a point away from
        the kinks of ``f``: a difference across one is no derivative.
    order : int
        The highest derivative to check, at least 1.
    eps : float
        The step of the differences.
    rtol : float
        The error allowed at first order, relative to the norm of the gradient; each further order is allowed ten times
        the one before.
    seed : int
        Of the random cotangents and directions.

    Raises
    ------
    AssertionError
        When an analytic and a numeric slope differ: says at which order, in which argument and entry, by how much, and
        what the likely cause is. Also when ``f`` has a kink here, writes into an argument, or is not deterministic.
    TypeError
        For arguments or results in float32, whose differences carry no more than three digits.
    ValueError
        When there is nothing to differentiate.
    """
    for slope in slopes(f, args, order, eps=eps, seed=seed):
        broken = kink(slope)
        if broken or not slope.error <= allowed(slope.point.order, rtol):
            raise AssertionError(broken or explain(slope))


def allowed(order: int, rtol: float = 1e-6) -> float:
    """The relative error that passes at an order: ten times that of the order before, for its longer computations."""
    return rtol * 10 ** (order - 1)


def worst_errors(
    f: Function, args: Sequence[Operand], order: int = 2, *, eps: float = 1e-5, seed: int = 0
) -> list[float]:
    """The worst relative error that `check_grads` would see at each order: a list of floats."""
    errors = [[] for _ in range(order)]
    for slope in slopes(f, args, order, eps=eps, seed=seed):
        errors[slope.point.order - 1].append(slope.error)
    return [float(np.max(each)) for each in errors]  # a NaN is the worst of all


def slopes(
    f: Function, args: Sequence[Operand], order: int = 2, *, eps: float = 1e-5, seed: int = 0
) -> Iterator["Slope"]:
    """What `check_grads` compares: a `Slope` for each order and each floating argument."""
    if order < 1:
        raise ValueError(f"order must be at least 1, got {order}")
    arrays, rng = _float64(args), generator(seed)
    point = Point(f, arrays, [f"argument {i}" for i in range(len(arrays))], eps, rng)
    while True:
        for i in point.free:
            yield point.slope(i, rng.standard_normal(point.arrays[i].shape))
        if point.order >= order:
            return
        point = point.next(rng)


def generator(seed: int) -> Random:
    """Not ``default_rng(seed)``: a caller who drew x from that would be given x again as the cotangent."""
    return np.random.default_rng([seed, 1])


def _float64(args):
    """Copies of the arguments: a careless function must not write into the caller's."""
    arrays = [np.array(a.data if isinstance(a, Tensor) else a) for a in args]
    for i, array in enumerate(arrays):
        if array.dtype.kind == "f" and array.dtype != np.float64:
            raise TypeError(f"args[{i}] is {array.dtype}: small differences of it are lost in rounding, use float64")
    if not any(array.dtype.kind == "f" for array in arrays):
        dtypes = ", ".join(str(array.dtype) for array in arrays) or "no arguments"
        raise ValueError(f"there is nothing to differentiate, no argument is floating: {dtypes}")
    return arrays


@dataclass(frozen=True)
class Slope:
    """The slope at a point, along a direction in one argument: by the engine's gradient, and by a difference."""

    point: "Point"
    argument: int
    direction: np.ndarray
    gradient: np.ndarray
    left: float
    right: float

    @property
    def name(self) -> str:
        """What the argument is, in words."""
        return self.point.names[self.argument]

    @property
    def analytic(self) -> float:
        """⟨Jᵀg, d⟩."""
        return float((self.gradient * self.direction).sum())

    @property
    def numeric(self) -> float:
        """The central difference, the mean of those to the left and to the right."""
        return (self.left + self.right) / 2

    @property
    def gap(self) -> float:
        """|analytic − numeric|."""
        return abs(self.analytic - self.numeric)

    @property
    def rounding(self) -> float:
        """How much of a difference may be rounding of the values that are subtracted."""
        size = sum(np.abs(g * y).sum() for g, y in zip(self.point.cotangents, self.point.here))
        return float(np.finfo(np.float64).eps * size / self.point.eps)

    @property
    def error(self) -> float:
        """The gap, relative to the norm of the gradient (and to no less than 10⁻³)."""
        return float(self.gap / (np.linalg.norm(self.gradient) + abs(self.numeric) + 1e-3))


class Point:
    """A function at given arguments, with a random cotangent for each of its results.

    Attributes
    ----------
    names : list of str
        What each argument is: "argument 0", "the cotangent of result 0".
    free : list of int
        The floating arguments, which are differentiated.
    gradient : callable
        (x, g) ↦ Jᵀg, the function of the next order.
    order : int
        Of the derivatives that are taken here.
    """

    def __init__(
        self,
        f: Function,
        arrays: list[np.ndarray],
        names: list[str],
        eps: float,
        rng: Random,
        results: list[str] | None = None,
        order: int = 1,
    ):
        self.f, self.arrays, self.names, self.eps, self.order = f, arrays, names, eps, order
        self.free = [i for i, array in enumerate(arrays) if array.dtype.kind == "f"]
        self.here = self._values_that_stay()
        self.results = results or [f"result {k}" for k in range(len(self.here))]
        self.cotangents = [rng.standard_normal(y.shape) for y in self.here]
        self.gradient = _gradient_function(f, len(arrays), self.free)
        gradients = self.gradient(*map(Tensor, [*arrays, *self.cotangents]))
        self.gradients = {i: g.data for i, g in zip(self.free, gradients, strict=True)}
        for i, g in self.gradients.items():
            if g.shape != arrays[i].shape or g.dtype != np.float64:
                raise AssertionError(
                    f"the gradient of order {order} in {names[i]}, of shape {arrays[i].shape}, has shape {g.shape} and "
                    f"dtype {g.dtype}: a vjp does not undo a broadcast, a reshape or a conversion"
                )

    def next(self, rng: Random) -> "Point":
        """The gradient at the same arguments and cotangents: one order further."""
        names = [*self.names, *(f"the cotangent of {result}" for result in self.results)]
        results = [f"the gradient in {self.names[i]}" for i in self.free]
        return Point(self.gradient, [*self.arrays, *self.cotangents], names, self.eps, rng, results, self.order + 1)

    def values(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        """Copies of the results of f: they may lie in a buffer that the next call overwrites."""
        results = _as_tuple(self.f(*map(Tensor, arrays)))
        for k, y in enumerate(results):
            if not isinstance(y, Tensor) or y.dtype != np.float64:
                kind = y.dtype if isinstance(y, Tensor) else type(y).__name__
                raise TypeError(f"result {k} of the function is {kind}: float64 Tensors can be checked")
        return [y.data.copy() for y in results]

    def _values_that_stay(self):
        """The values of f, which must be the same in another call, as must its arguments."""
        before = [array.copy() for array in self.arrays]
        first, second = self.values(self.arrays), self.values(self.arrays)
        for name, array, copy in zip(self.names, self.arrays, before):
            if not np.array_equal(array, copy, equal_nan=True):
                raise AssertionError(f"the function writes into {name}, of shape {array.shape}: work on a copy")
        for k, (a, b) in enumerate(zip(first, second, strict=True)):
            if not np.allclose(a, b, rtol=1e-12, atol=1e-12, equal_nan=True):
                raise AssertionError(
                    f"not deterministic: result {k} differs by up to {np.abs(a - b).max():.3g} between two calls with "
                    "the same arguments; let each call make its random generator anew, or switch to evaluation"
                )
        return first

    def slope(self, i: int, d: np.ndarray, eps: float | None = None) -> Slope:
        """Along d in argument i."""
        eps = eps or self.eps
        left, right = self._change(i, -eps * d) / -eps, self._change(i, eps * d) / eps
        return Slope(self, i, d, self.gradients[i], left, right)

    def _change(self, i, step):
        """⟨g, f(x + step) − f(x)⟩, the step in argument i."""
        there = self.values([*self.arrays[:i], self.arrays[i] + step, *self.arrays[i + 1 :]])
        return sum(float((g * (a - b)).sum()) for g, a, b in zip(self.cotangents, there, self.here))


def _as_tuple(value):
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def _gradient_function(f, count, free):
    """(x, g) ↦ Jᵀg, as a function of the engine; the first ``count`` of its arguments are x."""

    def gradient(*tensors):
        points, cotangents = list(tensors[:count]), tensors[count:]
        for i in free:  # a point that nobody differentiates further is made a leaf here
            points[i] = points[i] if points[i].requires_grad else Tensor(points[i].data, requires_grad=True)
        results = _as_tuple(f(*points))
        return grad(results, [points[i] for i in free], cotangents, create_graph=True, allow_unused=True)

    return gradient
