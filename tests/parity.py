"""The same computation on two kinds of arrays: what the tests with the stand-in and with a real GPU share."""

import numpy as np
from derivatives import value_and_derivatives

from scratchgan import nn
from scratchgan.models.wgan_gp import WGANGP


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


def wgan_gp(dtype=np.float64):
    """A tiny WGAN-GP with most kinds of layers."""
    rng = np.random.default_rng(0)
    generator = nn.Sequential(
        nn.Linear(3, 32, rng=rng),
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
    return WGANGP(generator.to(dtype), critic.to(dtype), latent_size=3, critic_steps=2, lr=1e-2)


def train(model, steps, dtype=np.float64):
    """So many training steps on random images; gives the states of both networks and both optimisers."""
    rng = np.random.default_rng(1)
    batches = iter(rng.standard_normal((steps * model.critic_steps, 4, 2, 8, 8)).astype(dtype))
    for _ in range(steps):
        model.train_step(batches, rng)
    return [part.state_dict() for part in model.parts().values()]
