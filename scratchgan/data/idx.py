"""IDX, the format of MNIST's files: a header that says what follows, and the bytes themselves, often gzipped.

The content decides, not the name. A header is believed only as far as there can be bytes behind it, and a gzipped file
is unpacked no further than its header promises: reading takes as much memory as the pixels, whatever a file
claims.
"""

import gzip
import math
import os
import struct
import zlib
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from scratchgan.data.checks import DataError

LIMIT = 2**30  # bytes of pixels: 1.3 million images; EMNIST, the largest of MNIST's kin, has 0.8
EXPANSION = 1032  # deflate's greatest: what is promised beyond that cannot be there
BLOCK = 2**20  # bytes that are unpacked at a time

KINDS = {  # what lies there instead of an IDX file: how it begins, and what it is
    b"PK\x03\x04": "a ZIP archive: unpack it",
    b"BZh": "a bzip2 file: unpack it",
    b"\xfd7zXZ": "an xz file: unpack it",
    b"7z\xbc\xaf": "a 7-zip archive: unpack it",
    b"\x93NUMPY": "an array of NumPy",
    b"\x89PNG": "a PNG picture",
    b"<": "a page of the web, perhaps a mirror's excuse: fetch the file anew",
}


def read_idx(path: str | Path, item: tuple[int, ...] = (28, 28), limit: int = LIMIT) -> np.ndarray:
    """Read an IDX file of bytes, gzipped or not, whatever its name.

    Parameters
    ----------
    path : path-like
    item : tuple of int
        The shape of one item: (28, 28) for images and () for labels.
    limit : int
        The most bytes that items may have together.

    Returns
    -------
    ndarray of uint8, (N, *item)

    Raises
    ------
    DataError
        If the file cannot be read, or is not exactly what its header and ``item`` promise.
    """
    with _opened(path) as (file, most):
        header = struct.Struct(f">{2 + len(item)}I")
        head = file.read(header.size)
        if len(head) < header.size:
            raise DataError(f"{path}: expected an IDX header of {header.size} bytes, found {len(head)} in all")
        count = _count(path, head, header, item)
        expected = count * math.prod(item)
        if expected > min(most - header.size, limit):
            raise DataError(
                f"{path}: its header promises {count:,} items, {expected:,} bytes; there can be "
                f"{max(0, most - header.size):,} in this file, and {limit:,} are read at most"
            )
        data = _read(file, expected + 1)
    if len(data) != expected:
        found = len(data) if len(data) < expected else "more"
        raise DataError(f"{path}: expected {expected} bytes after the header ({count} items), found {found}")
    return np.frombuffer(data, np.uint8).reshape(count, *item)


def _count(path, head, header, item):
    """The number of items that a header speaks of; DataError if they are others than ``item``."""
    magic, count, *shape = header.unpack(head)
    wanted = 0x0801 + len(item)  # 08 stands for bytes, the last digit for the number of axes
    if magic != wanted:
        usual = {0x0801: "labels are", 0x0803: "images are"}
        kind = next((kind for begin, kind in KINDS.items() if head.startswith(begin)), usual.get(magic))
        raise DataError(f"{path}: expected magic number {wanted}, found {magic}{f', as {kind}' if kind else ''}")
    if tuple(shape) != item:
        raise DataError(f"{path}: expected items of shape {item}, found {tuple(shape)}")
    return count


def _read(file, most):
    """The bytes that are left, ``most`` of them; the memory taken grows with what is there."""
    data = bytearray()
    while len(data) < most and (block := file.read(min(BLOCK, most - len(data)))):
        data += block
    return data


@contextmanager
def _opened(path):
    """The bytes of a file, unpacked where they begin as gzip's do, and the most there can be of them."""
    try:
        if os.path.exists(path) and not os.path.isfile(path):
            raise DataError(f"{path}: cannot be read: it is {'a folder' if os.path.isdir(path) else 'no file'}")
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if not size:
                raise DataError(f"{path}: the file is empty")
            if file.peek(2)[:2] == b"\x1f\x8b":
                with gzip.open(file) as unpacked:
                    yield unpacked, EXPANSION * size
            else:
                yield file, size
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path}: not an intact gzip file: {error}") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
