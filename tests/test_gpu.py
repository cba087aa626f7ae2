"""CPU and GPU agree. These tests run where CuPy finds a device; elsewhere they are skipped, and say so."""

import games
import numpy as np
import pytest
from parity import derivatives, train, wgan_gp

from scratchgan import Tensor, grad, nn
from scratchgan.backend import array_module, device_module
from scratchgan.testing import losses
from scratchgan.testing.cases import CASES

try:
    cupy = device_module("gpu")
except RuntimeError as error:
    pytest.skip(f"no GPU to compare with: {error}", allow_module_level=True)


def agree(actual, expected, tolerance):
    """Both arrays, relative to the largest element: a sum in another order may cancel differently."""
    assert type(actual) is cupy.ndarray and actual.dtype == expected.dtype
    scale = np.abs(expected).max(initial=0) + 1
    np.testing.assert_allclose(actual.get(), expected, rtol=0, atol=tolerance * scale)


@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-10), (np.float32, 1e-5)], ids=["float64", "float32"])
@pytest.mark.parametrize("case", [*CASES, *losses.CASES], ids=str)
def test_every_function_agrees_to_second_order(case, dtype, tolerance):
    for a, b in zip(derivatives(case, cupy.asarray, dtype), derivatives(case, dtype=dtype), strict=True):
        agree(a, b, tolerance)


@pytest.mark.parametrize("kernel, stride, padding", [(3, 1, 1), (4, 2, 1), (5, 2, 2)])
def test_convolutions_of_a_useful_size_agree(kernel, stride, padding):
    images = np.random.default_rng(0).standard_normal((8, 16, 28, 28))

    def run(device):
        layer = nn.Conv2d(16, 32, kernel, stride, padding, rng=np.random.default_rng(1)).to(np.float64).to(device)
        x = Tensor(array_module(layer.weight.data).asarray(images), requires_grad=True)
        y = layer(x)
        (g,) = grad((y * y).sum(), x, create_graph=True)
        return [t.data for t in (y, g, *grad((g * g).sum(), [x, layer.weight]))]

    for a, b in zip(run("gpu"), run("cpu"), strict=True):
        agree(a, b, 1e-10)


def test_training_agrees_in_every_weight():
    for state, reference in zip(train(wgan_gp("gpu"), 3), train(wgan_gp(), 3), strict=True):
        for path, array in reference.items():
            np.testing.assert_allclose(state[path], array, rtol=1e-6, atol=1e-8, err_msg=path)


@pytest.mark.parametrize("name", games.GAMES)
def test_every_game_trains_there_as_here(name):
    game, reference = games.trained(name, device="gpu"), games.trained(name)
    for part, other in zip(game.parts().values(), reference.parts().values()):
        for path, array in other.state_dict().items():
            np.testing.assert_allclose(part.state_dict()[path], array, rtol=1e-6, atol=1e-8, err_msg=path)


def test_a_module_goes_there_and_back_unchanged():
    module = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3))
    before = module.state_dict()
    assert {type(a) for a in module.to("gpu").arrays().values()} == {cupy.ndarray}
    assert {type(a) for a in module.to("cpu").arrays().values()} == {np.ndarray}
    for path, array in module.state_dict().items():
        np.testing.assert_array_equal(array, before[path], err_msg=path)
