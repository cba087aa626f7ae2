"""Processes that mpirun starts, where there is MPI: pip install -e ".[test,mpi]". What needs none: test_ranks."""

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import mortal
import pytest
import ranked
import tiny
from ranked import MODELS
from together import together

import scratchgan
from scratchgan.ranks import LAUNCHERS

MPIRUN = shutil.which("mpirun", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
pytestmark = pytest.mark.skipif(
    not (MPIRUN and importlib.util.find_spec("mpi4py")), reason='needs MPI: pip install -e ".[mpi]"'
)
UNASKED = {name for pair in LAUNCHERS.items() for name in pair}
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in UNASKED} | {
    "PYTHONPATH": os.pathsep.join([str(Path(scratchgan.__file__).parent.parent), str(Path(tiny.__file__).parent)]),
    "OPENBLAS_NUM_THREADS": "1",
    "SCRATCHGAN_CHECK_RANKS": "1",
}
TRAIN = [sys.executable, "-m", "scratchgan", "train"]


def mpirun(count, *words, status=0, signalled=None, **environment):
    """Run a program with several processes; what it says and how it complains."""
    about = subprocess.run([MPIRUN, "--version"], capture_output=True, text=True, env=ENVIRONMENT).stdout
    flags = ["--allow-run-as-root", "--oversubscribe"] if "Open MPI" in about else []
    command, pipe = [MPIRUN, *flags, "-n", str(count), *map(str, words)], subprocess.PIPE
    process = subprocess.Popen(command, env=ENVIRONMENT | environment, text=True, stdout=pipe, stderr=pipe)
    if signalled:
        signalled(process)
    said, complained = process.communicate(timeout=300)  # a busy machine is slow
    assert process.returncode == status, said + complained
    return said, complained


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return tiny.save_digits(tmp_path_factory.mktemp("data") / "digits")


@pytest.fixture
def train(digits):
    def run(count, out, *flags, **options):
        return mpirun(count, *TRAIN, mortal.__file__, "--data", digits, "--out", out, *flags, **options)

    return run


def digests(count, folder, times):
    """What becomes of every system, trained by several processes, as often as said: {name: digests}."""
    mpirun(count, sys.executable, ranked.__file__, folder, times)
    found = [json.loads((folder / f"{rank}.json").read_text()) for rank in range(count)]
    assert all(each == found[0] for each in found) and found[0].keys() == ranked.MODELS.keys()
    return found[0]


def test_two_processes_do_to_every_system_what_two_threads_do_that_play_them(tmp_path):
    """To the last bit, as two addends have one sum."""
    played = together(2, lambda own: {name: [ranked.digest(ranked.trained(name, tmp_path, own))] for name in MODELS})
    assert played[0] == played[1] == digests(2, tmp_path, 1)


def test_three_processes_are_equal_and_do_the_same_each_time(tmp_path):
    assert all(once == again for once, again in digests(3, tmp_path, 2).values())


def test_who_is_killed_takes_all_along_and_the_run_goes_on_exactly(train, tmp_path):
    train(2, tmp_path / "straight", "--samples", 3)
    train(2, tmp_path / "cut", "--samples", 3, status=9, MORTAL="1 3 killed")
    assert not (tmp_path / "cut" / "samples.png").exists()
    said, _ = train(2, tmp_path / "cut", "--resume")
    assert "at step 2" in said
    straight, cut = (tiny.files_of(tmp_path / name) for name in ("straight", "cut"))
    assert straight.keys() == cut.keys() and straight["checkpoint.npz"] == cut["checkpoint.npz"]
    assert straight["log.csv"] == cut["log.csv"] and straight["samples.npy"] == cut["samples.npy"]


def test_an_error_of_one_process_is_said_once_and_ends_all(train, tmp_path):
    said, complained = train(2, tmp_path / "run", status=1, MORTAL="1 3 error")
    assert complained.count("error: rank 1 could not go on") == 1
    assert complained.count("kept: step 2") == 1 and "mpirun -n 2" in complained and "results" not in said


def test_an_error_of_all_processes_is_said_once(train, tmp_path):
    _, complained = train(3, tmp_path / "run", status=1)
    assert complained.count("error") == 1 and "a batch of 8 does not fall into 3 equal parts" in complained
    assert not (tmp_path / "run").exists()


def test_a_signal_to_mpirun_stops_all_and_keeps_the_run(train, tmp_path):
    def terminated(process):
        while not (tmp_path / "run" / "frames" / "0000004.png").exists():
            assert process.poll() is None
            time.sleep(0.01)
        process.terminate()

    said, _ = train(2, tmp_path / "run", "--steps", 10**6, status=128 + signal.SIGTERM, signalled=terminated)
    assert "stopped at step" in said and "to go on: mpirun -n 2" in said
    assert (tmp_path / "run" / "samples.png").exists()
