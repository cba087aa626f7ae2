"""The judge of pictures without classes: of emoji in colour."""

import json

import numpy as np
import pooch
import pytest

from scratchgan import metrics
from scratchgan.data.emoji import load_emoji
from scratchgan.metrics import Judge, __main__, judge, learning
from scratchgan.metrics.images import COLOUR, GREY, as_floats, as_images, mixed, pools

OTHERS = np.concatenate([load_emoji("train").images[1::3], load_emoji("test").images[1::3]])[
    ::2
]  # 336, not the judge's


def test_the_anchors_are_at_zero_and_one(coloured):
    assert coloured.S(coloured.real(200)) == 0
    noise, _ = mixed(coloured.gaussian(200))
    assert coloured._score(*learning.look(coloured.network, noise)).S == 1
    floor, baseline = coloured.anchors(200)
    assert floor < baseline / 4


def damages(images, part):
    """Ever more of it: pixels of others, wrong places, wrong colours, blur."""
    x, count = as_floats(images), int(part * len(images))
    halves, turned, faded = x.copy(), x.copy(), (1 - part / 2) * x + part / 2 * np.roll(x, 7, axis=0)
    halves[:count, :, :, 16:] = np.roll(x, 7, axis=0)[:count, :, :, 16:]
    turned[:count] = turned[:count, ::-1]
    noise = np.random.default_rng(0).normal(0, part, x.shape)
    mean = sum(np.roll(x, shift, axis=(2, 3)) for shift in ((0, 0), (0, 2), (2, 0), (2, 2))) / 4
    return {
        "halves of two": halves, "red for blue": turned, "cross-faded": faded,
        "noisy": (x + noise).clip(-1, 1), "blurred": (1 - part) * x + part * mean,
    }  # fmt: skip


@pytest.mark.parametrize("kind", damages(OTHERS[:2], 0))
def test_S_rises_with_the_damage(coloured, kind):
    found = [coloured.S(damages(OTHERS, part)[kind]) for part in (0, 0.35, 1)]
    assert found[0] < found[1] < found[2] and found[0] < 0.1 and found[2] > 0.15


def test_real_images_are_compared_with_others(coloured):
    """Halves of all there are, held-out ones among both."""
    halves = coloured._reference, coloured._others
    one, other = ({image.tobytes() for image in half} for half in halves)
    every = {image.tobytes() for data in (coloured.train, coloured.test) for image in data.images}
    assert len(one) + len(other) == len(every) and one | other == every and abs(len(one) - len(other)) <= 1
    held_out = {image.tobytes() for image in coloured.test.images}
    assert one & held_out and other & held_out
    assert {image.tobytes() for image in coloured.real(50)} <= other
    train, test = pools(GREY, coloured.train, coloured.test, None)[::-1]
    assert train is coloured.train.images and test is coloured.test.images


def test_the_gaussian_of_fewer_images_than_pixels_has_their_moments(coloured):
    draws, pixels = (
        x[:, :, 6:26:6, 6:26:6].reshape(len(x), -1) for x in (coloured.gaussian(3000), as_floats(coloured.train.images))
    )
    standard = (draws - pixels.mean(axis=0)) / pixels.std(axis=0)
    assert np.abs(standard.mean(axis=0)).max() < 4.5 / np.sqrt(3000)
    assert np.abs(np.cov(standard, rowvar=False) - np.corrcoef(pixels, rowvar=False)).max() < 4.5 * np.sqrt(2 / 3000)


@pytest.fixture(scope="session")
def reports(coloured):
    """Of images that it has not seen, and of copies of the training images."""
    return coloured.report(OTHERS), coloured.report(coloured.train.images[::2])


def test_copies_of_training_images_are_noticed(reports):
    """A copy is as good as real by any other number."""
    new, copied = reports
    assert copied.score.S < 0.25 and copied.samples.precision > 0.8
    assert copied.in_pixels.ratio == copied.in_features.ratio == 0
    assert new.in_pixels.ratio > 0.7 and new.in_features.ratio > 0.7 and new.gaussian.pixels > 1.2


def test_the_report_is_what_the_measures_say(coloured, reports):
    """As many samples as there are reference images, which are not the test images."""
    report, features = reports[0], coloured.features(mixed(OTHERS)[0])
    real = coloured.features(coloured._reference)
    count = min(len(real), len(features))
    assert report.test_count == len(real) and report.count == len(OTHERS)
    assert report.samples.recall == metrics.precision_recall(real[:count], features[:count])[1]
    assert report.score.fid == metrics.frechet_distance(features, real)
    test, train = (coloured.features(data.images) for data in (coloured.test, coloured.train))
    assert report.in_features.ratio == metrics.nearest_training(features, test, train).ratio
    assert report.real.kid < report.gaussian.kid / 4


def test_nothing_is_said_about_classes(reports):
    numbers = reports[0].numbers()
    json.dumps(numbers)
    assert numbers["score"].keys() == {"fid", "floor", "baseline", "S"} and "accuracy" not in numbers
    assert not {"score", "sure", "spread", "ssim", "classes", "class_kl"} & numbers["samples"].keys()
    assert "class" not in str(reports[0])


def test_of_many_samples_it_is_said_that_there_are_fewer_real_ones(coloured):
    assert list(coloured._remarks(1500)) == ["the real ones are all 335 of one half, fewer than the 1500 samples"]


def test_what_needs_classes_is_refused(coloured):
    for measure in (coloured.classify, lambda x: coloured.accuracy(x, np.zeros(len(x), int))):
        with pytest.raises(ValueError, match="a third of the emoji has no classes"):
            measure(OTHERS)


@pytest.mark.parametrize(
    "samples, message",
    [
        (np.zeros((99, 1, 28, 28), np.uint8), r"shape \(N, 3, 32, 32\), N at least 1, got \(99, 1, 28, 28\)"),
        (np.zeros((99, 3, 28, 28), np.uint8), r"got \(99, 3, 28, 28\)"),
        (as_floats(OTHERS) / 2 + 0.5, "black is not −1 there"),
        (OTHERS[:64], r"64 samples .* in 64 dimensions: take 65"),
    ],
)
def test_what_it_cannot_judge_is_refused_before_a_network_is_trained(coloured, monkeypatch, samples, message):
    monkeypatch.setattr(judge, "trained_exemplars", None)
    fresh = object.__new__(Judge)
    fresh.__dict__ = {name: v for name, v in vars(coloured).items() if name != "network"}
    with pytest.raises(ValueError, match=message):
        fresh.score(samples)


def test_colours_need_not_lie_on_black():
    """A quarter of them may share a grey that is the darkest: it is no background."""
    faded = (0.5 * as_floats(OTHERS) - 0.2).astype(np.float32)
    faded[:, :, :20] = faded.min()
    assert as_images(faded, COLOUR) is faded
    with pytest.raises(ValueError, match="black is not"):
        as_images(faded[:, :1, 2:-2, 2:-2])


def test_the_command_judges_emoji(coloured, reports, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(__main__, "Judge", lambda data, seed: coloured if (data, seed) == ("emoji", 0) else None)
    np.save(tmp_path / "samples.npy", OTHERS)
    flags = "--data", "emoji", "--json", str(tmp_path / "numbers.json"), "--picture", str(tmp_path / "judged.png")
    assert __main__.main([str(tmp_path / "samples.npy"), *flags]) == 0
    said = capsys.readouterr().out
    assert said.splitlines()[:-2] == str(reports[0]).splitlines()[:-2] and "without labels" in said
    assert json.loads((tmp_path / "numbers.json").read_text())["score"]["S"] == reports[0].score.S
    assert (tmp_path / "judged.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_emoji_are_judged_as_promised(monkeypatch, tmp_path):
    """The network of the whole recipe: real and real are 5 % of the way to the Gaussian apart."""
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path)
    found = Judge("emoji")
    floor, baseline = found.anchors(1004)
    assert floor < 0.06 * baseline
    images = found.real(1004)
    for kind in damages(images[:2], 0):
        scores = [found.S(damages(images, part)[kind]) for part in (0.2, 0.4, 0.7, 1)]
        assert scores == sorted(scores) and scores[0] > -0.02 and scores[-1] > 0.1, (kind, scores)
