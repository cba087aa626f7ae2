"""MNIST and its look-alikes: found on disk or fetched once, checked, and read from IDX files."""

import difflib
import hashlib
import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scratchgan.data.checks import DataError, NoTestSetError, checked_split
from scratchgan.data.idx import read_idx
from scratchgan.data.shipped import shipped
from scratchgan.data.views import sized

EMBEDDED = {
    "train": ("mnist_5k.npz", "the 5,000 real MNIST digits"),
    "test": ("mnist_1k_test.npz", "the 1,000 real digits of MNIST's test set"),
}
TIMEOUT = 6  # seconds a mirror has to answer: three silent mirrors still cost less than half a minute


@dataclass(frozen=True)
class Published:
    """A data set that is found by its name: where it is offered, and how each of its files is known."""

    mirrors: tuple  # to be tried in this order
    sha256: dict  # file name to checksum, of each file as it is offered and unpacked


SETS = {
    "mnist": Published(
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        sha256={
            "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        },
    ),
    "fashion-mnist": Published(
        mirrors=(
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
            "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        ),
        sha256={
            "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        },
    ),
}


class NoMirrorError(NoTestSetError):
    """No mirror answered with a file."""


@dataclass(frozen=True)
class Dataset:
    """Images with their labels, and where they came from."""

    name: str
    images: np.ndarray  # uint8 (N, C, H, W); of digits (N, 1, 28, 28), where 0 is background and 255 full ink
    labels: np.ndarray | None  # int64 (N,): 0..9 in the two named sets
    source: str  # for people to read
    classes: list[str] | None = None  # the names of classes, where they have names

    def __len__(self) -> int:
        return len(self.images)

    def sized(self, size: int, channels: int) -> np.ndarray:
        """Return the images as uint8 (N, channels, size, size): see `views.sized`."""
        return sized(self.images, size, channels)

    def in_full(self, channels: int) -> Iterator[np.ndarray]:
        """Return the images in their own size, one after the other: uint8 (channels, H, W)."""
        return iter(self.sized(self.images.shape[-1], channels))


def load(
    name: str = "mnist", split: str = "train", directory: str | Path | None = None, embedded: bool = False
) -> Dataset:
    """Load a data set: from `directory`, or $SCRATCHGAN_DATA, or the user's cache, or a mirror.

    Parameters
    ----------
    name : {"mnist", "fashion-mnist"}
    split : {"train", "test"}
    directory : path-like, optional
        The only folder to look in; ``~`` is one's home. Any IDX files of 28×28 images with MNIST's file names will do
        (such as KMNIST), so no checksum is asked for; files from everywhere else must match the pinned SHA-256.
        Gzipped or not, in capitals, or with a dot (``train-images.idx3-ubyte``), as some unpackers name them.
    embedded : bool
        Use what ships with the package, and nothing else: 5,000 of MNIST's training digits, or 1,000 of its test set.
        They also stand in, with a message on stderr, for MNIST when it is not on disk and no mirror answers.

    Returns
    -------
    Dataset

    Raises
    ------
    DataError
        If the files are missing, damaged or not what they should be, or no mirror provides them.
    """
    if name not in SETS:
        raise DataError(f"there is no data set {name!r}; {_what_there_is(name)}")
    checked_split(split, name)
    if embedded:
        if name != "mnist" or directory is not None:
            raise DataError("the embedded digits are MNIST's: they have no other name, and no directory")
        return embedded_digits(split)
    prefix = "train" if split == "train" else "t10k"
    stems = f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte"
    if directory is not None:
        return _read_pair(name, *_in_directory(Path(directory).expanduser(), name, stems))
    try:
        return _read_pair(name, *_in_known_places(name, stems))
    except NoMirrorError as error:
        if name != "mnist":
            raise
        digits = embedded_digits(split)
        print(f"{error}\nUsed instead: {digits.source}.", file=sys.stderr)
        return digits


def _what_there_is(given):
    """The end of a complaint about a name."""
    near = difflib.get_close_matches(str(given), SETS, n=1)
    return (
        f"--data takes the name of a data set ({', '.join(SETS)}, emoji, tiles), a folder of pictures, or one of IDX "
        f"files of 28×28 images, named as MNIST's{f'; did you mean {near[0]}?' if near else ''}"
    )


def embedded_digits(split: str = "train") -> Dataset:
    """Return a `Dataset` of digits that are part of the package: 5,000 to train, 500 a class, or 1,000 of the test set.

    The test digits are the thousand of 10,000 that a model is measured on where all are there (`Batches.examples`).
    """
    file, source = EMBEDDED[split]
    arrays = shipped(file, "digits")
    return Dataset("mnist", arrays["images"], arrays["labels"].astype(np.int64), f"{source} shipped with scratchgan")


def _read_pair(name, images_path, labels_path):
    images, labels = read_idx(images_path), read_idx(labels_path, item=())
    if len(images) != len(labels):
        raise DataError(f"{images_path} holds {len(images)} images, but {labels_path} {len(labels)} labels")
    if not len(images):
        raise DataError(f"{images_path} holds no images")
    return Dataset(name, images[:, None], labels.astype(np.int64), str(images_path.parent))


def idx_in(folder: Path) -> bool:
    """Whether a folder holds any of the four files."""
    return any(
        _find(folder, f"{part}-{kind}-ubyte") for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")
    )


def _find(folder, stem):
    """The path of an IDX file, under its own name or one that an unpacker gave it; None if there is none."""
    own = f"{stem}.gz", stem
    try:
        names = [name for name in os.listdir(folder) if _plain(name) == stem]
    except OSError:
        return None
    best = min(names, key=lambda n: (os.path.isdir(folder / n), n != own[0], n != own[1], n), default=None)
    return None if best is None else folder / best


def _plain(name):
    """TRAIN-IMAGES.IDX3-UBYTE.GZ -> train-images-idx3-ubyte"""
    return name.lower().removesuffix(".gz").replace(".", "-")


def _in_directory(folder, name, stems):
    paths = [_find(folder, stem) for stem in stems]
    if None in paths:
        missing = stems[paths.index(None)]
        if all(_find(folder / name, stem) for stem in stems):
            raise DataError(f"{folder}: no file {missing} there; did you mean {folder / name}?")
        raise DataError(_why_not(folder, missing))
    return paths


def _why_not(folder, missing):
    """What is wrong with a folder that lacks a file."""
    try:
        names = sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return f"{folder} is no folder; {_what_there_is(folder)}"
    except OSError as error:
        return f"{folder} cannot be read: {error.strerror}"
    held = ", ".join(names[:6]) + (", …" if names[6:] else "") if names else "nothing"
    return f"{folder}: no file {missing} or {missing}.gz there; the folder holds {held}"


def _in_known_places(name, stems):
    import pooch  # here, for a quick start without it

    folders = [pooch.os_cache("scratchgan") / name]
    if root := os.environ.get("SCRATCHGAN_DATA"):
        folders.insert(0, Path(root).expanduser() / name)
    for stem in stems:
        found = [path for folder in folders if (path := _find(folder, stem))]
        path = found[0] if found else _fetch(name, f"{stem}.gz", folders[-1])
        _verify(path, [SETS[name].sha256[file] for file in (f"{stem}.gz", stem)])
        yield path


def _verify(path, expected):
    """Raise DataError unless the checksum of a file is one of those ``expected``: gzipped, and unpacked."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while block := file.read(2**20):
                digest.update(block)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    if digest.hexdigest() not in expected:
        raise DataError(
            f"{path}: wrong checksum\n  expected sha256 {expected[0]} (gzipped)\n"
            f"               or {expected[1]} (unpacked)\n  found    sha256 {digest.hexdigest()}\n"
            "It is damaged or of another data set: delete it, and it is fetched again. "
            "To use it as it is, name its folder with --data DIR."
        )


def _fetch(name, file, folder):
    """Download one file into `folder` from the first mirror that has it, and return its path."""
    import pooch
    from requests.exceptions import RequestException

    downloader = pooch.HTTPDownloader(progressbar=True, timeout=TIMEOUT)
    known_hash, failures, damaged = f"sha256:{SETS[name].sha256[file]}", [], False
    for mirror in SETS[name].mirrors:
        try:
            failure = _refusal(downloader, mirror + file)
            if not failure:
                return Path(pooch.retrieve(mirror + file, known_hash, file, folder, downloader=downloader))
        except RequestException as error:
            failure = type(error).__name__
        except ValueError as error:  # pooch checks the hash before the file takes its final name
            failure, damaged = str(error), True
        except OSError as error:
            raise DataError(f"{folder}: cannot store {file} there: {error}") from error
        failures.append(f"\n  {mirror}: {failure}")
    raise (DataError if damaged else NoMirrorError)(
        f"No mirror answered with {'an intact ' if damaged else ''}{file}:{''.join(failures)}\n"
        f"For the full set, put its files in $SCRATCHGAN_DATA/{name}/ or name their folder with --data DIR."
    )


def _refusal(downloader, url):
    """Return why a mirror does not offer `url`, or "" if it does, after TIMEOUT seconds at most.

    A thread, as a socket's timeout covers neither the look-up of a name nor all addresses behind it.
    """
    from requests.exceptions import RequestException

    def ask():
        try:
            answer[0] = "" if downloader(url, None, None, check_only=True) else "does not offer the file"
        except RequestException as error:
            answer[0] = type(error).__name__

    answer = [f"silent for {TIMEOUT} s"]
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(TIMEOUT)
    return answer[0]
