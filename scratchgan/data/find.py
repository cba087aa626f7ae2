"""What a user calls ``--data``: a data set by its name, a folder of IDX files, of pictures, or of two domains."""

from pathlib import Path

from scratchgan.data.checks import NoTestSetError, checked_split
from scratchgan.data.domains import Domains, has_domains
from scratchgan.data.emoji import load_emoji
from scratchgan.data.mnist import SETS, Dataset, idx_in, load
from scratchgan.data.pictures import Pictures, files_in
from scratchgan.data.tiles import load_tiles

SHIPPED = {"emoji": load_emoji, "tiles": load_tiles}
NAMES = *SETS, *SHIPPED


def find(data: str | Path, split: str = "train") -> Dataset | Pictures | Domains:
    """Load a data set.

    Parameters
    ----------
    data : str or path-like
        "mnist", "fashion-mnist", "emoji", "tiles", or a folder.
    split : {"train", "test"}
        A folder of pictures has a test set where these lie in train/, and in val/ or test/ or both.

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
        return _pictures(folder, checked_split(split, folder))
    return load(split=split, directory=folder)


def _pictures(folder, split):
    """The pictures of a folder, or where it has the folders train/, val/ and test/, those of a split."""
    names = {path.relative_to(folder).parts[0] for path in files_in(folder)}
    if not {"train"} <= names <= {"train", "val", "test"}:
        if split == "test":
            raise NoTestSetError(
                f"{folder} is a folder of pictures, which has no test set: put it in val/ or test/, beside train/"
            )
        return Pictures(folder)
    if split == "test" and names == {"train"}:
        raise NoTestSetError(f"{folder} has pictures in train/, and no test set in val/ or test/")
    return Pictures(folder, ("train",) if split == "train" else ("val", "test"))
