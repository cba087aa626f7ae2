"""Diffusion: images that fade into noise, up to a stage that follows how sure a discriminator is."""

from collections.abc import Mapping, Sequence

import numpy as np

from scratchgan.hints import Array, Random
from scratchgan.nn.options import Number, Several, Whole

LAWS = {
    "uniform": lambda T: np.ones(T),
    "paper": lambda T: np.arange(1, T + 1),
    "code": lambda T: np.arange(T),
}  # T: weights of the stages 1 … T


class Diffusion:
    """x ↦ √ᾱ_t x + √(1 − ᾱ_t) σ ε, of which the last stage T adapts.

    Wang et al. 2022, arXiv:2206.02262, §3. With ε ~ N(0, I), β₁ … β_T in a straight line from 10⁻⁴ to 0.02, and
    ᾱ_t = (1 − β₁) ⋯ (1 − β_t), ᾱ₀ = 1: the image fades, and the noise never exceeds σ. Every few batches

        r = E sign(D) over the reals of these batches,    p ← p + sign(r − d) · images / rise,    p within [0, 1],
        T = T_min + round(p (T_max − T_min)),

    with p = 0 at first. The line of β is stretched over the new T, so the same t then means less noise. Then 64 stages
    are drawn anew, of which each image takes one at random: 32 zeros, and 32 of 1 … T by one of three laws,

        "uniform"    P(t) = 1/T
        "paper"      P(t) ∝ t: late stages, where more noise is, come more often
        "code"       P(t) ∝ t − 1: what the authors' program draws for it. The stage 1 never comes

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws the first stages.
    timesteps : tuple of int
        T_min and T_max, from 2; (0, 0) for no diffusion.
    sigma : float
        σ.
    law : {"uniform", "paper", "code"}
    target : float
        d: of the reals, the share that D takes for real minus the share that it does not.
    rise : float
        The images in which p goes from 0 to 1, if it only rises.
    every : int
        Batches from one change to the next.
    """

    timesteps, sigma, every = Several(Whole("[0, ∞)"), 2), Number("[0, ∞)"), Whole()
    target, rise = Number("[-1, 1]"), Number("(0, ∞)")

    def __init__(
        self,
        rng: Random,
        timesteps: tuple[int, int] = (5, 500),
        sigma: float = 0.05,
        law: str = "uniform",
        target: float = 0.6,
        rise: int = 20_000,
        every: int = 4,
    ):
        self.timesteps, self.sigma, self.target, self.rise, self.every = timesteps, sigma, target, rise, every
        if self.timesteps != (0, 0) and not 2 <= self.timesteps[0] <= self.timesteps[1]:
            raise ValueError(f"timesteps={timesteps} must be T_min ≤ T_max from 2 on, or (0, 0) for no diffusion")
        if law not in LAWS:
            raise ValueError(f"law={law!r} is none of {', '.join(LAWS)}")
        self.law, self.p, self.signs, self.images, self.batches = law, 0.0, 0.0, 0, 0
        self.stages = self._drawn(rng)

    @property
    def T(self):
        """The length of the chain."""
        shortest, longest = self.timesteps
        return shortest + round(self.p * (longest - shortest))

    def kept(self) -> Array:
        """ᾱ_t for t = 0 … T: array (T + 1,)."""
        return np.append(1.0, np.cumprod(1 - np.linspace(1e-4, 0.02, self.T)))

    def _drawn(self, rng):
        """t of 64 images: 32 zeros, and 32 draws by the law; array of integers."""
        weights = LAWS[self.law](self.T)
        draws = rng.choice(np.arange(1, self.T + 1), 32, p=weights / weights.sum()) if self.T else np.zeros(32, int)
        return np.append(np.zeros(32, int), draws)

    def draw(self, shape: Sequence[int], rng: Random) -> tuple[Array, Array, Array]:
        """t of each image of a batch, and what it is multiplied by, and what is added.

        Parameters
        ----------
        shape : tuple of int
            (N, …), of the images.
        rng : numpy.random.Generator

        Returns
        -------
        share, scale, noise : array, (N, 1), (N, 1, …), (N, …)
            s = t / T_max, √ᾱ_t, and √(1 − ᾱ_t) σ ε: y = scale · x + noise.
        """
        t = self.stages[rng.integers(len(self.stages), size=(shape[0], *(1,) * (len(shape) - 1)))]
        kept = self.kept()[t]
        noise = np.sqrt(1 - kept) * self.sigma * rng.standard_normal(shape)
        return t.reshape(-1, 1) / max(self.timesteps[1], 1), np.sqrt(kept), noise

    def observe(self, sign: float, count: int) -> None:
        """Take note of a batch of ``count`` reals, and of the mean sign of D on them."""
        self.signs, self.images, self.batches = self.signs + sign * count, self.images + count, self.batches + 1

    def adapt(self, rng: Random) -> None:
        """After ``every`` batches a new T, longer where D was surer than the target, and new stages.

        Where the signs are no numbers, as in a training that breaks down, they say nothing, and all stays as it is.
        """
        if self.batches < self.every or np.isnan(self.signs):
            return
        step = np.sign(self.signs / self.images - self.target) * self.images / self.rise
        self.p = float(np.clip(self.p + step, 0, 1))
        self.signs, self.images, self.batches, self.stages = 0.0, 0, 0, self._drawn(rng)

    def state_dict(self) -> dict[str, Array]:
        """p, what was observed since T last changed, and the stages, (64,)."""
        return {name: np.array(getattr(self, name)) for name in ("p", "signs", "images", "batches", "stages")}

    def load_state_dict(self, state: Mapping[str, Array]) -> None:
        """Take over a `state_dict`; ValueError for one of another chain."""
        before, self.p = self.p, float(state["p"])
        stages = state["stages"]
        if not 0 <= self.p <= 1 or stages.shape != (64,) or stages.min() < 0 or stages.max() > self.T:
            found, self.p = self.p, before
            raise ValueError(f"p = {found} and stages {stages} do not fit a chain of T from {self.timesteps}")
        self.signs, self.images, self.batches = float(state["signs"]), int(state["images"]), int(state["batches"])
        self.stages = stages.copy()
