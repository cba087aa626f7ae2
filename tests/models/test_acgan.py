"""AC-GAN: which head is penalised, and who answers for whose class."""

import numpy as np
import pytest
from games import batch, make

from scratchgan import Tensor
from scratchgan.losses import gradient_norms, interpolate
from scratchgan.models.acgan import ACGAN


def rng(seed=0):
    return np.random.default_rng(seed)


def cross_entropy(logits, labels):
    return np.mean([np.log(np.exp(u).sum()) - u[y] for u, y in zip(logits, labels)])


def scene(**options):
    """A game, reals, latents of other classes, and the fakes that they make; the critic is steep."""
    game = make("AC-GAN", **options)
    game.critic.replace(lambda path, array: 3 * array)
    real, labels = batch(game)
    z = game.latents(6, rng(1), labels[::-1])
    return game, real, labels, z, Tensor(game.generator(z).data)


def numbers_of(game, real, labels, fake):
    numbers = game.critic_loss(real, fake, game.one_hot(labels), rng(2))
    return {name: value.item() for name, value in numbers.items()}


@pytest.mark.parametrize("weights", [(1.0, 0.1), (0.0, 0.0), (0.3, 2.0)])
def test_the_losses_are_the_equations(weights):
    """The class loss is of the reals in L_D and of the fakes in L_G, each by its own weight."""
    game, real, labels, z, fake = scene(class_weights=weights, penalty_weight=7.0)
    found = numbers_of(game, real, labels, fake)
    on_real, on_fake = game.critic(real).data, game.critic(fake).data
    norms = gradient_norms(lambda x: game.critic(x)[:, 0], interpolate(real, fake, rng(2))).data
    distance = on_real[:, 0].mean() - on_fake[:, 0].mean()
    loss = -distance + 7 * ((norms - 1) ** 2).mean() + weights[0] * cross_entropy(on_real[:, 1:], labels)
    accuracy = (on_real[:, 1:].argmax(1) == labels).mean()
    assert 0 < accuracy < 1 and np.abs(norms - 1).max() > 0.3
    expected = {"wasserstein": distance, "gradient_norm": norms.mean(), "real_accuracy": accuracy, "critic_loss": loss}
    assert found == pytest.approx(expected)
    loss = -on_fake[:, 0].mean() + weights[1] * cross_entropy(on_fake[:, 1:], labels[::-1])
    assert game.generator_loss(z).item() == pytest.approx(loss)


@pytest.mark.parametrize("row, penalised", [(0, True), (1, False), (4, False)])
def test_the_penalty_is_on_the_score_and_not_on_the_logits_of_the_classes(row, penalised):
    game, real, labels, _, fake = scene()
    before = numbers_of(game, real, labels, fake)
    weight = game.critic[-1].weight
    weight.data = np.where(np.arange(5)[:, None] == row, 2 * weight.data, weight.data)
    after = numbers_of(game, real, labels, fake)
    assert (after["gradient_norm"] != before["gradient_norm"]) == penalised
    assert (after["wasserstein"] != before["wasserstein"]) == penalised


def test_the_defaults_are_those_of_the_authors_of_wgan_gp():
    game = make("AC-GAN")
    game = ACGAN(game.generator, game.critic, 3)
    assert (game.critic_steps, game.penalty_weight, game.class_weights) == (5, 10.0, (1.0, 0.1))
    assert {(optimizer.lr, optimizer.betas) for optimizer in game.optimizers} == {(2e-4, (0.0, 0.9))}
