"""Every differentiable function, through every case of `cases`: right to second order, whatever dtype and memory."""

import numpy as np
import pytest
from cases import CASES

from scratchgan import Tensor, grad
from scratchgan import functional as F
from scratchgan.testing import check_grads

every_case = pytest.mark.parametrize("case", CASES, ids=str)


def value_and_gradients(case, arrays, prepare=lambda array: array):
    """The value, its gradient and the gradient of that, in every floating array, at random cotangents.

    ``prepare`` is applied to every array that is handed in: the arguments and the cotangents.
    """
    rng = np.random.default_rng(1)
    arguments = [Tensor(prepare(a), requires_grad=a.dtype.kind == "f") for a in arrays]
    inputs = [x for x in arguments if x.requires_grad]

    def cotangent(y):
        return Tensor(prepare(np.asarray(rng.standard_normal(y.shape)).astype(y.dtype)), requires_grad=True)

    y = case.call(*arguments)
    g = cotangent(y)
    first = grad(y, inputs, g, create_graph=True, allow_unused=True)
    second = grad(first, [*inputs, g], [cotangent(d) for d in first], allow_unused=True)
    return [y, *first, *second]


def test_every_public_function_has_a_case():
    assert {case.name for case in CASES} == set(F.__all__)


@every_case
def test_first_and_second_derivative(case):
    check_grads(case.call, case.arrays(), order=2)


THIRD_ORDER = {"conv2d", "conv_transpose2d", "batch_norm", "layer_norm", "leaky_relu", "softplus"}


@pytest.mark.parametrize("case", [case for case in CASES if case.name in THIRD_ORDER], ids=str)
def test_third_derivative(case):
    check_grads(case.call, case.arrays(), order=3)


@every_case
def test_float32_stays_float32(case):
    """Through the value, the gradient and the second gradient; float32 also gives the numbers of float64."""
    single = value_and_gradients(case, case.arrays(np.float32))
    assert [x.dtype for x in single] == [np.float32] * len(single)
    for x32, x64 in zip(single, value_and_gradients(case, case.arrays())):
        np.testing.assert_allclose(x32.data, x64.data, rtol=1e-3, atol=1e-4 * (1 + np.abs(x64.data).max(initial=0)))


def read_only(array):
    array.flags.writeable = False
    return array


@every_case
def test_arguments_and_cotangents_are_not_modified(case):
    """They cannot be: a write into one of them would raise."""
    value_and_gradients(case, case.arrays(), read_only)


LAYOUTS = {
    "transposed": lambda a: a.T.copy().T,
    "channels last": lambda a: np.moveaxis(np.moveaxis(a, 1, -1).copy(), -1, 1) if a.ndim > 2 else a,
    "every other element": lambda a: np.stack([a, a + 1 if a.dtype.kind == "f" else a], -1)[..., 0],
    "backwards": lambda a: np.flip(np.flip(a).copy()),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@every_case
def test_memory_order_changes_nothing(case, layout):
    plain = value_and_gradients(case, case.arrays())
    other = value_and_gradients(case, case.arrays(), LAYOUTS[layout])
    for x, y in zip(plain, other, strict=True):
        np.testing.assert_allclose(y.data, x.data, rtol=1e-11, atol=1e-13 * (1 + np.abs(x.data).max(initial=0)))


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
