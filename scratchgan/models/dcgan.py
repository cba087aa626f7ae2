"""DCGAN: "Unsupervised Representation Learning with Deep Convolutional GANs", Radford et al. 2015, arXiv:1511.06434.

The objective is that of the first GAN, with the generator's non-saturating loss. With ζ(u) = log(1 + eᵘ) and D a logit,
the discriminator and the generator descend

    L_D = E ζ(−D(x)) + E ζ(D(x̃)),        L_G = E ζ(−D(x̃)),        x̃ = G(z)

What is new are networks that can be trained with it. The rules of §3:

- strides instead of pooling: the networks learn how to make images smaller and larger;
- batch norm in both, but not at G's output nor at D's input, whose statistics matter;
- no hidden layers that connect everything to everything;
- ReLU in G with tanh at its end, leaky ReLU of slope 0.2 in D;
- first weights from N(0, 0.02²), and Adam with α = 0.0002 and β₁ = 0.5, as β₁ = 0.9 makes the game oscillate.

Each batch norm sees a batch that is all real or all fake: D is called on one after the other.

Salimans et al. 2016 (arXiv:1606.03498) let D see how alike the samples of a batch are, so that a generator whose
samples are all the same is found out; Karras et al. 2018 (arXiv:1710.10196) with one statistic and no weights at all.
Both are options of the small network here: ``minibatch="discrimination"`` and ``minibatch="deviation"``.

Departures:

| here                                            | paper or its code                                   |
|-------------------------------------------------|-----------------------------------------------------|
| z ~ N(0, I), as PyTorch's tutorial              | z uniform on (−1, 1)                                |
| 4×4 kernels in G, as PyTorch's tutorial         | 5×5 in the authors' code, in both                   |
| fresh fakes for G's step                        | the tutorial shows G the fakes that D has just seen |
| G is averaged over time for samples             | the last G                                          |
| small networks: larger first weights, PyTorch's | N(0, 0.02²)                                         |
| small networks: α from 0.01 to a twentieth      | α = 0.0002 throughout                               |
"""

from functools import partial

from scratchgan import nn
from scratchgan.data import views
from scratchgan.losses import NonSaturating
from scratchgan.models.game import Game
from scratchgan.models.model import Preset, System
from scratchgan.models.networks import initialise, small_generator, strided_critic
from scratchgan.optim import Adam

# Networks ------------------------------------------------------------------------------------------------------------


def small_networks(rng, latent_size=64, width=16, minibatch=None):
    """Two layers up and three down, for 28×28 images.

    Parameters
    ----------
    width : int
        Channels of D's first layer; G ends with twice as many.
    minibatch : {None, "discrimination", "deviation"}
        What D sees of the whole batch.

    Returns
    -------
    generator : Module, (N, latent_size) -> (N, 1, 28, 28) in [−1, 1]
    discriminator : Module, (N, 1, 28, 28) -> (N, 1)
    """
    discriminator = strided_critic(width, rng, head=_minibatch_head(minibatch, 4 * width, rng))
    return small_generator(latent_size, 2 * width, rng), discriminator


def _minibatch_head(kind, channels, rng):
    """(N, channels, 4, 4) -> (N, 1), with a look at the other samples on the way; empty: the critic's own head."""
    if kind is None:
        return ()
    if kind == "deviation":
        return nn.MinibatchStdDev(group_size=4), nn.Flatten(), nn.Linear((channels + 1) * 4 * 4, 1, rng=rng)
    if kind != "discrimination":
        raise ValueError(f"minibatch={kind!r} must be None, 'discrimination' or 'deviation'")
    features = nn.Flatten(), nn.Linear(channels * 4 * 4, 64, rng=rng), nn.LeakyReLU(0.2)
    return *features, nn.MinibatchDiscrimination(64, 32, 4, rng=rng), nn.Linear(64 + 32, 1, rng=rng)


def strided_networks(rng, size, latent_size=100, width=64, channels=3):
    """Strided convolutions from ``size`` to 4×4 pixels and a 4×4 kernel to a number, and back: no biases.

    With a size of 64 and the defaults these are the networks of PyTorch's tutorial: 3,576,704 and 2,765,568 weights.

    Parameters
    ----------
    size : int
        Of the images: 8, 16, 32, 64, …
    width : int
        Channels next to the image; they double with each halving of the size.
    """
    halvings = (size // 4).bit_length() - 1
    if halvings < 1 or size != 4 << halvings:
        raise ValueError(f"size={size} must be 4 doubled once or more: 8, 16, 32, 64, …")
    widths = [width << i for i in range(halvings)]  # from the image inwards
    plain = {"bias": False, "rng": rng}
    twofold = {"kernel_size": 4, "stride": 2, "padding": 1, **plain}

    up = [nn.Unflatten(1, (latent_size, 1, 1)), nn.ConvTranspose2d(latent_size, widths[-1], 4, **plain)]  # 4×4
    for many, few in zip(widths[::-1], widths[-2::-1]):
        up += [nn.BatchNorm2d(many), nn.ReLU(), nn.ConvTranspose2d(many, few, **twofold)]
    up += [nn.BatchNorm2d(width), nn.ReLU(), nn.ConvTranspose2d(width, channels, **twofold), nn.Tanh()]

    down = [nn.Conv2d(channels, width, **twofold), nn.LeakyReLU(0.2)]
    for few, many in zip(widths, widths[1:]):
        down += [nn.Conv2d(few, many, **twofold), nn.BatchNorm2d(many), nn.LeakyReLU(0.2)]
    down += [nn.Conv2d(widths[-1], 1, 4, **plain), nn.Flatten()]
    return initialise(nn.Sequential(*up), rng), initialise(nn.Sequential(*down), rng)


# Training ------------------------------------------------------------------------------------------------------------


def build(
    rng,
    device="cpu",
    networks=small_networks,  # (rng, latent_size=…) -> G, D
    latent_size=64,
    lr=1e-2,  # α, of both players' Adam
    betas=(0.5, 0.999),
    average_decay=0.99,
):
    """The game of the first GAN, with the non-saturating loss."""
    generator, discriminator = (network.to(device) for network in networks(rng, latent_size=latent_size))
    adam = partial(Adam, lr=lr, betas=betas)
    return Game(generator, discriminator, latent_size, NonSaturating(), adam, average_decay=average_decay)


def _strided(size, channels, width, **options):
    """Networks and images of another size and number of channels."""
    networks = partial(strided_networks, size=size, channels=channels, width=width)
    view = partial(views.images, size=size, channels=channels)
    return {"view": view, "options": {"networks": networks, "latent_size": 100, **options}}


SYSTEM = System(
    "dcgan",
    "DCGAN",
    "convolutions and batch norm; a look at the whole batch",
    3,
    build,
    {
        "quick": Preset(600, every=50),
        "default": Preset(3000),
        "discrimination": Preset(3000, options={"networks": partial(small_networks, minibatch="discrimination")}),
        "deviation": Preset(3000, options={"networks": partial(small_networks, minibatch="deviation")}),
        "32": Preset(3000, **_strided(32, 1, 16)),
        "emoji": Preset(3000, data="emoji", **_strided(32, 3, 24)),
        "tutorial": Preset(8000, batch_size=128, rates_fall=False, **_strided(64, 3, 64, lr=2e-4, average_decay=0.999)),
    },
)
