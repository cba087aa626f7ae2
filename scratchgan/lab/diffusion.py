"""Diffusion-GAN on 25 Gaussians: the experiment of the paper's §4, and the same game without diffusion.

Wang et al. 2022, arXiv:2206.02262: a plain GAN, whose discriminator soon tells real from fake, leaves modes out, and
Diffusion-GAN finds all of them. As there, both players have two hidden layers of 128 units with leaky ReLU. Rates,
batches, σ and T were not published; those here are ours. σ is 1 and not 0.05, which is right for images: the modes are
0.7 apart, and a chain so long that they meet in weak noise has faded the points to nothing, with their gradients.

Half of what D sees is undiffused. Once D is sure of that half, E sign(D) is about ½ whatever the noise: with a target
much below ½, T runs to its longest.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from scratchgan import nn
from scratchgan.data.toy import twenty_five_gaussians
from scratchgan.hints import Random
from scratchgan.lab.claims import Claim
from scratchgan.lab.plane import LATENT_SIZE, Recipe, linear, train
from scratchgan.losses import NonSaturating
from scratchgan.metrics import measure_modes, modes_covered
from scratchgan.models.diffusion_gan import DiffusionGAN
from scratchgan.models.networks import Conditioned
from scratchgan.nn.diffusion import Diffusion
from scratchgan.optim import Adam

DATA, POINTS, FAIR = twenty_five_gaussians(), 2500, 20  # a fifth of a mode's share of the points
CHAIN = {"timesteps": (5, 500), "sigma": 1.0, "target": 0.3, "rise": 200_000}
CHAINS = {"plain GAN": {"timesteps": (0, 0)}, "Diffusion-GAN": CHAIN}


def mlp(inputs: int, outputs: int, rng: Random, width: int = 128) -> nn.Sequential:
    """Two hidden layers: (N, inputs) -> (N, outputs)."""
    sizes = (inputs, width), (width, width)
    hidden = [part for pair in sizes for part in (linear(*pair, rng), nn.LeakyReLU(0.2))]
    return nn.Sequential(*hidden, linear(width, outputs, rng))


RECIPE = Recipe(
    "two hidden layers",
    NonSaturating(),
    critic=lambda rng: Conditioned(mlp(3, 1, rng)),  # a point and its stage
    generator=lambda rng: mlp(LATENT_SIZE, 2, rng),
    critic_steps=2,
    optimizer=partial(Adam, betas=(0.5, 0.999)),
    lr=2e-3,
    critic_lr=3e-3,
)


class Watched(DiffusionGAN):
    """A game that keeps T and the mean sign of D on reals, step by step."""

    def __init__(self, *players: Any, **options):
        super().__init__(*players, **options)
        self.told = deque()  # and no list, which `parts` would search at each step

    def train_step(self, batches: Iterator, rng: Random) -> dict[str, float]:
        """A step, which is written down."""
        numbers = super().train_step(batches, rng)
        self.told.append((numbers["T"], numbers["real_sign"]))
        return numbers


@dataclass(frozen=True, eq=False)
class Played:
    """What `play` leaves."""

    clouds: dict[int, np.ndarray] = field(repr=False)  # step: float32 (POINTS, 2)
    T: np.ndarray = field(repr=False)  # (steps,)
    sign: np.ndarray = field(repr=False)  # (steps,)
    numbers: dict[str, float]  # of the last cloud: "modes", "modes within 3 sigma", "quality", "reverse_kl"


def play(name: str, seed: int, steps: int, snapshots: Iterable[int] = ()) -> Played:
    """Train one of `CHAINS`: the same networks, weights and rates with diffusion and without."""
    chain = Diffusion(np.random.default_rng([seed, 2]), **CHAINS[name])
    trained = train(RECIPE, DATA, steps, seed, {*snapshots, steps}, POINTS, kind=partial(Watched, diffusion=chain))
    T, sign = np.array(trained.game.told).T
    return Played(trained.clouds, T, sign, measured(trained.clouds[steps]))


def measured(cloud: np.ndarray) -> dict[str, float]:
    """How many modes have a fair share of the points within a quarter of their spacing, and how good the points are."""
    found = measure_modes(cloud, DATA)
    return {
        "modes": modes_covered(cloud, DATA.centres, DATA.spacing / 4, FAIR),
        "modes within 3 sigma": found.covered,
        "quality": found.high_quality,
        "reverse_kl": found.reverse_kl,
    }


def claims(runs: dict[str, list[Played]], untrained: float) -> Iterator[Claim]:
    """What should come out: more modes, and a T that rises from T_min and then hovers.

    Parameters
    ----------
    runs : dict of str to list of Played
        Those of each of `CHAINS`, a run a seed.
    untrained : float
        Modes of a generator before its first step.
    """
    modes = {name: np.mean([run.numbers["modes"] for run in played]) for name, played in runs.items()}
    plain, diffused = modes.values()
    yield Claim("modes of 25 that Diffusion-GAN finds", diffused, low=23, anchors={"untrained": untrained})
    yield Claim("modes more than the plain GAN finds", diffused - plain, low=5, anchors={"plain GAN": plain})
    played = runs["Diffusion-GAN"]
    late = [run.T[len(run.T) // 2 :].mean() for run in played]
    yield Claim("T in the second half", np.mean(late), low=20, anchors={"at first": played[0].T[0]})
    off = np.mean([abs(run.sign[len(run.sign) // 2 :].mean() - CHAIN["target"]) for run in played])
    plain_off = np.mean([abs(run.sign[len(run.sign) // 2 :].mean() - CHAIN["target"]) for run in runs["plain GAN"]])
    yield Claim("mean sign of D on reals there, off its target", off, high=0.15, anchors={"plain GAN": plain_off})
