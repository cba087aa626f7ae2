"""Bad input is refused at once, by a message that carries the shapes or values at fault."""

import math

import numpy as np
import pytest

from scratchgan import Tensor, grad, nn
from scratchgan import functional as F
from scratchgan.nn import AveragedWeights
from scratchgan.tensor import is_recording, record
from scratchgan.testing import check_grads


def zeros(*shape, dtype=np.float64):
    return Tensor(np.zeros(shape, dtype), requires_grad=np.dtype(dtype).kind == "f")


def integers(*values):
    return Tensor(np.array(values))


X = zeros(2, 3)
IMAGE = zeros(2, 3, 8, 8)
KERNEL = zeros(4, 3, 3, 3)  # (O, C, kh, kw) for conv2d
TRANSPOSED = zeros(3, 4, 3, 3)  # (I, O, kh, kw) for conv_transpose2d
PROBABILITIES = Tensor(np.array([0.5, 1.25]))

# what is wrong: (the call, the error, what its message says)
ERRORS = {
    # Convolution
    "conv2d: channels": (
        lambda: F.conv2d(IMAGE, zeros(4, 5, 3, 3)),
        ValueError, r"\(2, 3, 8, 8\) has 3 channels, weight of shape \(4, 5, 3, 3\).* expects 5",
    ),
    "conv2d: kernel larger than the image": (
        lambda: F.conv2d(zeros(1, 3, 2, 8), KERNEL), ValueError, r"kernel of \(3, 3\) is larger .*\(2, 8\) .*\(0, 0\)"
    ),
    "conv2d: kernel larger than the padded image": (
        lambda: F.conv2d(zeros(1, 3, 2, 2), zeros(4, 3, 5, 5), padding=1), ValueError, r"\(2, 2\) padded by \(1, 1\)"
    ),
    "conv2d: rank of the input": (
        lambda: F.conv2d(X, KERNEL), ValueError, r"\(N, C, H, W\).*\(2, 3\) and \(4, 3, 3, 3\)"
    ),
    "conv2d: rank of the weight": (lambda: F.conv2d(IMAGE, X), ValueError, r"\(2, 3, 8, 8\) and \(2, 3\)"),
    "conv2d: dilation": (
        lambda: F.conv2d(IMAGE, KERNEL, dilation=2), NotImplementedError, "dilation=2 is not supported"
    ),
    "conv2d: groups": (lambda: F.conv2d(IMAGE, KERNEL, groups=3), NotImplementedError, "groups=3 is not supported"),
    "conv2d: stride 0": (lambda: F.conv2d(IMAGE, KERNEL, stride=0), ValueError, "at least 1, got 0"),
    "conv2d: a stride of one and a half": (
        lambda: F.conv2d(IMAGE, zeros(1, 3, 2, 2), stride=(1, 1.5)), ValueError, r"an int or two, .* got \(1, 1.5\)"
    ),
    "conv2d: one stride of 0": (lambda: F.conv2d(IMAGE, KERNEL, stride=(1, 0)), ValueError, r"got \(1, 0\)"),
    "conv2d: no strides": (lambda: F.conv2d(IMAGE, KERNEL, stride=()), ValueError, r"got \(\)"),
    "conv2d: three strides": (lambda: F.conv2d(IMAGE, KERNEL, stride=(1, 2, 3)), ValueError, r"got \(1, 2, 3\)"),
    "conv2d: negative padding": (lambda: F.conv2d(IMAGE, KERNEL, padding=-1), ValueError, "at least 0, got -1"),
    "conv2d: name of a padding": (lambda: F.conv2d(IMAGE, KERNEL, padding="full"), ValueError, "got 'full'"),
    "conv2d: stride and same": (
        lambda: F.conv2d(IMAGE, KERNEL, stride=2, padding="same"), ValueError, "needs stride 1, got 2"
    ),
    "conv2d: dtypes": (
        lambda: F.conv2d(IMAGE, zeros(4, 3, 3, 3, dtype=np.float32)), TypeError, "float32 and float64 do not mix"
    ),
    "conv_transpose2d: channels": (
        lambda: F.conv_transpose2d(IMAGE, zeros(4, 3, 3, 3)), ValueError, r"has 3 channels.*\(I, O, kh, kw\) expects 4"
    ),
    "conv_transpose2d: rank": (lambda: F.conv_transpose2d(X, TRANSPOSED), ValueError, r"\(2, 3\) and \(3, 4, 3, 3\)"),
    "conv_transpose2d: output padding": (
        lambda: F.conv_transpose2d(IMAGE, TRANSPOSED, stride=2, output_padding=2),
        ValueError, r"output_padding \(2, 2\) must be smaller than the stride \(2, 2\)",
    ),
    "conv_transpose2d: output padding of one axis": (
        lambda: F.conv_transpose2d(IMAGE, TRANSPOSED, stride=2, output_padding=(0, 2)), ValueError, r"\(0, 2\) must be"
    ),
    "conv_transpose2d: nothing left": (
        lambda: F.conv_transpose2d(zeros(1, 3, 1, 1), TRANSPOSED, padding=2),
        ValueError, r"padding \(2, 2\) leaves nothing .*\(-1, -1\)",
    ),
    "conv_transpose2d: nothing left of one axis": (
        lambda: F.conv_transpose2d(zeros(1, 3, 1, 4), TRANSPOSED, padding=(2, 0)), ValueError, r"nothing .*\(-1, 6\)"
    ),
    "conv_transpose2d: a size of 0": (
        lambda: F.conv_transpose2d(zeros(1, 3, 1, 1), zeros(3, 4, 2, 2), padding=1), ValueError, r"nothing .*\(0, 0\)"
    ),
    "conv_transpose2d: dilation": (
        lambda: F.conv_transpose2d(IMAGE, TRANSPOSED, dilation=(1, 2)), NotImplementedError, r"dilation=\(1, 2\)"
    ),
    "conv_transpose2d: groups": (
        lambda: F.conv_transpose2d(IMAGE, TRANSPOSED, groups=3), NotImplementedError, "groups=3"
    ),
    "conv2d: bias": (
        lambda: F.conv2d(IMAGE, zeros(1, 3, 3, 3), zeros(5)), ValueError, r"bias of shape \(5,\) .* 1 channels"
    ),
    "conv_transpose2d: bias": (
        lambda: F.conv_transpose2d(IMAGE, TRANSPOSED, zeros(1)), ValueError, r"bias of shape \(1,\) .* 4 channels"
    ),
    "unfold: rank": (lambda: F.unfold(X, 2), ValueError, r"\(2, 3\)"),
    "unfold: kernel": (lambda: F.unfold(IMAGE, 9), ValueError, r"kernel of \(9, 9\) is larger .*\(8, 8\)"),
    "unfold: kernel on one axis": (lambda: F.unfold(IMAGE, (9, 1)), ValueError, r"kernel of \(9, 1\) is larger"),
    "unfold: dilation": (lambda: F.unfold(IMAGE, 2, 2), NotImplementedError, "dilation=2"),
    "fold: number of columns": (
        lambda: F.fold(zeros(1, 4, 5), 3, 2), ValueError, r"\(1, 4, 5\) is not \(N, C·4, 4\).*kernel \(2, 2\).*\(3, 3\)"
    ),
    "fold: number of rows": (lambda: F.fold(zeros(1, 5, 4), 3, 2), ValueError, r"\(1, 5, 4\) is not \(N, C·4, 4\)"),
    "fold: rank": (lambda: F.fold(zeros(1, 1, 4, 4), 3, 2), ValueError, r"\(1, 1, 4, 4\) is not"),
    "fold: dilation": (lambda: F.fold(zeros(1, 4, 4), 3, 2, dilation=3), NotImplementedError, "dilation=3"),
    # Pooling and interpolation
    "max_pool2d: kernel": (
        lambda: F.max_pool2d(IMAGE, 9), ValueError, r"max_pool2d: a kernel of \(9, 9\) is larger than \(8, 8\)"
    ),
    "max_pool2d: kernel on one axis": (lambda: F.max_pool2d(IMAGE, (9, 1)), ValueError, r"kernel of \(9, 1\)"),
    "max_pool2d: kernel and padding": (
        lambda: F.max_pool2d(zeros(1, 2, 2), 5, padding=1), ValueError, r"\(2, 2\) padded by \(1, 1\)"
    ),
    "max_pool2d: padding": (
        lambda: F.max_pool2d(IMAGE, 2, padding=2), ValueError, r"padding \(2, 2\) is more than half the kernel \(2, 2\)"
    ),
    "max_pool2d: rank": (lambda: F.max_pool2d(X, 1), ValueError, r"max_pool2d needs an image .*\(2, 3\)"),
    "max_pool2d: dilation": (lambda: F.max_pool2d(IMAGE, 2, dilation=2), NotImplementedError, "dilation=2"),
    "avg_pool2d: rank": (lambda: F.avg_pool2d(X, 1), ValueError, r"avg_pool2d needs an image .*\(2, 3\)"),
    "avg_pool2d: kernel on an axis of one image": (
        lambda: F.avg_pool2d(zeros(3, 4, 8), (5, 1)), ValueError, r"kernel of \(5, 1\)"
    ),
    "avg_pool2d: padding of one axis": (
        lambda: F.avg_pool2d(IMAGE, 2, padding=(2, 0)), ValueError, r"padding \(2, 0\) is more than half"
    ),
    "avg_pool2d: divisor": (
        lambda: F.avg_pool2d(IMAGE, 2, divisor_override=0), ValueError, "divisor_override must not be zero"
    ),
    "interpolate: no size": (lambda: F.interpolate(IMAGE), ValueError, "either size or scale_factor"),
    "interpolate: size and scale": (
        lambda: F.interpolate(IMAGE, size=4, scale_factor=2), ValueError, "either size or scale_factor"
    ),
    "interpolate: unsupported mode": (
        lambda: F.interpolate(IMAGE, 4, mode="bicubic"), NotImplementedError, "mode 'bicubic' .*nearest, .*bilinear"
    ),
    "interpolate: mode for another rank": (
        lambda: F.interpolate(IMAGE, 4, mode="linear"), ValueError, r"mode 'linear' does not go .*\(2, 3, 8, 8\)"
    ),
    "interpolate: number of sizes": (
        lambda: F.interpolate(IMAGE, (4, 4, 4)), ValueError, r"\(4, 4, 4\) .*each of the 2 axes of \(2, 3, 8, 8\)"
    ),
    "interpolate: size 0": (
        lambda: F.interpolate(IMAGE, (4, 0)), ValueError, r"\(4, 0\) should be a positive whole number"
    ),
    "avg_pool2d: bytes": (
        lambda: F.avg_pool2d(Tensor(np.zeros((1, 2, 2), np.uint8)), 2), TypeError, "avg_pool2d: input .*not uint8"
    ),
    "interpolate: between bytes": (
        lambda: F.interpolate(Tensor(np.zeros((1, 1, 2, 2), np.uint8)), 4, mode="bilinear"),
        TypeError,
        "'bilinear': input must hold floating numbers, not uint8",
    ),
    "interpolate: half a pixel": (
        lambda: F.interpolate(IMAGE, 4.5), ValueError, r"4.5 should be a positive whole number for each of the 2 axes"
    ),
    "interpolate: scale of nan": (
        lambda: F.interpolate(IMAGE, scale_factor=(2, math.nan)), ValueError, r"\(2, nan\) should be a positive number"
    ),
    "interpolate: scale recomputed from a size": (
        lambda: F.interpolate(IMAGE, 4, recompute_scale_factor=True), ValueError, "goes with scale_factor"
    ),
    "interpolate: antialias": (
        lambda: F.interpolate(IMAGE, 4, mode="bilinear", antialias=True), NotImplementedError, "antialias=True"
    ),
    "interpolate: nothing left": (
        lambda: F.interpolate(IMAGE, scale_factor=0.1), ValueError, "scale_factor 0.1 leaves nothing of axis 2"
    ),
    "interpolate: rank": (lambda: F.interpolate(X, 4), ValueError, r"'nearest' does not go .*\(2, 3\)"),
    "interpolate: corners of nearest": (
        lambda: F.interpolate(IMAGE, 4, align_corners=True), NotImplementedError, "align_corners=True"
    ),
    "pixel_shuffle: channels": (lambda: F.pixel_shuffle(IMAGE, 2), ValueError, "3 channels are no multiple of 2² = 4"),
    "pixel_shuffle: rank": (lambda: F.pixel_shuffle(X, 2), ValueError, r"pixel_shuffle needs .*\(2, 3\)"),
    "pixel_shuffle: by 0": (lambda: F.pixel_shuffle(IMAGE, 0), ValueError, "3 channels are no multiple of 0² = 0"),
    "pixel_unshuffle: size": (
        lambda: F.pixel_unshuffle(IMAGE, 3), ValueError, "an image of 8×8 is no multiple of 3"
    ),
    "pixel_unshuffle: height": (lambda: F.pixel_unshuffle(zeros(1, 3, 4), 2), ValueError, "3×4 is no multiple of 2"),
    "pixel_unshuffle: width": (lambda: F.pixel_unshuffle(zeros(1, 4, 3), 2), ValueError, "4×3 is no multiple of 2"),
    "pixel_unshuffle: by 0": (lambda: F.pixel_unshuffle(IMAGE, 0), ValueError, "8×8 is no multiple of 0"),
    # Matrix products
    "matmul: inner sizes": (lambda: X @ zeros(2, 3), ValueError, r"\(2, 3\) @ \(2, 3\) differ"),
    "matmul: vector": (lambda: X @ zeros(2), ValueError, r"\(2, 3\) @ \(2,\)"),
    "matmul: scalar": (lambda: X @ zeros(), ValueError, r"\(2, 3\) @ \(\)"),
    "matmul: scalar on the left": (lambda: zeros() @ X, ValueError, r"\(\) @ \(2, 3\)"),
    "matmul: batches": (lambda: zeros(2, 1, 3) @ zeros(3, 3, 1), ValueError, r"\(2,1,3\).*\(3,3,1\)"),
    "linear: features": (lambda: F.linear(X, zeros(4, 2)), ValueError, r"\(2, 3\) does not fit .*\(4, 2\)"),
    "linear: scalar": (lambda: F.linear(zeros(), zeros(2, 3)), ValueError, r"input of shape \(\) does not fit"),
    "linear: rank of the weight": (lambda: F.linear(X, zeros(3)), ValueError, r"\(2, 3\) .*\(3,\)"),
    "linear: bias": (
        lambda: F.linear(X, zeros(1, 3), zeros(5)), ValueError, r"bias of shape \(5,\) does not fit .*\(1, 3\)"
    ),
    "embedding: index too large": (
        lambda: F.embedding(integers(0, 2), X), IndexError, r"indices 0…2 are not all in 0…1"
    ),
    "embedding: negative index": (lambda: F.embedding(integers(-1, 1), X), IndexError, "indices -1…1"),
    "embedding: floating index": (lambda: F.embedding(zeros(2), X), TypeError, "must be integers, not float64"),
    # Elementwise
    "add: shapes": (lambda: X + zeros(2), ValueError, r"\(2,3\) \(2,\)"),
    "mul: floating dtypes": (lambda: X * zeros(2, 3, dtype=np.float32), TypeError, "float32 and float64 do not mix"),
    "where: floating dtypes": (
        lambda: F.where(X.data > 0, X, zeros(2, 3, dtype=np.float32)), TypeError, "float32 and float64"
    ),
    "add: not a number": (lambda: X + "1", TypeError, "a number, not str"),
    "add: None": (lambda: F.add(X, None), TypeError, "a number, not NoneType"),
    "add: a complex number": (lambda: X + 1j, TypeError, "a number, not complex"),
    "div: rounding": (lambda: F.div(X, 2, rounding_mode="floor"), NotImplementedError, "rounding_mode='floor'"),
    "relu: in place": (lambda: F.relu(X, inplace=True), NotImplementedError, "inplace=True is not supported"),
    "leaky_relu: in place": (lambda: F.leaky_relu(X, inplace=True), NotImplementedError, "inplace=True"),
    "elu: in place": (lambda: F.elu(X, inplace=True), NotImplementedError, "inplace=True"),
    "dropout: in place": (lambda: F.dropout(X, inplace=True), NotImplementedError, "inplace=True"),
    "dropout: probability": (lambda: F.dropout(X, 1.5), ValueError, "must be a probability, got 1.5"),
    "clamp: no bound": (lambda: F.clamp(X), ValueError, "min, max or both"),
    "prelu: number of weights": (
        lambda: F.prelu(X, zeros(2)), ValueError, r"weight of shape \(2,\) must have one element, .*\(2, 3\)"
    ),
    "prelu: rank of the weight": (lambda: F.prelu(X, zeros(1, 3)), ValueError, r"\(1, 3\)"),
    "prelu: weights of a vector": (lambda: F.prelu(zeros(3), zeros(3)), ValueError, r"\(3,\)"),
    # Axes and shapes
    "sum: axis": (lambda: X.sum(2), ValueError, r"dim=2 is out of range for shape \(2, 3\)"),
    "sum: one axis of two": (lambda: X.sum((0, 2)), ValueError, r"dim=\(0, 2\) is out of range for shape \(2, 3\)"),
    "mean: negative axis": (lambda: X.mean(-3), ValueError, r"dim=-3 is out of range for shape \(2, 3\)"),
    "var: axis twice": (lambda: X.var((0, -2)), ValueError, r"dim=\(0, -2\) names an axis of shape \(2, 3\) twice"),
    "amax: axis": (lambda: X.amax(5), ValueError, "dim=5"),
    "softmax: no axis": (lambda: F.softmax(X), ValueError, r"which dim of shape \(2, 3\)\? Pass dim"),
    "log_softmax: axis": (lambda: F.log_softmax(X, 2), ValueError, "dim=2"),
    "transpose: axis": (lambda: X.transpose(0, 2), ValueError, "dim=2"),
    "permute: no axes": (lambda: X.permute(()), ValueError, r"\(\) must name every axis of shape \(2, 3\)"),
    "permute: too few axes": (lambda: X.permute(0), ValueError, r"\(0,\) must name every axis of shape \(2, 3\)"),
    "permute: axis twice": (lambda: X.permute(0, 0), ValueError, r"\(0, 0\) names an axis of shape \(2, 3\) twice"),
    "unsqueeze: axis": (lambda: X.unsqueeze(3), ValueError, r"dim=3 is out of range for shape \(2, 3\)"),
    "unsqueeze: negative axis": (lambda: X.unsqueeze(-4), ValueError, "dim=-4 is out of range"),
    "squeeze: axis": (lambda: X.squeeze(2), ValueError, "dim=2"),
    "flatten: order": (lambda: X.flatten(1, 0), ValueError, "start_dim 1 comes after end_dim 0"),
    "reshape: size": (lambda: X.reshape(4), ValueError, r"size 6 into shape \(4,\)"),
    "unflatten: size": (lambda: X.unflatten(1, (2, 2)), ValueError, r"size 6 into shape \(2,2,2\)"),
    "broadcast_to: size": (lambda: X.broadcast_to((2, 4)), ValueError, r"\(2,3\).*\(2,4\)"),
    "expand: a new axis of length −1": (
        lambda: zeros(3).expand(-1, 3), ValueError, r"\(-1, 3\) has no length .*\(3,\)"
    ),
    "cat: nothing": (lambda: F.cat([]), ValueError, "there are no tensors to join"),
    "cat: other axes": (
        lambda: F.cat([X, zeros(2, 4)]), ValueError, r"\[\(2, 3\), \(2, 4\)\] must agree except .*dim=0"
    ),
    "cat: ranks": (lambda: F.cat([X, zeros(3)]), ValueError, r"\(2, 3\), \(3,\)"),
    "cat: scalars": (lambda: F.cat([zeros(), zeros()]), ValueError, "not be 0-d"),
    "cat: axis": (lambda: F.cat([X, X], 2), ValueError, "dim=2"),
    "cat: floating dtypes": (lambda: F.cat([X, zeros(2, 3, dtype=np.float32)]), TypeError, "float32 and float64"),
    "stack: shapes": (lambda: F.stack([X, zeros(2, 4)]), ValueError, r"\(1, 2, 3\), \(1, 2, 4\)"),
    "getitem: index": (lambda: X[2], IndexError, "index 2 is out of bounds for axis 0 with size 2"),
    "gather: index": (lambda: F.gather(X, 1, np.array([[3]])), IndexError, "gather: indices 3…3 .* in 0…2"),
    "gather: negative index": (lambda: X.gather(1, integers([-1, 0])), IndexError, "gather: indices -1…0 .* in 0…2"),
    "gather: floating index": (lambda: F.gather(X, 1, zeros(2, 1)), TypeError, "must be integers, not float64"),
    "gather: a mask": (lambda: F.gather(X, 1, X > 0), TypeError, "must be integers, not bool"),
    "gather: rank of the index": (
        lambda: F.gather(X, 0, integers(0, 1, 1)), ValueError, r"index of shape \(3,\) does not fit \(2, 3\) beside"
    ),
    "gather: more rows than there are": (
        lambda: F.gather(X, 1, integers([0], [0], [0])), ValueError, r"\(3, 1\) .* \(2, 3\) beside dim=1"
    ),
    "index_select: negative index": (
        lambda: X.index_select(0, integers(1, -1)), IndexError, "index_select: indices -1…1 .* in 0…1"
    ),
    "index_select: index": (lambda: F.index_select(X, 1, integers(3)), IndexError, "index_select: indices 3…3"),
    "index_select: a mask": (lambda: F.index_select(X, 0, integers(0, 1) > 0), TypeError, "integers, not bool"),
    "index_select: rank of the index": (lambda: F.index_select(X, 0, integers([0])), ValueError, r"shape \(1, 1\)"),
    "embedding: padding row": (
        lambda: F.embedding(integers(0), X, 2), ValueError, "padding_idx=2 names none of the 2 rows"
    ),
    "where: a condition of numbers": (lambda: F.where(X, X, 0.0), TypeError, "holds booleans, not float64: compare"),
    "to: a device": (lambda: X.to("cpu"), TypeError, r"'cpu' is no dtype, .*module.to\(device\)"),
    "pad: odd number of widths": (lambda: F.pad(X, (1,)), ValueError, r"\(1,\) must hold a pair"),
    "pad: too many widths": (lambda: F.pad(X, (1,) * 6), ValueError, r"up to 2 axes of \(2, 3\)"),
    "pad: mode": (lambda: F.pad(X, (1, 1), "wrap"), ValueError, "'wrap' is none of 'constant', 'reflect'"),
    "pad: reflection": (lambda: F.pad(X, (3, 0), "reflect"), ValueError, r"axis 1 of shape \(2, 3\) by \(3, 0\)"),
    "pad: reflection of more than there is": (
        lambda: F.pad(X, (-4, 1), "reflect"), ValueError, r"'reflect' cannot pad axis 1 of shape \(2, 3\) by \(-4, 1\)"
    ),
    "pad: reflection, then more than there is": (lambda: F.pad(X, (1, -4), "reflect"), ValueError, r"\(1, -4\)"),
    "pad: circle": (lambda: F.pad(X, (0, 4), "circular"), ValueError, r"'circular' .*\(0, 4\)"),
    "pad: circle, cropped": (lambda: F.pad(X, (-1, 1), "circular"), ValueError, r"'circular' .*\(-1, 1\)"),
    "pad: repetition of nothing": (lambda: F.pad(zeros(2, 0), (1, 0), "replicate"), ValueError, r"shape \(2, 0\) by"),
    "pad: repetition of more than there is": (
        lambda: F.pad(X, (-2, -2), "replicate"), ValueError, r"'replicate' .*\(-2, -2\)"
    ),
    "pad: more than there is": (
        lambda: F.pad(X, (-2, -2)), ValueError, r"\(-2, -2\) remove more than axis 1 of \(2, 3\)"
    ),
    # Normalisation
    "batch_norm: rank": (lambda: F.batch_norm(zeros(3), None, None), ValueError, r"\(N, C, …\), got shape \(3,\)"),
    "batch_norm: one value": (
        lambda: F.batch_norm(zeros(1, 3), None, None, training=True), ValueError, r"\(1, 3\) has 1 value per channel"
    ),
    "batch_norm: no statistics": (
        lambda: F.batch_norm(X, None, None), ValueError, "needs running_mean and running_var"
    ),
    "batch_norm: a mean alone": (lambda: F.batch_norm(X, np.zeros(3), None), ValueError, "needs running_mean and"),
    "batch_norm: a variance alone": (lambda: F.batch_norm(X, None, np.ones(3)), ValueError, "needs running_mean and"),
    "batch_norm: size of the mean": (
        lambda: F.batch_norm(zeros(4, 1), np.zeros(3), np.ones(1)), ValueError, r"running_mean .*, not \(3,\)"
    ),
    "batch_norm: size of the variance": (
        lambda: F.batch_norm(zeros(4, 1), np.zeros(1), np.ones(3)), ValueError, r"running_var .*, not \(3,\)"
    ),
    "batch_norm: weight": (
        lambda: F.batch_norm(zeros(4, 1), None, None, zeros(3), training=True),
        ValueError, r"weight must have shape \(1,\) to normalise shape \(4, 1\), not \(3,\)",
    ),
    "group_norm: bias": (
        lambda: F.group_norm(IMAGE, 3, None, zeros(1)), ValueError, r"bias must have shape \(3,\) to .*, not \(1,\)"
    ),
    "layer_norm: weight": (
        lambda: F.layer_norm(zeros(4, 1), (1,), zeros(3)), ValueError, r"weight must have shape \(1,\) .*not \(3,\)"
    ),
    "layer_norm: bias": (
        lambda: F.layer_norm(zeros(4, 1), (1,), None, zeros(3)), ValueError, r"bias must have shape \(1,\) .*not \(3,\)"
    ),
    "layer_norm: no axes": (lambda: F.layer_norm(X, ()), ValueError, r"last axes of \(2, 3\) are not \(\)"),
    "layer_norm: shape": (lambda: F.layer_norm(X, (2,)), ValueError, r"last axes of \(2, 3\) are not \(2,\)"),
    "group_norm: groups": (lambda: F.group_norm(IMAGE, 2), ValueError, r"\(2, 3, 8, 8\) do not split into 2 groups"),
    "group_norm: no groups": (lambda: F.group_norm(IMAGE, 0), ValueError, "into 0 groups"),
    "group_norm: rank": (lambda: F.group_norm(zeros(3), 1), ValueError, r"needs \(N, C, …\), got shape \(3,\)"),
    "group_norm: one value": (
        lambda: F.group_norm(zeros(1, 3), 3), ValueError, r"\(1, 3\) has a single value per group"
    ),
    "instance_norm: rank": (lambda: F.instance_norm(zeros(3)), ValueError, r"needs \(N, C, …\), got shape \(3,\)"),
    "instance_norm: size of the mean": (
        lambda: F.instance_norm(IMAGE, np.zeros(1), np.ones(3)), ValueError, r"running_mean must have shape \(3,\)"
    ),
    "instance_norm: one value": (
        lambda: F.instance_norm(zeros(2, 3, 1, 1)), ValueError, r"\(2, 3, 1, 1\) has no two values"
    ),
    # Losses
    "mse_loss: shapes": (
        lambda: F.mse_loss(X, zeros(2, 1)), ValueError, r"\(2, 3\) and target of shape \(2, 1\) differ"
    ),
    "l1_loss: shapes": (lambda: F.l1_loss(X, zeros(3)), ValueError, r"l1_loss: .*\(2, 3\) .*\(3,\)"),
    "mse_loss: reduction": (
        lambda: F.mse_loss(X, X, reduction="average"), ValueError, '"none", "mean" or "sum", not \'average\''
    ),
    "binary_cross_entropy: not a probability": (
        lambda: F.binary_cross_entropy(PROBABILITIES, PROBABILITIES), ValueError, r"in \[0, 1\], got 0.5…1.25; .*logits"
    ),
    "binary_cross_entropy: negative": (
        lambda: F.binary_cross_entropy(PROBABILITIES - 1, PROBABILITIES), ValueError, "got -0.5…0.25"
    ),
    "binary_cross_entropy: shapes": (
        lambda: F.binary_cross_entropy(X, zeros(2)), ValueError, r"\(2, 3\) and target of shape \(2,\)"
    ),
    "binary_cross_entropy_with_logits: shapes": (
        lambda: F.binary_cross_entropy_with_logits(X, zeros(2, 1)), ValueError, r"\(2, 3\) and target of shape \(2, 1\)"
    ),
    "cross_entropy: label": (
        lambda: F.cross_entropy(X, integers(0, 3)), ValueError, "label 3 is outside the classes 0…2"
    ),
    "cross_entropy: negative label": (lambda: F.cross_entropy(X, integers(0, -1)), ValueError, "label -1"),
    "cross_entropy: number of labels": (
        lambda: F.cross_entropy(X, integers(0, 1, 2)), ValueError, r"labels of shape \(3,\) do not fit .*\(2, 3\)"
    ),
    "cross_entropy: probabilities": (
        lambda: F.cross_entropy(X, zeros(3, 2)), ValueError, r"\(2, 3\) and target of shape \(3, 2\)"
    ),
    "cross_entropy: weight": (
        lambda: F.cross_entropy(X, integers(0, 1), zeros(1)), ValueError, r"weight of shape \(1,\) .* 3 classes"
    ),
    "cross_entropy: reduction": (lambda: F.cross_entropy(X, integers(0, 1), reduction="all"), ValueError, "'all'"),
    # Layers and averages
    "Conv2d: groups": (lambda: nn.Conv2d(2, 2, 3, groups=2), NotImplementedError, "groups=2"),
    "ConvTranspose2d: groups": (lambda: nn.ConvTranspose2d(2, 2, 3, groups=2), NotImplementedError, "groups=2"),
    "ConvTranspose2d: dilation": (lambda: nn.ConvTranspose2d(2, 2, 3, dilation=2), NotImplementedError, "dilation=2"),
    "MaxPool2d: dilation": (lambda: nn.MaxPool2d(2, dilation=2), NotImplementedError, "dilation=2"),
    "GroupNorm: groups": (lambda: nn.GroupNorm(2, 3), ValueError, "3 channels do not split into 2 groups"),
    "InstanceNorm2d: statistics": (
        lambda: nn.InstanceNorm2d(2, track_running_stats=True), NotImplementedError, "track_running_stats=True"
    ),
    "ReLU: in place": (lambda: nn.ReLU(inplace=True), NotImplementedError, "inplace=True"),
    "LeakyReLU: in place": (lambda: nn.LeakyReLU(inplace=True), NotImplementedError, "inplace=True"),
    "ELU: in place": (lambda: nn.ELU(inplace=True), NotImplementedError, "inplace=True"),
    "Dropout: in place": (lambda: nn.Dropout(inplace=True), NotImplementedError, "inplace=True"),
    "average: a decay of 1": (lambda: AveragedWeights(nn.ReLU(), 1.0), ValueError, r"decay=1.0 .*\[0, 1\)"),
    "average: a negative decay": (lambda: AveragedWeights(nn.ReLU(), -0.5), ValueError, r"decay=-0.5 .*\[0, 1\)"),
    # Tensors
    "tensor: complex data": (lambda: Tensor(np.ones(2) * 1j), TypeError, "real numbers, not dtype complex128"),
    "tensor: strings": (lambda: Tensor(["a"]), TypeError, "real numbers, not dtype <U1"),
    "tensor: list of tensors": (lambda: Tensor([X, X]), TypeError, "functional.stack"),
    "tensor: of a tensor": (lambda: Tensor(X), TypeError, r"a Tensor already; x.detach\(\)"),
    "tensor: gradient of integers": (
        lambda: Tensor(np.arange(3), requires_grad=True), TypeError, r"int64; convert it: array.astype\(np.float32\)"
    ),
    "tensor: gradient of booleans": (lambda: Tensor([True], requires_grad=True), TypeError, "got bool"),
    "tensor: an array in its place": (lambda: F.exp(np.ones(3)), TypeError, r"not ndarray; .* wrapped as Tensor\("),
    "tensor: assignment": (
        lambda: X.__setitem__(0, 1.0),
        TypeError, r"immutable value and cannot be assigned to; .*where\(mask, new, old\)",
    ),
    # Gradients
    "grad: output that is no scalar": (
        lambda: grad(X * 2, X), ValueError, r"shape \(2, 3\) is no scalar: pass grad_outputs, or .*sum\(\)"
    ),
    "grad: unreachable input": (
        lambda: grad((X * 2).sum(), [X, zeros(5)]),
        ValueError, r"do not depend on inputs\[1\], of shape \(5,\); allow_unused",
    ),
    "grad: input that requires no gradient": (
        lambda: (lambda x: grad((X * x).sum(), x))(X.detach()),
        ValueError, r"inputs\[0\], of shape \(2, 3\) \(it has requires_grad=False\)",
    ),
    "grad: shape of a cotangent": (
        lambda: grad(X * 2, X, zeros(3)), ValueError, r"shape \(3,\) and dtype float64, its output \(2, 3\)"
    ),
    "grad: dtype of a cotangent": (
        lambda: grad(X * 2, X, zeros(2, 3, dtype=np.float32)), ValueError, "dtype float32, its output .*float64"
    ),
    "grad: number of cotangents": (lambda: grad([X, X], X, [X]), ValueError, "2 outputs but 1 grad_outputs"),
    "grad: outputs that are no tensors": (
        lambda: grad([1.0], X), TypeError, r"outputs\[0\] must be a Tensor, not float"
    ),
    "grad: inputs that are no tensors": (lambda: grad(X.sum(), [X.data]), TypeError, r"inputs\[0\] .*not ndarray"),
    "check_grads: float32": (
        lambda: check_grads(F.exp, [np.zeros(2, np.float32)]), TypeError, r"args\[0\] is float32"
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", ERRORS)
def test_the_error_names(fault):
    call, error, message = ERRORS[fault]
    with pytest.raises(error, match=message):
        call()


def test_assignment_is_refused_as_a_statement():
    x = Tensor(np.zeros(3))
    with pytest.raises(TypeError, match="immutable"):
        x[0] = 1.0
    with pytest.raises(TypeError, match="immutable"):
        x.data = np.ones(3)


def test_an_error_leaves_recording_on():
    """`grad` switches recording off while it sweeps, also when the sweep fails."""

    def broken(g, y):
        raise RuntimeError("a broken derivative")

    with pytest.raises(RuntimeError, match="a broken derivative"):
        grad(record(np.zeros(()), (X, broken)), X)
    assert is_recording()
