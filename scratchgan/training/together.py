"""What several processes that train one model make common besides its gradients: what networks keep of a batch."""

from scratchgan.backend import is_array
from scratchgan.nn import AveragedWeights, BatchNorm1d, BatchNorm2d, Module


def networks(model):
    """The modules of a model; of averaged weights, the network."""
    parts = [part.module if isinstance(part, AveragedWeights) else part for part in model.parts().values()]
    return [part for part in parts if isinstance(part, Module)]


def normalise_together(model, ranks):
    """Let batch norm normalise by the mean and variance of the whole batch."""
    for layer in (layer for network in networks(model) for layer in network.modules()):
        if isinstance(layer, (BatchNorm1d, BatchNorm2d)):
            layer.together = ranks


def share_statistics(model, ranks):
    """What networks keep of a batch, such as the running statistics of batch norm, becomes the mean of all parts.

    Weights are equal already.
    """
    slots = [slot for network in networks(model) for slot in network.slots().values()]
    slots = [slot for slot in slots if is_array(getattr(*slot)) and getattr(*slot).dtype.kind == "f"]
    for slot, mean in zip(slots, ranks.mean([getattr(*slot) for slot in slots])):
        setattr(*slot, mean)
