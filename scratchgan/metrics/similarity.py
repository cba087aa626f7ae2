"""How alike two images are: PSNR, and SSIM (Wang et al. 2004, IEEE Transactions on Image Processing 13).

    PSNR = −10 log₁₀ MSE,

    SSIM = (2 μₐ μ_b + C₁)(2 σₐ_b + C₂) / ((μₐ² + μ_b² + C₁)(σₐ² + σ_b² + C₂)),   C₁ = 0.01²,  C₂ = 0.03²,

of pixels in [0, 1]. The moments are those under a Gaussian window, and SSIM is a mean over places, so it depends on the
window:

- `ssim` has that of Wang et al., of deviation 1.5, at all places where the whole of it fits. Usually it has 11 pixels a
  side; here 7, as a digit of 28 pixels is small.
- `ssim_by_height` has one that grows with the image, of deviation 1.5 H/256, as the video codec Daala measures it.
  With it the paper of SRGAN (Ledig et al. 2017, arXiv:1609.04802) has its numbers.

`as_published` has the paper's protocol: luminance alone, without a border of four pixels. For bicubic enlargement by 4,

| | PSNR | paper | SSIM by height | paper | SSIM, 11×11 | other papers |
|---|---|---|---|---|---|---|
| Set5 | 28.43 dB | 28.43 dB | 0.8211 | 0.8211 | 0.811 | 0.810 |
| Set14 | 26.00 dB | 25.99 dB | 0.7486 | 0.7486 | 0.703 | 0.703 |

Most papers have the fixed window, so their SSIM and the paper's cannot be compared.
"""

import numpy as np
from numpy.typing import ArrayLike

from scratchgan.data.checks import plain, whole
from scratchgan.metrics.images import in_range

C1, C2 = 0.01**2, 0.03**2
BT601 = np.array([65.481, 128.553, 24.966]) / 255  # of red, green and blue, as MATLAB's rgb2ycbcr has them


def psnr(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    """The peak signal-to-noise ratio of each pair of images, in decibels: infinite for the same.

    Parameters
    ----------
    a, b : array_like, (N, …, H, W)
        In [−1, 1], as everywhere else.

    Returns
    -------
    ndarray of float64, (N,)
        Its mean is what papers print. The ratio of a mean error is smaller.

    Raises
    ------
    ValueError
        For no images, shapes that differ, and pixels that are not finite floats, or far beyond [−1, 1].
    """
    a, b = _pair(a, b, "psnr", 1)
    errors = ((a - b) ** 2).reshape(len(a), -1).mean(axis=1)
    with np.errstate(divide="ignore"):
        return -10 * np.log10(errors)


def ssim(a: ArrayLike, b: ArrayLike, window: int = 7) -> np.ndarray:
    """The similarity of each pair of images: 1 for the same, about 0 for unrelated ones, negative for opposites.

    Parameters
    ----------
    a, b : array_like, (N, …, H, W)
        In [−1, 1], as everywhere else.
    window : int
        Pixels a side.

    Returns
    -------
    ndarray of float64, (N,)

    Raises
    ------
    ValueError
        For shapes that differ, images smaller than the window, and pixels that are not finite floats.
    """
    window = whole(window, "window")
    a, b = _pair(a, b, "ssim", window)
    weights = gaussian_window(window)
    return _similarity(a, b, lambda images: _blurred(images, weights)).reshape(len(a), -1).mean(axis=1)


def ssim_by_height(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """`ssim` under a window of deviation 1.5 H/256 for images of height H, as dump_ssim of Daala has it.

    Its weights are rounded to whole 256ths. It stands at every place. Where it hangs over the edge, the moments are
    those of what lies in the image, and the place counts as much as the part of the window that does.
    """
    a, b = _pair(a, b, "ssim_by_height", 1)
    weights = rounded_window(a.shape[-2], min(a.shape[-2:]))
    reach = [(0, 0)] * (a.ndim - 2) + [(len(weights) // 2,) * 2] * 2

    def moment(images):
        return _blurred(np.pad(images, reach), weights)

    inside = moment(np.ones_like(a[:1]))
    similar = _similarity(a, b, lambda images: moment(images) / inside)
    return (inside * similar).reshape(len(a), -1).sum(axis=1) / inside.sum()


def as_published(a: ArrayLike, b: ArrayLike, border: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """PSNR and SSIM as the paper of SRGAN has them: of the luminance, without the pixels at the border.

    Parameters
    ----------
    a, b : array_like, (N, 1 or 3, H, W)
        In [−1, 1]; networks may have gone a little beyond. What is saved as bytes should be rounded before.
    border : int

    Returns
    -------
    psnr, ssim : ndarray of float64, (N,)
    """
    inner = (..., slice(border, -border or None), slice(border, -border or None))
    a, b = (luminance(images)[inner] for images in (a, b))
    return psnr(a, b), ssim_by_height(a, b)


def luminance(images: ArrayLike) -> np.ndarray:
    """Y of colours by BT.601, from 16 to 235 where bytes go from 0 to 255, not rounded; grey images as they are.

    Parameters
    ----------
    images : array_like, (N, 1 or 3, H, W)
        In [−1, 1].

    Returns
    -------
    ndarray, (N, 1, H, W), in [−1, 1]
    """
    images = _images(images, "luminance")
    if images.ndim != 4 or images.shape[1] not in (1, 3):
        raise ValueError(f"luminance: images are (N, 1 or 3, H, W), not {images.shape}")
    if images.shape[1] == 1:
        return images
    y = np.tensordot(images / 2 + 0.5, BT601, (1, 0))[:, None] + 16 / 255
    return 2 * y - 1


def sharpness(images: ArrayLike) -> np.ndarray:
    """The mean slope |∇x| of each image, by differences of neighbours: of blurred images it is small.

    Parameters
    ----------
    images : array_like, (N, C, H, W)
        In [−1, 1].

    Returns
    -------
    ndarray of float64, (N,)
    """
    x = _images(images, "sharpness", 2)
    down, right = x[..., 1:, :-1] - x[..., :-1, :-1], x[..., :-1, 1:] - x[..., :-1, :-1]
    return np.sqrt(down**2 + right**2).reshape(len(x), -1).mean(axis=1)


# Windows and moments -------------------------------------------------------------------------------------------------


def gaussian_window(size=7, sigma=1.5):
    """The weights along one axis, which sum to 1."""
    weights = np.exp(-(((np.arange(size) - (size - 1) / 2) / sigma) ** 2) / 2)
    return weights / weights.sum()


def rounded_window(height, longest):
    """The weights along each axis for images of this height: whole 256ths, those that round to 0 left out."""
    sigma = 1.5 * height / 256
    density = np.exp(-((np.arange(1, longest) / sigma) ** 2) / 2) / (np.sqrt(2 * np.pi) * sigma)
    side = np.floor(256 * density + 0.5)
    side = side[side > 0]
    return np.concatenate([side[::-1], [256 - 2 * side.sum()], side]) / 256


def _similarity(a, b, moment):
    """SSIM at each place, from what ``moment`` makes of images: their weighted means around it."""
    mean_a, mean_b = moment(a), moment(b)
    var_a, var_b = moment(a * a) - mean_a**2, moment(b * b) - mean_b**2
    covariance = moment(a * b) - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + C1) / (mean_a**2 + mean_b**2 + C1)
    return luminance * (2 * covariance + C2) / (var_a + var_b + C2)


def _blurred(images, weights):
    """The weighted mean around each place where the window fits: along one axis, then along the other."""
    for axis in (-2, -1):
        images = np.lib.stride_tricks.sliding_window_view(images, len(weights), axis) @ weights
    return images


def _pair(a, b, name, least):
    """Two stacks of images in [0, 1], which the constants are made for."""
    a, b = (_images(images, name, least) / 2 + 0.5 for images in (a, b))
    if a.shape != b.shape:
        raise ValueError(f"{name}: two stacks of as many images of one size, not {a.shape} and {b.shape}")
    return a, b


def _images(images, name, least=1):
    """Images as float64; ValueError for other shapes, none, or pixels that are not `in_range`."""
    images = plain(images, "images")
    if images.ndim < 3 or not images.size or min(images.shape[-2:]) < least:
        raise ValueError(f"{name}: images are (N, …, H, W), {least}×{least} at least, not {images.shape}")
    return in_range(images, name).astype(np.float64, copy=False)
