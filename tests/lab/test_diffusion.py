"""Diffusion-GAN on 25 Gaussians: what is played, what is measured, what is claimed, and the demo as a user runs it."""

import json
import runpy
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from places import DEMOS
from seeded import rng

from scratchgan import nn
from scratchgan.lab import diffusion
from scratchgan.lab.diffusion import CHAIN, DATA, Played, claims, measured, play

DEMO = DEMOS / "diffusion.py"
LINES = runpy.run_path(str(DEMO))


def test_both_players_have_two_hidden_layers_and_the_critic_hears_of_the_stage():
    generator, critic = diffusion.RECIPE.generator(rng()), diffusion.RECIPE.critic(rng()).network
    for network, inputs, outputs in ((generator, 2, 2), (critic, 3, 1)):
        sizes = [layer.weight.shape for layer in network if isinstance(layer, nn.Linear)]
        assert sizes == [(128, inputs), (128, 128), (outputs, 128)]
        assert [type(layer).__name__ for layer in network] == ["Linear", "LeakyReLU"] * 2 + ["Linear"]
        assert {layer.options["negative_slope"] for layer in network if isinstance(layer, nn.LeakyReLU)} == {0.2}


def test_a_run_keeps_what_each_step_told_and_is_a_function_of_its_seed():
    first, again, other = (play("Diffusion-GAN", seed, 9, (0, 4)) for seed in (0, 0, 1))
    assert list(first.clouds) == [0, 4, 9] and first.clouds[9].shape == (2500, 2)
    assert first.T.shape == first.sign.shape == (9,) and first.T[0] == CHAIN["timesteps"][0]
    assert -1 <= first.sign.min() < first.sign.max() <= 1
    np.testing.assert_array_equal(first.clouds[9], again.clouds[9])
    np.testing.assert_array_equal(first.sign, again.sign)
    assert (first.clouds[0] != other.clouds[0]).any() and (first.sign != other.sign).any()
    assert first.numbers == measured(first.clouds[9])


def test_both_begin_with_the_same_weights_and_only_one_is_diffused():
    plain, diffused = (play(name, 3, 2, (0,)) for name in ("plain GAN", "Diffusion-GAN"))
    np.testing.assert_array_equal(plain.clouds[0], diffused.clouds[0])
    assert (plain.clouds[2] != diffused.clouds[2]).any() and plain.T.tolist() == [0, 0] and diffused.T.all()


def test_points_that_are_spread_evenly_fill_the_square_of_the_modes():
    cloud, edge = diffusion.spread_evenly(0), np.abs(DATA.centres).max() + DATA.spacing / 2
    assert cloud.shape == (diffusion.POINTS, 2) and cloud.dtype == np.float32
    counts, *_ = np.histogram2d(*cloud.T, bins=5, range=[(-edge, edge)] * 2)
    assert counts.sum() == diffusion.POINTS and np.abs(counts - diffusion.POINTS / 25).max() < 40
    assert (cloud != diffusion.spread_evenly(1)).any()


def test_the_game_has_the_numbers_that_the_page_tells():
    """σ is 3, the law is the paper's, the target 0.2; and rates are high for both players."""
    assert CHAIN == {"timesteps": (5, 200), "sigma": 3.0, "law": "paper", "target": 0.2, "rise": 20_000}
    recipe = diffusion.RECIPE
    assert (recipe.lr, recipe.critic_lr, recipe.critic_steps) == (8e-3, 8e-3, 1)
    assert recipe.optimizer.keywords == {"betas": (0.5, 0.9)} and diffusion.CHAINS["plain GAN"]["timesteps"] == (0, 0)


def test_modes_with_a_fair_share_are_counted():
    cloud = DATA.centres.repeat(100, 0).astype(np.float32)
    assert measured(cloud) == pytest.approx({"modes": 25, "modes within 3 sigma": 25, "quality": 1, "reverse_kl": 0})
    cloud[: 2 * 100 - 19] = cloud[-100:] = DATA.centres[24] + 0.2  # the second mode keeps 19, and these are too far
    found = measured(cloud)
    assert found["modes"] == 22 and found["modes within 3 sigma"] == 23 and found["reverse_kl"] > 0.05
    assert found["quality"] == pytest.approx(1 - 281 / 2500)
    edge = DATA.centres.repeat(20, 0).astype(np.float32)
    for share, modes in ((0.249, 25), (0.251, 0)):
        assert measured(edge + np.float32([share * DATA.spacing, 0]))["modes"] == modes  # 20 points each


BESIDE = {"untrained": 6.0, "spread evenly": 12.0}


def played(modes, T=(5.0, 60.0, 40.0, 60.0), sign=(0.9, 0.0, 0.1, 0.3)):
    return Played({}, np.array(T), np.array(sign), {"modes": modes})


def claimed(*, plain=17.0, diffused=23.0, **options):
    other = played(diffused, **options)
    return list(claims({"plain GAN": [played(plain, sign=(0, 0, 1, 1))] * 2, "Diffusion-GAN": [other] * 2}, BESIDE))


def test_each_claim_breaks_just_beyond_its_bound():
    target = CHAIN["target"]
    for options, number, value in (
        ({"diffused": 22.9}, 0, 22.9),
        ({"plain": 18.1}, 1, 4.9),
        ({"T": (5, 60, 19, 20)}, 2, 19.5),
        ({"sign": (0, 0, target, target + 0.31)}, 3, 0.155),
    ):
        found = claimed(**options)
        assert [claim.holds for claim in found] == [i != number for i in range(4)]
        assert found[number].value == pytest.approx(value)
    good = claimed(sign=(1, 1, target - 0.1, target - 0.18))
    assert [claim.holds for claim in good] == [True] * 4 and good[3].value == pytest.approx(0.14)
    anchors = [claim.anchors for claim in good]
    assert anchors[:3] == [BESIDE, {"plain GAN": 17}, {"at first": 5}]
    assert anchors[3] == {"plain GAN": pytest.approx(1 - target)}


# The demo ------------------------------------------------------------------------------------------------------------


def demo(*flags, **options):
    return subprocess.run([sys.executable, DEMO, *map(str, flags)], capture_output=True, text=True, **options)


def test_it_leaves_a_table_and_a_picture(tmp_path):
    done = demo("--steps", 3, "--seeds", 2, "--seed", 7, "--processes", 1, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    out = tmp_path / "runs" / "diffusion"
    assert {path.name for path in out.iterdir()} == {"diffusion.png", "numbers.json"}
    assert Image.open(out / "diffusion.png").width > 900
    found = json.loads((out / "numbers.json").read_text())
    assert found["flags"]["seed"] == 7 and found["numbers"]["seeds"] == [7, 8] and len(found["claims"]) == 4
    rows = found["numbers"]["rows"]
    assert list(rows) == ["untrained", "spread evenly", "plain GAN", "Diffusion-GAN"]
    for name in rows:
        assert name in done.stdout and len(rows[name]["modes"]["seeds"]) == 2
    for i, seed in enumerate((7, 8)):
        for name in ("plain GAN", "Diffusion-GAN"):
            run = play(name, seed, 3, (0,))
            assert rows[name]["quality"]["seeds"][i] == run.numbers["quality"]
        assert rows["untrained"]["quality"]["seeds"][i] == measured(run.clouds[0])["quality"]
        evenly = measured(diffusion.spread_evenly(seed))
        assert [rows["spread evenly"][key]["seeds"][i] for key in evenly] == list(evenly.values())
    assert "25 Gaussians: 3 steps, mean of --seed 7, 8\n" in done.stdout
    beside = {name: rows[name]["modes"]["mean"] for name in ("untrained", "spread evenly")}
    assert found["claims"][0]["anchors"] == beside
    assert "nothing is judged: --steps 3, not 6000, --seeds 2, not 3" in done.stdout


def test_the_page_says_what_came_out():
    kept = json.loads((DEMOS / "pictures" / "diffusion.json").read_text(encoding="utf-8"))
    assert not kept["shortened"] and all(claim["holds"] for claim in kept["claims"])
    rows, page = kept["numbers"]["rows"], (DEMOS / "README.md").read_text(encoding="utf-8")
    passage = " ".join(page[page.index("`python demos/diffusion.py`") : page.index("(pictures/diffusion.png)")].split())
    plain, diffused = (rows[name]["modes"]["seeds"] for name in ("plain GAN", "Diffusion-GAN"))
    assert "{}, {} and {}, on three seeds".format(*plain) in passage
    assert "{}, {} and {} (three more".format(*diffused) in passage
    assert f"over the square would find {rows['spread evenly']['modes']['mean']:.0f}." in passage
    good, better = (rows[name]["quality"]["mean"] for name in ("Diffusion-GAN", "plain GAN"))
    assert f"{100 * good:.0f} % lie" in passage and f"the plain GAN's {100 * better:.0f} %" in passage


def test_each_cell_of_the_table_has_its_number(capsys):
    numbers = [{"modes": 7, "modes within 3 sigma": 6, "quality": 0.25, "reverse_kl": 0.75}] * 2
    numbers += [{"modes": 10, "modes within 3 sigma": 9, "quality": 0.55, "reverse_kl": 1.05}]
    row = LINES["summary"](numbers)
    assert row["modes"] == {"mean": 8, "seeds": [7, 7, 10]}
    LINES["print_table"]({"plain GAN": row}, "words")
    title, header, cells = capsys.readouterr().out.splitlines()[-3:]
    assert title == "25 Gaussians: words"
    assert header.split("  ")[-1].strip() == "modes of each seed"
    assert header.split()[:6] == "modes 3-sigma modes quality reverse KL".split()
    assert cells.split() == "plain GAN 8.0 7.0 35.0% 0.85 7, 7, 10".split()


def test_a_curve_is_the_mean_of_the_steps_before():
    curve = LINES["smooth"](np.arange(3.0, 103.0))
    assert curve[0] == 3 and curve[50] == 52.5 and len(curve) == 100
    np.testing.assert_array_equal(LINES["smooth"](np.array([3.0, 1.0])), [3, 1])


def test_the_picture_shows_the_samples_and_both_curves(tmp_path, monkeypatch):
    kept = []
    monkeypatch.setattr(LINES["style"], "save", lambda figure, path: kept.append(figure))
    runs = {name: [play(name, seed, 3) for seed in (0, 1)] for name in diffusion.CHAINS}
    LINES["draw"](tmp_path / "x.png", runs, 3)
    axes = {place.get_title(): place for place in kept[0].axes}
    for name, each in runs.items():
        (place,) = [place for title, place in axes.items() if title.startswith(f"{name}: ")]
        assert place.get_title() == f"{name}: {each[0].numbers['modes']} of 25 modes"
        real, made = (dots.get_offsets() for dots in place.collections)
        assert len(real) == 1000
        np.testing.assert_array_equal(made, each[0].clouds[3])
    for title, what in (("length of the diffusion", "T"), ("how sure D is of the reals", "sign")):
        drawn = [line.get_ydata() for line in axes[title].lines[:4]]
        expected = [getattr(run, what) for each in runs.values() for run in each]
        np.testing.assert_allclose(drawn, expected)
    assert axes["how sure D is of the reals"].lines[4].get_ydata()[0] == CHAIN["target"]


@pytest.mark.parametrize("flags", [["--seeds", "0"], ["--steps", "0"], ["--processes", "0"]])
def test_a_bad_flag_is_answered_in_a_sentence(flags):
    done = demo(*flags)
    assert done.returncode == 2 and "must be at least 1" in done.stderr and "Traceback" not in done.stderr
