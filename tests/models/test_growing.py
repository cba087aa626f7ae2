"""Networks that grow: the level, the images that belong to it, and what sleeps while it sleeps."""

from itertools import repeat

import games
import numpy as np
import pytest
from seeded import rng

from scratchgan import Tensor, grad
from scratchgan.functional import avg_pool2d
from scratchgan.losses import on_lines
from scratchgan.models import progan
from scratchgan.models.growing import GradientPenaltyOfEnlarged, Growing, Growth, R1OfEnlarged, blended


def test_reals_are_reduced_to_the_level():
    x = Tensor(rng(4).standard_normal((4, 2, 32, 32)))
    np.testing.assert_allclose(blended(x, 2.3, 3).data, blurred(x.data, 0.3), atol=1e-12)
    np.testing.assert_allclose(blended(x, 0, 3).data, x.data.reshape(4, 2, 4, 8, 4, 8).mean((3, 5)), atol=1e-12)
    assert blended(x, 3, 3) is x
    half = x.data.reshape(4, 2, 16, 2, 16, 2).mean((3, 5))
    np.testing.assert_allclose(blended(x, 1.25, 3).data, blurred(half, 0.25), atol=1e-12)


@pytest.mark.parametrize("shape", [(4, 2, 28, 28), (4, 2, 36, 36), (4, 2, 32, 28), (4, 32, 32)])
def test_images_of_another_size_than_the_last_level_are_refused(shape):
    """36 pixels would be halved to 18, 9 and 4, and lose the last of each row on the way."""
    with pytest.raises(ValueError, match="networks up to level 3 learn from images of 32×32 pixels, not of shape"):
        blended(Tensor(np.zeros(shape)), 2.5, 3)


def blurred(x, share):
    """(1 − α) up(pool(x)) + α x, in NumPy."""
    n, c, size, _ = x.shape
    small = x.reshape(n, c, size // 2, 2, size // 2, 2).mean((3, 5))
    return (1 - share) * small.repeat(2, 2).repeat(2, 3) + share * x


def test_the_level_rests_and_rises_in_turns():
    growth, levels = Growth(2, 10, 20), []
    for seen in (0, 9, 10, 15, 29, 30, 40, 45, 60, 1000):
        growth.seen = seen
        levels.append(growth.level)
    assert levels == [0, 0, 0, 0.25, 0.95, 1, 1, 1.25, 2, 2]
    assert all(isinstance(level, float) for level in levels)


def test_it_may_rise_without_rests_or_not_at_all_but_not_in_no_time():
    growth, levels = Growth(2, 0, 20), []
    for growth.seen in (0, 5, 20, 30, 40, 50):
        levels.append(growth.level)
    assert levels == [0, 0.25, 1, 1.5, 2, 2] and Growth(0, 10, 20).level == 0
    for numbers in ((2, 10, 0), (-1, 10, 20), (2, -1, 20)):
        with pytest.raises(ValueError, match="must be a whole number in"):
            Growth(*numbers)


def test_a_rise_is_told_where_it_begins_and_where_it_ends():
    growth = Growth(2, 10, 20)
    told = [seen + 5 for seen in range(0, 100, 5) if growth.count(5)]
    assert told == [15, 30, 45, 60] and growth.seen == 100


def test_growth_saves_what_it_has_seen():
    growth = Growth(2, 10, 20)
    growth.load_state_dict({"seen": np.array(45)})
    assert growth.level == 1.25 and growth.state_dict() == {"seen": np.array(45)}


def game(seen=0, **options):
    made = games.make("ProGAN", **options)
    made.growth.seen = seen
    return made


def weights(game):
    parts = ("generator", game.generator), ("critic", game.critic)
    return {f"{name} {path}": p.data.copy() for name, part in parts for path, p in part.named_parameters()}


def moved(game, before):
    return {path for path, array in weights(game).items() if (array != before[path]).any()}


def test_what_sleeps_is_left_alone():
    model = game()
    before = weights(model)
    model.train_step(repeat(games.raw_batch(model)), rng())
    awake = {path for path in before if any(part in path for part in ("blocks.0", "to_image.0", "from_image.0"))}
    assert moved(model, before) == awake and len(awake) < len(before)


def test_what_has_faded_out_is_left_alone_too():
    model = game(seen=1000)
    before = weights(model)
    model.train_step(repeat(games.raw_batch(model)), rng())
    assert set(before) - moved(model, before) == {path for path in before if "image.0" in path}


@pytest.mark.parametrize("seen, steps", [(0, 1), (1, 0), (6, 0), (24, 0), (25, 0), (60, 1)])
def test_both_optimisers_begin_anew_where_a_rise_begins_or_ends(seen, steps):
    """The level is 0 up to image 6, and 1 from image 30 on; a step takes six images."""
    model = game(seen)
    model.train_step(repeat(games.raw_batch(model)), rng())
    assert [optimizer.steps for optimizer in model.optimizers()] == [steps, steps]
    begun = any(
        array.any() for optimizer in model.optimizers() for state in optimizer.state for array in state.values()
    )
    assert begun == bool(steps)


def test_an_iteration_has_one_level_and_counts_the_images_of_the_critic():
    model = game(seen=6)
    model.critic_steps, seen = 2, []
    model.critic.forward = lambda x, level, forward=model.critic.forward: seen.append(level) or forward(x, level)
    numbers = model.train_step(repeat(games.raw_batch(model)), rng())
    assert set(seen) == {0.0} == {numbers["level"]} and model.growth.seen == 18
    assert model.train_step(repeat(games.raw_batch(model)), rng())["level"] == 0.5 and model.growth.seen == 30


def test_pictures_have_the_size_of_the_last_level_and_are_cut_off_at_black_and_white():
    model = game()
    model.average.module.to_image[0].weight.data = 100 * model.average.module.to_image[0].weight.data
    z = model.latents(3, rng())
    images = model.images(z)
    assert images.shape == (3, 1, 8, 8) and (images.min(), images.max()) == (-1, 1)
    np.testing.assert_array_equal(images[:, :, ::2, ::2].repeat(2, 2).repeat(2, 3), images)
    assert (model.images(z, 1.0) != images).any()


@pytest.mark.parametrize("name", ["ProGAN", "StyleGAN"])
def test_pictures_of_each_level_can_be_asked_for(name):
    """Of the first, too, when all has grown: then four pixels are one."""
    model = games.make(name)
    model.growth.seen = 1000
    z = model.latents(3, rng())
    first, last, present = model.images(z, 0), model.images(z, 1), model.images(z)
    np.testing.assert_array_equal(first[:, :, ::2, ::2].repeat(2, 2).repeat(2, 3), first)
    np.testing.assert_array_equal(present, last)
    assert (first != last).any()


def test_the_average_takes_part_from_the_start():
    model = game()
    batches = repeat(games.raw_batch(model))
    for _ in range(6):
        model.train_step(batches, rng())
    average, trained = (dict(network.named_parameters()) for network in (model.average.module, model.generator))
    assert all((average[path].data != trained[path].data).any() for path in trained)


def test_the_number_of_critic_steps_is_no_function_of_the_iteration():
    """The optimisers count the iterations, and begin anew with each rise."""
    model = game()
    parts = model.generator, model.critic, 3, model.objective, lambda parameters: model.generator_optimizer
    with pytest.raises(ValueError, match="critic_steps of networks that grow must be a number"):
        Growing(*parts, growth=model.growth, critic_steps=lambda iteration: 1)
    assert Growing(*parts, growth=model.growth, critic_steps=2).critic_steps == 2


# Penalties -----------------------------------------------------------------------------------------------------------


def slopes_of_enlarged(critic, x, level, times):
    """The lengths of the slopes of D as a function of images of 16×16 pixels, which it sees reduced: array (N,)."""
    enlarged = Tensor(x.repeat(times, 2).repeat(times, 3), requires_grad=True)
    reduced = avg_pool2d(enlarged, times) if times > 1 else enlarged
    (slope,) = grad(critic(reduced, level).sum(), enlarged)
    return np.sqrt((slope.data**2).sum((1, 2, 3)))


@pytest.mark.parametrize("level, size, times", [(0, 4, 4), (0.5, 8, 2), (1, 8, 2), (1.5, 16, 1), (2, 16, 1)])
def test_penalties_are_those_of_images_enlarged_to_the_last_level(level, size, times):
    critic = progan.Critic(rng(1), (4, 3, 2), 1).to(np.float64)
    x = rng(2).standard_normal((4, 1, size, size))
    slopes = slopes_of_enlarged(critic, x, level, times)
    r1 = R1OfEnlarged(3.0)(critic, Tensor(x), None, level, rng=None)["penalty"]
    assert r1.item() == pytest.approx(3 / 2 * (slopes**2).mean(), rel=1e-9)
    numbers = GradientPenaltyOfEnlarged(3.0, center=0.5)(critic, Tensor(x), Tensor(x), level, rng=rng())
    assert numbers["penalty"].item() == pytest.approx(3 * ((slopes - 0.5) ** 2).mean(), rel=1e-9)
    assert numbers["gradient_norm"].item() == pytest.approx(slopes.mean(), rel=1e-9)


def test_one_side_alone_may_be_penalised_and_the_line_between_is_drawn():
    critic = progan.Critic(rng(1), (4, 3, 2), 1).to(np.float64)
    x, y = (rng(seed).standard_normal((4, 1, 8, 8)) for seed in (2, 3))
    slopes = slopes_of_enlarged(critic, on_lines(Tensor(x), Tensor(y), rng()).data, 1, 2)
    center = float(np.median(slopes))
    penalty = GradientPenaltyOfEnlarged(1.0, center, one_sided=True)(critic, Tensor(x), Tensor(y), 1, rng=rng())
    assert penalty["penalty"].item() == pytest.approx((np.maximum(slopes - center, 0) ** 2).mean(), rel=1e-9)
