"""What keeps the two players in balance, beside their objectives: terms, noise, and a box for the weights."""

from collections.abc import Iterable, Mapping

import numpy as np

from scratchgan.backend import array_like, copied_like, to_numpy
from scratchgan.functional.elementwise import number
from scratchgan.hints import Array, Random
from scratchgan.nn.state import refuse_misfit
from scratchgan.tensor import Parameter, Tensor, floating, no_tensor

# Terms of a loss -----------------------------------------------------------------------------------------------------


def feature_matching(real: Tensor, fake: Tensor) -> Tensor:
    """‖E f(x) − E f(x̃)‖²: the generator matches the mean features of the data. It *replaces* its objective.

    Salimans et al. 2016, arXiv:1606.03498, §3.1; f is a hidden layer of the discriminator, which keeps its own loss.
    The means come before the difference: samples are not compared one by one, so the generator need not imitate any.
    The slope in one f(x̃) is −2 (E f(x) − E f(x̃)) / N, the same for all. (The authors' code divides by the number of
    features.)

    Parameters
    ----------
    real, fake : Tensor, (N, …), (M, …)
        Features f(x) and f(x̃) of one layer.

    Returns
    -------
    Tensor, ()

    Raises
    ------
    ValueError
        For features of two shapes, or none.
    """
    floating(real=real, fake=fake)
    if real.shape[1:] != fake.shape[1:] or not real.ndim == fake.ndim > 1:
        raise ValueError(
            f"real features {real.shape} and fake features {fake.shape} must be batches (N, …) of one layer's features"
        )
    if not len(real) or not len(fake):
        raise ValueError(f"features of shapes {real.shape} and {fake.shape} have no means: a batch is empty")
    difference = real.mean(0) - fake.mean(0)
    return (difference * difference).sum()


class HistoricalAverage:
    """‖θ − θ̄‖² with θ̄ = (1/t) Σᵢ θ[i], the mean of the t past values of a player's weights: a term of its loss.

    Salimans et al. 2016, arXiv:1606.03498, §3.3, after fictitious play: players that would circle around an equilibrium
    are drawn to the centre of their circle. θ̄ is a constant to the gradient, which is 2 (θ − θ̄). (If the average
    counts θ itself the exact gradient has a further factor 1 − 1/t.)

    Parameters
    ----------
    params : sequence of Parameter
        One player's; their present values are the first of the average.

    Attributes
    ----------
    means : list of array
        θ̄.
    count : int
        t.
    """

    def __init__(self, params: Iterable[Parameter]):
        self.params, self.count = list(params), 1
        if not self.params:
            raise ValueError("an average needs at least one parameter")
        floating(**{f"params[{i}]": p for i, p in enumerate(self.params)})
        self.means = [p.data.copy() for p in self.params]

    def penalty(self) -> Tensor:
        """‖θ − θ̄‖², summed over all weights, at their present values: Tensor, ()."""
        return sum(((p - Tensor(mean)) ** 2).sum() for p, mean in zip(self.params, self.means))

    def update(self) -> None:
        """Count the present values, after a step: θ̄ ← θ̄ + (θ − θ̄) / t."""
        self.count += 1
        self.means = [mean + (p.data - mean) / self.count for p, mean in zip(self.params, self.means)]

    def state_dict(self) -> dict[str, Array]:
        """The count and the means as NumPy arrays: {"count": …, "0": …, "1": …}."""
        means = {str(i): np.array(to_numpy(mean)) for i, mean in enumerate(self.means)}
        return {"count": np.array(self.count), **means}

    def load_state_dict(self, saved: Mapping[str, Array]) -> None:
        """Take over a `state_dict`.

        Raises
        ------
        ValueError
            When its entries, their shapes or their kinds of numbers are not those of these parameters.
        """
        refuse_misfit(self.state_dict(), saved, "average")
        if saved["count"] < 1:
            raise ValueError(f"the state does not fit this average: it counts {saved['count']} values")
        self.count = int(saved["count"])
        self.means = [copied_like(saved[str(i)], p.data) for i, p in enumerate(self.params)]


# Noise ---------------------------------------------------------------------------------------------------------------


def instance_noise(x: Tensor, scale: float, rng: Random) -> Tensor:
    """x + s n with n ~ N(0, I): what the discriminator is shown instead of x, real or fake.

    Sønderby et al. 2017, arXiv:1610.04490; Arjovsky & Bottou 2017, arXiv:1701.04862, §3. It smooths both
    distributions, so that they overlap and D cannot tell them apart perfectly. Show it noise in *every* place, reals
    and fakes, in its own steps and in the generator's (whose gradient passes unchanged), each draw afresh; else noise
    is what D learns to look for. Anneal s to 0, as with `linear_decay`.

    Parameters
    ----------
    x : Tensor, (N, …)
    scale : float
        s ≥ 0, in the units of x.
    rng : numpy.random.Generator

    Returns
    -------
    Tensor, (N, …)

    Raises
    ------
    ValueError
        For an s that is negative.
    """
    floating(x=x)
    scale = number("scale", scale)
    if not scale >= 0:
        raise ValueError(f"scale={scale} must not be negative: it is a standard deviation")
    return x + Tensor(array_like((scale * rng.standard_normal(x.shape)).astype(x.dtype), x.data))


def linear_decay(start: float, step: int, steps: int) -> float:
    """start · max(0, 1 − step/steps): from ``start`` at step 0 down to 0, where it stays.

    Raises
    ------
    ValueError
        For a duration that is no positive number of steps, or a step before 0.
    """
    if not steps > 0:
        raise ValueError(f"steps={steps} must be positive: the number of steps until 0 is reached")
    if not step >= 0:
        raise ValueError(f"step={step} must not be negative: the first step is 0")
    return start * max(0.0, 1 - step / steps)


# A box for the weights -----------------------------------------------------------------------------------------------


def clip_weights(params: Iterable[Parameter], bound: float) -> None:
    """w ← min(max(w, −c), c) for each weight: the box in which WGAN keeps its critic.

    Arjovsky et al. 2017, arXiv:1701.07875, Algorithm 1, line 7. In a box the critic has slopes up to some K, which
    nobody knows. *All* its parameters are meant, biases and the scales of batch norm as well, which fall from 1 to c;
    running statistics are buffers and no parameters.

    When: the paper clips *after* each critic step, so whatever looks at the critic next finds it in its box; the
    authors' code clips *before* the forward pass of each critic step, so the generator sees a critic that has left it
    by one step. Between a forward pass and its gradients the weights must not move, and `grad` would say so.

    Parameters
    ----------
    params : sequence of Parameter
        Such as ``critic.parameters()``.
    bound : float
        c > 0; 0.01 in the paper.

    Raises
    ------
    ValueError
        For a c that is not positive: every weight would be the same.
    """
    bound = number("bound", bound)
    if not bound > 0:
        raise ValueError(f"bound={bound} must be positive: weights are kept in [−bound, bound]")
    for i, p in enumerate(params):
        if not isinstance(p, Parameter):
            raise no_tensor(f"params[{i}]", p, "a Parameter")
        p.data = np.clip(p.data, -bound, bound)
