"""The published experiment: its networks and rates, as printed."""

import numpy as np
from seeded import rng

from scratchgan import Tensor, nn
from scratchgan.data.toy import pacgan_ring
from scratchgan.lab import pacgan
from scratchgan.lab.plane import players, train
from scratchgan.models.model import made


def test_the_networks_are_as_wide_and_deep_as_printed():
    generator, discriminator = pacgan.generator(rng()), pacgan.discriminator(rng())
    kinds = [type(layer).__name__ for layer in generator]
    assert kinds == ["Linear", "BatchNorm1d", "ReLU"] * 4 + ["Linear"]
    widths = [layer.weight.shape for layer in generator if isinstance(layer, nn.Linear)]
    assert widths == [(400, 2), (400, 400), (400, 400), (400, 400), (2, 400)]
    assert [type(layer).__name__ for layer in discriminator] == ["Linear", "Maxout"] * 3 + ["Linear"]
    assert [layer.weight.shape for layer in discriminator[::2]] == [(1000, 2), (1000, 200), (1000, 200), (1, 200)]
    assert {layer.pieces for layer in discriminator[1::2]} == {5}


def test_the_rate_is_constant():
    game = train(pacgan.RECIPES["pacgan-gan"], pacgan_ring(), 2, 0).game
    assert game.generator_optimizer.lr == game.critic_optimizer.lr == 1e-4
    assert game.generator_optimizer.betas == (0.8, 0.999)


def test_a_sample_does_not_depend_on_its_company():
    """Batch norm is in evaluation mode for samples, and back in training mode for training."""
    game = players(pacgan.RECIPES["pacgan-gan"], rng())
    latents = rng().standard_normal((5, 2)).astype(np.float32)
    one, five = (made(game.generator, Tensor(z)).numpy() for z in (latents[:1], latents))
    np.testing.assert_allclose(one[0], five[0], rtol=1e-4)
    assert all(module.training for module in game.generator.modules())
