"""WGAN-GP: "Improved Training of Wasserstein GANs", Gulrajani et al. 2017, arXiv:1704.00028.

A generator G maps latents z ~ N(0, I) to images x̃ = G(z). The first GAN played it against a discriminator, a
probability D(x) that x is real:

    min_G max_D   E_x [log D(x)] + E_x̃ [log(1 − D(x̃))]                                                    (1)

When D tells real from fake with confidence, its gradient vanishes and G learns nothing. WGAN replaces the
probability by a *critic*, any function of slope at most 1 (1-Lipschitz, the set 𝒟):

    min_G max_{D ∈ 𝒟}   E_x [D(x)] − E_x̃ [D(x̃)]                                                          (2)

The maximum over 𝒟 is the Wasserstein distance between real and generated images: how far, on average, mass has to
be moved to turn one distribution into the other. It falls smoothly as the two come closer, so its gradient is
always of use. But how does one keep a network in 𝒟? Proposition 1 of the paper: along the straight lines between
coupled real and generated points, the best critic has a gradient of norm *exactly 1* almost everywhere. So ask for
that, at random points x̂ on such lines:

    L = E_x̃ [D(x̃)] − E_x [D(x)] + λ E_x̂ [(‖∇_x̂ D(x̂)‖₂ − 1)²],    x̂ = ε x + (1 − ε) x̃,  ε ~ U[0, 1]          (3)

λ, 10 in the paper, weighs this demand against the first two terms; the norm is over all pixels of one image, and
each image has an ε of its own. The critic descends L, so the gradient of a gradient is needed: ∇ with respect to the
weights of a function of ∇_x̂ D. The generator descends −E_x̃ [D(x̃)], the only term of (2)
that depends on it.

The points x̂, the norms and the penalty itself are shared with other papers: see `losses.penalties`.

Departures:

| here                                                          | the authors' MNIST script        |
|---------------------------------------------------------------|----------------------------------|
| the slope is √(Σ g² + 10⁻¹²), whose derivative is finite at 0 | √(Σ g²)                          |
| padding is symmetric                                          | one pixel more after than before |
| G is averaged over time for samples                           | the last G                       |
| small networks: batch norm in G, one critic step              | no norm, five critic steps       |
| small networks: 4×4 kernels in the critic                     | 5×5                              |
| small networks: α from 0.006 to a twentieth, β₁ = 0           | α = 0.0001, β₁ = 0.5             |
| small networks: z says one of 30 kinds, `latents.of_kinds`    | z ~ N(0, I)                      |
"""

import math
from functools import partial

from scratchgan import nn
from scratchgan.losses import GradientPenalty
from scratchgan.models.latents import of_kinds, standard_normal
from scratchgan.models.model import Preset, System
from scratchgan.models.networks import strided_critic
from scratchgan.models.wgan import WGAN
from scratchgan.nn import init
from scratchgan.optim import Adam

# Networks ------------------------------------------------------------------------------------------------------------


def small_networks(rng, latent_size=64):
    """A generator with batch norm and a plain critic that learn digits within minutes on two CPU cores.

    All kernels are 4×4: with a stride of 2 they meet each pixel equally often, but for the edge. And
    a critic of 24, 48 and 96 maps takes little longer than one of 16, 32 and 64 with the authors' 5×5.

    Returns
    -------
    generator : Module, (N, latent_size) -> (N, 1, 28, 28) in [−1, 1]
    critic : Module, (N, 1, 28, 28) -> (N, 1)
    """
    generator = nn.Sequential(
        nn.Linear(latent_size, 64 * 7 * 7, rng=rng),
        nn.Unflatten(1, (64, 7, 7)),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.ConvTranspose2d(64, 32, 4, stride=2, padding=1, rng=rng),  # 14×14
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.ConvTranspose2d(32, 1, 4, stride=2, padding=1, rng=rng),  # 28×28
        nn.Tanh(),
    )
    critic = nn.Sequential(
        nn.Conv2d(1, 24, 4, stride=2, padding=1, rng=rng),  # 14×14
        nn.LeakyReLU(0.2),
        nn.Conv2d(24, 48, 4, stride=2, padding=1, rng=rng),  # 7×7
        nn.LeakyReLU(0.2),
        nn.Conv2d(48, 96, 4, stride=2, padding=1, rng=rng),  # 3×3
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(96 * 3 * 3, 1, rng=rng),
    )
    return generator, critic


def paper_networks(rng, latent_size=128, width=64):
    """The networks of the authors' MNIST script, with its initial weights; no norm anywhere.

    The script pads as TensorFlow does, one pixel more after than before; here padding is symmetric.

    Returns
    -------
    generator : Module, (N, latent_size) -> (N, 1, 28, 28) in [0, 1]
    critic : Module, (N, 1, 28, 28) -> (N, 1)
    """
    up = {"kernel_size": 5, "stride": 2, "padding": 2, "output_padding": 1, "rng": rng}
    generator = nn.Sequential(
        nn.Linear(latent_size, 4 * width * 4 * 4, rng=rng),
        nn.ReLU(),
        nn.Unflatten(1, (4 * width, 4, 4)),
        nn.ConvTranspose2d(4 * width, 2 * width, **up),  # 8×8
        nn.ReLU(),
        _Crop(7),
        nn.ConvTranspose2d(2 * width, width, **up),  # 14×14
        nn.ReLU(),
        nn.ConvTranspose2d(width, 1, **up),  # 28×28
        nn.Sigmoid(),
    )
    critic = strided_critic(width, rng, batch_norm=False)
    for module in (*generator.modules(), *critic.modules()):
        _initialise_as_the_authors(module, rng)
    return generator, critic


class _Crop(nn.Module):
    """The upper left corner, of ``size`` pixels a side."""

    def __init__(self, size):
        self.size = size

    def forward(self, input):
        return input[:, :, : self.size, : self.size]


def _initialise_as_the_authors(module, rng):
    """Uniform weights of variance 2 · gain / (fan_in + fan_out), gain 2 in convolutions; biases 0.

    The fans count how often a weight meets each input and output pixel, so a stride of 2 divides one of them by 4.
    """
    if isinstance(module, nn.Linear):
        gain, fans = 1, sum(module.weight.shape)
    elif isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        many, few, kh, kw = module.weight.shape  # the side of fewer pixels comes first in both
        gain, fans = 2, kh * kw * (many / math.prod(module.stride) + few)
    else:
        return
    init.begin_uniform(module, (3 * 2 * gain / fans) ** 0.5, rng)


# Training ------------------------------------------------------------------------------------------------------------


class WGANGP(WGAN):
    """The two players, their optimisers and Algorithm 1: WGAN's game, with a penalty instead of its box."""

    watch = {"wasserstein": "W", "penalty": "penalty", "gradient_norm": "|∇D|"}
    panels = {
        "Wasserstein estimate": ["wasserstein"],
        "gradient norm of the critic": ["gradient_norm"],
        "losses": ["critic_loss", "generator_loss"],
    }


def build(
    rng,
    device="cpu",
    networks=small_networks,  # (rng, latent_size) -> G, D
    latent_size=64,
    penalty_weight=10.0,  # λ
    critic_steps=1,  # n_critic
    lr=6e-3,  # α, of both players' Adam
    betas=(0.0, 0.9),
    noise=standard_normal,  # (shape, rng) -> z
    average_decay=0.99,
    low=-1.0,
):
    """The game of (3)."""
    generator, critic = (network.to(device) for network in networks(rng, latent_size))
    return WGANGP(
        generator,
        critic,
        latent_size,
        partial(Adam, lr=lr, betas=betas),
        critic_steps=critic_steps,
        penalty=GradientPenalty(penalty_weight),
        noise=noise,
        average_decay=average_decay,
        low=low,
    )


SMALL = {"noise": partial(of_kinds, kinds=30)}  # three times as many as digits
PAPER = {
    "networks": paper_networks, "latent_size": 128, "critic_steps": 5, "lr": 1e-4, "betas": (0.5, 0.9),
    "average_decay": 0.999, "low": 0.0,
}  # fmt: skip
SYSTEM = System(
    "wgan_gp",
    "WGAN-GP",
    "the gradient penalty: a function of a gradient is descended",
    4,
    build,
    {
        "quick": Preset(1500, every=50, batch_size=32, options=SMALL),
        "default": Preset(3500, options=SMALL),
        "paper": Preset(200_000, batch_size=50, rates_fall=False, options=PAPER),
    },
)
