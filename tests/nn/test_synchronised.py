"""Batch norm over several processes' parts of a batch; that training by it is that of one process: test_ranks."""

import numpy as np
import pytest
from together import together

from scratchgan import Tensor, grad, nn
from scratchgan.nn.synchronised import mean_of_all
from scratchgan.testing import check_grads

rng = np.random.default_rng(0)


@pytest.mark.parametrize("kind, shape", [(nn.BatchNorm1d, (6, 3)), (nn.BatchNorm2d, (6, 3, 2, 2))])
@pytest.mark.parametrize("options", [{}, {"affine": False}, {"momentum": None}, {"track_running_stats": False}])
def test_parts_are_normalised_by_the_statistics_of_the_whole(kind, shape, options):
    """And pass back the gradients of the whole."""
    x, g = rng.standard_normal((2, *shape))
    scale, shift = rng.standard_normal((2, 3))

    def normalised(x, g, own=None):
        layer = kind(3, **options).to(np.float64)
        layer.together, x = own, Tensor(x, requires_grad=True)
        if layer.weight is not None:
            layer.weight.data, layer.bias.data = scale, shift
        for _ in range(2):
            y = layer(x)
        state = {name: array for name, array in layer.arrays().items() if name.startswith("running")}
        slope, *slopes = grad((y * Tensor(g)).sum(), [x, *layer.parameters()])
        return [y.numpy(), slope.numpy(), *state.values()], [slope.numpy() for slope in slopes]

    whole, slopes = normalised(x, g)
    parts, slopes_of_parts = zip(*together(3, lambda own: normalised(own.part(x), own.part(g), own)))
    for i, expected in enumerate(whole):
        found = np.concatenate([part[i] for part in parts]) if i < 2 else parts[0][i]
        np.testing.assert_allclose(found, expected, atol=1e-12)
    for expected, *found in zip(slopes, *slopes_of_parts):
        np.testing.assert_allclose(sum(found), expected, atol=1e-12)


def test_the_mean_of_all_is_its_own_adjoint_to_any_order():
    """As Σ_r (Σ_s x_s / N)³ says: its gradient in x_s is 3 m², and the gradient of that, summed over all, 6 m."""

    def work(own):
        x = Tensor(np.array([1.0 + own.rank]), requires_grad=True)
        (first,) = grad((mean_of_all(x, own) ** 3).sum(), x, create_graph=True)
        (second,) = grad(first.sum(), x)
        return first.item(), second.item()

    assert together(3, work) == [(12.0, 12.0)] * 3


def test_in_evaluation_each_process_uses_the_running_statistics():
    layer = nn.BatchNorm1d(3).eval()
    layer.together = "nobody, who is never asked"
    x = Tensor(rng.standard_normal((2, 3)).astype(np.float32))
    np.testing.assert_allclose(layer(x).numpy(), x.numpy(), rtol=1e-4)


def test_its_derivatives_are_right_to_second_order():
    class Alike:
        """Two processes whose parts are alike."""

        size = 2

        def mean(self, arrays):
            return arrays

    layer = nn.BatchNorm1d(2).to(np.float64)
    layer.together = Alike()
    check_grads(layer, [rng.standard_normal((4, 2))], order=2)
