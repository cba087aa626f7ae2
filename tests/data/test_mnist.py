import gzip
import hashlib
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pooch
import pytest
import requests
from idxfile import idx

from scratchgan.data import Batches, DataError, find, load, mnist, shipped
from scratchgan.training.held_out import COUNT

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
REAL = Path(os.environ.get("SCRATCHGAN_DATA", "absent"))
needs_real = pytest.mark.skipif(not (REAL / "mnist").is_dir(), reason="needs MNIST in $SCRATCHGAN_DATA")


def small_set(seed=0, count=3):
    """The two files of a small random set, as {name: bytes}."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
    labels = rng.integers(0, 10, count, dtype=np.uint8)
    return {
        f"{IMAGES}.gz": gzip.compress(idx(images), mtime=0),
        f"{LABELS}.gz": gzip.compress(idx(labels), mtime=0),
    }


FILES = small_set()


def write(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def unzipped(files):
    return {name.removesuffix(".gz"): gzip.decompress(data) for name, data in files.items()}


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Own folder and cache in tmp_path, both still absent, and no mirror within reach."""
    monkeypatch.setenv("SCRATCHGAN_DATA", str(tmp_path / "own"))
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache" / project)
    mirrors(monkeypatch, None, None)
    return tmp_path / "own" / "mnist", tmp_path / "cache" / "scratchgan" / "mnist"


@pytest.fixture
def pinned(monkeypatch):
    """Let the small set pass for MNIST."""
    for name, data in (FILES | unzipped(FILES)).items():
        monkeypatch.setitem(mnist.SETS["mnist"].sha256, name, hashlib.sha256(data).hexdigest())


def mirrors(monkeypatch, *contents):
    """Put mirrors in place, each with a dict of files or, out of reach, None. Returns the log of GETs."""
    hosts = {f"https://mirror{number}/": files for number, files in enumerate(contents)}
    log = []

    class Downloader:
        def __init__(self, progressbar, timeout):
            assert progressbar and timeout <= 10

        def __call__(self, url, output_file, pooch, check_only=False):
            host, name = url.rsplit("/", 1)
            files = hosts[f"{host}/"]
            if files is None:
                raise requests.exceptions.ConnectTimeout(url)
            if check_only:
                return name in files
            log.append(url)
            Path(output_file).write_bytes(files[name])

    monkeypatch.setattr(pooch, "HTTPDownloader", Downloader)
    for name, published in list(mnist.SETS.items()):
        monkeypatch.setitem(mnist.SETS, name, replace(published, mirrors=tuple(hosts)))
    return log


# An explicit directory


GZIPPED_WITHOUT_A_WORD = {name.removesuffix(".gz"): data for name, data in FILES.items()}
NAMED_SO_AND_NOT_GZIPPED = {f"{name}.gz": data for name, data in unzipped(FILES).items()}
NAMED_BY_UNPACKERS = {
    "train-images.idx3-ubyte": unzipped(FILES)[IMAGES],
    "TRAIN-LABELS.IDX1-UBYTE": unzipped(FILES)[LABELS],
}


@pytest.mark.parametrize(
    "files",
    [FILES, unzipped(FILES), GZIPPED_WITHOUT_A_WORD, NAMED_SO_AND_NOT_GZIPPED, NAMED_BY_UNPACKERS],
    ids=["gz", "raw", "no suffix", "a suffix too many", "other names"],
)
def test_explicit_directory_needs_no_checksum(tmp_path, files):
    dataset = load("fashion-mnist", directory=write(tmp_path, files))
    assert dataset.images.shape == (3, 1, 28, 28) and dataset.images.dtype == np.uint8
    assert dataset.labels.shape == (3,) and dataset.labels.dtype == np.int64
    assert (dataset.name, dataset.source) == ("fashion-mnist", str(tmp_path))
    assert dataset.images.tobytes() == unzipped(FILES)[IMAGES][16:]


def test_explicit_directory_is_the_only_one(tmp_path, places, pinned):
    write(places[0], FILES)
    with pytest.raises(DataError, match="absent is no folder; --data takes the name"):
        load(directory=tmp_path / "absent")
    with pytest.raises(DataError, match=f"no file {IMAGES} or {IMAGES}.gz there; the folder holds nothing$"):
        load(directory=write(tmp_path / "empty", {}))
    with pytest.raises(DataError, match="no file t10k-labels"):
        load(split="test", directory=write(tmp_path / "half", {"t10k-images-idx3-ubyte": b""}))


def test_of_two_files_the_usual_name_is_taken_and_a_folder_is_passed_over(tmp_path):
    """As some archives unpack: a folder of the file's name, and in it the file; another beside it."""
    other = unzipped(small_set(seed=1))
    write(tmp_path / IMAGES, {IMAGES: other[IMAGES]})
    write(tmp_path, {"train-images.idx3-ubyte": unzipped(FILES)[IMAGES], LABELS: unzipped(FILES)[LABELS]})
    assert load(directory=tmp_path).images.tobytes() == unzipped(FILES)[IMAGES][16:]
    (tmp_path / IMAGES / IMAGES).rename(tmp_path / "Train-Images-IDX3-ubyte")
    assert load(directory=tmp_path).images.tobytes() == other[IMAGES][16:]
    write(tmp_path, {f"{IMAGES}.gz": FILES[f"{IMAGES}.gz"]})
    assert load(directory=tmp_path).images.tobytes() == unzipped(FILES)[IMAGES][16:]


def test_a_folder_says_what_it_holds(tmp_path):
    write(tmp_path, {f"{i}.png": b"" for i in range(9)})
    with pytest.raises(DataError, match=r"the folder holds 0.png, 1.png, 2.png, 3.png, 4.png, 5.png, …$"):
        load(directory=tmp_path)
    with pytest.raises(DataError, match="0.png is no folder; --data takes the name"):
        load(directory=tmp_path / "0.png")


def test_home_is_where_it_should_be(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path / "digits", FILES)
    assert load(directory="~/digits").source == find("~/digits").source == str(tmp_path / "digits")


def test_a_set_is_found_by_its_name_or_by_its_folder(tmp_path, places, pinned):
    write(places[0], FILES)
    write(tmp_path / "mine", {name.replace("train", "t10k"): data for name, data in FILES.items()})
    assert find("mnist").source == str(places[0])
    assert find(tmp_path / "mine", "test").source == str(tmp_path / "mine")


def test_a_set_without_images_is_refused(tmp_path):
    with pytest.raises(DataError, match="holds no images"):
        load(directory=write(tmp_path, small_set(count=0)))


def test_directory_one_level_too_high(tmp_path):
    write(tmp_path / "mnist", FILES)
    with pytest.raises(DataError) as caught:
        load(directory=tmp_path)
    assert str(caught.value).endswith(f"did you mean {tmp_path / 'mnist'}?")


def test_counts_differ(tmp_path):
    other = small_set(count=4)
    with pytest.raises(DataError, match="3 images, .* 4 labels"):
        load(directory=write(tmp_path, FILES | {f"{LABELS}.gz": other[f"{LABELS}.gz"]}))


# $SCRATCHGAN_DATA, the cache, the mirrors


def test_search_order(places, pinned, monkeypatch):
    own, cache = places
    log = mirrors(monkeypatch, FILES)
    assert load().source == str(cache) and len(log) == 2
    assert load().source == str(cache) and len(log) == 2
    write(own, unzipped(FILES))
    assert load().source == str(own) and len(log) == 2
    monkeypatch.delenv("SCRATCHGAN_DATA")
    assert load().source == str(cache)


@pytest.mark.parametrize("files", [GZIPPED_WITHOUT_A_WORD, NAMED_SO_AND_NOT_GZIPPED, NAMED_BY_UNPACKERS])
def test_the_content_is_verified_whatever_the_name(places, pinned, files):
    write(places[0], files)
    assert load().source == str(places[0])


@pytest.mark.parametrize("place", [0, 1], ids=["own", "cache"])
@pytest.mark.parametrize("name", [f"{LABELS}.gz", LABELS])
def test_wrong_checksum_on_disk(places, pinned, monkeypatch, place, name):
    log = mirrors(monkeypatch, FILES)
    path = write(places[place], {name: b"other"}) / name
    with pytest.raises(DataError, match="wrong checksum") as caught:
        load()
    for part in (
        path,
        mnist.SETS["mnist"].sha256[name],
        hashlib.sha256(b"other").hexdigest(),
        "delete it",
        "--data",
    ):
        assert str(part) in str(caught.value)
    assert path.read_bytes() == b"other" and not any(name in url for url in log)


def test_download_of_what_is_missing(places, pinned, monkeypatch):
    cache = write(places[1], {IMAGES: unzipped(FILES)[IMAGES]})
    log = mirrors(monkeypatch, None, {}, FILES)
    assert len(load().images) == 3
    assert log == [f"https://mirror2/{LABELS}.gz"]
    assert sorted(os.listdir(cache)) == [IMAGES, f"{LABELS}.gz"]


def test_download_is_checked_before_it_gets_its_name(places, pinned, monkeypatch):
    cache = places[1]
    mirrors(monkeypatch, small_set(seed=1))
    with pytest.raises(DataError, match="does not match"):
        load()
    assert os.listdir(cache) == []
    mirrors(monkeypatch, small_set(seed=1), FILES)
    assert len(load().images) == 3
    assert sorted(os.listdir(cache)) == sorted(FILES)


def test_interrupted_download_leaves_nothing(places, pinned, monkeypatch):
    mirrors(monkeypatch, FILES)
    monkeypatch.setattr(Path, "write_bytes", interrupt)
    with pytest.raises(KeyboardInterrupt):
        load()
    assert os.listdir(places[1]) == []


def interrupt(*_):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("split", "count", "said"),
    [("train", 5000, "the 5,000 real MNIST digits"), ("test", 1000, "the 1,000 real digits of MNIST's test set")],
)
def test_no_mirror_answers(places, capsys, split, count, said):
    dataset = load(split=split)
    assert dataset.images.shape == (count, 1, 28, 28)
    message = capsys.readouterr().err
    for part in (
        "No mirror answered",
        "https://mirror0/: ConnectTimeout",
        f"Used instead: {said} shipped with scratchgan.",
        "$SCRATCHGAN_DATA/mnist/",
        "--data",
    ):
        assert part in message
    assert not places[1].exists()


@pytest.mark.parametrize("split", ["train", "test"])
def test_no_mirror_answers_and_nothing_stands_in(places, split):
    with pytest.raises(DataError, match="No mirror answered") as caught:
        load("fashion-mnist", split)
    for part in ("https://mirror0/", "https://mirror1/", "$SCRATCHGAN_DATA/fashion-mnist/", "--data"):
        assert part in str(caught.value)


@pytest.mark.parametrize("reachable_last", [False, True])
def test_damaged_mirror_is_no_reason_for_the_embedded_digits(places, monkeypatch, reachable_last):
    damaged = small_set(seed=1)
    mirrors(monkeypatch, *((None, damaged) if reachable_last else (damaged, None)))
    with pytest.raises(DataError, match="No mirror answered with an intact"):
        load()


def test_silent_mirror_is_given_up(places, monkeypatch, capsys):
    never = threading.Event()
    monkeypatch.setattr(pooch, "HTTPDownloader", lambda **_: lambda *_, **__: never.wait(2))
    monkeypatch.setattr(mnist, "TIMEOUT", 0.02)
    assert len(load().images) == 5000
    assert "silent for 0.02 s" in capsys.readouterr().err
    never.set()


def test_cache_cannot_be_written(places, pinned, monkeypatch):
    mirrors(monkeypatch, FILES)
    write(places[1].parent.parent, {"scratchgan": b"a file where the folder should be"})
    with pytest.raises(DataError, match="cannot store"):
        load()


# The embedded digits, and the real sets


def test_embedded_digits():
    dataset = load(embedded=True)
    assert dataset.images.shape == (5000, 1, 28, 28) and dataset.images.dtype == np.uint8
    assert dataset.labels.dtype == np.int64 and np.bincount(dataset.labels).tolist() == [500] * 10
    assert "5,000 real MNIST digits" in dataset.source
    test = load(split="test", embedded=True)
    assert test.images.shape == (1000, 1, 28, 28) and np.bincount(test.labels).min() > 80
    assert not {image.tobytes() for image in test.images} & {image.tobytes() for image in dataset.images}


def test_damaged_embedded_digits_are_no_traceback(tmp_path, monkeypatch):
    (tmp_path / "mnist_5k.npz").write_bytes(b"PK")
    monkeypatch.setattr(shipped.resources, "files", lambda package: tmp_path)
    with pytest.raises(
        DataError, match="the digits shipped with scratchgan: .*mnist_5k.npz is damaged.*install it anew"
    ):
        load(embedded=True)


@pytest.mark.parametrize("other", [{"name": "fashion-mnist"}, {"directory": "."}])
def test_embedded_digits_are_mnist_only(other):
    with pytest.raises(DataError, match="are MNIST's"):
        load(embedded=True, **other)


def test_unknown_name_or_split():
    """Everywhere the same: what there is, and what else is taken."""
    others = r"--data takes the name of a data set \(mnist, fashion-mnist, emoji, tiles\), a folder of pictures, or "
    others += r"one of IDX files of 28×28"
    with pytest.raises(DataError, match=f"no data set 'cifar'; {others}"):
        load("cifar")
    with pytest.raises(DataError, match=f"mnits is no folder; {others}.*did you mean mnist"):
        find("mnits")
    for name in ("mnist", "emoji", "tiles"):
        with pytest.raises(DataError, match=f"no split 'validation' of {name}: there are train and test"):
            find(name, "validation")


def test_import_is_light():
    code = "import sys, scratchgan.data; assert not {'pooch', 'requests', 'tqdm'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})


@needs_real
def test_embedded_digits_are_official_training_digits():
    full, some = load(directory=REAL / "mnist"), load(embedded=True)
    label_of = {image.tobytes(): label for image, label in zip(full.images, full.labels)}
    assert len(label_of) == 60000
    assert all(label_of[image.tobytes()] == label for image, label in zip(some.images, some.labels))


@needs_real
def test_embedded_test_digits_are_those_that_a_model_is_measured_on():
    """So its numbers are the same where the other 9,000 are missing."""
    test, some = load(split="test", directory=REAL / "mnist"), load(split="test", embedded=True)
    images, labels = Batches((test.images, test.labels), 1, None).examples(COUNT)
    assert np.array_equal(labels, some.labels)
    assert np.array_equal(np.rint(127.5 * images + 127.5), some.images)


@needs_real
@pytest.mark.parametrize(("name", "split", "count"), [("mnist", "test", 10000), ("fashion-mnist", "test", 10000)])
def test_real_sets_match_their_checksums(name, split, count):
    assert len(load(name, split).images) == len(load(name, split).labels) == count
