"""`scratchgan judge RUN`: what a trained model does with images that it never saw."""

import dataclasses

import numpy as np
import pytest

from scratchgan.__main__ import main
from scratchgan.data import DataError, find, mnist
from scratchgan.data.checks import NoTestSetError
from scratchgan.models import SYSTEMS, Model
from scratchgan.training import TrainingError, held_out, load_model, train
from scratchgan.training.held_out import held_out_numbers, table


@pytest.fixture
def run(tmp_path):
    """A short run on the emoji, whose test set ships."""
    return train("autoencoder", preset="quick", data="emoji", steps=30, seed=3, out=tmp_path / "run")


def test_the_model_is_measured_on_the_test_set_and_beside_it_as_it_began(run):
    (grey,) = SYSTEMS["autoencoder"].presets["quick"].view(find("emoji", "test"))
    x = grey.astype(np.float32) / 255
    numbers = held_out_numbers(run.folder)
    error, at_first = numbers["mean squared error"]
    codes = run.model.encoder(run.model.tensor(x))
    assert error == pytest.approx(np.square(run.model.decoder(codes).numpy() - x).mean(), rel=1e-5)
    assert numbers["of their mean image"] == pytest.approx(2 * (np.square(x - x.mean(0)).mean(),), rel=1e-5)
    assert error < 0.9 * at_first


def test_where_mnist_is_missing_other_digits_than_those_of_training_are_measured(tmp_path, monkeypatch):
    monkeypatch.setenv("SCRATCHGAN_DATA", str(tmp_path))
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / "cache")
    monkeypatch.setitem(mnist.SETS, "mnist", dataclasses.replace(mnist.SETS["mnist"], mirrors=()))
    seen, run = [], train("autoencoder", preset="quick", steps=1, out=tmp_path / "run")
    monkeypatch.setattr(type(run.model), "measure", lambda self, examples, rng: seen.append(examples[0].numpy()) or {})
    assert held_out_numbers(run.folder) == {}
    measured = {np.rint(255 * image).astype(np.uint8).tobytes() for image in seen[0]}
    trained_on = {image.tobytes() for image in run.batches.arrays[0]}
    assert (len(measured), len(trained_on)) == (1000, 5000) and not measured & trained_on


def test_the_model_beside_it_is_the_one_that_the_run_began_with(tmp_path):
    train("autoencoder", preset="quick", data="emoji", steps=1, seed=3, out=tmp_path)
    now, at_first = held_out_numbers(tmp_path)["mean squared error"]
    assert now == pytest.approx(at_first, rel=0.05) and now != at_first
    other = train("autoencoder", preset="quick", data="emoji", steps=1, seed=4, out=tmp_path / "other")
    assert held_out_numbers(other.folder)["mean squared error"][1] != at_first


def test_a_preset_may_say_what_is_measured(run, monkeypatch):
    system = SYSTEMS["autoencoder"]

    def black(dataset):
        return (np.zeros((3, 1, 28, 28), np.uint8),)

    presets = {"quick": dataclasses.replace(system.presets["quick"], held_out=black)}
    monkeypatch.setitem(SYSTEMS, "autoencoder", dataclasses.replace(system, presets=presets))
    assert held_out_numbers(run.folder)["of their mean image"] == (0, 0)


def test_no_more_are_measured_than_a_thousand(run, monkeypatch):
    seen = []
    monkeypatch.setattr(held_out, "COUNT", 7)
    monkeypatch.setattr(
        type(run.model), "measure", lambda self, examples, rng: seen.append(len(examples[0])) or {"n": 7.0}
    )
    assert held_out_numbers(run.folder) == {"n": (7.0, 7.0)} and seen == [7, 7]


def test_two_domains_are_measured_each_for_itself(tmp_path, monkeypatch):
    train("cyclegan", preset="quick", data="emoji", steps=1, out=tmp_path)
    shapes, system = [], SYSTEMS["cyclegan"]

    def more_of_one(dataset):
        return tuple(np.zeros((count, 3, 28, 28), np.uint8) for count in (9, 5))

    presets = {"quick": dataclasses.replace(system.presets["quick"], view=more_of_one, held_out=None)}
    monkeypatch.setitem(SYSTEMS, "cyclegan", dataclasses.replace(system, presets=presets))
    model = type(load_model(tmp_path))
    monkeypatch.setattr(model, "measure", lambda self, x, rng: shapes.append([len(a) for a in x]) or {})
    assert held_out_numbers(tmp_path) == {} and shapes == [[9, 5]] * 2


def test_what_a_preset_holds_out_of_two_domains_belongs_together(tmp_path, monkeypatch):
    """Images with their hidden partners, and labels."""
    train("cyclegan", preset="quick", data="emoji", steps=1, out=tmp_path)
    seen, system = [], SYSTEMS["cyclegan"]

    def pairs(dataset):
        numbers = np.arange(9)
        images = np.zeros((9, 3, 28, 28), np.uint8) + numbers.astype(np.uint8)[:, None, None, None]
        return images, 255 - images, numbers

    presets = {"quick": dataclasses.replace(system.presets["quick"], held_out=pairs)}
    monkeypatch.setitem(SYSTEMS, "cyclegan", dataclasses.replace(system, presets=presets))
    monkeypatch.setattr(type(load_model(tmp_path)), "measure", lambda self, x, rng: seen.append(x) or {})
    assert held_out_numbers(tmp_path) == {} and len(seen) == 2
    x, y, numbers = seen[0]
    assert sorted(numbers) == list(range(9)) and not np.abs(x.data + y.data).max() > 1e-6
    np.testing.assert_allclose(x.data[:, 0, 0, 0], numbers / 127.5 - 1, atol=1e-6)


def test_what_has_no_test_set_or_nothing_to_measure_is_said(tmp_path, run, capsys):
    from PIL import Image

    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for i in range(128):
        Image.new("L", (8, 8), i).save(pictures / f"{i}.png")
    train("autoencoder", preset="quick", data=pictures, steps=1, out=tmp_path / "own")
    with pytest.raises(NoTestSetError, match="which has no test set"):
        held_out_numbers(tmp_path / "own")
    train("lsgan", preset="quick", data="emoji", steps=1, out=tmp_path / "lsgan")
    with pytest.raises(
        TrainingError, match="makes images from noise: judge its samples.npy, which --samples 5000 leaves, or those of `scratchgan sample"
    ):
        held_out_numbers(tmp_path / "lsgan")
    assert main(["judge", str(tmp_path / "lsgan")]) == 1
    assert "\nerror: Game makes images from noise" in capsys.readouterr().err


def test_what_does_not_fit_the_view_is_said_with_its_source(run, monkeypatch):
    def refuse(dataset):
        raise DataError("no outlines")

    system = SYSTEMS["autoencoder"]
    presets = {"quick": dataclasses.replace(system.presets["quick"], held_out=refuse)}
    monkeypatch.setitem(SYSTEMS, "autoencoder", dataclasses.replace(system, presets=presets))
    with pytest.raises(DataError, match="the emoji shipped with scratchgan: no outlines"):
        held_out_numbers(run.folder)


def test_the_command_prints_the_numbers_in_two_columns(run, capsys, monkeypatch):
    assert main(["judge", str(run.folder)]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split("  ")[0] == "on held-out images" and head.split()[-3:] == ["now", "at", "first"]
    assert len(lines) == 3 and lines[0].startswith("mean squared error ")
    monkeypatch.setenv("HOME", str(run.folder.parent))
    assert main(["judge", "~/run"]) == 0
    assert table({"a": (1.0, 0.123456)}).splitlines()[1].split() == ["a", "1", "0.1235"]


def test_a_model_says_what_it_measures_or_that_it_does_not():
    with pytest.raises(TypeError, match=r"Model measures nothing: it does not say measure\(held_out, rng\)"):
        Model().measure((), np.random.default_rng(0))
