"""Principal components: the best that codes of a few numbers can do if they are linear."""

import numpy as np
from numpy.typing import ArrayLike

from scratchgan.data.checks import whole
from scratchgan.metrics.points import as_points
from scratchgan.threads import on_one_thread


@on_one_thread
def pca_reconstruction(points: ArrayLike, components: int) -> np.ndarray:
    """x̂ = x̄ + V Vᵀ (x − x̄): what is left of points in as many directions V in which they differ most.

    V are the first right singular vectors of the centred points. No affine encoder and decoder with as many numbers
    between them lose less of these points, on average over their squares (Eckart & Young 1936).

    Parameters
    ----------
    points : array_like, (n, d)
    components : int
        From 1 to d.

    Returns
    -------
    ndarray of float64, (n, d)

    Raises
    ------
    ValueError
        For what is no matrix of finite numbers, or more components than numbers in a point.
    """
    points, components = as_points(points, "points"), whole(components, "components")
    if components > points.shape[1]:
        raise ValueError(f"points of {points.shape[1]} numbers have no {components} components")
    mean = points.mean(0)
    centred = points - mean
    _, directions = np.linalg.eigh(centred.T @ centred)  # in ascending order
    directions = directions[:, -components:]
    return mean + centred @ directions @ directions.T
