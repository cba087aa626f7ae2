"""LSGAN: what the scores are compared with."""

import numpy as np
import pytest
from games import make

from scratchgan import Tensor

REAL = Tensor(np.random.default_rng(1).standard_normal((6, 1, 4, 4)))
Z = Tensor(np.random.default_rng(2).standard_normal((6, 3)))

# name of the game: (a, b, c)
CODES = {"LSGAN": (0, 1, 1), "LSGAN, Pearson": (-1, 1, 0)}


@pytest.mark.parametrize("name", CODES)
def test_the_losses_are_equation_2_with_the_codes(name):
    """Half the mean square; and the scores have no sigmoid, so that they can be right."""
    a, b, c = CODES[name]
    game = make(name)
    weight = game.critic[-1].weight
    weight.data = 20 * weight.data
    fake = Tensor(game.generator(Z).data)
    d_real, d_fake = game.critic(REAL).data, game.critic(fake).data
    assert min(d_real.min(), d_fake.min()) < 0 and max(d_real.max(), d_fake.max()) > 1
    expected = ((d_real - b) ** 2).mean() / 2 + ((d_fake - a) ** 2).mean() / 2
    assert game.critic_loss(REAL, fake, rng=None)["critic_loss"].item() == pytest.approx(expected)
    assert game.generator_loss(Z).item() == pytest.approx(((d_fake - c) ** 2).mean() / 2)


def test_a_fake_that_passes_for_real_is_still_pulled_to_the_target():
    """The lesson: where D(x̃) is far above 1, the generator's step lowers it."""
    game = make("LSGAN", lr=1e-4)
    bias = game.critic[-1].bias
    bias.data = bias.data + 10
    z = game.latents(6, np.random.default_rng(0))
    before = game.critic(game.generator(z)).mean().item()
    game.generator_step(REAL, rng=np.random.default_rng(0))
    assert game.critic(game.generator(z)).mean().item() < before
