"""Integers and booleans in every function: PyTorch's value, or a TypeError. Never cut, never wrapped in another way."""

import numpy as np
import pytest

from scratchgan import Tensor
from scratchgan import functional as F

torch = pytest.importorskip("torch", reason="agreement with PyTorch is checked where it is installed")
torch_F = torch.nn.functional

# How each function is called, with ours (f = F) and with PyTorch's; x is (2, 4), i an image (2, 4, 4, 4), k a kernel.
CALLS = {
    "abs": [lambda f, x: f.abs(x)],
    "add": [lambda f, x: f.add(x, x), lambda f, x: x + 1, lambda f, x: x + 1.5, lambda f, x: f.add(x, x, alpha=2)],
    "amax": [lambda f, x: f.amax(x, 1), lambda f, x: f.amax(x)],
    "avg_pool2d": [lambda f, i: f.avg_pool2d(i, 2), lambda f, i: f.avg_pool2d(i, 3, 1, 1)],
    "batch_norm": [
        lambda f, x: f.batch_norm(x, None, None, training=True),
        lambda f, x, w: f.batch_norm(x, w, w * w, w, w),
        lambda f, x, v: f.batch_norm(x, v, v, v, v),
    ],
    "binary_cross_entropy": [
        lambda f, x: f.binary_cross_entropy(x, x),
        lambda f, x, w: f.binary_cross_entropy(x, x, w),
    ],
    "binary_cross_entropy_with_logits": [
        lambda f, x: f.binary_cross_entropy_with_logits(x, x),
        lambda f, x, r: f.binary_cross_entropy_with_logits(r, r, x),
        lambda f, x, r: f.binary_cross_entropy_with_logits(r, r, pos_weight=x[0]),
    ],
    "broadcast_to": [lambda f, x: f.broadcast_to(x, (3, 2, 4))],
    "cat": [lambda f, x: f.cat([x, x], 1), lambda f, x, r: f.cat([x, r], 1)],
    "clamp": [
        lambda f, x: f.clamp(x, 1, 100),
        lambda f, x: f.clamp(x, min=1.5),
        lambda f, x: f.clamp(x, max=x[:1]),
        lambda f, x, r: f.clamp(r, max=x),
    ],
    "conv2d": [
        lambda f, i, k: f.conv2d(i, k),
        lambda f, i, q: f.conv2d(i, q),
        lambda f, j, k: f.conv2d(j, k),
        lambda f, j, q, v: f.conv2d(j, q, v),
    ],
    "conv_transpose2d": [
        lambda f, i, k: f.conv_transpose2d(i, k),
        lambda f, i, q: f.conv_transpose2d(i, q),
        lambda f, j, k: f.conv_transpose2d(j, k),
        lambda f, j, q, v: f.conv_transpose2d(j, q, v),
    ],
    "cross_entropy": [
        lambda f, x: f.cross_entropy(x, x),
        lambda f, x, r: f.cross_entropy(r, x),
        lambda f, r, v: f.cross_entropy(r, r, v),
    ],
    "div": [lambda f, x: f.div(x, x), lambda f, x: x / 3, lambda f, x: 3 / x, lambda f, x, r: r / x],
    "dropout": [lambda f, x: f.dropout(x, 1.0), lambda f, x: f.dropout(x, 0.0), lambda f, x: f.dropout(x, 0.5, False)],
    "elu": [lambda f, x: f.elu(x)],
    "embedding": [lambda f, x, n: f.embedding(n, x)],
    "exp": [lambda f, x: f.exp(x)],
    "expand": [lambda f, x: x[:1].expand(2, 4)],
    "flatten": [lambda f, x: f.flatten(x)],
    "fold": [lambda f, x: f.fold(x.reshape(1, 4, 2), (3, 2), 2)],
    "gather": [lambda f, x, n: f.gather(x, 1, n)],
    "getitem": [lambda f, x: x[0], lambda f, x, n: x[n[0]]],
    "group_norm": [lambda f, x: f.group_norm(x, 2), lambda f, r, v: f.group_norm(r, 2, v, v)],
    "index_select": [lambda f, x, n: f.index_select(x, 1, n[0])],
    "instance_norm": [lambda f, i: f.instance_norm(i), lambda f, j, v: f.instance_norm(j, None, None, v, v)],
    "interpolate": [
        lambda f, i: f.interpolate(i, scale_factor=2.0),
        lambda f, i: f.interpolate(i, size=(3, 3), mode="nearest-exact"),
        lambda f, i: f.interpolate(i, size=(3, 3), mode="bilinear"),
        lambda f, i: f.interpolate(i, size=(4, 4), mode="bilinear"),
    ],
    "l1_loss": [lambda f, x: f.l1_loss(x, x), lambda f, x, r: f.l1_loss(x, r), lambda f, x, r: f.l1_loss(r, x)],
    "layer_norm": [lambda f, x: f.layer_norm(x, (4,)), lambda f, r, v: f.layer_norm(r, (4,), v, v)],
    "leaky_relu": [lambda f, x: f.leaky_relu(x)],
    "linear": [lambda f, x: f.linear(x, x), lambda f, x, r: f.linear(x, r), lambda f, x, r: f.linear(r, r, x[0, :2])],
    "log": [lambda f, x: f.log(x)],
    "log_softmax": [lambda f, x: f.log_softmax(x, 1)],
    "logsumexp": [lambda f, x: f.logsumexp(x, 1)],
    "matmul": [lambda f, x: f.matmul(x, x.reshape(4, 2)), lambda f, x, r: f.matmul(x, r.reshape(4, 2))],
    "max_pool2d": [lambda f, i: f.max_pool2d(i, 2), lambda f, i: f.max_pool2d(i, 3, 1, 1)],
    "maximum": [lambda f, x: f.maximum(x, x[:1]), lambda f, x, r: f.maximum(x, r)],
    "mean": [lambda f, x: f.mean(x), lambda f, x: f.mean(x, 1)],
    "minimum": [lambda f, x: f.minimum(x, x[:1]), lambda f, x, r: f.minimum(x, r)],
    "mse_loss": [lambda f, x: f.mse_loss(x, x), lambda f, x, r: f.mse_loss(x, r), lambda f, x, r: f.mse_loss(r, x)],
    "mul": [lambda f, x: f.mul(x, x), lambda f, x: x * 3, lambda f, x: x * 1.5, lambda f, x, r: x * r],
    "neg": [lambda f, x: f.neg(x), lambda f, x: -x],
    "pad": [
        lambda f, x: f.pad(x, (1, 1)),
        lambda f, x: f.pad(x, (1, 1), value=1.5),
        lambda f, x: f.pad(x, (1, 1), value=-1),
        lambda f, i: f.pad(i, (1, 1, 1, 1), "reflect"),
    ],
    "permute": [lambda f, x: f.permute(x, (1, 0))],
    "pixel_shuffle": [lambda f, i: f.pixel_shuffle(i, 2)],
    "pixel_unshuffle": [lambda f, i: f.pixel_unshuffle(i, 2)],
    "pow": [
        lambda f, x: f.pow(x, 2),
        lambda f, x: f.pow(x, 0.5),
        lambda f, x: f.pow(x, -1),
        lambda f, x: f.pow(x, x),
        lambda f, x, r: f.pow(x, r * 0 + 2),
        lambda f, x: f.pow(2, x),
        lambda f, x: f.pow(1.5, x),
    ],
    "prelu": [lambda f, x: f.prelu(x, x[0]), lambda f, x, v: f.prelu(x, v), lambda f, x, r: f.prelu(r, x[0])],
    "relu": [lambda f, x: f.relu(x)],
    "reshape": [lambda f, x: f.reshape(x, (4, 2))],
    "sigmoid": [lambda f, x: f.sigmoid(x)],
    "softmax": [lambda f, x: f.softmax(x, 1)],
    "softplus": [lambda f, x: f.softplus(x)],
    "sqrt": [lambda f, x: f.sqrt(x)],
    "squeeze": [lambda f, x: f.squeeze(x[:1])],
    "stack": [lambda f, x: f.stack([x, x]), lambda f, x, r: f.stack([x, r])],
    "std": [lambda f, x: f.std(x), lambda f, x: f.std(x, 1)],
    "sub": [lambda f, x: f.sub(x, x[:1]), lambda f, x: x - 1, lambda f, x: 1 - x, lambda f, x, r: x - r],
    "sum": [lambda f, x: f.sum(x), lambda f, x: f.sum(x, 1), lambda f, i: f.sum(i, (0, 2))],
    "tanh": [lambda f, x: f.tanh(x)],
    "transpose": [lambda f, x: f.transpose(x, 0, 1)],
    "unflatten": [lambda f, x: f.unflatten(x, 1, (2, 2))],
    "unfold": [lambda f, i: f.unfold(i, 2)],
    "unsqueeze": [lambda f, x: f.unsqueeze(x, 0)],
    "var": [lambda f, x: f.var(x), lambda f, x: f.var(x, 1)],
    "where": [
        lambda f, x: f.where(x > 1, x, 0),
        lambda f, x: f.where(x > 1, x, 0.5),
        lambda f, x, r: f.where(x > 1, x, r),
    ],
}  # fmt: skip


class PyTorch:
    """PyTorch's function of a name, wherever it lies."""

    def __getattr__(self, name):
        return getattr(torch_F, name, None) or getattr(torch, name)

    def clamp(self, x, min=None, max=None):
        return torch.clamp(x, min, max)


def test_every_function_is_in_the_table():
    assert sorted(CALLS) == sorted(set(F.__all__))


KERNEL = 4, 4, 3, 3


def arguments(call, kind):
    """What the letters of a call stand for: x, i, k, v are of the kind, n are indices, r, w, j, q real numbers."""
    rng = np.random.default_rng(0)

    def drawn(kind, *shape):
        share = rng.uniform(0.1, 0.9, shape)
        return (share > 0.5 if kind is bool else share if kind is np.float32 else 256 * share).astype(kind)

    shapes = {"x": (2, 4), "i": (2, 4, 4, 4), "k": KERNEL, "v": (4,)}
    reals = {"r": (2, 4), "w": (4,), "j": (2, 4, 4, 4), "q": KERNEL}
    known = {"n": np.array([[0, 1], [1, 0]])}
    known |= {letter: drawn(kind, *shape) for letter, shape in shapes.items()}
    known |= {letter: drawn(np.float32, *shape) for letter, shape in reals.items()}
    return [known[letter] for letter in call.__code__.co_varnames[1 : call.__code__.co_argcount]]


def real(array):
    """As real numbers, but for indices."""
    return array if array.shape == (2, 2) else array.astype(np.float32)


def assert_close(y, expected):
    scale = np.abs(expected.astype(float)).max(initial=0, where=np.isfinite(expected)) + 1
    np.testing.assert_allclose(y.astype(float), expected.astype(float), rtol=0, atol=2e-6 * scale)


every_call = pytest.mark.parametrize("name, call", [(name, call) for name in CALLS for call in CALLS[name]])


@every_call
def test_of_real_numbers_every_value_is_pytorchs(name, call):
    """So the calls are right, and what is refused below is refused for its dtype."""
    given = arguments(call, np.float32)
    assert_close(call(F, *map(Tensor, given)).data, call(PyTorch(), *map(torch.tensor, given)).numpy())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.int64, bool], ids=lambda kind: kind.__name__)
@every_call
def test_of_integers_the_value_is_pytorchs_or_they_are_refused(name, call, kind):
    given = arguments(call, kind)
    try:
        y = call(F, *map(Tensor, given)).data
    except (TypeError, ValueError, IndexError, OverflowError):
        return
    try:
        expected = call(PyTorch(), *map(torch.tensor, given)).numpy()
    except (RuntimeError, NotImplementedError, TypeError, ValueError):  # unknown there: as of the same real numbers
        expected = call(PyTorch(), *(torch.tensor(real(array)) for array in given)).numpy()
    assert_close(y, expected)
