"""What one pixel of an autoregressive network sees: the slope of its logit in every pixel of the image."""

import numpy as np

from scratchgan.hints import Random
from scratchgan.nn import Module
from scratchgan.tensor import Tensor, grad


def sight(network: Module, size: tuple[int, int], place: tuple[int, int], rng: Random, images: int = 20) -> np.ndarray:
    """How much the logit of a pixel depends on each pixel: the mean of |∂a / ∂x| over random images of bits.

    Where it is 0 there is no path through the network, or the pixel comes later.

    Parameters
    ----------
    network : Module, (N, 1, H, W) -> logits of the same shape
    size : (int, int)
        H and W.
    place : (int, int)
        Row and column of the pixel.
    rng : numpy.random.Generator
    images : int

    Returns
    -------
    ndarray, (H, W)
    """
    weight = network.parameters()[0].data
    x = Tensor((rng.random((images, 1, *size)) < 0.5).astype(weight.dtype), requires_grad=True)
    (slopes,) = grad(network(x)[:, 0, place[0], place[1]].sum(), x)
    return np.abs(slopes.numpy()).mean((0, 1))


def blind(seen: np.ndarray, place: tuple[int, int]) -> np.ndarray:
    """The pixels before a place that are not seen: (H, W), bool."""
    before = np.arange(seen.size).reshape(seen.shape) < place[0] * seen.shape[1] + place[1]
    return before & (seen == 0)
