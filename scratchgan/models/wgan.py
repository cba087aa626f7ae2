"""WGAN: "Wasserstein GAN", Arjovsky et al. 2017, arXiv:1701.07875.

How far has mass to be moved to turn the generated images x̃ = G(z), of density p_G, into the real ones x, of density p?
That distance is a maximum over functions of slope at most 1 (Kantorovich and Rubinstein),

    W₁(p, p_G) = max_{‖f‖_L ≤ 1}   E_x [f(x)] − E_x̃ [f(x̃)],                                                        (2)

and so K·W₁ if slopes up to K are allowed. A *critic*, a network D without a sigmoid, is trained to be that f. To bound
its slopes by some K, whatever it is, its weights are kept in a box: after each step, w ← min(max(w, −c), c). The
critic and the generator descend

    L_D = E D(x̃) − E D(x),        L_G = −E D(x̃)

The more of a maximum D is, the better is G's gradient, so D takes n_critic steps for each one of G, and many more at
the beginning. −L_D, up to K, says how far G still has to go: a curve that means something. In this it is the first;
but the box makes critics simple and slow, "a clearly terrible way to enforce a Lipschitz constraint" (§3): what came of
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

from scratchgan.losses import Wasserstein, clip_weights
from scratchgan.models.game import Game
from scratchgan.models.networks import small_generator, strided_critic
from scratchgan.nn.options import Number, Several, Whole
from scratchgan.optim import RMSprop


class WGAN(Game):
    """The two players, their optimisers and Algorithm 1 of the paper.

    Parameters
    ----------
    generator : Module, (N, latent_size) -> (N, …)
    critic : Module, (N, …) -> (N, 1)
    latent_size : int
    clip : float
        c. All the critic's parameters are clipped, biases and scales of norms included.
    critic_steps : int
        n_critic.
    warm_up : tuple of int
        (n, m): the critic takes n steps in each of the first m iterations, and in every 500th one after them.
    lr : float
        Of both players' RMSprop: momentum makes the critic's training unstable (§4), so Adam will not do.
    """

    clip, warm_up = Number("(0, ∞)"), Several(Whole(), 2)
    watch = {"wasserstein": "K·W", "generator_loss": "L_G"}
    panels = {"K times the Wasserstein distance": ["wasserstein"], "losses": ["critic_loss", "generator_loss"]}

    def __init__(self, generator, critic, latent_size, clip=0.01, critic_steps=5, warm_up=(100, 25), lr=5e-5):
        super().__init__(generator, critic, latent_size, Wasserstein(), partial(RMSprop, lr=lr), critic_steps)
        self.clip, self.warm_up = clip, warm_up

    def critic_loss(self, real, fake, rng):
        """L_D on one batch, and the estimate −L_D of K·W₁."""
        numbers = super().critic_loss(real, fake, rng)
        return {"wasserstein": -numbers["critic_loss"], **numbers}

    def critic_step(self, real, rng):
        """One step down L_D and back into the box. Only the critic's weights move."""
        numbers = super().critic_step(real, rng)
        clip_weights(self.critic.parameters(), self.clip)
        return numbers

    def steps_now(self):
        """Many at the beginning and every 500th time, else ``critic_steps``."""
        many, first = self.warm_up
        iteration = self.generator_optimizer.steps
        return many if iteration < first or iteration % 500 == 0 else self.critic_steps


SMALL = {
    "latent_size": 64, "width": 16, "clip": 0.03, "critic_steps": 2, "warm_up": [20, 10], "low": -1.0,
    "batch_size": 64, "lr": 1e-3, "average_decay": 0.99,
}  # fmt: skip
PAPER = {"clip": 0.01, "critic_steps": 5, "warm_up": [100, 25], "lr": 5e-5, "lr_steps": None}
PRESETS = {
    "quick": {**SMALL, "steps": 600, "lr_steps": 600, "every": 50},
    "default": {**SMALL, "steps": 5000, "lr_steps": 5000, "every": 200},
    "paper": {**SMALL, **PAPER, "steps": 100_000, "every": 500},
}


def build(settings, rng, device):
    """The game of a preset."""
    generator = small_generator(settings["latent_size"], 2 * settings["width"], rng).to(device)
    critic = strided_critic(settings["width"], rng, batch_norm=False).to(device)
    names = ("latent_size", "clip", "critic_steps", "warm_up", "lr")
    return WGAN(generator, critic, **{name: settings[name] for name in names})
