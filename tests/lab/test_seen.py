"""What is seen of digits, and of pictures that nothing classifies."""

from types import SimpleNamespace

import numpy as np
import pytest
from judged import DIGITS
from PIL import Image
from seeded import rng

from scratchgan.data import find
from scratchgan.lab import latent, seen
from scratchgan.lab.styles import within
from scratchgan.metrics.classifier import Classifier
from scratchgan.metrics.fidelity import precision_recall
from scratchgan.metrics.images import as_floats
from scratchgan.metrics.learning import look


@pytest.fixture
def digits(monkeypatch):
    judge = SimpleNamespace(network=Classifier(rng()), real=lambda count: DIGITS.images[:count])
    monkeypatch.setattr(seen, "Judge", lambda data: judge)
    return seen.Digits("mnist", 40)


def framed(images, margin=1.0):
    return np.pad(images, ((0, 0), (0, 0), (2, 2), (2, 2)), constant_values=margin)


def test_data_in_classes_are_seen_as_digits_and_others_as_pictures(tmp_path, monkeypatch):
    """Whatever their name is."""
    for i in range(3):
        Image.new("RGB", (32, 32), (80 * i, 0, 0)).save(tmp_path / f"{i}.png")
    monkeypatch.setattr(seen, "find", lambda data: DIGITS if data == "digits" else find(data))
    assert seen.eyes_for("digits") is seen.Digits
    for data in ("emoji", tmp_path):
        assert seen.eyes_for(data) is seen.Pictures


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_the_digits_need_not_be_there_to_be_known_as_such(name, monkeypatch):
    monkeypatch.setattr(seen, "find", None)
    assert seen.eyes_for(name) is seen.Digits


def test_digits_are_seen_without_their_margin(digits):
    plain = as_floats(DIGITS.images[:9])
    np.testing.assert_array_equal(digits.real, as_floats(DIGITS.images[:40]))
    for see in (digits.values, digits.probabilities, digits.features, digits.classes):
        np.testing.assert_array_equal(see(framed(plain)), see(plain))
    probabilities = look(digits.network, plain)[1]
    np.testing.assert_array_equal(digits.probabilities(plain), probabilities)
    np.testing.assert_array_equal(digits.classes(plain), probabilities.argmax(1))
    expected = np.stack([latent.thickness(plain), latent.slant(plain), latent.width(plain)], 1)
    np.testing.assert_array_equal(digits.values(plain), expected)


def test_deviations_are_those_in_a_class(digits):
    digits.network = SimpleNamespace()
    digits.probabilities = lambda images: np.eye(10)[np.arange(len(images)) % 2]
    expected = within(digits.values(digits.real), np.arange(40) % 2).std(0)
    np.testing.assert_allclose(digits.deviations(digits.real), expected)


def test_real_digits_are_compared_with_others_of_their_kind(digits):
    features, found = digits.features(digits.real), digits.among_real()
    assert found == dict(zip(("precision", "recall"), precision_recall(features[::2], features[1::2])))
    assert found["precision"] != found["recall"]


def test_pictures_are_one_class_and_their_features_are_the_pixels():
    eyes = seen.Pictures("emoji", 30)
    np.testing.assert_allclose(eyes.real, as_floats(find("emoji").images[:30]), atol=1e-6)
    assert eyes.real.dtype == np.float32
    np.testing.assert_array_equal(eyes.features(eyes.real), eyes.real.reshape(30, -1))
    assert eyes.features(eyes.real).dtype == np.float64
    assert (eyes.probabilities(eyes.real) == 1).all() and (eyes.classes(eyes.real) == 0).all()
    assert eyes.among_real() == {} and list(eyes.attributes) == ["hue", "brightness"]
    np.testing.assert_allclose(eyes.deviations(eyes.real), eyes.values(eyes.real).std(0))
