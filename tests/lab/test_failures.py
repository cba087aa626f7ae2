"""Failures made on purpose: each game differs in what is said, and its telling number is what it is called."""

import inspect
import json
import runpy
import sys

import numpy as np
import pytest
from PIL import Image
from places import DEMOS
from seeded import rng

from scratchgan import nn
from scratchgan.lab import failures, parallel, style
from scratchgan.lab.failures import DATA, EVERY, FAILURES, FEW, Few, HandsOn, Labelled, Pairs, Watched, play
from scratchgan.models import SYSTEMS
from scratchgan.tensor import Tensor


class Fixed(Watched):
    """A game whose generator makes these points."""

    def __init__(self, points, critic=None):
        self.made, self.critic = np.asarray(points, np.float32), critic

    def points(self, rng):
        return self.made


def line(slope):
    critic = nn.Linear(2, 1, bias=False)
    critic.weight.data = np.array([[slope, 0.0]], np.float32)
    return critic


# Numbers -------------------------------------------------------------------------------------------------------------


def test_modes_are_found_by_a_fifth_of_their_share():
    shares = np.repeat(DATA.centres, [100, 60, 60, 60, 60, 60, 100 - 12, 12], axis=0)
    assert failures.modes(Fixed(shares), rng()) == 7
    assert failures.modes(Fixed(np.repeat(DATA.centres, [100, 60, 60, 60, 60, 60, 100 - 13, 13], axis=0)), rng()) == 8


def test_a_sample_finds_a_mode_within_a_quarter_of_their_distance():
    for share, found in ((0.2, 8), (0.3, 0)):
        points = DATA.centres * (1 + share * DATA.spacing / np.linalg.norm(DATA.centres[0]))
        assert failures.modes(Fixed(np.repeat(points, 60, axis=0)), rng()) == found


def test_what_g_is_given_is_the_mean_probability():
    points = [[np.log(3), 0], [-np.log(3), 5]]
    assert failures.believed(Fixed(points, line(1.0)), rng()) == pytest.approx(0.5)
    assert failures.believed(Fixed(points[:1], line(1.0)), rng()) == pytest.approx(0.75)


def test_the_slope_is_the_critics():
    assert failures.slope(Fixed(DATA.sample(500, rng()), line(-3.0)), rng()) == pytest.approx(3, rel=1e-4)


def test_a_label_is_right_where_the_nearest_centre_is_its_own():
    pairs = np.concatenate([DATA.centres, np.eye(8)], 1)
    assert failures.right_label(Fixed(pairs), rng()) == 1
    pairs[:2, 2:] = pairs[1::-1, 2:]
    assert failures.right_label(Fixed(pairs), rng()) == 0.75


def test_favour_is_the_score_of_training_points_less_that_of_fresh_ones():
    found = failures.favour(Fixed([], line(2.0)), rng())
    fresh = failures.ROLL.sample(failures.LOOKED_AT, rng())
    assert found == pytest.approx(2 * (FEW.points[:, 0].mean() - fresh[:, 0].mean()), abs=1e-5)


# Data and games ------------------------------------------------------------------------------------------------------


def test_pairs_have_their_label_unless_they_are_mixed():
    for mixed, low, high in ((False, 1, 1), (True, 0.05, 0.25)):
        pairs = Pairs(mixed).sample(400, rng())
        assert pairs.shape == (400, 10) and pairs.dtype == np.float32 and (pairs[:, 2:].sum(1) == 1).all()
        assert low <= failures.right_label(Fixed(pairs), rng()) <= high
        assert failures.modes(Fixed(pairs[:, :2]), rng()) == 8


def test_few_are_few_and_always_the_same():
    points = Few(5, failures.ROLL).sample(300, rng())
    assert len(np.unique(points, axis=0)) == 5
    assert np.array_equal(Few(5, failures.ROLL).points, Few(5, failures.ROLL).points) and len(FEW.points) == 16


def test_a_label_is_handed_on():
    inputs = Tensor(np.arange(20.0).reshape(2, 10))
    outputs = HandsOn(lambda x: x[:, :2] * 2)(inputs).numpy()
    assert np.array_equal(outputs[:, 2:], inputs.numpy()[:, 2:]) and np.array_equal(outputs[:, 0], [0, 20])


def test_latents_of_a_labelled_game_carry_labels_at_equal_odds():
    game = failures.plane.players(FAILURES["labels"].right, rng(), Labelled)
    z = game.latents(4000, rng()).numpy()
    assert z.shape == (4000, 10) and np.abs(z[:, 2:].mean(0) - 1 / 8).max() < 0.03 and abs(z[:, :2].std() - 1) < 0.05


def test_a_game_is_looked_at_before_its_first_step_and_after_every_fortieth():
    seen = play("collapse", True, 2 * EVERY, 0)
    assert len(seen.told) == 3 and seen.losses.shape == (80, 2) and seen.samples.shape == (2500, 2)
    again, other = (play("collapse", True, 2 * EVERY, seed) for seed in (0, 1))
    assert np.array_equal(again.losses, seen.losses) and (other.losses != seen.losses).all()
    assert np.array_equal(again.told, seen.told)


def test_looking_changes_nothing():
    seen = play("collapse", True, EVERY + 2, 0)
    unseen = failures.plane.train(FAILURES["collapse"].failing, DATA, EVERY + 2, 0)
    assert np.array_equal(seen.losses, unseen.losses)


@pytest.mark.parametrize("name", FAILURES)
def test_what_is_said_is_what_differs(name):
    failure = FAILURES[name]
    failing, right = failure.failing, failure.right
    said = {
        "collapse": lambda: failing.lr == 10 * failing.critic_lr and not failing.rates_fall,
        "saturation": lambda: failing.critic_steps == 4 and type(failing.objective).__name__ == "Minimax",
        "divergence": lambda: (
            failing.penalty is None and right.penalty is not None and failing.objective is right.objective
        ),
        "labels": lambda: failing is right and failure.failing_data.mixed and not failure.right_data.mixed,
        "memory": lambda: failing is right and (failure.failing_data, failure.right_data) == (FEW, failures.ROLL),
    }
    assert said[name]()


@pytest.mark.parametrize("name", ["saturation", "divergence", "labels"])
def test_early_on_the_number_tells(name):
    right, failing = (play(name, kind, 2 * EVERY, 0).told[-1] for kind in (False, True))
    if name == "saturation":
        assert failing < 0.1 < 0.3 < right
    elif name == "divergence":
        assert failing > 6 > 5 > right
    else:
        assert failing < 0.25 < 0.9 < right


# The demo ------------------------------------------------------------------------------------------------------------


def run(monkeypatch, *flags):
    monkeypatch.setattr(sys, "argv", ["losses", *map(str, flags)])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(DEMOS / "losses.py"), run_name="__main__")
    return end.value.code


def test_the_demo_leaves_its_pictures_and_draws_a_run_of_ones_own(tmp_path, monkeypatch, capsys):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "config.json").write_text('{"system": "dcgan", "preset": "default"}')
    rows = "\n".join(f"{step},1.2,0.8" for step in range(1, 91))
    (mine / "log.csv").write_text(f"step,critic_loss,generator_loss\n{rows}\n")
    out = tmp_path / "out"
    monkeypatch.setattr(parallel, "run_all", lambda function, jobs, *_, **__: [function(*job) for job in jobs])
    assert run(monkeypatch, "--out", out, "--steps", EVERY, "--runs", mine) == 0
    assert {path.name for path in out.iterdir()} == {"losses.png", "losses_failures.png", "numbers.json"}
    assert Image.open(out / "losses.png").width > 1500 and Image.open(out / "losses_failures.png").width > 1500
    left = json.loads((out / "numbers.json").read_text())
    assert left["shortened"] == "--steps 40, not 1000"
    assert (
        left["numbers"]["healthy"] == json.loads((DEMOS / "pictures" / "losses.json").read_text())["numbers"]["healthy"]
    )
    assert len(left["numbers"]["failures"]) == 5 and len(left["claims"]) == 20
    out = capsys.readouterr().out
    assert "what should come out (shortened" in out and "dcgan, 90 steps, beside 600 of the healthy run\n" in out
    assert "  critic_loss                1.2     0.619   tends to 1.39\n" in out


def test_healthy_runs_are_read_from_a_folder_and_trained_where_they_are_missing(tmp_path):
    demo = runpy.run_path(str(DEMOS / "losses.py"))
    scope, trained = demo["healthy_runs"].__globals__, []

    def train(name, preset, out):
        trained.append((name, preset))
        out.mkdir()
        (out / "config.json").write_text(json.dumps({"system": name, "preset": preset}))
        columns = demo["READINGS"][name]
        (out / "log.csv").write_text(",".join(["step", *columns]) + "\n" + "1" + ",0.5" * len(columns) + "\n")

    scope["train"] = train
    train("gan", "default", tmp_path / "gan")
    runs = demo["healthy_runs"](tmp_path)
    assert list(runs) == list(demo["READINGS"]) and runs["gan"]["preset"] == "default" and len(trained) == len(runs)
    assert {preset for _, preset in trained[1:]} == {"quick"}


def test_runs_of_ones_own_are_drawn_over_those_of_their_system(tmp_path, monkeypatch):
    demo, drawn = runpy.run_path(str(DEMOS / "losses.py")), {}
    healthy = json.loads((DEMOS / "pictures" / "losses.json").read_text())["numbers"]["healthy"]
    healthy = {name: healthy[name] for name in ("gan", "wgan")}
    mine = {"system": "gan", "steps": 600, "curves": {name: [[0.25] * 5, [0] * 5] for name in healthy["gan"]["curves"]}}
    monkeypatch.setattr(style, "save", lambda figure, path: drawn.update(figure=figure))
    demo["draw_healthy"](tmp_path, healthy, [mine])
    dashed = [[line for line in axes.lines if line.get_linestyle() == "--"] for axes in drawn["figure"].axes[:2]]
    assert [len(lines) for lines in dashed] == [2, 0] and (dashed[0][0].get_ydata() == 0.25).all()
    assert drawn["figure"].get_suptitle().endswith("dotted what these tend to; dashed, yours")
    demo["draw_healthy"](tmp_path, healthy, [])
    assert drawn["figure"].get_suptitle().endswith("dotted what these tend to")


def test_the_claims_of_healthy_runs_are_what_their_words_say():
    demo = runpy.run_path(str(DEMOS / "losses.py"))
    claims = list(demo["of_runs"](json.loads((DEMOS / "pictures" / "losses.json").read_text())["numbers"]["healthy"]))
    assert len(claims) == 8 and all(claim.holds for claim in claims)
    for claim, (name, weight) in zip(claims, demo["PENALTIES"].items()):
        told = claim.anchors
        assert claim.text.startswith(name) and told["λ"] == weight
        assert weight == inspect.signature(SYSTEMS[name].build).parameters["penalty_weight"].default
        assert claim.value == pytest.approx(told["the norm"] / (1 + np.sqrt(1 + 2 * told["W"] / weight)) * 2)


def test_the_claims_of_failures_look_at_the_columns_and_the_times_they_name():
    demo = runpy.run_path(str(DEMOS / "losses.py"))
    losses = np.stack([np.full(100, 9.0), np.repeat([5.0, 0.7, 5.0], [10, 20, 70])], 1)  # L_D, L_G
    told = np.repeat([0.0, 8.0], [20, 5])
    samples = np.repeat(FEW.points, 40, axis=0) + np.float32([0, 0.25])
    seen = failures.Seen(losses, told, samples, None)
    _, last, early = demo["of_failure"]("collapse", seen, seen)
    assert last.value == 8 and last.anchors == {"untrained": 0} and early.value == pytest.approx(0.7)
    *_, near = demo["of_failure"]("memory", seen, seen)
    fresh = failures.ROLL.sample(500, rng(1))
    apart = [np.linalg.norm(points[:, None] - FEW.points, axis=2).min(1) for points in (samples[:500], fresh)]
    assert near.value == pytest.approx(np.median(apart[0]), rel=1e-5)
    assert near.anchors["of fresh points"] == pytest.approx(np.median(apart[1]), rel=1e-5)


def test_the_verdicts_are_of_both_games():
    demo = runpy.run_path(str(DEMOS / "losses.py"))
    right, failing = (failures.Seen(np.zeros((20, 2)), np.full(9, told), None, None) for told in (1.0, 0.1))
    verdicts = [claim.holds for claim in demo["of_failure"]("labels", right, failing)]
    assert verdicts == [True, True] == [not claim.holds for claim in demo["of_failure"]("labels", failing, right)]
