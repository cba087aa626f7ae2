"""The objectives of all games as functions of all weights of the player that descends them, to second order.

As in test_objectives.py, but nothing is left out here: dropout (with the same masks at each call), maxout, batch norm,
looks at the whole batch, spectral normalisation (with u and v at rest), labels, and classes.
"""

from pathlib import Path

import numpy as np
import pytest
from derivatives import weights_replaced
from games import GAMES, batch, make, reseed
from seeded import rng

from scratchgan import grad, models
from scratchgan.testing import check_grads

every_game = pytest.mark.parametrize("name", GAMES)
both_players = pytest.mark.parametrize("player", ["critic", "generator"])


def objective(name, player):
    """What the player descends as a function of its weights, and these: pairs of path and weight."""
    game = make(name)
    for network in (game.generator, game.critic):  # no scale at 1, no shift at 0
        network.replace(lambda _, array: array + 0.2 * rng(3).standard_normal(array.shape))
    if name == "SN-GAN":
        game.critic.eval()  # u and v stand still
        bias = game.critic[3].layer.bias
        bias.data = bias.data + 0.5  # some reals are beyond their margin, and so the bias matters
    real, *y = batch(game)
    fake, *_ = batch(game, seed=2)
    z = game.latents(6, rng(5))
    module = getattr(game, player)

    def function(*weights):
        reseed(game)
        with weights_replaced(module, weights):
            if player == "generator":
                return game.generator_loss(z, *y, real=(real, *y), rng=rng())
            return game.critic_loss(real, fake, *y, rng=rng())["critic_loss"]

    return function, module.named_parameters()


@every_game
@both_players
def test_first_and_second_derivative_in_all_weights(name, player):
    function, weights = objective(name, player)
    check_grads(function, [weight for _, weight in weights], order=2)


@every_game
@both_players
def test_no_weight_is_without_effect(name, player):
    """So the check above compares no zeros; but for a last bias where only differences of scores matter."""
    function, weights = objective(name, player)
    gradients = grad(function(*(weight for _, weight in weights)), [weight for _, weight in weights])
    flat = {path for (path, _), g in zip(weights, gradients) if np.abs(g.data).max() < 1e-6}
    assert flat <= ({"7.bias"} if name in ("WGAN", "WGAN-GP") and player == "critic" else set())


def test_every_system_is_among_them():
    """A paper's file that has no tiny game would be checked nowhere; what is no game has checks of its own."""
    games = {paper.SYSTEM.name for paper, *_ in GAMES.values()}
    others = {name for name in set(models.SYSTEMS) - games if "check_grads(" in own_tests(name)}
    assert games | others | {"rbm"} == set(models.SYSTEMS)  # a Boltzmann machine has no derivatives


def own_tests(system):
    file = "autoregressive" if system in ("made", "pixelcnn", "gated_pixelcnn") else system
    return (Path(__file__).parents[1] / "models" / f"test_{file}.py").read_text(encoding="utf-8")
