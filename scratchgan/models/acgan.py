"""AC-GAN: "Conditional Image Synthesis with Auxiliary Classifier GANs", Odena et al. 2017, arXiv:1610.09585.

D is not told the class of an image, as a conditional GAN's is: it says it. It has two heads on common features, a score
and the logits of a classifier C. With the class y that was asked for, the paper adds to the game of real and fake

    L_S = E log P(real | x) + E log P(fake | x̃),        L_C = E log C(y | x) + E log C(y | x̃):

D maximises L_S + L_C and G maximises L_C − L_S, so both want images whose class can be read.

Here the score is that of a Wasserstein critic with gradient penalty, as in the authors' ResNet of WGAN-GP
(arXiv:1704.00028), and C learns from reals only. With the cross-entropy CE(u, y) = −log softmax(u)_y they descend

    L_D = E D(x̃) − E D(x) + λ E (‖∇_x̂ D(x̂)‖ − 1)² + a E CE(C(x), y)
    L_G = −E D(x̃) + b E CE(C(x̃), y)

A classifier that learns from fakes, too, agrees with G about G's mistakes, and variety suffers. And the cross-entropy
of a fake rewards images that are easy to read, so the authors of WGAN-GP keep b at 0.1; with the small networks b = 1
leaves enough variety. The penalty is on the score alone.

Departures:

| here                                                   | paper or code                                        |
|--------------------------------------------------------|------------------------------------------------------|
| Wasserstein score with penalty, C on reals             | the paper: probabilities, C on reals and fakes       |
| small networks, MNIST or Fashion-MNIST                 | 128×128 ImageNet, ten classes for each of 100 models |
| λ = 10, a = 1, b = 1, two critic steps for each of G's | WGAN-GP's ResNet: b = 0.1, five steps                |
"""

from functools import partial

from scratchgan import nn
from scratchgan.functional import cross_entropy
from scratchgan.losses import Wasserstein, gradient_norms, gradient_penalty, interpolate
from scratchgan.models.game import ConditionalGame
from scratchgan.models.networks import small_generator, strided_critic
from scratchgan.nn.options import Number, Several
from scratchgan.optim import Adam

# Networks ------------------------------------------------------------------------------------------------------------


def small_networks(rng, latent_size=64, width=16, classes=10):
    """DCGAN's small networks, without batch norm in the critic, which gives a score and ``classes`` logits.

    Returns
    -------
    generator : Module, (N, latent_size + classes) -> (N, 1, 28, 28) in [−1, 1]
    critic : Module, (N, 1, 28, 28) -> (N, 1 + classes)
    """
    heads = nn.Flatten(), nn.Linear(4 * width * 4 * 4, 1 + classes, rng=rng)
    critic = strided_critic(width, rng, batch_norm=False, head=heads)
    return small_generator(latent_size + classes, 2 * width, rng), critic


# Training ------------------------------------------------------------------------------------------------------------


class ACGAN(ConditionalGame):
    """The two players, their optimisers, and alternating steps; see `ConditionalGame`.

    Parameters
    ----------
    generator : Module, (N, latent_size + classes) -> (N, …)
    critic : Module, (N, …) -> (N, 1 + classes)
        The score, and the logits of the classes.
    latent_size, classes, critic_steps : int
    penalty_weight : float
        λ.
    class_weights : tuple of float
        a and b: of the cross-entropy of reals in L_D, and of fakes in L_G.
    lr, betas
        Of both players' Adam.
    """

    penalty_weight, class_weights = Number("[0, ∞)"), Several(Number("[0, ∞)"), 2)
    watch = {"wasserstein": "W", "real_accuracy": "C(x)", "gradient_norm": "|∇D|"}
    panels = {
        "Wasserstein estimate": ["wasserstein"],
        "classes of real images": ["real_accuracy"],
        "losses": ["critic_loss", "generator_loss"],
    }

    def __init__(
        self,
        generator,
        critic,
        latent_size,
        critic_steps=5,
        penalty_weight=10.0,
        class_weights=(1.0, 0.1),
        lr=2e-4,
        betas=(0.0, 0.9),
        classes=10,
    ):
        adam = partial(Adam, lr=lr, betas=betas)
        super().__init__(generator, critic, latent_size, Wasserstein(), adam, critic_steps, classes)
        self.penalty_weight, self.class_weights = penalty_weight, class_weights

    def score(self, images):
        """D(x): Tensor (N, 1)."""
        return self.critic(images)[:, :1]

    def critic_loss(self, real, fake, y, rng):
        """L_D on one batch, its parts, and how many of the real images C gives the right class."""
        output = self.critic(real)
        logits = output[:, 1:]
        right = logits.data.argmax(1) == y.data.argmax(1)
        distance = output[:, :1].mean() - self.score(fake).mean()
        norms = gradient_norms(self.score, interpolate(real, fake, rng))
        loss = -distance + self.penalty_weight * gradient_penalty(norms)
        return {
            "wasserstein": distance,
            "gradient_norm": norms.mean(),
            "real_accuracy": self.tensor(right).mean(),
            "critic_loss": loss + self.class_weights[0] * cross_entropy(logits, y),
        }

    def generator_loss(self, z):
        """L_G of images made from [z; e_y]."""
        output = self.critic(self.generator(z))
        classes = cross_entropy(output[:, 1:], self.conditions(z))
        return -output[:, :1].mean() + self.class_weights[1] * classes


# Presets -------------------------------------------------------------------------------------------------------------

SMALL = {
    "latent_size": 64, "critic_steps": 2, "penalty_weight": 10.0, "class_weights": [1.0, 1.0], "low": -1.0,
    "batch_size": 64, "lr": 3e-3, "betas": [0.0, 0.9], "average_decay": 0.99,
}  # fmt: skip
PRESETS = {
    "quick": {**SMALL, "steps": 600, "lr_steps": 600, "every": 50},
    "default": {**SMALL, "steps": 2000, "lr_steps": 2000, "every": 100},
}


def build(settings, rng, device):
    """The game of a preset."""
    players = (network.to(device) for network in small_networks(rng, settings["latent_size"]))
    names = ("latent_size", "critic_steps", "penalty_weight", "class_weights", "lr", "betas")
    return ACGAN(*players, **{name: settings[name] for name in names})
