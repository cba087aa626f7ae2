"""A tiny instance of every model, quick to train, with the data that it is trained on: images of 4×4 or 8×8.

A new system adds one here, and gets all the tests of `training/test_systems.py`.
"""

from dataclasses import dataclass
from functools import partial

import captioned
import games
import numpy as np

from scratchgan import nn
from scratchgan.data import Batches, Streams
from scratchgan.models import (
    aae,
    adain,
    autoencoder,
    cyclegan,
    gated_pixelcnn,
    made,
    pix2pix,
    pixelcnn,
    pixelgan,
    pixelvae,
    rbm,
    srgan,
    stackgan,
    vae,
)  # fmt: skip
from scratchgan.models.priors import one_gaussian, petals
from scratchgan.models.superres import SRResNet

COUNT = 40  # images


@dataclass(frozen=True)
class Tiny:
    """A model as a function of a random number generator, and its data."""

    paper: object  # the file
    build: callable  # (rng) -> Model
    image: tuple = games.IMAGE
    labels: bool = False
    words: bool = False  # captions, and what they mean
    unpaired: bool = False
    paired: bool = False
    small: tuple = ()  # the shape of a smaller image beside each
    samples: bool = True  # whether it makes any from noise alone
    at_rest: tuple = ()  # networks that the third step does not look at

    def batches(self, rng, low):
        """The stream of batches that the model trains on."""
        pixels = np.random.default_rng(1).integers(0, 256, (2, COUNT, *self.image), dtype=np.uint8)
        arrays = tuple(pixels) if self.unpaired or self.paired else (pixels[0],)
        arrays += (
            (pixels[1].reshape(COUNT, -1)[:, : np.prod(self.small)].reshape(COUNT, *self.small),) if self.small else ()
        )
        arrays += (np.arange(COUNT) % games.CLASSES,) if self.labels else ()
        arrays += captioned.described(COUNT) if self.words else ()
        return (Streams if self.unpaired else Batches)(arrays, 6, rng, low)


def game(name, rng):
    """A game of `games`, whose dropout draws from the run's own random numbers."""
    made = games.make(name, np.float32, rng=rng)
    games.reseed(made, rng)
    return made


def codes(rng, latent_size):
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(16, 5, rng=rng), nn.ReLU(), nn.Linear(5, latent_size, rng=rng))
    decoder = nn.Sequential(nn.Linear(latent_size, 16, rng=rng), nn.Sigmoid(), nn.Unflatten(1, games.IMAGE))
    return encoder, decoder


def fuzzy_codes(rng, latent_size):
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(16, 5, rng=rng), nn.ReLU(), nn.Linear(5, 2 * latent_size, rng=rng))
    return encoder, nn.Sequential(nn.Linear(latent_size, 16, rng=rng), nn.Unflatten(1, games.IMAGE))


def adversarial_codes(rng, latent_size, classes):
    return aae.mlp_networks(rng, latent_size, classes, width=9, image=games.IMAGE)


def translators(rng):
    def translator():
        return nn.Sequential(nn.Conv2d(3, 3, 3, padding=1, rng=rng), nn.InstanceNorm2d(3, affine=True), nn.Tanh())

    def critic():
        return nn.Sequential(nn.Conv2d(3, 2, 2, rng=rng), nn.LeakyReLU(0.2), nn.Conv2d(2, 1, 2, rng=rng))

    return translator(), translator(), critic(), critic()


def enlarging(rng):
    """Of 2×2 pixels to 8×8, and a critic of these."""
    critic = nn.Sequential(
        nn.Conv2d(1, 2, 3, stride=2, rng=rng), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(18, 1, rng=rng)
    )
    return SRResNet(rng, 1, width=2, blocks=1, up=(8, 8)), critic


def pixelcnn_of(rng):
    return pixelcnn.PixelCNN(rng, width=2, blocks=1, first=3)


def gated_of(rng):
    return gated_pixelcnn.GatedPixelCNN(rng, width=2, layers=1, first=3)


def pixelvae_of(rng, latent_size):
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(16, 2 * latent_size, rng=rng))
    upward = nn.Sequential(nn.Linear(latent_size, 2 * 16, rng=rng), nn.Unflatten(1, (2, 4, 4)))
    return encoder, told_of(rng, upward)


def told_of(rng, upward):
    return gated_pixelcnn.Told(upward, gated_pixelcnn.GatedPixelCNN(rng, width=2, layers=1, first=3, told=2))


def pixelgan_of(rng, latent_size, kinds=True):
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(16, latent_size, rng=rng), *[nn.Softmax(1)] * kinds)
    upward = nn.Sequential(nn.Linear(latent_size, 2 * 16, rng=rng), nn.Unflatten(1, (2, 4, 4)))
    critic = nn.Sequential(nn.Linear(latent_size, 3, rng=rng), nn.ReLU(), nn.Linear(3, 1, rng=rng))
    return encoder, told_of(rng, upward), critic


MODELS = {
    **{
        name: Tiny(paper, partial(game, name), games.image(name), name in games.CONDITIONAL)
        for name, (paper, *_) in games.GAMES.items()
    },
    "AdaIN": Tiny(
        adain,
        partial(adain.build, networks=partial(adain.small_networks, widths=(2, 3), layers=(1,)), first=3),
        image=(3, 4, 4),
        unpaired=True,
        samples=False,
    ),
    "autoencoder": Tiny(autoencoder, partial(autoencoder.build, networks=codes), samples=False),
    "VAE": Tiny(vae, partial(vae.build, networks=fuzzy_codes, latent_size=3, draws=4)),
    "AAE": Tiny(aae, partial(aae.build, networks=adversarial_codes, latent_size=3)),
    "AAE, labelled": Tiny(
        aae,
        partial(aae.build, networks=adversarial_codes, latent_size=2, prior=petals, classes=games.CLASSES),
        labels=True,
    ),
    "RBM": Tiny(rbm, partial(rbm.build, image=games.IMAGE, hidden=5, chains=64)),
    "StackGAN": Tiny(
        stackgan,
        lambda rng: captioned.tiny(rng=rng),
        image=captioned.IMAGE,
        words=True,
        at_rest=("readout", "generator_1", "critic_1"),
    ),
    "pix2pix": Tiny(
        pix2pix,
        partial(pix2pix.build, networks=partial(pix2pix.small_networks, widths=(2, 3, 4), width=2), jitter=1),
        image=(1, 8, 8),
        paired=True,
        samples=False,
    ),
    "CycleGAN": Tiny(
        cyclegan,
        partial(cyclegan.build, networks=translators, identity=5.0, pool_size=9, image=(3, 4, 4)),
        image=(3, 4, 4),
        unpaired=True,
        samples=False,
    ),
    "SRGAN": Tiny(
        srgan,
        partial(srgan.build, networks=enlarging, encoder=partial(srgan.Encoder, width=1), pretraining=2),
        image=(1, 8, 8),
        small=(1, 2, 2),
        samples=False,
        at_rest=("generator",),  # it is overwritten
    ),
    "SRResNet": Tiny(
        srgan,
        partial(srgan.build, networks=enlarging, pretraining=None),
        image=(1, 8, 8),
        small=(1, 2, 2),
        samples=False,
    ),
    "MADE": Tiny(made, partial(made.build, image=games.IMAGE, hidden=(9,), arrangements=2, lr=0.1)),
    "PixelCNN": Tiny(pixelcnn, partial(pixelcnn.build, network=pixelcnn_of, image=games.IMAGE, lr=0.1)),
    "Gated PixelCNN": Tiny(gated_pixelcnn, partial(gated_pixelcnn.build, network=gated_of, image=games.IMAGE, lr=0.1)),
    "PixelVAE": Tiny(
        pixelvae, partial(pixelvae.build, networks=pixelvae_of, latent_size=3, image=games.IMAGE, anneal=2, lr=0.1)
    ),
    "PixelGAN": Tiny(
        pixelgan, partial(pixelgan.build, networks=pixelgan_of, latent_size=3, image=games.IMAGE, rates=(0.1, 0.1, 0.1))
    ),
    "PixelGAN, location": Tiny(
        pixelgan,
        partial(
            pixelgan.build,
            networks=partial(pixelgan_of, kinds=False),
            latent_size=3,
            prior=one_gaussian,
            image=games.IMAGE,
            rates=(0.1, 0.1, 0.1),
        ),
    ),
}
