"""Weights that ship: small, drawn at once, and refused where they do not fit."""

import time
from types import SimpleNamespace

import numpy as np
import pytest
import tiny

from scratchgan import checkpoint
from scratchgan.checkpoint import CheckpointError
from scratchgan.models import SYSTEMS
from scratchgan.models.game import Game
from scratchgan.training import load_model, train, weights
from scratchgan.training.run import TrainingError, arrays_of


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of two steps, on the emoji, which need no network."""
    folder = tmp_path_factory.mktemp("runs") / "wgan_gp"
    train("wgan_gp", preset="quick", data="emoji", steps=2, out=folder)
    return folder


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "HERE", tmp_path)
    return tmp_path


def latents(model):
    return model.latents(5, np.random.default_rng(0))


def test_what_is_kept_draws_as_the_run_does_up_to_half_precision(run, place):
    path = weights.keep(run, {"S": 0.5})
    assert path == place / "wgan_gp.npz" and weights.names() == ["wgan_gp"]
    kept, whole = weights.shipped_model("wgan_gp"), load_model(run)
    difference = np.abs(kept.images(latents(kept)) - whole.images(latents(whole)))
    assert 0 < difference.max() < 0.01
    assert kept.generator is kept.best
    arrays, facts, _ = weights.shipped("wgan_gp")
    assert {name.partition("/")[0] for name in arrays} == {"average"}
    assert {array.dtype for array in arrays.values() if array.dtype.kind == "f"} == {np.dtype(np.float16)}
    assert facts["numbers"] == {"S": 0.5} and facts["step"] == 2
    assert facts["command"] == "scratchgan train wgan_gp --preset quick --seed 0 --data emoji --steps 2"


@pytest.mark.parametrize("labels", [{}, {"labels": np.array([3, 1])}])
def test_the_judge_says_what_it_says_of_samples_by_the_weights_that_are_kept(labels, run, place, monkeypatch):
    class Judge:
        def __init__(self, data):
            assert data == "emoji"

        def score(self, samples):
            np.testing.assert_array_equal(samples, expected["samples"])
            return SimpleNamespace(S=samples.sum(), fid=9.0, classes=8)

        def accuracy(self, samples, wanted):
            return float(samples.sum() + wanted.sum())

    weights.keep(run, {})
    expected = weights.shipped_model("wgan_gp").samples(5, np.random.default_rng([0, 2]))
    samples = Game.samples
    monkeypatch.setattr(Game, "samples", lambda self, count, rng: samples(self, count, rng) | labels)
    monkeypatch.setattr("scratchgan.metrics.Judge", Judge)
    total = expected["samples"].sum()
    numbers = {"S": total, "Fréchet distance": 9.0, "classes": 8}
    assert weights.judged(run, 5) == numbers | ({"right class": total + 4} if labels else {})


def test_a_game_that_grows_keeps_how_far_it_has_grown(tmp_path, place):
    train("progan", preset="quick", data="emoji", steps=2, out=tmp_path / "run")
    weights.keep(tmp_path / "run", {})
    assert weights.shipped_model("progan").growth.seen == 2 * SYSTEMS["progan"].presets["quick"].batch_size


def test_weights_that_are_not_there_are_named(place):
    (place / "cgan.npz").write_bytes(b"")
    with pytest.raises(
        CheckpointError, match="no weights of gan ship with scratchgan, only those of cgan: scratchgan train gan"
    ):
        weights.shipped_model("gan")
    with pytest.raises(CheckpointError, match="cgan.npz"):
        weights.shipped_model("cgan")


def test_weights_of_other_networks_are_refused(run, place):
    path = weights.keep(run, {})
    arrays, facts = checkpoint.load(path)
    few = dict(list(arrays.items())[:-1])
    checkpoint.save(path, few, **{k: v for k, v in facts.items() if k != "format"})
    with pytest.raises(CheckpointError, match="missing average/"):
        weights.shipped_model("wgan_gp")
    facts["settings"]["options"]["lr"] = 1.0
    checkpoint.save(path, arrays, **{k: v for k, v in facts.items() if k != "format"})
    with pytest.raises(CheckpointError, match="has changed since the run began"):
        weights.shipped_model("wgan_gp")


@pytest.mark.parametrize("lost", ["settings", "preset", "system", "data", "seed"])
def test_weights_without_what_their_networks_are_built_from_are_refused(lost, run, place):
    path = weights.keep(run, {})
    arrays, facts = checkpoint.load(path)
    facts.pop("format")
    del (facts if lost == "settings" else facts["settings"])[lost]
    checkpoint.save(path, arrays, **facts)
    with pytest.raises(CheckpointError, match="wgan_gp.npz is not the checkpoint of a run: its 'settings' is"):
        weights.shipped_model("wgan_gp")


def test_the_command_says_what_differs_from_the_preset(run, place, tmp_path):
    command = "scratchgan train wgan_gp --preset quick --seed 0"
    settings = checkpoint.load(run / "checkpoint.npz")[1]["settings"]
    steps = SYSTEMS["wgan_gp"].presets["quick"].steps
    assert weights._command(settings | {"data": "mnist"}, steps) == command
    assert weights._command(settings, 2) == f"{command} --data emoji --steps 2"


@pytest.mark.parametrize("system", ["rbm", tiny.__file__])
def test_what_could_not_be_drawn_by_its_name_is_not_kept(system, place, tmp_path):
    train(system, preset="quick" if system == "rbm" else "default", data="emoji", steps=1, out=tmp_path / "run")
    with pytest.raises(TrainingError, match="cannot ship: it is no game of this package"):
        weights.keep(tmp_path / "run", {})
    assert weights.names() == []


@pytest.mark.parametrize("name", weights.names())
def test_what_ships_is_small_and_comes_from_the_default_preset(name):
    arrays, facts, path = weights.shipped(name)
    assert path.stat().st_size <= 2**20
    assert facts["settings"]["preset"] == "default" and facts["step"] == SYSTEMS[name].presets["default"].steps
    model = weights.shipped_model(name)
    assert arrays.keys() == arrays_of({part: model.parts()[part] for part in model.drawing_parts()}).keys()
    began = time.perf_counter()
    images = model.samples(64, np.random.default_rng(0))["samples"]
    assert images.shape[0] == 64 and images.std() > 0.3 and time.perf_counter() - began < 2
