"""A judge of few images, whose classifier learns for two seconds."""

import gzip

import pooch
import pytest
from idxfile import idx
from judged import DIGITS, TEST, TRAIN, new_images

from scratchgan.data import Dataset
from scratchgan.data.emoji import load_emoji
from scratchgan.metrics import Judge, classifier, exemplars, judge


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """A folder with a small data set."""
    folder = tmp_path_factory.mktemp("data")
    for prefix, chosen in (("train", TRAIN), ("t10k", TEST)):
        (folder / f"{prefix}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(DIGITS.images[chosen, 0])))
        (folder / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(DIGITS.labels[chosen])))
    return folder


@pytest.fixture(scope="session")
def small(data):
    """A judge of it, whose classifier is kept in its folder."""
    quickly, found = classifier.train, Judge(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pooch, "os_cache", lambda project: data / "cache")
        patch.setattr(classifier, "train", lambda images, labels, seed: quickly(images, labels, seed, 1, 40))
        assert found.network
    return found


def few_emoji(data, split="train"):
    """A third of them, as `find` gives them."""
    return Dataset("emoji", load_emoji(split).images[::3], None, "a third of the emoji")


@pytest.fixture(scope="session")
def coloured(tmp_path_factory):
    """A judge without classes, whose network learns for two seconds."""
    quickly, cache = exemplars.train, tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scratchgan.metrics.images.find", few_emoji)
        patch.setattr(pooch, "os_cache", lambda project: cache)
        patch.setattr(exemplars, "train", lambda images, seed: quickly(images, seed, 15))
        found = Judge("emoji")
        assert found.network
    return found


@pytest.fixture
def kept(small, data, monkeypatch):
    """Other judges of these data find its classifier."""
    monkeypatch.setattr(pooch, "os_cache", lambda project: data / "cache")


@pytest.fixture(scope="session")
def report(small):
    """Of more samples than test images, and than are looked up, so that parts are taken of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judge, "LOOKED_UP", 300)
        return small.report(new_images())
