"""The first GAN: its units, its latents, its dropout and its two losses for the generator."""

import numpy as np
import pytest
from games import make, reseed
from seeded import rng

from scratchgan import Tensor, grad, nn
from scratchgan.models import gan
from scratchgan.models.game import standard_normal


def normal(*shape, seed=0):
    return rng(seed).standard_normal(shape)


@pytest.mark.parametrize("noise", [standard_normal, gan.uniform])
def test_latents_have_variance_one(noise):
    z = make("GAN", noise=noise).latents(4000, rng()).numpy()
    assert abs(z.mean()) < 0.03 and abs(z.var() - 1) < 0.03 and np.abs(np.cov(z.T) - np.eye(3)).max() < 0.05
    edge = np.abs(z).max() / np.sqrt(3)
    assert 0.99 < edge <= 1 if noise is gan.uniform else edge > 1.5


def log_sigmoid(logit):
    return -np.log1p(np.exp(-logit))


@pytest.mark.parametrize("saturating", [False, True])
def test_the_losses_are_those_of_the_paper(saturating):
    game = make("GAN", saturating=saturating)
    game.critic.eval()
    real, z = Tensor(normal(6, 1, 4, 4)), Tensor(normal(6, 3, seed=1))
    fake = Tensor(game.generator(z).data)
    d_real, d_fake = game.critic(real).data, game.critic(fake).data
    value = log_sigmoid(d_real).mean() + log_sigmoid(-d_fake).mean()  # log(1 − σ(u)) = log σ(−u)
    assert game.critic_loss(real, fake, rng=rng())["critic_loss"].item() == pytest.approx(-value)
    expected = log_sigmoid(-d_fake).mean() if saturating else -log_sigmoid(d_fake).mean()
    assert game.generator_loss(z).item() == pytest.approx(expected)


def test_where_d_is_sure_of_the_fakes_only_the_non_saturating_loss_has_a_slope():
    slopes = []
    for saturating in (False, True):
        game = make("GAN", saturating=saturating)
        game.critic.eval()
        bias = game.critic[-1].bias
        bias.data = bias.data - 10
        gradients = grad(game.generator_loss(Tensor(normal(6, 3))), game.generator.parameters())
        slopes.append(sum(np.abs(g.data).sum() for g in gradients))
    assert slopes[0] > 1000 * slopes[1] > 0


def test_dropout_is_at_work_in_both_steps_and_in_training_only():
    game, z = make("GAN"), Tensor(normal(6, 3))
    real = Tensor(normal(6, 1, 4, 4))

    def losses():
        return game.critic_loss(real, real, rng=rng())["real_score"].item(), game.generator_loss(z).item()

    assert not set(losses()) & set(losses())
    game.critic.eval()
    assert losses() == losses()
    game.critic.train()
    reseed(game)
    first = losses()
    reseed(game)
    assert losses() == first


@pytest.mark.parametrize("networks", [gan.small_networks, gan.paper_networks])
def test_pixels_are_dropped_less_often_than_units_and_nothing_in_the_generator(networks):
    generator, discriminator = networks(rng())
    assert [module.p for module in discriminator.modules() if isinstance(module, nn.Dropout)] == [0.2, 0.5, 0.5]
    assert not [module for module in generator.modules() if isinstance(module, nn.Dropout)]


def test_the_networks_of_lectures_are_five_linear_layers_with_dropout_against_four():
    generator, discriminator = gan.course_networks(rng())
    layers = [
        [part for part in network.modules() if isinstance(part, nn.Linear)] for network in (generator, discriminator)
    ]
    shapes = [[part.weight.shape[1] for part in linear] for linear in layers]
    assert shapes == [[100, 256, 512, 1024], [784, 2048, 1024, 512, 256]]
    assert [part.p for part in discriminator.modules() if isinstance(part, nn.Dropout)] == [0.3] * 4
    leaky = [[type(part) for part in network.modules()].count(nn.LeakyReLU) for network in (generator, discriminator)]
    assert leaky == [3, 4]


def test_dropout_draws_from_the_runs_own_random_numbers():
    """So that a resumed run draws the same masks."""
    noise = rng()
    discriminator = gan.small_networks(noise)[1]
    assert {id(module.rng) for module in discriminator.modules() if isinstance(module, nn.Dropout)} == {id(noise)}
