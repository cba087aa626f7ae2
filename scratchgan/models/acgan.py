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
from scratchgan.data import views
from scratchgan.functional import cross_entropy
from scratchgan.losses import GradientPenalty, Wasserstein
from scratchgan.models.game import ConditionalGame
from scratchgan.models.model import Preset, System
from scratchgan.models.networks import Conditioned, small_generator, strided_critic
from scratchgan.nn.options import Number, Several
from scratchgan.optim import Adam

# Networks ------------------------------------------------------------------------------------------------------------


def small_networks(rng, latent_size=64, classes=10, width=16):
    """DCGAN's small networks, without batch norm in the critic, which gives a score and ``classes`` logits.

    Returns
    -------
    generator : Module, (N, latent_size), (N, classes) -> (N, 1, 28, 28) in [−1, 1]
    critic : Module, (N, 1, 28, 28) -> (N, 1 + classes)
    """
    heads = nn.Flatten(), nn.Linear(4 * width * 4 * 4, 1 + classes, rng=rng)
    critic = strided_critic(width, rng, batch_norm=False, head=heads)
    return Conditioned(small_generator(latent_size + classes, 2 * width, rng)), critic


class Score(nn.Module):
    """D(x) alone, without the logits: what the penalty is on."""

    def __init__(self, critic):
        self.critic = critic

    def forward(self, x):
        """(N, …) -> (N, 1)."""
        return self.critic(x)[:, :1]


# Training ------------------------------------------------------------------------------------------------------------


class ACGAN(ConditionalGame):
    """The two players, their optimisers, and alternating steps; see `ConditionalGame`.

    Parameters
    ----------
    generator : Module, (N, latent_size), (N, classes) -> (N, …)
    critic : Module, (N, …) -> (N, 1 + classes)
        The score, and the logits of the classes.
    latent_size, optimizer, **options
        See `ConditionalGame`.
    class_weights : tuple of float
        a and b: of the cross-entropy of reals in L_D, and of fakes in L_G.
    """

    class_weights = Several(Number("[0, ∞)"), 2)
    watch = {"wasserstein": "W", "real_accuracy": "C(x)", "gradient_norm": "|∇D|"}
    panels = {
        "Wasserstein estimate": ["wasserstein"],
        "classes of real images": ["real_accuracy"],
        "losses": ["critic_loss", "generator_loss"],
    }

    def __init__(self, generator, critic, latent_size, optimizer, class_weights, **options):
        super().__init__(generator, critic, latent_size, Wasserstein(), optimizer, **options)
        self.class_weights = class_weights

    def critic_loss(self, real, fake, y, rng):
        """L_D on one batch, its parts, and how many of the real images C gives the right class."""
        score, logits = self._heads(real)
        distance = score.mean() - self._heads(fake)[0].mean()
        numbers = self.penalty(Score(self.critic), real, fake, rng=rng)
        right = logits.data.argmax(1) == y.data.argmax(1)
        return {
            "wasserstein": distance,
            **numbers,
            "real_accuracy": self.tensor(right).mean(),
            "critic_loss": -distance + numbers["penalty"] + self.class_weights[0] * cross_entropy(logits, y),
        }

    def generator_loss(self, z, y, real=None, rng=None):
        """L_G of images made from z and y."""
        score, logits = self._heads(self.generator(*self.inputs(z, y, rng=rng)))
        return -score.mean() + self.class_weights[1] * cross_entropy(logits, y)

    def _heads(self, images):
        """D(x), (N, 1), and the logits of C(x), (N, classes)."""
        output = self.critic(images)
        return output[:, :1], output[:, 1:]


def build(
    rng,
    device="cpu",
    networks=small_networks,  # (rng, latent_size, classes) -> G, D
    latent_size=64,
    classes=10,
    penalty_weight=10.0,  # λ
    class_weights=(1.0, 1.0),  # a, b
    critic_steps=2,
    lr=3e-3,  # of both players' Adam
    betas=(0.0, 0.9),
    average_decay=0.99,
):
    """The game of the equations above."""
    generator, critic = (network.to(device) for network in networks(rng, latent_size, classes))
    return ACGAN(
        generator,
        critic,
        latent_size,
        partial(Adam, lr=lr, betas=betas),
        class_weights,
        classes=classes,
        critic_steps=critic_steps,
        penalty=GradientPenalty(penalty_weight),
        average_decay=average_decay,
    )


SYSTEM = System(
    "acgan",
    "AC-GAN",
    "a critic that says the class",
    3,
    build,
    {"quick": Preset(600, every=50, view=views.labelled), "default": Preset(2000, view=views.labelled)},
)
