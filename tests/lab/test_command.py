"""The command line of the experiments: what is judged, what is kept, and the exit status of each end."""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from scratchgan.lab.claims import Claim
from scratchgan.lab.command import at_least, main
from scratchgan.lab.parallel import HandedIn


def experiment(*claims, numbers=None):
    """One that leaves a file, and these claims."""

    def done(flags, folder):
        (folder / "picture.png").write_bytes(b"")
        return numbers or {}, list(claims)

    return done


def flags_of(parser):
    parser.add_argument("--steps", type=at_least(1), default=10)


def run(tmp_path, *claims, flags=(), **options):
    options = {"add_flags": flags_of, "full": {"steps": 10}} | options
    return main("What it is.", "test", experiment(*claims), argv=["--out", str(tmp_path / "out"), *flags], **options)


GOOD, BAD = Claim("good", 1.0, low=1, anchors={"untrained": 0.5}), Claim("bad", 1.0, high=0.5)


def test_a_claim_that_fails_is_the_exit_status(tmp_path, capsys):
    assert run(tmp_path, GOOD) == 0
    assert run(tmp_path, GOOD, BAD) == 1
    printed = capsys.readouterr().out
    assert "  pass  good: 1, asked ≥ 1 (untrained: 0.5)\n  FAIL  bad: 1, asked ≤ 0.5\n" in printed


def test_what_was_shortened_is_not_judged_and_says_so(tmp_path, capsys):
    assert run(tmp_path, BAD, flags=["--steps", "9"]) == 0
    printed = capsys.readouterr().out
    assert "shortened, so nothing is judged: --steps 9, not 10" in printed
    assert "FAIL" not in printed and "bad: 1, asked ≤ 0.5" in printed
    assert json.loads((tmp_path / "out" / "numbers.json").read_text())["shortened"] == "--steps 9, not 10"
    assert run(tmp_path, BAD, flags=["--steps", "11"]) == 1
    assert json.loads((tmp_path / "out" / "numbers.json").read_text())["shortened"] == ""


def test_the_numbers_the_flags_and_the_claims_are_kept(tmp_path, capsys):
    work = experiment(GOOD, numbers={"π": 3.14})
    assert main("", "test", work, flags_of, argv=["--out", str(tmp_path / "out"), "--seed", "7", "--steps", "3"]) == 0
    kept = json.loads((tmp_path / "out" / "numbers.json").read_text())
    assert kept["command"].endswith(f" --out {tmp_path / 'out'} --seed 7 --steps 3")
    assert kept["numbers"] == {"π": 3.14} and kept["claims"] == [GOOD.as_json()]
    assert kept["flags"] == {"out": str(tmp_path / "out"), "seed": 7, "steps": 3}
    assert f"results after 0 s: {tmp_path / 'out'}/  (numbers.json, picture.png)" in capsys.readouterr().out


def test_an_experiment_without_random_numbers_has_no_seed(tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        run(tmp_path, flags=["--seed", "1"], seeded=False)
    assert end.value.code == 2 and "unrecognized arguments: --seed 1" in capsys.readouterr().err


def test_without_a_folder_each_run_has_a_new_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert [main("", "test", experiment(), argv=[]) for _ in range(3)] == [0] * 3
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["test", "test-2", "test-3"]


def test_an_empty_folder_is_none(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main("", "test", experiment(), argv=["--out", ""]) == 1
    assert "error: a path is empty" in capsys.readouterr().err and list(tmp_path.iterdir()) == []


def test_the_folder_may_be_at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert main("", "test", experiment(), argv=["--out", "~/out"]) == 0 and (tmp_path / "out").is_dir()


def test_an_error_is_a_sentence_and_the_status_1(tmp_path, capsys):
    def full_disk(flags, folder):
        raise OSError(28, "No space left on device")

    assert main("", "test", full_disk, argv=["--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert "error: [Errno 28] No space left on device\n" in said and "to begin anew: python " in said


@pytest.mark.parametrize(
    "text, said",
    [("0", "0 must be at least 1"), ("-3", "-3 must be at least 1"), ("many", "invalid number value: 'many'")],
)
def test_a_number_that_cannot_be_is_refused(text, said, tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        run(tmp_path, flags=["--steps", text])
    assert end.value.code == 2 and said in capsys.readouterr().err


@pytest.mark.parametrize(
    "text, said", [("nan", "nan is not finite"), ("inf", "inf is not finite"), ("-0.5", "must be at least 0")]
)
def test_a_share_that_cannot_be_is_refused(text, said):
    assert at_least(0, float)("0.5") == 0.5
    with pytest.raises(argparse.ArgumentTypeError, match=said):
        at_least(0, float)(text)


def test_a_negative_seed_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        run(tmp_path, flags=["--seed", "-1"])
    assert end.value.code == 2 and "-1 must be at least 0" in capsys.readouterr().err


SLOW = """
import sys, time
from scratchgan.lab import command

def slow(flags, folder):
    (folder / "first.png").write_bytes(b"")
    time.sleep(60)

sys.exit(command.main("", "slow", slow, goes_on={goes_on}))
"""


@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("goes_on", [False, True])
def test_a_stop_says_what_is_kept_and_how_to_go_on(number, status, goes_on, tmp_path):
    (tmp_path / "slow.py").write_text(SLOW.format(goes_on=goes_on))
    command = [sys.executable, "slow.py", "--seed", "3"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=os.environ)
    end = time.monotonic() + 60
    while not (tmp_path / "runs" / "slow" / "first.png").exists():
        assert time.monotonic() < end and process.poll() is None
        time.sleep(0.02)
    process.send_signal(number)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == status and "Traceback" not in said
    again = "to go on: python slow.py --seed 3 --out runs/slow" if goes_on else "to begin anew: python slow.py --seed 3"
    assert f"runs/slow/ keeps first.png; {again}\n" in said


def several(monkeypatch, rank):
    """This process is one of two that mpirun has started."""
    own = SimpleNamespace(rank=rank, size=2, first=not rank, told=lambda path=None: path or "of the first")
    monkeypatch.setattr("scratchgan.lab.command.join", lambda: own)


def test_an_experiment_for_one_process_refuses_several(tmp_path, monkeypatch, capsys):
    several(monkeypatch, 0)
    assert run(tmp_path) == 1
    assert "test has work for one process only: start it without mpirun" in capsys.readouterr().err


def test_a_process_that_has_handed_in_its_part_writes_nothing(tmp_path, monkeypatch, capsys):
    def experiment(flags, folder):
        assert folder == "of the first"
        raise HandedIn

    several(monkeypatch, 1)
    monkeypatch.chdir(tmp_path)
    assert main("", "test", experiment, spreads=True, argv=[]) == 0
    assert list(tmp_path.iterdir()) == [] and capsys.readouterr().out == ""
