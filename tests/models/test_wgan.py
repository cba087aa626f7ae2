"""WGAN: the box, and how many steps the critic takes when."""

import numpy as np
import pytest
from games import IMAGE, batch, make, raw_batch
from seeded import rng

from scratchgan.models import wgan


def largest(critic):
    return {path: np.abs(p.data).max() for path, p in critic.named_parameters()}


def test_after_each_critic_step_all_weights_and_biases_are_in_the_box():
    game = make("WGAN", clip=0.1)
    game.critic.replace(lambda _, array: array + 1)
    game.critic_step(*batch(game), rng=rng())
    assert set(largest(game.critic).values()) == {0.1}  # which of them had been outside
    game.critic.replace(lambda _, array: array + 1)
    game.train_step(iter([raw_batch(game)] * 9), rng())
    assert 0.099 < max(largest(game.critic).values()) <= 0.1


def test_the_generator_is_in_no_box():
    game = make("WGAN", clip=1e-3)
    game.train_step(iter([raw_batch(game)] * 9), rng())
    assert max(largest(game.generator).values()) > 0.9


def test_the_estimate_is_what_the_critic_maximises():
    game = make("WGAN")
    real, fake = batch(game)[0], batch(game, seed=2)[0]
    numbers = {name: value.item() for name, value in game.critic_loss(real, fake, rng=rng()).items()}
    difference = game.critic(real).data.mean() - game.critic(fake).data.mean()
    assert numbers["wasserstein"] == pytest.approx(difference) == pytest.approx(-numbers["critic_loss"])
    assert numbers["real_score"] - numbers["fake_score"] == pytest.approx(difference)


def draws(game, iterations):
    """How many batches each iteration takes; no time is spent on the critic."""
    taken = []

    def batches():
        while True:
            taken[-1] += 1
            yield (np.zeros((2, *IMAGE)),)

    stream = batches()
    game.critic_step = lambda real, rng: {}
    for _ in range(iterations):
        taken.append(0)
        game.train_step(stream, rng())
    return taken


def test_the_critic_takes_100_steps_25_times_and_in_each_500th_iteration_else_5():
    """As the authors' code, of which the paper says nothing."""
    game = make("WGAN", critic_steps=5, warm_up=(100, 25))
    assert draws(game, 27) == [100] * 25 + [5] * 2
    for last in (500, 1000):
        game.generator_optimizer.steps = last - 1
        assert draws(game, 3) == [5, 100, 5]


def test_the_warm_up_goes_by_the_steps_that_the_generator_has_taken():
    """So that a resumed run takes as many as it would have."""
    game = make("WGAN", critic_steps=2, warm_up=(7, 10))
    draws(game, 8)
    resumed = make("WGAN", critic_steps=2, warm_up=(7, 10))
    for name, part in resumed.parts().items():
        part.load_state_dict(game.parts()[name].state_dict())
    assert draws(resumed, 4) == [7, 7, 2, 2]


def test_the_papers_preset_is_the_papers():
    game = make("WGAN", **wgan.SYSTEM.presets["paper"].options)
    assert game.clip == 0.01 and [game.critic_steps(i) for i in (0, 24, 25, 500)] == [100, 100, 5, 100]
    assert {(type(optimizer).__name__, optimizer.lr) for optimizer in game.optimizers()} == {("RMSprop", 5e-5)}
    assert not wgan.SYSTEM.presets["paper"].rates_fall
