"""Batch norm over a batch of which several processes each have a part, as ``torch.nn.SyncBatchNorm``."""

import math

from scratchgan.tensor import record


def mean_of_all(x, ranks):
    """(1/N) Σ_r x_r over the processes r. Each has the mean, and passes a gradient on to each x: its own adjoint."""
    return record(ranks.mean([x.data])[0], (x, lambda g, y: mean_of_all(g, ranks)))


def sync_batch_norm(input, running_mean, running_var, weight, bias, momentum, eps, ranks):
    """`functional.batch_norm` in training, by the mean and variance of all parts; these are of equal size."""
    axes, shape = (0, *range(2, input.ndim)), (1, -1, *(1,) * (input.ndim - 2))
    mean = mean_of_all(input.mean(axes, keepdim=True), ranks)
    centred = input - mean
    variance = mean_of_all((centred * centred).mean(axes, keepdim=True), ranks)
    if running_mean is not None:
        count = ranks.size * math.prod(input.shape[axis] for axis in axes)
        running_mean += momentum * (mean.data.reshape(-1) - running_mean)
        running_var += momentum * (variance.data.reshape(-1) * (count / (count - 1)) - running_var)
    y = centred / (variance + eps).sqrt()
    y = y if weight is None else y * weight.reshape(*shape)
    return y if bias is None else y + bias.reshape(*shape)
