"""Each flag has its effect, a run goes on as itself, and whatever ends it, a sentence says what is kept."""

import errno
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tiny
from PIL import Image

import scratchgan
from scratchgan import checkpoint
from scratchgan.models import wgan_gp
from scratchgan.models.game import Game
from scratchgan.training import pictures
from scratchgan.training import run as running
from scratchgan.training.command import main
from scratchgan.training.folder import claimed

PROGRAM, CURVES = Path(tiny.__file__), pictures.save_curves
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(scratchgan.__file__).parent.parent)}  # the package that is tested


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return tiny.save_digits(tmp_path_factory.mktemp("data") / "with spaces")


@pytest.fixture
def train(digits, tmp_path, monkeypatch):
    """Run the command in this process; its status, and the folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(PROGRAM)])

    def run(*flags, out="out", data=digits, status=0):
        flags = [*flags, *(["--out", out] if out else []), *(["--data", data] if data else [])]
        monkeypatch.setattr(sys, "argv", [str(PROGRAM), *map(str, flags)])
        assert tiny.command() == status
        return tmp_path / out if out else None

    return run


@pytest.fixture(autouse=True)
def quickly(monkeypatch):
    """Without curves, which take longer than all the rest."""
    monkeypatch.setattr(running.pictures, "save_curves", lambda path, log, panels: path.write_bytes(log.read_bytes()))


@pytest.fixture
def stop_after(monkeypatch):
    """Let a signal come in a step."""

    def at(step, *numbers):
        advance = running.Run._advance

        def interrupted(run):
            if run.step + 1 == step:
                for number in numbers:
                    os.kill(os.getpid(), number)
            return advance(run)

        monkeypatch.setattr(running.Run, "_advance", interrupted)

    return at


def weights(folder):
    return {k: v.tobytes() for k, v in checkpoint.load(folder / "checkpoint.npz")[0].items()}


def facts(folder):
    return checkpoint.load(folder / "checkpoint.npz")[1]


def steps_logged(folder):
    return [line.split(",")[0] for line in (folder / "log.csv").read_text().splitlines()[1:]]


# Flags ---------------------------------------------------------------------------------------------------------------


def test_two_seeds_differ_and_one_repeats(train):
    one, again, other = (train("--seed", seed, out=out) for seed, out in ((3, "a"), (3, "b"), (4, "c")))
    assert tiny.files_of(one) == tiny.files_of(again)
    assert weights(one)["generator/0.weight"] != weights(other)["generator/0.weight"]
    assert (one / "frames" / "0000000.png").read_bytes() != (other / "frames" / "0000000.png").read_bytes()
    assert weights(train(out="d")) == weights(train("--seed", 0, out="e"))


def test_steps_and_preset_say_how_long(train):
    assert steps_logged(train(out="a")) == ["1", "2", "3", "4"]
    assert steps_logged(train("--preset", "short", out="b")) == ["1", "2"]
    assert steps_logged(train("--preset", "short", "--steps", 3, out="c")) == ["1", "2", "3"]
    frames = sorted(path.name for path in (train("--steps", 5, out="d") / "frames").iterdir())
    assert frames == ["0000000.png", "0000002.png", "0000004.png"]


def test_data_are_those_of_the_folder(train, tmp_path):
    other = tiny.save_digits(tmp_path / "other", 41)
    one, two = train(out="a"), train(out="b", data=other)
    assert weights(one)["generator/0.weight"] != weights(two)["generator/0.weight"]
    assert json.loads((two / "config.json").read_text())["data"] == str(other)


def test_data_and_out_may_begin_at_home(train, digits, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    shutil.copytree(digits, tmp_path / "digits")
    train(out="~/mine", data="~/digits")
    assert (tmp_path / "mine" / "samples.png").exists() and not (tmp_path / "~").exists()


def test_samples_are_as_many_as_asked_for(train):
    assert np.load(train("--samples", 7) / "samples.npy").shape == (7, 1, 28, 28)
    assert not (train(out="none") / "samples.npy").exists()


def test_the_device_is_asked_for_and_remembered(train, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr("scratchgan.training.start.device_module", asked.append)
    build = wgan_gp.build
    monkeypatch.setattr(
        wgan_gp, "build", lambda *args, **more: asked.append(args[1]) or build(args[0], "cpu", *args[2:], **more)
    )
    train("--device", "gpu")
    train("--resume", "--steps", 5)
    train("--resume", "--device", "cpu")
    assert asked == ["gpu"] * 4 + ["cpu"] * 2
    assert facts(Path("out"))["options"]["device"] == "cpu"


def test_the_default_folder_is_a_new_one_each_time(train, tmp_path, capsys):
    for _ in range(2):
        train(out=None)
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["tiny", "tiny-2"]
    train("--resume", "--steps", 5, out=None)  # the last one
    assert facts(tmp_path / "runs" / "tiny")["step"] == 4 and facts(tmp_path / "runs" / "tiny-2")["step"] == 5
    assert "resumed runs/tiny-2 at step 4" in capsys.readouterr().out


def test_config_says_what_was_asked_for(train):
    config = json.loads((train("--seed", 5, "--samples", 2, "--steps", 3) / "config.json").read_text())
    asked = {"seed": 5, "samples": 2, "steps": 3, "preset": "default", "device": "cpu", "batch_size": 8}
    assert asked.items() <= config.items() and {"source", "numpy", "python", "scratchgan"} <= config.keys()


# Going on ------------------------------------------------------------------------------------------------------------


def test_the_printed_command_goes_on_with_the_same_run_from_anywhere(train, stop_after, tmp_path, capsys, monkeypatch):
    flags = ("--seed", 3, "--samples", 6, "--steps", 5, "--preset", "short")
    monkeypatch.setattr(running.pictures, "save_curves", CURVES)
    straight = train(*flags, out="straight")
    stop_after(3, signal.SIGINT)
    stopped = train(*flags, out="a b's", status=130)
    monkeypatch.undo()
    (line,) = [
        line for line in capsys.readouterr().out.splitlines() if line.startswith("stopped at step 3; to go on: ")
    ]
    (tmp_path / "elsewhere").mkdir()
    words = shlex.split(line.partition("to go on: ")[2])
    done = subprocess.run(words, cwd=tmp_path / "elsewhere", capture_output=True, text=True, env=ENVIRONMENT)
    assert done.returncode == 0, done.stderr
    expected, found = tiny.files_of(straight), tiny.files_of(stopped)
    assert expected.keys() == found.keys()
    assert [name for name in expected if expected[name] != found[name]] == []


def test_what_a_run_began_with_is_found_from_anywhere(train, tmp_path, monkeypatch):
    tiny.save_digits(tmp_path / "digits")
    out = train(data="digits")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    train("--resume", "--steps", 5, out=out, data=None)
    assert facts(out)["step"] == 5


def test_samples_may_be_given_anew_and_none_stay_of_another_step(train):
    out = train("--samples", 7)
    assert len(np.load(train("--resume", "--steps", 5) / "samples.npy")) == 7
    assert len(np.load(train("--resume", "--samples", 3) / "samples.npy")) == 3
    train("--resume", "--samples", 0)
    assert not (out / "samples.npy").exists() and facts(out)["options"]["samples"] == 0


def test_a_run_meant_for_fewer_steps_than_it_has_is_finished(train):
    out = train()
    train("--resume", "--steps", 1)
    assert (facts(out)["step"], facts(out)["steps"]) == (4, 4)
    assert json.loads((out / "config.json").read_text())["steps"] == 4


@pytest.mark.parametrize("flag, value, message", [
    ("--seed", 1, "began with seed 0, so it cannot go on with 1"),
    ("--preset", "short", "began with preset 'default', so it cannot go on with 'short'"),
])  # fmt: skip
def test_what_shapes_a_run_cannot_change(flag, value, message, train, capsys):
    before = tiny.files_of(train())
    train("--resume", flag, value, status=1)
    assert message in capsys.readouterr().err and tiny.files_of(Path("out")) == before


def test_data_cannot_change(train, tmp_path, digits, capsys):
    data = tmp_path / "data"
    shutil.copytree(digits, data)
    train(data=data)
    train("--resume", data=tiny.save_digits(tmp_path / "other", 41), status=1)
    assert "began with data" in capsys.readouterr().err
    images = data / "train-images-idx3-ubyte"
    images.write_bytes(images.read_bytes()[:-1] + b"\1")
    train("--resume", data=None, status=1)
    assert "data_sha256 was" in capsys.readouterr().err


def test_a_run_of_another_system_is_refused(train, capsys):
    train("--preset", "short")
    assert main("", "wgan", argv=["--resume", "--out", "out"]) == 1
    assert f"began with system {str(PROGRAM)!r}, so it cannot go on with 'wgan'" in capsys.readouterr().err


@pytest.mark.parametrize("change", [
    {"settings": {"seed": 0}},
    {"settings": {"system": "gan", "preset": 3, "data": "mnist", "seed": 0}},
    {"settings": {"system": "gan", "preset": "default", "data": "mnist", "seed": -1}},
    {"options": {"samples": "many", "device": "cpu", "threads": 0, "system_at": "gan", "data_at": "mnist"}},
    {"options": {"samples": True, "device": "cpu", "threads": 0, "system_at": "gan", "data_at": "mnist"}},
    {"options": []},
    {"options": {"samples": 0, "device": "cpu", "threads": 0}},
    {"settings": {"system": "gan", "preset": "default", "data": "mnist", "seed": 0, "rates_fall_over": "x"}},
    {"step": -3},
    {"step": 10**9},
    {"step": 2.5},
    {"steps": 10**10},
    {"rng": None},
])  # fmt: skip
def test_a_checkpoint_of_something_else_is_refused(change, train, capsys):
    out = train()
    arrays, kept = checkpoint.load(out / "checkpoint.npz")
    checkpoint.save(out / "checkpoint.npz", arrays, **{k: v for k, v in {**kept, **change}.items() if k != "format"})
    before = tiny.files_of(out)
    train("--resume", status=1)
    assert "is not the checkpoint of a run: its '" in capsys.readouterr().err
    assert tiny.files_of(out) == before


def test_a_foreign_checkpoint_is_no_run(train, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    checkpoint.save(tmp_path / "out" / "checkpoint.npz", {"weights": np.ones(3)}, key="of a judge's classifier")
    train("--resume", status=1)
    assert "is not the checkpoint of a run" in capsys.readouterr().err


# Folders -------------------------------------------------------------------------------------------------------------


def test_a_run_is_never_overwritten(train, capsys):
    before = tiny.files_of(train())
    train("--seed", 1, status=1)
    assert "out holds a run already: add --resume to go on, or choose another --out" in capsys.readouterr().err
    assert tiny.files_of(Path("out")) == before


@pytest.mark.parametrize("left", ["log.csv", "frames/0000002.png", "samples.npy", "training.gif"])
def test_what_a_run_without_its_checkpoint_left_is_not_mixed_with_a_new_one(left, train, tmp_path, capsys):
    (tmp_path / "out" / "frames").mkdir(parents=True)
    (tmp_path / "out" / left).write_bytes(b"of before")
    train(status=1)
    assert f"out holds {left.split('/')[0]} of a run whose checkpoint is gone" in capsys.readouterr().err
    assert (tmp_path / "out" / left).read_bytes() == b"of before"


def test_an_empty_folder_and_one_with_other_files_will_do(train, tmp_path):
    (tmp_path / "out" / "frames").mkdir(parents=True)
    (tmp_path / "out" / "notes.txt").write_text("mine")
    (train() / "samples.png").stat()
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("flags", [(), ("--resume",)])
def test_a_folder_in_use_is_refused(flags, train, tmp_path, capsys):
    before = tiny.files_of(train()) if flags else {}
    with claimed(tmp_path / "out"):
        train(*flags, status=1)
    assert f"another run (process {os.getpid()}) works in {Path('out')}" in capsys.readouterr().err
    assert not flags or tiny.files_of(tmp_path / "out") == before


def test_a_run_that_fails_at_once_leaves_no_folder(train, tmp_path, capsys):
    train(data="nowhere", status=1)
    assert not (tmp_path / "out").exists()
    told = capsys.readouterr().err
    assert "nowhere is no folder" in told and "emoji" in told and "a folder of pictures" in told


def test_out_that_is_a_file_is_refused(train, tmp_path, capsys):
    (tmp_path / "out").write_text("mine")
    train(status=1)
    assert "out is a file: name a folder for the results with --out" in capsys.readouterr().err
    train("--resume", status=1)
    assert "there is no checkpoint in out" in capsys.readouterr().err
    train(out="out/within", status=1)
    assert (tmp_path / "out").read_text() == "mine" and "error: " in capsys.readouterr().err


def test_a_folder_that_is_gone_is_said(train, tmp_path, monkeypatch, capsys):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    train(status=1)
    train(out=None, status=1)
    assert capsys.readouterr().err.count("error: ") == 2


def test_fewer_images_than_a_batch_are_refused(train, tmp_path, capsys):
    train(data=tiny.save_digits(tmp_path / "few", 7), status=1)
    assert "few: 7 images do not fill a batch of 8" in capsys.readouterr().err


# Flags that cannot be ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flags, message", [
    (["--steps", "0"], "must be at least 1"),
    (["--steps", "1000000001"], "must be at most 1,000,000,000"),
    (["--steps", "-1"], "-1 is negative"),
    (["--samples", "-1"], "-1 is negative"),
    (["--seed", "-1"], "-1 is negative"),
    (["--seed", "1e3"], "'1e3' is no whole number"),
    (["--preset", "huge"], "invalid choice"),
])  # fmt: skip
def test_a_number_that_cannot_be_is_refused(flags, message, train, capsys):
    with pytest.raises(SystemExit):
        train(*flags)
    assert message in capsys.readouterr().err


def test_the_largest_numbers_will_do(train):
    assert facts(train("--seed", 2**200))["settings"]["seed"] == 2**200
    assert facts(train("--steps", 1, out="b"))["steps"] == 1


def test_more_samples_than_there_is_room_for_are_refused_before_training(train, capsys):
    train("--samples", 10**12, status=1)
    assert "1,000,000,000,000 samples are" in capsys.readouterr().err and not Path("out/log.csv").exists()


def test_room_is_counted_to_the_byte(train, monkeypatch, capsys):
    monkeypatch.setattr(running.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(0, 0, 5 * 784 * 4))
    train("--samples", 6, status=1)
    assert "6 samples are" in capsys.readouterr().err
    train("--samples", 5)
    monkeypatch.setattr(running, "_memory", lambda: 2 * 4 * 784 * 4)
    train("--samples", 5, out="b", status=1)
    assert "to make 5 samples takes" in capsys.readouterr().err
    train("--samples", 4, out="b")


# Ends ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_lets_the_step_be_finished_and_saves(number, train, stop_after, capsys):
    stop_after(3, number)
    out = train("--samples", 2, status=128 + number)
    said = capsys.readouterr()
    assert "stopped at step 3; to go on: " in said.out and "results: out/" in said.out
    assert facts(out)["step"] == 3 and steps_logged(out) == ["1", "2", "3"] and (out / "training.gif").exists()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_signal_stops_at_once_and_says_what_is_kept(train, stop_after, capsys, monkeypatch):
    stop_after(4, signal.SIGTERM, signal.SIGINT)
    out = train(status=130)
    error = capsys.readouterr().err
    assert "stopped at once\nkept: step 2 in out/checkpoint.npz; to go on: " in error and "Traceback" not in error
    assert facts(out)["step"] == 2
    monkeypatch.undo()
    assert steps_logged(train("--resume", out=out)) == ["1", "2", "3", "4"]


def test_a_stop_in_the_last_step_is_the_end(train, stop_after, capsys):
    stop_after(4, signal.SIGINT)
    assert facts(train())["step"] == 4
    assert "to go on" not in capsys.readouterr().out


def test_a_signal_while_results_are_written_says_what_is_kept(train, monkeypatch, capsys):
    monkeypatch.setattr(running.Run, "finish", lambda *args: os.kill(os.getpid(), signal.SIGTERM))
    train(status=143)
    assert "stopped at once\nkept: step 4 in out/checkpoint.npz; to go on: " in capsys.readouterr().err


def test_a_signal_that_was_ignored_stays_so(train, stop_after):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        stop_after(2, signal.SIGHUP)
        assert facts(train())["step"] == 4 and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("file", ["checkpoint.npz", "0000002.png", "samples.png", "training.gif", "config.json"])
def test_a_full_disk_keeps_what_was_saved(file, train, monkeypatch, capsys):
    """The second time a file is written, where that happens."""
    written, replace = [], os.replace

    def failing(source, target):
        written.append(Path(target).name)
        if Path(target).name == file and (file != "checkpoint.npz" or written.count(file) == 3):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(source, target)

    monkeypatch.setattr(os, "replace", failing)
    train(status=1)
    error = capsys.readouterr().err
    assert f"No space left on device: 'out/{'frames/' if file[0] == '0' else ''}{file}'" in error
    assert "Traceback" not in error and not list(Path("out").rglob("*.tmp"))
    if file == "config.json":
        assert "nothing is kept in out\n" in error
        return
    kept = {"checkpoint.npz": 2, "0000002.png": 0}.get(file, 4)
    assert f"kept: step {kept} in out/checkpoint.npz; to go on: " in error
    monkeypatch.setattr(os, "replace", replace)
    straight = train(out="straight")
    assert tiny.files_of(train("--resume")) == tiny.files_of(straight)


def test_a_disk_that_is_full_for_the_log(train, monkeypatch, capsys):
    sync, log = os.fsync, Path("out/log.csv")

    def full(handle):
        if log.exists() and os.path.samestat(os.fstat(handle), log.stat()):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(handle)

    monkeypatch.setattr("scratchgan.training.log.os.fsync", full)
    train(status=1)
    assert "No space left on device: 'out/log.csv'\nkept: step 0 in " in capsys.readouterr().err


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_a_disk_that_is_full_for_what_is_said_does_not_stop_training(digits, tmp_path):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, PROGRAM, "--data", digits, "--out", tmp_path / "out"],
            stdout=full, stderr=full, env=ENVIRONMENT,
        )  # fmt: skip
    assert done.returncode == 0 and facts(tmp_path / "out")["step"] == 4


def test_a_folder_that_is_removed_is_said(train, monkeypatch, capsys):
    advance = running.Run._advance
    monkeypatch.setattr(running.Run, "_advance", lambda run: shutil.rmtree(run.folder, True) or advance(run))
    train(status=1)
    error = capsys.readouterr().err
    assert "out was removed, or replaced by another folder" in error and "nothing is kept in out" in error


@pytest.mark.parametrize("steps", [3, 4])  # with a picture before the checkpoint, and without
def test_a_folder_that_another_run_has_made_anew_is_left_to_it(steps, train, monkeypatch, capsys):
    advance = running.Run._advance

    def replaced(run):
        if run.step == 2:
            shutil.rmtree(run.folder)
            run.folder.mkdir()
            (run.folder / ".lock").write_text("another's")
        return advance(run)

    monkeypatch.setattr(running.Run, "_advance", replaced)
    train("--steps", steps, status=1)
    assert tiny.files_of(Path("out")) == {".lock": b"another's"}


def test_too_little_memory_is_said(train, monkeypatch, capsys):
    make = running.Run.samples

    def samples(run, count):
        if count > 1:
            raise MemoryError
        return make(run, count)

    monkeypatch.setattr(running.Run, "samples", samples)
    train("--samples", 3, status=1)
    assert "error: not enough memory\nkept: step 4 in out/checkpoint.npz" in capsys.readouterr().err


def test_numbers_that_are_not_finite_are_said(train, monkeypatch, capsys):
    sound = Game.train_step
    monkeypatch.setattr(Game, "train_step", lambda *given: sound(*given) | {"wasserstein": float("nan")})
    train(status=1)
    assert "training broke down in step 1: wasserstein is nan" in capsys.readouterr().err


def start(*flags, **options):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": ENVIRONMENT} | options
    return subprocess.Popen([sys.executable, str(PROGRAM), *map(str, flags)], **pipes)


def wait_for(path, process):
    end = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < end and process.poll() is None, f"no {path}"
        time.sleep(0.01)


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_nobody_listening_does_not_stop_training(closed, digits, tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    process = start("--data", digits, "--out", tmp_path / "out", "--steps", 40, **{closed: writing})
    os.close(writing)
    said = "".join(text or "" for text in process.communicate(timeout=60))
    assert process.returncode == 0 and "Traceback" not in said and "Exception" not in said
    assert facts(tmp_path / "out")["step"] == 40


def test_two_runs_in_the_default_folder_have_two(digits, tmp_path):
    both = [start("--data", digits, cwd=tmp_path) for _ in range(2)]
    for process in both:
        assert process.communicate(timeout=60) and process.returncode == 0
    one, two = (tmp_path / "runs" / name for name in ("tiny", "tiny-2"))
    assert tiny.files_of(one) == tiny.files_of(two)


def test_a_run_that_was_killed_holds_its_folder_no_longer(digits, tmp_path):
    flags = ("--data", digits, "--out", tmp_path / "out")
    process = start(*flags, "--steps", 10**6)
    wait_for(tmp_path / "out" / "log.csv", process)
    process.kill()
    process.communicate()
    (tmp_path / "out" / "frames" / ".scratchgan-0.tmp").write_bytes(b"half")
    resumed = start(*flags, "--resume", "--steps", 1)
    _, error = resumed.communicate(timeout=60)
    assert resumed.returncode == 0, error
    assert not [path for path in (tmp_path / "out").rglob(".*")]


# The log and the frames ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", [
    lambda rows: rows[:-1],
    lambda rows: rows[:2] + rows[3:],
    lambda rows: [*rows[:-1], rows[-1][:-9] + b"\n"],
    lambda rows: [*rows[:-1], rows[-1].rstrip(b"\n")],
    lambda rows: [*rows[:-1], b"4,nan" + rows[-1][rows[-1].index(b",", 2):]],
    lambda rows: [b"epoch,loss\n", b"1,0.5\n"],
    lambda rows: [rows[0].replace(b"step", b"epoch"), *rows[1:]],
    lambda rows: rows[:1],
    lambda rows: [b"\x89PNG\r\n", *rows[1:]],
    lambda rows: [],
])  # fmt: skip
def test_a_log_that_is_not_the_runs_is_refused_and_can_be_done_without(damage, train, capsys):
    out = train()
    log = out / "log.csv"
    damaged = b"".join(damage(log.read_bytes().splitlines(keepends=True)))
    log.write_bytes(damaged)
    train("--resume", "--steps", 6, status=1)
    assert "log.csv is not the log of 4 steps: row" in capsys.readouterr().err and log.read_bytes() == damaged
    log.unlink()
    assert steps_logged(train("--resume", "--steps", 6)) == ["5", "6"]
    assert steps_logged(train("--resume", "--steps", 7)) == ["5", "6", "7"]


@pytest.mark.parametrize("steps", [4, 6])
def test_a_log_with_other_columns_is_refused(steps, train, capsys):
    out = train()
    (out / "log.csv").write_text("step,loss\n" + "".join(f"{step},0.5\n" for step in range(1, 5)))
    train("--resume", "--steps", steps, status=1)
    error = capsys.readouterr().err
    assert "log.csv has the columns ['step', 'loss']" in error or "log.csv is another run's: it has no column" in error


def test_a_finished_run_without_its_log_has_no_curves_but_all_the_rest(train):
    out = train()
    for name in ("log.csv", "samples.png"):
        (out / name).unlink()
    assert (train("--resume") / "samples.png").exists()


def test_frames_that_are_not_the_runs_are_not_shown(train):
    straight, out = train("--steps", 5, out="straight"), train("--steps", 2)
    frames = out / "frames"
    (frames / "foo.png").write_bytes(b"no picture")
    (frames / "0000100.png").write_bytes(b"no picture")
    shutil.copy(frames / "0000000.png", frames / "0000003.png")
    train("--resume", "--steps", 5)
    assert (out / "training.gif").read_bytes() == (straight / "training.gif").read_bytes()


def test_frames_that_are_damaged_are_left_out(train):
    out = train("--steps", 6)
    (out / "frames" / "0000000.png").write_bytes(b"no picture")
    Image.new("L", (9, 9)).save(out / "frames" / "0000002.png")
    (out / "frames" / "0000004.png").unlink()
    with Image.open(train("--resume", "--steps", 7) / "training.gif") as animation:
        assert animation.n_frames == 2  # of steps 6 and 7
    with Image.open(train("--resume", "--steps", 8) / "training.gif") as animation:
        assert animation.n_frames == 2  # of steps 6 and 8, which is shown as a frame, and then as the last picture
        animation.seek(1)
        assert animation.info["duration"] == 150 + 1500
