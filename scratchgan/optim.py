"""Optimisers: ``step(grads)`` moves exactly the parameters the optimiser was given, by gradients that `grad` returned.

    critic_optimizer.step(grad(critic_loss, critic.parameters()))

There is no ``.grad`` to forget to clear, so no gradient can leak from one player's loss into the other's step.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from scratchgan.backend import to_numpy
from scratchgan.hints import Array
from scratchgan.nn.module import Module
from scratchgan.nn.options import Number, Several, options_of
from scratchgan.nn.state import fitted
from scratchgan.tensor import Parameter, Tensor

STEP = "optimizer.step(grad(loss, optimizer.params))"
HABITS = {
    "zero_grad": f"gradients are values, so there is nothing to clear: {STEP}",
    "param_groups": "the options are attributes, as in optimizer.lr = 1e-4; another group has an optimiser of its own",
    "add_param_group": "another group has an optimiser of its own",
}  # of those who come from PyTorch, and what they find here
PART = 2**16  # numbers that are moved at once


class Optimizer:
    """What the optimisers share: checks, weight decay, and a state that saves and loads.

    Parameters
    ----------
    params : iterable of Parameter
        A module that is given another Parameter later learns no longer: make a new optimiser then.
    lr : float
        The learning rate, ≥ 0. It may be changed between steps, as may all options.
    weight_decay : float
        Adds ``weight_decay`` · w to each gradient.

    Raises
    ------
    TypeError, ValueError
        For what is no Parameter, a Parameter given twice, an option that is no number or out of its interval.

    Attributes
    ----------
    common : callable or None
        ``(arrays) -> arrays``: makes the gradients of several processes that train together their mean, see
        `scratchgan.ranks`.
    """

    lr, weight_decay = Number("[0, ∞)"), Number("[0, ∞)")
    common = None
    entrywise = False  # whether each entry of a parameter is moved by itself, so that parts of it may be
    buffers = ()  # the names of the arrays kept for each parameter, each zero at the start

    def __init__(self, params: Iterable[Parameter], lr: float, weight_decay: float = 0):
        self.params, self.lr, self.weight_decay, self.steps = _parameters(params), lr, weight_decay, 0
        self.state = [{name: np.zeros_like(p.data) for name in self.buffers} for p in self.params]

    def __getattr__(self, name):
        instead = f": {HABITS[name]}" if name in HABITS else ""
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}{instead}")

    def step(self, grads: Iterable[Tensor] | None = None) -> None:
        """Move each parameter by the gradient in the same place of ``grads``.

        Raises
        ------
        TypeError, ValueError
            When number, shapes or dtypes differ from the parameters'; nothing has moved then.
        """
        if grads is None or isinstance(grads, Tensor):
            raise TypeError(f"step needs a gradient for each parameter: {STEP}")
        grads = tuple(grads)
        if len(grads) != len(self.params):
            raise ValueError(f"{len(self.params)} parameters but {len(grads)} gradients")
        for i, (p, g, state) in enumerate(zip(self.params, grads, self.state)):
            _check(i, p, g, state)
        arrays = [g.data for g in grads]
        if self.common:
            arrays = self.common(arrays)
        self.steps += 1
        for p, g, state in zip(self.params, arrays, self.state):
            new = np.empty_like(p.data)
            for part in _parts(new) if self.entrywise else [...]:
                self._move(new[part], p.data[part], g[part], {name: array[part] for name, array in state.items()})
            p.data = new

    def _move(self, new, w, g, state):
        g = g + self.weight_decay * w if self.weight_decay else g
        np.subtract(w, self.update(g, state), out=new)

    def reset(self) -> None:
        """Begin anew: no step was made, and all buffers are 0. The options stay as they are."""
        self.steps = 0
        for state in self.state:
            for array in state.values():
                array[...] = 0

    def update(self, g: Array, state: dict[str, Array]) -> Array:
        """What to subtract from a parameter with gradient array ``g``; ``state`` holds its buffers.

        Where it is ``entrywise``, both may be parts of these.
        """
        raise NotImplementedError

    def state_dict(self) -> dict[str, Array]:
        """The number of steps, the options and all buffers as NumPy arrays: {"steps": …, "lr": …, "0.exp_avg": …, …}.

        With it a new optimiser continues exactly, whatever options it was made with.
        """
        return {name: np.array(to_numpy(array)) for name, array in self._arrays().items()}

    def _arrays(self):
        options = {name: np.array(value) for name, value in options_of(self).items()}
        buffers = {f"{i}.{name}": array for i, state in enumerate(self.state) for name, array in state.items()}
        return {"steps": np.array(self.steps), **options, **buffers}

    def load_state_dict(self, saved: Mapping[str, Array]) -> None:
        """Take over a `state_dict`.

        Raises
        ------
        TypeError, ValueError
            When its entries, their shapes or their values cannot be this optimiser's, which is then unchanged.
        """
        new = fitted(self._arrays(), saved, type(self).__name__)
        options = {name: getattr(type(self), name).checked(new[name]) for name in options_of(self)}
        if new["steps"] < 0:
            raise ValueError(f"steps={new['steps']} must not be negative")
        self.steps = int(new["steps"])
        vars(self).update(options)
        self.state = [{name: new[f"{i}.{name}"] for name in self.buffers} for i in range(len(self.params))]


def _parameters(params):
    """The parameters as a list, checked."""
    if isinstance(params, (Module, Parameter, dict)) or callable(params):
        raise TypeError(
            f"params must be a list of Parameters, such as module.parameters(), not {type(params).__name__}"
        )
    params = list(params)
    if not params:
        raise ValueError("an optimiser needs at least one parameter")
    for i, p in enumerate(params):
        if not isinstance(p, Parameter):
            hint = ": each group of parameters has an optimiser of its own" if isinstance(p, dict) else ""
            raise TypeError(f"params[{i}] must be a Parameter, not {type(p).__name__}{hint}")
    if len({id(p) for p in params}) < len(params):
        raise ValueError("a parameter is given twice, so each step would move it twice")
    return params


def _parts(array):
    """Indices of parts, cut where memory is, that an update keeps in the cache; of a small array or a GPU's, of all."""
    if array.size <= PART or not isinstance(array, np.ndarray):
        return [...]
    axis = int(np.argmax(np.abs(array.strides)))
    before, rows = (slice(None),) * axis, -(-PART * array.shape[axis] // array.size)
    return [(*before, slice(start, start + rows)) for start in range(0, array.shape[axis], rows)]


def _check(i, p, g, state):
    """Raise unless the i-th gradient has the shape and dtype of its parameter, and the buffers the dtype."""
    if not isinstance(g, Tensor):
        raise TypeError(f"gradient {i} must be a Tensor, as grad returns it, not {type(g).__name__}")
    if g.shape != p.shape or g.dtype != p.dtype:
        raise ValueError(f"gradient {i} is {g.dtype} {g.shape}, its parameter {p.dtype} {p.shape}")
    for name, array in state.items():
        if array.dtype != p.dtype:
            raise ValueError(
                f"parameter {i} has become {p.dtype}, its {name} is {array.dtype}: "
                "convert a module before its optimiser is made"
            )


class SGD(Optimizer):
    """Stochastic gradient descent: b ← μ b + g (b = g at the first step), w ← w − lr · b."""

    entrywise, momentum = True, Number("[0, 1]")
    buffers = ("momentum_buffer",)

    def __init__(self, params: Iterable[Parameter], lr: float = 1e-3, momentum: float = 0, *, weight_decay: float = 0):
        self.momentum = momentum
        super().__init__(params, lr, weight_decay)

    def update(self, g: Array, state: dict[str, Array]) -> Array:
        """lr · b."""
        b = state["momentum_buffer"]
        b *= self.momentum
        b += g
        return self.lr * b


class RMSprop(Optimizer):
    """v ← α v + (1 − α) g², w ← w − lr · g / (√v + ε); with momentum, b ← μ b + g / (√v + ε) and w ← w − lr · b."""

    entrywise, alpha, eps, momentum = True, Number("[0, 1]"), Number("[0, ∞)"), Number("[0, 1]")
    buffers = ("square_avg", "momentum_buffer")

    def __init__(
        self,
        params: Iterable[Parameter],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
    ):
        self.alpha, self.eps, self.momentum = alpha, eps, momentum
        super().__init__(params, lr, weight_decay)

    def update(self, g: Array, state: dict[str, Array]) -> Array:
        """lr · b."""
        v, b = state["square_avg"], state["momentum_buffer"]
        v *= self.alpha
        v += (1 - self.alpha) * g * g
        b *= self.momentum
        b += g / (np.sqrt(v) + self.eps)
        return self.lr * b


class Adam(Optimizer):
    """Adam (arXiv:1412.6980, Algorithm 1): step along m̂ / (√v̂ + ε).

    m ← β₁ m + (1 − β₁) g,   v ← β₂ v + (1 − β₂) g²,   m̂ = m / (1 − β₁ᵗ),   v̂ = v / (1 − β₂ᵗ).
    """

    entrywise, betas, eps = True, Several(Number("[0, 1)"), 2), Number("[0, ∞)")
    buffers = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: Iterable[Parameter],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
    ):
        self.betas, self.eps = betas, eps
        super().__init__(params, lr, weight_decay)

    def update(self, g: Array, state: dict[str, Array]) -> Array:
        """lr · m̂ / (√v̂ + ε), as lr c / (1 − β₁ᵗ) · m / (√v + ε c) with c = √(1 − β₂ᵗ): fewer passes over memory."""
        (beta1, beta2), t = self.betas, self.steps
        m, v = state["exp_avg"], state["exp_avg_sq"]
        m *= beta1
        m += (1 - beta1) * g
        v *= beta2
        v += (1 - beta2) * g * g
        c = (1 - beta2**t) ** 0.5
        root = np.sqrt(v)
        root += self.eps * c
        step = m / root
        step *= self.lr * c / (1 - beta1**t)
        return step
