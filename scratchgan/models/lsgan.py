"""LSGAN: "Least Squares Generative Adversarial Networks", Mao et al. 2017, arXiv:1611.04076.

−log D(x̃), which the first GAN's G descends, is flat where D already calls a fake real, however far beyond its score is.
Least squares are not: D learns the number b for reals and a for fakes, and G makes D say c,

    L_D = ½ E (D(x) − b)² + ½ E (D(x̃) − a)²,        L_G = ½ E (D(x̃) − c)²                                          (2)

with no sigmoid anywhere. With the densities p of x and p_G of x̃ = G(z), the best D is (b p + a p_G) / (p + p_G). Where
b − c = 1 and b − a = 2, as with (a, b, c) = (−1, 1, 0), G descends the Pearson χ² divergence between p + p_G and 2 p_G.
The authors' code, and the default here, is (0, 1, 1): D(x̃) then settles at ½ in the mean.

The distance with which this pull grows is one of scores, not of images. G moves x̃, by (D(x̃) − c) ∇D(x̃), and the best D
is flat where only fakes are: there the pull vanishes like that of log(1 − D(x̃)). For two Gaussians far apart it is
three eighths of it; `demos/errata.py` computes both.

Departures:

| here                                      | paper or its code                                     |
|-------------------------------------------|-------------------------------------------------------|
| the small networks of DCGAN, 28×28        | 112×112: seven transposed convolutions, D of width 64 |
| means over the batch                      | the code's l2_loss sums over it                       |
| z ~ N(0, I), 64 numbers                   | uniform on (−1, 1), 1024 numbers                      |
| α from 0.01 to a twentieth; G is averaged | α = 0.001 throughout, the last G                      |
"""

from functools import partial

from scratchgan.losses import LeastSquares
from scratchgan.models.game import Game
from scratchgan.models.model import Preset, System
from scratchgan.models.networks import small_generator, strided_critic
from scratchgan.optim import Adam


def small_networks(rng, latent_size=64, width=16):
    """Those of DCGAN: (N, latent_size) -> (N, 1, 28, 28) in [−1, 1], and (N, 1, 28, 28) -> (N, 1)."""
    return small_generator(latent_size, 2 * width, rng), strided_critic(width, rng)


def build(
    rng,
    device="cpu",
    networks=small_networks,  # (rng, latent_size) -> G, D
    latent_size=64,
    codes=(0.0, 1.0, 1.0),  # a, b, c
    lr=1e-2,  # α, of both players' Adam
    betas=(0.5, 0.999),
    average_decay=0.99,
):
    """The game of equation (2)."""
    generator, discriminator = (network.to(device) for network in networks(rng, latent_size))
    adam = partial(Adam, lr=lr, betas=betas)
    return Game(generator, discriminator, latent_size, LeastSquares(*codes), adam, average_decay=average_decay)


SYSTEM = System(
    "lsgan",
    "LSGAN",
    "least squares for the logarithm",
    2,
    build,
    {
        "quick": Preset(600, every=50),
        "default": Preset(3000),
        "pearson": Preset(3000, options={"codes": (-1.0, 1.0, 0.0)}),
    },
)
