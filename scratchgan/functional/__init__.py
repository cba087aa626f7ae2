"""Differentiable functions, with PyTorch's names, arguments, defaults and numerics, in one flat namespace.

Reading order: `elementwise`, `broadcast`, `reduce`, `methods`, `shape`, `linear`, `conv`, `unfold`, `normalize`,
`resample`, `pool`, `loss`. Each is met through its `entrance`, which says so where no Tensor is given. How to convolve
fast is optional reading, in `kernels`.
"""

# fmt: off
from scratchgan.functional import methods  # gives Tensor its operators
from scratchgan.functional.broadcast import broadcast_to, expand
from scratchgan.functional.conv import conv2d, conv_transpose2d
from scratchgan.functional.elementwise import (
    abs, add, clamp, div, dropout, elu, exp, leaky_relu, log, maximum, minimum, mul, neg, pow, prelu, relu, sigmoid,
    softplus, sqrt, sub, tanh, where,
)
from scratchgan.functional.entrance import entrance as _entrance
from scratchgan.functional.linear import embedding, linear, matmul
from scratchgan.functional.loss import (
    binary_cross_entropy, binary_cross_entropy_with_logits, cross_entropy, l1_loss, mse_loss,
)
from scratchgan.functional.normalize import batch_norm, group_norm, instance_norm, layer_norm
from scratchgan.functional.pool import max_pool2d
from scratchgan.functional.reduce import amax, log_softmax, logsumexp, mean, softmax, std, sum, var
from scratchgan.functional.resample import avg_pool2d, interpolate
from scratchgan.functional.shape import (
    cat, flatten, gather, getitem, index_select, pad, permute, pixel_shuffle, pixel_unshuffle, reshape, squeeze, stack,
    transpose, unflatten, unsqueeze,
)
from scratchgan.functional.unfold import fold, unfold
# fmt: on

__all__ = [name for name, value in list(globals().items()) if not name.startswith("_") and callable(value)]
globals().update({name: _entrance(globals()[name]) for name in __all__})
