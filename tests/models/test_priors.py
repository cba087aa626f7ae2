"""Mixtures of Gaussians of any shape: draws, exact moments, and the likeliest mode."""

import numpy as np
import pytest
from seeded import rng

from scratchgan.models.priors import Mixture, categorical, one_gaussian, petals


def three():
    draw = rng(1)
    return Mixture(2 * draw.standard_normal((3, 2)), draw.standard_normal((3, 2, 2)))


def test_draws_of_a_mode_have_its_mean_and_covariance():
    prior = three()
    for k in range(3):
        z = prior.draw(40_000, rng(2), np.full(40_000, k))
        np.testing.assert_allclose(z.mean(0), prior.centres[k], atol=0.05)
        np.testing.assert_allclose(np.cov(z.T), prior.factors[k] @ prior.factors[k].T, atol=0.06)


def test_the_moments_are_those_of_many_draws_and_the_gaps_to_them_vanish():
    prior = three()
    z = prior.draw(100_000, rng(3))
    mean, covariance = prior.moments()
    np.testing.assert_allclose(z.mean(0), mean, atol=0.04)
    np.testing.assert_allclose(np.cov(z.T), covariance, atol=0.1)
    assert max(prior.gaps(z)) < 0.03


def test_gaps_are_in_coordinates_where_the_prior_is_white():
    prior = Mixture(np.array([[1.0, 2.0]]), np.array([[[2.0, 0.0], [1.0, 0.5]]]))
    u = rng(4).standard_normal((50, 2))
    mean, covariance = prior.gaps(prior.centres + u @ prior.factors[0].T)
    assert mean == pytest.approx(np.abs(u.mean(0)).max())
    assert covariance == pytest.approx(np.abs(np.cov(u.T) - np.eye(2)).max())
    one = one_gaussian(1)
    assert one.gaps(np.array([[0.0], [2.0]])) == pytest.approx((1.0, 1.0))


def test_a_latent_is_of_the_mode_with_the_highest_density():
    prior, z = three(), 3 * rng(5).standard_normal((200, 2))
    densities = []
    for centre, factor in zip(prior.centres, prior.factors):
        covariance, away = factor @ factor.T, z - centre
        quadratic = (away @ np.linalg.inv(covariance) * away).sum(1)
        densities.append(np.exp(-quadratic / 2) / np.sqrt(np.linalg.det(covariance)))
    np.testing.assert_array_equal(prior.modes_of(z), np.argmax(densities, 0))
    assert set(prior.modes_of(z)) == {0, 1, 2}


def test_modes_are_drawn_alike():
    far = Mixture(100.0 * np.arange(4)[:, None], np.ones((4, 1, 1)))
    shares = np.bincount(np.rint(far.draw(8000, rng())[:, 0] / 100).astype(int), minlength=4) / 8000
    np.testing.assert_allclose(shares, 0.25, atol=0.02)


def test_one_gaussian_is_the_standard_normal():
    mean, covariance = one_gaussian(5).moments()
    assert (mean == 0).all() and (covariance == np.eye(5)).all()
    assert one_gaussian(5).draw(3, rng()).shape == (3, 5)


def test_petals_are_longer_than_wide_and_point_away_from_the_middle():
    prior = petals(2, 8, radius=3.0, along=0.6, across=0.2)
    np.testing.assert_allclose(np.linalg.norm(prior.centres, axis=1), 3)
    for k in range(8):
        out = prior.centres[k] / 3
        z = prior.draw(20_000, rng(k), np.full(20_000, k)) - prior.centres[k]
        assert (z @ out).std() == pytest.approx(0.6, rel=0.03)
        assert (z @ [-out[1], out[0]]).std() == pytest.approx(0.2, rel=0.03)
    z = petals().draw(5000, rng(), np.arange(5000) % 10)
    assert (petals().modes_of(z) == np.arange(5000) % 10).mean() > 0.99  # they hardly overlap
    with pytest.raises(ValueError, match="petals lie in the plane, and latents of 3 numbers do not"):
        petals(3)


def test_a_categorical_prior_draws_one_of_its_kinds():
    prior = categorical(4)
    z = prior.draw(4000, rng())
    assert set(np.unique(z)) == {0, 1} and (z.sum(1) == 1).all()
    np.testing.assert_allclose(z.mean(0), 0.25, atol=0.03)
    np.testing.assert_array_equal(prior.draw(3, rng(), [2, 0, 3]), prior.centres[[2, 0, 3]])
    assert prior.modes_of([[0.2, 0.5, 0.3, 0.0], [0.4, 0.3, 0.2, 0.1]]).tolist() == [1, 0]


def test_between_kinds_there_are_shares_and_between_locations_an_arc():
    one, other = categorical(3).centres[:2]
    np.testing.assert_allclose(categorical(3).between(one, other, [0, 0.25, 1]), [one, [0.75, 0.25, 0], other])
    middle = one_gaussian(3).between(one, other, [0.5])
    np.testing.assert_allclose(middle, [(one + other) / 2**0.5])
