"""What a user calls ``--data``: a data set by its name, a folder of IDX files, or a folder of pictures."""

from pathlib import Path

from scratchgan.data.emoji import load_emoji
from scratchgan.data.mnist import SETS, idx_in, load
from scratchgan.data.pictures import SUFFIXES, Pictures

NAMES = *SETS, "emoji"


def find(data, split="train"):
    """Load a data set.

    Parameters
    ----------
    data : str or path-like
        "mnist", "fashion-mnist", "emoji", or a folder.
    split : {"train", "test"}
        Of pictures there is no test set.

    Returns
    -------
    Dataset or Pictures

    Raises
    ------
    DataError
        When it is not there, or not what it should be.
    """
    if data == "emoji":
        return load_emoji(split)
    if data in SETS:
        return load(data, split)
    folder = Path(data).expanduser()
    if folder.is_dir() and not idx_in(folder) and any(path.suffix.lower() in SUFFIXES for path in folder.rglob("*")):
        return Pictures(folder)
    return load(split=split, directory=folder)
