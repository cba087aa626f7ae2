"""IDX files, as bytes."""

import numpy as np


def idx(array):
    """What an IDX file of bytes with this array holds."""
    header = b"".join(int(n).to_bytes(4, "big") for n in (0x0800 + array.ndim, *array.shape))
    return header + np.asarray(array).astype(np.uint8).tobytes()


def header(*numbers):
    """A header alone, which may promise anything."""
    return b"".join(int(n).to_bytes(4, "big") for n in numbers)
