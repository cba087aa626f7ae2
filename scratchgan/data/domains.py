"""Two domains without pairs, as folders of pictures: trainA and trainB, and perhaps testA and testB."""

import sys
from pathlib import Path

import numpy as np

from scratchgan.data.checks import DataError, NoTestSetError, checked_split
from scratchgan.data.pictures import Pictures
from scratchgan.hints import Arrays

PLACES = "trainA", "trainB", "testA", "testB"


def has_domains(folder: str | Path) -> bool:
    """Whether a folder holds any of the four."""
    return any((Path(folder) / place).is_dir() for place in PLACES)


class Domains:
    """The pictures of two folders, as the authors of CycleGAN lay them out: no picture of A has its partner in B.

    Parameters
    ----------
    folder : path-like
    split : {"train", "test"}

    Attributes
    ----------
    domains : tuple of Pictures
        A and B.
    name, source : str
    labels, classes : None

    Raises
    ------
    DataError
        When one of the two is missing or holds no pictures; NoTestSetError when there is no test set.
    """

    labels = classes = None

    def __init__(self, folder: str | Path, split: str = "train"):
        self.folder = Path(folder).expanduser()
        self.name, self.source = self.folder.resolve().name, str(self.folder)
        places = [self.folder / f"{checked_split(split, self.folder)}{domain}" for domain in "AB"]
        missing = [place.name for place in places if not place.is_dir()]
        if split == "test" and len(missing) == 2:
            raise NoTestSetError(f"{self.folder} has no test set: no folders testA and testB")
        if missing:
            held = ", ".join(sorted(path.name for path in self.folder.iterdir())[:6])
            raise DataError(f"{self.folder} has no folder {missing[0]}, which goes with the other; it holds {held}")
        self.domains = tuple(Pictures(place) for place in places)

    def __len__(self) -> int:
        return sum(map(len, self.domains))

    def each(self, size: int, channels: int) -> Arrays:
        """The pictures of each domain as squares: two arrays of uint8, (N, channels, size, size).

        A picture that cannot be read is named on stderr and left out, and so is told where grey ones are among
        coloured ones: a critic would learn to look for them.
        """
        arrays = tuple(pictures.sized(size, channels) for pictures in self.domains)
        for pictures, images in zip(self.domains, arrays):
            _tell_of_grey(pictures, images)
        return arrays

    def sized(self, size: int, channels: int) -> np.ndarray:
        """All pictures, of A and then of B: ndarray of uint8, (N, channels, size, size)."""
        return np.concatenate(self.each(size, channels))


def _tell_of_grey(pictures, images):
    grey = np.flatnonzero((images == images[:, :1]).all((1, 2, 3)))
    if 0 < len(grey) < len(images):
        print(
            f"{pictures.folder}: {len(grey)} of {len(images)} pictures are grey among coloured ones, such as "
            f"{pictures.paths[grey[0]].name}; remove them if this domain has colours",
            file=sys.stderr,
        )
