"""Where a penalty looks, when it is applied, and what it does to the smallest GAN.

The closed forms of all penalties are in gradcheck/test_objectives.py, WGAN-GP's own in models/test_wgan_gp.py.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seeded import rng

from scratchgan import Tensor, grad, nn
from scratchgan.losses import (
    R1,
    R1R2,
    GradientPenalty,
    NonSaturating,
    Wasserstein,
    gradient_norms,
    lazily,
    on_lines,
    perturb,
    r1_penalty,
    r1_r2_penalty,
    r2_penalty,
)

REAL, FAKE = (Tensor(rng(seed).standard_normal((count, 2, 3))) for seed, count in [(1, 4), (2, 5)])


def half_square(x):
    """D(x) = ½ ‖x‖², whose gradient is x."""
    return (x * x).flatten(1).sum(1, keepdim=True) / 2


def mean_square(x):
    return (x.data**2).sum((1, 2)).mean()


# Where ---------------------------------------------------------------------------------------------------------------


def test_r1_looks_at_the_reals_and_r2_at_the_fakes():
    assert r1_penalty(half_square, REAL, 3.0).item() == pytest.approx(1.5 * mean_square(REAL), rel=1e-14)
    assert r2_penalty(half_square, FAKE, 3.0).item() == pytest.approx(1.5 * mean_square(FAKE), rel=1e-14)
    both = r1_r2_penalty(half_square, REAL, FAKE, 3.0).item()
    assert both == pytest.approx(1.5 * (mean_square(REAL) + mean_square(FAKE)), rel=1e-14)


@pytest.mark.parametrize(
    "penalty, slopes",
    [
        (GradientPenalty(2.0, center=0.0), lambda x, between, fake, y: 2 * (y**2 * between).mean()),
        (R1(3.0), lambda x, between, fake, y: 1.5 * (y**2 * x).mean()),
        (R1R2(3.0), lambda x, between, fake, y: 1.5 * (y**2 * x).mean() + 1.5 * (y**2 * fake).mean()),
    ],
)
def test_a_penalty_of_a_conditional_critic_is_told_the_label(penalty, slopes):
    """Of D(x, y) = ½ y ‖x‖², whose gradient is y x: the squares of all slopes are y² ‖x‖²."""
    y, fake = Tensor(np.array([[1.0], [2.0], [3.0], [4.0]])), Tensor(REAL.data[::-1] + 1)
    found = penalty(lambda x, y: half_square(x) * y, REAL, fake, y, rng=rng())["penalty"]
    squares = [(x.data**2).sum((1, 2)) for x in (REAL, on_lines(REAL, fake, rng()), fake)]
    assert found.item() == pytest.approx(slopes(*squares, y.data[:, 0]), rel=1e-9)


def test_r2_sends_no_gradient_to_the_generator():
    shift, weight = Tensor(np.zeros((2, 3)), requires_grad=True), Tensor(np.ones(()), requires_grad=True)
    loss = r2_penalty(lambda x: half_square(x) * weight, FAKE + shift, 1.0)
    of_generator, of_critic = grad(loss, [shift, weight], allow_unused=True)
    assert not of_generator.data.any() and of_critic.item() > 1


@pytest.mark.parametrize("penalty", [r1_penalty, r2_penalty, lambda d, x, gamma: r1_r2_penalty(d, x, x, gamma)])
@pytest.mark.parametrize("gamma", [-1.0, float("nan")])
def test_a_negative_gamma_is_refused(penalty, gamma):
    with pytest.raises(ValueError, match=f"gamma={gamma} must not be negative"):
        penalty(half_square, REAL, gamma)


def test_dragan_looks_around_the_reals_in_all_directions():
    """Centred, normal, and of half the standard deviation of the batch."""
    real = Tensor(3 + 2 * rng().standard_normal((50, 20, 20)))
    noise = perturb(real, rng(1)).data - real.data
    assert abs(noise.mean()) < 0.02 and noise.std() == pytest.approx(0.5 * real.data.std(), rel=0.02)
    assert (noise**4).mean() / noise.var() ** 2 == pytest.approx(3, rel=0.05)
    assert np.abs(np.corrcoef(noise.reshape(50, -1)[:2])[0, 1]) < 0.2


def test_the_noise_of_dragan_grows_with_the_range_of_the_data_and_with_the_scale():
    noise = perturb(REAL, rng()).data - REAL.data
    wide = Tensor(255 * REAL.data)
    np.testing.assert_allclose(perturb(wide, rng()).data - wide.data, 255 * noise, rtol=1e-12)
    np.testing.assert_allclose(perturb(REAL, rng(), scale=1.0).data - REAL.data, 2 * noise, rtol=1e-12)
    np.testing.assert_array_equal(perturb(REAL, rng(), scale=0).data, REAL.data)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_perturbed_points_are_leaves_in_the_dtype_of_the_data(dtype):
    points = perturb(Tensor(REAL.data.astype(dtype), requires_grad=True), rng())
    assert points.dtype == dtype and points.requires_grad and not points.edges
    np.testing.assert_allclose(gradient_norms(half_square, points).data ** 2, (points.data**2).sum((1, 2)), rtol=1e-5)


@pytest.mark.parametrize("scale", [-0.5, float("nan")])
def test_a_negative_scale_of_the_noise_is_refused(scale):
    with pytest.raises(ValueError, match=f"scale={scale} must not be negative"):
        perturb(REAL, rng(), scale)


# When ----------------------------------------------------------------------------------------------------------------


@given(st.integers(1, 7), st.integers(1, 4))
def test_a_lazy_penalty_is_the_same_on_average(every, rounds):
    terms = [lazily(lambda: Tensor(np.array(2.5)), step, every) for step in range(every * rounds)]
    assert sum(float(term) for term in terms) == pytest.approx(2.5 * every * rounds)
    assert [float(term) > 0 for term in terms] == [step % every == 0 for step in range(every * rounds)]


def test_between_its_steps_a_lazy_penalty_is_not_computed():
    def penalty():
        raise AssertionError("computed")

    assert lazily(penalty, step=3, every=4) == 0
    with pytest.raises(AssertionError, match="computed"):
        lazily(penalty, step=4, every=4)


def test_a_step_without_its_penalty_is_a_step_on_the_loss_alone():
    critic = nn.Sequential(nn.Flatten(), nn.Linear(6, 1, rng=rng())).to(np.float64)
    loss = Wasserstein().discriminator_loss(critic(REAL), critic(FAKE))
    beside = loss + lazily(lambda: r1_penalty(critic, REAL, 1.0), step=1, every=2)
    assert beside.item() == loss.item() and beside.dtype == loss.dtype


@pytest.mark.parametrize("every", [0, -2, 1.5, float("inf"), True])
def test_a_penalty_applied_never_is_refused(every):
    with pytest.raises(ValueError, match=f"every={every} must be a whole number, at least 1"):
        lazily(lambda: 0.0, 0, every)


# The smallest GAN ----------------------------------------------------------------------------------------------------
#
# Data at 0, one generated point θ, D(x) = ψx: whether training converges is seen in two numbers.


def radius_after(steps, objective, gamma, rate=0.1):
    """Of (θ, ψ) from (1, 1), D first, relative to the start."""
    theta, psi = (Tensor(np.ones((1, 1)), requires_grad=True) for _ in range(2))
    data = Tensor(np.zeros((1, 1)))
    for _ in range(steps):
        critic = lambda x: x * psi  # noqa: B023,E731
        loss = objective.discriminator_loss(critic(data), critic(theta)) + r1_penalty(critic, data, gamma)
        psi = Tensor(psi.data - rate * grad(loss, psi)[0].data, requires_grad=True)
        loss = objective.generator_loss(theta * psi)
        theta = Tensor(theta.data - rate * grad(loss, theta)[0].data, requires_grad=True)
    return np.hypot(theta.item(), psi.item()) / np.sqrt(2)


def test_without_a_penalty_the_wasserstein_game_turns_in_circles():
    assert radius_after(300, Wasserstein(), 0.0) > 0.9


@pytest.mark.parametrize("objective", [Wasserstein(), NonSaturating()])
@pytest.mark.parametrize("gamma", [0.3, 1.0])
def test_r1_lets_the_game_converge(objective, gamma):
    assert radius_after(300, objective, gamma) < 0.05


def test_the_non_saturating_game_with_r1_ends_where_the_theory_says():
    """The eigenvalues −γ/2 ± √(γ²/4 − ¼) at γ = 0.3: it spirals in as e^(−γt/2), t = 0.1 · 300."""
    assert radius_after(300, NonSaturating(), 0.3) == pytest.approx(np.exp(-0.15 * 30), rel=0.5)


@pytest.mark.parametrize("shape", [(), (1,), (4, 2), (2, 2)])
def test_a_critic_gives_one_score_for_each_sample(shape):
    """Of (4, 2), the slopes of two scores would be added before they are squared."""
    critic = lambda x: x.sum() * Tensor(np.ones(shape))  # noqa: E731
    with pytest.raises(ValueError, match=r"one score for each of 4 samples, \(N,\) or \(N, 1\), not \("):
        r1_penalty(critic, REAL, 1.0)
