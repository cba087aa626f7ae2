"""WGAN: "Wasserstein GAN", Arjovsky et al. 2017, arXiv:1701.07875.

How far has mass to be moved to turn the generated images x̃ = G(z), of density p_G, into the real ones x, of density p?
That distance is a maximum over functions of slope at most 1 (Kantorovich and Rubinstein),

    W₁(p, p_G) = max_{‖f‖_L ≤ 1}   E_x [f(x)] − E_x̃ [f(x̃)],                                                        (2)

and so K·W₁ if slopes up to K are allowed. A *critic*, a network D without a sigmoid, is trained to be that f. To bound
its slopes by some K, whatever it is, its weights are kept in a box: after each step, w ← min(max(w, −c), c). The
critic and the generator descend

    L_D = E D(x̃) − E D(x),        L_G = −E D(x̃)

The closer D is to the maximum, the better is G's gradient. So D takes n_critic steps for each one of G, and many more
at the beginning. −L_D, up to K, says how far G still has to go: a curve that means something, which no GAN had before.
But the box makes critics simple and slow, "a clearly terrible way to enforce a Lipschitz constraint" (§3): what came of
that sentence is in wgan_gp.py.

Departures:

| here                                              | paper or its code                                            |
|---------------------------------------------------|--------------------------------------------------------------|
| clips after the step, as Algorithm 1              | the code clips before each step                              |
| small networks, no batch norm in the critic       | DCGAN with batch norm in both, 64×64                         |
| c = 0.03, RMSprop with α falling from 10⁻³        | c = 0.01, α = 5·10⁻⁵ throughout                              |
| 2 critic steps; 20 in the first 10 and each 500th | 5; 100 in the first 25 iterations and each 500th (code only) |
| G is averaged over time for samples               | the last G                                                   |
"""

from functools import partial

from scratchgan.losses import Wasserstein
from scratchgan.models.game import Game
from scratchgan.models.model import Preset, System
from scratchgan.models.networks import small_generator, strided_critic
from scratchgan.optim import RMSprop


class WGAN(Game):
    """The two players, their optimisers and Algorithm 1 of the paper; see `Game`."""

    watch = {"wasserstein": "K·W", "generator_loss": "L_G"}
    panels = {"K times the Wasserstein distance": ["wasserstein"], "losses": ["critic_loss", "generator_loss"]}

    def __init__(self, generator, critic, latent_size, optimizer, **options):
        super().__init__(generator, critic, latent_size, Wasserstein(), optimizer, **options)

    def critic_loss(self, real, fake, *y, rng):
        """L_D on one batch, and the estimate E D(x) − E D(x̃) of K·W₁."""
        numbers = super().critic_loss(real, fake, *y, rng=rng)
        return {"wasserstein": numbers["real_score"] - numbers["fake_score"], **numbers}


def small_networks(rng, latent_size=64, width=16):
    """Those of DCGAN, without batch norm in the critic."""
    return small_generator(latent_size, 2 * width, rng), strided_critic(width, rng, batch_norm=False)


def warmed_up(usual, many, first):
    """The critic's steps in an iteration: ``many`` in each of the ``first`` iterations and in every 500th one."""
    return lambda iteration: many if iteration < first or iteration % 500 == 0 else usual


def build(
    rng,
    device="cpu",
    networks=small_networks,  # (rng, latent_size) -> G, D
    latent_size=64,
    clip=0.03,  # c: all the critic's parameters are clipped, biases and scales of norms included
    critic_steps=2,  # n_critic
    warm_up=(20, 10),  # how many steps the critic takes in how many of the first iterations
    lr=1e-3,  # α, of both players' RMSprop: momentum makes the critic's training unstable (§4), so Adam will not do
    average_decay=0.99,
):
    """The game of Algorithm 1."""
    generator, critic = (network.to(device) for network in networks(rng, latent_size))
    return WGAN(
        generator,
        critic,
        latent_size,
        partial(RMSprop, lr=lr),
        critic_steps=warmed_up(critic_steps, *warm_up),
        clip=clip,
        average_decay=average_decay,
    )


PAPER = {"clip": 0.01, "critic_steps": 5, "warm_up": (100, 25), "lr": 5e-5}
SYSTEM = System(
    "wgan",
    "WGAN",
    "the earth mover's distance, with a critic whose weights are clipped",
    5,
    build,
    {
        "quick": Preset(600, every=50),
        "default": Preset(5000, every=200),
        "paper": Preset(100_000, every=500, rates_fall=False, options=PAPER),
    },
)
