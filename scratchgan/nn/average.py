"""Averaged weights: a generator of its own whose weights follow the trained one's, and the statistics they need."""

import copy
from collections.abc import Iterable, Mapping

import numpy as np

from scratchgan.hints import Array
from scratchgan.nn.module import Module
from scratchgan.nn.options import Number
from scratchgan.nn.state import refuse_misfit
from scratchgan.tensor import no_grad


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
        β, in [0, 1).

    Attributes
    ----------
    module : Module
        The average, in evaluation mode.
    """

    decay = Number("[0, 1)")

    def __init__(self, module: Module, decay: float):
        self.decay, self.module = decay, copy.deepcopy(module).eval()

    def update(self, module: Module) -> None:
        """Move the average towards the trained module."""
        current = module.arrays()
        refuse_misfit(self.module.arrays(), current, "average")
        self.module.replace(lambda path, average: self._mix(average, current[path]))

    def _mix(self, average, current):
        if current.dtype.kind != "f":
            return current.copy()
        return self.decay * average + (1 - self.decay) * current

    def state_dict(self) -> dict[str, Array]:
        """The averaged module's state."""
        return self.module.state_dict()

    def load_state_dict(self, state: Mapping[str, Array]) -> None:
        """Take over the averaged module's state."""
        self.module.load_state_dict(state)


def update_bn(batches: Iterable, module: Module) -> None:
    """Measure the running statistics of all batch norms anew, as the mean over all batches.

    For a generator with averaged weights, whose statistics are not the average of those of the trained ones: the k-th
    batch is counted with momentum 1/k, so each with the same weight. As ``torch.optim.swa_utils.update_bn``, but all
    other layers behave as in evaluation, where the statistics will be used: nothing is dropped, no spectral norm moves.
    Only the statistics are changed; the momentum and the mode of all modules are what they were.

    Parameters
    ----------
    batches : iterable of Tensor
        What the module takes, such as latents.
    module : Module

    Raises
    ------
    ValueError
        When there is no batch. After any error the statistics are what they were.
    """
    modules = list(module.modules())
    norms = [layer for layer in modules if getattr(layer, "running_mean", None) is not None]
    before, modes = [dict(vars(layer)) for layer in norms], [each.training for each in modules]
    try:
        module.eval()
        for layer in norms:
            layer.running_mean, layer.running_var = np.zeros_like(layer.running_mean), np.ones_like(layer.running_var)
            layer.num_batches_tracked, layer.momentum = np.zeros_like(layer.num_batches_tracked), None
            layer.training = True
        _see(batches, module)
    except BaseException:
        for layer, kept in zip(norms, before):
            vars(layer).update(kept)
        raise
    finally:
        for layer, kept in zip(norms, before):
            layer.momentum = kept["momentum"]
        for each, mode in zip(modules, modes):
            each.training = mode


@no_grad()
def _see(batches, module):
    count = 0
    for count, batch in enumerate(batches, start=1):
        module(batch)
    if not count:
        raise ValueError("update_bn needs at least one batch to measure the statistics of")
