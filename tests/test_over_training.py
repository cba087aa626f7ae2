"""The lesson of what changes over a training, with eight steps and a judge that looks at brightness."""

import importlib.util
import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from places import DEMOS
from seeded import rng

from scratchgan.data.mnist import embedded_digits
from scratchgan.models import SYSTEMS

SPEC = importlib.util.spec_from_file_location("demo_over_training", DEMOS / "over_training.py")
DEMO = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(DEMO)


class Bright:
    def __init__(self, data):
        pass

    def S(self, images):
        return float(images.mean()) + 2


def test_it_leaves_a_picture_and_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr(DEMO, "Judge", Bright)
    digits = embedded_digits()  # in the order of their classes
    few = SimpleNamespace(images=digits.images[::25], labels=digits.labels[::25])
    monkeypatch.setattr(DEMO, "load", lambda name, split: few)
    monkeypatch.setattr(DEMO, "PARTS", 2)
    monkeypatch.setattr(DEMO, "COMPARED", 60)
    monkeypatch.setattr(DEMO, "TESTED", 200)
    argv = ["--steps", "8", "--out", str(tmp_path), "--seed", "3"]
    assert DEMO.command.main("…", "over_training", DEMO.experiment, DEMO.add_flags, DEMO.FULL, argv=argv) == 0
    assert Image.open(tmp_path / "over_training.png").width > 1500
    found = json.loads((tmp_path / "numbers.json").read_text())
    numbers = found["numbers"]
    assert numbers["steps"] == [4, 8] and len(numbers["W"]) == len(numbers["last"]) == 2
    assert numbers["averaged"] != numbers["last"] and np.shape(numbers["labels"]) == (10, 10)
    assert found["shortened"] == "--steps 8, not 1500" and len(found["claims"]) == 5
    config, other = (json.loads((tmp_path / name / "config.json").read_text()) for name in ("wgan_gp", "cgan"))
    assert (config["seed"], other["seed"], other["steps"]) == (3, 3, 3)
    assert config["steps"] == 8 and config["rates_fall_over"] == 1500


def test_the_estimate_is_averaged_over_each_part(tmp_path):
    (tmp_path / "log.csv").write_text("step,wasserstein\n1,1\n2,3\n3,5\n4,7\n")
    assert DEMO.estimates(tmp_path / "log.csv", [1, 4]) == [1, 5]


def test_beliefs_are_means_over_the_true_class_for_each_label():
    model = SYSTEMS["cgan"].build(rng())
    model.critic = type("Brightness", (), {"eval": lambda self: self, "__call__": lambda self, x, y: model.tensor(
        (x.numpy().mean((1, 2, 3)) * (y.numpy().argmax(1) + 1))[:, None])})()  # fmt: skip
    labels = np.arange(20) % 10
    levels = np.uint8(20 * labels + np.repeat([0, 50], 10))  # two images of each class
    beliefs = DEMO.believed(model, np.broadcast_to(levels[:, None, None, None], (20, 1, 28, 28)), labels)
    bright = (levels / 127.5 - 1).reshape(2, 10, 1)
    np.testing.assert_allclose(beliefs, (1 / (1 + np.exp(-bright * np.arange(1, 11)))).mean(0), rtol=1e-5)


@pytest.mark.parametrize("steps, expected", [(1500, 600), (8, 3), (1, 1)])
def test_the_conditional_gan_is_trained_for_as_large_a_part(steps, expected):
    assert DEMO.labelled_steps(steps) == expected


def test_the_claims_ask_what_is_said():
    good = {"averaged": [1.0, 0.05], "last": [2.0, 0.1], "W": [0.5, 0.9]}
    beliefs = np.full((10, 10), 0.1) + 0.4 * np.eye(10)
    *_, rises, _, believed = DEMO.claims(good, beliefs)
    assert rises.value == 1.8 and rises.anchors == {"S then": 1.0, "S at the end": 0.05, "W at the end": 0.9}
    assert believed.value == 0.5 and believed.anchors["of the others"] == pytest.approx(0.1)
    assert all(claim.holds for claim in DEMO.claims(good, beliefs))
    for name, bad in {"averaged": [1.0, 0.5], "last": [0.5, 0.01], "W": [0.9, 0.5]}.items():
        assert not all(claim.holds for claim in DEMO.claims(good | {name: bad}, beliefs))
    wrong_most = np.full((10, 10), 0.5) - 0.08 * np.eye(10)
    assert [claim.holds for claim in DEMO.claims(good, wrong_most)] == [True, True, True, False, True]


def test_the_page_says_what_was_found():
    left = json.loads((DEMOS / "pictures" / "over_training.json").read_text(encoding="utf-8"))
    numbers, page = left["numbers"], " ".join((DEMOS / "README.md").read_text(encoding="utf-8").split())
    averaged, last, W = (np.array(numbers[name]) for name in ("averaged", "last", "W"))
    assert f"S falls from {averaged[0]:.2f} to {averaged[-1]:.2f}" in page
    assert f"*rises* from {W.min():.2f} to {W[-1]:.2f}" in page
    assert (averaged < last).sum() == 5 and (np.argmax(numbers["labels"], 0) == np.arange(10)).sum() == 8
    assert "better one in five of the eight looks" in page and "with eight of the ten it believes" in page
    assert all(claim["holds"] for claim in left["claims"])
