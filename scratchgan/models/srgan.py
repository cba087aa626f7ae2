"""SRGAN: "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network", Ledig et al. 2017.

arXiv:1609.04802. A small image x grows four times in each direction. `superres` has the network and its
first loss, the mean squared error to the true image y, whose best G(x) is the mean of all that y might be: blurred.
SRGAN wants one that it *might be*. A discriminator D judges, by its logits, whether an image is a photo or made by G,

    L_D = E ζ(−D(y)) + E ζ(D(G(x))),        ζ(u) = log(1 + eᵘ), so ζ(−u) = −log σ(u),                              (2)

and G descends the perceptual loss: a *content loss*, the distance in the features φ of a network that knows images,
which does not mind where exactly a hair lies, and a small part of adversarial loss:

    L_G = λ/(W H) ‖φ(y) − φ(G(x))‖² + 10⁻³ ζ(−D(G(x)))                                                         (3, 5, 6)

over the W·H places and channels of φ, in the mean over images. Training has two stages. In the first, SRResNet descends
the squared error. The second begins with these weights, and a fresh D and fresh optimisers. Here SRResNet is kept
beside G as it was, so that the two can be compared: G loses PSNR, and gains sharpness and plausibility.

Of 1,000 test digits (S: 0 is as real, 1 a Gaussian, by a network that G never saw; sharpness: of the true image's)

| | PSNR | sharpness | S | class kept |
|---|---|---|---|---|
| nearest, bicubic | 13.87, 14.48 dB | 0.57, 0.48 | 1.84, 2.11 | 82.0%, 84.6% |
| SRResNet | 22.65 dB | 0.909 | 0.011 | 97.5% |
| SRGAN | 22.14 dB | 0.958 | −0.005 | 98.1% |
| the true image | | 1 | −0.007 | 99.4% |

φ is learned in the first stage, too, on the large images, and then stays: a small network that tells their classes, or
without labels which way up they are (Gidaris et al. 2018, arXiv:1803.07728). The judge's network is never seen by G.
With ``encoder=partial(vgg19, weights="vgg19.npz")`` φ is the paper's, see `vgg`.

Departures:

| here                                                          | the paper                             |
|---------------------------------------------------------------|---------------------------------------|
| digits 7 to 28, emoji 8 to 32, photographs in patches         | 350,000 photographs in patches of 96  |
| 4 residual blocks of 32 channels                              | 16 of 64                              |
| φ: own network, after its third convolution; λ = 0.03         | VGG19, after its last; λ = 1/12.75²   |
| 1,800 and 600 steps; 0.002 and 0.0015, falling to a twentieth | 10⁶ at 10⁻⁴; 10⁵ at 10⁻⁴, 10⁵ at 10⁻⁵ |
| tanh at the end of G; colours add to a bilinear enlargement   | not said; images in [−1, 1]           |
"""

from functools import partial

import numpy as np

from scratchgan import nn
from scratchgan.backend import array_like
from scratchgan.data import views
from scratchgan.data.photographs import patches
from scratchgan.functional import cross_entropy, mse_loss
from scratchgan.losses import NonSaturating
from scratchgan.models.model import Preset, System
from scratchgan.models.superres import SRResNet, SuperResolution
from scratchgan.nn.options import Number, Several, Whole
from scratchgan.optim import Adam
from scratchgan.tensor import Tensor

# Networks ------------------------------------------------------------------------------------------------------------


def discriminator(rng, size=96, channels=3, width=64, dense=1024):
    """(N, channels, size, size) -> logits (N, 1).

    Four times two 3×3 convolutions, of which the second halves the size; the width doubles from two to two.
    """
    layers, few, side = [], channels, size
    for i in range(8):
        many, stride = width << i // 2, 1 + i % 2
        layers.append(nn.Conv2d(few, many, 3, stride, 1, bias=i == 0, rng=rng))
        layers += [nn.BatchNorm2d(many)] if i else []
        layers.append(nn.LeakyReLU(0.2))
        few, side = many, -(-side // stride)
    head = nn.Linear(few * side * side, dense, rng=rng), nn.LeakyReLU(0.2), nn.Linear(dense, 1, rng=rng)
    return nn.Sequential(*layers, nn.Flatten(), *head)


class Encoder(nn.Module):
    """A small network that learns to tell classes, and whose third convolution gives φ.

    Parameters
    ----------
    rng : numpy.random.Generator
    channels, classes : int
    width : int
        Of the first convolution.
    """

    def __init__(self, rng, channels, classes, width=8):
        def conv(few, many, kernel_size, stride):
            return nn.Conv2d(few, many, kernel_size, stride, 1, rng=rng), nn.ReLU()

        w = width
        self.first = nn.Sequential(
            *conv(channels, w, 3, 1), *conv(w, 2 * w, 4, 2), *conv(2 * w, 2 * w, 3, 1),
            nn.BatchNorm2d(2 * w, affine=False),
        )  # fmt: skip
        self.second = nn.Sequential(*conv(2 * w, 4 * w, 4, 2), *conv(4 * w, 4 * w, 4, 2))
        self.head = nn.Linear(4 * w, classes, rng=rng)

    def maps(self, y):
        """φ(y): (N, channels, H, W) in [−1, 1] -> (N, 2 width, H/2, W/2), of unit variance over the training images."""
        return self.first(y)

    def forward(self, y):
        """Logits, (N, classes)."""
        return self.head(self.second(self.maps(y)).amax((2, 3)))


def turned(y, start=0):
    """Images in a quarter each turned by 0, 90, 180 and 270 degrees, and by how many of these: for want of labels.

    ``start``: the place of the first of them in a batch, of which they are a part.
    """
    turns = (start + np.arange(len(y))) % 4
    return np.concatenate([np.rot90(y[turns == k], k, (2, 3)) for k in range(4)]), np.sort(turns)


def small_networks(rng, channels=1, size=28, width=32, blocks=4, up=(128, 32), head_start=False, narrow=12, dense=64):
    """G, and D for images of this size."""
    return SRResNet(rng, channels, width, blocks, up, head_start), discriminator(rng, size, channels, narrow, dense)


def paper_networks(rng):
    """G and D for patches of 96×96."""
    return SRResNet(rng), discriminator(rng)


# Training ------------------------------------------------------------------------------------------------------------


class SRGAN(SuperResolution):
    """SRResNet and the features first, then G against D.

    Parameters
    ----------
    resnet, generator : Module, (N, C, H, W) -> (N, C, 4H, 4W)
        Of one kind. What ``generator`` holds is overwritten when the second stage begins.
    critic : Module, (N, C, 4H, 4W) -> (N, 1)
    encoder : Module
        With ``maps``; an `Encoder` learns in the first stage, any other stays as it is.
    optimizer, adversarial_optimizer : callable
        ``(parameters) -> Optimizer``, of the first stage and of the second.
    pretraining : int
        Steps of the first stage.
    weights : (float, float)
        λ, and the weight of the adversarial loss.
    """

    watch = {"mse": "MSE", "content": "content", "critic_loss": "L_D"}
    panels = {
        "mean squared error": ["mse"],
        "first stage: features": ["encoder_loss"],
        "second stage: content": ["content"],
        "second stage: players": ["critic_loss", "adversarial"],
    }

    pretraining, weights = Whole("[0, ∞)"), Several(Number("[0, ∞)"), 2)

    def __init__(
        self, resnet, generator, critic, encoder, optimizer, adversarial_optimizer, pretraining, weights
    ):  # fmt: skip
        super().__init__(resnet, optimizer)
        self.generator, self.critic, self.encoder = generator, critic, encoder
        self.encoder_optimizer = optimizer(encoder.parameters()) if isinstance(encoder, Encoder) else None
        self.generator_optimizer = adversarial_optimizer(generator.parameters())
        self.critic_optimizer = adversarial_optimizer(critic.parameters())
        self.pretraining, self.weights, self.objective = pretraining, weights, NonSaturating()

    def networks(self):
        """SRResNet and G, which are one until the second stage begins."""
        return super().networks() | {"SRGAN": self.generator if self.generator_optimizer.steps else self.resnet}

    # What is descended

    def encoder_loss(self, y, labels=None):
        """The cross-entropy of what the encoder takes images for: Tensor, ()."""
        images, labels = turned(y.numpy(), self.ranks.rank * len(y)) if labels is None else (y.numpy(), labels)
        images = self.tensor(images)
        return cross_entropy(self.encoder(images), Tensor(array_like(labels, images.data)))

    def critic_loss(self, y, fake):
        """(2): Tensor, ()."""
        return self.objective.discriminator_loss(self.critic(y), self.critic(fake))

    def generator_loss(self, y, fake):
        """(3) and its terms, without their weights: {"content": …, "adversarial": …, "generator_loss": L_G}."""
        phi = self.encoder.eval().maps
        content = mse_loss(phi(fake), phi(y).detach())
        adversarial = self.objective.generator_loss(self.critic(fake))
        loss = self.weights[0] * content + self.weights[1] * adversarial
        return {"content": content, "adversarial": adversarial, "generator_loss": loss}

    # Steps

    def train_step(self, batches, rng):
        """A step of the first stage or of the second; what is idle is reported as 0."""
        y, x, *labels = self.draw(batches)
        idle = dict.fromkeys(["mse", "encoder_loss", "critic_loss", "content", "adversarial", "generator_loss"], 0.0)
        first = self.resnet_optimizer.steps < self.pretraining
        numbers = self.first_step(y, x, *labels) if first else self.second_step(y, x)
        return idle | {name: value.item() for name, value in numbers.items()}

    def first_step(self, y, x, labels=None):
        """A step of SRResNet down the squared error, and one of the encoder."""
        numbers = {"mse": self.descend(self.resnet_optimizer, mse_loss(self.resnet(x), y))}
        if self.encoder_optimizer:
            self.encoder.train()
            numbers["encoder_loss"] = self.descend(self.encoder_optimizer, self.encoder_loss(y, labels))
        return numbers

    def second_step(self, y, x):
        """A step of D down (2), then one of G down (3); G begins as the SRResNet that the first stage has left."""
        if not self.generator_optimizer.steps:
            self.generator.load_state_dict(self.resnet.state_dict())
        fake = self.generator(x)
        numbers = {"critic_loss": self.descend(self.critic_optimizer, self.critic_loss(y, fake.detach()))}
        numbers |= self.generator_loss(y, fake)
        self.descend(self.generator_optimizer, numbers["generator_loss"])
        return numbers | {"mse": mse_loss(fake.detach(), y)}


def build(
    rng,
    device="cpu",
    networks=small_networks,
    encoder=Encoder,  # (rng, channels, classes) -> Module
    channels=1,
    classes=10,  # of the data; without labels four of them are quarter turns
    pretraining=1800,  # steps of the first stage; None: there is no second one
    content=0.03,  # λ
    adversarial=1e-3,
    lr=2e-3,  # of Adam in the first stage
    adversarial_lr=1.5e-3,  # in the second
    betas=(0.9, 0.999),
):
    """SRGAN, or with ``pretraining=None`` SRResNet alone."""
    resnet, critic = (network.to(device) for network in networks(rng))
    adam = partial(Adam, lr=lr, betas=betas)
    if pretraining is None:
        return SuperResolution(resnet, adam)
    generator, _ = networks(rng)
    return SRGAN(
        resnet,
        generator.to(device),
        critic,
        encoder(rng, channels, classes).to(device),
        adam,
        partial(Adam, lr=adversarial_lr, betas=betas),
        pretraining,
        (content, adversarial),
    )


DIGITS, EMOJI = views.enlargements, partial(views.enlargements, size=32, channels=3)
PHOTOS = partial(patches, size=48)
COLOURS = {"channels": 3, "networks": partial(small_networks, channels=3, size=32, head_start=True)}
PATCHES = {"channels": 3, "networks": partial(small_networks, channels=3, size=48, head_start=True)}
SYSTEM = System(
    "srgan",
    "SRGAN",
    "four times larger: the likeliest image is blurred, a likely one is sharp",
    5,
    build,
    {
        "quick": Preset(600, every=50, batch_size=32, view=DIGITS, options={"pretraining": 450}),
        "default": Preset(2400, batch_size=32, view=DIGITS),
        "mse": Preset(2400, batch_size=32, view=DIGITS, options={"pretraining": None}),
        "emoji": Preset(1800, batch_size=32, view=EMOJI, data="emoji", options=COLOURS | {"pretraining": 1350}),
        "photos": Preset(2200, batch_size=16, view=PHOTOS, options=PATCHES | {"pretraining": 1650}),
    },
)
