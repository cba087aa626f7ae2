"""How well a run enlarges the pictures of a benchmark: PSNR and SSIM by the protocol of the paper of SRGAN."""

import numpy as np

from scratchgan.data import DataError
from scratchgan.metrics import as_published
from scratchgan.models.model import Model
from scratchgan.models.superres import FACTOR, SuperResolution, as_bytes, as_floats
from scratchgan.training.run import TrainingError


def enlarged(model: SuperResolution, large: np.ndarray, small: np.ndarray) -> dict[str, np.ndarray]:
    """A picture in all ways that a model has: {way: bytes of (C, H, W)}, as grey or as colourful as it is.

    Raises
    ------
    DataError
        Where the picture is not four times as large as the small one, or in colour for a model of grey images.
    """
    channels = model.resnet.head[0].in_channels
    if large.shape[1] != FACTOR * small.shape[1]:
        raise DataError(f"pictures are enlarged {FACTOR} times, not from {small.shape[1:]} to {large.shape[1:]}")
    if len(small) not in (1, channels):
        raise DataError("the pictures are in colour, and the run has learned grey ones")
    ways = model.enlarged(model.tensor(as_floats(small[None].repeat(channels // len(small), 1))))
    return {way: _as_grey(image[0]) if len(small) < channels else image[0] for way, image in ways.items()}


def _as_grey(image):
    return as_bytes(as_floats(image).mean(0, keepdims=True))


def benchmark(
    model: Model, pairs: list[tuple[str, np.ndarray, np.ndarray]]
) -> tuple[dict[str, dict[str, float]], list[dict[str, np.ndarray]]]:
    """PSNR and SSIM of all ways, in the mean over pictures; and the pictures.

    Parameters
    ----------
    model : SuperResolution
    pairs : list of (str, ndarray, ndarray)
        See `data.photographs.enlarged_pairs`.

    Returns
    -------
    numbers : dict of str to dict of str to float
        {way: {"PSNR": …, "SSIM": …}}.
    pictures : list of dict of str to ndarray
        For each pair, bytes (C, H, W) by way, the true one at last.

    Raises
    ------
    TrainingError
        For a model that enlarges nothing.
    """
    if not isinstance(model, SuperResolution):
        raise TrainingError(f"{type(model).__name__} does not enlarge images: name a run of srgan")
    found, pictures = {}, []
    for _, large, small in pairs:
        ways = enlarged(model, large, small)
        pictures.append(ways | {"true": large})
        for way, image in ways.items():
            both = (as_floats(picture[None]) for picture in (image, large))
            found.setdefault(way, []).append(np.concatenate(as_published(*both)))
    means = {way: np.mean(values, axis=0) for way, values in found.items()}
    return {way: {"PSNR": float(psnr), "SSIM": float(ssim)} for way, (psnr, ssim) in means.items()}, pictures


def middle(image: np.ndarray, side: int) -> np.ndarray:
    """The square of ``side`` pixels in the middle of a picture (C, H, W), in three channels."""
    top, left = ((n - side) // 2 for n in image.shape[1:])
    cut = image[:, top : top + side, left : left + side]
    return cut.repeat(3 // len(cut), 0)
