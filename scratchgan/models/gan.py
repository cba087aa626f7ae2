"""GAN: "Generative Adversarial Nets", Goodfellow et al. 2014, arXiv:1406.2661.

A generator G maps latents z to images x̃ = G(z), a discriminator says how likely an image is real, σ(D(x)) with the
sigmoid σ and a logit D. They play

    min_G max_D   E_x [log σ(D(x))] + E_z [log(1 − σ(D(G(z))))]                                                     (1)

With the densities p of real images x and p_G of generated ones, the best answer to a fixed generator is
σ(D) = p / (p + p_G) (Proposition 1), and what is left for the generator is −log 4 + 2 JSD(p, p_G): it has its minimum
where p_G = p, and only there (Theorem 1).

Early on D rejects the fakes with confidence, log(1 − σ(D(x̃))) is flat, and G learns nothing. So §3 lets G *maximise*
log σ(D(x̃)) instead, the non-saturating loss: the same fixed point, and a slope near 1 where D is sure. With
ζ(u) = log(1 + eᵘ) the two players descend

    L_D = E ζ(−D(x)) + E ζ(D(x̃)),        L_G = E ζ(−D(x̃))        (or −E ζ(D(x̃)), which is (1): ``saturating=True``)

The discriminator of the paper is built of *maxout* units (Goodfellow et al. 2013, arXiv:1302.4389), each the largest
of k linear pieces, h_j = max_{q ≤ k} (x W_jq + b_jq), under dropout, which keeps D from being sure too early.

Departures:

| here                                         | the authors' code (mnist.yaml)                         |
|----------------------------------------------|--------------------------------------------------------|
| D steps, then G, on fresh z, as Algorithm 1  | both gradients at the same weights, applied together   |
| L_D is the sum of its two terms, as (1)      | half the sum                                           |
| "paper": rate falls linearly, momentum 0.5   | rate / 1.000004 in each step, momentum from 0.5 to 0.7 |
| "paper": G's last bias is 0                  | the log-odds of the mean training pixel                |
| "default", "mlp": Adam, z normal, averaged G | SGD, z uniform with variance 1, the last G             |
"""

from functools import partial

import numpy as np

from scratchgan import nn
from scratchgan.losses import Minimax, NonSaturating
from scratchgan.models.game import Game
from scratchgan.models.latents import standard_normal
from scratchgan.models.model import Preset, System
from scratchgan.nn import init
from scratchgan.optim import SGD, Adam

# Networks ------------------------------------------------------------------------------------------------------------


def small_networks(rng, latent_size=64):
    """A generator with two hidden layers, and a discriminator of two maxout layers under dropout.

    Returns
    -------
    generator : Module, (N, latent_size) -> (N, 1, 28, 28) in [−1, 1]
    discriminator : Module, (N, 1, 28, 28) -> (N, 1)
    """
    return _generator((latent_size, 256, 512), nn.Tanh, rng), _maxout_discriminator(96, 4, rng, dropout=(0.2, 0.5))


def mlp_networks(rng, latent_size=64):
    """The pair that courses begin with: linear layers and leaky ReLU, 784-512-256-1 and back."""
    discriminator = nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 512, rng=rng),
        nn.LeakyReLU(0.2),
        nn.Linear(512, 256, rng=rng),
        nn.LeakyReLU(0.2),
        nn.Linear(256, 1, rng=rng),
    )
    return _generator((latent_size, 256, 512), nn.Tanh, rng), discriminator


def course_networks(rng, latent_size=100):
    """The small networks of lectures: a discriminator of five linear layers with dropout, a generator of four.

    784-2048-1024-512-256-1 against 100-256-512-1024-784: 4,362,241 and 1,486,352 weights. At a rate of 2e-4
    for both, D gets too strong, and after 3,000 steps G draws ones and little else.
    """
    sizes = (784, 2048, 1024, 512, 256)
    hidden = [
        part
        for pair in zip(sizes, sizes[1:])
        for part in (nn.Linear(*pair, rng=rng), nn.LeakyReLU(0.2), nn.Dropout(0.3, rng=rng))
    ]
    generator = _generator((latent_size, 256, 512, 1024), nn.Tanh, rng, partial(nn.LeakyReLU, 0.2))
    return generator, nn.Sequential(nn.Flatten(), *hidden, nn.Linear(sizes[-1], 1, rng=rng))


def paper_networks(rng, latent_size=100):
    """Those of the paper's MNIST experiment: 2,503,984 and 1,231,441 weights, images in [0, 1]."""
    generator = _generator((latent_size, 1200, 1200), nn.Sigmoid, rng)
    discriminator = _maxout_discriminator(240, 5, rng, dropout=(0.2, 0.5))
    for network, bound in ((generator, 0.05), (discriminator, 0.005)):
        for layer in network.modules():
            if isinstance(layer, nn.Linear):
                init.begin_uniform(layer, bound, rng)
    return generator, discriminator


def _generator(sizes, last, rng, activation=nn.ReLU):
    hidden = [part for pair in zip(sizes, sizes[1:]) for part in (nn.Linear(*pair, rng=rng), activation())]
    return nn.Sequential(*hidden, nn.Linear(sizes[-1], 784, rng=rng), last(), nn.Unflatten(1, (1, 28, 28)))


def _maxout_discriminator(units, pieces, rng, dropout):
    first, later = dropout
    return nn.Sequential(
        nn.Flatten(),
        nn.Dropout(first, rng=rng),
        nn.Linear(784, units * pieces, rng=rng),
        nn.Maxout(pieces),
        nn.Dropout(later, rng=rng),
        nn.Linear(units, units * pieces, rng=rng),
        nn.Maxout(pieces),
        nn.Dropout(later, rng=rng),
        nn.Linear(units, 1, rng=rng),
    )


# Training ------------------------------------------------------------------------------------------------------------


def uniform(shape, rng):
    """z on (−√3, √3), with the normal distribution's variance 1."""
    return np.sqrt(3) * rng.uniform(-1, 1, shape)


def build(
    rng,
    device="cpu",
    networks=small_networks,  # (rng, latent_size) -> G, D
    latent_size=64,
    noise=standard_normal,  # (shape, rng) -> z
    saturating=False,  # whether G descends (1) itself
    optimizer=partial(Adam, lr=1e-3, betas=(0.5, 0.999)),  # of both players
    average_decay=0.995,
    low=-1.0,
):
    """The game of Algorithm 1, with k = 1."""
    generator, discriminator = (network.to(device) for network in networks(rng, latent_size))
    objective = Minimax() if saturating else NonSaturating()
    options = {"noise": noise, "average_decay": average_decay, "low": low}
    return Game(generator, discriminator, latent_size, objective, optimizer, **options)


PAPER = {
    "networks": paper_networks, "latent_size": 100, "noise": uniform, "optimizer": partial(SGD, lr=0.1, momentum=0.5),
    "average_decay": 0.999, "low": 0.0,
}  # fmt: skip
SYSTEM = System(
    "gan",
    "GAN",
    "the game of two players, and why G descends −log D",
    2,
    build,
    {
        "quick": Preset(3000),
        "default": Preset(12_000, every=400),
        "mlp": Preset(12_000, every=400, options={"networks": mlp_networks}),
        "course": Preset(3000, options={"networks": course_networks, "latent_size": 100}),
        "paper": Preset(125_000, every=500, batch_size=100, options=PAPER),
    },
)
