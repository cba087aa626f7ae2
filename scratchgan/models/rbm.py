"""RBM: restricted Boltzmann machine, trained by contrastive divergence, Hinton 2002 (Neural Computation 14) and 2010.

Visible bits v (the pixels) and hidden bits h have an energy, and low energy means high probability,

    E(v, h) = −b·v − c·h − v·W h,        p(v, h) = e^−E(v,h) / Z,                                                   (1)

with weights W (D, H), biases b and c, and a number Z, the sum over all states, that nobody can compute for large
machines. "Restricted" says that there are no weights within a layer, so given one layer the bits of the other are
independent: with the sigmoid σ

    p(h_j = 1 | v) = σ(c + v W)_j,        p(v_i = 1 | h) = σ(b + W h)_i.                                            (2)

Drawing h given v, then v given h, and so on, is a Gibbs chain, whose states end up distributed as p. With
ĥ(v) = σ(c + v W), the gradient of the log-likelihood needs such states:

    ∂ log p(v) / ∂W = v ĥ(v)ᵀ − E_p [v ĥ(v)ᵀ],    ∂/∂b = v − E_p v,    ∂/∂c = ĥ(v) − E_p ĥ(v).                      (3)

The first term lowers the energy of the data, the second raises that of what the machine dreams. Contrastive divergence,
CD-k, takes for the expectation the states after k turns of chains that *begin at the data*; persistent CD (Tieleman
2008) goes on with the same chains from step to step, and so gets closer to p. This gradient is not that of any loss
that a network computes: nothing here is differentiated, and `grad` is never called.

Departures:

| here                                            | Hinton's guide (2010)                     |
|-------------------------------------------------|-------------------------------------------|
| grey pixels are drawn anew as bits in each step | probabilities as they are                 |
| persistent chains, momentum 0.5 throughout      | CD-1; momentum 0.5, then 0.9              |
| no weight decay                                 | a small one                               |
| biases of pixels begin at 0                     | at the log-odds of their means            |
"""

from functools import partial

import numpy as np

from scratchgan import nn
from scratchgan.backend import array_like
from scratchgan.functional import cat, sigmoid, softplus
from scratchgan.models.model import Model, Preset, System, in_blocks
from scratchgan.optim import SGD
from scratchgan.tensor import Parameter, Tensor, no_grad


class Machine(nn.Module):
    """The two layers and their weights. State: weight (D, H), visible_bias (D,), hidden_bias (H,), chains (N, D).

    Parameters
    ----------
    visible, hidden : int
        D and H.
    rng : numpy.random.Generator
        Draws W from N(0, 0.01²); biases are 0.
    chains : int
        N, the persistent chains; they begin at random bits.
    """

    def __init__(self, visible, hidden, rng, chains=100):
        self.weight = Parameter((0.01 * rng.standard_normal((visible, hidden))).astype(np.float32))
        self.visible_bias = Parameter(np.zeros(visible, np.float32))
        self.hidden_bias = Parameter(np.zeros(hidden, np.float32))
        self.chains = (rng.random((chains, visible)) < 0.5).astype(np.float32)

    def hidden(self, v):
        """p(h = 1 | v): (N, D) -> (N, H)."""
        return sigmoid(self.hidden_bias + v @ self.weight)

    def visible(self, h):
        """p(v = 1 | h): (N, H) -> (N, D)."""
        return sigmoid(self.visible_bias + h @ self.weight.T)

    def free_energy(self, v):
        """F(v) = −b·v − Σⱼ ζ(c + v W)ⱼ with the softplus ζ, for which p(v) = e^−F(v) / Z: (N, D) -> (N,)."""
        return -(v @ self.visible_bias) - softplus(self.hidden_bias + v @ self.weight).sum(1)

    def gibbs(self, v, turns, rng):
        """The states of chains after some turns of (2): (N, D) bits -> (N, D) bits."""
        for _ in range(turns):
            v = bits(self.visible(bits(self.hidden(v), rng)), rng)
        return v


def bits(probabilities, rng):
    """Ones with these probabilities, else zeros: a Tensor of the same shape and dtype."""
    p = probabilities.data
    return Tensor((array_like(rng.random(p.shape), p) < p).astype(p.dtype))


class RBM(Model):
    """A machine, its chains, and an optimiser that is told the direction (3).

    Parameters
    ----------
    machine : Machine
    image : tuple of int
        (C, H, W), which the visible bits are.
    optimizer : callable
        ``(parameters) -> Optimizer``.
    turns : int
        k.
    persistent : bool
        Whether the chains go on from step to step, or begin at the data each time.
    """

    low = 0.0
    watch = {"free_energy_gap": "F(data) − F(chains)", "reconstruction": "error"}
    panels = {"free energy: data less chains": ["free_energy_gap"], "error after one turn": ["reconstruction"]}

    def __init__(self, machine, image, optimizer, turns=1, persistent=True):
        self.machine, self.image, self.turns, self.persistent = machine, image, turns, persistent
        self.optimizer = optimizer(machine.parameters())

    def ascent(self, v, dreamt):
        """The direction (3), means over the data and over the states of the chains: arrays for W, b and c."""
        (first, h), (second, dream) = ((x, self.machine.hidden(x)) for x in (v, dreamt))
        weights = first.T @ h / len(v) - second.T @ dream / len(dreamt)
        return weights, v.mean(0) - dreamt.mean(0), h.mean(0) - dream.mean(0)

    def train_step(self, batches, rng):
        """One step along (3)."""
        with no_grad():
            v = bits(self.draw(batches)[0].flatten(1), rng)
            last = Tensor(self.machine.chains)
            dreamt = self.machine.gibbs(last if self.persistent else v, self.turns, rng)
            self.machine.chains = cat([dreamt, last], 0)[: len(last)].data  # as many as before, the newest first
            once = self.machine.visible(self.machine.hidden(v))
            gap = self.machine.free_energy(v).mean() - self.machine.free_energy(dreamt).mean()
            self.optimizer.step([-direction for direction in self.ascent(v, dreamt)])  # an optimiser descends
            return {"free_energy_gap": gap.item(), "reconstruction": ((once - v) * (once - v)).mean().item()}

    def show(self, examples, rng):
        """Rows of eight of the chains, 64 at most, as the probabilities of their next bits."""
        shown = min(64, len(self.machine.chains) // 8 * 8)
        return self._images(Tensor(self.machine.chains[:shown])).reshape(-1, 8, *self.image)

    @in_blocks
    def samples(self, count, rng):
        """Chains that part from those of training, each drawn at random, after a hundred turns of their own.

        From random bits it would take many thousands of turns: chains stay long in the valley that they fall into
        first.
        """
        with no_grad():
            start = self.machine.chains[rng.integers(len(self.machine.chains), size=count)]
            return {"samples": self._images(self.machine.gibbs(Tensor(start), 100, rng))}

    def _images(self, v):
        with no_grad():
            return self.shown(self.machine.visible(self.machine.hidden(v)).unflatten(1, self.image))


def build(
    rng,
    device="cpu",
    image=(1, 28, 28),
    hidden=256,  # H
    turns=1,  # k
    persistent=True,
    chains=100,
    lr=0.05,
    momentum=0.5,
):
    """A machine for images."""
    machine = Machine(int(np.prod(image)), hidden, rng, chains).to(device)
    return RBM(machine, image, partial(SGD, lr=lr, momentum=momentum), turns, persistent)


SYSTEM = System(
    "rbm",
    "restricted Boltzmann machine",
    "energy, Gibbs chains, contrastive divergence: no derivatives",
    2,
    build,
    {"quick": Preset(1500, batch_size=100), "default": Preset(10_000, batch_size=100, every=400)},
)
