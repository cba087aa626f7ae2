"""A folder of pictures as a data set: of any size and format, cropped to a square and resized to what is asked for."""

import sys
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from scratchgan.data.checks import DataError

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"}


class Pictures:
    """The pictures in a folder and below it, in the order of their paths.

    A picture that cannot be read is named on stderr and left out. Where all pictures lie in folders within the folder,
    and there are two of these or more, each of them is a class: 0, 1, … in the order of their names.

    Parameters
    ----------
    folder : path-like

    Attributes
    ----------
    name, source : str
    labels : ndarray of int64, (N,), or None
        Of the pictures that `sized` gives.

    Raises
    ------
    DataError
        When there are no pictures.
    """

    def __init__(self, folder):
        self.folder = Path(folder).expanduser()
        self.paths = sorted(path for path in self.folder.rglob("*") if path.suffix.lower() in SUFFIXES)
        if not self.paths:
            raise DataError(f"{self.folder} holds no pictures: {', '.join(sorted(SUFFIXES))} are read")
        self.name, self.source = self.folder.name, str(self.folder)

    def __len__(self):
        return len(self.paths)

    def sized(self, size, channels):
        """All pictures as squares: ndarray of uint8, (N, channels, size, size).

        Raises
        ------
        DataError
            When none can be read, or ``channels`` is neither 1 (grey) nor 3 (red, green, blue).
        """
        if channels not in (1, 3):
            raise DataError(f"pictures have 1 channel or 3, not {channels}")
        read = {path: picture for path in self.paths if (picture := self._read(path, size, channels)) is not None}
        if not read:
            raise DataError(f"none of the {len(self.paths)} pictures in {self.folder} can be read")
        self.paths = list(read)
        vars(self).pop("labels", None)
        return np.stack(list(read.values()))

    @cached_property
    def labels(self):
        """The number of each picture's folder."""
        folders = [path.relative_to(self.folder).parts[0] for path in self.paths]
        names = sorted(set(folders))
        nested = all(len(path.relative_to(self.folder).parts) > 1 for path in self.paths)
        return np.array([names.index(folder) for folder in folders]) if nested and len(names) > 1 else None

    def _read(self, path, size, channels):
        """One picture, (channels, size, size), or None; what is wrong with it is said."""
        try:
            with Image.open(path) as image:
                square = ImageOps.fit(flat(ImageOps.exif_transpose(image)), (size, size), Image.Resampling.LANCZOS)
                pixels = np.asarray(square.convert("L" if channels == 1 else "RGB"))
        except MemoryError:
            raise
        except Exception as error:  # decoders of damaged pictures raise anything: SyntaxError, struct.error, OSError, …
            print(f"{path}: left out, as it cannot be read: {error}", file=sys.stderr)
            return None
        return pixels.reshape(size, size, channels).transpose(2, 0, 1)


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
