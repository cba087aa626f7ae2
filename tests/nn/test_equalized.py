"""Equalized layers: their scale, what it does to learning rates, and the convolutions that double or halve a size."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seeded import rng

from scratchgan import Tensor, grad, nn
from scratchgan import functional as F
from scratchgan.nn.equalized import doubled
from scratchgan.optim import Adam
from scratchgan.testing import check_grads


def normal(*shape, seed=0):
    return rng(seed).standard_normal(shape)


def double(layer):
    return layer.to(np.float64)


@pytest.mark.parametrize("gain", [2**0.5, 1.0, 0.25])
def test_a_linear_layer_scales_its_weight_and_not_its_bias(gain):
    layer = double(nn.EqualizedLinear(5, 3, gain=gain, rng=rng(1)))
    layer.bias.data = normal(3)
    x = normal(4, 5)
    np.testing.assert_allclose(layer(Tensor(x)).data, x @ layer.weight.data.T * gain / 5**0.5 + layer.bias.data)


def test_a_convolution_scales_its_weight_by_its_fan_in_and_not_its_bias():
    layer = double(nn.EqualizedConv2d(4, 3, (3, 2), stride=(2, 1), padding=(0, 1), gain=0.7, rng=rng(1)))
    layer.bias.data = normal(3)
    x = Tensor(normal(2, 4, 6, 6))
    expected = F.conv2d(x, layer.weight * (0.7 / 24**0.5), layer.bias, (2, 1), (0, 1))
    np.testing.assert_allclose(layer(x).data, expected.data, rtol=1e-12)


def test_weights_begin_as_standard_normal_and_biases_as_zero():
    for layer in (nn.EqualizedLinear(100, 90, rng=rng()), nn.EqualizedConv2d(30, 40, 3, rng=rng())):
        assert layer.weight.data.std() == pytest.approx(1, abs=0.02) and abs(layer.weight.data.mean()) < 0.03
        assert not layer.bias.data.any() and layer.weight.dtype == np.float32
        assert type(layer)(3, 4, *[3][: layer.weight.ndim - 2], bias=False).bias is None


@pytest.mark.parametrize("fan_in", [4, 64, 1024])
def test_a_signal_keeps_its_size_through_a_leaky_relu(fan_in):
    """With a gain of √2, of a ReLU; a slope of 0.2 adds a fiftieth."""
    layer, x = nn.EqualizedLinear(fan_in, 2000, rng=rng(3)), Tensor(normal(200, fan_in).astype(np.float32))
    size = np.sqrt(np.mean(F.leaky_relu(layer(x), 0.2).data ** 2))
    assert size == pytest.approx(1.04**0.5, rel=0.1)


def test_under_adam_each_layer_has_a_learning_rate_of_its_own():
    """A step moves all stored weights alike, so the weights that are used by a share of their size that is the same."""
    shares, plain = [], []
    for fan_in in (4, 1024):
        x = Tensor(normal(8, fan_in).astype(np.float32))
        for layer, kept in (
            (nn.EqualizedLinear(fan_in, 500, rng=rng(1)), shares),
            (nn.Linear(fan_in, 500, rng=rng(1)), plain),
        ):
            before = layer.weight.data
            Adam([layer.weight], lr=1e-2).step(grad((layer(x) ** 2).mean(), [layer.weight]))
            kept.append(np.abs(layer.weight.data - before).mean() / before.std())
    assert shares[0] == pytest.approx(shares[1], rel=0.1) and plain[1] > 10 * plain[0]


@pytest.mark.parametrize("multiplier", [1.0, 0.01])
def test_a_multiplier_slows_learning_down_and_leaves_the_function_as_it_is(multiplier):
    layer, usual = (double(nn.EqualizedLinear(6, 3, lr_multiplier=m, rng=rng(2))) for m in (multiplier, 1.0))
    x = Tensor(normal(5, 6))
    before = layer(x).data
    np.testing.assert_allclose(before, usual(x).data, rtol=1e-6)
    Adam(layer.parameters(), lr=1e-3).step(grad(layer(x).sum(), layer.parameters()))
    Adam(usual.parameters(), lr=1e-3).step(grad(usual(x).sum(), usual.parameters()))
    moved, usually = layer(x).data - before, usual(x).data - before
    np.testing.assert_allclose(moved, multiplier * usually, rtol=1e-3)


# Twice and half the size ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_the_upper_one_is_a_convolution_of_repeated_pixels(kernel):
    layer = double(nn.EqualizedUpConv2d(3, 4, kernel, gain=0.7, rng=rng(1)))
    layer.bias.data = normal(4)
    x = Tensor(normal(2, 3, 5, 4))
    turned = np.ascontiguousarray(layer.weight.data.swapaxes(0, 1)[:, :, ::-1, ::-1])
    weight = Tensor(turned * 0.7 / (3 * kernel**2) ** 0.5)
    expected = F.conv2d(F.interpolate(x, scale_factor=2), weight, layer.bias, padding=kernel // 2)
    np.testing.assert_allclose(layer(x).data, expected.data, atol=1e-12)


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_the_lower_one_is_a_mean_of_a_convolution(kernel):
    layer = double(nn.EqualizedDownConv2d(3, 4, kernel, gain=0.7, rng=rng(1)))
    layer.bias.data = normal(4)
    x = Tensor(normal(2, 3, 6, 4))
    weight = layer.weight * (0.7 / (3 * kernel**2) ** 0.5)
    expected = F.avg_pool2d(F.conv2d(x, weight, layer.bias, padding=kernel // 2), 2)
    np.testing.assert_allclose(layer(x).data, expected.data, atol=1e-12)


KINDS = (nn.EqualizedLinear, ()), *((kind, (3,)) for kind in
                                     (nn.EqualizedConv2d, nn.EqualizedUpConv2d, nn.EqualizedDownConv2d))  # fmt: skip


@pytest.mark.parametrize("kind, kernel", KINDS)
def test_each_may_be_without_a_bias_and_none_without_a_gain(kind, kernel):
    layer = kind(2, 3, *kernel, bias=False, rng=rng(1))
    assert layer.bias is None and [path for path, _ in layer.named_parameters()] == ["weight"]
    assert kind(2, 3, *kernel, rng=rng(1)).gain == 2**0.5
    for gain in (0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="gain=.* must be a number in"):
            kind(2, 3, *kernel, gain=gain)


def test_a_multiplier_may_go_without_a_bias_but_is_never_0():
    layer = nn.EqualizedLinear(4, 3, bias=False, lr_multiplier=0.5, rng=rng(1))
    x = normal(2, 4).astype(np.float32)
    np.testing.assert_allclose(layer(Tensor(x)).data, 0.5 * 2**0.5 / 2 * x @ layer.weight.data.T, rtol=1e-5)
    with pytest.raises(ValueError, match="lr_multiplier=0 must be"):
        nn.EqualizedLinear(4, 3, lr_multiplier=0)


@pytest.mark.parametrize("kind", [nn.EqualizedUpConv2d, nn.EqualizedDownConv2d])
@pytest.mark.parametrize("size", [4, (3, 3), True, 3.0])
def test_a_kernel_without_a_centre_is_refused(kind, size):
    with pytest.raises(ValueError, match=re.escape(f"kernel_size={size} must be one odd number")):
        kind(2, 2, size)


@given(st.integers(1, 4))
def test_a_doubled_kernel_has_four_times_the_sum(size):
    weight = normal(2, 3, size, size)
    assert doubled(Tensor(weight)).shape == (2, 3, size + 1, size + 1)
    np.testing.assert_allclose(doubled(Tensor(weight)).data.sum((2, 3)), 4 * weight.sum((2, 3)), atol=1e-12)


@pytest.mark.parametrize(
    "layer, shape",
    [
        (nn.EqualizedLinear(3, 2, lr_multiplier=0.1, rng=rng()), (4, 3)),
        (nn.EqualizedConv2d(3, 2, 3, padding=1, rng=rng()), (2, 3, 4, 4)),
        (nn.EqualizedUpConv2d(3, 2, 3, rng=rng()), (2, 3, 2, 3)),
        (nn.EqualizedDownConv2d(3, 2, 3, rng=rng()), (2, 3, 4, 4)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_derivatives_of_both_orders_in_input_weight_and_bias(layer, shape):
    layer = double(layer)

    def function(x, weight, bias):
        vars(layer).update(weight=weight, bias=bias)
        return layer(x)

    check_grads(function, [normal(*shape), layer.weight.data, normal(*layer.bias.shape)], order=2)
