"""Critics against a generator that stands still, and the two demos about them."""

import json
import math
import runpy
import sys

import numpy as np
import pytest
from places import DEMOS

from scratchgan import nn
from scratchgan.data import toy
from scratchgan.lab import critics
from scratchgan.losses import OBJECTIVES
from scratchgan.metrics import distances, wasserstein


def rng(seed=0):
    return np.random.default_rng(seed)


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


# Claims


def test_a_claim_holds_between_its_bounds():
    assert critics.Claim("", 1.0, 1, 2).holds and critics.Claim("", 2.0, 1, 2).holds
    assert not critics.Claim("", 0.9, 1, 2).holds and not critics.Claim("", 2.1, 1, 2).holds
    assert not critics.Claim("", math.nan).holds


def test_a_claim_says_its_number_and_its_bounds():
    assert str(critics.Claim("slope", 1.0349, 0.8, 1.2)) == "pass  slope: 1.03, to be ≥ 0.8 and ≤ 1.2"
    assert str(critics.Claim("share", 0.25, low=0.5)) == "FAIL  share: 0.25, to be ≥ 0.5"
    assert critics.Claim("share", np.float32(0.5), high=1).as_json() == {
        "claim": "share", "value": 0.5, "asked": "≤ 1", "holds": True,
    }  # fmt: skip


def test_json_has_no_word_for_what_could_not_be_measured():
    assert critics.Claim("ratio", math.nan, low=20).as_json()["value"] is None


# The demos


def run(name, folder, monkeypatch, *flags):
    """The demo as a user runs it, but in this process, so that it uses the package that is tested."""
    monkeypatch.setattr(sys, "argv", [name, "--out", str(folder), "--seed", "3", *flags])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(DEMOS / f"{name}.py"), run_name="__main__")
    assert end.value.code == 0
    assert {path.name for path in folder.iterdir()} == {f"{name}.png", "numbers.json"}
    assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    saved = json.loads((folder / "numbers.json").read_text())
    assert saved["flags"]["seed"] == 3
    return saved["numbers"]


def test_the_demo_of_vanishing_gradients(tmp_path, monkeypatch, capsys):
    numbers = run("vanishing_gradient", tmp_path, monkeypatch, "--steps", "3")
    assert len(numbers["runs"]) == 3 and len(numbers["claims"]) == 3 + 3 * 3
    for seen in numbers["runs"]:
        assert seen["step"] == [1, 2, 3]
        assert all(len(seen[name]) == 3 for name in ("minimax", "non-saturating", "wasserstein", "fooled"))
        assert np.less(seen["fooled"], 1).all()
    out = capsys.readouterr().out
    assert all(f"{claim['claim']}: " in out for claim in numbers["claims"])


def test_the_demo_of_lipschitz_critics(tmp_path, monkeypatch, capsys):
    numbers = run("lipschitz", tmp_path, monkeypatch, "--steps", "2", "--deep-steps", "2", "--points", "50")
    assert numbers["planes"].keys() == {"8 Gaussians", "25 Gaussians", "Swiss roll"}
    assert {len(norms) for norms in numbers["layers"].values()} == {13}
    out = capsys.readouterr().out
    assert all(f"{claim['claim']}: " in out for claim in numbers["claims"])
    assert len(numbers["claims"]) == 3 * 7 + 2
