"""PixelVAE: "PixelVAE: A Latent Variable Model for Natural Images", Gulrajani et al. 2016.

arXiv:1611.05013. A variational autoencoder draws each pixel independently of the others, given its code z. So z has to
say everything, and what it cannot say is blurred. A PixelCNN sees the pixels before, and has no code at all. Here a
*small* PixelCNN is told z,

    p(x) = E_{z ~ N(0, I)} Π_d p(x_d | x_1, …, x_{d−1}, z),                                                         (1)

so that z says what the image is as a whole, and a few autoregressive layers draw the details. With an encoder
q(z|x) = N(μ(x), σ²(x)) what is trained, and measured, is the bound of every variational autoencoder,

    −log p(x) ≤ E_{q(z|x)} [−Σ_d log p(x_d | x_<d, z)] + KL(q(z|x) ‖ N(0, I)).                                      (2)

A decoder is made of `gated_pixelcnn`: a small network makes of z a map as large as the image, which shifts each gate.

A decoder that sees far enough needs no code: it learns its part much faster than an encoder does, the KL falls to 0,
and with it goes all that the code could be used for. Here that happens with 7×7 and two layers of 3×3. So the decoder
has a single layer, and in the first steps the KL counts little: its weight rises from 0 to 1.

Departures:

| here                                                     | the paper (its MNIST script)                        |
|----------------------------------------------------------|-----------------------------------------------------|
| images binarised anew in each step                       | binarised once                                      |
| encoder of two strided 3×3 layers, 16 latents            | seven layers, 16 latents                            |
| decoder: one gated layer of 5×5, 16 channels              | 7×7, twelve of 5×5, two of 1×1                      |
| Adam, α from 0.005 to a twentieth, batches of 16         | α = 0.001, batches of 100                           |
| log σ²; PyTorch's first weights                          | log σ; weight normalisation                         |
"""

from functools import partial

import numpy as np

from scratchgan.functional import stack
from scratchgan.losses.variational import bernoulli, gaussian_kl, gaussian_nll, importance_bound, reparametrise
from scratchgan.models.autoregressive import BLOCK, FromCode, independent_nats
from scratchgan.models.gated_pixelcnn import GatedPixelCNN, Told
from scratchgan.models.latents import standard_normal
from scratchgan.models.model import Preset, System
from scratchgan.models.networks import convolutional_encoder, map_of_code
from scratchgan.nn.options import Whole
from scratchgan.optim import Adam
from scratchgan.tensor import Tensor, no_grad


def small_networks(rng, latent_size=16, width=16, layers=0, first=5):
    """Two strided layers, and a gated PixelCNN that is told a code.

    Returns
    -------
    encoder : Module, (N, 1, 28, 28) -> (N, 2 · latent_size), which are μ and log σ²
    decoder : Told, (N, 1, 28, 28), (N, latent_size) -> logits (N, 1, 28, 28)
    """
    encoder = convolutional_encoder(2 * latent_size, rng, widths=(16, 32), hidden=64)
    upward = map_of_code(latent_size, width, rng)
    return encoder, Told(upward, GatedPixelCNN(rng, width, layers, first=first, told=width))


class PixelVAE(FromCode):
    """An encoder, a decoder that draws pixel by pixel, and one optimiser.

    Parameters
    ----------
    encoder : Module, (N, 1, H, W) -> (N, 2 · latent_size)
        μ, then log σ².
    decoder : Module, x, z -> logits (N, 1, H, W)
    optimizer : callable
        ``(parameters) -> Optimizer``.
    image : tuple of int
        (C, H, W).
    latent_size : int
    anneal : int
        The steps in which the weight of the KL rises from 0 to 1.
    draws : int
        Codes of each image that the likelihood is estimated with.
    """

    latent_size, anneal, draws = Whole(), Whole(), Whole()
    watch = {"bound": "−ELBO", "kl": "KL"}
    panels = {"−ELBO, nats": ["bound"], "its terms": ["reconstruction", "kl"]}

    def __init__(self, encoder, decoder, optimizer, image, latent_size, anneal, draws):
        self.encoder, self.decoder = encoder, decoder
        self.image, self.latent_size, self.anneal, self.draws = image, latent_size, anneal, draws
        self.optimizer = optimizer([*encoder.parameters(), *decoder.parameters()])

    def code(self, x):
        """μ and log σ² of q(z|x): Tensors (N, latent_size)."""
        both = self.encoder(x)
        return both[:, : self.latent_size], both[:, self.latent_size :]

    def codes(self, x, rng):
        """A draw from q(z|x)."""
        return reparametrise(*self.code(x), rng)

    def latents(self, count, rng):
        """z ~ N(0, I)."""
        return standard_normal((count, self.latent_size), rng)

    def terms(self, x, rng):
        """The two terms of (2), for one z from q: Tensors (N,)."""
        mean, log_variance = self.code(x)
        return self.nats(x, reparametrise(mean, log_variance, rng)), gaussian_kl(mean, log_variance)

    def train_step(self, batches, rng):
        """One step down (2), in which the KL may count less."""
        reconstruction, kl = (term.mean() for term in self.terms(bernoulli(self.draw(batches)[0], rng), rng))
        weight = min(1.0, self.optimizer.steps / self.anneal)
        self.descend(self.optimizer, reconstruction + weight * kl)
        numbers = {"bound": reconstruction + kl, "reconstruction": reconstruction, "kl": kl}
        return {name: number.item() for name, number in numbers.items()}

    def measure(self, held_out, rng):
        """(2) on images that it never saw, its KL, and how much worse an image gets with the code of another."""
        images = bernoulli(held_out[0], rng)
        with no_grad():
            blocks = [self.measured(images[i : i + BLOCK], rng) for i in range(0, len(images), BLOCK)]
        bound, kl, tighter, others = np.concatenate(blocks, 1).mean(1).tolist()
        return {
            "−ELBO, nats (dynamic bits)": bound,
            f"with {self.draws} draws (dynamic bits)": tighter,
            "the KL in it": kl,
            "with another's code": others,
            "independent pixels": independent_nats(images),
        }

    def measured(self, x, rng):
        """Of each image the bound, its KL, the bound by K codes, and the bound with the code of its neighbour."""
        mean, log_variance = self.code(x)
        nothing, kl = 0 * mean, gaussian_kl(mean, log_variance)
        codes = [reparametrise(mean, log_variance, rng) for _ in range(self.draws)]
        nats = [self.nats(x, z) for z in codes]
        weights = [
            gaussian_nll(z, mean, log_variance) - gaussian_nll(z, nothing, nothing) - loss
            for z, loss in zip(codes, nats)
        ]
        others = self.nats(x, Tensor(np.roll(codes[0].data, 1, 0)))
        numbers = nats[0] + kl, kl, -importance_bound(stack(weights)), others + kl
        return np.stack([number.numpy() for number in numbers])


def build(
    rng,
    device="cpu",
    networks=small_networks,
    image=(1, 28, 28),
    latent_size=16,
    anneal=1000,
    draws=10,
    lr=5e-3,
    betas=(0.9, 0.999),
):
    """A PixelVAE for images of bits; ``lr`` and ``betas`` are Adam's."""
    parts = [network.to(device) for network in networks(rng, latent_size)]
    return PixelVAE(*parts, partial(Adam, lr=lr, betas=betas), image, latent_size, anneal, draws)


SYSTEM = System(
    "pixelvae",
    "PixelVAE",
    "a code for the whole, and a small PixelCNN for the details",
    6,
    build,
    {
        "quick": Preset(1200, batch_size=16, every=200, options={"anneal": 300}),
        "default": Preset(7500, batch_size=16, every=750),
    },
)
