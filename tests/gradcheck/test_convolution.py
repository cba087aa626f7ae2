"""What `conv` promises of all three functions, for shapes of any kind; and the fast way beside the obvious one.

Three facts are planted: a NaN, a region of zeros, factors that are not negative. Which elements may see them is counted
by the definition: an element sees those factors that stand in its own sum. Images count as large from a few hundred
bytes on: the fast way treats them differently, and both are drawn.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgan import Tensor, grad, nn
from scratchgan import functional as F
from scratchgan.functional.conv import conv, conv_transpose, weight_grad
from scratchgan.functional.kernels import wide
from scratchgan.functional.kernels.geometry import Geometry
from scratchgan.functional.unfold import conv2d_by_unfold

FUNCTIONS = {"conv": conv, "conv_transpose": conv_transpose, "weight_grad": weight_grad}


@pytest.fixture(autouse=True, scope="module")
def blocks_are_small():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wide, "BLOCK", 1000)
        yield


every_function = pytest.mark.parametrize("name", FUNCTIONS)


@st.composite
def arguments(draw, **fixed):
    """x (N, C, H, W), y (N, O, oh, ow), w (O, C, kh, kw) in float32, and how w visits x.

    Few and many channels, as the fast way has forms for both; also images that a kernel meets only in part, and often
    kernels of stride 1 that keep the width of an image.
    """
    axes, keeps = [], draw(st.booleans())
    for axis in range(2):
        kernel, stride, padding = draw(st.integers(1, 5)), draw(st.integers(1, 3)), draw(st.integers(0, 4))
        if keeps:
            kernel, stride, padding = ((kernel, 1, padding), (kernel | 1, 1, kernel // 2))[axis]
        smallest = max(1, kernel - 2 * padding)
        axes.append((kernel, stride, padding, draw(st.integers(smallest, smallest + 7))))
    at = Geometry(*zip(*axes))
    n, c, o = draw(st.integers(1, 3)), draw(st.sampled_from([1, 3, 17])), draw(st.sampled_from([1, 4, 33]))
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    shapes = (n, c, *at.size), (n, o, *at.output), (o, c, *at.kernel)
    return *(rng.standard_normal(shape).astype(np.float32) for shape in shapes), at


def factors(name, x, y, w):
    """The two factors of a function."""
    return {"conv": (x, w), "conv_transpose": (y, w), "weight_grad": (x, y)}[name]


def value(name, x, y, w, at):
    return FUNCTIONS[name](*map(Tensor, factors(name, x, y, w)), at).data


def sees(name, which, marked, x, y, w, at):
    """Where the sum of an element contains a marked element of the factor ``which``: by the definition, in integers."""
    ones = {"x": np.ones_like(x), "y": np.ones_like(y), "w": np.ones_like(w)}
    ones[which] = marked.astype(np.float32)
    return by_definition(name, *ones.values(), at) > 0


def by_definition(name, x, y, w, at):
    """In float64, by the plain product of all patches and its derivatives."""
    x, y, w = (Tensor(a.astype(float), requires_grad=True) for a in (x, y, w))
    plain = conv2d_by_unfold(x, w, at.stride, at.padding)
    if name == "conv":
        return plain.data
    return grad(plain, x if name == "conv_transpose" else w, y)[0].data


@every_function
@given(arguments=arguments())
def test_it_is_the_product_of_all_patches_and_its_derivatives(name, arguments):
    *arrays, at = arguments
    np.testing.assert_allclose(value(name, *arrays, at), by_definition(name, *arrays, at), rtol=2e-5, atol=2e-4)


@given(arguments=arguments(), order=st.permutations(range(3)))
def test_derivatives_of_derivatives_are_those_of_the_obvious_way(arguments, order):
    """Second derivatives of a function that is not linear, as in a gradient penalty."""
    *arrays, at = arguments
    x, y, w = (Tensor(a.astype(float), requires_grad=True) for a in arrays)

    def derivatives(convolve):
        scores = F.tanh(convolve(x, w, stride=at.stride, padding=at.padding) / 9) * y
        (slopes,) = grad(scores.sum(), x, create_graph=True)
        inputs = [(x, y, w)[i] for i in order]
        return [slopes.data, *(g.data for g in grad((slopes * slopes).sum(), inputs))]

    for actual, expected in zip(derivatives(F.conv2d), derivatives(conv2d_by_unfold), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-9 * max(1, np.abs(expected).max()))


@every_function
@given(data=st.data(), arguments=arguments())
@pytest.mark.parametrize("poison", [np.nan, np.inf, 1e38])
def test_an_element_depends_on_the_factors_of_its_own_sum_alone(name, poison, data, arguments):
    """One element of a factor is poisoned: what does not read it keeps every bit."""
    *arrays, at = arguments
    which = data.draw(st.sampled_from({"conv": "xw", "conv_transpose": "yw", "weight_grad": "xy"}[name]))
    sick = [a.copy() for a in arrays]
    factor = sick["xyw".index(which)]
    place = tuple(data.draw(st.integers(0, n - 1)) for n in factor.shape)
    factor[place] = poison
    marked = np.zeros(factor.shape, bool)
    marked[place] = True
    healthy = ~sees(name, which, marked, *arrays, at)
    with np.errstate(all="ignore"):
        result = value(name, *sick, at)
    np.testing.assert_array_equal(result[healthy], value(name, *arrays, at)[healthy])
    if np.isnan(poison):
        assert np.isnan(result[~healthy]).all()


@every_function
@given(data=st.data(), arguments=arguments())
def test_zeros_in_exact_zeros_out(name, data, arguments):
    """Half of a factor is zero, as the black of a digit is: every sum of zeros alone is 0."""
    *arrays, at = arguments
    which = {"conv": "x", "conv_transpose": "y", "weight_grad": data.draw(st.sampled_from("xy"))}[name]
    factor = arrays["xyw".index(which)]
    side = data.draw(st.sampled_from([np.s_[..., factor.shape[-1] // 2 :], np.s_[..., : factor.shape[2] // 2, :]]))
    factor[side] = 0
    empty = ~sees(name, which, factor != 0, *arrays, at)
    assert (value(name, *arrays, at)[empty] == 0).all()


@every_function
@given(arguments=arguments())
def test_no_sign_that_the_exact_sum_cannot_have(name, arguments):
    """Half of the numbers are 0, the others positive."""
    *arrays, at = arguments
    assert value(name, *(np.maximum(a, 0) for a in arrays), at).min() >= 0


def test_a_digit_leaves_no_trace_in_the_black():
    """Three layers without biases: what no white pixel reaches stays 0, and ReLU passes nothing back there."""
    rng = np.random.default_rng(0)
    layers = [nn.Conv2d(c, 32, 3, padding=1, rng=rng) for c in (1, 32, 32)]
    x = np.zeros((16, 1, 28, 28), np.float32)
    x[:, :, 10:18, 11:17] = rng.uniform(size=(16, 1, 8, 6))
    y = Tensor(x)
    for depth, layer in enumerate(layers, start=1):
        y = F.relu(F.conv2d(y, layer.weight, padding=1))
        reached = np.zeros((28, 28), bool)
        reached[10 - depth : 18 + depth, 11 - depth : 17 + depth] = True
        assert (y.data[..., ~reached] == 0).all()
