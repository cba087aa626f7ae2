"""The mistakes are the ones they are said to be, and their numbers tell them from the right thing, in closed form."""

from dataclasses import fields, replace

import numpy as np
import pytest
from seeded import rng

from scratchgan import Tensor, grad, nn
from scratchgan.lab import mistakes, plane
from scratchgan.lab.mistakes import DATA, MISTAKES, penalty_of
from scratchgan.lab.plane import Recipe, Trained, players
from scratchgan.losses import GradientPenalty, Wasserstein, gradient_norms, gradient_penalty, r1_penalty
from scratchgan.models.game import Game
from scratchgan.optim import SGD

REAL = DATA.sample(8, np.random.default_rng(0))
FAKE = DATA.sample(8, np.random.default_rng(1))


def line(bias=0.0):
    """D(x) = 3 x₁ + 4 x₂ + b, whose slope is 5 everywhere."""
    critic = nn.Linear(2, 1)
    critic.weight.data, critic.bias.data = np.array([[3.0, 4.0]], np.float32), np.array([bias], np.float32)
    return critic


def penalty(critic, **parts):
    return penalty_of(1.0, **parts)(critic, Tensor(REAL), Tensor(FAKE), rng=rng())["penalty"]


# Penalties -----------------------------------------------------------------------------------------------------------


def test_with_no_part_replaced_the_penalty_is_that_of_the_recipe():
    critic = plane.critic(rng())
    expected = GradientPenalty(0.1)(critic, Tensor(REAL), Tensor(FAKE), rng=rng())["penalty"]
    assert penalty_of(0.1)(critic, Tensor(REAL), Tensor(FAKE), rng=rng())["penalty"].item() == expected.item() > 0


@pytest.mark.parametrize(
    "norms, expected",
    [
        (gradient_norms, (5 - 1) ** 2),
        (mistakes.norm_of_each_pixel, ((3 - 1) ** 2 + (4 - 1) ** 2) / 2),
        (mistakes.norm_of_the_batch, (5 * 8**0.5 - 1) ** 2),
        (mistakes.norms_not_recorded, (5 - 1) ** 2),
        (mistakes.norms_without_epsilon, (5 - 1) ** 2),
    ],
    ids=lambda part: getattr(part, "__name__", None),
)
def test_the_penalties_of_a_line(norms, expected):
    assert penalty(line(), norms=norms).item() == pytest.approx(expected, rel=1e-5)


def test_slopes_of_0_and_2_satisfy_the_mean():
    norms = Tensor(np.array([0.0, 2.0]))
    assert gradient_penalty(norms).item() == 1
    assert mistakes.square_of_the_mean(norms).item() == 0
    assert mistakes.square_of_the_mean(norms + 2).item() == 4


def test_what_is_not_recorded_moves_no_weight():
    critic = line()
    right, wrong = (penalty(critic, norms=norms) for norms in (gradient_norms, mistakes.norms_not_recorded))
    (g,) = grad(right, [critic.weight])
    np.testing.assert_allclose(g.data, [[8 * 3 / 5, 8 * 4 / 5]], rtol=1e-5)
    assert not wrong.requires_grad


def test_the_bare_root_of_0_has_no_derivative():
    critic = mistakes.flat_at_first(rng())
    with np.errstate(all="ignore"):
        right, wrong = (
            grad(penalty(critic, norms=norms), critic[-1].weight)[0].data
            for norms in (gradient_norms, mistakes.norms_without_epsilon)
        )
    assert np.isfinite(right).all() and np.isnan(wrong).mean() > 0.5  # of all units that are on at some point


def test_with_epsilon_1_the_penalty_looks_at_real_points_alone():
    x = mistakes.real_points_only(Tensor(REAL), Tensor(FAKE), rng())
    np.testing.assert_array_equal(x.data, REAL)
    assert x.requires_grad


def test_a_critic_that_is_sure_pays_nothing_for_the_slope_of_its_probability():
    sure = line(bias=50.0)
    right = r1_penalty(sure, Tensor(REAL), 0.2).item()
    wrong = mistakes.r1_of_the_probability(0.2)(sure, Tensor(REAL), Tensor(FAKE), rng())["penalty"].item()
    assert right == pytest.approx(2.5) and wrong < 1e-20
    slope = 5 / 4  # σ'(0) = 1/4, at a point with D = 0
    origin = Tensor(np.zeros((1, 2), np.float32))
    assert mistakes.r1_of_the_probability(0.2)(line(), origin, None, None)["penalty"].item() == pytest.approx(
        0.1 * slope**2
    )


# Objectives, critics, data -------------------------------------------------------------------------------------------


def test_the_sign_of_the_generators_loss_is_flipped():
    scores = Tensor(np.array([[1.0], [3.0]]))
    assert mistakes.FlippedSign().generator_loss(scores).item() == 2 == -Wasserstein().generator_loss(scores).item()


def test_a_loss_that_is_not_descended_has_no_gradient():
    critic = line()
    (g,) = grad(mistakes.NotDescended().discriminator_loss(critic(Tensor(REAL)), critic(Tensor(FAKE))), [critic.weight])
    assert not g.data.any()


def test_with_a_sigmoid_no_logit_is_negative():
    scores, logits = (critic(rng())(Tensor(REAL)).data for critic in (mistakes.with_sigmoid, plane.critic))
    assert (logits < 0).any() and (scores >= 0).all()
    np.testing.assert_allclose(scores, 1 / (1 + np.exp(-logits)), rtol=1e-5)


def test_with_batch_norm_a_score_depends_on_its_company():
    assert mistakes.influence_of_others(plane.critic(rng()), REAL, FAKE) == 0
    coupled = mistakes.with_batch_norm(rng()).eval()
    assert mistakes.influence_of_others(coupled, REAL, FAKE) > 0.1


def test_the_influence_of_others_is_their_share_of_all_slopes():
    """In D(xᵢ) = c · Σⱼ (xⱼ + [i = j] xⱼ), the point itself counts twice: of 9 parts, 7 are due to the others."""

    class Sum(nn.Module):
        def forward(self, x):
            return (x + x.sum(0, keepdim=True)).sum(1, keepdim=True)

    assert mistakes.influence_of_others(Sum(), REAL, FAKE) == pytest.approx(7 / 9)


def test_the_flat_critic_is_flat_in_its_last_layer_only():
    critic = mistakes.flat_at_first(rng())
    assert not critic(Tensor(REAL)).data.any()
    assert all(layer.weight.data.any() for layer in critic[:-1] if isinstance(layer, nn.Linear))


def test_the_ring_of_seven_has_one_mode_twice():
    points = mistakes.RingOfSeven().sample(8000, rng())
    assert points.dtype == np.float32
    assert np.linalg.norm(points, axis=1).mean() == pytest.approx(np.linalg.norm(DATA.centres[0]), rel=0.01)
    turns = np.arctan2(points[:, 1], points[:, 0]) / (2 * np.pi / 7)
    assert np.abs(turns - turns.round()).max() < 0.2
    counts = np.unique(turns.round() % 7, return_counts=True)[1] / 1000
    np.testing.assert_allclose(counts, [2, 1, 1, 1, 1, 1, 1], atol=0.15)


# Steps ---------------------------------------------------------------------------------------------------------------


def game(kind, **options):
    return players(Recipe("", Wasserstein(), optimizer=SGD, **options), rng(), kind)


def moved(module, step):
    before = module.state_dict()
    step()
    return any((array != before[path]).any() for path, array in module.state_dict().items())


def test_a_leak_is_the_generators_own_gradient_with_the_other_sign():
    """With a critic that stands still and the same latents twice, nothing is left of the generator's step."""
    right, wrong = (game(kind, critic_lr=0.0) for kind in (Game, mistakes.LeakyCritic))
    for both in (right, wrong):
        both.critic_step(Tensor(REAL), rng=rng(3))
    assert moved(right.generator, lambda: right.generator_step(Tensor(REAL), rng=rng(3)))
    assert not moved(wrong.generator, lambda: wrong.generator_step(Tensor(REAL), rng=rng(3)))
    assert moved(wrong.generator, lambda: wrong.generator_step(Tensor(REAL), rng=rng(3)))  # the leak has been used


def test_two_steps_of_a_leaky_critic_outnumber_the_generator():
    wrong = game(mistakes.LeakyCritic, critic_lr=0.0, lr=1e-3)

    def score():
        return wrong.critic(wrong.generator(wrong.latents(8, rng(3)))).mean().item()

    before = score()
    for _ in range(2):
        wrong.critic_step(Tensor(REAL), rng=rng(3))
    wrong.generator_step(Tensor(REAL), rng=rng(3))
    assert score() < before


def test_a_leaky_critic_steps_as_any_other():
    right, wrong = (game(kind) for kind in (Game, mistakes.LeakyCritic))
    for both in (right, wrong):
        both.critic_step(Tensor(REAL), rng=rng(3))
    for path, array in right.critic.state_dict().items():
        np.testing.assert_allclose(wrong.critic.state_dict()[path], array, rtol=1e-5, atol=1e-7)


def test_one_optimizer_moves_the_critic_to_praise_the_samples():
    right, wrong = (game(kind, lr=1e-3, critic_lr=1e-3) for kind in (Game, mistakes.OneOptimizer))
    assert not moved(right.critic, lambda: right.generator_step(Tensor(REAL), rng=rng(3)))
    fake = wrong.generator(wrong.latents(8, rng(3)))
    before = wrong.critic(fake).mean().item()
    wrong.generator_step(Tensor(REAL), rng=rng(3))
    assert wrong.critic(fake).mean().item() > before
    for path, array in right.generator.state_dict().items():
        np.testing.assert_array_equal(wrong.generator.state_dict()[path], array)


def test_a_generator_that_is_cut_off_stays_what_it_was():
    wrong = game(mistakes.CutOff)
    assert not moved(wrong.generator, lambda: wrong.generator_step(Tensor(REAL), rng=rng(3)))
    assert moved(wrong.critic, lambda: wrong.critic_step(Tensor(REAL), rng=rng(3)))


# Numbers -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "measure, expected",
    [
        (mistakes.mean_slope, 5),
        (mistakes.spread_of_slopes, 0),
        (mistakes.steep_share, 1),
        (mistakes.slope_at_data, 5),
    ],
)
def test_the_slopes_of_a_line(measure, expected):
    assert measure(line(), REAL, FAKE) == pytest.approx(expected, abs=1e-5)


def test_slopes_are_those_between_the_points():
    """Of D(x) = x₁² / 2, whose slope is |x₁|: from points at 1 to points at 3, and at the data alone."""

    def parabola(x):
        return (x * x)[:, :1] / 2

    real, fake = (np.full((4000, 2), x, np.float32) for x in (1, 3))
    assert mistakes.mean_slope(parabola, real, fake) == pytest.approx(2, abs=0.03)
    assert mistakes.spread_of_slopes(parabola, real, fake) == pytest.approx(2 / 12**0.5, abs=0.02)
    assert mistakes.steep_share(parabola, real, fake) == pytest.approx(0.75, abs=0.03)
    assert mistakes.slope_at_data(parabola, real, fake) == pytest.approx(1)


def test_samples_are_measured_by_their_distance_and_modes():
    real = DATA.sample(2500, rng())
    assert mistakes.modes(None, real, real) == 8
    assert mistakes.modes(None, real, real[real[:, 0] > 0.1]) == 3
    assert mistakes.modes(None, real, real + np.float32(0.3 * DATA.spacing)) == 0
    assert mistakes.earth_mover(None, real, real + np.float32([3, 4])) == pytest.approx(5, rel=1e-4)


# The games -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MISTAKES)
def test_the_wrong_game_differs_from_the_right_one_in_one_part(name):
    """And where it has batch norm, in a penalty that does not see it, as it would be refused."""
    mistake = MISTAKES[name]
    recipes = [getattr(mistake.wrong, f.name) is not getattr(mistake.right, f.name) for f in fields(Recipe)]
    expected = 2 if name == "batch-norm" else 1
    assert sum(recipes) + (mistake.kind is not Game) + (mistake.data is not DATA) == expected
    assert all([mistake.title, mistake.written, mistake.fault.endswith("."), mistake.threads])


@pytest.mark.parametrize("wrong", [False, True])
def test_a_game_is_played_with_its_own_recipe_players_and_data(monkeypatch, wrong):
    strange = replace(MISTAKES["no-detach"], wrong=Recipe("", Wasserstein()), data=mistakes.RingOfSeven())
    monkeypatch.setitem(MISTAKES, "no-detach", strange)
    asked = []

    def train(*args, **options):
        asked.append((*args, options["kind"]))
        return Trained(players(strange.right, rng()), {7: REAL}, np.zeros((7, 2)))

    monkeypatch.setattr(plane, "train", train)
    assert mistakes.play("no-detach", wrong, 7, 5).samples is REAL
    expected = (strange.wrong, strange.data) if wrong else (strange.right, DATA)
    assert asked == [(*expected, 7, 5, mistakes.LeakyCritic if wrong else Game)]


def test_the_bare_root_diverges_in_its_first_step():
    right, wrong = (mistakes.play("bare-root", wrong, steps=3, seed=0) for wrong in (False, True))
    assert right.diverged is None and np.isfinite(right.number(mistakes.earth_mover, 0))
    assert wrong.diverged == 1 and wrong.samples is None and np.isnan(wrong.number(mistakes.earth_mover, 0))


def test_a_number_is_taken_on_fresh_real_points():
    played = mistakes.Played(None, REAL, None)
    seen = [played.number(lambda critic, real, fake: real, seed) for seed in (0, 0, 1)]
    assert seen[0].shape == (2500, 2)
    np.testing.assert_array_equal(seen[0], seen[1])
    assert (seen[0] != seen[2]).any()
