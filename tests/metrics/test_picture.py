from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.axes import Axes

from scratchgan.metrics import Neighbours
from scratchgan.metrics.picture import SHOWN, draw, sheet


def shade(value, n=1):
    return np.full((n, 1, 28, 28), value, np.float32)


def test_a_sheet_is_rows_of_framed_images():
    found = sheet(np.concatenate([shade(-1), shade(0)]), np.zeros((2, 1, 28, 28), np.uint8))
    assert found.shape == (60, 60)
    assert (found[1:29, 1:29] == -1).all() and (found[1:29, 31:59] == 0).all() and (found[31:59, 1:59:30] == -1).all()
    assert (found[::30] == found[29::30]).all() and (found[::30] == 1).all() and (found[:, 29:31] == 1).all()


def test_a_sheet_of_colours_keeps_them():
    red = np.concatenate([shade(1), shade(-1), shade(-1)], axis=1)
    found = sheet(red, red)
    assert found.shape == (60, 30, 3) and (found[1:29, 1:29] == [1, -1, -1]).all() and (found[0] == 1).all()


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """What is drawn of twenty samples and thirty training images, each of a grey of its own."""
    shown = SimpleNamespace()
    monkeypatch.setattr(Axes, "imshow", lambda axes, image, **_: setattr(shown, "image", image))
    monkeypatch.setattr(Axes, "bar", lambda axes, places, heights, **_: setattr(shown, "bars", list(heights)))
    samples = np.concatenate([shade(-i / 20) for i in range(20)])
    train = np.concatenate([shade(i / 30) for i in range(30)])
    places = np.random.default_rng(0).permutation(20)
    report = SimpleNamespace(
        score=SimpleNamespace(S=0.5, histogram=tuple(range(10))), count=20, data="greys", looked_up=places,
        in_pixels=Neighbours(1.0, np.arange(20), None), in_features=Neighbours(1.0, np.arange(20)[::-1], None),
    )  # fmt: skip
    draw(SimpleNamespace(train=SimpleNamespace(images=train)), samples, report, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
    return shown, places


def test_samples_stand_above_their_neighbours(drawn):
    shown, places = drawn
    greys = 2 * shown.image[15::30, 15::30] - 1
    np.testing.assert_allclose(greys[0], -places[:SHOWN] / 20, atol=1e-6)
    np.testing.assert_allclose(greys[1], np.arange(SHOWN) / 30, atol=1e-6)
    np.testing.assert_allclose(greys[2], (19 - np.arange(SHOWN)) / 30, atol=1e-6)


def test_the_bars_are_the_classes(drawn):
    assert drawn[0].bars == list(range(10))
