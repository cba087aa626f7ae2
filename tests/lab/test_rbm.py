"""The demo of Gibbs chains, with a machine of a few steps and a judge that only looks at brightness."""

import importlib.util
import json
from argparse import Namespace

import numpy as np
import pytest
from PIL import Image
from places import DEMOS
from seeded import rng

from scratchgan.training import train

SPEC = importlib.util.spec_from_file_location("demo_rbm", DEMOS / "rbm.py")
DEMO = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(DEMO)


class Bright:
    """A judge of ten classes, each a tenth of the brightness; S is the mean brightness."""

    def __init__(self, data, classes):
        pass

    def classify(self, images):
        return np.eye(10)[np.clip((images.mean((1, 2, 3)) + 1) * 5, 0, 9).astype(int)]

    def S(self, images):
        return float(images.mean())


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return train("rbm", preset="quick", steps=3, out=tmp_path_factory.mktemp("rbm") / "run")


def test_it_leaves_a_film_a_picture_and_numbers(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(DEMO, "Judge", Bright)
    argv = ["--rbm", str(run.folder), "--turns", "10", "--chains", "200", "--out", str(tmp_path)]
    assert DEMO.command.main("…", "rbm", DEMO.experiment, DEMO.add_flags, DEMO.FULL, argv=argv) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"gibbs.gif", "gibbs.png", "numbers.json"}
    found = json.loads((tmp_path / "numbers.json").read_text())
    assert found["numbers"].keys() == {"test digits", "chains of training", "random bits"}
    assert all(list(each) == [str(n) for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)] for each in found["numbers"].values())
    with Image.open(tmp_path / "gibbs.gif") as animation:
        assert animation.n_frames == 11
    assert "nothing is judged: --steps 3, not" in capsys.readouterr().out and len(found["claims"]) == 3


def test_chains_begin_at_digits_at_those_of_training_and_at_noise(run):
    flags = Namespace(data="mnist", chains=50)
    digits, kept, noise = DEMO.beginnings(run.model, flags, rng()).values()
    assert digits.shape == kept.shape == noise.shape == (50, 784)
    assert 0.05 < digits.mean() < 0.2 and 0.45 < noise.mean() < 0.55
    assert {state.tobytes() for state in kept} <= {state.tobytes() for state in run.model.machine.chains}


def test_a_moment_is_reached_by_the_turns_that_are_left(run):
    turns, gibbs = [], run.model.machine.gibbs
    run.model.machine.gibbs = lambda v, count, rng: turns.append(count) or gibbs(v, count, rng)
    v = rng().random((2, 784)) < 0.5
    images = DEMO.chain(run.model, v, [0, 1, 4, 9], rng())
    run.model.machine.gibbs = gibbs
    assert turns == [0, 1, 3, 5] and list(images) == [0, 1, 4, 9]
    np.testing.assert_array_equal(images[0].reshape(2, -1), 2.0 * v - 1)
    assert len(np.unique(images[4])) > 2


def test_the_class_is_compared_with_that_of_the_first_turn():
    grey = {moment: np.full((4, 1, 2, 2), value) for moment, value in ((0, -1.0), (1, 0.5), (2, 0.5), (3, -0.9))}
    grey[2][0] = -0.9
    found = DEMO.measured(grey, Bright("mnist", True))
    assert {moment: each["same class"] for moment, each in found.items()} == {1: 1.0, 2: 0.75, 3: 0.0}
    assert found[3]["S"] == pytest.approx(-0.9)


def test_the_table_shows_powers_of_ten_or_what_is_near_them():
    assert DEMO.told(dict.fromkeys([1, 2, 9, 40, 95, 1000])) == [1, 9, 95, 1000]
