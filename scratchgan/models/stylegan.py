"""StyleGAN: "A Style-Based Generator Architecture for Generative Adversarial Networks", Karras et al. 2019,
arXiv:1812.04948.

In other generators the latent is the image at its smallest. Here a *mapping* f turns it into w = f(z), and w does
nothing but say, layer by layer, how large and how bright each feature map shall be: its *style*,

    AdaIN(x, w)_c = (1 + s_c) (x_c − mean x_c) / √(var x_c + ε) + b_c,       (s, b) = A(w)                         (1)

with an affine map A of each layer's own. The image itself begins as a learned constant. What is random in it and no
matter of style comes from noise, added before each style. As the styles of the coarse layers govern the whole shape and
those of the fine ones the details, images can be mixed: coarse styles of one w, fine ones of another. *Mixing
regularisation* does so in training, at a random layer, so that no layer counts on its neighbour's w.

The z of a batch fill a ball, and the data rarely do; f may bend it. So directions in w mean more than directions in z.
And the mean w̄ of all w is an average image: w̄ + ψ (w − w̄) with ψ < 1 gives up variety for quality (*truncation*).

Networks grow as in ProGAN, whose critic this is, with a blur before each halving. The objective is that of the paper's
runs on FFHQ, non-saturating with R₁, γ/2 E ‖∇D(x)‖² at reals. The preset `wasserstein` has ProGAN's, as its runs on
CelebA-HQ; and `b` to `e` are the steps from ProGAN to here, table 1 of the paper.

In a short training G soon finds one image that passes, and lets the styles fade. Four things keep its images apart. A
random f brings all w near to one another: the cosine of two is 0.2 behind one layer, 0.6 behind four, 0.7 behind
eight, and these learn nothing in minutes; so f has one. The maps A learn more slowly than all else, by μ = 0.3. A new
block begins with a quarter of the contrast. And R₁ is that of enlarged images, see `growing.steepness`.

Departures:

| here                                                 | paper or its code                                          |
|------------------------------------------------------|------------------------------------------------------------|
| 32×32; 48, 32, 16 and 8 maps; z and w of 64 numbers  | 1024×1024; 512 maps up to 32×32, 16 at last; 512 numbers   |
| one layer in f; A has the rate multiplier 0.3        | eight; 1                                                   |
| a new block's layer to the image: N(0, 1/16)         | N(0, 1)                                                    |
| γ = 12 at 32×32, a quarter for each level below      | 10                                                         |
| a level takes 3,200 images, a fade as many           | 600,000 and 600,000                                        |
| batches of 16                                        | 512 at first, 32 at last                                   |
| the constant begins as N(0, 1), as in StyleGAN2      | as 1                                                       |
| growth begins at 4×4                                 | at 8×8                                                     |
| α = 0.03 falls to a twentieth; average β = 0.99      | 0.001, and more for large images; a half-life of 10k images |
| w̄ of the averaged generator is averaged, too         | copied                                                     |
"""

from functools import partial

import numpy as np

from scratchgan import nn
from scratchgan.backend import array_like
from scratchgan.functional import leaky_relu
from scratchgan.losses import NonSaturating, Wasserstein
from scratchgan.models import progan
from scratchgan.models.growing import GradientPenaltyOfEnlarged, Growing, Growth, R1OfEnlarged, fade, split, up
from scratchgan.models.model import Preset, System, made
from scratchgan.models.progan import DIGITS, EMOJI, WIDTHS, Critic
from scratchgan.nn.options import Number
from scratchgan.optim import Adam
from scratchgan.tensor import Parameter, Tensor

# Networks ------------------------------------------------------------------------------------------------------------


def small_networks(rng, latent_size=64, widths=WIDTHS, channels=1, depth=1, style_rate=0.3, quiet=0.25, **options):
    """G and D up to 32×32; ``options``: of `Generator`."""
    generator = Generator(rng, latent_size, widths, channels, depth, style_rate=style_rate, quiet=quiet, **options)
    return generator, blurred_critic(rng, widths, channels)


def paper_networks(rng, latent_size=512):
    """G and D up to 1024×1024, in colour."""
    widths = 512, 512, 512, 512, 256, 128, 64, 32, 16
    return small_networks(rng, latent_size, widths, 3, depth=8, style_rate=1.0, quiet=1.0)


def unstyled_networks(rng, latent_size=64, widths=WIDTHS, channels=1):
    """G and D without styles: ProGAN's, with blurs."""
    return Unstyled(rng, latent_size, widths, channels), blurred_critic(rng, widths, channels)


def blurred_critic(rng, widths, channels):
    """ProGAN's, with a blur before each halving of the size."""
    return Critic(rng, widths, channels, blur=(nn.Blur(),))


def mapping(rng, latent_size, depth):
    """f: (N, latent_size) -> (N, latent_size). It learns a hundred times more slowly than the layers that it serves."""
    layer = partial(nn.EqualizedLinear, latent_size, latent_size, lr_multiplier=0.01, rng=rng)
    return nn.Sequential(nn.PixelNorm(), *(part for _ in range(depth) for part in (layer(), nn.LeakyReLU(0.2))))


class Epilogue(nn.Module):
    """What follows each convolution: noise, bias, leaky ReLU, style."""

    def __init__(self, rng, width, style_size, style_rate=1.0, noise=True):
        self.noise = nn.Noise(width) if noise else None
        self.bias = Parameter(np.zeros((width, 1, 1), np.float32))
        self.style = nn.AdaIN(width, style_size, lr_multiplier=style_rate, rng=rng)

    def forward(self, x, style, rng):
        """(N, width, H, W), (N, style_size) -> (N, width, H, W)."""
        x = self.noise(x, rng) if self.noise else x
        return self.style(leaky_relu(x + self.bias, 0.2), style)


class Block(nn.Module):
    """Two layers of one size: ``begin``, and a convolution, each with its epilogue."""

    def __init__(self, begin, width, style_size, style_rate, noise, rng):
        epilogue = partial(Epilogue, rng, width, style_size, style_rate, noise)
        self.begin, self.first = begin, epilogue()
        self.conv = nn.EqualizedConv2d(width, width, 3, padding=1, bias=False, rng=rng)
        self.second = epilogue()

    def forward(self, x, styles, rng):
        """Of the block before, and the styles of both layers, to feature maps."""
        x = self.first(self.begin(x), styles[0], rng)
        return self.second(self.conv(x), styles[1], rng)


class Unstyled(nn.Module):
    """ProGAN's generator with a blur after each doubling, as G(z, level, rng): it draws no noise, and has no w."""

    def __init__(self, rng, latent_size, widths, channels):
        self.generator = progan.Generator(rng, latent_size, widths, channels, blur=(nn.Blur(),))

    def forward(self, z, level, rng, psi=1.0):
        """Images of this level; ψ is 1, as there is no w."""
        if psi != 1:
            raise ValueError(f"psi={psi} would draw w nearer to its mean, and this generator has no w")
        return self.generator(z, level)


class Generator(nn.Module):
    """G(z, level, rng): (N, latent_size), from 0 to len(widths) − 1 -> (N, channels, H, H) with H = 4 · 2^⌈level⌉.

    Noise, and in training the second latents to mix with, are drawn from ``rng``.

    Parameters
    ----------
    rng : numpy.random.Generator
    latent_size : int
        Of z and of w.
    widths : tuple of int
        Feature maps of 4×4, 8×8, … pixels.
    channels, depth : int
        Of the images, and of f.
    mixing : float
        How often a batch has styles of two latents, in training.
    constant, noise : bool
        Without the first, the image begins as a linear function of w; without the second, there is none.
    style_rate : float
        μ of the styles' maps A, see `nn.EqualizedLinear`.
    quiet : float
        The share that a new block's first weights to the image have of N(0, 1): its styles, which have learned nothing
        yet, would drown what the others have.

    State, besides the weights: center (latent_size,), the running mean w̄.
    """

    mixing = Number("[0, 1]")

    def __init__(
        self,
        rng,
        latent_size,
        widths,
        channels,
        depth,
        mixing=0.9,
        constant=True,
        noise=True,
        style_rate=1.0,
        quiet=1.0,
    ):
        self.mapping, self.mixing = mapping(rng, latent_size, depth), mixing
        self.center = np.zeros(latent_size, np.float32)
        self.constant = nn.Constant(widths[0], 4, 4, rng=rng) if constant else None
        dense = nn.EqualizedConv2d(latent_size, widths[0], 4, padding=3, bias=False, rng=rng)
        begin = nn.Sequential() if constant else nn.Sequential(nn.Unflatten(1, (latent_size, 1, 1)), dense)
        block = partial(Block, style_size=latent_size, style_rate=style_rate, noise=noise, rng=rng)
        self.blocks = nn.ModuleList([block(begin, widths[0])])
        for few, many in zip(widths, widths[1:]):
            begin = nn.Sequential(nn.EqualizedUpConv2d(few, many, 3, bias=False, rng=rng), nn.Blur())
            self.blocks.append(block(begin, many))
        self.to_image = nn.ModuleList([nn.EqualizedConv2d(width, channels, 1, gain=1.0, rng=rng) for width in widths])
        for layer in self.to_image[1:]:
            layer.weight.data *= quiet

    def forward(self, z, level, rng, psi=1.0):
        """Images of this level."""
        return self.synthesis(self.styles(z, level, rng, psi), level, rng)

    def styles(self, z, level, rng, psi=1.0):
        """The w of each layer that is awake: two for each size, all the same but where latents are mixed.

        Parameters
        ----------
        psi : float
            ψ, in evaluation: w̄ + ψ (w − w̄).

        Raises
        ------
        ValueError
            For a ψ that is no number.
        """
        if not np.isfinite(psi):
            raise ValueError(f"{psi=} must be a finite number")
        layers, w = 2 * (int(np.ceil(level)) + 1), self.mapping(z)
        if not self.training:
            return [w if psi == 1 else self.center + psi * (w - self.center)] * layers
        self.center += 0.005 * (w.data.mean(0) - self.center)
        if rng.random() >= self.mixing:
            return [w] * layers
        other, crossover = rng.standard_normal(z.shape).astype(z.dtype), rng.integers(1, layers)
        return [w] * crossover + [self.mapping(Tensor(array_like(other, z.data)))] * (layers - crossover)

    def synthesis(self, styles, level, rng):
        """Images of given styles, a w for each layer."""
        whole, share = split(level, self.blocks)
        h = self.constant(len(styles[0])) if self.constant else styles[0]
        for i, block in enumerate(self.blocks[: whole + 1]):
            h = block(h, styles[2 * i : 2 * i + 2], rng)
        image = self.to_image[whole](h)
        if share:
            h = self.blocks[whole + 1](h, styles[2 * whole + 2 :], rng)
            image = fade(up(image), self.to_image[whole + 1](h), share)
        return image


# Training ------------------------------------------------------------------------------------------------------------


class StyleGAN(Growing):
    """The two players, their optimisers, and a level that rises; see `Growing`."""

    def inputs(self, z, level, rng):
        """The generator draws noise of its own."""
        return z, level, rng

    def images(self, z, level=None, rng=None, psi=1.0):
        """Images by the averaged generator, as in `Growing`; without ``rng``, the noise is always the same.

        Parameters
        ----------
        psi : float
            ψ of the truncation, 1: none.
        """
        rng = np.random.default_rng(0) if rng is None else rng
        level = self.growth.level if level is None else level
        return self.enlarged(self.shown(made(self.best, z, level, rng, psi)))


def build(
    rng,
    device="cpu",
    networks=small_networks,  # (rng, latent_size) -> G, D
    latent_size=64,
    rest=3200,  # images of a level
    rise=3200,  # images of a fade
    objective=NonSaturating(),
    penalty=R1OfEnlarged(12.0),  # γ
    lr=0.03,  # of both players' Adam
    betas=(0.0, 0.99),
    average_decay=0.99,
):
    """The game of the equations above."""
    generator, critic = (network.to(device) for network in networks(rng, latent_size))
    return StyleGAN(
        generator,
        critic,
        latent_size,
        objective,
        partial(Adam, lr=lr, betas=betas),
        growth=Growth(len(critic.blocks) - 1, rest, rise),
        penalty=penalty,
        average_decay=average_decay,
    )


WASSERSTEIN = {"objective": Wasserstein(drift=1e-3), "penalty": GradientPenaltyOfEnlarged(1.0), "lr": 1e-2}
ABLATION = {  # Karras et al. 2019, table 1; A is ProGAN, and F the default
    "b": unstyled_networks,
    "c": partial(small_networks, constant=False, noise=False, mixing=0.0),
    "d": partial(small_networks, noise=False, mixing=0.0),
    "e": partial(small_networks, mixing=0.0),
}


def preset(steps=4600, view=DIGITS, options=None, **given):
    """Batches of 16 images, 32×32."""
    return Preset(steps, batch_size=16, view=view, options=options or {}, **given)


SYSTEM = System(
    "stylegan",
    "StyleGAN",
    "styles: coarse and fine, each layer is told how large its features shall be",
    6,
    build,
    {
        "quick": preset(800, every=25, options={"rest": 1200, "rise": 1200}),
        "default": preset(),
        "wasserstein": preset(options=WASSERSTEIN),
        "emoji": preset(view=EMOJI, data="emoji", options={"networks": partial(small_networks, channels=3)}),
        **{letter: preset(options={"networks": networks}) for letter, networks in ABLATION.items()},
    },
)
