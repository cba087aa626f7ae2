"""Arrays from files, ``.npy`` and ``.npz``: read whole and verified, or refused with the reason.

A file is believed only as far as it can be checked. NumPy's own reader takes as many bytes of an archive's member as
the header inside asks for, and an archive verifies its checksum only at a member's end: a damaged header that asks for
less passes. It allocates what a header promises before it looks for the bytes. So here, in this order:

1. what a file promises is compared with its size;
2. a member is read to its end, which verifies its checksum;
3. the header must describe exactly the bytes that follow it.
"""

import io
import math
import os
import stat
import zipfile
from contextlib import contextmanager

import numpy as np
from numpy.lib import format as npy

INFLATED = 2**30  # bytes: a compressed file can promise a thousand times its size, so there is a limit
SIMPLE = "biufcSU"  # kinds of dtypes: numbers and text, no objects, which would be unpickled


class ArrayError(ValueError):
    """A file of arrays is missing or damaged, or holds something else."""


def read_npy(path):
    """The array in a ``.npy`` file.

    Returns
    -------
    ndarray
        A copy in native byte order.

    Raises
    ------
    ArrayError
        When the file is missing, damaged, longer or shorter than its header says, or holds no plain numbers or text.
    """
    with _opened(path) as (file, _):
        return _parsed(file.read(), "it")


def read_npz(path, inflated=INFLATED):
    """All arrays in a ``.npz`` file: dict of str to ndarray.

    Parameters
    ----------
    path : path-like
    inflated : int
        The most bytes that compressed arrays may have together. For those that are not compressed, it is the file's
        size.

    Raises
    ------
    ArrayError
        As `read_npy`; also when a name comes twice, or something in the archive is no array.
    """
    with _opened(path) as (file, size), zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        if archive.comment or any(member.comment for member in members):
            raise ArrayError("it has comments, behind which members can be hidden")
        _believe(members, size, inflated)
        return {member.filename.removesuffix(".npy"): _read(archive, member) for member in members}


@contextmanager
def _opened(path):
    """The file and its size; whatever is wrong with it becomes an `ArrayError` that names it."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise ArrayError("it is no file")
        with open(path, "rb") as file:
            yield file, os.fstat(file.fileno()).st_size
    except MemoryError:
        raise
    except OSError as error:
        raise ArrayError(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # parsers of damaged bytes raise anything: struct.error, zlib.error, RecursionError, …
        raise ArrayError(f"{path} is damaged or of another kind: {error}") from error


def _believe(members, size, inflated):
    """Raise ArrayError unless the members of an archive of ``size`` bytes can be what they promise."""
    names = [member.filename for member in members]
    foreign = [name for name in names if not name.endswith(".npy")]
    if foreign or len(set(names)) < len(names):
        raise ArrayError(f"{foreign[0]!r} is no array" if foreign else "it holds two arrays of the same name")
    kinds = {member.compress_type for member in members}
    if not kinds <= {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise ArrayError("it is compressed in a way that NumPy does not use")
    stored = sum(member.compress_size for member in members)
    promised = sum(member.file_size for member in members)
    limit = inflated if zipfile.ZIP_DEFLATED in kinds else stored
    if stored > size or promised > limit:
        raise ArrayError(f"it promises {promised:,} bytes, more than the {min(limit, size):,} that can be there")


def _read(archive, member):
    with archive.open(member) as file:
        data = file.read(member.file_size)  # no more, whatever it inflates to; the last byte verifies the checksum
    if len(data) != member.file_size:
        raise ArrayError(f"{member.filename} ends after {len(data):,} of {member.file_size:,} bytes")
    return _parsed(data, member.filename)


def _parsed(data, name):
    """The array that ``data``, all bytes of a ``.npy`` file, describes."""
    file = io.BytesIO(data)
    version = npy.read_magic(file)
    header = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
    if header is None:
        raise ArrayError(f"{name} is of version {version} of the format, which plain numbers do not need")
    shape, fortran_order, dtype = header(file)
    if dtype.kind not in SIMPLE or dtype.itemsize == 0:
        raise ArrayError(f"{name} holds {dtype} {shape}: only plain numbers and text are read")
    promised, found = math.prod(shape) * dtype.itemsize, len(data) - file.tell()
    if promised != found:
        raise ArrayError(f"{name} promises {dtype} {shape}, which is {promised:,} bytes, and {found:,} are there")
    array = np.frombuffer(data, dtype, offset=file.tell()).reshape(shape, order="F" if fortran_order else "C")
    return np.array(array, dtype.newbyteorder("="))
