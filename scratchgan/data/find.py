"""What a user calls ``--data``: a data set by its name, a folder of IDX files, of pictures, or of two domains."""

from pathlib import Path

from scratchgan.data.checks import NoTestSetError, checked_split
from scratchgan.data.domains import Domains, has_domains
from scratchgan.data.emoji import load_emoji
from scratchgan.data.mnist import SETS, idx_in, load
from scratchgan.data.pictures import Pictures, files_in
from scratchgan.data.tiles import load_tiles

SHIPPED = {"emoji": load_emoji, "tiles": load_tiles}
NAMES = *SETS, *SHIPPED


def find(data, split="train"):
    """Load a data set.

    Parameters
    ----------
    data : str or path-like
        "mnist", "fashion-mnist", "emoji", "tiles", or a folder.
    split : {"train", "test"}
        Of a folder of pictures there is no test set.

    Returns
    -------
    Dataset, Pictures or Domains

    Raises
    ------
    DataError
        When it is not there, or not what it should be; NoTestSetError where only the test set is not there.
    """
    if data in SHIPPED:
        return SHIPPED[data](split)
    if data in SETS:
        return load(data, split)
    folder = Path(data).expanduser()
    if has_domains(folder):
        return Domains(folder, split)
    if folder.is_dir() and not idx_in(folder) and files_in(folder):
        if checked_split(split, folder) == "test":
            raise NoTestSetError(f"{folder} is a folder of pictures, which has no test set")
        return Pictures(folder)
    return load(split=split, directory=folder)
