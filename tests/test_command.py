"""The command: `scratchgan list | train | sample | judge | check`, in any folder, for systems of one's own, too."""

import dataclasses
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import scratchgan
from scratchgan.__main__ import _samples, main
from scratchgan.models import SYSTEMS
from scratchgan.training import load_model, pictures, train

README = Path(scratchgan.__file__).parents[1] / "README.md"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder to work in; only the data that ship with the package are there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SCRATCHGAN_DATA", raising=False)
    return tmp_path


def quick(system, **options):
    """A run of two steps on the emoji, which need no network."""
    return train(system, preset="quick", data="emoji", steps=2, **options)


# list ----------------------------------------------------------------------------------------------------------------


def test_every_system_is_listed_with_what_it_teaches_its_weights_its_time_and_its_presets(capsys):
    assert main(["list"]) == 0
    head, *told = capsys.readouterr().out.splitlines()
    assert max(map(len, [head, *told])) <= 100
    entries = dict(zip(SYSTEMS, re.split(r"\n(?=\S)", "\n".join(told))))
    for name, system in SYSTEMS.items():
        words = " ".join(entries[name].split())
        assert words.startswith(f"{name} ") and f" {system.minutes} min {system.teaches}" in words
        assert [preset for preset in system.presets if preset not in ("quick", "default")] == (
            words.partition("presets: ")[2].split(", ") if "presets" in words else []
        )
    assert "330,922" in entries["wgan_gp"]


def test_what_is_too_long_for_a_line_of_the_list_goes_on_in_the_next(monkeypatch, capsys):
    gan = SYSTEMS["gan"]
    presets = {f"preset-{i}": gan.presets["quick"] for i in range(20)}
    monkeypatch.setitem(SYSTEMS, "gan", dataclasses.replace(gan, teaches="much " * 30, presets=presets))
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100 and " ".join(" ".join(lines).split()).count("much much") == 15
    assert all(f"preset-{i}" in "".join(lines) for i in range(20))


def test_every_system_has_a_quick_and_a_default_preset_and_a_name_of_its_file():
    for name, system in SYSTEMS.items():
        assert {"quick", "default"} <= set(system.presets) and system.name == name
        assert sys.modules[f"scratchgan.models.{name}"].SYSTEM is system
        assert system.presets["quick"].steps < system.presets["default"].steps


def test_without_a_word_or_with_another_one_the_words_are_named(capsys):
    for words in ([], ["frain"]):
        with pytest.raises(SystemExit) as stop:
            main(words)
        assert stop.value.code == 2 and "list" in (told := capsys.readouterr().err) or "COMMAND" in told


def test_its_help_is_there_at_once():
    """Nothing is imported for it that the commands need."""
    program = "import sys; from scratchgan.__main__ import main; sys.argv = ['', '-h']; main()"
    done = subprocess.run([sys.executable, "-X", "importtime", "-c", program], capture_output=True, text=True)
    assert all(f"\n    {word} " in done.stdout for word in ("list", "train", "sample", "judge", "check"))
    slow = "scratchgan.training", "scratchgan.models", "scratchgan.metrics", "matplotlib", "PIL", "pooch", "tqdm"
    assert [name for name in slow if f" {name}" in done.stderr] == []


@pytest.mark.parametrize("word, flag", [
    ("list", "-h"), ("train", "--preset"), ("sample", "--strip"), ("judge", "--picture"), ("check", "--order"),
])  # fmt: skip
def test_every_word_has_a_help(word, flag, capsys):
    with pytest.raises(SystemExit) as stop:
        main([word, "--help"])
    told = capsys.readouterr().out
    assert stop.value.code == 0 and f"scratchgan {word}" in told and flag in told


# train ---------------------------------------------------------------------------------------------------------------


def test_training_leaves_its_files_in_a_folder_named_after_the_system(folder, capsys):
    assert main(["train", "rbm", "--preset", "quick", "--data", "emoji", "--steps", "2", "--samples", "3"]) == 0
    names = {path.name for path in (folder / "runs" / "rbm").iterdir()}
    assert names >= {"samples.png", "samples.npy", "training.gif", "curves.png", "log.csv", "config.json"}
    assert "results: runs/rbm/" in capsys.readouterr().out


def test_the_function_gives_back_a_run_whose_model_goes_on_being_of_use(folder):
    run = quick("wgan_gp", out="here")
    assert run.step == 2 and run.stopped_by is None and run.folder == Path("here")
    images = run.model.images(run.model.latents(3, np.random.default_rng(0)))
    assert images.shape == (3, 1, 28, 28)
    again = load_model("here")
    np.testing.assert_array_equal(again.images(again.latents(3, np.random.default_rng(0))), images)


def test_a_resumed_run_is_told_nothing_again(folder):
    straight = quick("autoencoder", out="straight", seed=3)
    train("autoencoder", preset="quick", data="emoji", steps=1, out="stopped", seed=3)
    resumed = train(out="stopped", resume=True, steps=2)
    assert straight.checkpoint.read_bytes() == resumed.checkpoint.read_bytes()


def test_an_unknown_system_preset_or_file_is_named_with_what_there_is(folder, capsys):
    Path("empty.py").write_text("")
    for words, why in (
        (["dcgam"], "there is no system 'dcgam', did you mean dcgan?"),
        (["transformer"], "there is no system 'transformer'. These are known by name: "),
        (["nothing.py"], "nothing.py; if"),
        (["empty.py"], "has no SYSTEM"),
        (["gan", "--preset", "huge"], "gan has no preset 'huge': there are quick, default, mlp, course, paper"),
        ([], "which system"),
    ):
        assert main(["train", *words]) == 1
        assert why in capsys.readouterr().err
    assert not list(folder.rglob("checkpoint.npz"))


def own_system():
    """The example of the README."""
    (example,) = (code for code in re.findall(r"```python\n(.*?)```", README.read_text(), re.S) if "SYSTEM = " in code)
    return example


def test_the_example_of_a_system_of_ones_own_is_trained_resumed_and_sampled(folder):
    example = own_system()
    assert len(example.splitlines()) <= 40
    Path("my_gan.py").write_text(example)
    words = ["train", "my_gan.py", "--data", "emoji", "--out", "mine"]
    assert main([*words, "--steps", "2"]) == 0
    assert main(["train", "--resume", "--out", "mine", "--steps", "3"]) == 0
    assert main(["sample", "mine", "--out", "drawn.npy", "--count", "5"]) == 0
    assert np.load("drawn.npy").shape == (5, 1, 28, 28)


# sample --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run of a conditional GAN on folders of pictures, one of a GAN and one of an autoencoder."""
    there = tmp_path_factory.mktemp("runs")
    noise = np.random.default_rng(0)
    for label in range(10):
        (there / "pictures" / str(label)).mkdir(parents=True)
        for i in range(7):
            pixels = noise.integers(0, 256, (28, 28), dtype=np.uint8)
            Image.fromarray(pixels).save(there / "pictures" / str(label) / f"{i}.png")
    train("cgan", preset="quick", data=there / "pictures", steps=1, out=there / "cgan")
    for system in ("wgan_gp", "autoencoder"):
        train(system, preset="quick", data="emoji", steps=1, out=there / system)
    return there


def sampled(run, tmp_path, *words):
    path = tmp_path / "drawn.npy"
    assert main(["sample", str(run), "--out", str(path), *words]) == 0
    return np.load(path)


def test_samples_are_a_function_of_the_seed_and_as_many_as_asked_for(runs, tmp_path):
    first = sampled(runs / "wgan_gp", tmp_path, "--count", "7")
    assert first.shape == (7, 1, 28, 28) and first.dtype == np.float32
    np.testing.assert_array_equal(sampled(runs / "wgan_gp", tmp_path, "--count", "7"), first)
    assert (sampled(runs / "wgan_gp", tmp_path, "--count", "7", "--seed", "1") != first).any()


def test_weights_that_ship_are_drawn_by_the_name_of_their_system(folder, capsys):
    assert main(["sample", "cgan", "--label", "7", "--count", "6"]) == 0
    assert capsys.readouterr().out == "cgan.png\n" and Image.open("cgan.png").width > 28
    sampled("cgan", folder, "--label", "7", "--count", "6")
    assert main(["sample", "gan"]) == 1
    assert "no weights of gan ship with scratchgan" in capsys.readouterr().err


def test_a_run_of_that_name_comes_before_the_weights_that_ship(folder, capsys):
    (folder / "cgan").mkdir()
    assert main(["sample", "cgan"]) == 1
    assert "there is no checkpoint cgan/checkpoint.npz" in capsys.readouterr().err


def test_samples_of_one_class_differ_from_those_of_another(runs, tmp_path):
    zero, three, any_class = (
        sampled(runs / "cgan", tmp_path, "--count", "4", *words) for words in (["--label", "0"], ["--label", "3"], [])
    )
    assert (zero != three).any() and (zero != any_class).any()
    model = load_model(runs / "cgan")
    for label, images in ((0, zero), (3, three)):
        made = model.samples(4, np.random.default_rng(0), label=label)
        np.testing.assert_array_equal(made["samples"], images)
        assert made["labels"].tolist() == [label] * 4


def test_a_strip_leads_from_one_latent_to_another(runs, tmp_path):
    strip = sampled(runs / "wgan_gp", tmp_path, "--strip").reshape(6, 12, -1)
    steps = np.linalg.norm(np.diff(strip, axis=1), axis=2)
    assert steps.max() < np.linalg.norm(strip[:, 0] - strip[:, -1], axis=1).min()
    assert (sampled(runs / "wgan_gp", tmp_path, "--strip", "--seed", "1").reshape(strip.shape) != strip).any()
    assert sampled(runs / "cgan", tmp_path, "--strip").shape == (72, 1, 28, 28)


def test_without_a_name_there_is_a_picture_in_the_run(runs, capsys):
    assert main(["sample", str(runs / "wgan_gp")]) == 0
    path = Path(capsys.readouterr().out.strip())
    assert path == runs / "wgan_gp" / "drawn.png" and Image.open(path).size[0] > 200


@pytest.mark.parametrize("words, columns, count", [([], None, 64), (["--count", "7"], None, 7), (["--strip"], 12, 72)])
def test_a_picture_shows_the_samples_or_each_way_in_a_row(words, columns, count, runs, tmp_path):
    images = sampled(runs / "wgan_gp", tmp_path, *words)
    assert len(images) == count
    pictures.save_grid(tmp_path / "expected.png", images, columns)
    assert main(["sample", str(runs / "wgan_gp"), "--out", str(tmp_path / "drawn.png"), *words]) == 0
    drawn, expected = (np.asarray(Image.open(tmp_path / f"{name}.png")) for name in ("drawn", "expected"))
    np.testing.assert_array_equal(drawn, expected)


def test_capitals_name_an_array_too(runs, tmp_path):
    assert main(["sample", str(runs / "wgan_gp"), "--out", str(tmp_path / "drawn.NPY"), "--count", "2"]) == 0
    assert np.load(tmp_path / "drawn.NPY").shape == (2, 1, 28, 28)


def test_the_folder_of_what_is_drawn_is_made(runs, tmp_path):
    assert sampled(runs / "wgan_gp", tmp_path / "new" / "folder", "--count", "2").shape == (2, 1, 28, 28)
    assert sampled(runs / "wgan_gp", tmp_path / "another" / "folder", "--strip").shape == (72, 1, 28, 28)


@pytest.mark.parametrize(
    "words, why",
    [
        (["wgan_gp", "--label", "3"], "knows no classes"),
        (["wgan_gp", "--label", "0"], "knows no classes"),
        (["cgan", "--label", "10"], "label=10 is none of the 10 classes"),
        (["autoencoder"], "has no samples"),
        (["cgan", "--strip", "--label", "0"], "leave out --count and --label"),
        (["wgan_gp", "--strip", "--count", "3"], "leave out --count and --label"),
        (["wgan_gp", "--count", str(10**13)], "10,000,000,000,000 samples are"),
        (["autoencoder", "--strip"], "has no strip"),
        (["wgan_gp", "--out", "drawn.txt"], "name a picture.png or an array.npy"),
        (["nowhere"], "there is no checkpoint"),
    ],
)
def test_what_cannot_be_drawn_is_an_error_with_the_reason(runs, words, why, capsys):
    assert main(["sample", str(runs / words[0]), *words[1:]]) == 1
    told = capsys.readouterr().err
    assert why in told and told.startswith("error: ")


def test_a_run_is_judged_without_flags(tmp_path, capsys):
    for flags in (["--data", "emoji", "--seed", "3", str(tmp_path)], [str(tmp_path), "--data", "emoji", "--seed", "3"]):
        assert main(["judge", *flags]) == 1
        assert "is judged on the test set of its data: leave out --data, --seed\n" in capsys.readouterr().err


def test_the_judge_says_that_it_takes_runs_and_what_is_not_there(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["judge", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "NPY|RUN" in said and "; or the folder of a run" in said
    assert main(["judge", str(tmp_path / "nosuch")]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"error: there is neither a file nor a run {tmp_path / 'nosuch'}: name the samples.npy that")
    assert said.endswith("or the folder of a run\n")
    (tmp_path / "nothing.npy").symlink_to(tmp_path / "nosuch")
    assert main(["judge", str(tmp_path / "nothing.npy")]) == 1
    assert "nothing.npy cannot be read: No such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [["train", "gan", "--out", ""], ["sample", ""], ["sample", "cgan", "--out", ""], ["judge", ""]],
    ids=" ".join,
)
def test_an_empty_path_is_refused_by_all_commands(words, folder, capsys):
    try:
        status = main(words)
    except SystemExit as end:
        status = end.code
    assert status and " is empty: " in capsys.readouterr().err and list(folder.iterdir()) == []


def test_the_flag_of_threads_has_a_bound(capsys):
    with pytest.raises(SystemExit):
        main(["train", "gan", "--threads", str(10**9)])
    assert "--threads: must be at most 1,024" in capsys.readouterr().err


def test_a_model_of_no_classes_knows_none(tmp_path):
    """Such as an adversarial autoencoder, or a PixelGAN, whose samples take no label."""
    with pytest.raises(ValueError, match="SimpleNamespace knows no classes"):
        _samples(SimpleNamespace(classes=0), SimpleNamespace(label=3, count=None, seed=0), tmp_path)


def test_a_run_and_what_is_drawn_of_it_may_be_at_home(runs, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(runs))
    assert main(["sample", "~/wgan_gp", "--out", "~/drawn.PNG"]) == 0
    assert Path(capsys.readouterr().out.strip()) == runs / "drawn.PNG" and (runs / "drawn.PNG").stat().st_size


def test_nobody_listening_is_no_traceback(folder):
    """As with `scratchgan list | head -1`."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([sys.executable, "-m", "scratchgan", "list"], stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("module", ["scratchgan.training.command", "scratchgan.metrics.__main__"])
def test_ctrl_c_while_something_is_imported_is_no_traceback(module, monkeypatch, capsys):
    class Stop:
        def find_spec(self, name, path, target=None):
            if name == module:
                raise KeyboardInterrupt

    monkeypatch.setattr(sys, "meta_path", [Stop(), *sys.meta_path])
    monkeypatch.delitem(sys.modules, module, raising=False)
    parent, _, name = module.rpartition(".")
    monkeypatch.delattr(importlib.import_module(parent), name, raising=False)
    try:
        status = main(["judge" if "metrics" in module else "train", "nothing"])
    except KeyboardInterrupt:  # which would end the tests, too
        status = None
    assert status == 130 and "Traceback" not in capsys.readouterr().err


# From anywhere -------------------------------------------------------------------------------------------------------


def test_it_is_a_module_too(folder):
    done = subprocess.run([sys.executable, "-m", "scratchgan", "check", "relu"], capture_output=True, text=True)
    assert done.returncode == 0 and "relu" in done.stdout
