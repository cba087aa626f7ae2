"""Critics against a generator that stands still, and the two demos about them."""

import json
import math
import runpy
import sys
from dataclasses import replace

import numpy as np
import pytest
from places import DEMOS
from seeded import rng

from scratchgan import nn
from scratchgan.data import toy
from scratchgan.lab import critics
from scratchgan.losses import OBJECTIVES
from scratchgan.metrics import distances, wasserstein


def points(n, d=2, seed=0):
    return rng(seed).standard_normal((n, d)).astype(np.float32)


def linear(*weights):
    """Linear layers one after the other, without biases."""
    layers = [nn.Linear(np.shape(w)[1], np.shape(w)[0], bias=False, rng=rng()) for w in weights]
    for layer, w in zip(layers, weights):
        layer.weight.data = np.array(w, np.float32)
    return nn.Sequential(*layers)


# Networks and what they are shown


@pytest.mark.parametrize("depth, count", [(4, 33_537), (12, 165_633)])
def test_a_network_has_so_many_linear_layers(depth, count):
    network = critics.mlp(2, 128, depth, rng())
    assert len(network) == depth and sum(p.numel() for p in network.parameters()) == count
    assert critics.outputs(network, points(5)).shape == (5, 1)


def test_weights_begin_as_in_the_toy_script():
    layers = [m for m in critics.mlp(3, 100, 3, rng(), outputs=2).modules() if isinstance(m, nn.Linear)]
    for layer, bound in zip(layers, (math.sqrt(6 / 3), math.sqrt(6 / 100), math.sqrt(6 / 102))):
        assert 0.98 * bound < np.abs(layer.weight.numpy()).max() <= bound
        assert not layer.bias.numpy().any()


def test_hidden_layers_are_not_linear():
    network, x = critics.mlp(2, 16, 2, rng()), points(1)
    assert abs(critics.scores(network, x) + critics.scores(network, -x)).item() > 1e-3


def test_the_frozen_generator_adds_normal_noise_of_variance_one():
    class Somewhere:
        def sample(self, n, rng):
            return np.full((n, 2), 7, np.float32)

    real, fake = critics.with_noise(Somewhere(), 4000, rng())
    assert real.dtype == fake.dtype == np.float32 and (real == 7).all()
    np.testing.assert_allclose([fake.mean(), fake.std()], [7, 1], atol=0.05)


def test_the_frozen_generator_does_not_know_the_batch():
    real, fake = critics.with_noise(toy.GaussianMixture("wide", [[0.0, 0.0]], 100), 1000, rng())
    assert abs(np.corrcoef(real[:, 0], fake[:, 0])[0, 1]) < 0.1


# Training


def test_clipping_keeps_the_box_from_the_first_step_on():
    critic = critics.mlp(2, 8, 3, rng())
    steps = critics.train_clipped(critic, lambda: (points(4), points(4, seed=1) + 3), 5, bound=0.01, lr=0.1)
    for count, step in enumerate(steps, start=1):
        assert step == count and max(np.abs(p.numpy()).max() for p in critic.parameters()) <= np.float32(0.01)
    assert count == 5


def test_the_first_step_of_a_clipped_critic_sees_it_in_its_box():
    critic, seen = critics.mlp(2, 8, 3, rng()), []

    def batches():
        seen.append(max(np.abs(p.numpy()).max() for p in critic.parameters()))
        return points(4), points(4)

    next(critics.train_clipped(critic, batches, 1, bound=0.01))
    assert seen == [np.float32(0.01)]


def test_a_trained_discriminator_is_p_over_p_plus_q():
    line, draws = critics.TwoGaussians(2.0), rng()
    discriminator = critics.mlp(1, 0, 1, rng())  # a line, as the best one is
    list(critics.train_discriminator(discriminator, lambda: line.sample(500, draws), 400, lr=0.03))
    x = np.linspace(-3, 3, 50, dtype=np.float32)
    probability = 1 / (1 + np.exp(-critics.scores(discriminator, x[:, None])))
    np.testing.assert_allclose(probability, line.discriminator(x), atol=0.05)


def test_a_penalised_line_is_steeper_than_one_by_the_distance_over_twice_the_weight():
    """The maximum of s w − λ (w − 1)² is at w = 1 + s / (2 λ)."""
    line, draws = critics.TwoGaussians(4.0), rng()
    critic = linear([[1.0]])
    list(critics.train_penalised(critic, lambda: line.sample(500, draws), 300, rng(), weight=5.0, lr=0.03))
    np.testing.assert_allclose(critic.parameters()[0].numpy(), [[1.4]], atol=0.03)


# What a critic has become


def test_the_gap_is_that_of_the_mean_scores():
    assert critics.critic_gap(linear([[2, 1]]), np.float32([[1, 0], [3, 0]]), np.float32([[0, 1]])) == 3


def test_slopes_between_are_norms_of_the_gradient_in_the_data():
    slopes = critics.slopes_between(linear([[3, 4]]), points(6), points(6, seed=1), rng())
    np.testing.assert_allclose(slopes, np.full(6, 5), rtol=1e-6)


def test_gradients_of_the_layers_are_those_of_the_chain_by_hand():
    first, second = np.array([[1.0, 2], [0, -1], [3, 1]]), np.array([[2.0, -1, 0.5]])
    norms = critics.layer_gradient_norms(linear(first, second), points(8), points(8, seed=1))
    chain = [np.linalg.norm(second @ first), np.linalg.norm(second), 1]  # at the data, the hidden layer, the score
    np.testing.assert_allclose(norms, math.sqrt(2 / 8) * np.array(chain), rtol=1e-6)


def test_gradients_of_the_layers_do_not_underflow():
    tiny = np.array([[1e-30]])
    norms = critics.layer_gradient_norms(linear(tiny), points(2, 1), points(2, 1))
    np.testing.assert_allclose(norms, [1e-30, 1], rtol=1e-5)


def test_weights_without_biases():
    assert critics.weights_of(critics.mlp(2, 8, 3, rng())).shape == (2 * 8 + 8 * 8 + 8,)


def test_the_share_near_a_bound_counts_both_signs():
    weights = np.array([-1, -0.96, -0.94, 0, 0.5, 0.951, 1, 0.2])
    assert critics.share_near(weights, 1) == 4 / 8
    assert critics.share_near(weights, 1, within=0.5) == 6 / 8


def test_the_fit_finds_a_planted_plane_and_cone():
    x = points(500).astype(np.float64)
    values = 3 + x @ [1, -2] + 0.5 * np.linalg.norm(x, axis=1)
    coefficients, r2 = critics.fit_cone(x, values)
    np.testing.assert_allclose(coefficients, [3, 1, -2, 0.5], atol=1e-10)
    assert r2 == pytest.approx(1)


def test_the_fit_reports_the_share_of_the_variance_that_it_explains():
    x, noise = points(20_000, seed=1), points(20_000, 1, seed=2)[:, 0]
    assert critics.fit_cone(x, 2 * x[:, 0] + noise)[1] == pytest.approx(4 / 5, abs=0.02)


def test_the_best_critic_has_a_gap_of_w1_and_slope_one():
    real, fake, x = points(40), 2 * points(40, seed=1), 3 * points(300, seed=2)
    best = critics.best_critic(real, fake)
    assert best(real).mean() - best(fake).mean() == pytest.approx(wasserstein(real, fake))
    rise = np.abs(np.subtract.outer(best(x), best(x)))
    assert (rise <= distances(x, x) + 1e-9).all()


# What a generator learns from it


@pytest.mark.parametrize("name", ["minimax", "non-saturating"])
def test_a_point_feels_the_slope_of_the_loss_at_the_best_discriminator(name):
    line, x = critics.TwoGaussians(3.0), np.linspace(-4, 4, 9)
    found = critics.generator_slopes(OBJECTIVES[name], linear([[3.0]]), x[:, None].astype(np.float32))
    np.testing.assert_allclose(found, line.slopes(x)[name], rtol=1e-4)


def test_where_the_discriminator_is_sure_the_saturating_slope_is_gone():
    slopes = critics.TwoGaussians(4.0).slopes(np.array([-2.0, -4.0]))
    np.testing.assert_allclose(slopes["minimax"], 4 / (1 + np.exp([8.0, 16.0])))
    np.testing.assert_allclose(slopes["non-saturating"] + slopes["minimax"], 4)


def test_the_gradient_of_a_linear_generator_by_hand():
    """L = −E wᵀ(A z + b) has −w E zᵀ in A and −w in b."""
    generator, w, z = nn.Sequential(nn.Linear(3, 2, rng=rng())), np.array([[3.0, 4.0]]), points(7, 3)
    found = critics.generator_gradient_norm(OBJECTIVES["wasserstein"], generator, linear(w), z)
    assert found == pytest.approx(5 * math.sqrt(1 + np.square(z.mean(0)).sum()), rel=1e-5)


# Where everything is known


def test_the_two_gaussians_are_where_they_are_said_to_be():
    real, fake = critics.TwoGaussians(3.0).sample(20_000, rng())
    assert real.shape == fake.shape == (20_000, 1) and real.dtype == fake.dtype == np.float32
    np.testing.assert_allclose([real.mean(), fake.mean(), real.std(), fake.std()], [1.5, -1.5, 1, 1], atol=0.03)


def test_their_densities_are_those_of_the_samples():
    line, x = critics.TwoGaussians(3.0), np.linspace(-8, 8, 3201)
    for density, mean in zip(line.densities(x), (1.5, -1.5)):
        moments = [(density * x**k).sum() * (x[1] - x[0]) for k in range(3)]
        np.testing.assert_allclose(moments, [1, mean, 1 + mean**2], rtol=1e-6)


def test_the_density_between_is_that_of_the_interpolates():
    line, width = critics.TwoGaussians(3.0), 0.5
    real, fake = line.sample(200_000, rng())
    epsilon = rng(1).random(real.shape)
    found = epsilon * real + (1 - epsilon) * fake
    for centre in (-2.0, 0.0, 1.0):
        share = (np.abs(found - centre) < width / 2).mean() / width
        assert line.between(np.array(centre)) == pytest.approx(share, rel=0.05)


def test_no_other_slope_serves_the_penalised_critic_better():
    line, weight, x = critics.TwoGaussians(4.0), 10.0, np.linspace(-9, 9, 2001)
    p, q = line.densities(x)
    excess = np.cumsum(q - p) * (x[1] - x[0])

    def worth(slope):
        return (slope * excess - weight * line.between(x) * (slope - 1) ** 2).sum()

    best = line.slopes(x, weight)["wasserstein"]
    assert worth(best) > max(worth(best + 0.02), worth(best - 0.02), worth(best + 0.1 * np.sin(x)))


# The demos


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
    gap = critics.critic_gap(linear([[3, 4]]), points(50), points(50, seed=1) + 1)
    assert found == pytest.approx(
        {"gap / W1": gap / 2, "slope": 5, "steep": 1, "steepest": 5, "cone": 1, "wall": 0.5}, rel=1e-5
    )


def test_untrained_critics_are_clipped_to_their_boxes_and_the_penalised_one_is_not(lipschitz):
    fresh = lipschitz["untrained"](3, [0.1], rng())
    assert np.abs(critics.weights_of(fresh[0.1])).max() == np.float32(0.1)
    assert np.abs(critics.weights_of(fresh["penalty"])).max() > 0.2
