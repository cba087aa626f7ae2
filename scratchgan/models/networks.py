"""Networks that several papers' files share: small ones, which learn 28×28 images in minutes on two CPU cores.

Generators and critics follow the rules of DCGAN (Radford et al. 2015, arXiv:1511.06434, §3): strided convolutions
instead of pooling, batch norm, ReLU in the generator and tanh at its end, leaky ReLU in the critic. The generator's 4×4
kernels with stride 2 reach every pixel equally often, so that no chessboard appears.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from scratchgan import nn
from scratchgan.functional import cat, dropout, tanh
from scratchgan.hints import Random
from scratchgan.tensor import Parameter, Tensor


def small_generator(latent_size: int, width: int, rng: Random) -> nn.Sequential:
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


def strided_critic(
    width: int, rng: Random, batch_norm: bool = True, channels: int = 1, head: Sequence[nn.Module] = ()
) -> nn.Sequential:
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


def patch_critic(
    rng: Random,
    width: int = 16,
    channels: int = 3,
    layers: int = 1,
    norm: Callable[[int], nn.Module] = partial(nn.InstanceNorm2d, affine=True),
) -> nn.Sequential:
    """The PatchGAN of pix2pix (Isola et al. 2017, arXiv:1611.07004, §3.2.2): a score for each patch of the image.

    Convolutions of 4×4 halve the size ``layers`` times; two more keep it, nearly. The width doubles with each, up to
    eight times the first. The convolutions before a norm have no bias, as it would have no effect.

    Parameters
    ----------
    width : int
        Channels of the first layer.
    layers : int
        1, 2, 3, 4, … for patches of 16, 34, 70, 142, … pixels a side (see `receptive_field`); the paper's has 3. With 0
        all kernels are 1×1, and each pixel is judged for itself.
    norm : callable
        Of a number of channels. Neither the first layer nor the last has one.

    Returns
    -------
    Module, (N, channels, H, W) -> (N, 1, h, w)
    """
    kernel, padding = (4, 1) if layers else (1, 0)
    widths = [channels, *(width * min(2**i, 8) for i in range(max(layers, 1) + 1))]

    def convolution(i, **options):
        stride = 2 if i < layers else 1
        return nn.Conv2d(widths[i], widths[i + 1], kernel, stride, padding, rng=rng, **options)

    stages = [convolution(0), nn.LeakyReLU(0.2)]
    for i in range(1, len(widths) - 1):
        stages += [convolution(i, bias=False), norm(widths[i + 1]), nn.LeakyReLU(0.2)]
    return nn.Sequential(*stages, nn.Conv2d(widths[-1], 1, kernel, padding=padding, rng=rng))


def receptive_field(network: nn.Module) -> int:
    """The side of the square of pixels that one number at the end of a row of convolutions depends on."""
    side = step = 1
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            side, step = side + (layer.kernel_size[0] - 1) * step, step * layer.stride[0]
    return side


batch_norm = partial(nn.BatchNorm2d, track_running_stats=False)  # by the batch in hand, in evaluation, too


class UNet(nn.Module):
    """The U-Net of pix2pix (§3.2.1): down to a few pixels, and up with a look at what was there on the way down.

    Noise enters as dropout alone, in evaluation, too; and batch norm always takes the statistics of the batch in hand.

    Parameters
    ----------
    rng : numpy.random.Generator
    widths : tuple of int
        Channels of each layer down; each halves the size.
    channels : tuple of int
        Of x and of y.
    dropped : int
        Layers under dropout, the first on the way up.
    skips : bool
        Without them it is an encoder and a decoder.
    """

    def __init__(
        self,
        rng: Random,
        widths: tuple[int, ...],
        channels: tuple[int, int] = (1, 1),
        dropped: int = 3,
        skips: bool = True,
    ):
        self.dropped, self.skips = dropped, skips
        twofold = {"kernel_size": 4, "stride": 2, "padding": 1, "rng": rng}
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for i, (few, many) in enumerate(zip((channels[0], *widths), widths)):
            before = [nn.LeakyReLU(0.2)] if i else []
            after = [batch_norm(many)] if 0 < i < len(widths) - 1 else []  # neither next to x nor at the bottom
            self.down.append(nn.Sequential(*before, nn.Conv2d(few, many, bias=False, **twofold), *after))
        for i, (many, few) in enumerate(zip(widths[::-1], (*widths[-2::-1], channels[1]))):
            seen, last = many * (2 if skips and i else 1), i == len(widths) - 1
            after = [] if last else [batch_norm(few)]
            self.up.append(nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(seen, few, bias=last, **twofold), *after))

    def forward(self, x: Tensor, z: Random) -> Tensor:
        """(N, C, H, W), a numpy.random.Generator -> (N, C', H, W) in [−1, 1]."""
        kept = []
        for layer in self.down:
            x = layer(x)
            kept.append(x)
        for i, layer in enumerate(self.up):
            skipped = kept.pop()
            x = layer(cat([x, skipped], 1) if self.skips and i else x)
            x = dropout(x, 0.5, rng=z) if i < self.dropped else x
        return tanh(x)


def dense(sizes: Sequence[int], rng: Random) -> list[nn.Linear | nn.ReLU]:
    """Linear layers from each size to the next, with ReLU between them: a list."""
    layers = [part for pair in zip(sizes, sizes[1:]) for part in (nn.Linear(*pair, rng=rng), nn.ReLU())]
    return layers[:-1]


def dense_coder(outputs: int, latent_size: int, hidden: tuple[int, ...], rng: Random) -> tuple[nn.Module, nn.Module]:
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


def convolutional_encoder(
    outputs: int, rng: Random, widths: tuple[int, int] = (32, 64), hidden: int = 16
) -> nn.Sequential:
    """Two convolutions of 3×3 that halve the size, and two linear layers: (N, 1, 28, 28) -> (N, outputs)."""
    few, many = widths
    return nn.Sequential(
        nn.Conv2d(1, few, 3, stride=2, padding=1, rng=rng),
        nn.ReLU(),
        nn.Conv2d(few, many, 3, stride=2, padding=1, rng=rng),
        nn.ReLU(),
        nn.Flatten(),
        *dense((many * 7 * 7, hidden, outputs), rng),
    )


def convolutional_coder(outputs: int, latent_size: int, rng: Random) -> tuple[nn.Module, nn.Module]:
    """An encoder and a decoder of 3×3 kernels, 28 -> 14 -> 7 pixels and back: those of the VAE in Keras' examples.

    With two latents and four outputs they have 69,076 and 65,089 weights. (Keras pads stride-2 layers at one side only;
    here it is the other.) Parameters and returns are those of `dense_coder`.
    """
    encoder = convolutional_encoder(outputs, rng)
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


def map_of_code(latent_size: int, width: int, rng: Random) -> nn.Sequential:
    """(N, latent_size) -> (N, width, 28, 28): what a decoder that draws pixel by pixel is told of a code.

    Its norms are of each image for itself: one of batches would make p(x) depend on others.
    """
    return nn.Sequential(
        nn.Linear(latent_size, 32 * 7 * 7, rng=rng),
        nn.ReLU(),
        nn.Unflatten(1, (32, 7, 7)),
        nn.ConvTranspose2d(32, 32, 4, stride=2, padding=1, rng=rng),
        nn.GroupNorm(4, 32),
        nn.ReLU(),
        nn.ConvTranspose2d(32, width, 4, stride=2, padding=1, rng=rng),
        nn.GroupNorm(4, width),
        nn.ReLU(),
    )


class Conditioned(nn.Module):
    """f([z; y]): a network that is told a label beside its latent.

    Parameters
    ----------
    network : Module, (N, latent_size + classes) -> (N, …)
    """

    def __init__(self, network: nn.Module):
        self.network = network

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """(N, latent_size), (N, classes) -> (N, …)."""
        return self.network(cat([z, y], 1))


class Unconditional(nn.Module):
    """f(y), though it is given x, too: what is left of a conditional network without its condition."""

    def __init__(self, network: nn.Module):
        self.network = network

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """(N, C, H, W), (N, C', H, W) -> (N, 1, h, w)."""
        return self.network(y)


class Residual(nn.Module):
    """x + f(x)."""

    def __init__(self, *layers: nn.Module):
        self.change = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same shape."""
        return x + self.change(x)


def count(network: nn.Module) -> int:
    """The number of its trained numbers."""
    return sum(parameter.numel() for parameter in network.parameters())


def initialise(network: nn.Module, rng: Random, deviation: float = 0.02) -> nn.Module:
    """DCGAN's first weights: N(0, 0.02²), scales of batch norm N(1, 0.02²), biases and shifts 0. Gives the network."""
    for module in network.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            module.weight.data = _normal(module.weight, 0, deviation, rng)
        elif isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.weight.data = _normal(module.weight, 1, deviation, rng)
        else:
            continue
        if isinstance(module.bias, Parameter):
            module.bias.data = module.bias.data * 0
    return network


def _normal(parameter, mean, deviation, rng):
    return (mean + deviation * rng.standard_normal(parameter.shape)).astype(np.float32)
