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
weights of a function of ∇_x̂ D. The generator descends −E_x̃ [D(x̃)], what (2) leaves of its own.

The points x̂, the norms and the penalty itself are shared with other papers: see `losses.penalties`.

Departures:

| here                                                          | the authors' MNIST script        |
|---------------------------------------------------------------|----------------------------------|
| the slope is √(Σ g² + 10⁻¹²), whose derivative is finite at 0 | √(Σ g²)                          |
| padding is symmetric                                          | one pixel more after than before |
| G is averaged over time for samples                           | the last G                       |
| small networks: batch norm in G, two critic steps             | no norm, five critic steps       |
| small networks: α from 0.004 to a twentieth, β₁ = 0           | α = 0.0001, β₁ = 0.5             |
"""

import math
from functools import partial

from scratchgan import nn
from scratchgan.losses import Wasserstein, gradient_norms, gradient_penalty, interpolate
from scratchgan.models.game import Game
from scratchgan.models.networks import strided_critic
from scratchgan.nn import init
from scratchgan.nn.options import Number
from scratchgan.optim import Adam

# The objective -------------------------------------------------------------------------------------------------------


def wasserstein_estimate(critic, real, fake):
    """E_x [D(x)] − E_x̃ [D(x̃)], the value of (2): the critic's estimate of the Wasserstein distance.

    Parameters
    ----------
    critic : callable
        (N, C, H, W) -> (N, 1).
    real, fake : Tensor, (N, C, H, W)

    Returns
    -------
    Tensor, ()
    """
    return critic(real).mean() - critic(fake).mean()


def refuse_batch_norm(critic):
    """Raise if the critic normalises over the batch: then D(xᵢ) depends on the other samples, and so does ∇D(xᵢ).

    Raises
    ------
    ValueError
        Naming what to use instead (§4 of the paper).
    """
    for module in critic.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            raise ValueError(
                "the critic contains batch norm, which makes D of one sample depend on all others, while the penalty "
                "is on the gradient of each sample's own D; use LayerNorm, GroupNorm, InstanceNorm2d, or no norm"
            )


# Networks ------------------------------------------------------------------------------------------------------------


def small_networks(rng, latent_size=64):
    """A generator with batch norm and a plain critic that learn digits within minutes on two CPU cores.

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
    return generator, strided_critic(16, rng, batch_norm=False)


def paper_networks(rng, width=64, latent_size=128):
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
    """The upper left corner of so many pixels a side."""

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


class WGANGP(Game):
    """The two players, their optimisers and Algorithm 1 of the paper.

    Parameters
    ----------
    generator : Module, (N, latent_size) -> (N, …)
    critic : Module, (N, …) -> (N, 1)
    latent_size : int
    penalty_weight : float
        λ.
    critic_steps : int
        n_critic, the critic's steps for each one of the generator.
    lr, betas
        Of both players' Adam.
    one_sided : bool
        Penalise only slopes above c.
    center : float
        c, the slope that is asked for: 1 in the paper, 0 for the zero-centred penalty.

    Raises
    ------
    ValueError
        For batch norm in the critic.
    """

    penalty_weight, center = Number("[0, ∞)"), Number("[0, ∞)")
    watch = {"wasserstein": "W", "penalty": "penalty", "gradient_norm": "|∇D|"}
    panels = {
        "Wasserstein estimate": ["wasserstein"],
        "gradient norm of the critic": ["gradient_norm"],
        "losses": ["critic_loss", "generator_loss"],
    }

    def __init__(
        self,
        generator,
        critic,
        latent_size,
        penalty_weight=10.0,
        critic_steps=5,
        lr=1e-4,
        betas=(0.0, 0.9),
        one_sided=False,
        center=1.0,
    ):
        refuse_batch_norm(critic)
        adam = partial(Adam, lr=lr, betas=betas)
        super().__init__(generator, critic, latent_size, Wasserstein(), adam, critic_steps)
        self.penalty_weight, self.one_sided, self.center = penalty_weight, one_sided, center

    def critic_loss(self, real, fake, rng):
        """The terms of (3) on one batch, and L itself: {"wasserstein": …, …, "critic_loss": L}."""
        distance = wasserstein_estimate(self.critic, real, fake)
        norms = gradient_norms(self.critic, interpolate(real, fake, rng))
        penalty = gradient_penalty(norms, self.center, one_sided=self.one_sided)
        loss = -distance + self.penalty_weight * penalty
        return {"wasserstein": distance, "penalty": penalty, "gradient_norm": norms.mean(), "critic_loss": loss}


# Presets -------------------------------------------------------------------------------------------------------------

SMALL = {
    "networks": "small", "latent_size": 64, "low": -1.0, "batch_size": 64, "penalty_weight": 10.0, "critic_steps": 2,
    "lr": 4e-3, "betas": [0.0, 0.9], "average_decay": 0.99,
}  # fmt: skip
PAPER = {
    "networks": "paper", "latent_size": 128, "low": 0.0, "batch_size": 50, "penalty_weight": 10.0, "critic_steps": 5,
    "lr": 1e-4, "betas": [0.5, 0.9], "average_decay": 0.999, "lr_steps": None,
}  # fmt: skip
PRESETS = {
    "quick": {**SMALL, "batch_size": 32, "steps": 1000, "lr_steps": 1000, "every": 50},
    "default": {**SMALL, "steps": 2500, "lr_steps": 2500, "every": 100},
    "paper": {**PAPER, "steps": 200_000, "every": 100},
}


def build(settings, rng, device):
    """The game of a preset."""
    networks = {"small": small_networks, "paper": paper_networks}[settings["networks"]]
    generator, critic = (network.to(device) for network in networks(rng, latent_size=settings["latent_size"]))
    names = ("latent_size", "penalty_weight", "critic_steps", "lr", "betas")
    return WGANGP(generator, critic, **{name: settings[name] for name in names})
