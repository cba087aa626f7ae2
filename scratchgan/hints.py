"""Short names for the types that the interface is hinted with."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from scratchgan.tensor import Tensor

Array: TypeAlias = np.ndarray  # or CuPy's
Axes: TypeAlias = int | Sequence[int]
Critic: TypeAlias = Callable[..., Tensor]  # of images, and of what they are told
Operand: TypeAlias = Tensor | ArrayLike  # what stands beside a Tensor: another, an array or a number
Pair: TypeAlias = int | tuple[int, int]  # one number for both axes, or one for each
Random: TypeAlias = np.random.Generator
