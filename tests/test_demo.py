"""The front door, run as a user runs it, on the digits that ship with the package."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from places import DEMOS

from scratchgan import threads
from scratchgan.data.mnist import embedded_digits
from scratchgan.training.command import main

DEMO = DEMOS / "wgan_gp_mnist.py"


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """A folder with 256 real digits as IDX files, so that no test asks the network."""
    folder, digits = tmp_path_factory.mktemp("digits"), embedded_digits()
    images, labels = digits.images[::19][:256], digits.labels[::19][:256].astype(np.uint8)
    header = np.array([2051, 256, 28, 28], ">u4").tobytes()
    (folder / "train-images-idx3-ubyte").write_bytes(header + images.tobytes())
    (folder / "train-labels-idx1-ubyte").write_bytes(np.array([2049, 256], ">u4").tobytes() + labels.tobytes())
    return folder


def demo(*flags, **options):
    return subprocess.run([sys.executable, DEMO, *map(str, flags)], capture_output=True, text=True, **options)


def test_it_leaves_all_its_files_and_says_where(digits, tmp_path):
    done = demo("--preset", "quick", "--data", digits, "--steps", 3, "--samples", 7, "--seed", 5, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("results: runs/wgan_gp_mnist/")
    out = tmp_path / "runs" / "wgan_gp_mnist"
    names = {path.name for path in out.iterdir()}
    pictures, numbers = {"samples.png", "training.gif", "curves.png", "frames"}, {"log.csv", "samples.npy"}
    assert names == pictures | numbers | {"config.json", "checkpoint.npz"}
    samples = np.load(out / "samples.npy", allow_pickle=False)
    assert samples.shape == (7, 1, 28, 28) and samples.dtype == np.float32 and np.abs(samples).max() <= 1
    config = json.loads((out / "config.json").read_text())
    assert config["seed"] == 5 and config["preset"] == "quick" and config["steps"] == 3
    assert len((out / "log.csv").read_text().splitlines()) == 4

    again = demo("--preset", "quick", "--data", digits, "--steps", 1, cwd=tmp_path)  # a new folder, nothing overwritten
    assert again.stdout.splitlines()[-1].startswith("results: runs/wgan_gp_mnist-2/")


@pytest.mark.parametrize("system", ["cgan", "acgan"])
def test_labels_that_no_image_has_are_refused(system, digits, tmp_path, capsys):
    letters = tmp_path / "letters"
    shutil.copytree(digits, letters)
    labels = letters / "train-labels-idx1-ubyte"
    labels.write_bytes(labels.read_bytes()[:-1] + bytes([25]))
    assert main("", system, argv=["--data", str(letters), "--out", str(tmp_path / "out")]) == 1
    told = capsys.readouterr().err
    assert "no image has the labels [" in told and ", 24]: 26 classes are needed here, 0 to 25" in told


def test_resume_takes_over_the_settings_and_refuses_others(digits, tmp_path):
    flags = ("--preset", "quick", "--data", digits, "--seed", 3)
    assert demo(*flags, "--steps", 4, "--out", tmp_path / "straight").returncode == 0
    assert demo(*flags, "--steps", 2, "--out", tmp_path / "run").returncode == 0
    refused = demo("--out", tmp_path / "run", "--resume", "--seed", 4)
    assert refused.returncode == 1 and "began with seed 3" in refused.stderr
    occupied = demo(*flags, "--out", tmp_path / "run")
    assert occupied.returncode == 1 and "holds a run already" in occupied.stderr
    resumed = demo("--out", tmp_path / "run", "--resume", "--steps", 4)
    assert resumed.returncode == 0, resumed.stderr
    for name in ("checkpoint.npz", "log.csv", "samples.png"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "straight" / name).read_bytes(), name


def start(*flags):
    command = [sys.executable, str(DEMO), "--preset", "quick", *map(str, flags)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(path, process, seconds=60):
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end and process.poll() is None, f"no {path}"
        time.sleep(0.02)


def test_the_number_of_threads_is_obeyed_and_changes_nothing(digits, tmp_path):
    def train(out, count, *flags):
        flags = ["--preset", "quick", "--out", str(tmp_path / out), "--threads", count, *flags]
        assert main("", "gan", argv=flags) == 0
        assert {library.get_num_threads() for library in threads._libraries} <= {int(count)}

    try:
        train("one", "1", "--data", str(digits), "--steps", "2")
        train("both", "2", "--data", str(digits), "--steps", "1")
        train("both", "1", "--resume", "--steps", "2")
    finally:
        threads.use()
    assert (tmp_path / "one" / "log.csv").read_bytes() == (tmp_path / "both" / "log.csv").read_bytes()
    one, both = (np.load(tmp_path / name / "checkpoint.npz") for name in ("one", "both"))
    assert one.files == both.files
    assert all(one[name].tobytes() == both[name].tobytes() for name in one.files if name.partition("/")[1])


def test_ctrl_c_saves_and_says_how_to_go_on(digits, tmp_path):
    process = start("--data", digits, "--out", tmp_path / "run")
    wait_for(tmp_path / "run" / "checkpoint.npz", process)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "; to go on: " in stdout and f"{DEMO.resolve()} --resume --out {tmp_path / 'run'}" in stdout
    assert demo("--resume", "--out", tmp_path / "run", "--steps", 1).returncode == 0  # loadable; nothing left to do


@pytest.mark.parametrize("module", ["numpy", "scratchgan.training.command"])
def test_ctrl_c_while_it_is_imported_is_no_traceback(module, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(f"""
import sys

class Stop:
    def find_spec(self, name, path, target=None):
        if name == {module!r}:
            raise KeyboardInterrupt

sys.meta_path.insert(0, Stop())
""")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = demo(cwd=tmp_path, env=os.environ | {"PYTHONPATH": path})
    assert done.returncode == 130 and done.stderr == "" and list(tmp_path.glob("runs")) == []


def test_kill_at_any_moment_leaves_a_good_checkpoint(digits, tmp_path):
    process = start("--data", digits, "--out", tmp_path / "run")
    wait_for(tmp_path / "run" / "checkpoint.npz", process)
    time.sleep(np.random.default_rng(os.getpid()).uniform(0, 2))
    process.kill()
    process.communicate()
    resumed = demo("--resume", "--out", tmp_path / "run", "--steps", 1)
    assert resumed.returncode == 0 and "resumed" in resumed.stdout, resumed.stderr


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--data", "nowhere"], "nowhere is no folder"),
        (["--resume", "--out", "nowhere"], "there is no checkpoint"),
        (["--resume"], "there is no run"),
        (["--steps", "0"], "must be at least 1"),
        (["--samples", "-1"], "is negative"),
        (["--preset", "huge"], "invalid choice"),
    ],
)
def test_a_bad_flag_is_answered_in_a_sentence(flags, message, tmp_path):
    done = demo(*flags, cwd=tmp_path)
    assert done.returncode != 0 and message in done.stderr and "Traceback" not in done.stderr


def test_a_folder_that_cannot_be_written_is_said_before_training(digits, tmp_path):
    (tmp_path / "file").write_text("in the way")
    done = demo("--data", digits, "--out", tmp_path / "file")
    assert done.returncode == 1 and str(tmp_path / "file") in done.stderr and "Traceback" not in done.stderr


def test_help_explains_every_flag():
    text = demo("--help").stdout
    for flag in ("--preset", "--data", "--out", "--steps", "--seed", "--device", "--resume", "--samples", "--threads"):
        assert flag in text
