"""PixelCNN: the sizes of its network, and what it does not see."""

import numpy as np
import pytest
from derivatives import jacobian
from seeded import rng

from scratchgan import Tensor, nn
from scratchgan.models import pixelcnn
from scratchgan.models.networks import count
from scratchgan.models.pixelcnn import Block, PixelCNN


def missed(network, size=15):
    """How many of the pixels before the last row's middle one it does not see, in a window of this size."""
    found = 0
    for seed in range(3):
        slopes = jacobian(network, rng(seed).random((1, size, size)))
        found = found + abs(slopes[size // 2 * size + size // 2])
    before = np.arange(size * size) < size // 2 * size + size // 2
    assert before.sum() == 112 and not found[~before].any()
    return int((found[before] == 0).sum())


def kernels(network):
    """Taps and channels alone: no ReLU that happens to be 0 hides a pixel."""
    for module in network.modules():
        if isinstance(module, nn.Sequential):
            for name, child in module.children():
                if isinstance(child, nn.ReLU):
                    setattr(module, name, nn.Tanh())
    return network.to(np.float64)


@pytest.mark.parametrize("first, blocks, hidden", [(3, 6, 21), (7, 4, 10), (5, 5, 15)])
def test_the_blind_spot_has_the_pixels_that_one_can_count(first, blocks, hidden):
    """Layers of 3×3 see, r rows above, no column further than r to the right; larger first kernels see a bit more."""
    assert missed(kernels(PixelCNN(rng(), width=4, blocks=blocks, first=first))) == hidden


def test_a_block_sees_half_its_kernel_further():
    network = kernels(PixelCNN(rng(), width=3, blocks=1, first=5, kernel=5))
    slopes = abs(jacobian(network, rng().random((1, 12, 12))))[8 * 12 + 6].reshape(12, 12)
    rows, columns = (np.flatnonzero(slopes.any(axis)) for axis in (1, 0))
    assert rows.min() == 8 - 4 and (columns.min(), columns.max()) == (6 - 4, 6 + 4)


def test_a_block_adds_its_input():
    block, x = Block(3, 3, rng()), Tensor(rng(1).random((2, 6, 4, 4)).astype(np.float32))
    np.testing.assert_array_equal(block(x).data, (x + block.change(x)).data)


def test_only_the_first_layer_hides_the_pixel_itself():
    layers = [m for m in PixelCNN(rng()).modules() if isinstance(m, nn.MaskedConv2d)]
    assert [layer.kind for layer in layers] == ["A", *"BBBBB"]
    assert [layer.kernel_size for layer in layers] == [(7, 7), *[(3, 3)] * 5]


def test_the_network_has_the_size_that_is_written_down():
    assert count(PixelCNN(rng())) == 19_649
    assert count(PixelCNN(rng(), blocks=4)) == 16_257
    assert count(pixelcnn.small_network(rng())) == 19_649 + 5 * 16 * 16 * (25 - 9)
    kinds = [type(m).__name__ for m in PixelCNN(rng()).blocks[0].change]
    assert kinds == ["ReLU", "Conv2d", "ReLU", "MaskedConv2d", "ReLU", "Conv2d"]
    assert [type(m).__name__ for m in PixelCNN(rng()).last] == ["ReLU", "Conv2d"] * 2
