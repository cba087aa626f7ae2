"""MNIST and its look-alikes: found on disk or fetched once, checked, and read from IDX files."""

import gzip
import hashlib
import math
import os
import struct
import sys
import threading
import zlib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np

TIMEOUT = 6  # seconds a mirror has to answer: three silent mirrors still cost less than half a minute

MIRRORS = {
    "mnist": (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    "fashion-mnist": (
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
}

SHA256 = {
    "mnist": {
        "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    "fashion-mnist": {
        "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
}


class DataError(ValueError):
    """A data file is missing, damaged, not what it should be, or cannot be fetched."""


class NoMirrorError(DataError):
    """No mirror answered with a file."""


@dataclass(frozen=True)
class Dataset:
    """Images with their labels, and where they came from."""

    name: str
    images: np.ndarray  # uint8 (N, 1, 28, 28): 0 is background, 255 full ink
    labels: np.ndarray  # int64 (N,): 0..9 in the two named sets
    source: str  # for people to read


def load(name="mnist", split="train", directory=None, embedded=False):
    """Load a data set: from `directory`, or $SCRATCHGAN_DATA, or the user's cache, or a mirror.

    Parameters
    ----------
    name : {"mnist", "fashion-mnist"}
    split : {"train", "test"}
    directory : path-like, optional
        The only folder to look in. Any IDX files of 28x28 images with MNIST's file names will do (such as
        KMNIST), so no checksum is asked for; files from everywhere else must match the pinned SHA-256.
    embedded : bool
        Use the 5,000 MNIST training digits shipped with the package, and nothing else. They also stand in,
        with a message on stderr, for an MNIST training set that is not on disk when no mirror answers.

    Returns
    -------
    Dataset

    Raises
    ------
    DataError
        If the files are missing, damaged or not what they should be, or no mirror provides them.
    """
    if name not in SHA256 or split not in ("train", "test"):
        raise DataError(f"no data set {name!r}, split {split!r}: there are {list(SHA256)}, train and test")
    if embedded:
        if (name, split) != ("mnist", "train") or directory is not None:
            raise DataError("the embedded digits are MNIST's train split: no other name, split or directory")
        return embedded_digits()
    prefix = "train" if split == "train" else "t10k"
    stems = f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte"
    if directory is not None:
        return _read_pair(name, *_in_directory(Path(directory).expanduser(), name, stems))
    try:
        return _read_pair(name, *_in_known_places(name, stems))
    except NoMirrorError as error:
        if (name, split) != ("mnist", "train"):
            raise
        print(f"{error}\nUsed instead: the 5,000 real MNIST digits shipped with scratchgan.", file=sys.stderr)
        return embedded_digits()


def embedded_digits():
    """Return the `Dataset` of 5,000 MNIST training digits, 500 a class, that is part of the package."""
    with (resources.files(__package__) / "mnist_5k.npz").open("rb") as file:
        arrays = np.load(file, allow_pickle=False)
        images, labels = arrays["images"], arrays["labels"].astype(np.int64)
    return Dataset("mnist", images, labels, "the 5,000 digits shipped with scratchgan")


def read_idx(path, item=(28, 28)):
    """Read an IDX file of bytes, gzipped if its name ends in ".gz".

    The shape of one item is (28, 28) for images and () for labels. Returns uint8 (N, *item); raises
    DataError if the file cannot be read or is not exactly what its header and `item` promise.
    """
    data = _read_bytes(path)
    if Path(path).suffix == ".gz":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{path}: not an intact gzip file: {error}") from error
    header = struct.Struct(f">{2 + len(item)}I")
    if len(data) < header.size:
        raise DataError(f"{path}: expected an IDX header of {header.size} bytes, found {len(data)} in all")
    magic, count, *shape = header.unpack_from(data)
    if magic != 0x0801 + len(item):  # 08 stands for bytes, the last digit for the number of axes
        raise DataError(f"{path}: expected magic number {0x0801 + len(item)}, found {magic}")
    if tuple(shape) != item:
        raise DataError(f"{path}: expected items of shape {item}, found {tuple(shape)}")
    expected, found = count * math.prod(item), len(data) - header.size
    if found != expected:
        raise DataError(f"{path}: expected {expected} bytes after the header ({count} items), found {found}")
    return np.frombuffer(data, np.uint8, offset=header.size).reshape(count, *item)


def _read_bytes(path):
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    if not data:
        raise DataError(f"{path}: the file is empty")
    return data


def _read_pair(name, images_path, labels_path):
    images, labels = read_idx(images_path), read_idx(labels_path, item=())
    if len(images) != len(labels):
        raise DataError(f"{images_path} holds {len(images)} images, but {labels_path} {len(labels)} labels")
    return Dataset(name, images[:, None], labels.astype(np.int64), str(images_path.parent))


def _find(folder, stem):
    """Return the path of an IDX file, gzipped or not, or None."""
    return next((path for path in (folder / f"{stem}.gz", folder / stem) if os.path.exists(path)), None)


def _in_directory(folder, name, stems):
    paths = [_find(folder, stem) for stem in stems]
    if None in paths:
        missing = stems[paths.index(None)]
        hint = f"; did you mean {folder / name}?" if all(_find(folder / name, stem) for stem in stems) else ""
        raise DataError(f"{folder}: no file {missing}.gz or {missing} there{hint}")
    return paths


def _in_known_places(name, stems):
    import pooch  # here, for a quick start without it

    folders = [pooch.os_cache("scratchgan") / name]
    if root := os.environ.get("SCRATCHGAN_DATA"):
        folders.insert(0, Path(root).expanduser() / name)
    for stem in stems:
        found = [path for folder in folders if (path := _find(folder, stem))]
        path = found[0] if found else _fetch(name, f"{stem}.gz", folders[-1])
        _verify(path, SHA256[name][path.name])
        yield path


def _verify(path, expected):
    found = hashlib.sha256(_read_bytes(path)).hexdigest()
    if found != expected:
        raise DataError(
            f"{path}: wrong checksum\n  expected sha256 {expected}\n  found    sha256 {found}\n"
            "It is damaged or of another data set: delete it, and it is fetched again. "
            "To use it as it is, name its folder with --data DIR."
        )


def _fetch(name, file, folder):
    """Download one file into `folder` from the first mirror that has it, and return its path."""
    import pooch
    from requests.exceptions import RequestException

    downloader = pooch.HTTPDownloader(progressbar=True, timeout=TIMEOUT)
    known_hash, failures, damaged = f"sha256:{SHA256[name][file]}", [], False
    for mirror in MIRRORS[name]:
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
