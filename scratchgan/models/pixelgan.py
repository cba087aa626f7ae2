"""PixelGAN autoencoder: "PixelGAN Autoencoders", Makhzani & Frey 2017, arXiv:1706.00531.

An adversarial autoencoder, see `aae`, whose decoder is a PixelCNN that is told the code, as that of `pixelvae` is. In
each step, on one batch of images as bits, with codes z = f(x) and draws of the prior z ~ p,

    reconstruction      f and the decoder descend   −E_x Σ_d log p(x_d | x_1, …, x_{d−1}, f(x))                     (1)
    regularisation      D descends   −E_z log σ(D(z)) − E_x log(1 − σ(D(f(x))))                                     (2)
                        f descends   −E_x log σ(D(f(x))).                                                           (3)

Code and pixels share the work, and the prior says how. A *location*, z ~ N(0, I), tells what the image is as a whole;
the decoder draws the details. With a *categorical* prior, one of K kinds, f ends in a softmax, and the code has log K
nats at most. They are spent best on what pixels nearby cannot tell each other: which digit it is. So kinds become
classes, and nobody has shown a label; the style is left to the pixels.

The KL of a `pixelvae` punishes each code for what it says. (2) and (3) only see all codes together: f may say all
that the prior has room for, and nothing has to be annealed. But 30 shares of one whole have room for much more than
log 30 nats, as long as they are read exactly. f then says it in shares that are all small, and D, which can tell these
from a kind at a glance, has nothing left to teach. So in training codes and draws are blurred, z + σ ε with
ε ~ N(0, I), for the decoder and for D: small differences say nothing any more. The blur rises slowly. If it is there
before the decoder listens to codes at all, (3) makes all of them one kind.

With K kinds the likelihood is a sum that can be done, p(x) = 1/K Σ_k p(x | e_k): no bound. With a location it is not.

Departures:

| here                                                     | the paper                                     |
|----------------------------------------------------------|-----------------------------------------------|
| images binarised anew in each step                       | not said for all experiments                  |
| encoder of two strided 3×3 layers, decoder of one gated  | larger ones                                   |
| z is told as a map of the image's size                   | as one vector for all pixels, or as a map     |
| first weights as in PyTorch                              | not said                                      |
"""

from functools import partial

import numpy as np

from scratchgan import nn
from scratchgan.backend import array_like
from scratchgan.functional import stack
from scratchgan.losses.variational import bernoulli, importance_bound
from scratchgan.models.aae import AAE, with_labels
from scratchgan.models.autoregressive import BLOCK, COLUMNS, FromCode, independent_nats
from scratchgan.models.gated_pixelcnn import GatedPixelCNN, Told
from scratchgan.models.model import Preset, System, made
from scratchgan.models.networks import convolutional_encoder, dense, map_of_code
from scratchgan.models.priors import Categorical, categorical, one_gaussian
from scratchgan.nn.options import Number, Whole
from scratchgan.optim import Adam
from scratchgan.tensor import Tensor, no_grad


def small_networks(rng, latent_size, kinds=True, width=16, layers=0, first=5):
    """Two strided layers, a gated PixelCNN that is told a code, and a critic of two hidden layers.

    Returns
    -------
    encoder : Module, (N, 1, 28, 28) -> (N, latent_size); with ``kinds`` these are the probabilities of each
    decoder : Told, (N, 1, 28, 28), (N, latent_size) -> logits (N, 1, 28, 28)
    critic : Module, (N, latent_size) -> (N, 1)
    """
    encoder = convolutional_encoder(latent_size, rng, widths=(16, 32), hidden=64)
    decoder = Told(map_of_code(latent_size, width, rng), GatedPixelCNN(rng, width, layers, first=first, told=width))
    critic = nn.Sequential(*dense((latent_size, 128, 128, 1), rng))
    return nn.Sequential(encoder, nn.Softmax(1)) if kinds else encoder, decoder, critic


class PixelGAN(FromCode, AAE):
    """An encoder, a decoder that draws pixel by pixel, a critic of codes, and an optimiser for each of the equations.

    Parameters
    ----------
    encoder : Module, (N, 1, H, W) -> (N, latent_size)
    decoder : Module, x, z -> logits (N, 1, H, W)
    critic : Module, (N, latent_size) -> (N, 1)
    prior : Mixture or Categorical
        See `priors`.
    optimizers : sequence of callable
        ``(parameters) -> Optimizer``: for (1), (2) and (3).
    image : tuple of int
        (C, H, W).
    noise : float
        σ, of the blur.
    anneal : int
        The steps in which it rises from 0.
    """

    noise, anneal = Number("[0, ∞)"), Whole()
    watch = {"error": "nats", "critic_loss": "L_D", "encoder_loss": "L_f"}
    panels = {"nats, given the code": ["error"], "the game": ["critic_loss", "encoder_loss"], "D is right": ["right"]}

    def __init__(self, encoder, decoder, critic, prior, optimizers, image, noise, anneal):
        super().__init__(encoder, decoder, critic, prior, optimizers)
        self.image, self.noise, self.anneal = image, noise, anneal

    def pixels(self, x, rng):
        """Bits, drawn from grey images."""
        return bernoulli(x, rng)

    def blurred(self, z, rng):
        """z + σ ε with ε ~ N(0, I): Tensor of the same shape. In the first steps σ rises from 0."""
        sigma = self.noise * min(1.0, self.optimizer.steps / self.anneal)
        return z + sigma * Tensor(array_like(rng.standard_normal(z.shape).astype(z.dtype), z.data))

    def codes(self, x, rng):
        """f(x), blurred."""
        return self.blurred(self.encoder(x), rng)

    def draws(self, count, rng, modes=None):
        """z ~ p, blurred."""
        return self.blurred(super().draws(count, rng, modes), rng)

    def error(self, x, codes):
        """(1) on a batch of bits: Tensor, ()."""
        return self.nats(x, codes).mean()

    def latents(self, count, rng):
        """z ~ p."""
        return self.prior.draw(count, rng)

    def columns(self, rng):
        """Each kind, or as many locations."""
        count = max(COLUMNS, len(self.prior.centres))
        return self.prior.draw(count, rng, np.arange(count) % len(self.prior.centres))

    def between(self, start, end, shares):
        """As the prior goes from one code to another."""
        return self.prior.between(start, end, shares)

    # Numbers ----------------------------------------------------------------------------------------------------------

    def measure(self, held_out, rng):
        """(1) on images that it never saw, how much worse an image gets with the code of another, and what codes are.

        Classes are named by one half of the images, and read of the other; k-means has as many clusters as there are
        kinds, of the same images as grey pixels.
        """
        grey, *labels = held_out
        images = bernoulli(grey, rng)
        codes = made(self.encoder, images)
        with no_grad():
            blocks = [self.measured(images[i : i + BLOCK], codes[i : i + BLOCK]) for i in range(0, len(codes), BLOCK)]
        own, others, *whole = np.concatenate(blocks, 1).mean(1).tolist()
        numbers = {"−log p given the code, nats (dynamic bits)": own, "with another's code": others}
        numbers |= {"−log p, nats (dynamic bits)": nats for nats in whole}
        numbers["independent pixels"] = independent_nats(images)
        of_codes = self.of_kinds if isinstance(self.prior, Categorical) else self.of_locations
        return numbers | of_codes(codes.numpy(), grey.flatten(1).numpy(), *labels, rng=rng)

    def measured(self, x, z):
        """Of each image −log p(x|z), with the code of its neighbour, and where there are kinds, −log p(x)."""
        nats = [self.nats(x, z), self.nats(x, Tensor(np.roll(z.data, 1, 0)))]
        if isinstance(self.prior, Categorical):
            kinds = (self.tensor(np.tile(kind, (len(x), 1))) for kind in self.prior.centres)
            nats.append(-importance_bound(stack([-self.nats(x, kind) for kind in kinds])))
        return np.stack([number.numpy() for number in nats])

    def of_locations(self, codes, pixels, *labels, rng):
        """How far codes are from the prior."""
        from scratchgan.metrics import energy_distance  # training does without

        draw, other = (self.prior.draw(len(codes), rng) for _ in range(2))
        return {
            f"{whose} energy distance to the prior": energy_distance(points, draw)
            for whose, points in (("codes'", codes), ("a draw's", other))
        }

    def of_kinds(self, codes, pixels, *labels, rng):
        """How evenly kinds are used, how sure codes are, and whether kinds are classes."""
        from scratchgan.metrics import k_means, nearest

        kinds, count = self.prior.modes_of(codes), self.prior.kinds
        shares = np.bincount(kinds, minlength=count) / len(kinds)
        entropy = -(shares * np.log(np.where(shares > 0, shares, 1))).sum()
        numbers = {
            "entropy of the kinds, of log K": float(entropy / np.log(count)),
            "largest share": float(codes.max(1).mean()),
        }
        if not labels:
            return numbers
        clusters = nearest(pixels, k_means(pixels, count, rng))[0]
        numbers["classes of kinds"] = halves(kinds, labels[0])
        numbers["of as many clusters of k-means"] = halves(clusters, labels[0])
        return numbers | {"of shuffled kinds": halves(rng.permutation(kinds), labels[0])}


def halves(clusters, labels):
    """How often the majority in one half of a cluster is the class of the other half's members."""
    from scratchgan.metrics import majority_classes

    half = len(labels) // 2
    one, other = slice(half), slice(half, 2 * half)
    right = [
        majority_classes(clusters[named], labels[named], clusters[read]) == labels[read]
        for named, read in ((one, other), (other, one))
    ]
    return float(np.mean(right))


def build(
    rng,
    device="cpu",
    networks=small_networks,
    image=(1, 28, 28),
    latent_size=30,  # K, where the prior is categorical
    prior=categorical,  # (latent_size) -> Mixture or Categorical
    rates=(5e-3, 1e-3, 1e-3),  # of the Adams for (1), (2) and (3)
    betas=(0.5, 0.999),  # of all three
    noise=0.1,  # σ
    anneal=500,  # the steps in which it rises from 0
):
    """An autoencoder of images of bits whose codes are distributed like the prior."""
    parts = (network.to(device) for network in networks(rng, latent_size))
    return PixelGAN(
        *parts, prior(latent_size), [partial(Adam, lr=lr, betas=betas) for lr in rates], image, noise, anneal
    )


LOCATION = {"networks": partial(small_networks, kinds=False), "latent_size": 8, "prior": one_gaussian, "noise": 0.0}
SYSTEM = System(
    "pixelgan",
    "PixelGAN autoencoder",
    "kinds that become classes without a label, and pixels that do the rest",
    6,
    build,
    {
        "quick": Preset(1200, batch_size=16, every=200, held_out=with_labels, options={"anneal": 300}),
        "default": Preset(6000, batch_size=16, every=600, held_out=with_labels),
        "location": Preset(6000, batch_size=16, every=600, held_out=with_labels, options=LOCATION),
    },
)
