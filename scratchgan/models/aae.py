"""AAE: "Adversarial Autoencoders", Makhzani, Shlens, Jaitly, Goodfellow & Frey 2015, arXiv:1511.05644.

An autoencoder has no samples, as nothing says which codes are likely. Here a prior p(z) says it, and a game sees to it
that the codes z = f(x) of the data, all together, are distributed like that: the encoder f is the generator of a GAN
whose "real" examples are draws from the prior. In each step, on one batch,

    reconstruction      f and the decoder g descend   E_x (1/D) ‖g(f(x)) − x‖²                                      (1)
    regularisation      D descends   −E_z log σ(D(z)) − E_x log(1 − σ(D(f(x)))),    z ~ p                           (2)
                        f descends   −E_x log σ(D(f(x))).                                                           (3)

Then g(z) with z ~ p is a sample. A variational autoencoder needs a density of the prior for its KL divergence; here it
is enough that one can draw from it, so p may have any shape: N(0, I), or ten petals in the plane (figure 4). And
where the images have labels y, D is told them, D(z, y) and D(f(x), y), and the prior's mode k belongs to class k: then
every class finds its petal (§2.3 of the paper). f and g are never told.

What is matched is the mean of all q(z | x), not each: where codes leave a hole in the prior, samples are poor.

Departures:

| here                                                    | the paper                                               |
|---------------------------------------------------------|---------------------------------------------------------|
| 784-400-400-d, its mirror image, D of 400-400           | 1000 instead of 400                                     |
| N(0, I)                                                 | N(0, 25 I)                                              |
| Adam, α from 0.001 for (1), half of it for (2) and (3)  | SGD with momentum                                       |
| in the plane a fifth for (2): labels make D strong      | not said                                                |
| every image is labelled, in the preset `labelled`       | 10,000 of 50,000; the others have an eleventh label     |
| first weights as in PyTorch                             | N(0, 0.01²)                                             |
"""

from functools import partial

import numpy as np

from scratchgan import nn
from scratchgan.data import views
from scratchgan.functional import mse_loss
from scratchgan.losses import NonSaturating
from scratchgan.models.latents import slerp
from scratchgan.models.model import Model, Preset, System, in_blocks, made
from scratchgan.models.networks import Conditioned, dense
from scratchgan.models.priors import one_gaussian, petals
from scratchgan.nn.options import Whole
from scratchgan.optim import Adam


def mlp_networks(rng, latent_size, classes=0, width=400, image=(1, 28, 28)):
    """Two hidden layers each: 477,608, 478,384 and 164,401 weights with codes of eight numbers.

    Returns
    -------
    encoder : Module, (N, 1, 28, 28) -> (N, latent_size)
    decoder : Module, (N, latent_size) -> (N, 1, 28, 28) in [0, 1]
    critic : Module, (N, latent_size) -> (N, 1); with classes, (N, latent_size), (N, classes) -> (N, 1)
    """
    pixels, hidden = int(np.prod(image)), (width, width)
    encoder = nn.Sequential(nn.Flatten(), *dense((pixels, *hidden, latent_size), rng))
    decoder = nn.Sequential(*dense((latent_size, *hidden, pixels), rng), nn.Sigmoid(), nn.Unflatten(1, image))
    critic = nn.Sequential(*dense((latent_size + classes, *hidden, 1), rng))
    return encoder, decoder, Conditioned(critic) if classes else critic


class AAE(Model):
    """An autoencoder, a critic of its codes, and an optimiser for each of the equations.

    Parameters
    ----------
    encoder : Module, (N, …) -> (N, latent_size)
    decoder : Module, (N, latent_size) -> (N, …) in [0, 1]
    critic : Module, (N, latent_size) -> (N, 1); with classes, (N, latent_size), (N, classes) -> (N, 1)
    prior : Mixture
        See `priors`.
    optimizers : sequence of callable
        ``(parameters) -> Optimizer``: for (1), (2) and (3).
    classes : int
        0 where the critic is told nothing.
    """

    classes, low = Whole("[0, ∞)"), 0.0
    watch = {"error": "MSE", "critic_loss": "L_D", "encoder_loss": "L_f"}
    panels = {"mean squared error": ["error"], "the game": ["critic_loss", "encoder_loss"], "D is right": ["right"]}

    def __init__(self, encoder, decoder, critic, prior, optimizers, classes=0):
        self.encoder, self.decoder, self.critic = encoder, decoder, critic
        self.prior, self.classes, self.objective = prior, classes, NonSaturating()
        parameters = [*encoder.parameters(), *decoder.parameters()], critic.parameters(), encoder.parameters()
        self.optimizer, self.critic_optimizer, self.encoder_optimizer = (
            make(of) for make, of in zip(optimizers, parameters, strict=True)
        )

    def pixels(self, x, rng):
        """x of (1), of grey images: themselves."""
        return x

    # What is descended ------------------------------------------------------------------------------------------------

    def codes(self, x, rng):
        """f(x), as the decoder and D are told it: Tensor (N, latent_size)."""
        return self.encoder(x)

    def draws(self, count, rng, modes=None):
        """z ~ p, as D is told it: Tensor (count, latent_size)."""
        return self.tensor(self.prior.draw(count, rng, modes))

    def error(self, x, codes):
        """(1) on a batch: Tensor, ()."""
        return mse_loss(self.decoder(codes), x)

    def critic_loss(self, z, codes, *y):
        """(2) of draws from the prior and codes of images, and how often D is right: Tensors, ()."""
        real, fake = self.critic(z, *y), self.critic(codes, *y)
        right = ((real.data > 0).mean() + (fake.data < 0).mean()) / 2
        return self.objective.discriminator_loss(real, fake), right

    def encoder_loss(self, codes, *y):
        """(3) of the codes of images: Tensor, ()."""
        return self.objective.generator_loss(self.critic(codes, *y))

    # Steps ------------------------------------------------------------------------------------------------------------

    def given(self, labels):
        """The modes of the prior for a batch, and what D is told; nothing where there are no labels."""
        return (labels[0], self.tensor(np.eye(self.classes)[labels[0]])) if self.classes else (None,)

    def train_step(self, batches, rng):
        """A step down (1), one down (2), one down (3), on one batch."""
        x, *labels = self.draw(batches)
        x, (modes, *y) = self.pixels(x, rng), self.given(labels)
        error = self.descend(self.optimizer, self.error(x, self.codes(x, rng)))
        codes = self.codes(x, rng)
        z = self.draws(len(x), rng, modes)
        loss, right = self.critic_loss(z, codes.detach(), *y)
        loss = self.descend(self.critic_optimizer, loss)
        fooled = self.descend(self.encoder_optimizer, self.encoder_loss(codes, *y))
        numbers = {"error": error, "critic_loss": loss, "encoder_loss": fooled}
        return {name: value.item() for name, value in numbers.items()} | {"right": float(right)}

    # Pictures and numbers ---------------------------------------------------------------------------------------------

    def drawing_parts(self):
        """The decoder, and the encoder for pictures."""
        return ("encoder", "decoder")

    def images(self, z):
        """Images of codes, an array (N, latent_size): float32 in [−1, 1]."""
        return self.shown(made(self.decoder, self.tensor(z)))

    def show(self, examples, rng):
        """Rows of ten: images and, below, what is left of them, twice; then samples, a column for a mode."""
        x = examples[0][:20]
        pairs = np.stack([self.shown(x), self.shown(made(self.decoder, made(self.encoder, x)))])
        pairs = pairs.reshape(2, 2, 10, *x.shape[1:]).swapaxes(0, 1).reshape(4, 10, *x.shape[1:])
        modes = np.tile(np.arange(10) % len(self.prior.centres), 4)
        samples = self.images(self.prior.draw(40, rng, modes))
        return np.concatenate([pairs, samples.reshape(4, 10, *x.shape[1:])])

    @in_blocks
    def samples(self, count, rng, label=None):
        """``count`` images of draws from the prior; where modes belong to classes, of all or one, with their labels."""
        if label is not None and not 0 <= label < self.classes:
            raise ValueError(f"label={label} is none of the {self.classes} classes that the prior's modes belong to")
        modes = rng.integers(len(self.prior.centres), size=count) if label is None else np.full(count, label)
        samples = self.images(self.prior.draw(count, rng, modes))
        return {"samples": samples, "labels": modes} if self.classes else {"samples": samples}

    def strip(self, rows, columns, rng):
        """Rows of images along arcs from one draw of the prior to another."""
        shares = np.linspace(0, 1, columns)
        arcs = np.concatenate([slerp(*self.prior.draw(2, rng), shares) for _ in range(rows)])
        images = self.images(arcs)
        return images.reshape(rows, columns, *images.shape[1:])

    def measure(self, held_out, rng):
        """What is lost of images that it never saw, how far their codes are from the prior, and what these tell.

        Classes are read off each image's code by those of all others; the anchors are as many principal components of
        the same images, and as many draws of the prior.
        """
        from scratchgan.metrics import energy_distance, nearest_classes, pca_reconstruction  # training does without

        x, *labels = held_out
        codes, pixels = made(self.encoder, x), x.flatten(1).numpy()
        error, codes = mse_loss(made(self.decoder, codes), x).item(), codes.numpy()
        linear = pca_reconstruction(pixels, codes.shape[1])
        draw, other = (self.prior.draw(len(x), rng) for _ in range(2))
        numbers = {
            "mean squared error": error,
            "of as many components of PCA": float(np.square(linear - pixels).mean()),
        }
        for whose, points in (("codes'", codes), ("a draw's", other)):
            numbers[f"{whose} energy distance to the prior"] = energy_distance(points, draw)
            mean, covariance = self.prior.gaps(points)
            numbers[f"{whose} mean off the prior's"], numbers[f"{whose} covariance off the prior's"] = mean, covariance
        if labels:
            seen = {"the nearest codes": codes, "as many components of PCA": linear, "the nearest images": pixels}
            for name, points in seen.items():
                numbers[f"class from {name}"] = float((nearest_classes(points, labels[0]) == labels[0]).mean())
        if self.classes:
            numbers["codes in the mode of their class"] = float((self.prior.modes_of(codes) == labels[0]).mean())
        return numbers


def with_labels(dataset):
    """What is measured: images, and their labels where there are any, also of a model that learns without."""
    return views.images(dataset) if dataset.labels is None else views.labelled(dataset)


def build(
    rng,
    device="cpu",
    networks=mlp_networks,
    latent_size=8,
    prior=one_gaussian,  # (latent_size, modes) -> Mixture
    classes=0,
    rates=(1e-3, 5e-4, 5e-4),  # of the Adams for (1), (2) and (3)
    betas=(0.5, 0.999),  # of all three
):
    """An autoencoder whose codes are distributed like the prior."""
    parts = (network.to(device) for network in networks(rng, latent_size, classes))
    adams = [partial(Adam, lr=lr, betas=betas) for lr in rates]
    return AAE(*parts, prior(latent_size, modes=classes or 10), adams, classes)


PLANE = {"latent_size": 2, "rates": (1e-3, 2e-4, 1e-3)}
PETALS = {**PLANE, "prior": petals}
SYSTEM = System(
    "aae",
    "adversarial autoencoder",
    "a game about codes: whatever one can draw from can be the prior",
    5,
    build,
    {
        "quick": Preset(1500, batch_size=100, held_out=with_labels),
        "default": Preset(9000, batch_size=100, every=300, held_out=with_labels),
        "plane": Preset(9000, batch_size=100, every=300, held_out=with_labels, options=PLANE),
        "mixture": Preset(9000, batch_size=100, every=300, held_out=with_labels, options=PETALS),
        "labelled": Preset(9000, batch_size=100, every=300, view=views.labelled, options=PETALS),
    },
)
