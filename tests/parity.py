"""The same computation on two kinds of arrays: what the tests with the stand-in and with a real GPU share."""

import numpy as np
from derivatives import value_and_derivatives

from scratchgan import nn
from scratchgan.models import wgan_gp as paper


def derivatives(case, place=lambda array: array, dtype=np.float64):
    """The value of a case, its gradient and the gradient of that, in every floating array, at random cotangents.

    Parameters
    ----------
    place : callable
        Puts a NumPy array where the computation shall run.

    Returns
    -------
    list of array
        As the computation left them, not converted.
    """
    return [t.data for t in value_and_derivatives(case.call, case.arrays(dtype), place)]


def networks(rng, latent_size):
    """Tiny ones with most kinds of layers."""
    generator = nn.Sequential(
        nn.Linear(latent_size, 32, rng=rng),
        nn.Unflatten(1, (8, 2, 2)),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.ConvTranspose2d(8, 4, 4, stride=2, padding=1, rng=rng),
        nn.BatchNorm2d(4),
        nn.PReLU(4),
        nn.Upsample(scale_factor=2),
        nn.Conv2d(4, 2, 3, padding=1, rng=rng),
        nn.Tanh(),
    )
    critic = nn.Sequential(
        nn.Conv2d(2, 4, 3, stride=2, padding=1, rng=rng),
        nn.InstanceNorm2d(4, affine=True),
        nn.LeakyReLU(0.2),
        nn.AvgPool2d(2),
        nn.Conv2d(4, 4, 2, rng=rng),
        nn.GroupNorm(2, 4),
        nn.ELU(),
        nn.Dropout(0.2, rng=rng),
        nn.Flatten(),
        nn.LayerNorm(4),
        nn.Linear(4, 1, rng=rng),
    )
    return generator.to(np.float64), critic.to(np.float64)


def wgan_gp(device="cpu"):
    """A WGAN-GP of these."""
    return paper.build(np.random.default_rng(0), device, networks, latent_size=3, critic_steps=2, lr=1e-2)


def train(model, steps):
    """So many training steps on random images; gives the states of the networks and of the optimisers."""
    rng = np.random.default_rng(1)
    batches = zip(rng.standard_normal((steps * model.critic_steps, 4, 2, 8, 8)))
    for _ in range(steps):
        model.train_step(batches, rng)
    return [part.state_dict() for part in model.parts().values()]
