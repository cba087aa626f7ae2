"""`train` and `load_model` from Python: what they take, a system of one's own that is wrong or moves, other threads."""

import dataclasses
import functools
import io
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tiny
from PIL import Image

from scratchgan import checkpoint
from scratchgan.data import DataError
from scratchgan.losses import R1
from scratchgan.models import Preset
from scratchgan.training import CheckpointError, TrainingError, load_model, systems, train
from scratchgan.training import run as running
from scratchgan.training.folder import FolderError

OWN = Path(tiny.__file__)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return tiny.save_digits(tmp_path_factory.mktemp("data") / "digits")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty folder to work in; no curves, which take longer than all the rest."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(running.pictures, "save_curves", lambda path, log, panels: None)
    return tmp_path


# What is given -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given, message", [
    ({"steps": 0}, "steps=0 must be a whole number, from 1 to 1,000,000,000"),
    ({"steps": 10**9 + 1}, "steps=1000000001 must be"),
    ({"steps": 2.0}, "steps=2.0 must be"),
    ({"seed": "a"}, "seed='a' must be a whole number, from 0 on"),
    ({"seed": True}, "seed=True must be"),
    ({"seed": -1}, "seed=-1 must be"),
    ({"samples": -1}, "samples=-1 must be"),
    ({"threads": -1}, "threads=-1 must be"),
    ({"threads": 10**9}, "threads=1000000000 must be a whole number, from 0 to 1,024"),
    ({"rates_fall_over": 0}, "rates_fall_over=0 must be a whole number, from 1 to"),
    ({"device": "tpu"}, "device='tpu' must be 'cpu' or 'gpu'"),
    ({"device": 0}, "device=0 must be a text"),
    ({"preset": 3}, "preset=3 must be a text"),
    ({"name": 3}, "name=3 must be a text"),
    ({"data": 3}, "data=3 must be a text or a path"),
    ({"out": 3}, "out=3 must be a text or a path"),
    ({"system": tiny.SYSTEM}, "name one of the package, or the path of the file with your SYSTEM in it"),
])  # fmt: skip
def test_what_cannot_be_is_refused_before_anything_is_made(given, message, digits, folder):
    with pytest.raises(TrainingError, match=message):
        train(**{"system": OWN, "data": digits, "out": "out"} | given)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("name", ["out", "data", "system"])
def test_an_empty_path_is_not_the_folder_one_is_in(name, digits, folder):
    with pytest.raises(FolderError, match=r"a path is empty: \. is the folder you are in"):
        train(**{"system": OWN, "data": digits, "out": "out"} | {name: ""})
    assert list(folder.iterdir()) == []


def test_numbers_of_numpy_are_numbers(digits):
    given = {"seed": np.uint8(3), "steps": np.int64(2), "samples": np.int32(2), "rates_fall_over": np.int64(8)}
    run = train(OWN, data=digits, out="out", **given)
    assert (run.step, run.settings["seed"], run.settings["rates_fall_over"]) == (2, 3, 8)
    assert json.loads((run.folder / "config.json").read_text())["samples"] == 2


def test_the_fall_of_the_rates_is_the_runs(digits):
    straight = train(OWN, data=digits, out="straight", steps=4, rates_fall_over=8)
    train(OWN, data=digits, out="out", steps=2, rates_fall_over=8)
    with pytest.raises(CheckpointError, match="began with rates_fall_over 8, so it cannot go on with 9"):
        train(out="out", resume=True, rates_fall_over=9)
    resumed = train(out="out", resume=True, steps=4)
    assert resumed.checkpoint.read_bytes() == straight.checkpoint.read_bytes()
    assert resumed.model.optimizers()[0].lr == pytest.approx(1e-2 * (1 - 3 / 8))
    train(OWN, data=digits, out="none", steps=2)  # this preset's rates stay
    assert train(out="none", resume=True, steps=4).settings["rates_fall_over"] is None


def test_a_thread_without_a_screen_trains_to_the_same_bit(digits, monkeypatch):
    """As notebooks and servers do."""
    straight = train(OWN, data=digits, out="straight")
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(train, OWN, data=digits, out="out").result(60)
    assert tiny.files_of(run.folder) == tiny.files_of(straight.folder) and run.stopped_by is None


def test_which_run_goes_on_must_be_said():
    for given in ({"resume": True}, {"out": "out"}, {}):
        with pytest.raises(TrainingError, match="which system.*or the folder of a run with --resume"):
            train(**given)


# A system of one's own -----------------------------------------------------------------------------------------------

HEAD = "from scratchgan.models import Preset, System\nfrom tiny import build, four\n"
ONES = 'SYSTEM = System("own", "", "", 1, {build}, {presets})\n'


def own(folder, text, name="my_gan.py"):
    (folder / name).write_text(text)
    return folder / name


@pytest.mark.parametrize("text, message", [
    ("\n1 / 0", "my_gan.py, line 2 cannot be run: ZeroDivisionError: division by zero"),
    ("import nowhere_at_all", "my_gan.py, line 1 cannot be run: ModuleNotFoundError: No module named"),
    ("def build(:", "my_gan.py cannot be run: SyntaxError: "),
    ("import sys\n\nsys.exit(3)", "my_gan.py, line 3 cannot be run: SystemExit: 3"),
    ("def half(x):\n    return x / 0\n\n\nhalf(1)", "my_gan.py, line 2 cannot be run: ZeroDivisionError"),
    ("SYSTEM = 3", "my_gan.py has no SYSTEM: add"),
    (HEAD + ONES.format(build="build", presets="[four]"), "the presets of a System are a dict"),
    (HEAD + ONES.format(build="build", presets="{'default': 4}"), "the presets of a System are a dict"),
    (HEAD + ONES.format(build="build", presets="{'short': four}"), "own has no preset 'default': there are short"),
    (
        HEAD + ONES.format(build="build", presets="{'default': Preset(4, options={'width': 3})}"),
        r"own: its preset calls build\(rng, device=…, width=…\), and build says: .*unexpected keyword argument 'width'",
    ),
    (HEAD + ONES.format(build="lambda rng: 3", presets="{'default': four}"), r"build\(rng, device=…\), and build says"),
    (
        HEAD + ONES.format(build="lambda rng, device: (1, 2)", presets="{'default': four}"),
        "build of own must return a Model, not a tuple",
    ),
    (
        HEAD + "def made(rng, device):\n    model = build(rng)\n    model.more = [model.critic]\n    return model\n"
        + ONES.format(build="made", presets="{'default': four}"),
        "build of own: WGANGP.more is or holds Sequential, which no checkpoint would save",
    ),
    (
        HEAD + "import numpy as np\nfrom scratchgan import nn\n\ndef made(rng, device):\n    model = build(rng)\n"
        "    model.more = nn.Sequential(nn.Dropout(rng=np.random.default_rng(1)))\n    return model\n"
        + ONES.format(build="made", presets="{'default': four}"),
        "build of own: Dropout.rng is a generator of its own, which no checkpoint would save: give it the rng",
    ),
])  # fmt: skip
def test_what_is_wrong_with_a_system_of_ones_own_is_said(text, message, folder, digits):
    with pytest.raises(TrainingError, match=message):
        train(own(folder, text), data=digits, out="out")
    assert not (folder / "out").exists()


@pytest.mark.parametrize("defaults, given, message", [
    ("rates=(1e-3, 1e-4)", "'rates': 1e-3", "own: rates=0.001 must be a tuple of numbers"),
    ("hidden=(500,)", "'hidden': (500, 'x')", "own: hidden=.* must be a tuple of numbers"),
    ("lr=1e-3", "'lr': '1e-3'", "own: lr='1e-3' must be a number"),
    ("steps=1", "'steps': (3,)", r"own: steps=\(3,\) must be a number"),
    ("lr=1e-3, wide=(3, 3), steps=1", "'lr': 1, 'wide': [4, 4, 4], 'steps': lambda i: 2", "must return a Model"),
])  # fmt: skip
def test_options_are_of_the_kind_of_their_defaults(defaults, given, message, folder, digits):
    build, presets = f"lambda rng, device, {defaults}: 3", f"{{'default': Preset(4, options={{{given}}})}}"
    with pytest.raises(TrainingError, match=message):
        train(own(folder, HEAD + ONES.format(build=build, presets=presets)), data=digits, out="out")


def test_a_system_may_have_a_name_of_a_library_dataclasses_and_a_view_of_one_array(folder, digits, capsys):
    text = "from __future__ import annotations\nfrom dataclasses import dataclass\n" + HEAD
    text += "@dataclass\nclass Width:\n    number: int = 3\n"
    view = "lambda data: data.sized(28, 1)"
    text += ONES.format(build="build", presets=f"{{'default': Preset(1, 1, 8, False, view={view})}}")
    run = train(own(folder, text, "numpy.py"), data=digits, out="out")
    assert run.step == 1 and sys.modules["numpy"] is np and "data: 40 images" in capsys.readouterr().out


def test_a_system_whose_file_has_moved_is_found_where_it_is_now(folder, digits):
    text = HEAD + ONES.format(build="build", presets="{'default': four}")
    train(own(folder, text), data=digits, out="straight")
    train(folder / "my_gan.py", data=digits, out="out", steps=2)
    (folder / "elsewhere").mkdir()
    moved = (folder / "my_gan.py").rename(folder / "elsewhere" / "my_gan.py")
    for attempt in (lambda: train(out="out", resume=True), lambda: load_model("out")):
        with pytest.raises(
            TrainingError,
            match="there is no file .*my_gan.py; if .* has moved, name it anew",
        ):
            attempt()
    with pytest.raises(CheckpointError, match="began with system .* so it cannot go on with 'gan'"):
        train("gan", out="out", resume=True)
    with pytest.raises(CheckpointError, match="so it cannot go on with .*other.py"):
        train(own(folder, text, "other.py"), out="out", resume=True)
    assert load_model("out", moved).latent_size == 3
    train(moved, out="out", resume=True, steps=3)
    assert train(out="out", resume=True, steps=4).step == 4  # it remembers
    weights = [checkpoint.load(Path(name) / "checkpoint.npz")[0] for name in ("straight", "out")]
    assert all(weights[0][name].tobytes() == array.tobytes() for name, array in weights[1].items())


def test_data_that_have_moved_are_found_where_they_are_now_if_they_are_the_same(folder):
    data, other = tiny.save_digits(folder / "digits"), tiny.save_digits(folder / "other", 41)
    train(OWN, data=data, out="out", steps=2)
    data = data.rename(folder / "moved")
    with pytest.raises(DataError, match="digits is no folder"):
        train(out="out", resume=True)
    with pytest.raises(CheckpointError, match="data_sha256 was"):
        train(out="out", resume=True, data=other)
    assert train(out="out", resume=True, data=data, steps=3).step == 3
    assert train(out="out", resume=True, steps=4).step == 4  # it remembers


# Models of runs ------------------------------------------------------------------------------------------------------


def same(model, other):
    images = [each.images(each.latents(5, np.random.default_rng(0))) for each in (model, other)]
    return (images[0] == images[1]).all()


def test_the_model_of_a_run_that_still_trains_is_that_of_its_last_checkpoint(digits, monkeypatch):
    """Drawn by another process, the folder claimed: nothing is in its way."""
    seen, advance = [], running.Run._advance

    def looking(run):
        if run.step == 3:
            seen.extend([load_model("out"), run.saved])
        return advance(run)

    monkeypatch.setattr(running.Run, "_advance", looking)
    run = train(OWN, data=digits, out="out")
    assert seen[1] == 2 and same(seen[0], train(OWN, data=digits, out="two", steps=2).model)
    assert same(load_model("out"), run.model) and not same(seen[0], run.model)


@pytest.mark.parametrize("damage, message", [
    (lambda data: data[: len(data) // 2], "is damaged or of another kind"),
    (lambda data: data.replace(b"generator/0", b"generator/9"), "does not fit this run"),
    (lambda data: b"", "is damaged or of another kind"),
])  # fmt: skip
def test_a_damaged_checkpoint_has_no_model(damage, message, digits, folder):
    path = train(OWN, data=digits, out="out").checkpoint
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(CheckpointError, match=message):
        load_model("out")


def test_a_folder_of_something_else_has_no_model(digits, folder):
    with pytest.raises(CheckpointError, match="there is no checkpoint"):
        load_model(folder)
    run = train(OWN, data=digits, out="out")
    arrays, facts = checkpoint.load(run.checkpoint)
    facts = {key: value for key, value in facts.items() if key != "format"}
    facts["settings"] |= {"preset": "quick", "options": {}}
    checkpoint.save(run.checkpoint, arrays, **facts | {"options": facts["options"] | {"system_at": "gan"}})
    with pytest.raises(CheckpointError, match="has changed since the run began: options {}, now"):
        load_model("out")
    gan = systems.SYSTEMS["gan"]
    facts["settings"] |= systems.identity(gan, gan.presets["quick"], "gan")
    checkpoint.save(run.checkpoint, arrays, **facts | {"options": facts["options"] | {"system_at": "gan"}})
    with pytest.raises(CheckpointError, match="does not fit this run: "):
        load_model("out")


def test_a_preset_that_has_changed_since_is_not_the_runs(folder, monkeypatch):
    train("autoencoder", preset="quick", data="emoji", steps=1, out="out")
    system = systems.SYSTEMS["autoencoder"]
    presets = {"quick": Preset(4, batch_size=128, options={"lr": 2e-3})}
    monkeypatch.setitem(systems.SYSTEMS, "autoencoder", dataclasses.replace(system, presets=presets))
    with pytest.raises(
        CheckpointError, match="autoencoder has changed since the run began: options .*'lr': 0.001.*'lr': 0.002"
    ):
        load_model("out")


def all_classes(folder):
    """Digits of ten classes."""
    digits = tiny.save_digits(folder / "digits")
    labels = digits / "train-labels-idx1-ubyte"
    labels.write_bytes(labels.read_bytes()[:8] + bytes(range(10)) * 4)
    return digits


def test_the_labels_that_are_saved_are_those_of_the_samples(folder, monkeypatch):
    """Seen by the generator itself: it paints a class in a grey of its own."""
    text = """
from functools import partial
from scratchgan import nn
from scratchgan.losses import LeastSquares
from scratchgan.models import Preset, System
from scratchgan.models.game import ConditionalGame
from scratchgan.data import views
from scratchgan.optim import SGD

class Painter(nn.Module):
    def __init__(self): self.ink = nn.Linear(10, 784, bias=False)
    def forward(self, z, y): return (self.ink(y) + 0 * z.sum(1, keepdim=True)).reshape(-1, 1, 28, 28)

class Critic(nn.Module):
    def __init__(self): self.score = nn.Linear(784, 1)
    def forward(self, x, y): return self.score(x.flatten(1))

def build(rng, device):
    game = ConditionalGame(Painter(), Critic(), 2, LeastSquares(), partial(SGD, lr=1e-9))
    game.generator.ink.weight.data = INKS
    return game

import numpy as np
INKS = np.tile(np.linspace(-0.9, 0.9, 10, dtype=np.float32), (784, 1))
SYSTEM = System("own", "", "", 1, build, {"default": Preset(1, 1, 8, view=views.labelled)})
"""
    run = train(own(folder, text), data=all_classes(folder), out="out", samples=600)
    samples, labels = (np.load(run.folder / f"{name}.npy") for name in ("samples", "labels"))
    assert labels.dtype == np.int64 and set(labels) == set(range(10))
    np.testing.assert_array_equal(np.rint((samples.mean((1, 2, 3)) + 0.9) / 0.2), labels)
    train(out="out", resume=True, samples=0)
    assert not (run.folder / "labels.npy").exists()


def of_three_classes(folder):
    """Noise in three folders, enough for a batch."""
    for i, pixels in enumerate(np.random.default_rng(0).integers(0, 256, (66, 28, 28), dtype=np.uint8)):
        path = folder / "pictures" / ("cat", "dog", "newt")[i % 3] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    return folder / "pictures"


def test_a_conditional_system_has_the_classes_of_the_data(folder, capsys):
    data = of_three_classes(folder)
    run = train("cgan", preset="quick", data=data, steps=1, out="out", samples=50)
    assert "classes: 0 cat, 1 dog, 2 newt" in capsys.readouterr().out
    assert json.loads((run.folder / "config.json").read_text())["class_names"] == ["cat", "dog", "newt"]
    assert run.picture().shape[:2] == (10, 3) and set(np.load(run.folder / "labels.npy")) == {0, 1, 2}
    assert load_model("out").classes == 3 and train(out="out", resume=True, steps=2).step == 2
    capsys.readouterr()
    train("wgan_gp", preset="quick", data=data, steps=1, out="unlabelled")
    assert "classes: " not in capsys.readouterr().out


def test_a_game_of_other_classes_than_the_data_is_refused(folder):
    data = of_three_classes(folder)
    text = "from scratchgan.models import Preset, System\nfrom scratchgan.models.cgan import build, views\n"
    text += "presets = {'default': Preset(1, view=views.labelled, options={'classes': 10})}\n"
    with pytest.raises(DataError, match="these are 3 classes, and ConditionalGame has 10: let build take classes"):
        train(own(folder, text + 'SYSTEM = System("own", "", "", 1, build, presets)'), data=data, out="out")


# What is recorded ----------------------------------------------------------------------------------------------------


def width(number):
    return number


def test_options_of_every_kind_are_recorded():
    options = {
        "rate": np.float32(0.5), "betas": (0.5, np.float64(0.9)), "penalty": R1(2.0), "networks": width,
        "optimizer": functools.partial(width, number=3), "plain": functools.partial(width), "none": None,
        "deep": [{1: np.arange(2)}],
    }  # fmt: skip
    assert json.loads(json.dumps(systems._described(options))) == {
        "rate": 0.5, "betas": [0.5, 0.9], "penalty": {"R1": systems._described(vars(R1(2.0)))}, "networks": "width",
        "optimizer": {"width": {"number": 3}}, "plain": "width", "none": None, "deep": [{"1": [0, 1]}],
    }  # fmt: skip
    assert systems._described(R1(2.0)) != systems._described(R1(3.0))


# A system that was edited --------------------------------------------------------------------------------------------


def test_a_run_does_not_go_on_with_a_file_that_was_edited(folder):
    """Be it a rate or a slope: it would go on as another run, without a word."""
    source = Path(tiny.__file__).read_text()
    Path("mine.py").write_text(source)
    train("mine.py", data="emoji", steps=1, out="run")
    Path("mine.py").write_text(source.replace("lr=1e-2", "lr=1e-1"))
    with pytest.raises(CheckpointError, match="system_sha256 was"):
        train(out="run", resume=True, steps=2)
    with pytest.raises(CheckpointError, match="mine.py has changed since the run began: system_sha256"):
        load_model("run")


def test_a_run_does_not_go_on_when_a_default_of_its_build_has_changed(folder, monkeypatch):
    train("autoencoder", preset="quick", data="emoji", steps=1, out="run")
    system = systems.SYSTEMS["autoencoder"]

    def build(rng, device="cpu", networks=None, lr=2e-3):
        return system.build(rng, device, networks, lr=lr)

    monkeypatch.setitem(systems.SYSTEMS, "autoencoder", dataclasses.replace(system, build=build))
    with pytest.raises(CheckpointError, match="options was"):
        train(out="run", resume=True, steps=2)
    with pytest.raises(CheckpointError, match="autoencoder has changed since the run began: options"):
        load_model("run")
