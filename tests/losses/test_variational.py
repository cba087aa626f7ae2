"""The terms of variational bounds: sums over pixels and latents, right beside Monte Carlo, exact sums and limits."""

import itertools

import numpy as np
import pytest
from seeded import rng

from scratchgan import Tensor, grad
from scratchgan.functional import binary_cross_entropy_with_logits
from scratchgan.losses import (
    bernoulli,
    bernoulli_nll,
    gaussian_kl,
    gaussian_nll,
    importance_bound,
    reparametrise,
)


def normal(*shape, seed=0):
    return Tensor(rng(seed).standard_normal(shape))


MEAN, LOG_VARIANCE = normal(5, 3), normal(5, 3, seed=1)


def constant(*shape, value=0.0):
    return Tensor(np.full(shape, value))


# The KL of a Gaussian ------------------------------------------------------------------------------------------------


def test_the_kl_is_the_mean_of_the_log_ratio_of_densities():
    """Against Monte Carlo: E_q [log q(z) − log p(z)]."""
    count = 200_000
    for i in range(len(MEAN)):
        mean, log_variance = (Tensor(np.tile(x.data[i], (count, 1))) for x in (MEAN, LOG_VARIANCE))
        z = reparametrise(mean, log_variance, rng(i))
        nothing = constant(count, 3)
        ratio = (gaussian_nll(z, nothing, nothing) - gaussian_nll(z, mean, log_variance)).data
        error = ratio.std() / np.sqrt(count)
        assert gaussian_kl(MEAN, LOG_VARIANCE).data[i] == pytest.approx(ratio.mean(), abs=4 * error) and error < 0.01


def test_the_kl_of_the_prior_is_nothing_and_that_of_a_wider_or_moved_code_is_known():
    def kl(mean, variance):
        return gaussian_kl(constant(1, 2, value=mean), constant(1, 2, value=np.log(variance))).item()

    assert kl(0.0, 1.0) == 0
    assert kl(3.0, 1.0) == pytest.approx(9)  # ½ · 2 · 9
    assert kl(0.0, 4.0) == pytest.approx(3 - np.log(4))


def test_its_slopes_are_those_of_the_paper():
    mean, log_variance = (Tensor(x.data, requires_grad=True) for x in (MEAN, LOG_VARIANCE))
    slopes = grad(gaussian_kl(mean, log_variance).sum(), [mean, log_variance])
    np.testing.assert_allclose(slopes[0].data, MEAN.data)
    np.testing.assert_allclose(slopes[1].data, (np.exp(LOG_VARIANCE.data) - 1) / 2)


# Likelihoods ---------------------------------------------------------------------------------------------------------


def test_a_gaussian_density_has_the_mass_one():
    z = np.linspace(-9, 9, 2001)[:, None]
    density = np.exp(-gaussian_nll(Tensor(z), 0.4 + 0 * Tensor(z), -0.7 + 0 * Tensor(z)).data)
    assert density.sum() * (z[1, 0] - z[0, 0]) == pytest.approx(1, abs=1e-9)
    assert z[density.argmax(), 0] == pytest.approx(0.4, abs=0.005)


def test_the_probabilities_of_all_images_of_a_few_pixels_sum_to_one():
    logits = normal(1, 1, 2, 2)
    images = np.array(list(itertools.product([0.0, 1.0], repeat=4))).reshape(16, 1, 2, 2)
    nll = bernoulli_nll(Tensor(np.tile(logits.data, (16, 1, 1, 1))), Tensor(images))
    assert nll.shape == (16,) and np.exp(-nll.data).sum() == pytest.approx(1)


def test_it_is_the_cross_entropy_summed_over_the_pixels_of_each_image():
    logits, grey = normal(3, 2, 4, 5), Tensor(rng().random((3, 2, 4, 5)))
    each = binary_cross_entropy_with_logits(logits, grey, reduction="none").data.reshape(3, -1).sum(1)
    np.testing.assert_allclose(bernoulli_nll(logits, grey).data, each)


def test_no_logarithm_of_a_rounded_probability_is_taken():
    """Where σ(a) is 1 to the last digit, a black pixel costs a nats, and pulls with all its weight."""
    logits = Tensor(np.array([[200.0], [-200.0]], np.float32), requires_grad=True)
    wrong = bernoulli_nll(logits, Tensor(np.array([[0.0], [1.0]], np.float32)))
    np.testing.assert_array_equal(wrong.data, [200, 200])
    (slope,) = grad(wrong.sum(), logits)
    np.testing.assert_array_equal(slope.data, [[1], [-1]])


@pytest.mark.parametrize("x", [-0.1, 1.1, np.nan])
def test_images_beyond_black_and_white_are_refused(x):
    with pytest.raises(ValueError, match=r"x must lie in \[0, 1\], got .* are taken there by"):
        bernoulli_nll(constant(2, 3), constant(2, 3, value=x))
    with pytest.raises(ValueError, match=r"got -1…0\.5; images in \[−1, 1\]"):
        bernoulli_nll(constant(1, 2), Tensor(np.array([[0.5, -1.0]])))
    with pytest.raises(ValueError, match=r"probabilities must lie in \[0, 1\], got .*; of logits take the sigmoid"):
        bernoulli(constant(2, 3, value=x), rng())


@pytest.mark.parametrize("call", [gaussian_kl, bernoulli_nll, lambda a, b: reparametrise(a, b, rng())])
def test_shapes_that_would_be_broadcast_are_refused(call):
    with pytest.raises(ValueError, match=r"of shape \(4, 3\) and \w+ of shape \(4, 1\) differ"):
        call(constant(4, 3), constant(4, 1))
    with pytest.raises(ValueError, match=r"z of shape \(4, 3\) and log_variance of shape \(3,\) differ"):
        gaussian_nll(constant(4, 3), constant(4, 3), constant(3))


def test_codes_may_be_maps_and_each_image_has_one_number():
    """A sum over the last axis alone would be a number for each row of a map, and its mean too small."""
    maps, rows = [(normal(5, *shape), normal(5, *shape, seed=1)) for shape in ((2, 3, 4), (24,))]
    for term in (gaussian_kl, lambda a, b: gaussian_nll(a, a, b), lambda a, b: bernoulli_nll(a, b.sigmoid())):
        assert term(*maps).shape == (5,)
        np.testing.assert_allclose(term(*maps).data, term(*rows).data)


def test_a_bound_needs_draws_of_each_example():
    for shape in ((0, 3), (3,), (2, 3, 1)):
        with pytest.raises(ValueError, match=r"log_weights are \(K, N\), K at least 1"):
            importance_bound(constant(*shape))


# The importance-weighted bound ---------------------------------------------------------------------------------------


def test_it_is_the_logarithm_of_the_mean_weight():
    weights = normal(7, 3)
    np.testing.assert_allclose(importance_bound(weights).data, np.log(np.exp(weights.data).mean(0)))
    assert importance_bound(weights - 2000).data == pytest.approx(importance_bound(weights).data - 2000)


def test_where_the_likelihood_is_known_it_rises_to_it_with_the_samples():
    """x = z + n with z, n ~ N(0, 1): log p(x) is that of N(0, 2). The codes are worse than the true posterior."""
    count, x = 2000, constant(2000, 1, value=0.8)
    nothing = constant(count, 1)
    truth = -gaussian_nll(x, nothing, nothing + np.log(2)).data[0]

    def bound(samples):
        generator, weights = rng(samples), []
        for _ in range(samples):
            z = reparametrise(nothing + 0.1, nothing + 0.1, generator)
            weights.append(gaussian_nll(z, nothing + 0.1, nothing + 0.1) - gaussian_nll(z, nothing, nothing))
            weights[-1] = (weights[-1] - gaussian_nll(x, z, nothing)).data
        return importance_bound(Tensor(np.stack(weights))).data.mean()

    one, few, many = bound(1), bound(5), bound(200)
    assert one + 0.1 < few < many < truth + 0.005 and many == pytest.approx(truth, abs=0.01)


# Samples -------------------------------------------------------------------------------------------------------------


def test_samples_have_the_mean_and_the_deviation_that_they_are_given():
    z = reparametrise(constant(100_000, 2, value=3.0), constant(100_000, 2, value=np.log(4)), rng()).data
    np.testing.assert_allclose(z.mean(0), 3, atol=0.03)
    np.testing.assert_allclose(z.std(0), 2, atol=0.02)
    assert abs(np.corrcoef(z.T)[0, 1]) < 0.02  # each number has noise of its own
    np.testing.assert_array_equal(z, reparametrise(0 * Tensor(z) + 3, 0 * Tensor(z) + np.log(4), rng()).data)


def test_numbers_keep_their_precision():
    x = Tensor(np.full((3, 2), 0.5, np.float32))
    found = reparametrise(x, x, rng()), bernoulli(x, rng()), gaussian_kl(x, x), gaussian_nll(x, x, x)
    assert {each.dtype for each in (*found, bernoulli_nll(x, x), importance_bound(x))} == {np.dtype(np.float32)}


def test_bits_are_white_as_often_as_said_and_constants():
    grey = Tensor(np.tile([0.0, 0.2, 0.9, 1.0], (20_000, 1)).astype(np.float32), requires_grad=True)
    drawn = bernoulli(grey, rng())
    assert drawn.dtype == np.float32 and not drawn.requires_grad and set(np.unique(drawn.data)) == {0, 1}
    np.testing.assert_allclose(drawn.data.mean(0), [0, 0.2, 0.9, 1], atol=0.01)
    assert drawn.data[:, 0].max() == 0 and drawn.data[:, 3].min() == 1
