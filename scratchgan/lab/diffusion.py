"""Diffusion-GAN on 25 Gaussians: the experiment of the paper's §4, and the same game without diffusion.

Wang et al. 2022, arXiv:2206.02262: a plain GAN, whose discriminator soon tells real from fake, leaves modes out, and
Diffusion-GAN finds all of them. As there, both players have two hidden layers of 128 units with leaky ReLU. Rates,
batches, σ and T were not published; those here are ours. The rates are high. In a gentler game (rates of 0.002 and
0.003, two steps of D for each of G, β₂ = 0.999) the plain GAN finds 16 modes and not 11, and there is less to mend.

σ is 3 and not 0.05, which is right for images: the modes are 0.7 apart, and noise has to reach from one to the next
while the points have hardly faded, as their gradients fade with them. With σ = 1 and the uniform law of t one seed
found 15 modes.

Half of what D sees is undiffused, and at late stages, which the paper's law draws most often, reals and fakes look
alike. So E sign(D) is small, and its target is 0.2: a T that follows 0.4 stays where it began.
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
CHAIN = {"timesteps": (5, 200), "sigma": 3.0, "law": "paper", "target": 0.2, "rise": 20_000}
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
    optimizer=partial(Adam, betas=(0.5, 0.9)),
    lr=8e-3,
    critic_lr=8e-3,
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


def spread_evenly(seed: int) -> np.ndarray:
    """Points that know nothing of the modes but the square in which they lie: float32 (POINTS, 2)."""
    half = np.abs(DATA.centres).max() + DATA.spacing / 2
    return np.random.default_rng(seed).uniform(-half, half, (POINTS, 2)).astype(np.float32)


def claims(runs: dict[str, list[Played]], beside: dict[str, float]) -> Iterator[Claim]:
    """What should come out: more modes, a T that rises from T_min, and a D about as sure of the reals as it should be.

    Parameters
    ----------
    runs : dict of str to list of Played
        Those of each of `CHAINS`, a run a seed.
    beside : dict of str to float
        The modes that points have which have learnt nothing.
    """
    modes = {name: np.mean([run.numbers["modes"] for run in played]) for name, played in runs.items()}
    plain, diffused = modes.values()
    yield Claim("modes of 25 that Diffusion-GAN finds", diffused, low=23, anchors=beside)
    yield Claim("modes more than the plain GAN finds", diffused - plain, low=5, anchors={"plain GAN": plain})
    played = runs["Diffusion-GAN"]
    late = [run.T[len(run.T) // 2 :].mean() for run in played]
    yield Claim("T in the second half", np.mean(late), low=20, anchors={"at first": played[0].T[0]})
    off = np.mean([abs(run.sign[len(run.sign) // 2 :].mean() - CHAIN["target"]) for run in played])
    plain_off = np.mean([abs(run.sign[len(run.sign) // 2 :].mean() - CHAIN["target"]) for run in runs["plain GAN"]])
    anchors = {"plain GAN": plain_off}
    yield Claim("mean sign of D on reals in the second half, off its target", off, high=0.15, anchors=anchors)
