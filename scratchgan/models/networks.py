"""Networks that several papers' files share: small ones, which learn 28×28 images in minutes on two CPU cores.

Generators and critics follow the rules of DCGAN (Radford et al. 2015, arXiv:1511.06434, §3): strided convolutions
instead of pooling, batch norm, ReLU in the generator and tanh at its end, leaky ReLU in the critic. The generator's 4×4
kernels with stride 2 reach every pixel equally often, so that no chessboard appears.
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


def dense(sizes, rng):
    """Linear layers from each size to the next, with ReLU between them: a list."""
    layers = [part for pair in zip(sizes, sizes[1:]) for part in (nn.Linear(*pair, rng=rng), nn.ReLU())]
    return layers[:-1]


def dense_coder(outputs, latent_size, hidden, rng):
    """An encoder of images and its mirror image, a decoder, of linear layers.

    Parameters
    ----------
    outputs : int
        Of the encoder: as many as the latents, or twice as many, their means and log-variances.
    hidden : tuple of int
        The sizes between the 784 pixels and the code.

    Returns
    -------
    encoder : Module, (N, 1, 28, 28) -> (N, outputs)
    decoder : Module, (N, latent_size) -> logits (N, 1, 28, 28)
    """
    encoder = nn.Sequential(nn.Flatten(), *dense((784, *hidden, outputs), rng))
    return encoder, nn.Sequential(*dense((latent_size, *hidden[::-1], 784), rng), nn.Unflatten(1, (1, 28, 28)))


def convolutional_coder(outputs, latent_size, rng):
    """An encoder and a decoder of 3×3 kernels, 28 -> 14 -> 7 pixels and back: those of the VAE in Keras' examples.

    With two latents and four outputs they have 69,076 and 65,089 weights. (Keras pads stride-2 layers at one side only;
    here it is the other.) Parameters and returns are those of `dense_coder`.
    """
    encoder = nn.Sequential(
        nn.Conv2d(1, 32, 3, stride=2, padding=1, rng=rng),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3, stride=2, padding=1, rng=rng),
        nn.ReLU(),
        nn.Flatten(),
        *dense((64 * 7 * 7, 16, outputs), rng),
    )
    decoder = nn.Sequential(
        nn.Linear(latent_size, 64 * 7 * 7, rng=rng),
        nn.ReLU(),
        nn.Unflatten(1, (64, 7, 7)),
        nn.ConvTranspose2d(64, 64, 3, stride=2, padding=1, output_padding=1, rng=rng),
        nn.ReLU(),
        nn.ConvTranspose2d(64, 32, 3, stride=2, padding=1, output_padding=1, rng=rng),
        nn.ReLU(),
        nn.ConvTranspose2d(32, 1, 3, padding=1, rng=rng),
    )
    return encoder, decoder


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


def count(network):
    """The number of its trained numbers."""
    return sum(parameter.numel() for parameter in network.parameters())
