"""What several processes that train one model make common: gradients, and what networks keep of a batch."""

from contextlib import contextmanager

from scratchgan.backend import is_array
from scratchgan.nn import AveragedWeights, BatchNorm1d, BatchNorm2d, Module


def networks(model):
    """The modules of a model; of averaged weights, the network."""
    parts = [part.module if isinstance(part, AveragedWeights) else part for part in model.parts().values()]
    return [part for part in parts if isinstance(part, Module)]


@contextmanager
def step_of_all(model, rng, ranks, whole=False):
    """A context in which a model takes a step with those of the other processes.

    Outside of it each is alone, so that one may draw a picture, or train on, while the others do not.

    Parameters
    ----------
    whole : bool
        Whether batch norm normalises by the mean and variance of the whole batch.
    """
    if ranks.size == 1:
        yield
        return
    layers = [layer for network in networks(model) for layer in network.modules()] if whole else []
    norms = [(layer, "together", ranks) for layer in layers if isinstance(layer, (BatchNorm1d, BatchNorm2d))]
    bound = [(model, "ranks", ranks), *((own, "common", ranks.mean) for own in model.optimizers()), *norms]
    for owner, name, value in bound:
        setattr(owner, name, value)
    try:
        with ranks.in_a_step(rng):
            yield
    finally:
        for owner, name, _ in bound:
            vars(owner).pop(name, None)  # its class says: alone


def share_statistics(model, ranks):
    """What networks keep of a batch, such as the running statistics of batch norm, becomes the mean of all parts.

    Weights are equal already.
    """
    slots = [slot for network in networks(model) for slot in network.slots().values()]
    slots = [slot for slot in slots if is_array(getattr(*slot)) and getattr(*slot).dtype.kind == "f"]
    for slot, mean in zip(slots, ranks.mean([getattr(*slot) for slot in slots])):
        setattr(*slot, mean)
