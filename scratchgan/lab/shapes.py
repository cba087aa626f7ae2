"""What layers do to shapes, and other things that are best seen: all of it found from the library's own functions.

reduced("instance", (2, 4, 3, 3))  # True where an input has a say in one output: one image, one channel, all pixels
stamps(y, kernel, stride=2)        # the pictures that a transposed convolution adds up
"""

from collections.abc import Callable

import numpy as np

from scratchgan import functional as F
from scratchgan import nn
from scratchgan.models.latents import slerp
from scratchgan.tensor import Tensor, grad

# Transposed convolution ----------------------------------------------------------------------------------------------


def stamps(y: np.ndarray, kernel: np.ndarray, stride: int) -> np.ndarray:
    """What each number of y puts down: its multiple of the kernel. The sum is the transposed convolution.

    Parameters
    ----------
    y : array, (h, w)
    kernel : array, (k, l)
    stride : int

    Returns
    -------
    array, (h · w, H, W)
        With H = (h − 1) stride + k.
    """
    alone = np.eye(y.size).reshape(-1, 1, *y.shape) * y
    return F.conv_transpose2d(Tensor(alone), Tensor(kernel[None, None]), stride=stride).numpy()[:, 0]


def convolved(x: np.ndarray, kernel: np.ndarray, stride: int) -> np.ndarray:
    """conv(x) of one picture: array (h, w), of arrays (H, W) and (k, l)."""
    return F.conv2d(Tensor(x[None, None]), Tensor(kernel[None, None]), stride=stride).numpy()[0, 0]


def overlaps(size: int, kernel: int, stride: int) -> np.ndarray:
    """How many stamps reach each pixel: array (H, H) of a square of ``size`` numbers a side."""
    return stamps(np.ones((size, size)), np.ones((kernel, kernel)), stride).sum(0)


def there_and_back(x: np.ndarray, kernel: np.ndarray, stride: int) -> tuple[np.ndarray, float]:
    """convᵀ(conv(x)) of the same kernel, at its best size: c · convᵀ(conv(x)) with the c that comes closest to x.

    Parameters
    ----------
    x : array, (H, W)
    kernel : array, (k, l)
    stride : int

    Returns
    -------
    back : array, (H, W)
    error : float
        ‖x − back‖ / ‖x‖: 0 for an inverse, 1 for nothing.
    """
    back = stamps(convolved(x, kernel, stride), kernel, stride).sum(0)
    back = back * (back * x).sum() / (back * back).sum()
    return back, float(np.linalg.norm(x - back) / np.linalg.norm(x))


# Norms ---------------------------------------------------------------------------------------------------------------


def _styled(x):
    layer = nn.AdaIN(x.shape[1], 2, rng=np.random.default_rng(0))
    return layer(x, Tensor(np.ones((len(x), 2), np.float32)))


NORMS = {
    "batch norm": lambda x: nn.BatchNorm2d(x.shape[1])(x),
    "layer norm": lambda x: nn.LayerNorm(x.shape[1:])(x),
    "instance norm": lambda x: nn.InstanceNorm2d(x.shape[1])(x),
    "group norm": lambda x: nn.GroupNorm(2, x.shape[1])(x),
    "pixel norm": lambda x: nn.PixelNorm()(x),
    "AdaIN": _styled,
}


def reduced(name: str, shape: tuple[int, ...], place: tuple[int, ...] = (0, -1, -1, -1)) -> np.ndarray:
    """Which inputs have a say in one output of a norm: those whose derivative is not 0.

    Parameters
    ----------
    name : str
        Of `NORMS`.
    shape : tuple of int
        (N, C, H, W).
    place : tuple of int
        Of the output.

    Returns
    -------
    array of bool, (N, C, H, W)
    """
    x = Tensor(np.random.default_rng(0).standard_normal(shape).astype(np.float32), requires_grad=True)
    return grad(NORMS[name](x)[place], x)[0].numpy() != 0


# Lines ---------------------------------------------------------------------------------------------------------------


def ways(start: np.ndarray, end: np.ndarray, steps: int = 65) -> tuple[np.ndarray, np.ndarray]:
    """Lengths along the line and along the arc from one latent to another: two arrays (steps,)."""
    shares = np.linspace(0, 1, steps)
    line = (1 - shares[:, None]) * start + shares[:, None] * end
    return np.linalg.norm(line, axis=1), np.linalg.norm(slerp(start, end, shares), axis=1)


def outside_the_cone(x: np.ndarray, values: np.ndarray, at: int, slope: float = 1.0) -> float:
    """The share of a function's graph that lies out of the double cone at one of its points.

    Parameters
    ----------
    x, values : array, (n,)
        The graph, at increasing x.
    at : int
        Of the point.
    slope : float
        K.

    Returns
    -------
    float
        0 at all points: the function is K-Lipschitz.
    """
    return float((np.abs(values - values[at]) > slope * np.abs(x - x[at]) + 1e-12).mean())


def peaks(density: Callable[[np.ndarray], np.ndarray], cells: int = 201, limit: float = 2.0) -> np.ndarray:
    """Where a density in the plane is higher than at the eight points around: array (peaks, 2).

    Parameters
    ----------
    density : callable
        array (…, 2) -> (…).
    cells : int
        Of the grid on [−limit, limit]², along each axis.
    """
    ticks = np.linspace(-limit, limit, cells)
    grid = np.stack(np.meshgrid(ticks, ticks), -1)
    high = np.pad(density(grid), 1, constant_values=-np.inf)
    around = [np.roll(high, (i, j), (0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
    return grid[(high > np.max(around, 0))[1:-1, 1:-1]]


def best_line(distance: float, weight: float, steps: int = 400) -> float:
    """The slope that a penalised critic of one weight learns by descent, between two points at this distance: float."""
    real, fake = (Tensor(np.array([[side * distance / 2]])) for side in (1, -1))
    k, rate = 0.0, 0.5 / weight  # of a parabola: 1 / 2λ would be there at once
    for _ in range(steps):
        slope = Tensor(np.array([[k]]), requires_grad=True)
        x = Tensor(np.zeros((1, 1)), requires_grad=True)
        (between,) = grad((x @ slope).sum(), x, create_graph=True)
        loss = (fake @ slope - real @ slope).mean() + weight * ((between.abs() - 1) ** 2).mean()
        k -= rate / 2 * grad(loss, slope)[0].item()
    return k
