"""Every differentiable function, through every case of the registry `scratchgan.testing.cases`.

Right to third order, exact where it is linear, in float32 as in float64, in any memory order; and nothing is written
into. Values are compared with their definitions further below.
"""

import sys
import types
from pathlib import Path

import numpy as np
import pytest
from derivatives import value_and_derivatives

from scratchgan import Tensor, grad
from scratchgan import functional as F
from scratchgan.functional import methods
from scratchgan.testing import check_adjoint, check_grads
from scratchgan.testing.cases import CASES, Case, normal

every_case = pytest.mark.parametrize("case", CASES, ids=str)


# Every function, and every vjp, is there -----------------------------------------------------------------------------


def test_every_public_function_has_a_case():
    assert {case.name for case in CASES} == set(F.__all__)


def test_every_method_and_operator_of_a_tensor_is_one_of_these_functions():
    names = {name for names in methods._METHODS.values() for name in names.split()}
    assert names - {"to"} <= set(F.__all__)  # `to` changes the dtype, and differences are taken in float64 alone


def functions_inside(code):
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield constant
            yield from functions_inside(constant)


def written_vjps():
    """The code of every vjp in the source: the functions whose first argument is a cotangent, g or h."""
    for path in Path(F.__file__).parent.glob("*.py"):
        for code in functions_inside(compile(path.read_text(), str(path), "exec")):
            if code.co_varnames[: code.co_argcount][:1] == ("g",) and code.co_name in ("<lambda>", "vjp"):
                yield code


def called_vjps(run):
    called = set()
    sys.setprofile(lambda frame, event, _: called.add(frame.f_code))
    try:
        run()
    finally:
        sys.setprofile(None)
    return called


def test_every_vjp_in_the_source_is_called_by_some_case():
    """Public or not: a primitive is checked if a case differentiates through it."""
    conversion = Case("to", "float32", lambda x: x.to(np.float32), (normal(2, 3),))
    called = called_vjps(lambda: [value_and_derivatives(case.call, case.arrays()) for case in [*CASES, conversion]])
    written = set(written_vjps())
    assert len(written) > 50
    assert not [f"{Path(code.co_filename).name}:{code.co_firstlineno}" for code in written - called]


# Derivatives ---------------------------------------------------------------------------------------------------------


@every_case
def test_first_second_and_third_derivative(case):
    """A penalty on the gradient of a penalty needs the third, so every function has it."""
    check_grads(case.call, case.arrays(), order=3)


# The names whose functions are linear in each argument, up to a constant, and the cases that use them otherwise.
LINEAR = """
    add sub neg mul sum mean broadcast_to expand reshape permute transpose flatten unflatten squeeze unsqueeze cat stack
    getitem gather index_select where pad pixel_shuffle pixel_unshuffle matmul linear embedding conv2d conv_transpose2d
    unfold fold avg_pool2d interpolate
"""
NOT_LINEAR = {"mul(by itself)", "matmul(square)", "transpose(T)", "cat(with itself)"}
linear_cases = [case for case in CASES if case.name in LINEAR.split() and str(case) not in NOT_LINEAR]


@pytest.mark.parametrize("dtype, rtol", [(np.float64, 1e-14), (np.float32, 1e-6)], ids=["float64", "float32"])
@pytest.mark.parametrize("case", linear_cases, ids=str)
def test_the_vjp_of_a_linear_function_is_its_adjoint_to_the_last_digit(case, dtype, rtol):
    """In each argument by itself, of A x = f(x) − f(0)."""
    arrays = case.arrays(dtype)
    for i, array in enumerate(arrays):
        if array.dtype.kind == "f":
            f = in_argument(i, case, arrays)
            at_zero = f(Tensor(np.zeros_like(array)))
            check_adjoint(lambda x: f(x) - at_zero, array, rtol=rtol)


def in_argument(i, case, arrays):
    return lambda x: case.call(*(x if j == i else Tensor(array) for j, array in enumerate(arrays)))


# Dtypes and memory ---------------------------------------------------------------------------------------------------


@every_case
def test_float32_stays_float32(case):
    """Through the value, the gradient and the second gradient; float32 also gives the numbers of float64."""
    single = value_and_derivatives(case.call, case.arrays(np.float32))
    assert [x.dtype for x in single] == [np.float32] * len(single)
    for x32, x64 in zip(single, value_and_derivatives(case.call, case.arrays())):
        np.testing.assert_allclose(x32.data, x64.data, rtol=0, atol=1e-5 * (1 + np.abs(x64.data).max(initial=0)))


def read_only(array):
    array.flags.writeable = False
    return array


@every_case
def test_arguments_and_cotangents_are_not_modified(case):
    """They cannot be: a write into one of them would raise."""
    value_and_derivatives(case.call, case.arrays(), read_only)


# Their values are views: they move no element, or return what they were given. As in PyTorch.
VIEWS = "reshape flatten unflatten squeeze unsqueeze permute transpose getitem expand broadcast_to dropout".split()


@every_case
def test_results_share_no_memory_with_arguments_and_cotangents(case):
    """Whoever writes into one array must not change another."""
    arguments = [Tensor(a, requires_grad=a.dtype.kind == "f") for a in case.arrays()]
    inputs = [x for x in arguments if x.requires_grad]
    y = case.call(*arguments)
    g = Tensor(np.ones(y.shape), requires_grad=True)
    first = grad(y, inputs, g, create_graph=True, allow_unused=True)
    cotangents = [Tensor(np.ones(d.shape)) for d in first]
    gradients = [*first, *grad(first, [*inputs, g], cotangents, allow_unused=True)]
    results = gradients if case.name in VIEWS else [y, *gradients]
    handed_in = [*arguments, g, *cotangents]
    assert not any(np.shares_memory(result.data, x.data) for result in results for x in handed_in)


def test_a_gradient_does_not_share_memory_with_the_cotangent_that_arrives_unchanged():
    x, g = Tensor(np.ones(3), requires_grad=True), Tensor(np.ones(3))
    for y in (x, x + 1, x.reshape(3), x[:]):
        (d,) = grad(y, x, g)
        assert not np.shares_memory(d.data, g.data) and not np.shares_memory(d.data, x.data)


LAYOUTS = {
    "transposed": lambda a: a.T.copy().T,
    "channels last": lambda a: np.moveaxis(np.moveaxis(a, 1, -1).copy(), -1, 1) if a.ndim > 2 else a,
    "every other element": lambda a: np.stack([a, a + 1 if a.dtype.kind == "f" else a], -1)[..., 0],
    "backwards": lambda a: np.flip(np.flip(a).copy()),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@every_case
def test_memory_order_changes_nothing(case, layout):
    plain = value_and_derivatives(case.call, case.arrays())
    other = value_and_derivatives(case.call, case.arrays(), LAYOUTS[layout])
    for x, y in zip(plain, other, strict=True):
        np.testing.assert_allclose(y.data, x.data, rtol=1e-11, atol=1e-13 * (1 + np.abs(x.data).max(initial=0)))


# Values, against their definitions -----------------------------------------------------------------------------------

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
    "elu": (lambda x, y: F.elu(x, 1.7), lambda x, y: np.where(x > 0, x, 1.7 * (np.exp(x) - 1))),
    "prelu": (lambda x, y: F.prelu(x, Tensor(W)), lambda x, y: np.where(x > 0, x, W * x)),
    "softplus": (lambda x, y: F.softplus(x, 2), lambda x, y: np.log(1 + np.exp(2 * x)) / 2),
    "where": (lambda x, y: F.where(x.data > 0, x, y), lambda x, y: np.where(x > 0, x, y)),
    "maximum": (F.maximum, np.maximum),
    "minimum": (F.minimum, np.minimum),
    "clamp": (lambda x, y: F.clamp(x, -0.5, y), lambda x, y: np.minimum(np.maximum(x, -0.5), y)),
    "mean": (lambda x, y: F.mean(x, 0), lambda x, y: x.sum(0) / 4),
    "var": (lambda x, y: F.var(x, 0), lambda x, y: ((x - x.mean(0)) ** 2).sum(0) / 3),
    "std": (lambda x, y: F.std(x, 0, unbiased=False), lambda x, y: (((x - x.mean(0)) ** 2).sum(0) / 4) ** 0.5),
    "amax": (lambda x, y: F.amax(x, 1), lambda x, y: x.max(1)),
    "logsumexp": (lambda x, y: F.logsumexp(x, 1), lambda x, y: np.log(np.exp(x).sum(1))),
    "softmax": (lambda x, y: F.softmax(x, 1), lambda x, y: shares(x, 1)),
    "log_softmax": (lambda x, y: F.log_softmax(x, 0), lambda x, y: np.log(shares(x, 0))),
    "matmul": (lambda x, y: x @ y.T, lambda x, y: (x[:, None] * y).sum(-1)),
    "linear": (lambda x, y: F.linear(x, y, Tensor(np.arange(4.0))), lambda x, y: x @ y.T + [0, 1, 2, 3]),
    "cat": (lambda x, y: F.cat([x, y], 1), lambda x, y: np.hstack([x, y])),
    "stack": (lambda x, y: F.stack([x, y], 1), lambda x, y: np.stack([x, y], 1)),
    "batch_norm": (
        lambda x, y: F.batch_norm(x, None, None, Tensor(W), Tensor(-W), training=True),
        lambda x, y: standardized(x, 0) * W - W,
    ),
    "batch_norm, evaluation": (
        lambda x, y: F.batch_norm(x, W, 2 * W, eps=0.5), lambda x, y: (x - W) / (2 * W + 0.5) ** 0.5
    ),
    "layer_norm": (lambda x, y: F.layer_norm(x, 3, Tensor(W)), lambda x, y: standardized(x, 1) * W),
    "instance_norm": (
        lambda x, y: F.instance_norm(x.reshape(2, 2, 3)), lambda x, y: standardized(x.reshape(2, 2, 3), 2)
    ),
    "group_norm": (
        lambda x, y: F.group_norm(x.reshape(1, 4, 3), 2),
        lambda x, y: standardized(x.reshape(1, 2, 6), 2).reshape(1, 4, 3),
    ),
    "mse_loss": (F.mse_loss, lambda x, y: ((x - y) ** 2).mean()),
    "l1_loss": (lambda x, y: F.l1_loss(x, y, reduction="sum"), lambda x, y: np.abs(x - y).sum()),
    "binary_cross_entropy": (
        lambda x, y: F.binary_cross_entropy(y, y * y, Tensor(W)),
        lambda x, y: -(W * (y * y * np.log(y) + (1 - y * y) * np.log(1 - y))).mean(),
    ),
    "binary_cross_entropy_with_logits": (
        lambda x, y: F.binary_cross_entropy_with_logits(x, y, pos_weight=Tensor(W)),
        lambda x, y: -(W * y * np.log(1 / (1 + np.exp(-x))) + (1 - y) * np.log(1 / (1 + np.exp(x)))).mean(),
    ),
    "cross_entropy": (
        lambda x, y: F.cross_entropy(x, Tensor(LABELS), Tensor(W), ignore_index=0),
        lambda x, y: -(W * np.log(shares(x, 1)))[[0, 2, 3], [2, 1, 2]].sum() / W[[2, 1, 2]].sum(),
    ),
    "cross_entropy, smoothed": (
        lambda x, y: F.cross_entropy(x, Tensor(LABELS), ignore_index=0, label_smoothing=0.3),
        lambda x, y: -((0.7 * np.eye(3)[LABELS] + 0.1) * np.log(shares(x, 1)))[[0, 2, 3]].sum() / 3,
    ),
    "cross_entropy, probabilities": (
        lambda x, y: F.cross_entropy(x, y, Tensor(W)), lambda x, y: -(W * y * np.log(shares(x, 1))).sum() / 4
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DEFINITIONS)
def test_the_value_is_the_definition(name):
    """A derivative can be right of a function that is wrong."""
    function, definition = DEFINITIONS[name]
    np.testing.assert_allclose(function(Tensor(X), Tensor(Y)).data, definition(X, Y), rtol=1e-12, atol=1e-14)


def slope(function, at):
    x = Tensor(np.array(at, dtype=float), requires_grad=True)
    return grad(function(x).sum(), x)[0].data.tolist()


def test_conventions_at_kinks_and_ties():
    """Those of PyTorch: see agreement/test_torch_functions.py, where it is installed."""
    assert slope(F.relu, [0.0]) == slope(F.abs, [0.0]) == [0]
    assert slope(F.leaky_relu, [0.0]) == [0.01]
    assert slope(lambda x: F.clamp(x, -1, 1), [-1.0, 1.0]) == [1, 1]
    assert slope(lambda x: F.maximum(x, 2.0), [1.0, 2.0, 3.0]) == [0, 0.5, 1]
    assert slope(lambda x: F.minimum(2.0, x), [1.0, 2.0, 3.0]) == [1, 0.5, 0]
    assert slope(F.amax, [2.0, 1.0, 2.0, 2.0]) == [1 / 3, 0, 1 / 3, 1 / 3]
    assert slope(lambda x: F.max_pool2d(x, 2), [[[2.0, 2.0], [2.0, 2.0]]]) == [[[1, 0], [0, 0]]]
    assert slope(F.std, [3.0, 3.0, 3.0]) == [0, 0, 0]


def test_powers_of_zero():
    """0 ** 0 = 1; no derivative is NaN, in the base or the exponent."""
    for exponent, expected in ((0, 0), (1, 1), (2, 0)):
        assert slope(lambda x: x**exponent, [0.0]) == [expected]
        assert slope(lambda x: x ** Tensor(np.array([float(exponent)])), [0.0]) == [expected]
        assert slope(lambda p: Tensor(np.zeros(1)) ** p, [float(exponent)]) == [0]
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


@pytest.mark.filterwarnings("error")
def test_saturated_logits_have_finite_derivatives():
    """Of both orders, without a warning, in float32 too; a discriminator that is surely wrong still has slope 1."""
    for dtype in (np.float32, np.float64):
        x = Tensor(np.array([-1000, -100, 0, 100, 1000], dtype), requires_grad=True)
        for f in (F.sigmoid, F.tanh, F.softplus, F.elu, lambda x: F.logsumexp(x, 0), lambda x: F.log_softmax(x, 0)):
            y = f(x)
            (first,) = grad(y, x, Tensor(np.ones_like(y.data)), create_graph=True)
            (second,) = grad(first.sum(), x)
            assert all(np.isfinite(z.data).all() for z in (y, first, second))
        loss = F.binary_cross_entropy_with_logits(x, Tensor(np.zeros(5, dtype)), reduction="none")
        np.testing.assert_array_equal(loss.data[-2:], x.data[-2:])
        np.testing.assert_array_equal(grad(loss.sum(), x)[0].data.round(9), [0, 0, 0.5, 1, 1])


def test_running_statistics_move_by_the_momentum():
    """r ← (1 − m) r + m · (mean, unbiased variance): of the batch, or the mean over the samples of those of each."""
    x = np.random.default_rng(0).standard_normal((4, 2, 5))
    mean, var = np.ones(2), np.full(2, 2.0)
    F.batch_norm(Tensor(x), mean, var, training=True, momentum=0.25)
    np.testing.assert_allclose(mean, 0.75 + 0.25 * x.mean((0, 2)), rtol=1e-12)
    np.testing.assert_allclose(var, 1.5 + 0.25 * x.var((0, 2), ddof=1), rtol=1e-12)
    mean, var = np.ones(2), np.full(2, 2.0)
    F.instance_norm(Tensor(x), mean, var, momentum=0.25)
    np.testing.assert_allclose(mean, 0.75 + 0.25 * x.mean((0, 2)), rtol=1e-12)
    np.testing.assert_allclose(var, 1.5 + 0.25 * x.var(2, ddof=1).mean(0), rtol=1e-12)


def test_the_padding_row_of_an_embedding_gets_no_gradient():
    w = Tensor(np.ones((3, 2)), requires_grad=True)
    rows = F.embedding(Tensor(np.array([0, 1, 1, 2])), w, padding_idx=1)
    np.testing.assert_array_equal(grad(rows.sum(), w)[0].data, [[1, 1], [0, 0], [1, 1]])


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


@pytest.mark.parametrize("number", [2, 0.3, True, np.float64(0.3), np.float32(0.3), np.int64(2)], ids=repr)
@pytest.mark.parametrize("operator", ["add", "sub", "mul", "div", "pow", "maximum", "minimum"])
def test_a_number_changes_no_dtype(operator, number):
    """Neither on the right nor on the left, neither of a matrix nor of a 0-d tensor."""
    function = getattr(F, operator)
    for x in (Tensor(np.full((2, 2), 0.5, np.float32)), Tensor(np.float32(0.5))):
        assert function(x, number).dtype == function(number, x).dtype == np.float32


def test_the_softmax_of_another_dtype_returns_the_gradient_in_the_dtype_of_the_input():
    for softmax in (F.softmax, F.log_softmax):
        x = Tensor(np.array([1, 2, 4], np.float32), requires_grad=True)
        y = softmax(x, 0, dtype=np.float64)
        (d,) = grad(y, x, Tensor(np.arange(3.0)))
        assert y.dtype == np.float64 and d.dtype == np.float32


def test_dropout_draws_from_the_generator_that_it_is_given():
    """p of the elements are zero, the others are divided by 1 − p, and the gradient goes where the values went."""
    x = Tensor(np.ones(10_000), requires_grad=True)
    y = F.dropout(x, 0.3, rng=np.random.default_rng(0))
    assert set(np.unique(y.data)) == {0.0, 1 / 0.7}
    assert abs((y.data == 0).mean() - 0.3) < 0.02
    np.testing.assert_array_equal(F.dropout(x, 0.3, rng=np.random.default_rng(0)).data, y.data)
    np.testing.assert_array_equal(grad(y.sum(), x)[0].data, y.data)
