"""The checker itself: it must fail on every kind of wrong derivative, or its passing means nothing."""

import numpy as np
import pytest

from scratchgan import Tensor, grad
from scratchgan.functional import softmax
from scratchgan.tensor import record
from scratchgan.testing import check_adjoint, check_grads


def normal(*shape, seed=9):
    return np.random.default_rng(seed).standard_normal(shape)


def fails(f, *arrays, order=2, match):
    with pytest.raises(AssertionError, match=match):
        check_grads(f, arrays, order)


# Planted errors of the first order -----------------------------------------------------------------------------------


def test_a_wrong_factor():
    fails(lambda x: record(np.exp(x.data), (x, lambda g, y: 1.001 * g * y)), normal(3), match="order 1 in argument 0")


def test_a_wrong_sign():
    fails(lambda x: record(np.sin(x.data), (x, lambda g, y: -g * np.cos(x.data))), normal(3), match="order 1")


def test_a_missing_edge():
    """The second argument gets no gradient at all, although the value depends on it."""
    product = lambda a, b: record(a.data * b.data, (a, lambda g, y: g * b))  # noqa: E731
    fails(product, normal(3), normal(3), match=r"order 1 in argument 1 of shape \(3,\)")


def test_an_edge_too_many():
    fails(lambda a, b: record(a.data.copy(), (a, lambda g, y: g), (b, lambda g, y: g)), normal(2), normal(2), match="1")


def test_a_nan():
    fails(lambda x: record(x.data.copy(), (x, lambda g, y: g * np.nan)), normal(2), match="order 1")


def test_an_error_in_one_element_of_many():
    def f(x):
        factor = np.ones(x.shape)
        factor[7, 3] = 1.01
        return record(x.data.copy(), (x, lambda g, y: g * factor))

    fails(f, normal(10, 10), match="order 1")


def test_an_error_in_the_second_of_two_outputs():
    fails(lambda x: (x * x, record(x.data * 3, (x, lambda g, y: g * 2))), normal(3), match="order 1")


def test_a_result_that_is_a_view_of_its_argument():
    """A view of an argument that is moved in place moves along, and the difference f(x + ε) − f(x − ε) is zero."""
    view = lambda factor: lambda x: record(x.data[:], (x, lambda g, y: g * factor))  # noqa: E731
    check_grads(view(1), [normal(3)])
    fails(view(0), normal(3), match="order 1")


@pytest.mark.parametrize("axis", [0, 1])
def test_an_error_that_a_cotangent_of_ones_cannot_see(axis):
    """A softmax sums to 1, so ones are taken to zero, and so is seven times the derivative: the cotangent is random."""

    def seven_softmax(x):
        y = softmax(Tensor(x.data), axis).data
        return record(y, (x, lambda g, y: 7 * y * (g - (g * y).sum(axis, keepdim=True))))

    x = Tensor(normal(3, 4), requires_grad=True)
    (blind,) = grad(seven_softmax(x).sum(), x)
    np.testing.assert_allclose(blind.data, 0, atol=1e-14)
    check_grads(lambda x: softmax(x, axis), [x])
    fails(seven_softmax, x, match="order 1")


# Planted errors of higher order --------------------------------------------------------------------------------------


def cube_with_a_captured_array(x):
    """The golden rule broken: the raw 3x² is a constant to the next derivative."""
    return record(x.data**3, (x, lambda g, y: g * (3 * x.data**2)))


def normalize_with_a_raw_sigma(x):
    """The same mistake where it is easy to make: (g − mean g − y · mean(g y)) / σ with σ an array."""
    centred = x.data - x.data.mean()
    sigma = centred.std()
    return record(centred / sigma, (x, lambda g, y: (g - g.mean() - y * (g * y).mean()) / sigma))


def product_with_a_captured_factor(a, b):
    return record(a.data * b.data, (a, lambda g, y: g * b.data), (b, lambda g, y: g * a))


@pytest.mark.parametrize("f", [cube_with_a_captured_array, normalize_with_a_raw_sigma])
def test_a_raw_array_captured_in_a_derivative_is_wrong_at_order_two(f):
    check_grads(f, [normal(4)], order=1)
    fails(f, normal(4), match="order 2 in argument 0")


def test_a_captured_factor_is_wrong_at_order_two_in_the_other_argument():
    check_grads(product_with_a_captured_factor, [normal(3), normal(3)], order=1)
    fails(product_with_a_captured_factor, normal(3), normal(3), match="order 2 in argument 1")


def test_an_error_in_the_derivative_with_respect_to_the_cotangent():
    """J is right, and so is its derivative in x, but the map g ↦ Jᵀg is not recorded: its own vjp is missing."""
    fails(lambda x: record(x.data * 2, (x, lambda g, y: Tensor(g.data * 2))), normal(3), match="order 2 in argument 1")


def test_an_error_of_order_three():
    def fourth_power(x):
        slope = lambda g: record(  # noqa: E731
            g.data * 4 * x.data**3, (g, lambda h, y: h * 4 * x * x * x), (x, lambda h, y: h * g * (12 * x.data**2))
        )
        return record(x.data**4, (x, lambda g, y: slope(g)))

    check_grads(fourth_power, [normal(3)], order=2)
    fails(fourth_power, normal(3), order=3, match="order 3")


def test_the_cotangent_is_not_the_argument_that_the_caller_drew():
    """At g = x, the derivative of a normalisation is 0 whatever σ is: a caller's favourite seed must not be ours."""
    for seed in range(10):
        fails(normalize_with_a_raw_sigma, normal(4, seed=seed), match="order 2 in argument 0")


# What is checked, and what is refused --------------------------------------------------------------------------------


def test_right_derivatives_pass_at_every_order():
    check_grads(lambda x, y: (x.exp() * y).sum(), [normal(2, 3), normal(3)], order=4)


def test_integers_and_booleans_are_constants():
    check_grads(lambda x, n, mask: x * n * mask, [normal(3), np.array([1, 2, 3]), np.array([True, False, True])])


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_float32_is_refused(dtype):
    """A central difference with step 1e-5 would be noise: a check that cannot fail, or one that fails at random."""
    with pytest.raises(TypeError, match=rf"args\[1\] is {np.dtype(dtype)}.*use float64"):
        check_grads(lambda x, y: x * y.to(np.float64), [normal(3), normal(3).astype(dtype)])


def test_the_message_says_where_and_by_how_much():
    with pytest.raises(AssertionError, match=r"of shape \(2, 3\): analytic slope \S+, numeric \S+, apart by \S+"):
        check_grads(lambda x: record(x.data * 2, (x, lambda g, y: g)), [normal(2, 3)])


# The adjoint checker -------------------------------------------------------------------------------------------------

MATRIX = normal(2, 3)


def product(x):
    return Tensor(MATRIX) @ x


def test_the_right_adjoint_passes():
    check_adjoint(product, normal(3), lambda y: Tensor(MATRIX.T) @ y)
    check_adjoint(product, normal(3))


@pytest.mark.parametrize(
    "adjoint",
    [lambda y: 2 * Tensor(MATRIX.T) @ y, lambda y: -Tensor(MATRIX.T) @ y, lambda y: Tensor(MATRIX.T[::-1].copy()) @ y],
    ids=["factor", "sign", "order"],
)
def test_a_wrong_adjoint_fails(adjoint):
    with pytest.raises(AssertionError, match="⟨y, A x⟩ and ⟨Aᵀy, x⟩ differ"):
        check_adjoint(product, normal(3), adjoint)


def test_a_forgotten_transpose_fails_whatever_the_seed_of_the_caller():
    """At y = x, ⟨x, A x⟩ = ⟨A x, x⟩: A would pass for its own adjoint."""
    square = Tensor(normal(3, 3, seed=99))
    for seed in range(10):
        with pytest.raises(AssertionError, match="differ"):
            check_adjoint(lambda x: square @ x, normal(3, seed=seed), lambda y: square @ y)


def test_a_relative_error_of_a_billionth_fails():
    """No finite difference would see it."""
    with pytest.raises(AssertionError, match="differ"):
        check_adjoint(product, normal(3), lambda y: (1 + 1e-9) * (Tensor(MATRIX.T) @ y))


def test_a_wrong_vjp_fails():
    with pytest.raises(AssertionError, match="⟨y, A x⟩ and ⟨Aᵀy, x⟩ differ"):
        check_adjoint(lambda x: record(x.data * 2, (x, lambda g, y: g)), normal(3))


def test_an_adjoint_whose_own_adjoint_is_wrong_fails():
    twice = lambda g: record(g.data * 2, (g, lambda h, y: h))  # noqa: E731
    with pytest.raises(AssertionError, match="⟨y, A x⟩ and ⟨y, Aᵀᵀx⟩ differ"):
        check_adjoint(lambda x: record(x.data * 2, (x, lambda g, y: twice(g))), normal(3))


def test_a_function_that_is_not_linear_fails():
    with pytest.raises(AssertionError, match="differ"):
        check_adjoint(lambda x: x * x, normal(3))
