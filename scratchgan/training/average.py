"""Averaged weights: a generator of its own whose weights follow the trained one's, smoothed over time."""

import copy


class AveragedWeights:
    """θ̄ ← β θ̄ + (1 − β) θ after each step: an average over about 1 / (1 − β) steps.

    The trained weights circle around a good point, and the average lies nearer to it. It is used for samples only and
    never fed back. Buffers, such as batch norm's running statistics, are averaged by the same rule: they belong to the
    weights. Integers are copied.

    Parameters
    ----------
    module : Module
        The trained one; the average starts as a copy of it.
    decay : float
        β.

    Attributes
    ----------
    module : Module
        The average, in evaluation mode.
    """

    def __init__(self, module, decay):
        if not 0 <= decay < 1:
            raise ValueError(f"decay must lie in [0, 1), got {decay}")
        self.decay, self.module = decay, copy.deepcopy(module).eval()

    def update(self, module):
        """Move the average towards the trained module."""
        current = module.arrays()
        self.module.replace(lambda path, average: self._mix(average, current[path]))

    def _mix(self, average, current):
        if current.dtype.kind != "f":
            return current.copy()
        return self.decay * average + (1 - self.decay) * current

    def state_dict(self):
        """The averaged module's state."""
        return self.module.state_dict()

    def load_state_dict(self, state):
        """Take over the averaged module's state."""
        self.module.load_state_dict(state)
