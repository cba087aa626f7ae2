"""The works, done by JAX, each step one compiled program whose arrays are reused. `ours` and `theirs` are the twins.

A step takes the players' state and gives the next one. XLA makes its threads at the start, as many as ``NPROC`` says.
"""

import os

os.environ["NPROC"] = os.environ["OMP_NUM_THREADS"]

from functools import partial  # noqa: E402

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import jax_layers as nn  # noqa: E402
import networks  # noqa: E402
import numpy as np  # noqa: E402

rng = np.random.default_rng(0)
BETA1 = 0.5  # of all these steps
PLAYERS = ("generator", "critic")


def about():
    """The version that the figures belong to."""
    return f"JAX {jax.__version__}"


# Players, and how they move ------------------------------------------------------------------------------------------


def paper_networks(width):
    """The twin of `scratchgan.models.wgan_gp.paper_networks`."""
    up = {"size": 5, "stride": 2, "padding": 2, "output_padding": 1}
    down = {"size": 5, "stride": 2, "padding": 2}
    generator = nn.Sequential(
        nn.Linear(128, 4 * width * 4 * 4),
        nn.ReLU(),
        nn.Unflatten(1, (4 * width, 4, 4)),
        nn.ConvTranspose2d(4 * width, 2 * width, **up),
        nn.ReLU(),
        nn.Crop(7),
        nn.ConvTranspose2d(2 * width, width, **up),
        nn.ReLU(),
        nn.ConvTranspose2d(width, 1, **up),
        nn.Sigmoid(),
    )
    critic = nn.Sequential(
        nn.Conv2d(1, width, **down),
        nn.LeakyReLU(0.2),
        nn.Conv2d(width, 2 * width, **down),
        nn.LeakyReLU(0.2),
        nn.Conv2d(2 * width, 4 * width, **down),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(4 * width * 4 * 4, 1),
    )
    return generator, critic


def adam(player, gradients, lr, beta2):
    """One player, a step later: its weights, its moments and how many steps it has taken."""
    t = player["t"] + 1
    m = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, player["m"], gradients)
    v = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, player["v"], gradients)
    rate, root = lr / (1 - BETA1**t), jnp.sqrt(1 - beta2**t)

    def moved(w, m, v):
        return w - rate * m / (jnp.sqrt(v) / root + 1e-8)

    return {"weights": jax.tree.map(moved, player["weights"], m, v), "m": m, "v": v, "t": t}


# The steps, from their random numbers --------------------------------------------------------------------------------


def train_critic(generator, critic, players, real, latents, epsilon):
    """Fakes, penalty, Adam."""
    fake = generator.apply(players["generator"]["weights"], latents)

    def loss(weights):
        def value(x):
            return critic.apply(weights, x)

        between = epsilon * real + (1 - epsilon) * fake
        slope = jax.grad(lambda x: value(x).sum())(between)
        penalty = jnp.square(jnp.sqrt(jnp.square(slope).sum((1, 2, 3))) - 1).mean()
        return value(fake).mean() - value(real).mean() + 10 * penalty, penalty

    (total, penalty), gradients = jax.value_and_grad(loss, has_aux=True)(players["critic"]["weights"])
    moved = players | {"critic": adam(players["critic"], gradients, 1e-4, 0.9)}
    return moved, {"critic_loss": total, "penalty": 10 * penalty}


def train_generator(generator, critic, players, latents):
    """The generator's step."""

    def loss(weights):
        return -critic.apply(players["critic"]["weights"], generator.apply(weights, latents)).mean()

    gradients = jax.grad(loss)(players["generator"]["weights"])
    return players | {"generator": adam(players["generator"], gradients, 1e-4, 0.9)}, {}


def train_gan(generator, discriminator, players, real, latents):
    """A step of each player; the fakes are made once."""
    weights = players["generator"]["weights"]
    fake, back = jax.vjp(lambda weights: generator.apply(weights, latents), weights)

    def loss(weights, images, sign):
        return jax.nn.softplus(-sign * discriminator.apply(weights, images)).mean()

    def both(weights):
        return loss(weights, real, 1) + loss(weights, fake, -1)

    critic = adam(players["critic"], jax.grad(both)(players["critic"]["weights"]), 2e-4, 0.999)
    (gradients,) = back(jax.grad(loss, 1)(critic["weights"], fake, 1))
    return {"generator": adam(players["generator"], gradients, 2e-4, 0.999), "critic": critic}, {}


def differentiate_block(branch, weights, x, g):
    """Forward and backward through relu(x + branch(x)), with respect to x and all weights."""
    return jax.vjp(lambda x, weights: jax.nn.relu(x + branch.apply(weights, x)), x, weights)[1](g)


# The works -----------------------------------------------------------------------------------------------------------

# name: (its networks, its step)
WORKS = {
    "critic_step": (lambda width, batch: paper_networks(width), train_critic),
    "generator_step": (lambda width, batch, freeze: paper_networks(width), train_generator),
    "dcgan_step": (lambda width, batch: networks.dcgan(nn, width), train_gan),
    "mlp_step": (lambda batch: networks.mlp(nn), train_gan),
}
DRAW = {"uniform": jax.random.uniform, "normal": jax.random.normal}


def _repeated(name, *sizes):
    """A step with other random numbers each time, drawn in the same program."""
    make, train = WORKS[name]
    pair, kinds = make(*sizes), networks.inputs(name, *sizes)
    data = {name: _draw(kinds.pop(name), jax.random.key(1)) for name in ["real"] if name in kinds}
    state = {"key": jax.random.key(0), "players": _players(pair)}

    @partial(jax.jit, donate_argnums=0)
    def step(state, data):
        key, *keys = jax.random.split(state["key"], 1 + len(kinds))
        drawn = {name: _draw(kind, key) for (name, kind), key in zip(kinds.items(), keys)}
        return {"key": key, "players": train(*pair, state["players"], **data, **drawn)[0]}

    def once():
        nonlocal state
        state = jax.block_until_ready(step(state, data))

    return once


critic_step, generator_step, dcgan_step, mlp_step = (partial(_repeated, name) for name in WORKS)


def residual_block(channels, size, batch):
    """Forward and backward through relu(x + branch(x)), with respect to x and all weights."""
    branch, kinds = networks.residual_branch(nn, channels), networks.inputs("residual_block", channels, size, batch)
    x, g = (_draw(kind, jax.random.key(index)) for index, kind in enumerate(kinds.values()))
    weights, differentiate = _weights(branch), jax.jit(partial(differentiate_block, branch))
    return lambda: jax.block_until_ready(differentiate(weights, x, g))


def checked_step(work, given):
    """What comes out of the step that is `ours_checked.given_step`: gradients, weights after it, terms of the loss."""
    name, *sizes = work
    inputs = {key: nn.image_from_torch(given[key]) for key in networks.inputs(name, *sizes)}
    if name == "residual_block":
        branch = networks.residual_branch(nn, sizes[0])
        gradients = jax.jit(partial(differentiate_block, branch))(_weights(branch, "branch", given), **inputs)
        weights = [nn.to_torch(g) for g in jax.tree.leaves(gradients[1])]
        return {f"gradient {i}": g for i, g in enumerate([gradients[0].transpose(0, 3, 1, 2), *weights])}
    make, train = WORKS[name]
    pair = make(*sizes)
    players, numbers = jax.jit(partial(train, *pair))(_players(pair, given), **inputs)
    moved = [players[name] for name in PLAYERS if players[name]["t"]]
    results = numbers | {f"gradient {i}": nn.to_torch(m) / (1 - BETA1) for i, m in _leaves(moved, "m")}
    return results | {f"weight {i}": nn.to_torch(w) for i, w in _leaves(moved, "weights")}


def _leaves(players, key):
    return enumerate(jax.tree.leaves([player[key] for player in players]))


def _players(pair, given=None):
    """The state of both players before their first step."""
    return {name: _player(_weights(network, name, given)) for name, network in zip(PLAYERS, pair)}


def _player(weights):
    zeros, more = (jax.tree.map(jnp.zeros_like, weights) for _ in "mv")
    return {"weights": weights, "m": zeros, "v": more, "t": jnp.float32(0)}


def _weights(network, name="", given=None):
    """Fresh ones, or those given."""
    fresh = network.init(rng)
    if given:
        leaves, structure = jax.tree.flatten(fresh)
        fresh = structure.unflatten([nn.from_torch(given[f"{name} {index}"]) for index in range(len(leaves))])
    return jax.tree.map(jnp.asarray, fresh)


def _draw(kind, key):
    law, shape = kind
    return nn.image_from_torch(DRAW[law](key, shape))
