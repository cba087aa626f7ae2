"""What holds for the game of every paper: who moves, in which direction, and what each player gets to see."""

import copy
from functools import partial
from itertools import repeat

import numpy as np
import pytest
from games import CLASSES, CONDITIONAL, GAMES, LATENTS, batch, make, raw_batch, reseed
from seeded import rng

from scratchgan import Tensor, nn
from scratchgan import functional as F
from scratchgan.losses import Relativistic, Wasserstein
from scratchgan.models.game import ConditionalGame, Game
from scratchgan.models.latents import slerp
from scratchgan.models.model import made
from scratchgan.optim import SGD

every_game = pytest.mark.parametrize("name", GAMES)
every_conditional_game = pytest.mark.parametrize("name", CONDITIONAL)
WITH_BATCH_NORM = ["DCGAN", "DCGAN, discrimination", "DCGAN, deviation", "LSGAN", "CGAN", "CGAN, banded"]
WITHOUT_EFFECT = {"WGAN": {"7.bias"}, "WGAN-GP": {"7.bias"}, "SN-GAN": {"3.bias"}}


def weights(module):
    return {path: p.data.copy() for path, p in module.named_parameters()}


def unmoved(module, before):
    return {path for path, array in weights(module).items() if (array == before[path]).all()}


def slowly(game):
    """With steps so short that each goes downhill."""
    for optimizer in game.optimizers():
        optimizer.lr = 1e-5
    return game


def scores(name, game, images, *y):
    """D's scores of images, of the class one-hot y where D is told it."""
    if name == "Diffusion-GAN":
        return game.diffused(images, rng(9))(images)
    return game.critic(images)[:, :1] if name in ("AC-GAN", "LoGAN") else game.critic(images, *y)


# Steps ---------------------------------------------------------------------------------------------------------------


@every_game
def test_a_critic_step_moves_all_of_the_critic_and_nothing_of_the_generator(name):
    """But for a last bias, which shifts D(x) and D(x̃) alike and so does not matter to W, nor within hinges."""
    game = make(name)
    generator, critic = weights(game.generator), weights(game.critic)
    game.critic_step(*batch(game), rng=rng())
    assert unmoved(game.generator, generator) == set(generator)
    assert unmoved(game.critic, critic) <= WITHOUT_EFFECT.get(name, set())


@every_game
def test_a_generator_step_moves_all_of_the_generator_and_nothing_of_the_critic(name):
    game = make(name)
    generator, critic = weights(game.generator), weights(game.critic)
    game.generator_step(*batch(game), rng=rng())
    assert unmoved(game.critic, critic) == set(critic)
    assert unmoved(game.generator, generator) == set()


@every_game
def test_a_critic_step_lowers_its_loss(name):
    """On the same images, latents and dropout masks."""
    game = slowly(make(name))
    losses = []
    for _ in range(2):
        reseed(game)
        losses.append(game.critic_step(*batch(game), rng=rng())["critic_loss"].item())
    assert losses[1] < losses[0]


@pytest.mark.parametrize("name", [name for name in GAMES if "LSGAN" not in name])  # whose G pulls D(x̃) to a number
def test_a_generator_step_raises_the_critics_opinion_of_its_images(name):
    game = slowly(make(name))
    noise = rng()
    y = game.conditions(6, noise)
    z = game.latents(6, noise)

    def opinion():
        reseed(game)
        images = game.generator(*game.inputs(z, *y, rng=copy.deepcopy(noise)))
        return scores(name, game, images, *y).mean().item()

    before = opinion()
    reseed(game)
    game.generator_step(*batch(game), rng=rng())
    assert opinion() > before


@every_game
def test_what_a_step_reports_are_numbers_without_a_graph(name):
    game = make(name)
    for value in (game.critic_step(*batch(game), rng=rng()) | game.generator_step(*batch(game), rng=rng())).values():
        assert value.shape == () and not value.requires_grad and value.edges == ()


@every_game
def test_what_is_in_single_precision_stays_so(name):
    """Whatever a game draws beside its images: one array in float64 would make all behind it so, and slow."""
    game, seen = make(name, np.float32), []
    forward = game.critic.forward

    def watched(*inputs):
        scores = forward(*inputs)
        seen.extend(x.dtype for x in (*inputs, scores) if isinstance(x, Tensor))
        return scores

    game.critic.forward = watched
    game.train_step(repeat(raw_batch(game)), rng())
    assert set(seen) == {np.dtype(np.float32)}


@every_game
def test_fakes_are_constants_to_the_critic(name):
    """No graph of the generator is kept for a gradient that nobody asks for."""
    game, seen = make(name), []
    critic_loss = game.critic_loss
    game.critic_loss = lambda real, fake, *y, rng: seen.append(fake) or critic_loss(real, fake, *y, rng=rng)
    game.critic_step(*batch(game), rng=rng())
    assert [(fake.requires_grad, fake.edges) for fake in seen] == [(False, ())]


@every_game
def test_each_critic_step_sees_fresh_fakes_and_the_generators_step_fresh_latents(name):
    game, seen = make(name), []
    make_images = game.generator.forward
    game.generator.forward = lambda z, *y: seen.append(z.numpy()) or make_images(z, *y)
    game.critic_steps = 3
    noise, same = rng(), batch(game)
    for _ in range(3):
        game.critic_step(*same, rng=noise)
    game.generator_step(*same, rng=noise)
    assert len(np.unique(np.concatenate(seen), axis=0)) == 4 * 6


@pytest.mark.parametrize("name", WITH_BATCH_NORM)
def test_reals_and_fakes_are_never_in_one_batch(name):
    """Else batch norm, or a look at the whole batch, would let the score of a real depend on the fakes."""
    game = make(name)
    real, *y = batch(game)
    made, other = (game.tensor(np.tanh(rng(seed).standard_normal(real.shape))) for seed in (2, 3))
    numbers, others = (game.critic_loss(real, fake, *y, rng=rng()) for fake in (made, other))
    assert numbers["real_score"].item() == others["real_score"].item() == scores(name, game, real, *y).mean().item()
    assert numbers["fake_score"].item() == scores(name, game, made, *y).mean().item() != others["fake_score"].item()


# What a game can be --------------------------------------------------------------------------------------------------


def points(**options):
    """A game in the plane, whose players are linear."""
    generator, critic = nn.Linear(2, 2, rng=rng(1)), nn.Linear(2, 1, rng=rng(2))
    return Game(generator, critic, 2, **{"objective": Wasserstein(), "optimizer": lambda p: SGD(p, lr=0.1), **options})


def stream(count=4):
    """The same batch again and again."""
    while True:
        yield (rng(3).standard_normal((count, 2)).astype(np.float32),)


def test_a_relativistic_generator_is_compared_with_the_last_real_batch():
    game, real, z = points(objective=Relativistic()), next(stream()), Tensor(rng(4).standard_normal((4, 2)))
    game.generator.to(np.float64), game.critic.to(np.float64)
    real = Tensor(real[0].astype(np.float64))
    difference = game.critic(real).data - game.critic(game.generator(z)).data
    expected = np.log1p(np.exp(difference)).mean()
    assert game.generator_loss(z, real=(real,)).item() == pytest.approx(expected)
    assert points(objective=Relativistic()).train_step(stream(), rng()).keys() >= {"generator_loss"}


def test_an_objective_that_looks_at_fakes_alone_is_shown_no_reals_in_the_generators_step():
    game, seen = points(), []
    score = game.critic.forward
    game.critic.forward = lambda x: seen.append(x) or score(x)
    game.generator_step(Tensor(next(stream())[0]), rng=rng())
    assert len(seen) == 1


def test_the_players_may_have_an_optimiser_each():
    game = points(critic_optimizer=lambda p: SGD(p, lr=0.5))
    assert (game.generator_optimizer.lr, game.critic_optimizer.lr) == (0.1, 0.5)


def test_the_critics_steps_may_change_with_the_iteration():
    game, taken = points(critic_steps=lambda iteration: [3, 1, 2][iteration]), []
    step = game.critic_step
    game.critic_step = lambda *real, rng: taken.append(game.generator_optimizer.steps) or step(*real, rng=rng)
    for _ in range(3):
        game.train_step(stream(), rng())
    assert taken == [0, 0, 0, 1, 2, 2]


@pytest.mark.parametrize("steps", [0, -1, 1.5])
def test_critic_steps_that_make_no_sense_are_refused(steps):
    with pytest.raises((TypeError, ValueError), match=f"critic_steps={steps} must be a whole number"):
        points(critic_steps=steps)


def test_the_average_follows_the_generator_and_makes_the_pictures():
    """θ̄ ← ½ θ̄ + ½ θ after each generator step."""
    game, noise = points(average_decay=0.5), rng()
    expected = game.generator.weight.data.copy()
    for _ in range(3):
        game.train_step(stream(), noise)
        expected = 0.5 * expected + 0.5 * game.generator.weight.data
    np.testing.assert_allclose(game.average.module.weight.data, expected, rtol=1e-6)
    z = game.latents(5, rng())
    np.testing.assert_allclose(game.images(z), game.average.module(z).numpy(), rtol=1e-6)
    assert np.abs(game.images(z) - game.generator(z).numpy()).max() > 1e-3


def test_without_an_average_the_generator_itself_makes_the_pictures_in_evaluation_mode():
    game = make("DCGAN", average_decay=None)
    z = game.latents(5, rng())
    before = game.generator.state_dict()
    images = game.images(z)
    assert game.generator.training and "average" not in game.parts()
    for path, array in game.generator.state_dict().items():
        np.testing.assert_array_equal(array, before[path], err_msg=path)
    np.testing.assert_array_equal(images, game.generator.eval()(z).numpy().astype(np.float32))


def test_each_part_of_a_network_keeps_its_mode_when_pictures_are_made():
    """A norm that is kept in evaluation mode stays so, and also after an error."""
    game = make("DCGAN", average_decay=None)
    norm = game.generator[2].eval()
    game.images(game.latents(5, rng()))
    with pytest.raises(ValueError):
        game.images(Tensor(np.zeros((5, LATENTS + 1))))
    assert game.generator.training and game.generator[0].training and not norm.training


def test_what_is_made_for_pictures_is_a_constant():
    game = points()
    image = made(game.generator, game.latents(5, rng()))
    assert not image.requires_grad and image.edges == ()


def test_a_block_of_samples_is_never_larger_than_500():
    game, sizes = points(), []
    make_images = game.generator.forward
    game.generator.forward = lambda z: sizes.append(len(z)) or make_images(z)
    game.samples(1003, rng())
    assert sizes == [500, 500, 3]


def test_black_is_minus_one_in_every_picture():
    """A generator of images in [0, 1] says low=0, and its pictures are stretched."""
    game, z = points(low=0.0), Tensor(np.zeros((1, 2), np.float32))
    game.generator.bias.data = np.array([0.0, 1.0], np.float32)
    assert game.images(z).tolist() == [[-1, 1]]


def test_samples_are_made_block_by_block_and_their_number_is_exact():
    game = make("CGAN")
    samples = game.samples(1003, rng())
    assert samples["samples"].shape == (1003, 1, 4, 4) and samples["samples"].dtype == np.float32
    assert samples["labels"].shape == (1003,) and samples["labels"].dtype == np.int64
    for name, array in game.samples(1003, rng()).items():
        np.testing.assert_array_equal(array, samples[name])


# A game with classes -------------------------------------------------------------------------------------------------


class Echo(nn.Module):
    """A generator whose images are z and y themselves."""

    def __init__(self):
        self.scale = nn.Linear(1, 1).weight

    def forward(self, z, y):
        return F.cat([self.scale / self.scale.detach() * z, y], 1)


def echo(**options):
    """A conditional game whose generator gives its latents and labels back."""

    class Told(nn.Linear):
        def forward(self, x, y):
            return super().forward(F.cat([x, y], 1))

    critic = Told(LATENTS + 2 * CLASSES, 1)
    optimizer = partial(SGD, lr=0.1)
    return ConditionalGame(Echo(), critic, LATENTS, Wasserstein(), optimizer, classes=CLASSES, **options)


def test_labels_are_drawn_uniformly():
    (y,) = echo().conditions(4000, rng())
    shares = y.numpy().mean(0)
    assert y.shape == (4000, CLASSES) and set(y.numpy().sum(1)) == {1} and np.abs(shares - 1 / CLASSES).max() < 0.03


def test_the_pictures_show_a_latent_in_each_row_and_a_class_in_each_column():
    shown = echo().show((), rng())
    assert shown.shape == (10, CLASSES, LATENTS + CLASSES)
    np.testing.assert_array_equal(shown[:, :, LATENTS:], np.broadcast_to(np.eye(CLASSES), (10, CLASSES, CLASSES)))
    np.testing.assert_array_equal(shown[:, :, :LATENTS], shown[:, :1, :LATENTS].repeat(CLASSES, 1))
    assert len(np.unique(shown[:, 0, 0])) == 10


def test_samples_come_with_the_labels_that_they_were_made_of():
    samples = echo().samples(30, rng())
    np.testing.assert_array_equal(samples["samples"][:, LATENTS:], np.eye(CLASSES)[samples["labels"]])
    assert set(samples["labels"]) == set(range(CLASSES))


def test_fakes_have_the_labels_of_the_reals_beside_them():
    game, seen, labels = echo(), [], np.array([3, 0, 0, 2, 1])
    critic_loss = game.critic_loss
    game.critic_loss = lambda real, fake, y, rng: seen.append((fake, y)) or critic_loss(real, fake, y, rng=rng)
    game.critic_step(Tensor(np.ones((5, LATENTS + CLASSES), np.float32)), game.one_hot(labels), rng=rng())
    ((fake, y),) = seen
    np.testing.assert_array_equal(fake.numpy()[:, LATENTS:], np.eye(CLASSES)[labels])
    np.testing.assert_array_equal(y.numpy(), np.eye(CLASSES)[labels])


def test_a_batch_of_pairs_stays_one_of_pairs():
    images, y = echo().draw(iter([(np.full((2, 3), 0.5), np.array([1, 3]))]))
    assert images.dtype == np.float32 and images.numpy().tolist() == [[0.5] * 3] * 2
    assert y.numpy().tolist() == np.eye(CLASSES)[[1, 3]].tolist()


def test_a_conditional_iteration_takes_a_batch_for_each_critic_step():
    game = echo(critic_steps=3)
    batches = iter([(np.ones((5, LATENTS + CLASSES)), np.arange(5) % CLASSES)] * 3)
    numbers = game.train_step(batches, rng())
    assert next(batches, None) is None and numbers.keys() == {
        "real_score",
        "fake_score",
        "critic_loss",
        "generator_loss",
    }


def test_a_relativistic_generator_is_compared_with_a_real_of_the_class_that_it_was_asked_for():
    game, seen = echo(), []
    game.objective = Relativistic()
    game.generator_loss = lambda z, y, real, rng: seen.append((y, real)) or z.sum()
    game.descend = lambda optimizer, loss: loss
    real = Tensor(np.ones((5, LATENTS + CLASSES), np.float32)), game.one_hot(np.array([3, 0, 0, 2, 1]))
    game.generator_step(*real, rng=rng())
    ((y, compared),) = seen
    np.testing.assert_array_equal(y.numpy(), real[1].numpy())
    assert compared == real


def test_a_label_outside_the_classes_is_refused():
    for label in (-1, CLASSES):
        with pytest.raises(ValueError, match=f"outside the classes 0…{CLASSES - 1}"):
            echo().one_hot(np.array([0, label]))


def test_samples_may_all_be_of_one_class():
    assert set(echo().samples(30, rng(), label=2)["labels"]) == {2}
    for label in (-1, CLASSES):
        with pytest.raises(ValueError, match=f"label={label} is none of the {CLASSES} classes"):
            echo().samples(30, rng(), label=label)


def test_a_strip_leads_along_arcs_from_one_latent_to_another():
    strip = echo().strip(3, 5, rng())[:, :, :LATENTS]
    assert strip.shape == (3, 5, LATENTS) and len(np.unique(strip[:, [0, -1]])) == 6 * LATENTS
    for row in strip:
        np.testing.assert_allclose(row, slerp(row[0], row[-1], np.linspace(0, 1, 5)), atol=1e-6)


def test_a_strip_is_of_one_class():
    assert len(np.unique(echo().strip(3, 5, rng())[:, :, LATENTS:].reshape(15, -1), axis=0)) == 1


def test_a_penalty_is_told_the_labels():
    told = []
    game = echo(penalty=lambda critic, real, fake, *y, rng: told.append(y) or {"penalty": real.sum() * 0})
    images, y = Tensor(np.ones((5, LATENTS + CLASSES), np.float32)), game.one_hot(np.array([3, 0, 0, 2, 1]))
    game.critic_step(images, y, rng=rng())
    assert told == [(y,)]


@every_conditional_game
def test_the_generator_obeys_its_label_and_the_objective_asks_for_it(name):
    """The class that is asked for changes the images, and the loss of one and the same images."""
    game, labels = make(name), np.arange(6) % CLASSES
    z, y, other = game.latents(6, rng()), game.one_hot(labels), game.one_hot(labels[::-1])
    assert np.abs(game.generator(z, y).data - game.generator(z, other).data).max() > 1e-2
    images, *_ = batch(game)
    game.generator.forward = lambda z, y: images
    assert abs(game.generator_loss(z, y).item() - game.generator_loss(z, other).item()) > 1e-6
