"""The two demos about critics, as a user runs them, and their claims."""

import json
import runpy
import sys
from dataclasses import replace

import numpy as np
import pytest
from linears import linear, points
from places import DEMOS
from seeded import rng

from scratchgan.lab import probes


def run(name, folder, monkeypatch, *flags):
    """What the demo leaves, run as a user runs it, but in this process, so that it uses the package that is tested."""
    monkeypatch.setattr(sys, "argv", [name, "--out", str(folder), "--seed", "3", *flags])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(DEMOS / f"{name}.py"), run_name="__main__")
    assert end.value.code == 0
    assert {path.name for path in folder.iterdir()} == {f"{name}.png", "numbers.json"}
    assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    saved = json.loads((folder / "numbers.json").read_text())
    assert saved["flags"]["seed"] == 3
    return saved


def breaks(claims, which, value):
    """Whether the claim with this text would hold of another number."""
    (claim,) = (claim for claim in claims if which in claim.text)
    return not replace(claim, value=value).holds


def test_the_demo_of_vanishing_gradients(tmp_path, monkeypatch, capsys):
    saved = run("vanishing_gradient", tmp_path, monkeypatch, "--steps", "3")
    assert len(saved["numbers"]["runs"]) == 3 and len(saved["claims"]) == 3 + 3 * 3
    for seen in saved["numbers"]["runs"]:
        assert seen["step"] == [1, 2, 3]
        assert all(len(seen[name]) == 3 for name in ("minimax", "non-saturating", "wasserstein", "fooled"))
        assert np.less(seen["fooled"], 1).all()
    out = capsys.readouterr().out
    assert all(f"{claim['claim']}: " in out for claim in saved["claims"]) and "--steps 3, not 2000" in out
    again = run("vanishing_gradient", tmp_path, monkeypatch, "--steps", "3")
    assert again["numbers"] == saved["numbers"]


@pytest.fixture(scope="module")
def vanishing():
    return runpy.run_path(str(DEMOS / "vanishing_gradient.py"))


def claims_of(vanishing, seen):
    """Of critics of the line that nothing has trained, and of one run in the plane."""
    line = vanishing["line_critics"](rng())
    return vanishing["claims"](line, line, [{name: np.array(values) for name, values in seen.items()}], rng())


def test_what_vanishes_is_told_from_what_stays(vanishing):
    """Of a run that is written down: σ(D) and the saturating gradient fall by 10⁴, the others stay."""
    seen = {"step": [1, 10, 100], "fooled": [0.5, 5e-3, 5e-5], "minimax": [1.0, 1e-2, 1e-4]}
    seen |= {"non-saturating": [1.0, 0.5, 2.0], "wasserstein": [9.0, 1.0, 0.6]}
    claims = list(claims_of(vanishing, seen))
    ratio, fall, steady = claims[3:]
    assert (ratio.value, fall.value, steady.value) == pytest.approx((50, 4, 0.6))
    assert ratio.anchors == {"after one step": 1}
    assert fall.anchors == pytest.approx({"non-saturating": np.log10(1.0), "Wasserstein, penalty": np.log10(15)})
    assert steady.anchors == pytest.approx({"saturating": 1e-2})
    assert all(claim.holds for claim in claims[3:])
    for which, just_beyond in (("saturating where", 19.9), ("orders of", 2.99), ("least / largest", 0.499)):
        assert breaks(claims, which, just_beyond)
    for which, just_beyond in (("largest error", 0.051), ("mean error", 0.101), ("gap", 0.99), ("gap", 1.31)):
        assert breaks(claims, which, just_beyond)


def test_a_discriminator_that_is_never_sure_shows_nothing(vanishing):
    seen = {
        "step": [1, 2],
        "fooled": [0.5, 0.4],
        "minimax": [1.0, 1e-4],
        "non-saturating": [1, 1],
        "wasserstein": [1, 1],
    }
    claims = claims_of(vanishing, seen)
    assert [claim.holds for claim in claims if "where σ(D)" in claim.text] == [False]


def test_on_the_line_the_best_critics_have_no_error(vanishing):
    """D*(x) = 4 x is a line, and so is the critic of slope 1."""
    found = vanishing["on_line"](linear([[4.0]]), linear([[1.0]]), vanishing["LINE"].sample(4000, rng()))
    error, off, ratio = found.values()
    x = vanishing["X"][np.abs(vanishing["X"]) < 4.05]
    steeper = vanishing["LINE"].slopes(x)["wasserstein"] - 1  # by what the penalty allows
    assert error < 1e-5 and ratio == pytest.approx(1) and off == pytest.approx(steeper.mean())


def test_the_demo_of_lipschitz_critics(tmp_path, monkeypatch, capsys):
    saved = run("lipschitz", tmp_path, monkeypatch, "--steps", "2", "--deep-steps", "2", "--points", "50")
    numbers = saved["numbers"]
    assert numbers["planes"].keys() == {"8 Gaussians", "25 Gaussians", "Swiss roll"}
    for plane in numbers["planes"].values():
        assert plane.keys() == {"clipped", "penalised", "untrained", "W1"}
        assert plane["untrained"]["clipped"]["wall"] > 0.9  # clipping does it, and not training
    for layers in numbers["layers"].values():
        assert {len(norms) for norms in layers.values()} == {13} and len(layers) == 4
    out = capsys.readouterr().out
    assert all(f"{claim['claim']}: " in out for claim in saved["claims"]) and len(saved["claims"]) == 3 * 7 + 2
    assert "--steps 2, not 2500, --deep-steps 2, not 300, --points 50, not 1000" in out


@pytest.fixture(scope="module")
def lipschitz():
    return runpy.run_path(str(DEMOS / "lipschitz.py"))


def measured(**numbers):
    names = ("gap / W1", "slope", "steep", "steepest", "cone", "wall")
    return dict.fromkeys(names, 1.0) | {name.replace("_", " / "): value for name, value in numbers.items()}


def test_each_claim_of_the_planes_reads_its_number_and_breaks_beyond_its_bound(lipschitz):
    fresh = {"clipped": measured(cone=0.71, wall=0.96), "penalised": measured(slope=0.96, steep=0.2, wall=0.001)}
    plane = {
        "clipped": measured(cone=0.9, wall=0.6, gap_W1=0.1, steepest=0.2),
        "penalised": measured(slope=1.1, steep=0.04, gap_W1=0.8, steepest=1.6, wall=0.02),
        "untrained": fresh,
        "W1": 3.0,
    }
    layers = {0.1: [1, 100], 0.01: [1, 1e6], 0.001: [1, 1e9], "penalty": [1, 10]}
    claims = list(lipschitz["claims"]({"plane": plane}, {"trained": layers, "untrained": layers}))
    assert [round(claim.value, 6) for claim in claims] == [1.1, 0.04, 0.8, 0.9, 0.6, 0.02, 1.0, 6.0, 1.0]
    assert [claim.anchors["untrained"] for claim in claims] == [0.96, 0.2, 1, 0.71, 0.96, 0.001, 1, 6, 1]
    beyond = [("mean slope", 0.79), ("mean slope", 1.21), ("above 1.5", 0.051), ("gap /", 0.74), ("gap /", 1.26)]
    beyond += [("cone", 0.79), ("at the wall", 0.49), ("near the largest", 0.051), ("found at slope 1", 0.99)]
    for which, value in [*beyond, ("12 layers, clipped", 2.99), ("12 layers, penalised", 2.01)]:
        assert breaks(claims, which, value), which
    assert all(claim.holds for claim in claims)


def test_what_is_measured_of_a_critic_is_measured_of_it(lipschitz):
    """Of D(x) = 3 x₁ + 4 x₂, whose slope is 5 everywhere."""
    found = lipschitz["measure"](linear([[3, 4]]), 4.0, (points(50), points(50, seed=1) + 1), 2.0, rng())
    gap = probes.critic_gap(linear([[3, 4]]), points(50), points(50, seed=1) + 1)
    assert found == pytest.approx(
        {"gap / W1": gap / 2, "slope": 5, "steep": 1, "steepest": 5, "cone": 1, "wall": 0.5}, rel=1e-5
    )


def test_untrained_critics_are_clipped_to_their_boxes_and_the_penalised_one_is_not(lipschitz):
    fresh = lipschitz["untrained"](3, [0.1], rng())
    assert np.abs(probes.weights_of(fresh[0.1])).max() == np.float32(0.1)
    assert np.abs(probes.weights_of(fresh["penalty"])).max() > 0.2
