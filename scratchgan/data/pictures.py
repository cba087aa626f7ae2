"""A folder of pictures as a data set: of any size and format, cropped to a square and resized to what is asked for."""

import os
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from scratchgan.data.checks import DataError, whole

SUFFIXES = set(".png .jpg .jpeg .jfif .webp .avif .heic .heif .bmp .gif .tif .tiff .ppm .pgm .tga".split())


class Pictures:
    """The pictures in a folder and below it, in the order of their paths; of an animation, the first picture.

    A picture that cannot be read is named on stderr and left out. Where all pictures lie in folders within the folder,
    and there are two of these or more, each of them is a class: 0, 1, … in the order of their names. A class keeps its
    number even if none of its pictures can be read.

    Parameters
    ----------
    folder : path-like

    Attributes
    ----------
    name, source : str
    classes : list of str, or None
        The names of the folders that are classes, in the order of their numbers.
    labels : ndarray of int64, (N,), or None
        Of the pictures that `sized` gives.

    Raises
    ------
    DataError
        When there are no pictures, or a folder cannot be read.
    """

    def __init__(self, folder):
        self.folder = Path(folder).expanduser()
        self.paths = files_in(self.folder)
        if not self.paths:
            raise DataError(f"{self.folder} holds no pictures: {', '.join(sorted(SUFFIXES))} are read")
        self.name, self.source = self.folder.resolve().name, str(self.folder)
        self.classes = _classes(self.folder, self.paths)

    def __len__(self):
        return len(self.paths)

    def sized(self, size, channels):
        """All pictures as squares: ndarray of uint8, (N, channels, size, size).

        Raises
        ------
        DataError
            When none can be read, or ``channels`` is neither 1 (grey) nor 3 (red, green, blue).
        """
        size = whole(size, "size")
        if channels not in (1, 3):
            raise DataError(f"pictures have 1 channel or 3, not {channels}")
        read = {path: picture for path in self.paths if (picture := self._read(path, size, channels)) is not None}
        if not read:
            raise DataError(f"none of the {len(self.paths)} pictures in {self.folder} can be read")
        self.paths = list(read)
        return np.stack(list(read.values()))

    def in_full(self, channels):
        """All pictures as they are, one after the other: ndarrays of uint8, (channels, H, W).

        Raises
        ------
        DataError
            When none can be read.
        """
        kept = []
        for path in self.paths:
            if (picture := self._read(path, None, channels)) is not None:
                kept.append(path)
                yield picture
        if not kept:
            raise DataError(f"none of the {len(self.paths)} pictures in {self.folder} can be read")
        self.paths = kept

    @property
    def labels(self):
        """The number of each picture's folder."""
        if self.classes is None:
            return None
        return np.array([self.classes.index(path.relative_to(self.folder).parts[0]) for path in self.paths], np.int64)

    def _read(self, path, size, channels):
        """One picture, (channels, size, size), or in full without a size; or None, and what is wrong is said."""
        try:
            if not path.is_file():
                raise OSError("it is no file")  # a pipe would be waited for
            with Image.open(path) as image:
                image = flat(ImageOps.exif_transpose(image))
                image = ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS) if size else image
                pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
        except MemoryError:
            raise
        except Exception as error:  # decoders of damaged pictures raise anything: SyntaxError, struct.error, OSError, …
            why = str(error).removesuffix(f" {str(path)!r}") or type(error).__name__
            print(f"{path}: left out, as it cannot be read: {why}", file=sys.stderr)
            return None
        return pixels.reshape(*pixels.shape[:2], channels).transpose(2, 0, 1)


def files_in(folder):
    """The paths of all pictures in a folder and below it, sorted.

    Links are followed, each folder once. What begins with a dot is hidden, such as the ._x.png that a Mac leaves.

    Raises
    ------
    DataError
        When a folder cannot be read: fewer pictures would be other data.
    """

    def refuse(error):
        raise DataError(f"{error.filename} cannot be read: {error.strerror}") from error

    paths, seen = [], set()
    for here, folders, files in os.walk(folder, onerror=refuse, followlinks=True):
        status = os.stat(here)
        known = (status.st_dev, status.st_ino) in seen
        seen.add((status.st_dev, status.st_ino))
        folders[:] = [] if known else sorted(name for name in folders if not name.startswith("."))
        paths += [] if known else [Path(here, name) for name in files if _is_picture(name)]
    return sorted(paths)


def _is_picture(name):
    return not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES


def _classes(folder, paths):
    """The names of the folders that the pictures lie in; None where these are not several, or a picture is in none."""
    parts = [path.relative_to(folder).parts for path in paths]
    names = sorted({first for first, *_ in parts})
    return names if len(names) > 1 and all(len(each) > 1 for each in parts) else None


def flat(image):
    """A picture without transparency, on white.

    Raises
    ------
    ValueError
        For pixels of more than eight bits, which would be cut off.
    """
    if image.mode.startswith(("I", "F")):
        raise ValueError(f"its pixels are {image.mode!r}, more than eight bits: convert it to 8-bit grey")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("L" if image.mode in ("1", "L") else "RGB")
