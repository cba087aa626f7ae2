"""AC-GAN: which head is penalised, and who answers for whose class."""

from functools import partial

import numpy as np
import pytest
from games import CLASSES, batch, conditional, critic, make
from seeded import rng

from scratchgan import Tensor
from scratchgan.losses import gradient_norms, on_lines


def cross_entropy(logits, labels):
    return np.mean([np.log(np.exp(u).sum()) - u[y] for u, y in zip(logits, labels)])


def scene(**options):
    """A game, reals, latents of other classes, and the fakes that they make; the critic is steep."""
    game = make("AC-GAN", **options)
    game.critic.replace(lambda path, array: 3 * array)
    real, y = batch(game)
    z, other = game.latents(6, rng(1)), Tensor(y.data[::-1])
    return game, real, y, (z, other), Tensor(game.generator(z, other).data)


def numbers_of(game, real, y, fake):
    numbers = game.critic_loss(real, fake, y, rng=rng(2))
    return {name: value.item() for name, value in numbers.items()}


@pytest.mark.parametrize("weights", [(1.0, 0.1), (0.0, 0.0), (0.3, 2.0)])
def test_the_losses_are_the_equations(weights):
    """The class loss is of the reals in L_D and of the fakes in L_G, each by its own weight."""
    game, real, y, inputs, fake = scene(class_weights=weights, penalty_weight=7.0)
    found, labels = numbers_of(game, real, y, fake), y.data.argmax(1)
    on_real, on_fake = game.critic(real).data, game.critic(fake).data
    norms = gradient_norms(lambda x: game.critic(x)[:, 0], on_lines(real, fake, rng(2))).data
    distance = on_real[:, 0].mean() - on_fake[:, 0].mean()
    loss = -distance + 7 * ((norms - 1) ** 2).mean() + weights[0] * cross_entropy(on_real[:, 1:], labels)
    accuracy = (on_real[:, 1:].argmax(1) == labels).mean()
    assert 0 < accuracy < 1 and np.abs(norms - 1).max() > 0.3
    expected = {"wasserstein": distance, "gradient_norm": norms.mean(), "real_accuracy": accuracy, "critic_loss": loss}
    expected["penalty"] = 7 * ((norms - 1) ** 2).mean()
    assert found == pytest.approx(expected)
    loss = -on_fake[:, 0].mean() + weights[1] * cross_entropy(on_fake[:, 1:], labels[::-1])
    assert game.generator_loss(*inputs).item() == pytest.approx(loss)


@pytest.mark.parametrize("row, penalised", [(0, True), (1, False), (4, False)])
def test_the_penalty_is_on_the_score_and_not_on_the_logits_of_the_classes(row, penalised):
    game, real, y, _, fake = scene()
    before = numbers_of(game, real, y, fake)
    weight = game.critic[-1].weight
    weight.data = np.where(np.arange(5)[:, None] == row, 2 * weight.data, weight.data)
    after = numbers_of(game, real, y, fake)
    assert (after["gradient_norm"] != before["gradient_norm"]) == penalised
    assert (after["wasserstein"] != before["wasserstein"]) == penalised


def test_batch_norm_is_refused_by_the_penalty():
    game = make("AC-GAN", networks=conditional(partial(critic, outputs=1 + CLASSES)))
    with pytest.raises(ValueError, match="batch norm"):
        game.critic_step(*batch(game), rng=rng())
