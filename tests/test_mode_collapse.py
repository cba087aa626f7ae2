"""The demo of mode collapse, run as a user runs it, for three steps."""

import json
import runpy
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from places import DEMOS

from scratchgan.lab import command, parallel, plane

DEMO = DEMOS / "mode_collapse.py"


LINES = runpy.run_path(str(DEMO))


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
    assert set(grid) == set(roll) == {"real points", "untrained", "minimax", "non-saturating + R1"}
    assert grid["untrained"]["w1"]["mean"] > 1 and grid["untrained"]["quality"]["mean"] < 0.1
    assert [claim["claim"] for claim in found["claims"]] == [
        f"25 Gaussians, modes of {name}" for name in ("minimax", "non-saturating + R1")
    ]
    assert "nothing is judged: --steps 3, not 1500, --seeds 2, not 3" in done.stdout
    assert "Swiss roll: 3 steps, mean and deviation of --seed 7, 8\n" in done.stdout
    assert grid["real points"]["modes"]["mean"] == 25 and grid["real points"]["quality"]["mean"] > 0.97
    assert len(grid["minimax"]["w1"]["seeds"]) == 2 and "modes" not in roll["minimax"]
    for text in ("25 Gaussians", "Swiss roll", "non-saturating + R1", "real points"):
        assert text in done.stdout


def test_the_published_protocol_has_its_own_data_and_networks(tmp_path):
    done = demo("--protocol", "pacgan", "--steps", 1, "--seeds", 1, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "numbers.json").read_text())["numbers"]["sets"]
    assert {name: set(rows) for name, rows in found.items()} == {
        "PacGAN ring": {"real points", "untrained", "GAN", "WGAN-GP"},
        "PacGAN grid": {"real points", "untrained", "GAN", "WGAN-GP"},
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
    rows = LINES["summary"]([{"w1": 1.0}, {"diverged": 12}, {"w1": 3.0}])
    assert rows["w1"] == {"mean": 2, "deviation": 1, "seeds": [1, 3]}
    assert LINES["end_of"](rows) == "diverged at step 12" and LINES["end_of"]({}) == ""


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--data", "9"], "invalid choice"),
        (["--methods", "x"], "invalid choice"),
        (["--seeds", "0"], "must be at least 1"),
        (["--steps", "0"], "must be at least 1"),
        (["--processes", "0"], "must be at least 1"),
    ],
)
def test_a_bad_flag_is_answered_in_a_sentence(flags, message):
    done = demo(*flags)
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr


def summed(**columns):
    return {name.replace("_within", " within"): {"mean": mean, "deviation": 0.25} for name, mean in columns.items()}


def test_each_cell_of_the_table_has_its_number(capsys):
    row = LINES["summary"]([{"w1": 0.5, "modes": 7, "modes within 3 sigma": 6, "quality": 0.25, "reverse_kl": 0.75,
                             "seconds": 3.0}])  # fmt: skip
    LINES["print_table"](LINES["DATA"]["8"], {"minimax": row}, "words")
    header, cells = capsys.readouterr().out.splitlines()[-2:]
    assert header.split() == "modes 3-sigma modes quality reverse KL W1 seconds".split()
    means = [cell.split(" ±")[0] for cell in cells.removeprefix("  minimax").split("   ") if cell.strip()]
    assert [mean.strip() for mean in means] == ["7.0", "6.0", "25.0%", "0.75", "0.500", "3.0"]
    LINES["print_table"](LINES["DATA"]["grid"], {}, "words")
    published = capsys.readouterr().out.splitlines()[-1].split()
    assert published == "published: PacGAN2 23.8 91.3% 0.13".split()


def test_the_table_measures_what_its_columns_say():
    """Of samples that are the first three modes, each spread too far by half of its points."""
    data = LINES["DATA"]["8"]
    samples = np.repeat(data.centres[:3], 834, axis=0)[:2500].astype(np.float32)
    samples[::2] += np.float32(5 * data.sigma)
    found = LINES["measure"](samples, "8", 0)
    assert found["modes"] == 3 and found["modes within 3 sigma"] == 3 and found["quality"] == 0.5
    assert found["reverse_kl"] == pytest.approx(np.log(8 / 3), abs=0.01) and found["w1"] > 1


@pytest.mark.parametrize(
    "name, method, holds, breaks",
    [
        ("8 Gaussians", "minimax", 7, 7.1),
        ("8 Gaussians", "WGAN-GP", 8, 7.9),
        ("25 Gaussians", "least squares", 18, 18.1),
        ("25 Gaussians", "non-saturating + R1, R2", 20, 19.9),
    ],
)
def test_each_claim_breaks_just_beyond_its_bound(name, method, holds, breaks):
    def claim(modes):
        (found,) = LINES["claims"]({name: {method: summed(modes=modes), "untrained": summed(modes=2)}})
        return found

    assert claim(holds).holds and not claim(breaks).holds and claim(holds).anchors == {"untrained": 2}


def test_a_method_of_which_no_run_ended_is_no_success():
    (claim,) = LINES["claims"]({"8 Gaussians": {"WGAN-GP": {"diverged": {}}, "untrained": summed(modes=2)}})
    assert not claim.holds


def test_an_untrained_generator_is_one_of_the_seed():
    first, again, other = (LINES["untrained"]("r1", seed) for seed in (0, 0, 1))
    assert first.shape == (2500, 2) and (first == again).all() and (first != other).any()
    trained = plane.train(plane.RECIPES["r1"], LINES["DATA"]["8"], 1, 0, snapshots=(0,), points=2500)
    np.testing.assert_array_equal(first, trained.clouds[0])


@pytest.mark.parametrize(
    "flags, steps", [([], 1500), (["--preset", "quick"], 500), (["--preset", "long"], 10_000), (["--steps", "7"], 7),
                     (["--protocol", "pacgan"], 400_000)]
)  # fmt: skip
def test_presets_and_steps_are_obeyed(flags, steps, tmp_path, monkeypatch):
    asked = []

    def run_all(function, jobs, processes):
        asked.append((jobs, processes))
        raise OSError("enough")

    monkeypatch.setattr(parallel, "run_all", run_all)
    flags = [*flags, "--out", str(tmp_path), "--seeds", "2", "--processes", "3"]
    assert command.main("", "x", LINES["experiment"], LINES["add_flags"], argv=flags) == 1
    ((jobs, processes),) = asked
    assert processes == 3 and {job[2] for job in jobs} == {0, 1} and {job[3] for job in jobs} == {steps}


def test_captions_say_modes_and_distance():
    caption, data = LINES["caption"], LINES["DATA"]["8"]
    assert caption(data, summed(w1=0.734, modes=5.0)) == "5/8 modes\n$W_1$ = 0.73"
    assert caption(data, summed(w1=0.734, modes=5.25)) == "5.2/8 modes\n$W_1$ = 0.73"
    assert caption(data, summed(w1=0.734)) == "$W_1$ = 0.73" and caption(data, {}) == "no run ended"


def test_the_default_table_is_that_of_the_lecture_and_the_relativistic_methods_can_be_chosen():
    others = {"rpgan", "rpgan-r1", "rpgan-r1-r2"}
    assert LINES["PROTOCOLS"]["ours"]["methods"] == [name for name in plane.RECIPES if name not in others]
    assert len(LINES["PROTOCOLS"]["ours"]["methods"]) == 10 and others < LINES["RECIPES"].keys()
