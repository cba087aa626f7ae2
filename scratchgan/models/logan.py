"""LoGAN: "LoGAN: Generating Logos with a Generative Adversarial Neural Network Conditioned on Color", Mino & Spanakis
2018, arXiv:1810.10395.

A logo is asked for by its colour, one of twelve words. Nobody has labelled the pictures: the word is found by counting
pixels. k-means with three clusters finds the main colours of a picture, and the word nearest to the centre of the
largest cluster is its label (`data.colours.prominent`).

The game is AC-GAN's with the score of WGAN-GP, "AC-WGAN-GP". With a classifier C beside the critic D on common
features, x̃ = G(z, y), x̂ = ε x + (1 − ε) x̃, and the cross-entropy CE,

    L_D = E D(x̃) − E D(x) + λ E (‖∇_x̂ D(x̂)‖ − 1)² + a E CE(C(x), y)                                                 (1)
    L_G = −E D(x̃) + b E CE(C(x̃), y)                                                                                  (2)

The authors' code computes another penalty: the root of the squares along one axis, a column of an image, an ε for each
pixel, λ = 0.25, and batch norm in D, with which D of one picture depends on the others. Here the penalty is the one
that the paper names.

It is judged as in the paper: 64 pictures for each word are made, their colours are found by the same rule, and
precision and recall are averaged over the words. A picture in the right colour that shows nothing would pass; so look
at the grid, too, a colour in each column.

Departures:

| here                                                | the paper or its code                                       |
|-----------------------------------------------------|-------------------------------------------------------------|
| 1,808 emoji; white paper does not count as a colour | 486,377 icons with their background                         |
| each colour as often as the most frequent one       | as they come                                                |
| the nearest of 52 shades, then one of twelve words  | the nearest of 147 names of CSS, then one of twelve words   |
| C learns from reals, a = 1, b = 1                   | C and its features learn from reals and fakes, by their own |
|                                                     | optimiser, which moves G, too                               |
| small networks without a norm in D                  | `paper_networks`, with batch norm in D                      |
| two critic steps, α = 0.003 to a twentieth          | five, 0.0001 throughout                                     |
| z ~ N(0, I)                                         | a slip in the code gives z a mean of −1                     |
"""

from functools import partial

import numpy as np

from scratchgan import nn
from scratchgan.data import colours
from scratchgan.functional import cat
from scratchgan.losses import GradientPenalty
from scratchgan.models.acgan import ACGAN
from scratchgan.models.model import Preset, System, made
from scratchgan.models.networks import Conditioned
from scratchgan.optim import Adam

CLASSES = len(colours.NAMES)
EACH = 64  # pictures of each colour that are judged

# Networks ------------------------------------------------------------------------------------------------------------


def small_networks(rng, latent_size=64, classes=CLASSES, width=32):
    """Three layers up and three down.

    With a width of 16, G has 92,723 weights, if one counts a bias before each norm, where it has no effect, and not the
    norms; D has 42,865 and C 12,300 more.

    Returns
    -------
    generator : Module, (N, latent_size), (N, classes) -> (N, 3, 32, 32) in [−1, 1]
    critic : Module, (N, 3, 32, 32) -> (N, 1 + classes)
    """
    w, twofold = width, {"kernel_size": 4, "stride": 2, "padding": 1, "rng": rng}
    up = [nn.Linear(latent_size + classes, 3 * w * 4 * 4, bias=False, rng=rng), nn.Unflatten(1, (3 * w, 4, 4))]
    for many, few in ((3 * w, 2 * w), (2 * w, w)):
        up += [nn.BatchNorm2d(many), nn.ReLU(), nn.ConvTranspose2d(many, few, bias=False, **twofold)]
    up += [nn.BatchNorm2d(w), nn.ReLU(), nn.ConvTranspose2d(w, 3, **twofold), nn.Tanh()]
    down = []
    for few, many in ((3, w), (w, 2 * w), (2 * w, 4 * w)):
        down += [nn.Conv2d(few, many, **twofold), nn.LeakyReLU(0.2)]
    heads = nn.Flatten(), nn.Linear(4 * w * 4 * 4, 1 + classes, rng=rng)
    return Conditioned(nn.Sequential(*up)), nn.Sequential(*down, *heads)


def paper_networks(rng, latent_size=100, classes=CLASSES):
    """Those of the authors' code: 8,665,283 weights in G, 8,527,297 in D and 133,004 in C; images in [0, 1].

    The norms of D and C are over one picture instead of the batch, which leaves the numbers of weights as they are.
    """
    twofold = {"kernel_size": 4, "stride": 2, "padding": 1, "rng": rng}
    generator = nn.Sequential(
        nn.Linear(latent_size + classes, 1024, rng=rng),
        nn.BatchNorm1d(1024),
        nn.ReLU(),
        nn.Linear(1024, 128 * 8 * 8, rng=rng),
        nn.BatchNorm1d(128 * 8 * 8),
        nn.ReLU(),
        nn.Unflatten(1, (128, 8, 8)),
        nn.ConvTranspose2d(128, 64, **twofold),  # 16×16
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.ConvTranspose2d(64, 3, **twofold),  # 32×32
        nn.Sigmoid(),
    )
    features = nn.Sequential(
        nn.Conv2d(3, 64, **twofold),  # 16×16
        nn.LeakyReLU(0.2),
        nn.Conv2d(64, 128, **twofold),  # 8×8
        nn.GroupNorm(1, 128),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(128 * 8 * 8, 1024, rng=rng),
        nn.LayerNorm(1024),
        nn.LeakyReLU(0.2),
    )
    hidden = nn.Linear(1024, 128, rng=rng), nn.LayerNorm(128), nn.LeakyReLU(0.2)
    classifier = nn.Sequential(*hidden, nn.Linear(128, classes, rng=rng))
    return Conditioned(generator), TwoHeads(features, nn.Linear(1024, 1, rng=rng), classifier)


class TwoHeads(nn.Module):
    """The score and the logits of the classes, on common features: (N, …) -> (N, 1 + classes)."""

    def __init__(self, features, score, classifier):
        self.features, self.score, self.classifier = features, score, classifier

    def forward(self, x):
        """[D(x), C(x)]."""
        features = self.features(x)
        return cat([self.score(features), self.classifier(features)], 1)


# Training ------------------------------------------------------------------------------------------------------------


class LoGAN(ACGAN):
    """AC-GAN's game; its classes are colours."""

    def measure(self, held_out, rng):
        """Precision and recall of the colours of 64 pictures for each word; as an anchor, of the words that C has for
        real pictures it never saw, and chance.
        """
        from scratchgan.metrics.confusion import confusion, precision_recall  # here: training needs none
        from scratchgan.metrics.images import as_bytes

        asked = np.arange(self.classes).repeat(EACH)
        pictures = self.images(self.latents(len(asked), rng), self.one_hot(asked), rng=rng)
        found = colours.prominent(as_bytes(pictures))
        precision, recall = precision_recall(confusion(asked, found, self.classes))
        images, labels = held_out
        real = confusion(labels.numpy().argmax(1), made(self.critic, images).numpy()[:, 1:].argmax(1), self.classes)
        numbers = {"precision": precision.mean(), "recall": recall.mean()}
        numbers |= dict(zip(("precision, C on real", "recall, C on real"), map(np.nanmean, precision_recall(real))))
        numbers["by chance"] = 1 / self.classes
        for name, of_name, back in zip(colours.NAMES, precision, recall):
            numbers |= {f"precision, {name}": of_name, f"recall, {name}": back}
        return {name: float(value) for name, value in numbers.items()}


def build(
    rng,
    device="cpu",
    networks=small_networks,  # (rng, latent_size, classes) -> G, D with C
    latent_size=64,
    classes=CLASSES,
    penalty_weight=10.0,  # λ
    class_weights=(1.0, 1.0),  # a, b
    critic_steps=2,
    lr=3e-3,  # α, of both players' Adam
    betas=(0.0, 0.9),
    average_decay=0.99,
    low=-1.0,
):
    """The game of (1) and (2)."""
    generator, critic = (network.to(device) for network in networks(rng, latent_size, classes))
    return LoGAN(
        generator,
        critic,
        latent_size,
        partial(Adam, lr=lr, betas=betas),
        class_weights,
        classes=classes,
        critic_steps=critic_steps,
        penalty=GradientPenalty(penalty_weight),
        average_decay=average_decay,
        low=low,
    )


EMOJI = {
    "batch_size": 32,
    "data": "emoji",
    "view": colours.by_colour,
    "held_out": partial(colours.by_colour, balanced=False),
}
SYSTEM = System(
    "logan",
    "LoGAN",
    "a picture is asked for by its colour",
    5,
    build,
    {
        "quick": Preset(400, every=25, **EMOJI),
        "default": Preset(1900, **EMOJI),
        "no_class_loss": Preset(1900, **EMOJI, options={"class_weights": (1.0, 0.0)}),
    },
)
