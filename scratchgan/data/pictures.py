"""A folder of pictures as a data set: of any size and format, cropped to a square and resized to what is asked for."""

import os
import sys
from collections.abc import Iterator
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
    within : tuple of str, optional
        The folders in it that are looked into, such as ("train",) or ("val", "test"): parts of a data set, which are no
        classes. The folders in these may be classes, with the same numbers in each part.

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

    def __init__(self, folder: str | Path, within: tuple[str, ...] = ()):
        self.folder, self.within = Path(folder).expanduser(), within
        found = files_in(self.folder)
        self.paths = [path for path in found if not within or path.relative_to(self.folder).parts[0] in within]
        if not self.paths:
            raise DataError(f"{self.folder} holds no pictures: {', '.join(sorted(SUFFIXES))} are read")
        self.name, self.source = self.folder.resolve().name, str(self.folder)
        self.classes = _classes([self._below(path) for path in found])

    def __len__(self) -> int:
        return len(self.paths)

    def sized(self, size: int, channels: int) -> np.ndarray:
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

    def in_full(self, channels: int) -> Iterator[np.ndarray]:
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
    def labels(self) -> np.ndarray | None:
        """The number of each picture's folder."""
        if self.classes is None:
            return None
        return np.array([self.classes.index(self._below(path)[0]) for path in self.paths], np.int64)

    def _below(self, path):
        """The folders that a picture lies in, and its name."""
        parts = path.relative_to(self.folder).parts
        return parts[1:] if self.within else parts

    def _read(self, path, size, channels):
        """One picture, (channels, size, size), or in full without a size; or None, and what is wrong is said."""
        try:
            return square(opened(path), size, channels)
        except DataError as error:
            print(f"{path}: left out, as it {str(error).removeprefix(str(path)).lstrip()}", file=sys.stderr)
            return None


def opened(path: Path) -> Image.Image:
    """Read a picture, turn it upright and put it on white: grey or in colour.

    Raises
    ------
    DataError
        When it cannot be read.
    """
    try:
        if not path.is_file():
            raise OSError("it is no file")  # a pipe would be waited for
        with Image.open(path) as image:
            return flat(ImageOps.exif_transpose(image))
    except MemoryError:
        raise
    except Exception as error:  # decoders of damaged pictures raise anything: SyntaxError, struct.error, OSError, …
        why = str(error).removesuffix(f" {str(path)!r}") or type(error).__name__
        raise DataError(f"{path} cannot be read: {why}") from error


def square(image: Image.Image, size: int | None, channels: int) -> np.ndarray:
    """The middle of a picture, resized, or without a size all of it: ndarray of uint8, (channels, size, size)."""
    image = ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS) if size else image
    pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    return pixels.reshape(*pixels.shape[:2], channels).transpose(2, 0, 1)


def files_in(folder: str | Path) -> list[Path]:
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


def _classes(parts):
    """The names of the folders that the pictures lie in; None where these are not several, or a picture is in none."""
    names = sorted({first for first, *_ in parts})
    return names if len(names) > 1 and all(len(each) > 1 for each in parts) else None


def flat(image: Image.Image) -> Image.Image:
    """A picture without transparency, on white.

    Raises
    ------
    ValueError
        For pixels of more than eight bits, which would be cut off.
    """
    if image.mode.startswith(("I", "F")):
        raise ValueError(f"its pixels are {image.mode!r}, more than eight bits: convert it to 8-bit grey")
    mode = "L" if image.mode in ("1", "L", "LA") else "RGB"
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert(mode)
