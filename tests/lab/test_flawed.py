"""The flawed parts are the ones they are said to be, in closed form."""

import numpy as np
import pytest
from seeded import rng

from scratchgan import Tensor, grad, nn
from scratchgan.lab import flawed, mistakes, plane
from scratchgan.lab.flawed import DATA, penalty_of
from scratchgan.lab.plane import Recipe, players
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
        (flawed.norm_of_each_pixel, ((3 - 1) ** 2 + (4 - 1) ** 2) / 2),
        (flawed.norm_of_the_batch, (5 * 8**0.5 - 1) ** 2),
        (flawed.norms_not_recorded, (5 - 1) ** 2),
        (flawed.norms_without_epsilon, (5 - 1) ** 2),
    ],
    ids=lambda part: getattr(part, "__name__", None),
)
def test_the_penalties_of_a_line(norms, expected):
    assert penalty(line(), norms=norms).item() == pytest.approx(expected, rel=1e-5)


def test_slopes_of_0_and_2_satisfy_the_mean():
    norms = Tensor(np.array([0.0, 2.0]))
    assert gradient_penalty(norms).item() == 1
    assert flawed.square_of_the_mean(norms).item() == 0
    assert flawed.square_of_the_mean(norms + 2).item() == 4


def test_what_is_not_recorded_moves_no_weight():
    critic = line()
    right, wrong = (penalty(critic, norms=norms) for norms in (gradient_norms, flawed.norms_not_recorded))
    (g,) = grad(right, [critic.weight])
    np.testing.assert_allclose(g.data, [[8 * 3 / 5, 8 * 4 / 5]], rtol=1e-5)
    assert not wrong.requires_grad


def test_the_bare_root_of_0_has_no_derivative():
    critic = flawed.flat_at_first(rng())
    with np.errstate(all="ignore"):
        right, wrong = (
            grad(penalty(critic, norms=norms), critic[-1].weight)[0].data
            for norms in (gradient_norms, flawed.norms_without_epsilon)
        )
    assert np.isfinite(right).all() and np.isnan(wrong).mean() > 0.5  # of all units that are on at some point


def test_with_epsilon_1_the_penalty_looks_at_real_points_alone():
    x = flawed.real_points_only(Tensor(REAL), Tensor(FAKE), rng())
    np.testing.assert_array_equal(x.data, REAL)
    assert x.requires_grad


def test_a_critic_that_is_sure_pays_nothing_for_the_slope_of_its_probability():
    sure = line(bias=50.0)
    right = r1_penalty(sure, Tensor(REAL), 0.2).item()
    wrong = flawed.r1_of_the_probability(0.2)(sure, Tensor(REAL), Tensor(FAKE), rng())["penalty"].item()
    assert right == pytest.approx(2.5) and wrong < 1e-20
    slope = 5 / 4  # σ'(0) = 1/4, at a point with D = 0
    origin = Tensor(np.zeros((1, 2), np.float32))
    assert flawed.r1_of_the_probability(0.2)(line(), origin, None, None)["penalty"].item() == pytest.approx(
        0.1 * slope**2
    )


# Objectives, critics, data -------------------------------------------------------------------------------------------


def test_the_sign_of_the_generators_loss_is_flipped():
    scores = Tensor(np.array([[1.0], [3.0]]))
    assert flawed.FlippedSign().generator_loss(scores).item() == 2 == -Wasserstein().generator_loss(scores).item()


def test_with_the_bracket_at_the_wrong_place_the_surest_fake_is_the_best_one():
    """Its slope in a fake's logit is σ(−ℓ), which is 1 where D is sure; that in a real's is the right one."""
    real, fake = (Tensor(np.array([[0.5], [-30.0]]), requires_grad=True) for _ in range(2))
    at_real, at_fake = grad(flawed.NoMinimum().discriminator_loss(real, fake), [real, fake])
    down = 1 / (1 + np.exp([0.5, -30.0]))[:, None]  # σ(−ℓ)
    np.testing.assert_allclose(at_real.data, -down / 2)
    np.testing.assert_allclose(at_fake.data, down / 2)
    assert flawed.NoMinimum().discriminator_loss(real, real).item() == -1


def test_a_loss_that_is_not_descended_has_no_gradient():
    critic = line()
    (g,) = grad(flawed.NotDescended().discriminator_loss(critic(Tensor(REAL)), critic(Tensor(FAKE))), [critic.weight])
    assert not g.data.any()


def test_with_a_sigmoid_no_logit_is_negative():
    scores, logits = (critic(rng())(Tensor(REAL)).data for critic in (flawed.with_sigmoid, plane.critic))
    assert (logits < 0).any() and (scores >= 0).all()
    np.testing.assert_allclose(scores, 1 / (1 + np.exp(-logits)), rtol=1e-5)


def test_with_batch_norm_a_score_depends_on_its_company():
    assert mistakes.influence_of_others(plane.critic(rng()), REAL, FAKE) == 0
    coupled = flawed.with_batch_norm(rng()).eval()
    assert mistakes.influence_of_others(coupled, REAL, FAKE) > 0.1


def test_the_flat_critic_is_flat_in_its_last_layer_only():
    critic = flawed.flat_at_first(rng())
    assert not critic(Tensor(REAL)).data.any()
    assert all(layer.weight.data.any() for layer in critic[:-1] if isinstance(layer, nn.Linear))


def test_the_ring_of_seven_has_one_mode_twice():
    points = flawed.RingOfSeven().sample(8000, rng())
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
    right, wrong = (game(kind, critic_lr=0.0) for kind in (Game, flawed.LeakyCritic))
    for both in (right, wrong):
        both.critic_step(Tensor(REAL), rng=rng(3))
    assert moved(right.generator, lambda: right.generator_step(Tensor(REAL), rng=rng(3)))
    assert not moved(wrong.generator, lambda: wrong.generator_step(Tensor(REAL), rng=rng(3)))
    assert moved(wrong.generator, lambda: wrong.generator_step(Tensor(REAL), rng=rng(3)))  # the leak has been used


def test_two_steps_of_a_leaky_critic_outnumber_the_generator():
    wrong = game(flawed.LeakyCritic, critic_lr=0.0, lr=1e-3)

    def score():
        return wrong.critic(wrong.generator(wrong.latents(8, rng(3)))).mean().item()

    before = score()
    for _ in range(2):
        wrong.critic_step(Tensor(REAL), rng=rng(3))
    wrong.generator_step(Tensor(REAL), rng=rng(3))
    assert score() < before


def test_a_leaky_critic_steps_as_any_other():
    right, wrong = (game(kind) for kind in (Game, flawed.LeakyCritic))
    for both in (right, wrong):
        both.critic_step(Tensor(REAL), rng=rng(3))
    for path, array in right.critic.state_dict().items():
        np.testing.assert_allclose(wrong.critic.state_dict()[path], array, rtol=1e-5, atol=1e-7)


def test_one_optimizer_moves_the_critic_to_praise_the_samples():
    right, wrong = (game(kind, lr=1e-3, critic_lr=1e-3) for kind in (Game, flawed.OneOptimizer))
    assert not moved(right.critic, lambda: right.generator_step(Tensor(REAL), rng=rng(3)))
    fake = wrong.generator(wrong.latents(8, rng(3)))
    before = wrong.critic(fake).mean().item()
    wrong.generator_step(Tensor(REAL), rng=rng(3))
    assert wrong.critic(fake).mean().item() > before
    for path, array in right.generator.state_dict().items():
        np.testing.assert_array_equal(wrong.generator.state_dict()[path], array)


def test_a_generator_that_is_cut_off_stays_what_it_was():
    wrong = game(flawed.CutOff)
    assert not moved(wrong.generator, lambda: wrong.generator_step(Tensor(REAL), rng=rng(3)))
    assert moved(wrong.critic, lambda: wrong.critic_step(Tensor(REAL), rng=rng(3)))
