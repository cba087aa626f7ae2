"""SRResNet, the network that enlarges an image four times in each direction, and what such networks are measured by.

"Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network", Ledig et al. 2017,
arXiv:1609.04802. A small image x was made of a large one y; the network G gives an image G(x) of the size of y. With W
and H pixels a side, and over pixels and channels, it descends

    L_MSE = E 1/(W H) ‖y − G(x)‖².                                                                                 (4)

Nearly all of its work is done at the small size: residual blocks, and a skip around all of them. Only at the end do two
`nn.PixelShuffle` double the size, each out of four times as many channels.

The best G(x) in the sense of (4) is the mean of all y that look like x when they are small. That has the highest PSNR,
and is blurred, as a mean of sharp images is. What follows from it is in `srgan`.
"""

import numpy as np

from scratchgan import nn
from scratchgan.data import bicubic
from scratchgan.functional import interpolate, mse_loss
from scratchgan.models.model import Model, made
from scratchgan.models.networks import Residual
from scratchgan.tensor import Tensor, no_grad

FACTOR = 4
SMALL = 0.1  # of the usual first weights
BLOCK = 50  # images that are enlarged at a time, so that memory does not grow with their number
KNOWN = 0.2  # S of true images, above which a judge does not know them


class SRResNet(nn.Module):
    """G: (N, channels, H, W) -> (N, channels, 4H, 4W), both in [−1, 1].

    In the paper images come in in [0, 1] and go out in [−1, 1]; so they are brought to [0, 1] here, and the zeros
    around them are black. Convolutions before a norm have no bias, as it would have no effect.

    Parameters
    ----------
    rng : numpy.random.Generator
    channels : int
    width : int
        Channels of the residual blocks: 64 in the paper.
    blocks : int
        16 in the paper.
    up : tuple of int
        Channels before each shuffle, of which a quarter is left after it: (256, 256) in the paper.
    head_start : bool
        Whether it learns only what has to be added to a bilinear enlargement, with weights that are small at first, and
        without tanh. The paper's does not: with its million steps there is time to learn that the rest stays.
    """

    def __init__(self, rng, channels=3, width=64, blocks=16, up=(256, 256), head_start=False):
        def conv(few, many, kernel_size=3, bias=True):
            return nn.Conv2d(few, many, kernel_size, padding=kernel_size // 2, bias=bias, rng=rng)

        def normed():
            return conv(width, width, bias=False), nn.BatchNorm2d(width)

        self.head = nn.Sequential(conv(channels, width, 9), nn.PReLU())
        residuals = (Residual(*normed(), nn.PReLU(), *normed()) for _ in range(blocks))
        self.body = nn.Sequential(*residuals, *normed())
        widths = width, *(each // 4 for each in up)
        doubled = [(conv(few, many), nn.PixelShuffle(2), nn.PReLU()) for few, many in zip(widths, up)]
        last = conv(widths[-1], channels, 9)
        self.tail = nn.Sequential(*(layer for layers in doubled for layer in layers), last)
        self.head_start = head_start
        if head_start:
            last.weight.data, last.bias.data = last.weight.data * SMALL, last.bias.data * SMALL

    def forward(self, x):
        """G(x)."""
        first = self.head((x + 1) / 2)
        made = self.tail(first + self.body(first))
        return made + interpolate(x, scale_factor=FACTOR, mode="bilinear") if self.head_start else made.tanh()


class SuperResolution(Model):
    """SRResNet alone, down (4).

    Parameters
    ----------
    resnet : Module, (N, C, H, W) -> (N, C, 4H, 4W)
    optimizer : callable
        ``(parameters) -> Optimizer``.
    """

    watch, panels = {"mse": "MSE"}, {"mean squared error": ["mse"]}

    def __init__(self, resnet, optimizer):
        self.resnet, self.resnet_optimizer = resnet, optimizer(resnet.parameters())

    def networks(self):
        """What enlarges, by name, in the order in which it is shown."""
        return {"SRResNet": self.resnet}

    def train_step(self, batches, rng):
        """One step down (4)."""
        y, x, *_ = self.draw(batches)
        return {"mse": self.descend(self.resnet_optimizer, mse_loss(self.resnet(x), y)).item()}

    def enlarged(self, x):
        """Small images, (N, C, H, W), in all ways there are: {name: bytes of (N, C, 4H, 4W)}, the simplest first."""
        small = as_bytes(self.shown(x))
        ways = {"nearest": small.repeat(FACTOR, 2).repeat(FACTOR, 3), "bicubic": bicubic.larger(small, FACTOR)}
        return ways | {name: as_bytes(self.shown(in_parts(g, x))) for name, g in self.networks().items()}

    def show(self, examples, rng):
        """Columns of eight images: small, in each way enlarged, and the true one below."""
        y, x = examples[0][:8], examples[1][:8]
        return np.stack([*map(as_floats, self.enlarged(x).values()), self.shown(y)])

    def measure(self, held_out, rng):
        """PSNR, SSIM (7×7), the sharpness as a multiple of the true image's, and what the judge sees.

        The judge is that of digits or emoji, where images have their size: S, the Fréchet distance (0 as real, 1 as a
        Gaussian); and how often the class is what it was, where there are labels. A judge to whom the true images are
        strange, as they are of other data, is not asked.
        """
        y, x, *labels = held_out
        ways = self.enlarged(x) | {"the true image": as_bytes(self.shown(y))}
        images = {name: as_floats(image) for name, image in ways.items()}
        return _likeness(images) | _judged(ways, *labels)


def _likeness(images):
    """Of each way but the truth: how near it is to the truth."""
    from scratchgan.metrics import psnr, sharpness, ssim  # here, so that training does not wait for it

    *ways, truth = images
    measures = {
        "PSNR": lambda a, b: psnr(a, b).mean(),
        "SSIM": lambda a, b: ssim(a, b, min(7, *a.shape[2:])).mean(),
        "sharpness": lambda a, b: sharpness(a).mean() / sharpness(b).mean(),
    }
    pairs = ((f"{name}, {way}", float(of(images[way], images[truth]))) for name, of in measures.items() for way in ways)
    return dict(pairs)


def _judged(images, labels=None):
    """S and the share of kept classes, of bytes made in each way and of the truth; nothing without a judge."""
    from scratchgan.metrics import Judge

    data = {(1, 28, 28): "mnist", (3, 32, 32): "emoji"}
    *_, truth = images.values()
    judge = Judge(data[truth.shape[1:]]) if truth.shape[1:] in data and len(truth) > 128 else None
    if judge is None or judge.S(truth) > KNOWN:
        return {}
    numbers = {f"S, {way}": judge.S(image) for way, image in images.items()}
    if labels is not None:
        numbers |= {f"class kept, {way}": judge.accuracy(image, labels) for way, image in images.items()}
    return numbers


def in_parts(network, x):
    """G(x) in evaluation mode, a block at a time: Tensor."""
    with no_grad():
        parts = [made(network, x[start : start + BLOCK]).numpy() for start in range(0, len(x), BLOCK)]
    return Tensor(np.concatenate(parts))


def as_bytes(images):
    """[−1, 1] to bytes, as a picture is saved."""
    return np.rint(127.5 * np.clip(images, -1, 1) + 127.5).astype(np.uint8)


def as_floats(images):
    """Bytes to float32 in [−1, 1]."""
    return images.astype(np.float32) / 127.5 - 1
