"""Coloured digits are seen: what they show, and whether it is what was said."""

import numpy as np
import pytest

from scratchgan.data import Dataset, captions, load
from scratchgan.data.colours import NAMES
from scratchgan.metrics import captioned

EMBEDDED = load(embedded=True)
SOME = Dataset("mnist", EMBEDDED.images[::50], EMBEDDED.labels[::50], "a test")


class Knowing:
    """A judge that knows digits by their sum of pixels, and checks what it is shown."""

    def __init__(self):
        grey = SOME.images.astype(int).sum((1, 2, 3))
        self.known = dict(zip(grey.tolist(), SOME.labels.tolist()))

    def classify(self, images):
        assert images.shape[1:] == (1, 28, 28) and images.dtype == np.uint8
        sums = np.array(list(self.known))
        nearest = [sums[np.abs(sums - image.astype(int).sum()).argmin()] for image in images]
        return np.eye(10)[[self.known[int(each)] for each in nearest]]

    def features(self, images):
        return images.reshape(len(images), -1)[:, 300:302] / 255


JUDGE = captioned._judge.__wrapped__


@pytest.fixture(autouse=True)
def judge(monkeypatch):
    monkeypatch.setattr(captioned, "_judge", Knowing)


def shown(**options):
    images, *_, meanings = captions.coloured_digits(SOME, **options)
    return images.astype(np.float32) / 127.5 - 1, meanings


def test_the_judge_is_that_of_digits(monkeypatch):
    monkeypatch.setattr(captioned, "Judge", lambda data: data)
    assert JUDGE() == "mnist"


def test_digit_ink_and_paper_of_real_images_are_seen():
    images, meanings = shown()
    right = (captioned.seen(images) == meanings).mean(0)
    assert right[0] > 0.4 and (right[1:] > 0.98).all()


def test_small_images_are_seen_in_larger_pixels(monkeypatch):
    seen = []
    captioned._judge = lambda: type(
        "Judge", (), {"classify": lambda self, x: seen.append(x) or np.eye(10)[[0] * len(x)]}
    )()
    images, _ = shown()
    captioned.seen(images[:2, :, ::2, ::2])
    (grey,) = seen
    assert grey.shape == (2, 1, 28, 28) and (grey[:, :, ::2, ::2] == grey[:, :, 1::2, 1::2]).all()


def test_agreement_is_told_apart_by_inks_that_training_shows():
    images, meanings = shown(kept=0.5)
    found = captioned.agreement(images, meanings)
    kept = np.array([captions.unseen(digit, ink) for digit, ink, _ in meanings])
    right = captioned.seen(images) == meanings
    assert found["digit, unseen"] == right[kept, 0].mean() and found["digit, seen"] == right[~kept, 0].mean()
    assert found["all three, seen"] == right[~kept].all(1).mean() <= found["digit, seen"]
    other = meanings.copy()
    other[:, 2] = NAMES.index("grey")
    assert (
        captioned.agreement(images, other)["paper, seen"] == captioned.agreement(images, other)["all three, seen"] == 0
    )
    assert captioned.agreement(images, other)["ink, unseen"] > 0.98


def test_groups_without_an_image_are_left_out():
    images, meanings = shown()
    assert set(captioned.agreement(images, meanings)) == {"digit, seen", "ink, seen", "paper, seen", "all three, seen"}


def test_the_distance_does_not_depend_on_colours():
    one, other = shown(seed=0)[0], shown(seed=1)[0]
    assert captioned.frechet(one, other) < 1e-3
    assert captioned.frechet(one, other[:, :, ::-1]) > 1e-3


def test_images_and_meanings_that_do_not_fit_are_refused():
    images, meanings = shown()
    for bad in (np.uint8(127.5 * images + 127.5), 127.5 * images + 127.5, images * np.nan):
        with pytest.raises(ValueError, match="pixels must be finite floats, black −1 and white 1"):
            captioned.agreement(bad, meanings)
    for bad in (meanings[:1], meanings.astype(float), meanings[:, 0]):
        with pytest.raises(ValueError, match="meanings"):
            captioned.agreement(images, bad)
