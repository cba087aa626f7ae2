"""What the styles of a StyleGAN do: mixed, cut short, and on the way from one to another.

Karras et al. 2019 (arXiv:1812.04948) say that w has two advantages over z: each layer can be given another one, and its
space is less bent, so that a direction in it means one thing. Both can be measured, and each measure here has a value
that a generator without that property would get. Distances are in units of two unrelated images of the same generator.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from scratchgan.hints import Random
from scratchgan.lab.latent import apart, lengths
from scratchgan.metrics.classifier import Classifier
from scratchgan.metrics.fidelity import precision_recall
from scratchgan.nn import Module
from scratchgan.tensor import Tensor, no_grad
from scratchgan.threads import on_one_thread

Look = Callable[[np.ndarray], np.ndarray]  # of images, or of places on a path

BLOCK = 500  # images that are made together
GROUPS = {"coarse (4×4, 8×8)": slice(0, 4), "middle (16×16)": slice(4, 6), "fine (32×32)": slice(6, None)}  # of layers


class Styled:
    """A generator with styles as functions of arrays: z -> w, and styles -> images (N, C, H, W) in [−1, 1].

    Parameters
    ----------
    generator : models.stylegan.Generator
        It stays as it is. Images are of its last level.
    dtype : {np.float32, np.float64}
    """

    def __init__(self, generator: Module, dtype: DTypeLike = np.float32):
        self.network, self.dtype = copy.deepcopy(generator).to(dtype), dtype
        self.center, self.latent_size = self.network.center, len(self.network.center)  # w̄
        self.layers = 2 * len(self.network.blocks)

    def w(self, z: np.ndarray) -> np.ndarray:
        """f(z): (N, d) -> (N, d)."""
        with no_grad():
            return self.network.mapping(self._tensor(z)).data

    def __call__(self, styles: np.ndarray | list[np.ndarray], noise: int = 0) -> np.ndarray:
        """Images of styles: an array (N, d) for all layers, or a list with one for each layer.

        The same ``noise``, an integer, is the same noise.
        """
        rng = np.random.default_rng(noise)
        styles = styles if isinstance(styles, list) else [styles] * self.layers
        starts = range(0, len(styles[0]), BLOCK)
        return np.concatenate([self._made([w[start : start + BLOCK] for w in styles], rng) for start in starts])

    def _made(self, styles, rng):
        with no_grad():
            images = self.network.synthesis([self._tensor(w) for w in styles], len(self.network.blocks) - 1, rng)
        return np.clip(images.data, -1, 1)

    def _tensor(self, array):
        return Tensor(np.asarray(array, self.dtype))


# Mixing, noise, truncation -------------------------------------------------------------------------------------------


def mixed(w: np.ndarray, other: np.ndarray, group: slice, layers: int) -> list[np.ndarray]:
    """The styles w, but in a ``group`` of the layers, a slice, those of ``other``: a list of arrays (N, d)."""
    exchanged = range(layers)[group]
    return [other if i in exchanged else w for i in range(layers)]


def change(before: np.ndarray, after: np.ndarray) -> float:
    """The mean distance of images (N, …), or of features, before and after, over that of two unrelated ones."""
    return float(lengths(after - before).mean() / apart(before))


def noise_deviation(generator: Styled, w: np.ndarray, draws: int = 64) -> np.ndarray:
    """The standard deviation of each pixel over draws of the noise, with styles w (N, d): array (N, C, H, W)."""
    return np.std([generator(w, noise=draw) for draw in range(draws)], axis=0)


def truncated(generator: Styled, w: np.ndarray, psi: float) -> np.ndarray:
    """w̄ + ψ (w − w̄)."""
    return generator.center + psi * (w - generator.center)


def spread(images: np.ndarray) -> float:
    """√E ‖x − E x‖²: how much images (N, …) differ; a float."""
    return float(np.sqrt(np.mean(lengths(images - images.mean(0)) ** 2)))


def at_psi(
    generator: Styled, w: np.ndarray, psi: float, look: Look | None = None, real: np.ndarray | None = None
) -> dict[str, float]:
    """The `spread` of truncated images; and their precision and recall, where there is a ``look``.

    Parameters
    ----------
    w : array, (N, d)
    look : callable, optional
        Images -> features (N, …).
    real : array, (M, …)
        Features of real images.

    Returns
    -------
    dict of str to float
    """
    images = generator(truncated(generator, w, psi))
    shares = precision_recall(real, look(images)) if look else ()
    return {"spread": spread(images), **dict(zip(("precision", "recall"), shares))}


# Paths ---------------------------------------------------------------------------------------------------------------


def line(start: np.ndarray, end: np.ndarray, t: np.ndarray) -> np.ndarray:
    """(1 − t) start + t end: arrays (N, …), and t (N,)."""
    t = t.reshape(-1, *(1,) * (start.ndim - 1))
    return (1 - t) * start + t * end


def arc(start: np.ndarray, end: np.ndarray, t: np.ndarray) -> np.ndarray:
    """As `models.latents.slerp`, for many pairs (N, d), none of them parallel, each with a t of its own, (N,)."""
    angle = np.arccos((start * end).sum(1) / (lengths(start) * lengths(end)))[:, None]
    t = t[:, None]
    return (np.sin((1 - t) * angle) * start + np.sin(t * angle) * end) / np.sin(angle)


def path_length(walk: Look, look: Look, t: np.ndarray, epsilon: float = 1e-4) -> float:
    """E ‖φ(t + ε) − φ(t)‖² / ε² with the features φ on a path, over E ‖φ(1) − φ(0)‖².

    So a path that is straight in the space of the features, and walked evenly, has 1; over t in [0, 1] none has less,
    by the Cauchy–Schwarz inequality. One that jumps has 1 / ε.

    Karras et al. 2019, §4.1, have VGG for φ, and another unit. Numbers of other features cannot be compared.

    Parameters
    ----------
    walk : callable
        ``t -> images``, t of shape (N,), each the place on a path of its own. In float64: differences of size ε have
        but few digits in float32.
    look : callable
        Images -> features (N, …), in float64, too.
    t : array, (N,)
        From 0 to 1 − ε.

    Returns
    -------
    float
    """
    here, there, start, end = (look(walk(place)) for place in (t, t + epsilon, 0 * t, 0 * t + 1))
    return float(np.mean(lengths(there - here) ** 2) / epsilon**2 / np.mean(lengths(end - start) ** 2))


def digits(images: np.ndarray) -> np.ndarray:
    """Digits of 32×32 pixels without their margin of 2, which an untrained generator has not left black; or 28×28."""
    margin = (images.shape[-1] - 28) // 2
    return images[:, :, margin : margin + 28, margin : margin + 28]


def features64(network: Classifier) -> Look:
    """The features of a `metrics.classifier.Classifier` in float64: `digits` -> (N, 128)."""
    network = copy.deepcopy(network).to(np.float64)

    def look(images):
        images = np.asarray(digits(images), np.float64)
        with no_grad():
            starts = range(0, len(images), BLOCK)
            return np.concatenate([network.features(Tensor(images[start : start + BLOCK])).data for start in starts])

    return look


# Directions ----------------------------------------------------------------------------------------------------------


def within(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Values (N, …) less the means of their classes; labels are integers (N,)."""
    means = {label: values[labels == label].mean(0) for label in np.unique(labels)}
    return values - np.stack([means[label] for label in labels])


@dataclass(frozen=True)
class Fit:
    """The linear fit of k attributes on latents, within classes: v ≈ A′x, where x and v are less the class means.

    coefficients : (d, k), A.   covariance : (d, d), C of x.
    """

    coefficients: np.ndarray
    covariance: np.ndarray

    @classmethod
    @on_one_thread
    def of(cls, latents: np.ndarray, values: np.ndarray, labels: np.ndarray) -> "Fit":
        """By least squares, of arrays (N, d), (N, k) and (N,)."""
        x, v = within(latents, labels), within(values, labels)
        return cls(np.linalg.lstsq(x, v, rcond=None)[0], x.T @ x / len(x))

    @on_one_thread
    def explained(self, latents: np.ndarray, values: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """R² on other samples, (k,): 1 where an attribute is a linear function of the latent; noise has at most 0."""
        x, v = within(latents, labels), within(values, labels)
        return 1 - ((v - x @ self.coefficients) ** 2).sum(0) / (v**2).sum(0)

    @on_one_thread
    def steps(self, length: float) -> np.ndarray:
        """For each attribute the step that changes it most, and the others not at all: rows (k, d).

        Among all steps δ with A′δ = e, where e has a 1 for one attribute and 0 for the others, it is the one with the
        least δ′C⁻¹δ, the likeliest:

            δ = C A (A′C A)⁻¹ e        with        δ′C⁻¹δ = e′(A′C A)⁻¹ e.

        All are brought to the ``length`` √δ′C⁻¹δ, in deviations of the latents, so that they compare between spaces.
        """
        reached = self.covariance @ self.coefficients
        scale = np.sqrt(np.diag(self.coefficients.T @ reached))  # in these units, the inverse is well conditioned
        inverse = np.linalg.pinv(self.coefficients.T @ reached / np.outer(scale, scale))
        return length * (reached / scale @ inverse / np.sqrt(np.diag(inverse))).T

    @on_one_thread
    def anyhow(self, count: int, length: float, rng: Random) -> np.ndarray:
        """Random steps of the same length: (count, d)."""
        values, vectors = np.linalg.eigh(self.covariance)
        unit = rng.standard_normal((count, len(values)))
        unit *= length / np.linalg.norm(unit, axis=1, keepdims=True)
        return unit * np.sqrt(np.maximum(values, 0)) @ vectors.T


def leakage(change: np.ndarray, wanted: int) -> float:
    """How much the other attributes change for each unit that the wanted one does: Σ |Δu| / (k − 1) over Σ |Δv|.

    It is 0 where nothing else changes, and about 1 for a random direction, to which all attributes are alike.

    Parameters
    ----------
    change : array, (N, k)
        Of attributes, each in its deviations.
    wanted : int
        The column.

    Returns
    -------
    float
    """
    sizes = np.abs(change).mean(0)
    return float(np.delete(sizes, wanted).mean() / sizes[wanted])
