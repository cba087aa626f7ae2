"""Pictures that hold two images side by side, A|B: pairs of a scene and its labels, a drawing and a photograph."""

import numpy as np

from scratchgan.data.checks import DataError, whole
from scratchgan.data.pictures import Pictures, opened, square
from scratchgan.hints import Arrays, Source

LAYOUT = "pairs are pictures A|B, two images side by side, in a folder (--data DIR) with train/, and val/ or test/"


def halves(pictures: Source, size: int, channels: int = 3) -> Arrays:
    """Both images of each picture, cut apart, then cropped to the middle and resized.

    Nothing is left out, as nobody would see which pairs are missing.

    Parameters
    ----------
    pictures : Pictures
        Of a split of a data set: in train/, or in val/ and test/.
    size : int
    channels : {1, 3}
        Of both.

    Returns
    -------
    left, right : ndarray of uint8, (N, channels, size, size)

    Raises
    ------
    DataError
        Naming a picture that cannot be read, is of another size than the first or of an odd width, or is grey where
        the first is in colour, or the other way round; and for data that are no such pictures.
    """
    size = whole(size, "size")
    if not isinstance(pictures, Pictures):
        raise DataError(LAYOUT)
    if not pictures.within:
        raise DataError(f"there is no folder train/ with pictures in it; {LAYOUT}")
    first, pairs = None, []
    for path in pictures.paths:
        image = opened(path)
        first = first or (path.name, image.size, image.mode)
        _demand_alike(path, image, *first)
        width, height = image.size
        sides = image.crop((0, 0, width // 2, height)), image.crop((width // 2, 0, width, height))
        pairs.append([square(side, size, channels) for side in sides])
    return tuple(np.stack(pairs, axis=1))


def _demand_alike(path, image, name, size, mode):
    """DataError unless a picture can be cut in two, and is like the first."""
    if image.size != size:
        raise DataError(f"{path} has {_said(image.size)} pixels, and {name} {_said(size)}: all must have one size")
    if image.size[0] % 2:
        raise DataError(f"{path} has an odd width, {_said(image.size)} pixels, and so no two halves")
    if image.mode != mode:
        kinds = {"L": "grey", "RGB": "in colour"}
        raise DataError(f"{path} is {kinds[image.mode]}, and {name} is {kinds[mode]}: save all in one way")


def _said(size):
    return "{}×{}".format(*size)
