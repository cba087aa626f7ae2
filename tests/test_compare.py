"""The demos of several systems, run as a user runs them, for a step or two on a few hundred digits."""

import json
import runpy
import sys

import numpy as np
import pooch
import pytest
from PIL import Image
from places import DEMOS

from scratchgan.data.mnist import embedded_digits
from scratchgan.metrics import classifier


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """A folder with a small data set and its test set, and a judge whose classifier learns for a second."""
    folder, digits = tmp_path_factory.mktemp("digits"), embedded_digits()
    mixed = np.random.default_rng(0).permutation(len(digits.images))
    for prefix, chosen in (("train", mixed[:600]), ("t10k", mixed[600:900])):
        for name, array in (("images-idx3", digits.images[chosen, 0]), ("labels-idx1", digits.labels[chosen])):
            header = np.array([0x0800 + array.ndim, *array.shape], ">u4").tobytes()
            (folder / f"{prefix}-{name}-ubyte").write_bytes(header + array.astype(np.uint8).tobytes())
    quickly = classifier.train
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pooch, "os_cache", lambda project: folder / "cache")
        patch.setattr(classifier, "train", lambda images, labels, seed: quickly(images, labels, seed, 1, 40))
        yield folder


@pytest.fixture
def demo(digits, tmp_path, monkeypatch):
    """Run a demo in this process, which has everything imported; its status."""

    def run(name, *flags):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", [name, "--data", str(digits), *map(str, flags)])
        with pytest.raises(SystemExit) as done:
            runpy.run_path(str(DEMOS / name), run_name="__main__")
        return done.value.code

    return run


def test_the_comparison_trains_and_judges_each_system_once(demo, tmp_path, capsys):
    flags = ("--minutes", 1e-3, "--samples", 300, "--only", "GAN", "CGAN", "--out", tmp_path / "out")
    assert demo("compare.py", *flags) == 0
    table = capsys.readouterr().out
    rows = json.loads((tmp_path / "out" / "numbers.json").read_text())["numbers"]["systems"]
    assert set(rows) == {"GAN", "CGAN"} and "accuracy" in rows["CGAN"] and "accuracy" not in rows["GAN"]
    assert rows["GAN"]["weights"] == [550_416, 338_785]
    assert all(row["S"] > 0.1 and 0 <= row["recall"] <= 1 for row in rows.values())  # after a step: noise
    assert f"| GAN | {rows['GAN']['S']:.3f} | " in table
    assert Image.open(tmp_path / "out" / "compare.png").width > 600

    weights = tmp_path / "out" / "gan" / "checkpoint.npz"
    before = weights.stat().st_mtime_ns
    assert demo("compare.py", *flags) == 0  # what is there is not trained again
    again = json.loads((tmp_path / "out" / "numbers.json").read_text())["numbers"]["systems"]
    assert again == rows and weights.stat().st_mtime_ns == before

    assert demo("compare.py", *flags, "--seed", 1) == 1  # nor taken for another
    assert "has seed 0 and not 1: choose another --out" in capsys.readouterr().err
    assert demo("compare.py", *flags, "--samples", 200) == 1
    assert "has samples 300 and not 200: choose another --out" in capsys.readouterr().err


def test_each_system_has_as_many_steps_as_fit_into_the_minutes(demo, tmp_path):
    assert demo("compare.py", "--minutes", 2 / 5400, "--samples", 300, "--only", "GAN", "--out", tmp_path / "out") == 0
    config = json.loads((tmp_path / "out" / "gan" / "config.json").read_text())
    assert (config["steps"], config["lr_steps"]) == (2, 2)


def test_the_walk_takes_finished_runs_or_trains_its_own(demo, tmp_path, capsys):
    assert demo("latent.py", "--steps", 1, "--out", tmp_path / "first") == 0
    assert "slant grows" in capsys.readouterr().out
    runs = "--dcgan", tmp_path / "first" / "dcgan", "--cgan", tmp_path / "first" / "cgan"
    assert demo("latent.py", *runs, "--out", tmp_path / "second") == 0
    first, second = (tmp_path / name / "numbers.json" for name in ("first", "second"))
    assert json.loads(first.read_text())["numbers"] == json.loads(second.read_text())["numbers"]
    assert not (tmp_path / "second" / "dcgan").exists()
    assert Image.open(tmp_path / "second" / "latent.png").width > 600


def test_a_run_of_another_system_is_refused(demo, tmp_path, capsys):
    assert demo("compare.py", "--minutes", 0, "--samples", 300, "--only", "GAN", "--out", tmp_path / "out") == 0
    gan = tmp_path / "out" / "gan"
    assert demo("latent.py", "--dcgan", gan, "--cgan", gan, "--out", tmp_path / "walk") == 1
    assert "holds no run of scratchgan.models.dcgan" in capsys.readouterr().err
