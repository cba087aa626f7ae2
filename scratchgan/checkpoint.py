"""Checkpoints: one ``.npz`` of plain arrays and a line of JSON. Written whole or not at all, and never unpickled."""

import json
import os
import zipfile
import zlib
from pathlib import Path

import numpy as np

FORMAT = "scratchgan checkpoint 1"


class CheckpointError(ValueError):
    """A checkpoint is missing, damaged, of another program, or does not fit the run."""


def write_atomically(path, write):
    """Call ``write(file)`` on a temporary neighbour of ``path``, then rename it: no reader sees half a file."""
    path = Path(path)
    temporary = path.with_name(path.name + ".tmp")
    with open(temporary, "wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def save(path, arrays, **facts):
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
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise CheckpointError(f"{name} holds NaN or infinity, so {path} is left as it was")
    text = json.dumps({"format": FORMAT, **facts}, sort_keys=True)
    write_atomically(path, lambda file: np.savez(file, **{"facts.json": np.array(text)}, **arrays))


def load(path):
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
    try:
        with open(path, "rb") as file:
            if file.read(4) != b"PK\x03\x04":
                raise CheckpointError(f"{path} is not a checkpoint: it is no .npz file")
            file.seek(0)
            with np.load(file, allow_pickle=False) as saved:
                arrays = {name: saved[name] for name in saved.files}
    except FileNotFoundError as error:
        raise CheckpointError(f"there is no checkpoint {path}") from error
    except (zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise CheckpointError(f"{path} is truncated or damaged: {error}") from error
    except ValueError as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{path} is not a checkpoint of scratchgan: {error}") from error
    text = arrays.pop("facts.json", None)
    facts = _parsed(text) if text is not None and text.dtype.kind == "U" else {}
    if facts.get("format") != FORMAT:
        raise CheckpointError(f"{path} is not a checkpoint of this version: expected {FORMAT!r}")
    return arrays, facts


def _parsed(text):
    try:
        return json.loads(str(text))
    except json.JSONDecodeError:
        return {}
