"""Maxout: which piece wins, and who gets the gradient."""

import numpy as np

from scratchgan import Tensor, grad, nn


def normal(*shape):
    return np.random.default_rng(0).standard_normal(shape)


def test_it_takes_the_largest_piece_of_each_unit():
    x = normal(6, 20)
    expected = [[max(sample[4 * q + j] for q in range(5)) for j in range(4)] for sample in x]
    np.testing.assert_array_equal(nn.Maxout(5)(Tensor(x)).data, expected)


def test_the_gradient_goes_to_the_winning_piece_alone():
    x = Tensor(normal(1, 8), requires_grad=True)
    (g,) = grad(nn.Maxout(4)(x).sum(), [x])
    pieces = x.data.reshape(4, 2)
    np.testing.assert_array_equal(g.data.reshape(4, 2), pieces == pieces.max(0, keepdims=True))
