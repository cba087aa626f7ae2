"""LSGAN: "Least Squares Generative Adversarial Networks", Mao et al. 2017, arXiv:1611.04076.

The logarithm of the first GAN hardly pushes a fake that D already takes for real, even if it lies far from the data.
Least squares do: D learns the number b for reals and a for fakes, and G makes D say c,

    L_D = ½ E (D(x) − b)² + ½ E (D(x̃) − a)²,        L_G = ½ E (D(x̃) − c)²                                          (2)

with no sigmoid anywhere. With the densities p of x and p_G of x̃ = G(z), the best D is (b p + a p_G) / (p + p_G). Where
b − c = 1 and b − a = 2, as with (a, b, c) = (−1, 1, 0), G descends the Pearson χ² divergence between p + p_G and 2 p_G.
The authors' code, and the default here, is (0, 1, 1): D(x̃) then settles at ½ in the mean.

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
from scratchgan.models.networks import small_generator, strided_critic
from scratchgan.nn.options import Number, Several
from scratchgan.optim import Adam


class LSGAN(Game):
    """The two players, their optimisers, and alternating steps; see `Game`.

    Parameters
    ----------
    generator, discriminator, latent_size
        See `Game`.
    codes : tuple of float
        a, b and c.
    lr, betas
        Of both players' Adam.
    """

    codes = Several(Number(), 3)

    def __init__(self, generator, discriminator, latent_size, codes=(0.0, 1.0, 1.0), lr=1e-3, betas=(0.5, 0.999)):
        self.codes = codes
        adam = partial(Adam, lr=lr, betas=betas)
        super().__init__(generator, discriminator, latent_size, LeastSquares(*self.codes), adam)


SMALL = {
    "latent_size": 64, "width": 16, "codes": [0.0, 1.0, 1.0], "low": -1.0, "batch_size": 64, "lr": 1e-2,
    "betas": [0.5, 0.999], "average_decay": 0.99,
}  # fmt: skip
PRESETS = {
    "quick": {**SMALL, "steps": 600, "lr_steps": 600, "every": 50},
    "default": {**SMALL, "steps": 3000, "lr_steps": 3000, "every": 100},
    "pearson": {**SMALL, "codes": [-1.0, 1.0, 0.0], "steps": 3000, "lr_steps": 3000, "every": 100},
}


def build(settings, rng, device):
    """The game of a preset."""
    generator = small_generator(settings["latent_size"], 2 * settings["width"], rng)
    discriminator = strided_critic(settings["width"], rng)
    names = ("latent_size", "codes", "lr", "betas")
    return LSGAN(generator.to(device), discriminator.to(device), **{name: settings[name] for name in names})
