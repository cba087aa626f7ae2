"""Optimisers: ``step(grads)`` moves exactly the parameters the optimiser was given, by gradients that `grad` returned.

    critic_optimizer.step(grad(critic_loss, critic.parameters()))

There is no ``.grad`` to forget to clear, so no gradient can leak from one player's loss into the other's step.
"""

import numpy as np

from scratchgan.backend import copied_like, to_numpy
from scratchgan.tensor import Parameter


class Optimizer:
    """What the optimisers share: checks, weight decay, and a state that saves and loads.

    Parameters
    ----------
    params : sequence of Parameter
    lr : float
        The learning rate; may be changed between steps.
    weight_decay : float
        Adds ``weight_decay`` · w to each gradient.
    """

    buffers = ()  # the names of the arrays kept for each parameter, each zero at the start

    def __init__(self, params, lr, weight_decay=0):
        self.params, self.lr, self.weight_decay, self.steps = list(params), lr, weight_decay, 0
        if not self.params:
            raise ValueError("an optimiser needs at least one parameter")
        for i, p in enumerate(self.params):
            if not isinstance(p, Parameter):
                raise TypeError(f"params[{i}] must be a Parameter, not {type(p).__name__}")
        if len({id(p) for p in self.params}) < len(self.params):
            raise ValueError("a parameter is given twice, so each step would move it twice")
        if lr < 0 or weight_decay < 0:
            raise ValueError(f"lr={lr} and weight_decay={weight_decay} must not be negative")
        self.state = [{name: np.zeros_like(p.data) for name in self.buffers} for p in self.params]

    def step(self, grads):
        """Move each parameter by the gradient in the same place of ``grads``.

        Raises
        ------
        ValueError
            When number, shapes or dtypes differ from the parameters'; nothing has moved then.
        """
        grads = tuple(grads)
        if len(grads) != len(self.params):
            raise ValueError(f"{len(self.params)} parameters but {len(grads)} gradients")
        for i, (p, g) in enumerate(zip(self.params, grads)):
            if g.shape != p.shape or g.dtype != p.dtype:
                raise ValueError(f"gradient {i} is {g.dtype} {g.shape}, its parameter {p.dtype} {p.shape}")
        self.steps += 1
        for p, g, state in zip(self.params, grads, self.state):
            g = g.data + self.weight_decay * p.data if self.weight_decay else g.data
            p.data = p.data - self.update(g, state)

    def update(self, g, state):
        """What to subtract from a parameter with gradient array ``g``; ``state`` holds its buffers."""
        raise NotImplementedError

    def state_dict(self):
        """The number of steps and all buffers as NumPy arrays: {"steps": …, "0.momentum_buffer": …, …}."""
        buffers = {f"{i}.{k}": np.array(to_numpy(v)) for i, state in enumerate(self.state) for k, v in state.items()}
        return {"steps": np.array(self.steps), **buffers}

    def load_state_dict(self, saved):
        """Take over a `state_dict`.

        Raises
        ------
        ValueError
            When its entries or their shapes are not this optimiser's.
        """
        own = self.state_dict()
        wrong = sorted(own.keys() ^ saved.keys()) or [k for k in own if np.shape(saved[k]) != own[k].shape]
        if wrong:
            raise ValueError(f"the state does not fit this {type(self).__name__}: see {', '.join(wrong[:5])}")
        self.steps = int(saved["steps"])
        for i, (p, state) in enumerate(zip(self.params, self.state)):
            for name in state:
                state[name] = copied_like(saved[f"{i}.{name}"], p.data)


class SGD(Optimizer):
    """Stochastic gradient descent: b ← μ b + g (b = g at the first step), w ← w − lr · b."""

    buffers = ("momentum_buffer",)

    def __init__(self, params, lr=1e-3, momentum=0, *, weight_decay=0):
        self.momentum = momentum
        super().__init__(params, lr, weight_decay)

    def update(self, g, state):
        """lr · b."""
        b = state["momentum_buffer"]
        b *= self.momentum
        b += g
        return self.lr * b


class RMSprop(Optimizer):
    """v ← α v + (1 − α) g², w ← w − lr · g / (√v + ε); with momentum, b ← μ b + g / (√v + ε) and w ← w − lr · b."""

    buffers = ("square_avg", "momentum_buffer")

    def __init__(self, params, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0):
        self.alpha, self.eps, self.momentum = alpha, eps, momentum
        super().__init__(params, lr, weight_decay)

    def update(self, g, state):
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

    buffers = ("exp_avg", "exp_avg_sq")

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0):
        self.betas, self.eps = betas, eps
        if not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"betas={betas} must lie in [0, 1)")
        super().__init__(params, lr, weight_decay)

    def update(self, g, state):
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
