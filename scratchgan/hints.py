"""Short names for the types that the interface is hinted with."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from scratchgan.tensor import Tensor

Array = np.ndarray  # or CuPy's
Axes = int | Sequence[int]
Critic = Callable[..., Tensor]  # of images, and of what they are told
Operand = Tensor | ArrayLike  # what stands beside a Tensor: another, an array or a number
Pair = int | tuple[int, int]  # one number for both axes, or one for each
Random = np.random.Generator
