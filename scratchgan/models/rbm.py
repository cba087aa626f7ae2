"""RBM: restricted Boltzmann machine, trained by contrastive divergence, Hinton 2002 (Neural Computation 14) and 2010.

Visible bits v (the pixels) and hidden bits h have an energy, and low energy means high probability,

    E(v, h) = −b·v − c·h − v·W h,        p(v, h) = e^−E(v,h) / Z,                                                   (1)

with weights W (D, H), biases b and c, and Z, the sum over all states. "Restricted" says that there are no weights
within a layer, so given one layer the bits of the other are independent: with the sigmoid σ

    p(h_j = 1 | v) = σ(c + v W)_j,        p(v_i = 1 | h) = σ(b + W h)_i.                                            (2)

Drawing h given v, then v given h, and so on, is a Gibbs chain, whose states end up distributed as p. With
ĥ(v) = σ(c + v W), the gradient of the log-likelihood needs such states:

    ∂ log p(v) / ∂W = v ĥ(v)ᵀ − E_p [v ĥ(v)ᵀ],    ∂/∂b = v − E_p v,    ∂/∂c = ĥ(v) − E_p ĥ(v).                      (3)

The first term lowers the energy of the data, the second raises that of what the machine dreams. Contrastive divergence,
CD-k, takes for the expectation the states after k turns of chains that *begin at the data*; persistent CD (Tieleman
2008) goes on with the same chains from step to step, and so gets closer to p. This gradient is not that of any loss
that a network computes: nothing here is differentiated, and `grad` is never called.

(3) treats 0 and 1 differently: a machine for the negatives of the images would learn otherwise. With the means μ and λ
of the visible and hidden bits, the centred direction (Melchior, Fischer & Wiskott 2016, JMLR 17) does not,

    d_W = ∂W − μ (∂c)ᵀ − (∂b) λᵀ,    d_b = ∂b − d_W λ,    d_c = ∂c − d_Wᵀ μ,                                        (4)

a gradient of the same likelihood in other coordinates: E = −(v − μ)·W (h − λ) − …

Z is a sum of 2^min(D, H) terms. Up to 16 bits they are listed; for more, log Z is estimated by annealed importance
sampling (`metrics.partition`), which flatters, and backwards, which does the contrary.

Departures:

| here                                            | Hinton's guide (2010)                     |
|-------------------------------------------------|-------------------------------------------|
| grey pixels are drawn anew as bits in each step | probabilities as they are                 |
| persistent chains, centred, momentum 0.5        | CD-1; momentum 0.5, then 0.9              |
| no weight decay                                 | a small one                               |
"""

from functools import partial

import numpy as np

from scratchgan import nn
from scratchgan.backend import array_like
from scratchgan.data.checks import whole
from scratchgan.functional import broadcast_to, cat, sigmoid, softplus
from scratchgan.models.model import Model, Preset, System, in_blocks
from scratchgan.nn.options import Whole, truth
from scratchgan.optim import SGD
from scratchgan.tensor import Parameter, Tensor, no_grad

LISTED, TEMPERATURES = 16, 1000  # hidden bits whose states are listed; the steps of the annealing otherwise


class Machine(nn.Module):
    """The two layers and their weights.

    State: weight (D, H), visible_bias (D,), hidden_bias (H,), visible_mean (D,), hidden_mean (H,), chains (N, D).

    Parameters
    ----------
    visible, hidden : int
        D and H.
    rng : numpy.random.Generator
        Draws W from N(0, 0.01²); biases are 0, see `begin`.
    chains : int
        N, the persistent chains, random bits.
    """

    def __init__(self, visible, hidden, rng, chains=100):
        visible, hidden = whole(visible, "visible"), whole(hidden, "hidden")
        self.weight = Parameter((0.01 * rng.standard_normal((visible, hidden))).astype(np.float32))
        self.visible_bias = Parameter(np.zeros(visible, np.float32))
        self.hidden_bias = Parameter(np.zeros(hidden, np.float32))
        self.visible_mean = np.full(visible, 0.5, np.float32)
        self.hidden_mean = np.full(hidden, 0.5, np.float32)
        self.chains = (rng.random((whole(chains, "chains"), visible)) < 0.5).astype(np.float32)

    def drive(self, v):
        """c + v W: (N, D) -> (N, H)."""
        return self.hidden_bias + v @ self.weight

    def hidden(self, v):
        """p(h = 1 | v): (N, D) -> (N, H)."""
        return sigmoid(self.drive(v))

    def visible(self, h):
        """p(v = 1 | h): (N, H) -> (N, D)."""
        return sigmoid(self.visible_bias + h @ self.weight.T)

    def free_energy(self, v, drive=None):
        """F(v) = −b·v − Σⱼ ζ(c + v W)ⱼ with the softplus ζ, for which p(v) = e^−F(v) / Z: (N, D) -> (N,)."""
        return -(v @ self.visible_bias) - softplus(self.drive(v) if drive is None else drive).sum(1)

    def gibbs(self, v, turns, rng):
        """The states of chains after some turns of (2): (N, D) bits -> (N, D) bits."""
        for _ in range(turns):
            v = bits(self.visible(bits(self.hidden(v), rng)), rng)
        return v

    def begin(self, v, rng):
        """Let the pixels have the means of a first batch: μ, the biases b, which are their log-odds, and the chains."""
        mean = (v.sum(0) + 0.5) / (len(v) + 1)
        self.visible_mean, self.visible_bias.data = mean.data, (mean / (1 - mean)).log().data
        self.chains = bits(broadcast_to(mean, self.chains.shape), rng).data

    def follow(self, v, h, share=0.01):
        """Let μ and λ slide towards the means of a batch of the data."""
        self.visible_mean = (1 - share) * self.visible_mean + share * v.mean(0).data
        self.hidden_mean = (1 - share) * self.hidden_mean + share * h.mean(0).data


def bits(probabilities, rng):
    """Ones with these probabilities, else zeros: a Tensor of the same shape and dtype."""
    p = probabilities.data
    return Tensor((array_like(rng.random(p.shape, dtype=np.float32), p) < p).astype(p.dtype))


class RBM(Model):
    """A machine, its chains, and an optimiser that is told the direction (3), or (4).

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
    centred : bool
        Whether it goes along (4).
    """

    turns, low = Whole(), 0.0
    watch = {"free_energy_gap": "F(data) − F(chains)", "pseudo_likelihood": "pseudo log p"}
    panels = {
        "free energy: data less chains": ["free_energy_gap"],
        "nats, each pixel given all others": ["pseudo_likelihood"],
    }

    def __init__(self, machine, image, optimizer, turns=1, persistent=True, centred=True):
        truth(persistent=persistent, centred=centred)
        self.machine, self.image, self.turns = machine, image, turns
        self.persistent, self.centred = persistent, centred
        self.optimizer = optimizer(machine.parameters())

    def ascent(self, v, dreamt, drives=None):
        """The direction (3), means over the data and over the states of the chains: Tensors for W, b and c.

        ``drives`` are c + v W of both, where they are known.
        """
        first, second = drives or map(self.machine.drive, (v, dreamt))
        h, dream = sigmoid(first), sigmoid(second)
        weights = v.T @ h / len(v) - dreamt.T @ dream / len(dreamt)
        return weights, v.mean(0) - dreamt.mean(0), h.mean(0) - dream.mean(0)

    def about_the_means(self, weights, visible, hidden):
        """The direction (4), of the direction (3)."""
        mu, lam = Tensor(self.machine.visible_mean), Tensor(self.machine.hidden_mean)
        weights = weights - mu.unsqueeze(1) * hidden - visible.unsqueeze(1) * lam
        return weights, visible - weights @ lam, hidden - mu @ weights

    def pseudo_likelihood(self, v, drive, rng):
        """Σᵢ log p(vᵢ | all other pixels), a mean over the batch, with one i drawn for each image: Tensor, ().

        As log σ(F(v′) − F(v)), where v′ has the other pixel. Unlike the likelihood, it needs no Z.
        """
        n, size = v.shape
        which = np.arange(n), rng.integers(size, size=n)
        change = 1 - 2 * v[which]
        moved = drive + change.unsqueeze(1) * self.machine.weight[which[1]]
        rise = change * self.machine.visible_bias[which[1]] + (softplus(moved) - softplus(drive)).sum(1)
        return -size * softplus(rise).mean()

    def train_step(self, batches, rng):
        """One step along (4), or (3)."""
        machine = self.machine
        with no_grad():
            v = bits(self.draw(batches)[0].flatten(1), rng)
            if not self.optimizer.steps:
                machine.begin(Tensor(self.ranks.whole(v.data)), self.ranks.alike(rng))
            last = Tensor(self.ranks.part(machine.chains))
            dreamt = machine.gibbs(last if self.persistent else v, self.turns, rng)
            newest = cat([dreamt, last], 0)[: len(last)]  # as many as before
            machine.chains = self.ranks.whole(newest.data)
            drives = machine.drive(v), machine.drive(dreamt)
            gap = machine.free_energy(v, drives[0]).mean() - machine.free_energy(dreamt, drives[1]).mean()
            pseudo = self.pseudo_likelihood(v, drives[0], rng)
            directions = self.ascent(v, dreamt, drives)
            if self.centred:
                machine.follow(v, sigmoid(drives[0]))
                machine.visible_mean, machine.hidden_mean = self.ranks.mean([machine.visible_mean, machine.hidden_mean])
                directions = self.about_the_means(*directions)
            self.optimizer.step([-direction for direction in directions])  # an optimiser descends
            return {"free_energy_gap": gap.item(), "pseudo_likelihood": pseudo.item()}

    def measure(self, held_out, rng):
        """log p of images that it never saw, as bits drawn once, in nats; and of the best independent pixels."""
        from scratchgan.metrics import annealed_log_partition, log_partition  # training does without

        with no_grad():
            v = bits(held_out[0].flatten(1), rng)
            fitted = -self.machine.free_energy(v).mean().item()
            states = self.machine.gibbs(Tensor(self.machine.chains), 100, rng).numpy()
        weights = [p.numpy() for p in (self.machine.weight, self.machine.visible_bias, self.machine.hidden_bias)]
        mean = (v.numpy().sum(0, dtype=float) + 0.5) / (len(v) + 1)
        odds = np.log(mean / (1 - mean))
        log_z, back = (
            annealed_log_partition(*weights, odds, rng, TEMPERATURES, states=begun)[0] for begun in (None, states)
        )
        numbers = {"nats of fixed bits, by AIS": fitted - log_z, "by AIS backwards": fitted - back}
        if min(weights[0].shape) <= LISTED:
            numbers = {"nats of fixed bits, exactly": fitted - log_partition(*weights)} | numbers
        return numbers | {"of independent pixels": float((v.numpy() @ odds).mean() - np.log1p(np.exp(odds)).sum())}

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
        return {"samples": self._images(self._parted(count, 100, rng))}

    def strip(self, rows, columns, rng):
        """A chain in each row, which parts from one of training: its states, a hundred turns from one to the next."""
        states = [self._parted(rows, 0, rng)]
        with no_grad():
            for _ in range(columns - 1):
                states.append(self.machine.gibbs(states[-1], 100, rng))
        return np.stack([self._images(v) for v in states], 1)

    def _parted(self, count, turns, rng):
        """Bits of chains, (count, D)."""
        start = self.machine.chains[rng.integers(len(self.machine.chains), size=count)]
        with no_grad():
            return self.machine.gibbs(Tensor(start), turns, rng)

    def _images(self, v):
        with no_grad():
            return self.shown(self.machine.visible(self.machine.hidden(v)).unflatten(1, self.image))


def build(
    rng,
    device="cpu",
    image=(1, 28, 28),
    hidden=500,  # H
    turns=1,  # k
    persistent=True,
    centred=True,
    chains=100,
    lr=0.2,
    momentum=0.5,
):
    """A machine for images."""
    machine = Machine(int(np.prod(image)), hidden, rng, chains).to(device)
    return RBM(machine, image, partial(SGD, lr=lr, momentum=momentum), turns, persistent, centred)


SYSTEM = System(
    "rbm",
    "restricted Boltzmann machine",
    "energy, Gibbs chains, contrastive divergence: no derivatives",
    4,
    build,
    {
        "quick": Preset(3000, batch_size=100),
        "default": Preset(14_000, batch_size=100, every=500),
        "small": Preset(10_000, batch_size=100, every=400, options={"hidden": 16}),  # log Z is known exactly
        "cd": Preset(14_000, batch_size=100, every=500, options={"persistent": False}),
    },
)
