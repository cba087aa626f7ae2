"""The checker itself: it must fail on every kind of wrong derivative, or its passing means nothing."""

import re

import numpy as np
import pytest

from scratchgan import Tensor, grad
from scratchgan import functional as F
from scratchgan.functional import softmax
from scratchgan.tensor import no_grad, record
from scratchgan.testing import check_adjoint, check_grads, worst_errors


def normal(*shape, seed=9):
    return np.random.default_rng(seed).standard_normal(shape)


def fails(f, *arrays, order=2, match):
    with pytest.raises(AssertionError, match=f"^wrong derivative of {match}"):
        check_grads(f, arrays, order)


# Planted errors of the first order -----------------------------------------------------------------------------------


def test_a_wrong_factor():
    fails(lambda x: record(np.exp(x.data), (x, lambda g, y: 1.001 * g * y)), normal(3), match="order 1 in argument 0")


def test_a_wrong_sign():
    fails(lambda x: record(np.sin(x.data), (x, lambda g, y: -g * np.cos(x.data))), normal(3), match="order 1")


def test_a_missing_edge():
    """The second argument gets no gradient at all, although the value depends on it."""
    product = lambda a, b: record(a.data * b.data, (a, lambda g, y: g * b))  # noqa: E731
    fails(product, normal(3), normal(3), match=r"order 1 in argument 1, of shape \(3,\)")


def test_an_edge_too_many():
    first = lambda a, b: record(a.data.copy(), (a, lambda g, y: g), (b, lambda g, y: g))  # noqa: E731
    fails(first, normal(2), normal(2), match="order 1 in argument 1")


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


def test_a_result_in_a_buffer_that_each_call_overwrites():
    buffer = np.empty(3)

    def double_in_place(x):
        np.multiply(x.data, 2, out=buffer)
        return record(buffer, (x, lambda g, y: g * 2))

    check_grads(double_in_place, [normal(3)], order=1)


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
    fails(
        lambda x: record(x.data * 2, (x, lambda g, y: Tensor(g.data * 2))),
        normal(3),
        match="order 2 in the cotangent of result 0",
    )


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


# The explanation -----------------------------------------------------------------------------------------------------


def explanation(f, *arrays, order=2):
    with pytest.raises(AssertionError) as error:
        check_grads(f, arrays, order)
    return str(error.value)


def double(vjp):
    """2x, with a derivative of the test's choice."""
    return lambda x: record(x.data * 2, (x, vjp))


@pytest.mark.parametrize("place", [(0, 0), (7, 3), (9, 9)])
def test_it_names_the_entry_and_both_slopes(place):
    """Analytic 2.5 and numeric 2, each times the cotangent of that entry."""
    factor = np.full((10, 10), 2.0)
    factor[place] = 2.5
    text = explanation(double(lambda g, y: g * factor), normal(10, 10))
    entry = re.search(r"in entry (\[.*\]) alone: analytic (\S+), numeric (\S+)", text)
    assert entry[1] == str(list(place))
    assert float(entry[2]) / float(entry[3]) == pytest.approx(2.5 / 2, rel=1e-6)
    assert "order 1 in argument 0, of shape (10, 10)" in text


@pytest.mark.parametrize(
    "vjp, what",
    [
        (lambda g, y: (2 * g).reshape(1, 1, 3), r"has shape \(1, 1, 3\)"),
        (lambda g, y: (2 * g).sum(), r"has shape \(\)"),
        (lambda g, y: (2 * g).to(np.float32), "dtype float32"),
    ],
)
def test_a_gradient_of_another_shape_or_dtype_is_wrong_whatever_its_numbers(vjp, what):
    text = explanation(double(vjp), normal(3))
    assert re.match(f"the gradient of order 1 in argument 0, of shape .*{what}", text)


def test_a_scalar_has_one_entry_without_indices():
    assert "in entry [] alone" in explanation(double(lambda g, y: g), normal())


def detached(x):
    with no_grad():
        return x * 1


# What was planted, the function with it, and what the explanation says.
CAUSES = {
    "no edge": (lambda x: record(x.data * 2), "a missing edge: no gradient arrives"),
    "a detached value": (lambda x: x.detach() * 2, "a missing edge"),
    "a value computed without recording": (detached, "a missing edge"),
    "a sign": (double(lambda g, y: -2 * g), "a factor: in every direction the gradient is -1 times .* a wrong sign"),
    "a mean for a sum": (double(lambda g, y: g * 2 / 4), "is 0.25 times .* perhaps a mean in place of a sum"),
    "a sum for a mean": (lambda x: record(x.data.mean(), (x, lambda g, y: g + x * 0)), "is 4 times .* perhaps a mean"),
    "a factor": (double(lambda g, y: 2.2 * g), "is 1.1 times what it should be$"),
    "reversed entries": (double(lambda g, y: g[::-1] * 2), "not the transpose"),
    "a root at 0": (lambda x: (x * 0).sum().sqrt() + x.sum(), "a division by 0 in a vjp"),
    "a pole": (lambda x: record(x.data * np.inf, (x, lambda g, y: g)), "the function itself is not finite"),
    "a raw array": (cube_with_a_captured_array, "a raw capture: a vjp of order 1 reads an array"),
    "a raw deviation": (normalize_with_a_raw_sigma, "a raw capture"),
    "a raw cotangent": (double(lambda g, y: Tensor(g.data * 2)), "is not recorded: a vjp computes with g.data"),
    "huge values": (lambda x: record(x.data + 1e12, (x, lambda g, y: 2 * g)), "rounding: values so large"),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("planted", CAUSES)
def test_it_names_the_likely_cause(planted):
    f, cause = CAUSES[planted]
    assert re.search(f"likely cause: .*{cause}", explanation(f, normal(4)))


def test_a_nan_is_traced_to_its_entry():
    """The slope of √x at 0 is infinite there, and nowhere else."""
    bad = np.ones(9)
    bad[6] = np.nan
    text = explanation(double(lambda g, y: 2 * g * bad), normal(9))
    assert "in entry [6] alone: analytic nan" in text and "a division by 0" in text


# Kinks ---------------------------------------------------------------------------------------------------------------

KINKS = {
    "relu at 0": (F.relu, [np.array([1.0, 0.0, -2.0])]),
    "relu at 0 among larger slopes": (F.relu, [np.linspace(-2, 2, 5)]),
    "abs at 0, where the central difference is the slope 0 too": (F.abs, [np.array([1.0, 0.0])]),
    "leaky relu nearer to 0 than the step": (lambda x: F.leaky_relu(x, 0.2), [np.array([3e-6, 1.0])]),
    "a tie of maximum": (F.maximum, [np.array([1.0, 2.0]), np.array([0.0, 2.0])]),
    "a clamp on its bound": (lambda x: F.clamp(x, -1, 1), [np.array([1.0])]),
    "a jump": (lambda x: record(np.floor(x.data), (x, lambda g, y: g * 0)), [np.array([2.0, 0.5])]),
}


@pytest.mark.parametrize("which", KINKS)
def test_a_kink_is_detected(which):
    f, arrays = KINKS[which]
    text = explanation(f, *arrays, order=1)
    assert re.match(r"a kink, met at order 1 in argument 0, .* the slope jumps from \S+ to \S+,", text)


def test_a_kink_of_the_derivative_is_met_at_order_two():
    """relu(x)² is smooth once: its derivative 2 relu(x) has the kink. That of x |x| is 2 |x|, and both sides say 0."""
    square = lambda x: F.relu(x) * F.relu(x)  # noqa: E731
    check_grads(square, [np.array([0.0, 1.0])], order=1)
    assert "a kink, met at order 2" in explanation(square, np.array([0.0, 1.0]))
    assert "a kink, met at order 2" in explanation(lambda x: x * F.abs(x), np.array([100.0, 0.0]))


VALLEYS = {
    "a parabola at 0": (lambda x: 100 * x * x, 0.0),
    "a cubic at its minimum": (lambda x: x**3 - 3 * x, 1.0),
    "eˣ − x at 0": (lambda x: x.exp() - x, 0.0),
    "a narrow softplus": (lambda x: F.softplus(50 * x) - 25 * x, 0.0),
}


@pytest.mark.parametrize("which", VALLEYS)
def test_the_bottom_of_a_valley_is_no_kink(which):
    """The slopes to both sides are small there, and as far from each other as from 0."""
    f, bottom = VALLEYS[which]
    check_grads(f, [np.full(3, bottom)])


# What is checked, and what is refused --------------------------------------------------------------------------------


def test_right_derivatives_pass_at_every_order():
    check_grads(lambda x, y: (x.exp() * y).sum(), [normal(2, 3), normal(3)], order=4)


def test_integers_and_booleans_are_constants():
    check_grads(lambda x, n, mask: x * n * mask, [normal(3), np.array([1, 2, 3]), np.array([True, False, True])])


def test_worst_errors_are_those_that_check_grads_judges():
    """Of a right function tiny, of a wrong one large, of each order by itself."""
    assert max(worst_errors(lambda x: x * x, [normal(3)], 3)) < 1e-8
    first, second = worst_errors(cube_with_a_captured_array, [normal(3)])
    assert first < 1e-8 and second > 0.1
    assert np.isnan(worst_errors(double(lambda g, y: g * np.nan), [normal(3)], 1)).all()


def test_a_function_that_draws_other_numbers_each_time_is_refused():
    rng = np.random.default_rng(0)
    text = explanation(lambda x: F.dropout(x, rng=rng), normal(20))
    assert re.match("not deterministic: result 0 differs by up to .* make its random generator anew", text)


def test_a_derivative_that_draws_other_numbers_each_time_is_refused():
    rng = np.random.default_rng(0)
    noisy = double(lambda g, y: 2 * g + 1e-9 * rng.standard_normal(3))
    assert "not deterministic" in explanation(noisy, normal(3))


def test_a_function_that_writes_into_its_argument_is_refused():
    def careless(x):
        x.data[0] = 1.0
        return x * 2

    mine = normal(3)
    assert "writes into argument 0, of shape (3,)" in explanation(careless, mine)
    np.testing.assert_array_equal(mine, normal(3))


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_float32_is_refused(dtype):
    """A central difference with step 1e-5 would be noise: a check that cannot fail, or one that fails at random."""
    with pytest.raises(TypeError, match=rf"args\[1\] is {np.dtype(dtype)}.*rounding, use float64"):
        check_grads(lambda x, y: x * y.to(np.float64), [normal(3), normal(3).astype(dtype)])


@pytest.mark.parametrize(
    "f, what",
    [(lambda x: x.to(np.float32), "float32"), (lambda x: x > 0, "bool"), (lambda x: x.data, "ndarray")],
)
def test_a_result_that_cannot_be_checked_is_refused(f, what):
    with pytest.raises(TypeError, match=f"result 0 of the function is {what}: float64 Tensors"):
        check_grads(f, [normal(3)])


@pytest.mark.parametrize("args", [[], [np.arange(3)], [np.array([True])]])
def test_a_check_of_nothing_is_refused(args):
    with pytest.raises(ValueError, match="nothing to differentiate, no argument is floating"):
        check_grads(lambda *xs: Tensor(np.ones(2)), args)


def test_an_order_below_one_is_refused():
    with pytest.raises(ValueError, match="order must be at least 1, got 0"):
        check_grads(F.exp, [normal(2)], order=0)


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


def test_an_adjoint_that_gives_another_shape_fails():
    """Broadcasting would hide it."""
    with pytest.raises(AssertionError, match=r"\(3, 1\) and \(3,\), differ"):
        check_adjoint(lambda x: x * 1, normal(3), lambda y: y.reshape(3, 1))


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
