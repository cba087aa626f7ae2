"""Values: every function against its definition, the conventions where a definition leaves a choice, and dtypes.

A derivative can be right of a function that is wrong. Convolution, pooling and interpolation, whose definitions are
loops, are compared with these in test_adjoint.py.
"""

import numpy as np
import pytest

from scratchgan import Tensor, grad
from scratchgan import functional as F

# Definitions ---------------------------------------------------------------------------------------------------------

X = np.random.default_rng(3).standard_normal((4, 3))
Y = np.random.default_rng(4).uniform(0.1, 0.9, (4, 3))
W = np.array([0.5, 1.0, 2.0])
LABELS = np.array([2, 0, 1, 2])


def shares(x, axis):
    return np.exp(x) / np.exp(x).sum(axis, keepdims=True)


def standardized(x, axes, eps=1e-5):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


# name: (the function of x and y, its definition)
DEFINITIONS = {
    "add": (lambda x, y: F.add(x, y, alpha=3), lambda x, y: x + 3 * y),
    "sub": (lambda x, y: F.sub(x, y, alpha=3), lambda x, y: x - 3 * y),
    "mul": (F.mul, lambda x, y: x * y),
    "div": (F.div, lambda x, y: x / y),
    "pow": (lambda x, y: F.pow(y, x), lambda x, y: y**x),
    "exp": (lambda x, y: F.exp(x), lambda x, y: np.exp(x)),
    "log": (lambda x, y: F.log(y), lambda x, y: np.log(y)),
    "sqrt": (lambda x, y: F.sqrt(y), lambda x, y: y**0.5),
    "abs": (lambda x, y: F.abs(x), lambda x, y: np.abs(x)),
    "sigmoid": (lambda x, y: F.sigmoid(x), lambda x, y: 1 / (1 + np.exp(-x))),
    "tanh": (lambda x, y: F.tanh(x), lambda x, y: np.sinh(x) / np.cosh(x)),
    "relu": (lambda x, y: F.relu(x), lambda x, y: x * (x > 0)),
    "leaky_relu": (lambda x, y: F.leaky_relu(x, 0.2), lambda x, y: np.where(x > 0, x, 0.2 * x)),
    "leaky_relu, default": (lambda x, y: F.leaky_relu(x), lambda x, y: np.where(x > 0, x, 0.01 * x)),
    "elu": (lambda x, y: F.elu(x, 1.7), lambda x, y: np.where(x > 0, x, 1.7 * (np.exp(x) - 1))),
    "elu, default": (lambda x, y: F.elu(x), lambda x, y: np.where(x > 0, x, np.exp(x) - 1)),
    "prelu": (lambda x, y: F.prelu(x, Tensor(W)), lambda x, y: np.where(x > 0, x, W * x)),
    "prelu, 0-d": (lambda x, y: F.prelu(x[0, 0], Tensor(W[:1])), lambda x, y: np.maximum(x, x / 2)[0, 0]),
    "softplus": (lambda x, y: F.softplus(x, 2), lambda x, y: np.log(1 + np.exp(2 * x)) / 2),
    "softplus, default": (
        lambda x, y: F.softplus(25 * y), lambda x, y: np.where(25 * y > 20, 25 * y, np.log(1 + np.exp(25 * y)))
    ),
    "softplus, threshold": (
        lambda x, y: F.softplus(x, threshold=0.5), lambda x, y: np.where(x > 0.5, x, np.log(1 + np.exp(x)))
    ),
    "where": (lambda x, y: F.where(x.data > 0, x, y), lambda x, y: np.where(x > 0, x, y)),
    "maximum": (F.maximum, np.maximum),
    "minimum": (F.minimum, np.minimum),
    "clamp": (lambda x, y: F.clamp(x, -0.5, y), lambda x, y: np.minimum(np.maximum(x, -0.5), y)),
    "dropout, nothing": (lambda x, y: F.dropout(x, 0.0), lambda x, y: x),
    "dropout, everything": (lambda x, y: F.dropout(x, 1.0), lambda x, y: 0 * x),
    "sum": (lambda x, y: F.sum(x, 0), lambda x, y: x[0] + x[1] + x[2] + x[3]),
    "sum, all": (lambda x, y: F.sum(x), lambda x, y: x.sum()),
    "mean": (lambda x, y: F.mean(x, 0), lambda x, y: x.sum(0) / 4),
    "var": (lambda x, y: F.var(x, 0), lambda x, y: ((x - x.mean(0)) ** 2).sum(0) / 3),
    "var, kept": (lambda x, y: F.var(x, 0, correction=2, keepdim=True), lambda x, y: x.var(0, ddof=2, keepdims=True)),
    "var, older form": (lambda x, y: F.var(x, False), lambda x, y: x.var()),
    "var, 0-d": (lambda x, y: F.var(x[0, 0], correction=0), lambda x, y: 0 * x[0, 0]),
    "std": (lambda x, y: F.std(x, 0, unbiased=False), lambda x, y: (((x - x.mean(0)) ** 2).sum(0) / 4) ** 0.5),
    "std, kept": (lambda x, y: F.std(x, 1, correction=0, keepdim=True), lambda x, y: x.std(1, keepdims=True)),
    "std, constant": (lambda x, y: F.std(0 * x + 3, 1), lambda x, y: np.zeros(4)),
    "amax": (lambda x, y: F.amax(x, 1), lambda x, y: x.max(1)),
    "amax, kept": (lambda x, y: F.amax(x, 1, keepdim=True), lambda x, y: x.max(1, keepdims=True)),
    "logsumexp": (lambda x, y: F.logsumexp(x, 1), lambda x, y: np.log(np.exp(x).sum(1))),
    "logsumexp, kept": (
        lambda x, y: F.logsumexp(x, 1, keepdim=True), lambda x, y: np.log(np.exp(x).sum(1, keepdims=True))
    ),
    "softmax": (lambda x, y: F.softmax(x, 1), lambda x, y: shares(x, 1)),
    "softmax, nothing": (lambda x, y: F.softmax(x[:, :0], 1), lambda x, y: x[:, :0]),
    "log_softmax": (lambda x, y: F.log_softmax(x, 0), lambda x, y: np.log(shares(x, 0))),
    "matmul": (lambda x, y: x @ y.T, lambda x, y: (x[:, None] * y).sum(-1)),
    "matmul, vectors": (lambda x, y: x[0] @ y[0], lambda x, y: (x[0] * y[0]).sum()),
    "matmul, vector and matrix": (lambda x, y: x[0] @ y.T, lambda x, y: (x[0] * y).sum(1)),
    "matmul, matrix and vector": (lambda x, y: x @ y[0], lambda x, y: (x * y[0]).sum(1)),
    "matmul, vector and batch": (
        lambda x, y: x[0, :2] @ y.reshape(2, 2, 3), lambda x, y: (x[0, :2, None] * y.reshape(2, 2, 3)).sum(1)
    ),
    "matmul, batch and vector": (
        lambda x, y: x.reshape(2, 2, 3) @ y[0], lambda x, y: (x.reshape(2, 2, 3) * y[0]).sum(2)
    ),
    "linear": (lambda x, y: F.linear(x, y, Tensor(np.arange(4.0))), lambda x, y: x @ y.T + [0, 1, 2, 3]),
    "embedding": (lambda x, y: F.embedding(LABELS, x), lambda x, y: np.stack([x[2], x[0], x[1], x[2]])),
    "embedding, nothing": (lambda x, y: F.embedding(LABELS[:0], x), lambda x, y: x[:0]),
    "expand": (lambda x, y: F.expand(x, 2, -1, 3), lambda x, y: np.stack([x, x])),
    "expand, in one argument": (lambda x, y: F.expand(x[:1], (4, -1)), lambda x, y: np.stack([x[0]] * 4)),
    "expand, one axis": (lambda x, y: F.expand(x[0, :1], 3), lambda x, y: np.stack([x[0, 0]] * 3)),
    "expand, 0-d": (lambda x, y: F.expand(x[0, 0], 3), lambda x, y: np.stack([x[0, 0]] * 3)),
    "flatten": (lambda x, y: F.flatten(x), lambda x, y: np.concatenate(list(x))),
    "flatten, one axis": (lambda x, y: F.flatten(x, 1), lambda x, y: x),
    "flatten, 0-d": (lambda x, y: F.flatten(x[0, 0]), lambda x, y: x[0, :1]),
    "squeeze": (lambda x, y: F.squeeze(x.reshape(4, 1, 3, 1), 1), lambda x, y: x.reshape(4, 3, 1)),
    "squeeze, no axes": (lambda x, y: F.squeeze(x.reshape(4, 3, 1), ()), lambda x, y: x.reshape(4, 3, 1)),
    "unsqueeze, first": (lambda x, y: F.unsqueeze(x, -3), lambda x, y: x[None]),
    "unsqueeze, last": (lambda x, y: F.unsqueeze(x, 2), lambda x, y: x[..., None]),
    "unsqueeze, −1": (lambda x, y: F.unsqueeze(x, -1), lambda x, y: x[..., None]),
    "transpose, 0-d": (lambda x, y: F.transpose(x[0, 0], 0, -1), lambda x, y: x[0, 0]),
    "index_select, 0-d": (lambda x, y: F.index_select(x[0, 0], 0, np.array([0])), lambda x, y: x[0, 0]),
    "cat": (lambda x, y: F.cat([x, y], 1), lambda x, y: np.hstack([x, y])),
    "stack": (lambda x, y: F.stack([x, y], 1), lambda x, y: np.stack([x, y], 1)),
    "cat, an array": (lambda x, y: F.cat([x.data, y]), lambda x, y: np.vstack([x, y])),
    "pad, a value": (
        lambda x, y: F.pad(x, (1, 0, 0, 2), value=7.0), lambda x, y: np.pad(x, ((0, 2), (1, 0)), constant_values=7)
    ),
    "pad, nothing left": (lambda x, y: F.pad(x, (-1, -2)), lambda x, y: x[:, :0]),
    "pad, nothing left to replicate": (lambda x, y: F.pad(x, (-1, -2), "replicate"), lambda x, y: x[:, :0]),
    "conv2d, valid": (
        lambda x, y: F.conv2d(x.reshape(1, 4, 3), y.reshape(1, 1, 4, 3), padding="valid"),
        lambda x, y: (x * y).sum().reshape(1, 1, 1),
    ),
    "conv2d, one stride in a list": (
        lambda x, y: F.conv2d(x.reshape(1, 4, 3), y[:1, :1].reshape(1, 1, 1, 1), stride=[2]),
        lambda x, y: (x[::2, ::2] * y[0, 0]).reshape(1, 2, 2),
    ),
    "conv2d, strides of 1 in a list": (
        lambda x, y: F.conv2d(x.reshape(1, 4, 3), y[:1, :1].reshape(1, 1, 1, 1), stride=[1, 1], padding="same"),
        lambda x, y: (x * y[0, 0]).reshape(1, 4, 3),
    ),
    "fold, one image": (lambda x, y: F.fold(x.reshape(3, 4), 2, 1), lambda x, y: x.reshape(3, 2, 2)),
    "max_pool2d, no strides": (
        lambda x, y: F.max_pool2d(x.reshape(1, 4, 3), (2, 1), stride=[]), lambda x, y: x.reshape(1, 2, 2, 3).max(2)
    ),
    "interpolate, corners alone": (
        lambda x, y: F.interpolate(x.reshape(1, 1, 12), 2, mode="linear", align_corners=True),
        lambda x, y: x[[0, 3], [0, 2]].reshape(1, 1, 2),
    ),
    "batch_norm": (
        lambda x, y: F.batch_norm(x, None, None, Tensor(W), Tensor(-W), training=True),
        lambda x, y: standardized(x, 0) * W - W,
    ),
    "batch_norm, evaluation": (
        lambda x, y: F.batch_norm(x, W, 2 * W, eps=0.5), lambda x, y: (x - W) / (2 * W + 0.5) ** 0.5
    ),
    "batch_norm, two values": (  # one is as far above their mean as the other is below
        lambda x, y: F.batch_norm(x[:2], None, None, training=True, eps=0.0), lambda x, y: np.sign(x[:2] - x[1::-1])
    ),
    "layer_norm": (lambda x, y: F.layer_norm(x, 3, Tensor(W)), lambda x, y: standardized(x, 1) * W),
    "layer_norm, bias": (lambda x, y: F.layer_norm(x, [3], None, Tensor(W)), lambda x, y: standardized(x, 1) + W),
    "layer_norm, epsilon": (lambda x, y: F.layer_norm(x, 3, eps=0.5), lambda x, y: standardized(x, 1, 0.5)),
    "instance_norm": (
        lambda x, y: F.instance_norm(x.reshape(2, 2, 3)), lambda x, y: standardized(x.reshape(2, 2, 3), 2)
    ),
    "instance_norm, affine": (
        lambda x, y: F.instance_norm(x.reshape(2, 2, 3), weight=Tensor(W[:2]), bias=Tensor(-W[1:])),
        lambda x, y: standardized(x.reshape(2, 2, 3), 2) * W[:2, None] - W[1:, None],
    ),
    "instance_norm, evaluation": (
        lambda x, y: F.instance_norm(x, W, 2 * W, Tensor(3 * W), Tensor(-W), use_input_stats=False, eps=0.5),
        lambda x, y: (x - W) / (2 * W + 0.5) ** 0.5 * 3 * W - W,
    ),
    "instance_norm, two values": (
        lambda x, y: F.instance_norm(x.reshape(2, 3, 2), eps=0.0),
        lambda x, y: np.sign(x.reshape(2, 3, 2) - x.reshape(2, 3, 2)[:, :, ::-1]),
    ),
    "group_norm": (
        lambda x, y: F.group_norm(x.reshape(1, 4, 3), 2),
        lambda x, y: standardized(x.reshape(1, 2, 6), 2).reshape(1, 4, 3),
    ),
    "group_norm, affine": (
        lambda x, y: F.group_norm(x.reshape(2, 2, 3), 1, Tensor(W[:2]), Tensor(-W[1:]), eps=0.5),
        lambda x, y: standardized(x.reshape(2, 6), 1, 0.5).reshape(2, 2, 3) * W[:2, None] - W[1:, None],
    ),
    "mse_loss": (F.mse_loss, lambda x, y: ((x - y) ** 2).mean()),
    "l1_loss": (lambda x, y: F.l1_loss(x, y, reduction="sum"), lambda x, y: np.abs(x - y).sum()),
    "binary_cross_entropy": (
        lambda x, y: F.binary_cross_entropy(y, y * y, Tensor(W)),
        lambda x, y: -(W * (y * y * np.log(y) + (1 - y * y) * np.log(1 - y))).mean(),
    ),
    "binary_cross_entropy, certain and right": (
        lambda x, y: F.binary_cross_entropy(0 * y + 1, 0 * y + 1), lambda x, y: np.zeros(())
    ),
    "binary_cross_entropy, nothing": (
        lambda x, y: F.binary_cross_entropy(y[:0], y[:0], reduction="sum"), lambda x, y: np.zeros(())
    ),
    "binary_cross_entropy_with_logits": (
        lambda x, y: F.binary_cross_entropy_with_logits(x, y, pos_weight=Tensor(W)),
        lambda x, y: -(W * y * np.log(1 / (1 + np.exp(-x))) + (1 - y) * np.log(1 / (1 + np.exp(x)))).mean(),
    ),
    "binary_cross_entropy_with_logits, weight": (
        lambda x, y: F.binary_cross_entropy_with_logits(x, y, Tensor(W), reduction="sum"),
        lambda x, y: -(W * (y * np.log(1 / (1 + np.exp(-x))) + (1 - y) * np.log(1 / (1 + np.exp(x))))).sum(),
    ),
    "cross_entropy": (
        lambda x, y: F.cross_entropy(x, Tensor(LABELS), Tensor(W), ignore_index=0),
        lambda x, y: -(W * np.log(shares(x, 1)))[[0, 2, 3], [2, 1, 2]].sum() / W[[2, 1, 2]].sum(),
    ),
    "cross_entropy, sum": (
        lambda x, y: F.cross_entropy(x, Tensor(LABELS), reduction="sum"),
        lambda x, y: -np.log(shares(x, 1))[range(4), LABELS].sum(),
    ),
    "cross_entropy, smoothed": (
        lambda x, y: F.cross_entropy(x, Tensor(LABELS), ignore_index=0, label_smoothing=0.3),
        lambda x, y: -((0.7 * np.eye(3)[LABELS] + 0.1) * np.log(shares(x, 1)))[[0, 2, 3]].sum() / 3,
    ),
    "cross_entropy, probabilities": (
        lambda x, y: F.cross_entropy(x, y, Tensor(W)), lambda x, y: -(W * y * np.log(shares(x, 1))).sum() / 4
    ),
    "cross_entropy, probabilities of one sample": (
        lambda x, y: F.cross_entropy(x[0], y[0]), lambda x, y: -(y[0] * np.log(shares(x[0], 0))).sum()
    ),
    "cross_entropy, smoothed probabilities": (
        lambda x, y: F.cross_entropy(x, y, label_smoothing=0.3, reduction="none"),
        lambda x, y: -((0.7 * y + 0.1) * np.log(shares(x, 1))).sum(1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DEFINITIONS)
def test_the_value_is_the_definition(name):
    """In shape and dtype, too."""
    function, definition = DEFINITIONS[name]
    value, expected = function(Tensor(X), Tensor(Y)).data, definition(X, Y)
    np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-14, strict=True)


# Conventions ---------------------------------------------------------------------------------------------------------


def slope(function, at):
    x = Tensor(np.array(at, dtype=float), requires_grad=True)
    return grad(function(x).sum(), x)[0].data.tolist()


def test_conventions_at_kinks_and_ties():
    """Those of PyTorch: see agreement/test_torch_functions.py, where it is installed."""
    assert slope(F.relu, [0.0]) == slope(F.abs, [0.0]) == [0]
    assert slope(F.leaky_relu, [0.0]) == [0.01]
    assert slope(lambda x: F.prelu(x, Tensor(np.array([0.25]))), [0.0]) == [0.25]
    assert slope(lambda x: F.elu(x, 2.0), [0.0]) == [2]
    assert slope(lambda x: F.clamp(x, -1, 1), [-1.0, 1.0]) == [1, 1]
    for f in (lambda x: F.maximum(x, 2.0), lambda x: F.maximum(2.0, x)):
        assert slope(f, [1.0, 2.0, 3.0]) == [0, 0.5, 1]
    for f in (lambda x: F.minimum(x, 2.0), lambda x: F.minimum(2.0, x)):
        assert slope(f, [1.0, 2.0, 3.0]) == [1, 0.5, 0]
    assert slope(F.amax, [2.0, 1.0, 2.0, 2.0]) == [1 / 3, 0, 1 / 3, 1 / 3]
    assert slope(lambda x: F.max_pool2d(x, 2), [[[2.0, 2.0], [2.0, 2.0]]]) == [[[1, 0], [0, 0]]]
    assert slope(F.std, [3.0, 3.0, 3.0]) == [0, 0, 0]


def test_powers_of_zero():
    """0 ** 0 = 1; no derivative is NaN, in the base or the exponent."""
    for exponent, expected in ((0, 0), (1, 1), (2, 0)):
        assert slope(lambda x: x**exponent, [0.0]) == [expected]
        assert slope(lambda x: x ** Tensor(np.array([float(exponent)])), [0.0]) == [expected]
        assert slope(lambda p: Tensor(np.zeros(1)) ** p, [float(exponent)]) == [0]
        assert slope(lambda p: 0.0**p, [float(exponent)]) == [0]
    assert F.pow(Tensor(np.zeros(1)), 0).item() == 1


@pytest.mark.filterwarnings("error")
def test_binary_cross_entropy_of_a_certain_and_wrong_probability_is_finite():
    """The logarithm is kept above −100, and its slope below 10¹²."""
    ones = Tensor(np.ones(1))
    assert F.binary_cross_entropy(Tensor(np.zeros(1)), ones).item() == 100
    np.testing.assert_allclose(slope(lambda x: F.binary_cross_entropy(x, ones), [0.0]), [-1e12])


def test_max_pool2d_of_minus_infinity():
    """A window of −∞ beside the padding gives −∞, not a number from elsewhere."""
    x = Tensor(np.array([[[-np.inf, 5.0], [1.0, 2.0]]]))
    np.testing.assert_array_equal(F.max_pool2d(x, 2, padding=1).data, [[[-np.inf, 5], [1, 2]]])


@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_infinities_and_nothing():
    """e⁻∞ = 0 adds nothing to a sum: logsumexp is −∞ of nothing but −∞, as of nothing at all."""
    x = Tensor(np.array([[0.0, -np.inf], [-np.inf, -np.inf], [np.inf, 0.0]]))
    np.testing.assert_array_equal(F.logsumexp(x, 1).data, [0, -np.inf, np.inf])
    np.testing.assert_array_equal(F.logsumexp(x[:, :0], 1).data, [-np.inf] * 3)
    assert F.log_softmax(x[:, :0], 1).shape == (3, 0)
    np.testing.assert_array_equal(F.leaky_relu(x[2], 0.0).data, [np.inf, 0])  # 0 · ∞ is not on this side


@pytest.mark.filterwarnings("ignore:invalid value")
def test_a_variance_with_no_degrees_of_freedom():
    """Σ (x − mean x)² / 0: infinite, and of a single element 0/0."""
    assert [F.var(Tensor(np.arange(3.0)), correction=c).item() for c in (2, 3, 4)] == [2, np.inf, np.inf]
    for correction in (1, 2):
        assert np.isnan(F.var(Tensor(np.ones(1)), correction=correction).item())


def test_a_loss_of_logits_loses_no_digit_of_its_tails():
    """−log σ(x) = log(1 + e⁻ˣ), and x more for the other label, also where softplus alone is cut off."""
    x = np.array([21.0, 25.0, 40.0])
    for logits, target in ((x, 1), (-x, 0)):
        for wrong in (0, 1):
            targets = Tensor(np.full(3, float(target ^ wrong)))
            loss = F.binary_cross_entropy_with_logits(Tensor(logits), targets, reduction="none")
            np.testing.assert_allclose(loss.data, np.log1p(np.exp(-x)) + wrong * x, rtol=1e-14)


@pytest.mark.filterwarnings("error")
def test_saturated_logits_have_finite_derivatives():
    """Of both orders, without a warning, in float32 too; a discriminator that is surely wrong still has slope 1."""
    for dtype in (np.float32, np.float64):
        x = Tensor(np.array([-1000, -100, 0, 100, 1000], dtype), requires_grad=True)
        over_axes = [lambda x, f=f: f(x, 0) for f in (F.logsumexp, F.softmax, F.log_softmax)]
        for f in (F.sigmoid, F.tanh, F.softplus, F.elu, *over_axes):
            y = f(x)
            (first,) = grad(y, x, Tensor(np.ones_like(y.data)), create_graph=True)
            (second,) = grad(first.sum(), x)
            assert all(np.isfinite(z.data).all() for z in (y, first, second))
        loss = F.binary_cross_entropy_with_logits(x, Tensor(np.zeros(5, dtype)), reduction="none")
        np.testing.assert_array_equal(loss.data[-2:], x.data[-2:])
        np.testing.assert_array_equal(grad(loss.sum(), x)[0].data.round(9), [0, 0, 0.5, 1, 1])


@pytest.mark.parametrize("wrap", [lambda array: array, Tensor], ids=["arrays", "tensors"])
def test_running_statistics_move_by_the_momentum(wrap):
    """r ← (1 − m) r + m · (mean, unbiased variance): of the batch, or the mean over the samples of those of each."""
    x = np.random.default_rng(0).standard_normal((4, 2, 5))
    mean, var = np.ones(2), np.full(2, 2.0)
    F.batch_norm(Tensor(x), wrap(mean), wrap(var), training=True, momentum=0.25)
    np.testing.assert_allclose(mean, 0.75 + 0.25 * x.mean((0, 2)), rtol=1e-12)
    np.testing.assert_allclose(var, 1.5 + 0.25 * x.var((0, 2), ddof=1), rtol=1e-12)
    mean, var = np.ones(2), np.full(2, 2.0)
    F.instance_norm(Tensor(x), wrap(mean), wrap(var), momentum=0.25)
    np.testing.assert_allclose(mean, 0.75 + 0.25 * x.mean((0, 2)), rtol=1e-12)
    np.testing.assert_allclose(var, 1.5 + 0.25 * x.var(2, ddof=1).mean(0), rtol=1e-12)


def test_the_padding_row_of_an_embedding_gets_no_gradient():
    w = Tensor(np.ones((3, 2)), requires_grad=True)
    rows = F.embedding(Tensor(np.array([0, 1, 1, 2])), w, padding_idx=1)
    np.testing.assert_array_equal(grad(rows.sum(), w)[0].data, [[1, 1], [0, 0], [1, 1]])


def test_dropout_draws_from_the_generator_that_it_is_given():
    """p of the elements are zero, the others are divided by 1 − p, and the gradient goes where the values went."""
    x = Tensor(np.ones(10_000), requires_grad=True)
    y = F.dropout(x, 0.3, rng=np.random.default_rng(0))
    assert set(np.unique(y.data)) == {0.0, 1 / 0.7}
    assert abs((y.data == 0).mean() - 0.3) < 0.02
    np.testing.assert_array_equal(F.dropout(x, 0.3, rng=np.random.default_rng(0)).data, y.data)
    np.testing.assert_array_equal(grad(y.sum(), x)[0].data, y.data)


# Operands of several dtypes ------------------------------------------------------------------------------------------

MIXED = {
    "add": lambda x, n: F.add(x, n),
    "sub": lambda x, n: F.sub(n, x),
    "mul": lambda x, n: F.mul(n, x),
    "div": lambda x, n: F.div(n, x),
    "pow": lambda x, n: F.pow(x, n),
    "pow with an integer base": lambda x, n: F.pow(n + 1, x),
    "maximum": lambda x, n: F.maximum(x, n),
    "minimum": lambda x, n: F.minimum(n, x),
    "where": lambda x, n: F.where(n.data > 1, x, n),
    "matmul": lambda x, n: F.matmul(n, x.T),
    "cat": lambda x, n: F.cat([n, x]),
    "stack": lambda x, n: F.stack([x, n]),
}


@pytest.mark.parametrize("integer", [np.int64, np.int32, np.uint8, np.bool_])
@pytest.mark.parametrize("floating", [np.float32, np.float64])
@pytest.mark.parametrize("name", MIXED)
def test_integers_and_booleans_follow_the_floating_operand(name, floating, integer):
    """The result and the gradient have the dtype of the floating operand, whatever NumPy would promote to."""
    x = Tensor(np.array([[0.5, 1.5, 2.5], [3.5, 0.25, 1.25]], floating), requires_grad=True)
    n = Tensor(np.array([[0, 1, 2], [3, 1, 0]]).astype(integer))
    y = MIXED[name](x, n)
    (d,) = grad(y, x, Tensor(np.ones_like(y.data)))
    assert y.dtype == d.dtype == floating
    expected = MIXED[name](x, Tensor(n.data.astype(floating)))
    np.testing.assert_array_equal(y.data, expected.data)


def test_integers_and_booleans_without_a_floating_operand_are_numpys():
    n, mask = Tensor(np.arange(3)), Tensor(np.array([True, False, True]))
    assert (n + mask).dtype == F.cat([n, mask]).dtype == np.int64
    assert (n + mask).data.tolist() == [1, 1, 3] and F.cat([n, mask]).data.tolist() == [0, 1, 2, 1, 0, 1]


@pytest.mark.parametrize("number", [2, 0.3, True, np.float64(0.3), np.float32(0.3), np.int64(2)], ids=repr)
@pytest.mark.parametrize("operator", ["add", "sub", "mul", "div", "pow", "maximum", "minimum"])
def test_a_number_changes_no_dtype(operator, number):
    """Neither on the right nor on the left, neither of a matrix nor of a 0-d tensor."""
    function = getattr(F, operator)
    for x in (Tensor(np.full((2, 2), 0.5, np.float32)), Tensor(np.float32(0.5))):
        assert function(x, number).dtype == function(number, x).dtype == np.float32


def test_a_conversion_is_differentiable_as_often_as_one_likes_and_makes_integers_constants():
    x = Tensor(np.array([1.5, 2.5], np.float32), requires_grad=True)
    (first,) = grad((x.to(np.float64) ** 3).sum(), x, create_graph=True)
    (second,) = grad(first.sum(), x)
    assert first.dtype == second.dtype == np.float32
    np.testing.assert_allclose(second.data, 6 * x.data)
    n = x.to(np.int64)
    assert n.dtype == np.int64 and not n.requires_grad and n.data.tolist() == [1, 2]
    assert x.to(np.float32) is x


def test_the_softmax_of_another_dtype_returns_the_gradient_in_the_dtype_of_the_input():
    for softmax in (F.softmax, F.log_softmax):
        x = Tensor(np.array([1, 2, 4], np.float32), requires_grad=True)
        y = softmax(x, 0, dtype=np.float64)
        (d,) = grad(y, x, Tensor(np.arange(3.0)))
        assert y.dtype == np.float64 and d.dtype == np.float32


@pytest.mark.parametrize(
    "refused",
    [
        lambda x, *running: F.batch_norm(x, *running, bias=Tensor(np.ones(1)), training=True),
        lambda x, *running: F.batch_norm(x, running[0], np.ones(1), training=True),
        lambda x, *running: F.instance_norm(x, *running, weight=Tensor(np.ones(1))),
        lambda x, *running: F.instance_norm(x, running[0], np.ones(1)),
    ],
)
def test_what_is_refused_moves_no_statistics(refused):
    running = np.zeros(3), np.ones(3)
    with pytest.raises(ValueError, match="must have shape"):
        refused(Tensor(np.random.default_rng(0).standard_normal((2, 3, 4))), *running)
    np.testing.assert_array_equal(running, [np.zeros(3), np.ones(3)])


def test_an_infinite_cotangent_reaches_the_winners_alone():
    x = Tensor(np.array([[1.0, 3.0, 3.0], [2.0, 1.0, 0.0]]), requires_grad=True)
    (slopes,) = grad(F.amax(x, 1), x, Tensor(np.array([np.inf, -np.inf])))
    np.testing.assert_array_equal(slopes.data, [[0, np.inf, np.inf], [-np.inf, 0, 0]])
