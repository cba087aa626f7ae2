"""The demo of mode collapse, run as a user runs it, for three steps."""

import json
import runpy
import subprocess
import sys
from dataclasses import replace

import pytest
from PIL import Image
from places import DEMOS

from scratchgan.lab import parallel, plane

DEMO = DEMOS / "mode_collapse.py"


def demo(*flags, **options):
    return subprocess.run([sys.executable, DEMO, *map(str, flags)], capture_output=True, text=True, **options)


def test_it_leaves_a_table_and_a_picture(tmp_path):
    done = demo(
        "--steps", 3, "--seeds", 2, "--seed", 7, "--methods", "minimax", "r1", "--data", "25", "swiss", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    out = tmp_path / "runs" / "mode_collapse"
    assert {path.name for path in out.iterdir()} == {"mode_collapse.png", "mode_collapse.gif", "numbers.json"}
    with Image.open(out / "mode_collapse.gif") as animation:
        assert animation.n_frames == 3  # as many as there are steps
    assert Image.open(out / "mode_collapse.png").width > 600
    found = json.loads((out / "numbers.json").read_text())
    assert found["flags"]["seed"] == 7 and found["numbers"]["steps"] == 3 and found["numbers"]["seeds"] == [7, 8]
    grid, roll = (found["numbers"]["sets"][name] for name in ("25 Gaussians", "Swiss roll"))
    assert set(grid) == set(roll) == {"real points", "minimax", "non-saturating + R1"}
    assert grid["real points"]["modes"]["mean"] == 25 and grid["real points"]["quality"]["mean"] > 0.97
    assert len(grid["minimax"]["w1"]["seeds"]) == 2 and "modes" not in roll["minimax"]
    for text in ("25 Gaussians", "Swiss roll", "non-saturating + R1", "real points"):
        assert text in done.stdout


def test_the_published_protocol_has_its_own_data_and_networks(tmp_path):
    done = demo("--protocol", "pacgan", "--steps", 1, "--seeds", 1, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "numbers.json").read_text())["numbers"]["sets"]
    assert {name: set(rows) for name, rows in found.items()} == {
        "PacGAN ring": {"real points", "GAN", "WGAN-GP"},
        "PacGAN grid": {"real points", "GAN", "WGAN-GP"},
    }
    assert "published: PacGAN2" in done.stdout


def test_the_numbers_do_not_depend_on_the_number_of_processes(tmp_path):
    for processes in (1, 2):
        flags = ("--steps", 2, "--seeds", 2, "--methods", "wgan-gp", "--data", "8", "--processes", processes)
        assert demo(*flags, "--out", tmp_path / str(processes)).returncode == 0
    one, two = (json.loads((tmp_path / f"{n}" / "numbers.json").read_text())["numbers"]["sets"] for n in (1, 2))
    for rows in (one, two):
        rows["8 Gaussians"]["WGAN-GP"].pop("seconds")
    assert one == two


def test_a_run_that_diverges_is_a_row_of_the_table_and_the_others_go_on(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(plane.RECIPES, "broken", replace(plane.RECIPES["minimax"], name="broken", lr=1e30))
    monkeypatch.setattr(parallel, "run_all", lambda function, jobs, processes: [function(*job) for job in jobs])
    flags = "--steps 4 --seeds 2 --data 8 swiss --methods broken r1 --out".split()
    monkeypatch.setattr(sys, "argv", ["mode_collapse.py", *flags, str(tmp_path)])
    with pytest.raises(SystemExit) as exit:
        runpy.run_path(str(DEMO), run_name="__main__")
    assert exit.value.code == 0 and (tmp_path / "mode_collapse.png").exists()
    rows = json.loads((tmp_path / "numbers.json").read_text())["numbers"]["sets"]["8 Gaussians"]
    first, second = map(int, rows["broken"]["diverged"]["seeds"])
    assert set(rows["broken"]) == {"diverged"} and 1 <= first <= 4
    assert len(rows["non-saturating + R1"]["w1"]["seeds"]) == 2 and "diverged" not in rows["non-saturating + R1"]
    assert f"diverged at step {first}, {second}\n" in capsys.readouterr().out


def test_the_means_are_of_the_runs_that_did_not_diverge():
    demo = runpy.run_path(str(DEMO))
    rows = demo["summary"]([{"w1": 1.0}, {"diverged": 12}, {"w1": 3.0}])
    assert rows["w1"] == {"mean": 2, "deviation": 1, "seeds": [1, 3]}
    assert demo["end_of"](rows) == "diverged at step 12" and demo["end_of"]({}) == ""


@pytest.mark.parametrize(
    "flags, message", [(["--data", "9"], "invalid choice"), (["--methods", "x"], "invalid choice")]
)
def test_a_bad_flag_is_answered_in_a_sentence(flags, message):
    done = demo(*flags)
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr
