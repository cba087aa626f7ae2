"""0 · ∞: what is not chosen, or weighs nothing, adds nothing, however large it is; in every derivative."""

import numpy as np
import pytest

from scratchgan import Tensor, grad
from scratchgan import functional as F
from scratchgan.losses import Minimax, NonSaturating

INF = np.inf
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def derivatives(f, x):
    """The value of f, its gradient, and the gradient of the sum of that."""
    x = Tensor(np.array(x), requires_grad=True)
    y = f(x)
    (first,) = grad(y.sum(), x, create_graph=True)
    (second,) = grad(first.sum(), x, allow_unused=True)
    return y.data, first.data, second.data


# Cotangents ----------------------------------------------------------------------------------------------------------

# Functions of (x, other) that choose the other at x < 0.
CHOOSE = {
    "where": lambda x: F.where(x.data > 0, x, 1.0),
    "where, reversed": lambda x: F.where(x.data < 0, 1.0, x),
    "relu": F.relu,
    "maximum": lambda x: F.maximum(x, 0.0),
    "maximum, reversed": lambda x: F.maximum(0.0, x),
    "minimum": lambda x: -F.minimum(-x, 0.0),
    "minimum, reversed": lambda x: -F.minimum(0.0, -x),
    "clamp": lambda x: F.clamp(x, min=0.0),
    "clamp above": lambda x: -F.clamp(-x, max=0.0),
}


@pytest.mark.parametrize("choose", CHOOSE.values(), ids=CHOOSE)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_infinite_cotangent_does_not_reach_what_was_not_chosen(choose, dtype):
    x = Tensor(np.array([-1.0, 4.0], dtype), requires_grad=True)
    g = Tensor(np.array([INF, 3.0], dtype))
    (first,) = grad(choose(x), x, g)
    assert first.dtype == dtype
    np.testing.assert_array_equal(first.data, [0, 3])


def test_where_hands_infinite_cotangents_to_the_side_that_was_chosen():
    a, b = (Tensor(np.ones(2), requires_grad=True) for _ in "ab")
    y = F.where(np.array([True, False]), a, b)
    for g, expected in zip(grad(y, [a, b], Tensor(np.array([INF, -INF]))), ([INF, 0], [0, -INF]), strict=True):
        np.testing.assert_array_equal(g.data, expected)


def test_dropout_takes_no_infinite_cotangent_to_what_it_dropped():
    x = Tensor(np.array([1.0, INF]), requires_grad=True)
    y = F.dropout(x, 1.0)
    np.testing.assert_array_equal(y.data, [0, 0])
    np.testing.assert_array_equal(grad(y, x, Tensor(np.array([INF, -INF])))[0].data, [0, 0])


@pytest.mark.parametrize("name", ["relu", "clamp", "maximum", "where"])
def test_a_root_of_what_was_cut_off_at_0(name):
    """√x has an infinite slope at 0, and there x does not matter: as in PyTorch."""
    _, first, second = derivatives(lambda x: F.sqrt(CHOOSE[name](x) - (name == "where") * (x.data < 0)), [-1.0, 4.0])
    np.testing.assert_allclose(first, [0, 1 / 4])
    np.testing.assert_allclose(second, [0, -1 / 32])


# Functions at infinity -----------------------------------------------------------------------------------------------

# function: value, first and second derivative at −∞ and ∞
AT_INFINITY = {
    "softplus": (F.softplus, [0, INF], [0, 1], [0, 0]),
    "softplus without a threshold": (lambda x: F.softplus(x, threshold=INF), [0, INF], [0, 1], [0, 0]),
    "elu": (lambda x: F.elu(x, 2.0), [-2, INF], [0, 1], [0, 0]),
    "relu": (F.relu, [0, INF], [0, 1], [0, 0]),
    "leaky_relu": (lambda x: F.leaky_relu(x, 0.5), [-INF, INF], [0.5, 1], [0, 0]),
    "sigmoid": (F.sigmoid, [0, 1], [0, 0], [0, 0]),
    "tanh": (F.tanh, [-1, 1], [0, 0], [0, 0]),
    "power 0": (lambda x: x ** Tensor(np.zeros(2)), [1, 1], [0, 0], [0, 0]),
}


@pytest.mark.parametrize("name", AT_INFINITY)
def test_a_function_at_infinity(name):
    f, *expected = AT_INFINITY[name]
    for value, known in zip(derivatives(f, [-INF, INF]), expected, strict=True):
        np.testing.assert_array_equal(value, known)
    x, g = (Tensor(np.array(values), requires_grad=True) for values in ([-INF, INF], [1.0, 1.0]))
    (first,) = grad(f(x), x, g, create_graph=True)
    np.testing.assert_array_equal(grad(first.sum(), g, allow_unused=True)[0].data, expected[1])


def test_the_slope_of_prelu_learns_nothing_from_an_infinite_positive_number():
    x, w = Tensor(np.array([INF, -2.0])), Tensor(np.array([0.5]), requires_grad=True)
    (g,) = grad(F.prelu(x, w), w, Tensor(np.ones(2)))
    np.testing.assert_array_equal(g.data, [-2])


# Losses --------------------------------------------------------------------------------------------------------------

E = np.e


def test_cross_entropy_with_a_masked_logit():
    """−log(1 / (1 + e)) = log(1 + e) = 1.3133; p = 1 / (1 + e) and 1 − p are the shares of the other two."""
    p = 1 / (1 + E)
    for target in (Tensor(np.array([1])), Tensor(np.array([[0.0, 1.0, 0.0]]))):
        value, first, second = derivatives(lambda x: F.cross_entropy(x, target), [[-INF, 0.0, 1.0]])
        np.testing.assert_allclose(value, 1.3132616875182228, rtol=1e-14)
        np.testing.assert_allclose(first, [[0, p - 1, 1 - p]], rtol=1e-14)
        np.testing.assert_allclose(second, np.zeros((1, 3)), atol=1e-16)

    # The square of the slope in the last logit, q², has the slopes 2 q² (1 − q) in it and the negative in the other.
    x = Tensor(np.array([[-INF, 0.0, 1.0]]), requires_grad=True)
    (first,) = grad(F.cross_entropy(x, Tensor(np.array([1]))), x, create_graph=True)
    (second,) = grad((first[0, 2] ** 2).sum(), x)
    q = E / (1 + E)
    np.testing.assert_allclose(second.data, [[0, -2 * q * q * (1 - q), 2 * q * q * (1 - q)]], rtol=1e-12)


def test_a_class_without_weight_may_be_impossible():
    """Of a label without weight nothing is left; with smoothing, what weighs nothing adds nothing."""
    x, weight = [[-INF, 0.0, 0.0]], Tensor(np.array([0.0, 1.0, 1.0]))
    options = {"weight": weight, "reduction": "sum"}
    value, first, _ = derivatives(lambda x: F.cross_entropy(x, Tensor(np.array([0])), **options), x)
    assert value == 0 and not first.any()
    value, first, _ = derivatives(
        lambda x: F.cross_entropy(x, Tensor(np.array([1])), label_smoothing=0.3, **options), x
    )
    np.testing.assert_allclose(value, (0.7 + 0.1 + 0.1) * np.log(2), rtol=1e-14)
    np.testing.assert_allclose(first, [[0, -0.35, 0.35]], rtol=1e-14)


def test_a_probability_of_0_has_a_slope_all_the_same():
    """−Σ q log p is linear in q: its slope is −log p, also where q is 0."""
    x, q = Tensor(np.log([[1.0, 3.0]])), Tensor(np.array([[0.0, 1.0]]), requires_grad=True)
    np.testing.assert_allclose(grad(F.cross_entropy(x, q), q)[0].data, [[np.log(4), np.log(4 / 3)]], rtol=1e-14)


def test_weights_may_be_arrays_and_numbers():
    x, one = Tensor(np.array([-INF, 0.0])), Tensor(np.ones(2))
    for weight in (np.array([0.0, 2.0]), Tensor(np.array([0.0, 2.0]))):
        loss = F.binary_cross_entropy_with_logits(x, one, weight, reduction="sum")
        np.testing.assert_allclose(loss.data, 2 * np.log(2), rtol=1e-14)
    assert F.binary_cross_entropy_with_logits(x, one, 0.0).item() == 0


def test_a_label_that_is_impossible_costs_infinitely_much():
    assert F.cross_entropy(Tensor(np.array([[-INF, 0.0]])), Tensor(np.array([0]))).item() == INF


@pytest.mark.parametrize("target", [0.0, 1.0])
def test_an_infinite_logit_that_is_right_costs_nothing(target):
    logits = [INF if target else -INF]
    loss = lambda x: F.binary_cross_entropy_with_logits(x, Tensor(np.array([target])))  # noqa: E731
    for value in derivatives(loss, logits):
        np.testing.assert_array_equal(value, np.zeros_like(value))
    assert loss(Tensor(-np.array(logits))).item() == INF


def test_what_weighs_nothing_may_be_infinitely_wrong():
    x, one, nothing = Tensor(np.array([-INF, 0.0])), Tensor(np.ones(2)), Tensor(np.array([0.0, 1.0]))
    for options in ({"weight": nothing}, {"pos_weight": nothing}):
        loss = F.binary_cross_entropy_with_logits(x, one, reduction="sum", **options)
        np.testing.assert_allclose(loss.data, np.log(2), rtol=1e-14)


@pytest.mark.parametrize("objective", [Minimax(), NonSaturating()], ids=repr)
def test_a_discriminator_that_is_infinitely_sure_and_right_has_no_loss(objective):
    real, fake = Tensor(np.array([INF])), Tensor(np.array([-INF]))
    assert objective.discriminator_loss(real, fake).item() == 0
    assert objective.discriminator_loss(fake, fake).item() == INF


# Options together ----------------------------------------------------------------------------------------------------


def test_beyond_its_threshold_softplus_is_x_itself_whatever_its_scale():
    """β x = 30 > 20 at x = 3: the value is x and not β x, the slope 1, the curvature 0."""
    value, first, second = derivatives(lambda x: F.softplus(x, beta=10.0), [3.0, 1.0])
    s = 1 / (1 + np.exp(-10.0))
    np.testing.assert_allclose(value, [3, np.log1p(np.exp(10.0)) / 10], rtol=1e-14)
    np.testing.assert_allclose(first, [1, s], rtol=1e-14)
    np.testing.assert_allclose(second, [0, 10 * s * (1 - s)], rtol=1e-10)
    assert value[0] == 3 and first[0] == 1


# Shares 1/8, 2/8, 5/8; labels 0 and 2; weights 1, 2, 4; ε = 0.3, so ε / C = 0.1. With ℓ = log of the shares, each
# sample has −w_y 0.7 ℓ_y − 0.1 Σ w ℓ; the mean divides by the weights of the labels, 1 + 4.
LOGITS = np.log([[1.0, 2.0, 5.0], [1.0, 2.0, 5.0]])
SHARES = np.array([1 / 8, 2 / 8, 5 / 8])
EVERY = 0.1 * (1 * np.log(1 / 8) + 2 * np.log(2 / 8) + 4 * np.log(5 / 8))
LOSSES = np.array([-1 * 0.7 * np.log(1 / 8) - EVERY, -4 * 0.7 * np.log(5 / 8) - EVERY])


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
def test_class_weights_and_label_smoothing_together(reduction):
    expected = {"none": LOSSES, "sum": LOSSES.sum(), "mean": LOSSES.sum() / 5}[reduction]
    options = {"weight": Tensor(np.array([1.0, 2.0, 4.0])), "label_smoothing": 0.3, "reduction": reduction}
    loss = lambda x: F.cross_entropy(x, Tensor(np.array([0, 2])), **options)  # noqa: E731
    value, first, _ = derivatives(loss, LOGITS)
    np.testing.assert_allclose(value, expected, rtol=1e-13)
    # The slope of −Σ v ℓ, with v the weight of each class in it, is (Σ v) shares − v.
    v = np.array([[0.7 + 0.1, 0.2, 0.4], [0.1, 0.2, 2.8 + 0.4]]) / (5 if reduction == "mean" else 1)
    np.testing.assert_allclose(first, v.sum(1, keepdims=True) * SHARES - v, rtol=1e-12)


# Bounds and slopes beyond the usual ----------------------------------------------------------------------------------


@pytest.mark.parametrize("bounds", [{"min": np.nan}, {"max": np.nan}, {"min": 0.0, "max": np.nan}])
@pytest.mark.parametrize("wrap", [float, lambda bound: Tensor(np.array([bound]))])
def test_a_bound_that_is_nan_gives_nan(bounds, wrap):
    x = Tensor(np.array([1.0]))
    assert np.isnan(F.clamp(x, **{name: wrap(bound) for name, bound in bounds.items()}).item())
    assert np.isnan(F.clamp(Tensor(np.array([np.nan])), 0.0, 1.0).item())


@pytest.mark.parametrize("slope", [1e8, -1e8, -0.5, 3.0])
def test_a_steep_leak_leaves_the_other_side_at_one(slope):
    x = Tensor(np.array([2.0, -2.0], np.float32), requires_grad=True)
    (g,) = grad(F.leaky_relu(x, slope).sum(), x)
    assert g.data.tolist() == [1, np.float32(slope)] and g.dtype == np.float32


def test_the_mean_of_no_losses_is_no_number():
    empty = Tensor(np.zeros((0, 3)))
    with np.errstate(all="ignore"):
        assert np.isnan(F.cross_entropy(empty, Tensor(np.zeros((0, 3)))).item())
