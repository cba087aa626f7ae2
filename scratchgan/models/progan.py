"""ProGAN: "Progressive Growing of GANs for Improved Quality, Stability, and Variation", Karras et al. 2018,
arXiv:1710.10196.

Large images are hard to learn all at once, small ones are not. So both networks begin with 4×4 pixels and grow: when
these are learned, a block is added to each that doubles the size, and so on. A new block, with its fresh weights, would
ruin what has been learned; so it is faded in, with a share α that rises from 0 to 1:

    G:      (1 − α) · up(image of the old blocks) + α · image of the new block
    D:      (1 − α) · features of pool(x) as before + α · pool(new block of x)
    data:   (1 − α) · up(pool(x)) + α · x

where up repeats each pixel and pool takes means of 2×2. At α = 0 the networks are what they were, so nothing jumps. The
*level* says it all in one number: 0 is 4×4, 1 is 8×8, and 0.3 is 8×8 with α = 0.3. Here it is an argument of both
networks, and a function of the number of images that the critic has seen.

The objective is that of WGAN-GP, with a term that keeps the critic's scores from drifting away: for real images x,
fakes x̃ = G(z) of latents z ~ N(0, I), and points x̂ on the lines between the two,

    L_D = E D(x̃) − E D(x) + λ E (‖∇D(x̂)‖ − 1)² + 0.001 E D(x)²,        L_G = −E D(x̃)

The slope is that of D as a function of images enlarged to the last size, see `growing.steepness`: of small images D is
steeper, twice for each level, so else each growth would ask it for another scale.

What keeps the signal in bounds, as there is no batch norm: `nn.EqualizedConv2d` (weights of one learning speed),
`nn.PixelNorm` (in G), and for variety `nn.MinibatchStdDev` (in D).

Departures:

| here                                                 | paper or its code                                        |
|------------------------------------------------------|----------------------------------------------------------|
| 32×32; 48, 32, 16 and 8 maps, 64 latents             | 1024×1024; 512 maps up to 32×32, 16 at last; 512 latents |
| a level takes 2,400 images, a fade as many           | 800,000 and 800,000                                      |
| λ = 1; the slope is that of enlarged images          | 10; of images as D sees them                             |
| α = 0.02 falls to a twentieth; average β = 0.99      | 0.001 throughout; 0.999                                  |
"""

from functools import partial

from scratchgan import nn
from scratchgan.data import views
from scratchgan.losses import Wasserstein
from scratchgan.models.growing import GradientPenaltyOfEnlarged, Growing, Growth, fade, pool, split, up
from scratchgan.models.latents import standard_normal
from scratchgan.models.model import Preset, System
from scratchgan.optim import Adam

WIDTHS = 48, 32, 16, 8  # feature maps at 4×4, 8×8, 16×16, 32×32

# Networks ------------------------------------------------------------------------------------------------------------


def small_networks(rng, latent_size=64, widths=WIDTHS, channels=1):
    """G and D up to 32×32."""
    return Generator(rng, latent_size, widths, channels), Critic(rng, widths, channels)


def paper_networks(rng, latent_size=512):
    """G and D up to 1024×1024, in colour."""
    return small_networks(rng, latent_size, (512, 512, 512, 512, 256, 128, 64, 32, 16), 3)


class Generator(nn.Module):
    """G(z, level): (N, latent_size), from 0 to len(widths) − 1 -> (N, channels, H, H) with H = 4 · 2^⌈level⌉.

    Its image is linear: no tanh.

    Parameters
    ----------
    rng : numpy.random.Generator
    latent_size : int
    widths : tuple of int
        Feature maps of 4×4, 8×8, … pixels.
    channels : int
        Of the images.
    blur : sequence of Module
        What follows each doubling of the size: nothing in the paper.
    """

    def __init__(self, rng, latent_size, widths, channels, blur=()):
        def layer(*begin):
            return *begin, nn.LeakyReLU(0.2), nn.PixelNorm()

        def conv(few, many, kernel_size=3, padding=1):
            return layer(nn.EqualizedConv2d(few, many, kernel_size, padding=padding, rng=rng))

        first = nn.PixelNorm(), nn.Unflatten(1, (latent_size, 1, 1)), *conv(latent_size, widths[0], 4, 3)  # 4×4
        self.blocks = nn.ModuleList([nn.Sequential(*first, *conv(widths[0], widths[0]))])
        for few, many in zip(widths, widths[1:]):
            up_conv = nn.EqualizedUpConv2d(few, many, 3, rng=rng)
            self.blocks.append(nn.Sequential(*layer(up_conv, *blur), *conv(many, many)))
        self.to_image = nn.ModuleList([nn.EqualizedConv2d(width, channels, 1, gain=1.0, rng=rng) for width in widths])

    def forward(self, z, level):
        """Images of this level."""
        whole, share = split(level, self.blocks)
        h = z
        for block in self.blocks[: whole + 1]:
            h = block(h)
        image = self.to_image[whole](h)
        if share:
            image = fade(up(image), self.to_image[whole + 1](self.blocks[whole + 1](h)), share)
        return image


class Critic(nn.Module):
    """D(x, level): (N, channels, H, H), level -> (N, 1); the generator's mirror image.

    A sample's score depends on its group of the batch, by `nn.MinibatchStdDev`.
    """

    def __init__(self, rng, widths, channels, blur=(), group_size=4):
        def conv(few, many, kernel_size=3, padding=1):
            return nn.EqualizedConv2d(few, many, kernel_size, padding=padding, rng=rng), nn.LeakyReLU(0.2)

        low = widths[0]
        last = nn.MinibatchStdDev(group_size), *conv(low + 1, low), *conv(low, low, 4, 0), nn.Flatten()
        self.blocks = nn.ModuleList([nn.Sequential(*last, nn.EqualizedLinear(low, 1, gain=1.0, rng=rng))])
        for many, few in zip(widths, widths[1:]):
            down_conv = nn.EqualizedDownConv2d(few, many, 3, rng=rng)
            self.blocks.append(nn.Sequential(*conv(few, few), *blur, down_conv, nn.LeakyReLU(0.2)))
        self.from_image = nn.ModuleList([nn.Sequential(*conv(channels, width, 1, 0)) for width in widths])

    def forward(self, x, level):
        """A score for each image of this level."""
        whole, share = split(level, self.blocks)
        top = whole + (share > 0)
        h = self.from_image[top](x)
        if share:
            h = fade(self.from_image[whole](pool(x)), self.blocks[top](h), share)
        for block in reversed(self.blocks[: whole + 1]):
            h = block(h)
        return h


# Growing -------------------------------------------------------------------------------------------------------------


class ProGAN(Growing):
    """The game of WGAN-GP with networks that grow; see `Growing`."""

    watch = {"level": "level", "wasserstein": "W", "gradient_norm": "|∇D|"}
    panels = {
        **Growing.panels,
        "Wasserstein estimate": ["wasserstein"],
        "gradient norm of the critic": ["gradient_norm"],
    }

    def critic_loss(self, real, fake, level, rng):
        """L_D on one batch, and the estimate E D(x) − E D(x̃) of the Wasserstein distance."""
        numbers = super().critic_loss(real, fake, level, rng=rng)
        return {"wasserstein": numbers["real_score"] - numbers["fake_score"], **numbers}


def build(
    rng,
    device="cpu",
    networks=small_networks,  # (rng, latent_size) -> G, D
    latent_size=64,
    noise=standard_normal,  # (shape, rng) -> z
    rest=2400,  # images of a level
    rise=2400,  # images of a fade
    penalty_weight=1.0,  # λ
    drift=1e-3,
    lr=0.02,  # of both players' Adam
    betas=(0.0, 0.99),
    average_decay=0.99,
):
    """The game of the equations above."""
    generator, critic = (network.to(device) for network in networks(rng, latent_size))
    return ProGAN(
        generator,
        critic,
        latent_size,
        Wasserstein(drift),
        partial(Adam, lr=lr, betas=betas),
        growth=Growth(len(critic.blocks) - 1, rest, rise),
        noise=noise,
        penalty=GradientPenaltyOfEnlarged(penalty_weight),
        average_decay=average_decay,
    )


DIGITS, EMOJI = partial(views.images, size=32), partial(views.images, size=32, channels=3)
COLOURED = {"networks": partial(small_networks, channels=3)}
SYSTEM = System(
    "progan",
    "ProGAN",
    "growing: large images are learned after small ones",
    6,
    build,
    {
        "quick": Preset(800, every=25, batch_size=16, view=DIGITS, options={"rest": 1200, "rise": 1200}),
        "default": Preset(5000, batch_size=16, view=DIGITS),
        "emoji": Preset(5000, batch_size=16, view=EMOJI, data="emoji", options=COLOURED),
    },
)
