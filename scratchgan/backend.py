"""NumPy or CuPy: which library an array belongs to, and how to move it between host and GPU.

There is no global switch. NumPy's own protocols (NEP 13 and NEP 18) send ``np.exp(a)`` or ``np.concatenate([a, b])``
to CuPy when the arrays are CuPy's, so the functions of this package are written once, with ``np``. Only the creation
of a new array needs the library's name, and ``array_module`` gives it.
"""

import ctypes
import platform
import sys

import numpy as np


def _keep_freed_memory():
    """Let malloc, where it is glibc's, keep what is freed for the next arrays: each page of new memory costs a fault.

    It keeps blocks of at most 32 MiB, which is its limit, and 1 GiB in all: see mallopt(3).
    """
    if platform.libc_ver()[0] == "glibc":
        M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_THRESHOLD, 2**25)
        libc.mallopt(M_TRIM_THRESHOLD, 2**30)


_keep_freed_memory()


def is_array(value):
    """Whether ``value`` is an array of NumPy or of a library that follows its protocols, such as CuPy."""
    return isinstance(value, np.ndarray) or (hasattr(value, "__array_function__") and hasattr(value, "dtype"))


def plain(data):
    """``data`` as an array that keeps the rules of arrays, NumPy's or CuPy's: no subclass, of real numbers it can hold.

    An `np.matrix` would multiply as a matrix, and a masked array hides some of its numbers.

    Raises
    ------
    TypeError
        For a masked array, and a dtype that is none of float32, float64, the integers and bool.
    """
    if isinstance(data, np.ma.MaskedArray):
        raise TypeError("a masked array hides some of its numbers; say what they are: array.filled(0)")
    if isinstance(data, np.ndarray) or not is_array(data):
        data = np.asarray(data)
    supported(data.dtype)
    return data if data.dtype.isnative else data.astype(data.dtype.newbyteorder("="))


def supported(dtype):
    """Whether a dtype is a floating one, of those that a Tensor holds.

    Raises
    ------
    TypeError
        For those that it does not hold.
    """
    if dtype.char in "fd":
        return True
    if dtype.char in "?bhilqBHILQ":
        return False
    if dtype.kind == "f":
        raise TypeError(
            f"{dtype} is not supported: the sums and the ε of this package need float32 or float64; "
            "convert it: array.astype(np.float32)"
        )
    raise TypeError(f"a Tensor holds real numbers, not dtype {dtype}")


def array_module(array):
    """The library that ``array`` belongs to: ``numpy``, or ``cupy`` for an array on a GPU."""
    return np if isinstance(array, np.ndarray) else sys.modules[type(array).__module__.partition(".")[0]]


def array_like(data, reference):
    """``data``, drawn or computed on the host, as an array beside ``reference`` (same library, same device)."""
    return data if isinstance(reference, np.ndarray) else array_module(reference).asarray(data)


def solid(array):
    """The same numbers as one block of memory, its last axis innermost: a copy, unless it is one already."""
    return array.astype(array.dtype, order="C", copy=False)


def copied_like(data, reference):
    """A copy of ``data`` with the dtype, the memory order and the place of ``reference``, whose shape it has."""
    copy = np.empty_like(reference)
    copy[...] = array_like(np.asarray(data), reference)
    return copy


def to_numpy(array):
    """A copy-free NumPy view of an array on the host, a copy of one on a GPU."""
    return np.asarray(array) if isinstance(array, (np.ndarray, np.generic)) else array.get()


def device_module(device):
    """The library that computes on ``device``.

    Parameters
    ----------
    device : {"cpu", "gpu"}

    Raises
    ------
    ValueError
        For any other name.
    RuntimeError
        When CuPy is not installed, or finds no GPU.
    """
    if device == "cpu":
        return np
    if device != "gpu":
        raise ValueError(f'device must be "cpu" or "gpu", not {device!r}')
    try:
        import cupy

        cupy.cuda.runtime.getDeviceCount()
    except ImportError as error:
        raise RuntimeError(
            'device "gpu" needs CuPy, which is not installed: pip install "scratchgan[gpu]" (CUDA 12), '
            "or pip install cupy-cuda13x"
        ) from error
    except Exception as error:
        raise RuntimeError(f'device "gpu": CuPy is installed but finds no GPU ({error}); use device "cpu"') from error
    return cupy
