"""Autoencoder: "Reducing the Dimensionality of Data with Neural Networks", Hinton & Salakhutdinov 2006.

An encoder f takes an image x of D pixels to a code z = f(x) of a few numbers, a decoder g takes the code back to an
image x̂ = g(z), and both learn to lose as little as they can on the way:

    min_{f,g}   E_x (1/D) ‖g(f(x)) − x‖²                                                                            (1)

If f and g are linear the best they can do is PCA with as many components as the code has numbers. With hidden layers
the codes of a two-dimensional autoencoder spread the digits over the plane, class by class.

There is one network, one loss and no game. And there are no samples: nothing says which codes are likely, so a code
drawn at random need not decode to a digit. Giving the codes a distribution is what a variational and an adversarial
autoencoder are about.

Departures:

| here                       | the paper                                                   |
|----------------------------|-------------------------------------------------------------|
| 784-512-256-128-2, ReLU    | 784-1000-500-250-30 and -2, sigmoids, codes linear          |
| trained at once, with Adam | layer by layer as Boltzmann machines, then all at once      |
| (1)                        | for digits the cross-entropy of pixels, as bits, to x̂       |
"""

from functools import partial

import numpy as np

from scratchgan import nn
from scratchgan.functional import mse_loss
from scratchgan.models.model import Model, Preset, System, made
from scratchgan.models.networks import convolutional_coder, dense_coder
from scratchgan.optim import Adam
from scratchgan.tensor import Tensor


def dense_networks(rng, latent_size=2, hidden=(512, 256, 128)):
    """Linear layers and their mirror image; with 256 and 64 hidden units and two latents 435,858 weights.

    Returns
    -------
    encoder : Module, (N, 1, 28, 28) -> (N, latent_size)
    decoder : Module, (N, latent_size) -> (N, 1, 28, 28) in [0, 1]
    """
    encoder, decoder = dense_coder(latent_size, latent_size, hidden, rng)
    return encoder, nn.Sequential(decoder, nn.Sigmoid())


def convolutional_networks(rng, latent_size=2):
    """Three strided layers each, those of the VAE in Keras' examples. Returns what `dense_networks` does."""
    encoder, decoder = convolutional_coder(latent_size, latent_size, rng)
    return encoder, nn.Sequential(decoder, nn.Sigmoid())


class Autoencoder(Model):
    """An encoder, a decoder, and one optimiser for both.

    Parameters
    ----------
    encoder : Module, (N, …) -> (N, latent_size)
    decoder : Module, (N, latent_size) -> (N, …) in [0, 1]
    optimizer : callable
        ``(parameters) -> Optimizer``.
    """

    low, watch, panels = 0.0, {"loss": "MSE"}, {"mean squared error": ["loss"]}

    def __init__(self, encoder, decoder, optimizer):
        self.encoder, self.decoder = encoder, decoder
        self.optimizer = optimizer([*encoder.parameters(), *decoder.parameters()])

    def loss(self, x):
        """Equation (1) on a batch: Tensor, ()."""
        return mse_loss(self.decoder(self.encoder(x)), x)

    def train_step(self, batches, rng):
        """One step down (1)."""
        (x,) = self.draw(batches)
        return {"loss": self.descend(self.optimizer, self.loss(x)).item()}

    def measure(self, held_out, rng):
        """(1) on images that it never saw, beside what the simplest rivals lose that are fitted to these very images.

        They are their mean, and as many of their principal components as a code has numbers.
        """
        from scratchgan.metrics import pca_reconstruction  # only here: training does without

        (x,) = held_out
        codes = made(self.encoder, x)
        pixels, numbers = x.flatten(1), codes.shape[1]
        linear = self.tensor(pca_reconstruction(pixels.numpy(), numbers))
        mean = Tensor(x.data.mean(0, keepdims=True) + 0 * x.data)
        return {
            "mean squared error": mse_loss(made(self.decoder, codes), x).item(),
            f"of PCA with {numbers} components": mse_loss(linear, pixels).item(),
            "of their mean image": mse_loss(mean, x).item(),
        }

    def show(self, examples, rng):
        """Rows of eight: images and below them what comes back, twice; then four lines from code to code.

        Nothing asks what lies between two codes to be an image, but with few numbers it mostly is.
        """
        x = examples[0][:16]
        codes = made(self.encoder, x)
        pairs = np.stack([self.shown(x), self.images(codes)]).reshape(2, 2, 8, *x.shape[1:]).swapaxes(0, 1)
        starts, ends = codes.numpy()[:8].reshape(2, 4, 1, -1)
        lines = starts + np.linspace(0, 1, 8)[:, None] * (ends - starts)
        between = self.images(self.tensor(lines.reshape(32, -1)))
        return np.concatenate([pairs.reshape(32, *x.shape[1:]), between]).reshape(8, 8, *x.shape[1:])

    def images(self, codes):
        """What codes are decoded to: array in [−1, 1]."""
        return self.shown(made(self.decoder, codes))


def build(rng, device="cpu", networks=dense_networks, latent_size=2, lr=1e-3, betas=(0.9, 0.999)):
    """An autoencoder whose codes have ``latent_size`` numbers; ``lr`` and ``betas`` are Adam's."""
    encoder, decoder = (network.to(device) for network in networks(rng, latent_size))
    return Autoencoder(encoder, decoder, partial(Adam, lr=lr, betas=betas))


LONG, SHORT = {"every": 200, "batch_size": 128}, {"every": 50, "batch_size": 128}
SMALL, CONVOLUTIONAL = {"networks": partial(dense_networks, hidden=(256, 64))}, {"networks": convolutional_networks}
SYSTEM = System(
    "autoencoder",
    "autoencoder",
    "a code of two numbers, and no game at all",
    3,
    build,
    {
        "quick": Preset(6000, batch_size=128, options=SMALL),
        "default": Preset(7000, **LONG),
        "20": Preset(7000, **LONG, options={"latent_size": 20}),
        "32": Preset(7000, **LONG, options={"latent_size": 32}),
        "conv": Preset(1600, **SHORT, options=CONVOLUTIONAL),
        "conv_32": Preset(1600, **SHORT, options={**CONVOLUTIONAL, "latent_size": 32}),
    },
)
