"""VGG19's features of photographs, for content losses: Simonyan & Zisserman 2015, arXiv:1409.1556, table 1, column E.

Five times a few 3×3 convolutions with ReLU, then the maximum of each 2×2 pixels. φ_{i,j} is what the j-th convolution
before the i-th maximum gives, after its ReLU. The weights do not ship; torchvision has them, and they are saved by

    import numpy, torchvision
    state = torchvision.models.vgg19(weights="IMAGENET1K_V1").features.state_dict()
    numpy.savez("vgg19.npz", **{name: array.numpy() for name, array in state.items()})

A system takes them by a file of one's own, here ``my_srgan.py``, for ``scratchgan train my_srgan.py --data FOLDER``:

    from dataclasses import replace
    from functools import partial
    from scratchgan.models.srgan import SYSTEM
    from scratchgan.models.vgg import vgg19

    preset = SYSTEM.presets["photos"]
    encoder = partial(vgg19, weights="vgg19.npz")
    SYSTEM = replace(SYSTEM, presets={"default": replace(preset, options=preset.options | {"encoder": encoder})})
"""

from pathlib import Path

import numpy as np

from scratchgan import nn
from scratchgan.backend import array_like
from scratchgan.data.checks import DataError
from scratchgan.functional import cat
from scratchgan.npy import ArrayError, read_npz
from scratchgan.tensor import Tensor

WIDTHS = (64, 64), (128, 128), (256,) * 4, (512,) * 4, (512,) * 4  # of the convolutions before each maximum
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's red, green and blue in [0, 1]
SCALE = 1 / 12.75  # of the features, by which SRGAN brings their squared error near that of pixels


class VGG(nn.Module):
    """φ_{i,j}: (N, 1 or 3, H, W) in [−1, 1] -> (N, …, H / 2^(i − 1), W / 2^(i − 1)), times a scale.

    Its state has the names of ``torchvision.models.vgg19().features``: "features.0.weight" and so on.

    Parameters
    ----------
    rng : numpy.random.Generator
    layer : (int, int)
        i and j. There is nothing behind it.
    widths : tuple of tuple of int
    scale : float
    """

    def __init__(self, rng, layer=(5, 4), widths=WIDTHS, scale=SCALE):
        (i, j), layers, few = layer, [], 3
        if not (1 <= i <= len(widths) and 1 <= j <= len(widths[i - 1])):
            raise ValueError(f"layer={layer}: i is from 1 to {len(widths)}, j from 1 to {[*map(len, widths)]}")
        for group in (*widths[: i - 1], widths[i - 1][:j]):
            layers += [nn.MaxPool2d(2)] if layers else []
            for many in group:
                layers += [nn.Conv2d(few, many, 3, padding=1, rng=rng), nn.ReLU()]
                few = many
        self.features, self.scale = nn.Sequential(*layers), scale

    def maps(self, y):
        """φ(y)."""
        y = cat([y] * 3, 1) if y.shape[1] == 1 else y
        mean, deviation = (
            Tensor(array_like(np.array(numbers, y.dtype)[:, None, None], y.data)) for numbers in (MEAN, DEVIATION)
        )
        return self.features(((y + 1) / 2 - mean) / deviation) * self.scale


def vgg19(rng, channels, classes, weights, layer=(5, 4), widths=WIDTHS):
    """`VGG` with torchvision's weights, as an encoder of `srgan.build`.

    Parameters
    ----------
    rng, channels, classes
        As every encoder is given them; they are not needed here.
    weights : path-like
        An .npz of all of vgg19, of its ``features`` or of the first of these. What is behind ``layer`` is not read.

    Raises
    ------
    DataError
        When the file is not there, or lacks a layer, or has it in another shape.
    """
    network = VGG(np.random.default_rng(0), layer, widths)
    path = Path(weights).expanduser()
    try:
        arrays = read_npz(path)
    except ArrayError as error:
        raise DataError(str(error)) from error
    state = {}
    for name, own in network.state_dict().items():
        found = arrays.get(name, arrays.get(name.removeprefix("features.")))
        if found is None or found.shape != own.shape or found.dtype.kind != "f":
            what = "no such array" if found is None else f"{found.dtype} {found.shape}"
            raise DataError(f"{path} has no weights of VGG19: {name} should be floats of shape {own.shape}, is {what}")
        state[name] = found.astype(own.dtype)
    network.load_state_dict(state)
    return network
