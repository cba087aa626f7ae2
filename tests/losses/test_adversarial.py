"""The adversarial objectives: their values, their slopes, what they are at ±100, and what their games are about."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from scratchgan import Tensor, grad, losses
from scratchgan.losses import OBJECTIVES, Hinge, LeastSquares, Minimax, NonSaturating, Relativistic, Wasserstein

every_objective = pytest.mark.parametrize("name", OBJECTIVES)
RELATIVISTIC = [name for name in OBJECTIVES if name.startswith("relativistic")]


def logits(*values, dtype=np.float64):
    return Tensor(np.array(values, dtype).reshape(-1, 1), requires_grad=True)


def slopes(loss, *inputs):
    """The slope in each logit, times their number: without the factor 1/N of the mean."""
    return [g.data.ravel() * g.numel() for g in grad(loss, inputs)]


def sigma(u):
    return 1 / (1 + np.exp(-u))


# Values --------------------------------------------------------------------------------------------------------------

REAL, FAKE = np.array([0.3, -1.2, 2.0, 0.7]), np.array([-0.4, 1.6, -2.5, 0.1])


def log_loss(u):
    """−log σ(u), as it is written in the papers."""
    return -np.log(sigma(u))


def relativistic_average(r, f):
    return np.mean(log_loss(r - f.mean())) + np.mean(-np.log(1 - sigma(f - r.mean())))


# name: (the discriminator's loss, the generator's), as the papers write them
FORMULAS = {
    "minimax": (
        lambda r, f: np.mean(log_loss(r)) - np.mean(np.log(1 - sigma(f))),
        lambda r, f: np.mean(np.log(1 - sigma(f))),
    ),
    "non-saturating": (
        lambda r, f: np.mean(log_loss(r)) - np.mean(np.log(1 - sigma(f))),
        lambda r, f: -np.mean(np.log(sigma(f))),
    ),
    "least squares (0, 1, 1)": (
        lambda r, f: 0.5 * np.mean((r - 1) ** 2) + 0.5 * np.mean(f**2),
        lambda r, f: 0.5 * np.mean((f - 1) ** 2),
    ),
    "least squares (-1, 1, 0)": (
        lambda r, f: 0.5 * np.mean((r - 1) ** 2) + 0.5 * np.mean((f + 1) ** 2),
        lambda r, f: 0.5 * np.mean(f**2),
    ),
    "wasserstein": (lambda r, f: np.mean(f) - np.mean(r), lambda r, f: -np.mean(f)),
    "hinge": (
        lambda r, f: np.mean(np.where(r < 1, 1 - r, 0)) + np.mean(np.where(f > -1, 1 + f, 0)),
        lambda r, f: -np.mean(f),
    ),
    "relativistic": (lambda r, f: np.mean(log_loss(r - f)), lambda r, f: np.mean(log_loss(f - r))),
    "relativistic average": (relativistic_average, lambda r, f: relativistic_average(f, r)),
}


@every_objective
def test_the_losses_are_those_of_the_papers(name):
    objective, (discriminator, generator) = OBJECTIVES[name], FORMULAS[name]
    real, fake = logits(*REAL), logits(*FAKE)
    ours = objective.discriminator_loss(real, fake), objective.generator_loss(fake, real)
    assert all(loss.shape == () for loss in ours)
    np.testing.assert_allclose([x.item() for x in ours], [discriminator(REAL, FAKE), generator(REAL, FAKE)], rtol=1e-14)


# name: (both losses where every logit is 0)
AT_ZERO = {
    "minimax": (2 * np.log(2), -np.log(2)),
    "non-saturating": (2 * np.log(2), np.log(2)),
    "least squares (0, 1, 1)": (0.5, 0.5),
    "least squares (-1, 1, 0)": (1.0, 0.0),
    "wasserstein": (0.0, 0.0),
    "hinge": (2.0, 0.0),
    "relativistic": (np.log(2), np.log(2)),
    "relativistic average": (2 * np.log(2), 2 * np.log(2)),
}


@every_objective
def test_where_the_discriminator_knows_nothing(name):
    zero, objective = logits(0, 0, 0), OBJECTIVES[name]
    ours = objective.discriminator_loss(zero, zero).item(), objective.generator_loss(zero, zero).item()
    np.testing.assert_allclose(ours, AT_ZERO[name], rtol=1e-15)


@every_objective
def test_they_are_means_so_a_batch_seen_twice_is_the_same(name):
    """A sum would rescale the weight of every penalty beside it by the size of the batch."""
    objective = OBJECTIVES[name]
    once, twice = (
        [objective.discriminator_loss(real, fake).item(), objective.generator_loss(fake, real).item()]
        for real, fake in [(logits(*REAL), logits(*FAKE)), (logits(*REAL, *REAL), logits(*FAKE, *FAKE))]
    )
    np.testing.assert_allclose(twice, once, rtol=1e-14)


@every_objective
def test_logits_may_be_of_patches(name):
    """(N, 1, H, W), as those of a discriminator that judges each patch: the mean is over all of them."""
    objective, rng = OBJECTIVES[name], np.random.default_rng(0)
    maps = [Tensor(rng.standard_normal((2, 1, 2, 3))) for _ in range(2)]
    flat = [x.reshape(12, 1) for x in maps]
    for loss in (objective.discriminator_loss, objective.generator_loss):
        assert loss(*maps).item() == pytest.approx(loss(*flat).item(), rel=1e-14)


# Slopes --------------------------------------------------------------------------------------------------------------

# name: the generator's slope in a fake logit u, whose real partner is r
GENERATOR_SLOPES = {
    "minimax": lambda u, r: -sigma(u),
    "non-saturating": lambda u, r: -sigma(-u),
    "least squares (0, 1, 1)": lambda u, r: u - 1,
    "least squares (-1, 1, 0)": lambda u, r: u,
    "wasserstein": lambda u, r: -1 + 0 * u,
    "hinge": lambda u, r: -1 + 0 * u,
    "relativistic": lambda u, r: -sigma(r - u),
    "relativistic average": lambda u, r: -sigma(-(u - r.mean())) - np.mean(sigma(r - u.mean())),
}


@every_objective
def test_the_generators_slope_is_that_of_the_table(name):
    fake, real = logits(*FAKE), logits(*REAL)
    (slope,) = slopes(OBJECTIVES[name].generator_loss(fake, real), fake)
    np.testing.assert_allclose(slope, GENERATOR_SLOPES[name](FAKE, REAL), rtol=1e-13)


# name: the discriminator's slopes in a real logit r and a fake one f
DISCRIMINATOR_SLOPES = {
    "minimax": lambda r, f: (-sigma(-r), sigma(f)),
    "non-saturating": lambda r, f: (-sigma(-r), sigma(f)),
    "least squares (0, 1, 1)": lambda r, f: (r - 1, f),
    "least squares (-1, 1, 0)": lambda r, f: (r - 1, f + 1),
    "wasserstein": lambda r, f: (-1 + 0 * r, 1 + 0 * f),
    "hinge": lambda r, f: (-1.0 * (r < 1), 1.0 * (f > -1)),
    "relativistic": lambda r, f: (-sigma(f - r), sigma(f - r)),
    "relativistic average": lambda r, f: (
        -sigma(f.mean() - r) - np.mean(sigma(f - r.mean())),
        sigma(f - r.mean()) + np.mean(sigma(f.mean() - r)),
    ),
}


@every_objective
def test_the_discriminators_slopes_are_those_of_the_docstrings(name):
    real, fake = logits(*REAL), logits(*FAKE)
    ours = slopes(OBJECTIVES[name].discriminator_loss(real, fake), real, fake)
    np.testing.assert_allclose(ours, DISCRIMINATOR_SLOPES[name](REAL, FAKE), rtol=1e-13)


def test_minimax_saturates_where_the_fake_is_seen_through_and_non_saturating_does_not():
    seen_through = logits(-30.0)
    (vanishing,) = slopes(Minimax().generator_loss(seen_through), seen_through)
    (full,) = slopes(NonSaturating().generator_loss(seen_through), seen_through)
    assert -1e-12 < vanishing[0] < 0 and full[0] == pytest.approx(-1)


def test_the_relativistic_generators_gradient_passes_through_the_average_of_the_fakes():
    """With all of the reals' logits given, one fake moves the average that each real is compared with."""
    real, fake = logits(5.0, 5.0), logits(0.0, -3.0)
    (slope,) = slopes(OBJECTIVES["relativistic average"].generator_loss(fake, real), fake)
    alone = -sigma(-(fake.data.ravel() - 5))
    assert (slope < alone - 0.9).all()


# ±100 ----------------------------------------------------------------------------------------------------------------


def zeta(u):
    return np.logaddexp(0, u)


# The losses of one pair, where the logarithms of `FORMULAS` would be of 0.
IN_THE_TAILS = FORMULAS | {
    "minimax": (lambda r, f: zeta(-r) + zeta(f), lambda r, f: -zeta(f)),
    "non-saturating": (lambda r, f: zeta(-r) + zeta(f), lambda r, f: zeta(-f)),
    "relativistic": (lambda r, f: zeta(f - r), lambda r, f: zeta(r - f)),
    "relativistic average": (lambda r, f: 2 * zeta(f - r), lambda r, f: 2 * zeta(r - f)),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("r, f", [(100, -100), (-100, 100), (100, 100), (-100, -100)])
@every_objective
def test_at_logits_of_100_values_and_slopes_are_finite_and_right(name, r, f, dtype):
    real, fake, objective = logits(r, dtype=dtype), logits(f, dtype=dtype), OBJECTIVES[name]
    both = objective.discriminator_loss(real, fake), objective.generator_loss(fake, real)
    numbers = [*(loss.item() for loss in both), *slopes(both[0], real, fake), *slopes(both[1], fake)]
    r, f = np.array([r], float), np.array([f], float)
    (discriminator, generator), of_generator = IN_THE_TAILS[name], GENERATOR_SLOPES[name](f, r)
    expected = discriminator(r, f), generator(r, f), *DISCRIMINATOR_SLOPES[name](r, f), of_generator
    tolerance = {"rtol": 1e-13} if dtype == np.float64 else {"rtol": 1e-6, "atol": 1e-43}
    np.testing.assert_allclose(np.hstack(numbers), np.hstack(expected), **tolerance)


def test_no_digit_is_lost_above_20_where_pytorchs_softplus_is_linear():
    """ζ(−30) of a real logit of 30 is 9.4·10⁻¹⁴, and not 0."""
    loss = Minimax().discriminator_loss(logits(30.0), logits(-30.0)).item()
    assert loss == pytest.approx(2 * np.exp(-30.0), rel=1e-10, abs=0)
    beyond = NonSaturating().generator_loss(logits(-21.0)).item()
    assert beyond - 21 == pytest.approx(np.exp(-21.0), rel=1e-4, abs=0)


# Invariances ---------------------------------------------------------------------------------------------------------

scores = hnp.arrays(np.float64, st.integers(1, 5).map(lambda n: (n, 1)), elements=st.floats(-20, 20))


@given(scores, st.floats(-50, 50), st.sampled_from(RELATIVISTIC))
def test_a_constant_added_to_all_logits_changes_no_relativistic_loss(r, c, name):
    """Only differences count."""
    objective, f = OBJECTIVES[name], np.flip(r) / 2
    for loss in (objective.discriminator_loss, objective.generator_loss):
        assert loss(Tensor(r + c), Tensor(f + c)).item() == pytest.approx(loss(Tensor(r), Tensor(f)).item(), abs=1e-9)


@given(scores)
def test_the_hinge_leaves_alone_what_lies_beyond_its_margins(u):
    real, fake = Tensor(u, requires_grad=True), Tensor(-u, requires_grad=True)
    for g in grad(Hinge().discriminator_loss(real, fake), [real, fake]):
        assert ((g.data != 0) == (u < 1)).all()


def test_on_its_margins_the_hinge_has_slope_0():
    real, fake = logits(1.0), logits(-1.0)
    assert not np.any(slopes(Hinge().discriminator_loss(real, fake), real, fake))


@given(scores, st.sampled_from([name for name in OBJECTIVES if name not in RELATIVISTIC]))
def test_where_logits_are_not_paired_their_order_and_number_is_free(u, name):
    objective, fake = OBJECTIVES[name], Tensor(np.array([[0.3], [-2.0]]))
    assert objective.discriminator_loss(Tensor(u), fake).item() == pytest.approx(
        objective.discriminator_loss(Tensor(u[::-1].copy()), fake).item(), rel=1e-12, abs=1e-12
    )


def test_drift_is_a_share_of_the_mean_square_of_real_scores():
    real, fake = logits(3.0, -1.0), logits(4.0, 2.0)
    assert Wasserstein(0.5).discriminator_loss(real, fake).item() == pytest.approx(3 - 1 + 0.5 * 5)
    np.testing.assert_allclose(slopes(Wasserstein(0.5).discriminator_loss(real, fake), fake), [[1, 1]])
    assert Wasserstein(0.5).generator_loss(fake).item() == -3
    with pytest.raises(ValueError, match="drift=-1 must be a number in"):
        Wasserstein(-1)


def test_the_zero_sum_games():
    """Minimax and Wasserstein: what the generator descends is what the discriminator's −L has of its own."""
    real, fake = logits(*REAL), logits(*FAKE)
    for objective in (Minimax(), Wasserstein()):
        (of_discriminator,) = slopes(objective.discriminator_loss(real, fake), fake)
        (of_generator,) = slopes(objective.generator_loss(fake), fake)
        np.testing.assert_allclose(of_generator, -of_discriminator, rtol=1e-14)


# The best discriminator ----------------------------------------------------------------------------------------------

P, P_G = np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.3, 0.6])  # data and generator on three points


def on_points(objective, scores):
    """L_D of the two distributions, by weighing the slopes: each point's logit as a batch of its own."""
    total = 0
    for p, q, u in zip(P, P_G, scores):
        one, far = logits(u), logits(0.0)
        both = (
            grad(objective.discriminator_loss(one, far), one)[0],
            grad(objective.discriminator_loss(far, one), one)[0],
        )
        total += abs(p * both[0].item() + q * both[1].item())
    return total


BEST = {
    "minimax": np.log(P / P_G),
    "least squares (0, 1, 1)": P / (P + P_G),
    "least squares (-1, 1, 0)": (P - P_G) / (P + P_G),
}


@pytest.mark.parametrize("name", BEST)
def test_at_the_best_discriminator_the_slopes_of_reals_and_fakes_balance(name):
    assert on_points(OBJECTIVES[name], BEST[name]) < 1e-15
    assert on_points(OBJECTIVES[name], BEST[name] + 0.1) > 1e-3


# One-sided label smoothing -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Minimax, NonSaturating])
def test_smoothing_is_cross_entropy_with_the_target_of_the_reals_alone(kind):
    loss = kind(0.9).discriminator_loss(logits(*REAL), logits(*FAKE)).item()
    of_reals = -0.9 * np.log(sigma(REAL)) - 0.1 * np.log(1 - sigma(REAL))
    assert loss == pytest.approx(np.mean(of_reals) - np.mean(np.log(1 - sigma(FAKE))), rel=1e-14)


@pytest.mark.parametrize("kind", [Minimax, NonSaturating])
def test_smoothing_changes_nothing_for_the_generator(kind):
    assert kind(0.7).generator_loss(logits(*FAKE)).item() == kind().generator_loss(logits(*FAKE)).item()


def test_with_smoothed_labels_the_best_probability_of_a_real_is_the_target():
    real, fake = logits(np.log(9.0)), logits(-100.0)
    assert abs(slopes(Minimax(0.9).discriminator_loss(real, fake), real)[0][0]) < 1e-15


# Errors --------------------------------------------------------------------------------------------------------------


@every_objective
def test_an_empty_batch_is_refused(name):
    objective, empty, some = OBJECTIVES[name], Tensor(np.zeros((0, 1))), logits(1.0)
    with pytest.raises(ValueError, match=r"real logits of shape \(0, 1\) have no mean"):
        objective.discriminator_loss(empty, some)
    with pytest.raises(ValueError, match=r"fake logits of shape \(0, 1\) have no mean"):
        objective.discriminator_loss(some, empty)
    with pytest.raises(ValueError, match=r"fake logits of shape \(0, 1\) have no mean"):
        objective.generator_loss(empty, some)


@pytest.mark.parametrize("name", RELATIVISTIC)
def test_the_relativistic_generator_asks_for_the_real_logits(name):
    with pytest.raises(
        ValueError, match=r"compares fake logits with real ones: generator_loss\(D\(fake\), D\(real\)\)"
    ):
        OBJECTIVES[name].generator_loss(logits(1.0))
    with pytest.raises(ValueError, match=r"real logits of shape \(0, 1\) have no mean"):
        OBJECTIVES[name].generator_loss(logits(1.0), Tensor(np.zeros((0, 1))))


@pytest.mark.parametrize("shape", [(4,), (3, 1)])
def test_logits_that_do_not_pair_are_refused_and_not_broadcast(shape):
    """(N, 1) − (N,) would be all N² pairs."""
    other = Tensor(np.zeros(shape))
    with pytest.raises(ValueError, match="must have one shape to be compared in pairs; RelativisticAverage compares"):
        Relativistic().discriminator_loss(logits(*REAL), other)
    with pytest.raises(ValueError, match="must have one shape"):
        Relativistic().generator_loss(logits(*REAL), other)


@pytest.mark.parametrize("target", [0.0, 1.1, -0.1, float("nan")])
def test_a_target_that_is_no_probability_is_refused(target):
    with pytest.raises(ValueError, match=f"real_target={target} must be a number in"):
        Minimax(target)


def test_equal_targets_are_refused():
    with pytest.raises(ValueError, match="both 1.0: D would have nothing to tell apart"):
        LeastSquares(1.0, 1.0)


def test_an_objective_shows_its_options():
    assert repr(losses.NonSaturating(0.9)) == "NonSaturating(real_target=0.9)"
    assert repr(losses.Hinge()) == "Hinge()"
