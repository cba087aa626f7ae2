"""SN-GAN: every layer of the discriminator, and none of the generator, has singular values up to 1."""

from functools import partial

import numpy as np
import pytest
from games import batch, make
from seeded import rng

from scratchgan import Tensor, nn
from scratchgan.models import sngan
from scratchgan.models.networks import small_generator
from scratchgan.models.sngan import small_discriminator


def normalised(network):
    return [module for module in network.modules() if isinstance(module, nn.SpectralNorm)]


def test_all_layers_of_the_discriminator_are_normalised_and_none_of_the_generator():
    game = sngan.build(rng(), networks=partial(sngan.small_networks, width=2))
    weighted = [m for m in game.critic.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    assert [id(m.layer) for m in normalised(game.critic)] == [id(m) for m in weighted] and len(weighted) == 6
    assert normalised(game.generator) == []
    assert not [m for m in game.critic.modules() if isinstance(m, nn.BatchNorm2d)]
    assert {m.options["negative_slope"] for m in game.critic.modules() if isinstance(m, nn.LeakyReLU)} == {0.1}


def test_after_training_the_largest_singular_value_of_each_layer_is_one():
    """To two per cent, at a rate at which the weights move a good deal."""
    players = small_generator(3, 2, rng()), small_discriminator(2, rng(1))
    game = sngan.build(rng(), networks=lambda *_: players, latent_size=3)
    layers = [layer for layer in game.critic if hasattr(layer, "weight")]
    before = [layer.weight.data for layer in layers]
    batches = iter(rng(2).uniform(-1, 1, (60, 1, 4, 1, 28, 28)).astype(np.float32))
    for _ in range(60):
        game.train_step(batches, rng(3))
    for layer, first in zip(layers, before, strict=True):
        assert np.linalg.norm(layer.weight.data.reshape(len(first), -1), 2) == pytest.approx(1, abs=0.02)
        assert np.abs(layer.weight.data - first).max() > 0.01


def test_the_losses_are_the_hinges():
    game = make("SN-GAN")
    game.critic.eval()
    bias = game.critic[-1].layer.bias
    bias.data = bias.data + 0.7  # so that some reals, and no fakes, are beyond their margin
    real, z = Tensor(3 * batch(game)[0].data), Tensor(rng(1).standard_normal((6, 3)))
    fake = Tensor(game.generator(z).data)
    d_real, d_fake = game.critic(real).data, game.critic(fake).data
    assert d_real.min() < 1 < d_real.max()
    expected = np.maximum(0, 1 - d_real).mean() + np.maximum(0, 1 + d_fake).mean()
    assert game.critic_loss(real, fake, rng=rng())["critic_loss"].item() == pytest.approx(expected)
    assert game.generator_loss(z).item() == pytest.approx(-d_fake.mean())
