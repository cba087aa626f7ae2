"""Arrays that are part of the package."""

from importlib import resources

import numpy as np

from scratchgan.data.checks import DataError
from scratchgan.npy import ArrayError, read_npz


def shipped(file: str, what: str) -> dict[str, np.ndarray]:
    """All arrays in a file of this folder: dict of str to ndarray.

    Raises
    ------
    DataError
        When the file is damaged or gone.
    """
    with resources.as_file(resources.files(__package__) / file) as path:
        try:
            return read_npz(path)
        except ArrayError as error:
            raise DataError(f"the {what} shipped with scratchgan: {error}; install it anew") from error
