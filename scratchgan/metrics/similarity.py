"""SSIM, the structural similarity of two images (Wang et al. 2004, IEEE Transactions on Image Processing 13).

    SSIM = (2 μₐ μ_b + C₁)(2 σₐ_b + C₂) / ((μₐ² + μ_b² + C₁)(σₐ² + σ_b² + C₂)),   C₁ = 0.01²,  C₂ = 0.03²,

with the moments of pixels in [0, 1] under a Gaussian window of deviation 1.5, and the mean over all places where the
whole window fits. The usual window has 11 pixels a side; here it has 7, as a digit of 28 pixels is small.
"""

import numpy as np

from scratchgan.data.checks import plain, whole

C1, C2 = 0.01**2, 0.03**2


def gaussian_window(size=7, sigma=1.5):
    """The weights along one axis, which sum to 1."""
    weights = np.exp(-(((np.arange(size) - (size - 1) / 2) / sigma) ** 2) / 2)
    return weights / weights.sum()


def ssim(a, b, window=7):
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
    a, b, window = plain(a, "a"), plain(b, "b"), whole(window, "window")
    if a.shape != b.shape or a.ndim < 3 or min(a.shape[-2:]) < window:
        raise ValueError(f"ssim: two stacks of as many images, {window}×{window} at least, not {a.shape} and {b.shape}")
    a, b = (_in_unit_interval(images) for images in (a, b))
    weights = gaussian_window(window)
    mean_a, mean_b = _blurred(a, weights), _blurred(b, weights)
    var_a, var_b = _blurred(a * a, weights) - mean_a**2, _blurred(b * b, weights) - mean_b**2
    covariance = _blurred(a * b, weights) - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + C1) / (mean_a**2 + mean_b**2 + C1)
    structure = (2 * covariance + C2) / (var_a + var_b + C2)
    return (luminance * structure).reshape(len(a), -1).mean(axis=1)


def _in_unit_interval(images):
    """[−1, 1] to [0, 1], which the constants are made for."""
    if images.dtype.kind != "f" or not np.isfinite(images).all():
        raise ValueError(
            f"ssim: pixels must be finite floats, black −1 and white 1, not {images.dtype}, NaN or infinity"
        )
    return images.astype(np.float64) / 2 + 0.5


def _blurred(images, weights):
    """The weighted mean around each place where the window fits: along one axis, then along the other."""
    for axis in (-2, -1):
        images = np.lib.stride_tricks.sliding_window_view(images, len(weights), axis) @ weights
    return images
