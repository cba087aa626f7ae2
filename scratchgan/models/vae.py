"""VAE: "Auto-Encoding Variational Bayes", Kingma & Welling 2014.

arXiv:1312.6114; found at the same time by Rezende, Mohamed & Wierstra, arXiv:1401.4082. Images are thought to be made
in two steps: a code z is drawn from the prior p(z) = N(0, I), and from it the pixels, each for itself, black or white
with the probabilities σ(a) whose logits a are what a decoder makes of z,

    p(x) = ∫ p(x|z) p(z) dz,        −log p(x|z) = Σᵢ (ζ(aᵢ) − xᵢ aᵢ)    with the softplus ζ.                        (1)

Nobody can compute the integral. But an encoder can guess which codes an image may have come from: its outputs are the
means μ and the log-variances log σ² of a Gaussian q(z|x), and whatever it says, there is a bound (the "ELBO")

    log p(x) ≥ E_q log p(x|z) − KL(q(z|x) ‖ p(z)),      KL = ½ Σⱼ (μⱼ² + σⱼ² − 1 − log σⱼ²),                        (2)

whose gap is KL(q(z|x) ‖ p(z|x)). Both networks climb it. The first term wants codes that tell images apart, as an
autoencoder's do. The second is what a code costs, in nats: it makes codes fuzzy and keeps them where the prior is, so
that one drawn from it can be decoded. A gradient passes through the draw, as z = μ + σ ε with ε ~ N(0, I).

Pixels and latents are summed, and only images averaged: with a mean over pixels the KL would weigh 784 times as much,
all codes would become the prior, and the decoder would draw the mean image. With more than one draw the bound can be
made tighter, to measure with (Burda et al. 2016, arXiv:1509.00519):

    log p(x) ≥ E log (1/K) Σₖ p(x|zₖ) p(zₖ) / q(zₖ|x)        for zₖ ~ q(z|x).                                       (3)

Departures:

| here                                             | the paper, or PyTorch's and Keras' examples           |
|--------------------------------------------------|-------------------------------------------------------|
| pixels drawn anew as bits in each step           | bits; the examples: grey, as in the preset `grey`     |
| 784-400-20, as PyTorch's example, Adam           | 500 hidden units, Adagrad, weights that decay         |
| α from 0.001 to a twentieth                      | 0.001 throughout, in the examples                     |
| `conv`, `conv_20`: PyTorch's first weights       | Keras: Glorot's, biases 0; it trains on test images   |
"""

from functools import partial

import numpy as np

from scratchgan.functional import binary_cross_entropy, broadcast_to, sigmoid
from scratchgan.losses import bernoulli, bernoulli_nll, gaussian_kl, gaussian_nll, importance_bound, reparametrise
from scratchgan.models.latents import plane, slerp, standard_normal
from scratchgan.models.model import Model, Preset, System, in_blocks, made
from scratchgan.models.networks import convolutional_coder, dense_coder
from scratchgan.nn.options import Whole, truth
from scratchgan.optim import Adam
from scratchgan.tensor import Tensor

SIDE, IN_USE = 12, 0.01  # of the square in the picture; how much a code's mean must vary, as in Burda et al.


def dense_networks(rng, latent_size=20, hidden=(400,)):
    """784-400-2J and J-400-784: with J = 20 latents 652,824 weights. See `networks.dense_coder`."""
    return dense_coder(2 * latent_size, latent_size, hidden, rng)


def convolutional_networks(rng, latent_size=2):
    """Three strided layers each: with two latents 69,076 and 65,089 weights. See `networks.convolutional_coder`."""
    return convolutional_coder(2 * latent_size, latent_size, rng)


class VAE(Model):
    """An encoder, a decoder, and one optimiser for both.

    Parameters
    ----------
    encoder : Module, (N, …) -> (N, 2·latent_size)
        μ, then log σ².
    decoder : Module, (N, latent_size) -> logits (N, …)
    latent_size : int
        J.
    optimizer : callable
        ``(parameters) -> Optimizer``.
    binarised : bool
        Whether black and white are drawn with the grey of each pixel, anew in each step ("dynamic binarisation"). If
        not, grey pixels are x in (1): then (2) is no bound of a likelihood, and its least value is far from 0.
    draws : int
        K of (3).
    """

    latent_size, draws, low = Whole(), Whole(), 0.0
    watch = {"loss": "−ELBO", "kl": "KL"}
    panels = {"−ELBO, nats": ["loss"], "its terms": ["reconstruction", "kl"]}

    def __init__(self, encoder, decoder, latent_size, optimizer, binarised, draws):
        truth(binarised=binarised)
        self.encoder, self.decoder = encoder, decoder
        self.latent_size, self.binarised, self.draws = latent_size, binarised, draws
        self.optimizer = optimizer([*encoder.parameters(), *decoder.parameters()])

    def pixels(self, x, rng):
        """x of (1), of grey images."""
        return bernoulli(x, rng) if self.binarised else x

    def halves(self, outputs):
        """μ and log σ² of an encoder's outputs: Tensors (N, latent_size)."""
        return outputs[:, : self.latent_size], outputs[:, self.latent_size :]

    def loss(self, x, rng):
        """What is descended, the negative of (2), and its terms, means over images.

        Returns
        -------
        dict of str to Tensor, ()
            "reconstruction" + "kl" = "loss".
        """
        mean, log_variance = self.halves(self.encoder(x))
        z = reparametrise(mean, log_variance, rng)
        reconstruction, kl = bernoulli_nll(self.decoder(z), x).mean(), gaussian_kl(mean, log_variance).mean()
        return {"reconstruction": reconstruction, "kl": kl, "loss": reconstruction + kl}

    def train_step(self, batches, rng):
        """One step up (2)."""
        (grey,) = self.draw(batches)
        numbers = self.loss(self.pixels(grey, rng), rng)
        self.descend(self.optimizer, numbers["loss"])
        return {name: value.item() for name, value in numbers.items()}

    def log_weights(self, x, mean, log_variance, rng):
        """log p(x|z) p(z) / q(z|x) of K draws from q: Tensor (K, N)."""
        weights, nothing = [], 0 * mean
        for _ in range(self.draws):
            z = reparametrise(mean, log_variance, rng)
            prior, guess = gaussian_nll(z, nothing, nothing), gaussian_nll(z, mean, log_variance)
            weights.append((guess - prior - bernoulli_nll(made(self.decoder, z), x)).data)
        return Tensor(np.stack(weights))

    def measure(self, held_out, rng):
        """(2) and (3) on images that it never saw, and what pixels cost that know nothing of each other."""
        x = self.pixels(held_out[0], rng)
        mean, log_variance = self.halves(made(self.encoder, x))
        weights = self.log_weights(x, mean, log_variance, rng)
        alone = binary_cross_entropy(broadcast_to(x.mean(0), x.shape), x, reduction="sum").item() / len(x)
        floor = binary_cross_entropy(x, x, reduction="sum").item() / len(x)
        kind = "dynamic bits" if self.binarised else "grey, no likelihood"
        return {
            f"−ELBO, nats ({kind})": -weights.mean().item(),
            f"with {self.draws} draws ({kind})": -importance_bound(weights).mean().item(),
            "the KL in it": gaussian_kl(mean, log_variance).mean().item(),
            f"latents in use, of {self.latent_size}": float((mean.numpy().var(0) > IN_USE).sum()),
            "independent pixels": alone,
            **({} if self.binarised else {"the greys themselves": floor}),
        }

    # Pictures ---------------------------------------------------------------------------------------------------------

    def show(self, examples, rng):
        """A row of images; what their codes' means give back; and a square of what the prior gives.

        With two latents that is their plane, see `latents.plane`, else it is samples.
        """
        x = self.pixels(examples[0][:SIDE], rng)
        codes, _ = self.halves(made(self.encoder, x))
        z = plane(SIDE) if self.latent_size == 2 else standard_normal((SIDE**2, self.latent_size), rng)
        square = self.images(self.tensor(z)).reshape(SIDE, SIDE, *x.shape[1:])
        return np.stack([self.shown(x), self.images(codes), *square])

    @in_blocks
    def samples(self, count, rng):
        """``count`` images of the probabilities of white, for z ~ N(0, I)."""
        return {"samples": self.images(self.tensor(standard_normal((count, self.latent_size), rng)))}

    def strip(self, rows, columns, rng):
        """Rows of images along arcs from one code to another."""
        ends = standard_normal((rows, 2, self.latent_size), rng)
        arcs = np.concatenate([slerp(*pair, np.linspace(0, 1, columns)) for pair in ends])
        images = self.images(self.tensor(arcs))
        return images.reshape(rows, columns, *images.shape[1:])

    def images(self, z):
        """The probabilities of white that codes give, as images: array in [−1, 1]."""
        return self.shown(sigmoid(made(self.decoder, z)))


def build(
    rng,
    device="cpu",
    networks=dense_networks,
    latent_size=20,  # J
    binarised=True,
    draws=50,  # K, to measure with
    lr=1e-3,
    betas=(0.9, 0.999),
):
    """A model of images whose codes have ``latent_size`` numbers; ``lr`` and ``betas`` are Adam's."""
    encoder, decoder = (network.to(device) for network in networks(rng, latent_size))
    return VAE(encoder, decoder, latent_size, partial(Adam, lr=lr, betas=betas), binarised, draws)


LONG, SHORT = {"every": 300, "batch_size": 128}, {"every": 50, "batch_size": 128}
CONVOLUTIONAL = {"networks": convolutional_networks}
SYSTEM = System(
    "vae",
    "variational autoencoder",
    "codes with a distribution, and a bound on the likelihood",
    3,
    build,
    {
        "quick": Preset(4000, batch_size=128),
        "default": Preset(12_000, **LONG),
        "2": Preset(12_000, **LONG, options={"latent_size": 2}),
        "conv": Preset(1600, **SHORT, options={**CONVOLUTIONAL, "latent_size": 2}),
        "conv_20": Preset(1600, **SHORT, options=CONVOLUTIONAL),
        "grey": Preset(12_000, **LONG, options={"binarised": False}),
    },
)
