"""R3GAN: "The GAN is dead; long live the GAN! A Modern Baseline GAN", Huang et al. 2024, arXiv:2501.05441.

GANs came to need many tricks. This paper throws them out and asks for a loss that converges instead. Each real image x
is compared with a fake x̃ of its own, as in the relativistic GAN, and D may be steep at neither: with ζ(u) = log(1 + eᵘ)

    L_D = E ζ(−(D(x) − D(x̃))) + γ/2 (E ‖∇D(x)‖² + E ‖∇D(x̃)‖²)                                                     (1)
    L_G = E ζ(−(D(x̃) − D(x)))                                                                                     (2)

As D judges a fake beside a real image, G cannot win by leaving modes out; but alone this game need not converge. With
the penalty on reals (R₁) it may still diverge, from the fakes' side; with that on fakes, too (R₂), it converges to its
solution from nearby. Both are taken in each step. `lab.plane` has the three games: rpgan, rpgan-r1, rpgan-r1-r2.

With such a loss the networks may be plain and modern: residual blocks x + f(x), with

    f = 1×1 convolution ∘ a ∘ 3×3 convolution ∘ a ∘ 1×1 convolution,        a(u) = leaky ReLU(u + bias)

and no norm anywhere. What norms did at the beginning is done by the first weights: those of f's last convolution are 0,
so that each block begins as the identity, and those of the others have a gain that falls with the number L of blocks,
√(2 / (1 + 0.2²)) · L^(−1/4), as in Fixup (Zhang et al. 2019, arXiv:1901.09321). Sizes change by the filter of
`nn.Doubled` and `nn.Halved`. G begins with a learned image of each channel, times a number that is linear in z; D ends
with the mirror image of that. G's output is linear; what lies beyond black and white is cut off where it is shown.

Digits are black and white, and that a linear output must learn for every pixel: with it their background stays grey and
uneven (S 0.28). So for digits G ends in tanh, and as a G of `Basis` and tanh lost to D, it begins with `maps`.

While the networks learn, γ falls, and the memories of Adam (β₂) and of G's average grow, all along cosines.

Departures:

| here (digits, where nothing else is said)                  | the authors' CIFAR-10                           |
|------------------------------------------------------------|-------------------------------------------------|
| 28×28; widths 96, 48 in G and 64, 16 in D, at 7, 14 pixels | 32×32; width 768 at 4, 8, 16, 32 pixels         |
| first maps are one linear map of z; G ends in tanh         | `Basis`, and a linear output                    |
| part of z is discrete, `latents.of_kinds`                  | z ~ N(0, I)                                     |
| images come and go in patches of 2×2 pixels                | by 1×1 convolutions                             |
| one block at each size                                     | two                                             |
| 3×3 convolutions of all channels, as many as outside       | twice as many channels as outside, in 96 groups |
| images go on with their edge pixels where sizes change     | with zeros                                      |
| γ from 0.2 to 0.02, by the end of training; emoji 5 to 0.5 | 0.05 to 0.005, within the first 20M images      |
| α from 0.002 in a straight line to a twentieth             | from 2·10⁻⁴ to 5·10⁻⁵, by a cosine              |
| β₂ 0.9 to 0.99; G's average: a half-life of ≤ 140 steps    | the same; of up to 5M images                    |
| no augmentation                                            | with a probability of 0 to 0.55                 |
| batches of 32                                              | of 512                                          |
"""

import math
from functools import partial

import numpy as np

from scratchgan import nn
from scratchgan.data import views
from scratchgan.data.checks import whole, wholes
from scratchgan.losses import Relativistic
from scratchgan.losses.penalties import slopes_of
from scratchgan.models.game import Game
from scratchgan.models.latents import of_kinds, standard_normal
from scratchgan.models.model import Preset, System
from scratchgan.nn import init
from scratchgan.nn.options import Number, Several, Whole
from scratchgan.optim import Adam
from scratchgan.tensor import Parameter, Tensor

SLOPE = 0.2  # of leaky ReLU

# Networks ------------------------------------------------------------------------------------------------------------


class Block(nn.Module):
    """x + f(x), which begins as x: (N, C, H, W) -> the same shape.

    Parameters
    ----------
    channels : int
        C.
    expansion : int
        How many times as many there are inside.
    blocks : int
        L, in the whole network.
    """

    def __init__(self, channels, expansion, blocks, rng):
        inside, gain = expansion * channels, math.sqrt(2 / (1 + SLOPE**2)) * blocks**-0.25
        self.change = nn.Sequential(
            convolution(channels, inside, 1, rng, gain, bias=True),
            nn.LeakyReLU(SLOPE),
            convolution(inside, inside, 3, rng, gain, bias=True),
            nn.LeakyReLU(SLOPE),
            convolution(inside, channels, 1, rng, gain=0.0),
        )

    def forward(self, x):
        """x + f(x)."""
        return x + self.change(x)


class Basis(nn.Module):
    """b_c · (W z)_c, with a learned image b_c for each channel: (N, latent_size) -> (N, C, size, size)."""

    def __init__(self, latent_size, channels, size, rng):
        self.basis = Parameter(init.normal((channels, size, size), rng))
        self.linear = nn.Linear(latent_size, channels, bias=False, rng=rng)
        _begin(self.linear, latent_size, rng)

    def forward(self, z):
        """The first feature maps."""
        return self.basis * self.linear(z).unflatten(1, (-1, 1, 1))


def maps(latent_size, channels, size, rng):
    """All first maps as one linear map of z: (N, latent_size) -> (N, channels, size, size)."""
    linear = _begin(nn.Linear(latent_size, channels * size**2, bias=False, rng=rng), latent_size, rng)
    return nn.Sequential(linear, nn.Unflatten(1, (channels, size, size)))


class Score(nn.Module):
    """W ⟨b_c, x_c⟩, with a learned image b_c for each channel: (N, C, size, size) -> (N, 1)."""

    def __init__(self, channels, size, rng):
        self.basis = Parameter(init.normal((channels, size, size), rng) / np.float32(size))
        self.linear = nn.Linear(channels, 1, bias=False, rng=rng)
        _begin(self.linear, channels, rng)

    def forward(self, x):
        """One number for each image."""
        return self.linear((self.basis * x).sum((2, 3)))


def convolution(few, many, kernel, rng, gain=1.0, bias=False):
    """A convolution that keeps the size, with first weights N(0, gain² / fan-in) and biases 0."""
    layer = nn.Conv2d(few, many, kernel, padding="same", bias=bias, rng=rng)
    return _begin(layer, few * kernel**2, rng, gain)


def _begin(layer, fan_in, rng, gain=1.0):
    layer.weight.data[...] = gain / math.sqrt(fan_in) * rng.standard_normal(layer.weight.shape)  # keeps their order
    if layer.bias is not None:
        layer.bias.data[...] = 0
    return layer


def residual_networks(
    rng,
    latent_size=64,
    size=28,
    widths=(48, 24, 8),
    critic_widths=None,
    expansion=1,
    channels=1,
    patch=1,
    first=Basis,
    last=None,
):
    """A block at each size, from the largest down to the smallest, and between them half or twice the size.

    Parameters
    ----------
    size : int
        Of the images.
    widths, critic_widths : sequence of int
        Of the blocks of G and of D, from the smallest size to the largest; D's are G's if nothing else is said.
    expansion : int
        See `Block`.
    channels : int
        Of the images.
    patch : int
        Images come and go in patches of so many pixels a side, each by a linear map: 1 is a 1×1 convolution. The
        largest size is ``size / patch``; it can be halved once less than there are widths.
    first : callable
        ``(latent_size, channels, size, rng) -> Module``: G's first layer, `Basis` or `maps`.
    last : callable, optional
        ``() -> Module``: what ends G, such as `nn.Tanh`.

    Returns
    -------
    generator : Module, (N, latent_size) -> (N, channels, size, size)
    critic : Module, (N, channels, size, size) -> (N, 1)
    """
    if last is not None and (not callable(last) or isinstance(last, nn.Module)):
        raise TypeError(f"last={last!r} must be a function that makes what ends G, such as nn.Tanh")
    widths, expansion = wholes(widths, "widths"), whole(expansion, "expansion")
    critic_widths = widths if critic_widths is None else wholes(critic_widths, "critic_widths")
    smallest, rest = divmod(whole(size, "size"), whole(patch, "patch") * 2 ** (len(widths) - 1))
    if rest or len(critic_widths) != len(widths):
        raise ValueError(
            f"{widths=} and {critic_widths=} must be as many, and size={size} in patches of {patch} must be halved "
            f"{len(widths) - 1} times"
        )
    block, bare = partial(Block, expansion=expansion, blocks=len(widths), rng=rng), {"bias": False, "rng": rng}

    up = [first(latent_size, widths[0], smallest, rng), block(widths[0])]
    for many, few in zip(widths, widths[1:]):
        up += [convolution(many, few, 1, rng), nn.Doubled(), block(few)]
    leaving = nn.ConvTranspose2d(widths[-1], channels, patch, stride=patch, **bare)

    entering = nn.Conv2d(channels, critic_widths[-1], patch, stride=patch, **bare)
    down = [_begin(entering, channels * patch**2, rng)]
    for many, few in zip(critic_widths[-2::-1], critic_widths[:0:-1]):
        down += [block(few), nn.Halved(), convolution(few, many, 1, rng)]
    down += [block(critic_widths[0]), Score(critic_widths[0], smallest, rng)]
    ending = [last()] if last else []
    return nn.Sequential(*up, _begin(leaving, widths[-1], rng), *ending), nn.Sequential(*down)


def small_networks(rng, latent_size=64):
    """Those that learn digits within minutes: blocks at 7 and 14 pixels, for images (1, 28, 28) in [−1, 1]."""
    widths = {"widths": (96, 48), "critic_widths": (64, 16)}
    return residual_networks(rng, latent_size, **widths, patch=2, first=maps, last=nn.Tanh)


# Training ------------------------------------------------------------------------------------------------------------


def cosine(ends, share):
    """From the first of two numbers, at a share of 0, to the second, at 1, along half a wave of a cosine."""
    first, last = ends
    return last + (first - last) * (1 + math.cos(math.pi * min(share, 1))) / 2


class R3GAN(Game):
    """The game of (1) and (2). What changes while it is trained is set before each step, by the number of steps made.

    Parameters
    ----------
    generator, critic, latent_size, noise
        See `Game`.
    lr : float
        α of both players' Adam.
    gamma, beta2, half_life : (float, float)
        γ, β₂, and the steps in which G's average forgets half: at first, and after ``ramp`` steps.
    ramp : int
    """

    gamma, beta2 = Several(Number("[0, ∞)"), 2), Several(Number("[0, 1)"), 2)
    half_life, ramp = Several(Number("[0, ∞)"), 2), Whole()
    watch = {"critic_loss": "L_D", "generator_loss": "L_G", "penalty": "R₁ + R₂"}
    panels = Game.panels | {"penalties": ["penalty"]}

    def __init__(self, generator, critic, latent_size, lr, gamma, beta2, half_life, ramp, noise=standard_normal):
        self.gamma, self.beta2, self.half_life, self.ramp = gamma, beta2, half_life, ramp
        adam = partial(Adam, lr=lr)
        super().__init__(generator, critic, latent_size, Relativistic(), adam, noise=noise, average_decay=0.0)

    def scheduled(self, ends):
        """Where a number is now that goes from one to another of two."""
        return cosine(ends, self.generator_optimizer.steps / self.ramp)

    def train_step(self, batches, rng):
        """A step of each player, with the memories of both Adams and of the average as they are now."""
        for optimizer in self.optimizers():
            optimizer.betas = 0.0, self.scheduled(self.beta2)
        half_life = self.scheduled(self.half_life)
        self.average.decay = 0.5 ** (1 / half_life) if half_life else 0.0
        return super().train_step(batches, rng)

    def critic_loss(self, real, fake, *y, rng):
        """(1), and its parts. Each image goes through D once: its score and its slope are of the same graph."""
        real, fake = (Tensor(x.data, requires_grad=True) for x in (real, fake))
        real_scores, fake_scores = self.critic(real), self.critic(fake)
        slopes = slopes_of(real_scores, real).mean() + slopes_of(fake_scores, fake).mean()
        penalty = self.scheduled(self.gamma) / 2 * slopes
        loss = self.objective.discriminator_loss(real_scores, fake_scores) + penalty
        scores = {"real_score": real_scores.mean(), "fake_score": fake_scores.mean()}
        return scores | {"penalty": penalty, "critic_loss": loss}

    def shown(self, images):
        """As in `Model`; what is darker than black is black, and what is lighter than white is white."""
        return np.clip(super().shown(images), -1, 1)


def build(
    rng,
    device="cpu",
    networks=small_networks,  # (rng, latent_size) -> G, D
    latent_size=64,
    lr=2e-3,  # α, of both players' Adam
    gamma=(0.2, 0.02),  # this and the next two: from, to
    beta2=(0.9, 0.99),
    half_life=(0.0, 140.0),
    ramp=3400,  # in how many steps
    noise=standard_normal,  # (shape, rng) -> z
):
    """The game of (1) and (2)."""
    generator, critic = (network.to(device) for network in networks(rng, latent_size))
    return R3GAN(generator, critic, latent_size, lr, gamma, beta2, half_life, ramp, noise)


DIGITS = {"noise": of_kinds}
LARGE = {"size": 32, "widths": (96, 96, 48), "critic_widths": (64, 64, 32), "channels": 3, "patch": 2}
EMOJI = {
    "networks": partial(residual_networks, **LARGE), "lr": 4e-3, "gamma": (5.0, 0.5), "half_life": (0.0, 70.0),
    "ramp": 1400,
}  # fmt: skip
SYSTEM = System(
    "r3gan",
    "R3GAN",
    "no tricks and no norms: a relativistic loss with two penalties, which converges",
    6,
    build,
    {
        "quick": Preset(600, every=50, batch_size=32, options=DIGITS | {"ramp": 600}),
        "default": Preset(3400, batch_size=32, options=DIGITS),
        "emoji": Preset(1400, data="emoji", view=partial(views.images, size=32, channels=3), options=EMOJI),
    },
)
