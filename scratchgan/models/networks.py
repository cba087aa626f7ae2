"""Networks that several papers' files share: small ones, which learn 28×28 images in minutes on two CPU cores.

They follow the rules of DCGAN (Radford et al. 2015, arXiv:1511.06434, §3): strided convolutions instead of pooling,
batch norm, ReLU in the generator and tanh at its end, leaky ReLU in the critic. The generator's 4×4 kernels with stride
2 reach every pixel equally often, so that no chessboard appears.
"""

from scratchgan import nn
from scratchgan.functional import cat


def small_generator(latent_size, width, rng):
    """(N, latent_size) -> (N, 1, 28, 28) in [−1, 1], with 2·width channels of 7×7 and width of 14×14 on the way."""
    return nn.Sequential(
        nn.Linear(latent_size, 2 * width * 7 * 7, bias=False, rng=rng),
        nn.Unflatten(1, (2 * width, 7, 7)),
        nn.BatchNorm2d(2 * width),
        nn.ReLU(),
        nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1, bias=False, rng=rng),  # 14×14
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.ConvTranspose2d(width, 1, 4, stride=2, padding=1, rng=rng),  # 28×28
        nn.Tanh(),
    )


def strided_critic(width, rng, batch_norm=True, channels=1, head=()):
    """(N, channels, 28, 28) -> (N, 1): three 5×5 convolutions, 28 -> 14 -> 7 -> 4 pixels, and a linear layer.

    With a width of 64 and no batch norm it is the critic of the MNIST script of WGAN-GP's authors.

    Parameters
    ----------
    width : int
        Channels of the first layer; they double with each halving of the size.
    batch_norm : bool
        Without it each image's score is its own, as gradient penalties need it.
    channels : int
        Of the input: 1, and more where the image comes with maps of its label.
    head : sequence of Module, optional
        (N, 4·width, 4, 4) -> (N, …), instead of the linear layer.
    """

    def convolution(few, many, normed):
        layer = nn.Conv2d(few, many, 5, stride=2, padding=2, bias=not normed, rng=rng)
        return (layer, nn.BatchNorm2d(many), nn.LeakyReLU(0.2)) if normed else (layer, nn.LeakyReLU(0.2))

    return nn.Sequential(
        *convolution(channels, width, False),  # no norm next to the image
        *convolution(width, 2 * width, batch_norm),
        *convolution(2 * width, 4 * width, batch_norm),
        *(head or (nn.Flatten(), nn.Linear(4 * width * 4 * 4, 1, rng=rng))),
    )


class Conditioned(nn.Module):
    """f([z; y]): a network that is told a label beside its latent.

    Parameters
    ----------
    network : Module, (N, latent_size + classes) -> (N, …)
    """

    def __init__(self, network):
        self.network = network

    def forward(self, z, y):
        """(N, latent_size), (N, classes) -> (N, …)."""
        return self.network(cat([z, y], 1))


class Residual(nn.Module):
    """x + f(x)."""

    def __init__(self, *layers):
        self.change = nn.Sequential(*layers)

    def forward(self, x):
        """(N, C, H, W) -> the same shape."""
        return x + self.change(x)


def count(network):
    """The number of its trained numbers."""
    return sum(parameter.numel() for parameter in network.parameters())
