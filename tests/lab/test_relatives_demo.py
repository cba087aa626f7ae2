"""The table of relatives and its picture, of numbers that are given."""

import importlib.util
import json
import re

import numpy as np
import pytest
from PIL import Image
from places import DEMOS

from scratchgan.data import Dataset
from scratchgan.data.mnist import embedded_digits
from scratchgan.lab import relatives

SPEC = importlib.util.spec_from_file_location("demo_relatives", DEMOS / "relatives.py")
DEMO = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(DEMO)

BESIDE = {"probe": 0.78, "nats": 204.0, "neighbours": 0.6, "S": 0.0, "S of bits": 0.02, "S halfway": 0.8}


def numbers(name):
    row = relatives.ROWS[name]
    return {
        "S": 0.25, "S halfway": row.halfway and 0.5, "nats": row.nats and 90.5, "probe": 0.9, "probe, untrained": 0.6,
        "neighbours": row.given and 0.1, "seconds": 0.1 if name == "gated_pixelcnn" else 0.001,
        "loss": row.loss and 1.25,
    }  # fmt: skip


STEPS = {name: 7 + (name == "made") for name in relatives.ROWS}
ROWS = {name: {"steps": STEPS[name]} | numbers(name) for name in relatives.ROWS}


@pytest.fixture
def done(monkeypatch, tmp_path):
    """Run the demo, with models that are names: what was trained, and the folder."""
    digits = embedded_digits()
    monkeypatch.setattr(DEMO, "find", lambda data, part: digits)
    seeds = []

    def done(*flags):
        trained = []
        monkeypatch.setattr(DEMO, "Judge", lambda data, classes: data)
        monkeypatch.setattr(DEMO.runs, "train", lambda name, folder, **options: trained.append((name, options)))
        monkeypatch.setattr(DEMO.runs, "found", lambda folder, systems: {"vae": folder / "a", "rbm": folder / "b"})
        monkeypatch.setattr(DEMO.runs, "models", lambda name, folder, data: (STEPS[name], name, folder))
        monkeypatch.setattr(
            DEMO.relatives, "measured",
            lambda row, model, *rest: (
                seeds.append(rest[-1].integers(1000)) or numbers(model),
                np.zeros((36, 1, 28, 28), np.float32),
            ),
        )  # fmt: skip
        monkeypatch.setattr(DEMO.relatives, "anchors", lambda *rest: BESIDE)
        argv = [*flags, "--out", str(tmp_path / "out")]
        status = DEMO.command.main("…", "relatives", DEMO.experiment, DEMO.add_flags, DEMO.FULL, argv=argv)
        assert status == 0
        return trained, tmp_path / "out"

    done.seeds = seeds
    return done


def test_what_is_not_there_is_trained_and_all_is_kept(done, tmp_path, capsys):
    trained, folder = done("--runs", str(tmp_path), "--preset", "default", "--seed", "3")
    assert [name for name, _ in trained] == [name for name in relatives.ROWS if name not in ("vae", "rbm")]
    assert all((options["preset"], options["seed"]) == ("default", 3) for _, options in trained)
    assert {path.name for path in folder.iterdir()} == {"relatives.png", "table.md", "numbers.json"}
    found = json.loads((folder / "numbers.json").read_text())
    assert done.seeds == [np.random.default_rng(3).integers(1000)] * len(ROWS)  # no row depends on those before
    assert found["numbers"]["rows"] == ROWS and found["numbers"]["anchors"] == BESIDE
    assert len(found["claims"]) == 5 and found["shortened"].startswith("--steps 7, not")
    assert (folder / "table.md").read_text() in capsys.readouterr().out


def test_a_run_whose_preset_has_another_likelihood_is_refused(done, tmp_path, monkeypatch, capsys):
    """Such as that of grey pixels, which is none: the table has no reason for an empty cell."""
    plain = numbers
    monkeypatch.setitem(globals(), "numbers", lambda name: plain(name) | ({"nats": None} if name == "vae" else {}))
    with pytest.raises(AssertionError):
        done("--runs", str(tmp_path))
    assert "has no bound, dynamic bits, as its preset of vae is another" in capsys.readouterr().err


def test_digits_are_grey_from_0_to_1_and_of_both_sets(monkeypatch):
    digits = embedded_digits()
    sets = {
        part: Dataset("x", digits.images[i::9], digits.labels[i::9], "") for i, part in enumerate(("train", "test"))
    }
    monkeypatch.setattr(DEMO, "find", lambda data, part: sets[part])
    monkeypatch.setattr(DEMO, "LABELLED", 50)
    monkeypatch.setattr(DEMO, "HELD_OUT", 30)
    found = DEMO.split("mnist")
    for (images, labels), part, count in ((found.train, "train", 50), (found.test, "test", 30)):
        np.testing.assert_allclose(images, sets[part].images[:count] / 255, rtol=1e-6)
        assert images.dtype == np.float32 and np.array_equal(labels, sets[part].labels[:count])


def test_without_runs_all_are_trained(done):
    assert len(done()[0]) == len(relatives.ROWS)


def test_every_cell_is_a_number_or_a_reason():
    lines = DEMO.table(ROWS, BESIDE).splitlines()
    assert len(lines) == len(ROWS) + 3 and {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {9}
    cells = {line.split(" | ")[0][2:]: line[:-2].split(" | ")[1:] for line in lines[2:]}
    assert cells["VAE, 7 steps"] == [
        "mean of the code: 90.0% (60.0%)", "90.5, bound, dynamic bits", "1", "0.250", "0.500", "0.100",
        "a bound; with more draws 1.2 nats tighter",
    ]  # fmt: skip
    assert cells["GAN, 7 steps"][1] == "none: x = G(z)" and cells["GAN, 7 steps"][5] == "z leaves nothing open"
    assert not [cell for row in list(cells.values())[:-1] for cell in row if not cell.strip()]


def test_the_claims_stand_beside_what_was_there_before():
    held = list(DEMO.claims(ROWS, BESIDE))
    assert all(claim.holds and claim.anchors for claim in held)
    assert held[0].anchors == {"untrained": 0.6, "pixels": 0.78} and held[4].anchors == {"untrained": 0.6}
    assert held[1].anchors == {"VAE, a bound": 90.5, "independent pixels": 204} and held[2].value == 100
    assert held[3].anchors == {"mean image": 0.6, "gated PixelCNN": 0.1}
    untrained = {name: row | {"probe": row["probe, untrained"]} for name, row in ROWS.items()}
    assert sum(not claim.holds for claim in DEMO.claims(untrained, BESIDE)) == 1


def test_the_picture_has_a_panel_of_samples_for_each_model(tmp_path):
    images = {name: np.full((36, 1, 28, 28), -1, np.float32) for name in ROWS}
    digits = relatives.Digits(*[(np.zeros((36, 1, 28, 28)), np.zeros(36))] * 2)
    sizes = []
    for name in ("all white", "one black"):
        DEMO.save_picture(tmp_path / "picture.png", images, ROWS, BESIDE, digits)
        with Image.open(tmp_path / "picture.png") as picture:
            sizes.append(np.asarray(picture.convert("L"), float).mean())
        images["gan"] = np.ones((36, 1, 28, 28), np.float32)
    assert sizes[1] < sizes[0] - 2, name
    assert DEMO.mosaic(np.arange(36.0)[:, None, None, None] + np.zeros((1, 1, 2, 2))).shape == (24, 24)
