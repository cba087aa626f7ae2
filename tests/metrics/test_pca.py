"""Principal components: no linear code of as many numbers loses less."""

import numpy as np
import pytest
from seeded import rng

from scratchgan.data import DataError
from scratchgan.metrics import pca_reconstruction

POINTS = 3 + rng().standard_normal((50, 6)) * [5, 4, 3, 2, 1, 0.5] @ np.linalg.qr(rng(1).standard_normal((6, 6)))[0]


def lost(points, made):
    return ((made - points) ** 2).sum()


@pytest.mark.parametrize("components", range(1, 7))
def test_what_is_lost_are_the_singular_values_that_are_left_out(components):
    singular = np.linalg.svd(POINTS - POINTS.mean(0), compute_uv=False)
    made = pca_reconstruction(POINTS, components)
    assert made.shape == POINTS.shape and made.dtype == np.float64
    assert lost(POINTS, made) == pytest.approx((singular[components:] ** 2).sum(), abs=1e-9)
    assert np.linalg.matrix_rank(made - POINTS.mean(0), tol=1e-8) == components


def test_no_other_plane_through_the_mean_loses_less():
    best, mean = lost(POINTS, pca_reconstruction(POINTS, 2)), POINTS.mean(0)
    for seed in range(100):
        plane = np.linalg.qr(rng(seed).standard_normal((6, 2)))[0]
        assert lost(POINTS, mean + (POINTS - mean) @ plane @ plane.T) > best


def test_there_are_no_more_components_than_numbers():
    with pytest.raises(ValueError, match="points of 6 numbers have no 7 components"):
        pca_reconstruction(POINTS, 7)
    with pytest.raises(DataError, match="components"):
        pca_reconstruction(POINTS, 0)
    with pytest.raises(ValueError, match=r"points must have shape \(n, d\)"):
        pca_reconstruction(POINTS[0], 1)
