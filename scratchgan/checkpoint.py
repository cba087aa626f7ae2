"""Checkpoints: one ``.npz`` of plain arrays and a line of JSON. Written whole or not at all, and never unpickled."""

import contextlib
import json
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from scratchgan.npy import ArrayError, read_npz

FORMAT = "scratchgan checkpoint 1"
TEMPORARY = ".scratchgan-{}.tmp"  # what a killed process may leave behind


class CheckpointError(ValueError):
    """A checkpoint is missing, damaged, of another program, or does not fit the run."""


@contextlib.contextmanager
def naming(path):
    """Let an OSError name the file that it is about: a full disk does not."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def make_room(path):
    """Make the folder of a file before the long work that fills it, so that a bad path is known at once.

    Raises
    ------
    OSError
        When the file could not be written: ``path`` is a folder, or nothing may be written where it would lie.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder: name a file")
    with contextlib.suppress(PermissionError):
        path.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(path if _is_device(path) else path.parent, os.W_OK):
        raise PermissionError(f"{path}: nothing may be written there")


def write_atomically(path, write):
    """Call ``write(file)`` on a temporary neighbour of ``path``, then rename it: no reader sees half a file.

    A symbolic link of that name is replaced, and what it leads to is left alone. What is no regular file, such as
    /dev/stdout, is written to directly.

    Raises
    ------
    OSError
        Naming ``path``, for a full disk or a missing folder. The old file is kept then, and nothing else is left.
    """
    path = Path(path)
    temporary = path.with_name(TEMPORARY.format(secrets.token_hex(8)))
    with naming(path):
        if _is_device(path):
            with open(path, "wb") as file:
                return write(file)
        try:
            with open(temporary, "xb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)


def _is_device(path):
    return path.exists() and not stat.S_ISREG(path.stat().st_mode)


def _sync_folder(folder):
    """Let the new name outlive a loss of power, where folders can be opened and the file system knows how."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def save(path: str | Path, arrays: Mapping[str, np.ndarray], **facts) -> None:
    """Write a checkpoint.

    Parameters
    ----------
    arrays : dict of str to array
    **facts
        Anything that JSON can hold, such as the configuration or a generator's state.

    Raises
    ------
    CheckpointError
        When an array holds NaN or infinity: the last good checkpoint is kept.
    """
    _demand_finite(arrays, f"so {path} is left as it was")
    text = json.dumps({"format": FORMAT, **facts}, sort_keys=True, allow_nan=False)
    write_atomically(path, lambda file: np.savez(file, **{"facts.json": np.array(text)}, **arrays))


def load(path: str | Path) -> tuple[dict[str, np.ndarray], dict]:
    """Read a checkpoint.

    Returns
    -------
    arrays : dict of str to array
    facts : dict

    Raises
    ------
    CheckpointError
        Saying whether the file is missing, truncated or damaged, or not a checkpoint of this package.
    """
    if not os.path.lexists(path):
        raise CheckpointError(f"there is no checkpoint {path}")
    try:
        arrays = read_npz(path, inflated=0)  # a checkpoint is not compressed
    except ArrayError as error:
        raise CheckpointError(str(error)) from error
    facts = _parsed(arrays.pop("facts.json", None))
    if facts.get("format") != FORMAT:
        raise CheckpointError(f"{path} is not a checkpoint of this version of scratchgan: expected {FORMAT!r}")
    _demand_finite(arrays, f"so {path} is damaged")
    return arrays, facts


def _demand_finite(arrays, therefore):
    for name, array in arrays.items():
        if array.dtype.kind in "fc" and not np.isfinite(array).all():
            raise CheckpointError(f"{name} holds NaN or infinity, {therefore}")


def _parsed(text):
    """The facts in an array of text; none if it is something else."""
    if text is None or text.dtype.kind != "U" or text.ndim:
        return {}
    try:
        facts = json.loads(str(text), parse_constant=_refuse)
    except (ValueError, RecursionError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _refuse(constant):
    raise ValueError(f"{constant} is no JSON")
