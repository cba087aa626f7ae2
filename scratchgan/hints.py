"""Short names for the types that the interface is hinted with."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from scratchgan.tensor import Tensor

Array: TypeAlias = np.ndarray  # or CuPy's
Arrays: TypeAlias = tuple[np.ndarray, ...]
Axes: TypeAlias = int | Sequence[int]
Colour: TypeAlias = tuple[int, int, int]  # red, green and blue, each from 0 to 255
Critic: TypeAlias = Callable[..., Tensor]  # of images, and of what they are told
Function: TypeAlias = Callable[..., Tensor | tuple[Tensor, ...]]
Operand: TypeAlias = Tensor | ArrayLike  # what stands beside a Tensor: another, an array or a number
Pair: TypeAlias = int | tuple[int, int]  # one number for both axes, or one for each
Random: TypeAlias = np.random.Generator
Told: TypeAlias = Tensor | float  # what networks are told besides images or latents: labels, a level


class Distribution(Protocol):
    """What points are drawn from, such as those of `scratchgan.data.toy`."""

    def sample(self, n: int, rng: Random) -> np.ndarray: ...


class Source(Protocol):
    """What every data set has: images, and perhaps their classes."""

    @property
    def labels(self) -> np.ndarray | None: ...

    @property
    def classes(self) -> list[str] | None: ...

    def sized(self, size: int, channels: int) -> np.ndarray: ...
