"""One step of a work from given numbers, done by scratchgan: what each other library has to reproduce.

A network's gradients are read from the optimiser after its first step, whose first moment is (1 − β₁) g.
"""

import networks
import numpy as np
from ours import Gan, block_gradients, normal, rng, uniform, wgan_gp_of

from scratchgan import Tensor, nn
from scratchgan.models.wgan_gp import paper_networks

BETA1 = 0.5  # of all these steps
DRAW = {"uniform": uniform, "normal": normal}


def given_step(work, seed=None):
    """Weights, data and random numbers for one step: arrays by name. Without a seed the numbers go on from the last."""
    if seed is not None:
        rng.bit_generator.state = np.random.default_rng(seed).bit_generator.state
    given = {name: DRAW[law](*shape).data for name, (law, shape) in networks.inputs(*work).items()}
    for player, network in _players(*work).items():
        for index, weight in enumerate(network.parameters()):
            given[f"{player} {index}"] = weight.data + normal(*weight.shape).data / 50  # biases, too, are not 0
    return given


def checked_step(work, given):
    """What comes out of the step: gradients, weights after it, terms of the critic's loss."""
    name, players = work[0], _players(*work)
    for player, network in players.items():
        for index, weight in enumerate(network.parameters()):
            weight.data = given[f"{player} {index}"].copy()
    if name == "residual_block":
        gradients = block_gradients(players["branch"], Tensor(given["x"], requires_grad=True), Tensor(given["g"]))
        return {f"gradient {index}": gradient.data for index, gradient in enumerate(gradients)}
    optimizers, numbers = _train(name, players.values(), given)
    moved = [pair for optimizer in optimizers for pair in zip(optimizer.params, optimizer.state)]
    results = {f"weight {index}": weight.data for index, (weight, _) in enumerate(moved)}
    results |= {f"gradient {index}": state["exp_avg"] / (1 - BETA1) for index, (_, state) in enumerate(moved)}
    return results | {name: numbers[name].data for name in ("penalty", "critic_loss") if name in numbers}


def _players(name, *sizes):
    """The networks of a work, by name."""
    if name == "residual_block":
        return {"branch": networks.residual_branch(nn, sizes[0])}
    makers = {"dcgan_step": lambda: networks.dcgan(nn, sizes[0]), "mlp_step": lambda: networks.mlp(nn)}
    pair = makers.get(name, lambda: paper_networks(rng, width=sizes[0]))()
    return dict(zip(("generator", "critic"), pair))


def _train(name, players, given):
    """Do the step: what moved, and terms of the loss."""
    if name in ("dcgan_step", "mlp_step"):
        gan = Gan(*players)
        gan.step(Tensor(given["real"]), Tensor(given["latents"]))
        return gan.optimizers, {}
    game, drawn = wgan_gp_of(*players), _Drawn(given)
    if name == "critic_step":
        return [game.critic_optimizer], game.critic_step(Tensor(given["real"]), rng=drawn)
    return [game.generator_optimizer], game.generator_step(given["latents"], rng=drawn)  # which asks how many


class _Drawn:
    """A generator of random numbers that gives those drawn before."""

    def __init__(self, given):
        self.given = given

    def standard_normal(self, _):
        return self.given["latents"]

    def random(self, _):
        return self.given["epsilon"]
