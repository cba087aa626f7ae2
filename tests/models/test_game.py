"""What holds for the game of every paper: who moves, in which direction, and what each player gets to see."""

import numpy as np
import pytest
from games import CLASSES, GAMES, LATENTS, batch, make, reseed

from scratchgan import Parameter, Tensor, nn
from scratchgan.losses import Wasserstein
from scratchgan.models.game import ConditionalGame
from scratchgan.optim import SGD

every_game = pytest.mark.parametrize("name", GAMES)
every_conditional_game = pytest.mark.parametrize("name", [name for name in GAMES if GAMES[name][0].conditional])
WITH_BATCH_NORM = ["DCGAN", "DCGAN, discrimination", "DCGAN, deviation", "LSGAN", "CGAN", "CGAN, banded"]
WITHOUT_EFFECT = {"WGAN": {"7.bias"}, "WGAN-GP": {"7.bias"}, "SN-GAN": {"3.bias"}}


def rng(seed=0):
    return np.random.default_rng(seed)


def weights(module):
    return {path: p.data.copy() for path, p in module.named_parameters()}


def unmoved(module, before):
    return {path for path, array in weights(module).items() if (array == before[path]).all()}


def slowly(game):
    """With steps so short that each goes downhill."""
    for optimizer in game.optimizers:
        optimizer.lr = 1e-5
    return game


def scores(game, images, y=None):
    """D's scores of images, of the class one-hot y where D is told it."""
    images = game.pairs(images, y) if hasattr(game, "pairs") else images
    return game.critic(images)[:, :1]


# Steps ---------------------------------------------------------------------------------------------------------------


@every_game
def test_a_critic_step_moves_all_of_the_critic_and_nothing_of_the_generator(name):
    """But for a last bias, which shifts D(x) and D(x̃) alike and so does not matter to W, nor within hinges."""
    game = make(name)
    generator, critic = weights(game.generator), weights(game.critic)
    game.critic_step(*batch(game), rng())
    assert unmoved(game.generator, generator) == set(generator)
    assert unmoved(game.critic, critic) <= WITHOUT_EFFECT.get(name, set())


@every_game
def test_a_generator_step_moves_all_of_the_generator_and_nothing_of_the_critic(name):
    game = make(name)
    generator, critic = weights(game.generator), weights(game.critic)
    game.generator_step(6, rng())
    assert unmoved(game.critic, critic) == set(critic)
    assert unmoved(game.generator, generator) == set()


@every_game
def test_a_critic_step_lowers_its_loss(name):
    """On the same images, latents and dropout masks."""
    game = slowly(make(name))
    losses = []
    for _ in range(2):
        reseed(game)
        losses.append(game.critic_step(*batch(game), rng())["critic_loss"].item())
    assert losses[1] < losses[0]


@pytest.mark.parametrize("name", [name for name in GAMES if "LSGAN" not in name])  # whose G pulls D(x̃) to a number
def test_a_generator_step_raises_the_critics_opinion_of_its_images(name):
    game = slowly(make(name))
    z = game.latents(6, rng())
    y = game.conditions(z) if game.conditional else None

    def opinion():
        reseed(game)
        return scores(game, game.generator(z), y).mean().item()

    before = opinion()
    reseed(game)
    game.generator_step(6, rng())
    assert opinion() > before


@every_game
def test_what_a_step_reports_are_numbers_without_a_graph(name):
    game = make(name)
    for value in (game.critic_step(*batch(game), rng()) | game.generator_step(6, rng())).values():
        assert value.shape == () and not value.requires_grad and value.edges == ()


@every_game
def test_fakes_are_constants_to_the_critic(name):
    """No graph of the generator is kept for a gradient that nobody asks for."""
    game, seen = make(name), []
    critic_loss = game.critic_loss
    game.critic_loss = lambda real, fake, *rest: seen.append(fake) or critic_loss(real, fake, *rest)
    game.critic_step(*batch(game), rng())
    assert [(fake.requires_grad, fake.edges) for fake in seen] == [(False, ())]


@every_game
def test_each_critic_step_sees_fresh_fakes_and_the_generators_step_fresh_latents(name):
    game, seen = make(name), []
    make_images = game.generator.forward
    game.generator.forward = lambda z: seen.append(z.numpy()[:, :LATENTS]) or make_images(z)
    game.critic_steps = 3
    noise, same = rng(), batch(game)
    for _ in range(3):
        game.critic_step(*same, noise)
    game.generator_step(6, noise)
    assert len(np.unique(np.concatenate(seen), axis=0)) == 4 * 6


@pytest.mark.parametrize("name", WITH_BATCH_NORM)
def test_reals_and_fakes_are_never_in_one_batch(name):
    """Else batch norm, or a look at the whole batch, would let the score of a real depend on the fakes."""
    game = make(name)
    real, *labels = batch(game)
    y = [game.one_hot(labels[0])] if labels else []
    made, other = (game.tensor(np.tanh(rng(seed).standard_normal(real.shape))) for seed in (2, 3))
    numbers, others = (game.critic_loss(real, fake, *y, rng()) for fake in (made, other))
    assert numbers["real_score"].item() == others["real_score"].item() == scores(game, real, *y).mean().item()
    assert numbers["fake_score"].item() == scores(game, made, *y).mean().item() != others["fake_score"].item()


# A game with classes -------------------------------------------------------------------------------------------------


def echo(critic_steps=1):
    """A conditional game whose generator gives its latents back, and whose critic keeps what it is shown."""

    class Echo(ConditionalGame):
        def critic_loss(self, real, fake, y, rng):
            self.seen = fake, y
            return {"critic_loss": self.critic(fake).mean()}

        def generator_loss(self, z):
            self.seen = z, None
            return self.critic(self.generator(z)).mean()

    inputs = LATENTS + CLASSES
    generator, critic = nn.Linear(inputs, inputs, bias=False), nn.Linear(inputs, 1)
    generator.weight.data = np.eye(inputs, dtype=np.float32)
    return Echo(generator, critic, LATENTS, Wasserstein(), lambda p: SGD(p, lr=0.1), critic_steps, classes=CLASSES)


def test_latents_carry_the_labels_that_they_are_given():
    game, labels = echo(), np.array([3, 0, 0, 2, 1])
    z = game.latents(5, rng(), labels)
    assert z.shape == (5, LATENTS + CLASSES) and z.dtype == np.float32
    np.testing.assert_array_equal(z.numpy()[:, LATENTS:], np.eye(CLASSES)[labels])
    np.testing.assert_array_equal(z.numpy()[:, :LATENTS], rng().standard_normal((5, LATENTS)).astype(np.float32))
    np.testing.assert_array_equal(game.labels_of(z), labels)
    assert game.labels_of(z).dtype == np.int64


def test_without_labels_the_classes_are_drawn_uniformly():
    game = echo()
    shares = np.bincount(game.labels_of(game.latents(4000, rng()))) / 4000
    assert shares.shape == (CLASSES,) and np.abs(shares - 1 / CLASSES).max() < 0.03


def test_the_pictures_show_a_latent_in_each_row_and_a_class_in_each_column():
    game = echo()
    shown = game.shown_latents(rng()).numpy().reshape(10, CLASSES, LATENTS + CLASSES)
    np.testing.assert_array_equal(shown[:, :, LATENTS:], np.broadcast_to(np.eye(CLASSES), (10, CLASSES, CLASSES)))
    np.testing.assert_array_equal(shown[:, :, :LATENTS], shown[:, :1, :LATENTS].repeat(CLASSES, 1))
    assert len(np.unique(shown[:, 0, 0])) == 10


def test_fakes_have_the_labels_of_the_reals_beside_them():
    game, labels = echo(), np.array([3, 0, 0, 2, 1])
    game.critic_step(Tensor(np.ones((5, LATENTS + CLASSES), np.float32)), labels, rng())
    fake, y = game.seen
    np.testing.assert_array_equal(game.labels_of(fake), labels)
    np.testing.assert_array_equal(y.numpy(), np.eye(CLASSES)[labels])


@pytest.mark.parametrize("labels", [[0, -1], [0, CLASSES]])
def test_a_label_outside_the_classes_is_refused(labels):
    """A negative one would count from the end."""
    with pytest.raises(ValueError, match=rf"labels .* are outside the classes 0…{CLASSES - 1}"):
        echo().one_hot(np.array(labels))
    assert echo().one_hot(np.array([], int)).shape == (0, CLASSES)


def test_a_parameter_that_was_replaced_is_missed_by_its_optimiser():
    """It would be moved by the gradient of the one that took its place, which would never move."""
    game = make("DCGAN")
    layer = game.critic[0]
    layer.weight = Parameter(layer.weight.data)
    with pytest.raises(ValueError, match=r"do not depend on inputs\[0\]"):
        game.critic_step(*batch(game), rng())


def test_a_batch_of_pairs_stays_one_of_pairs():
    game = echo()
    images, labels = game.draw(iter([(np.full((2, 3), 0.5), np.array([1, 3]))]))
    assert images.dtype == np.float32 and images.numpy().tolist() == [[0.5] * 3] * 2 and labels.tolist() == [1, 3]


def test_a_conditional_iteration_takes_a_batch_for_each_critic_step():
    game = echo(critic_steps=3)
    batches = iter([(np.ones((5, 3)), np.arange(5) % CLASSES)] * 3)
    numbers = game.train_step(batches, rng())
    assert next(batches, None) is None and numbers.keys() == {"critic_loss", "generator_loss"}


@every_conditional_game
def test_the_generator_obeys_its_label_and_the_objective_asks_for_it(name):
    """The class that is asked for changes the images, and the loss of one and the same images."""
    game, labels = make(name), np.arange(6) % CLASSES
    z, other = (game.latents(6, rng(), y) for y in (labels, labels[::-1]))
    assert np.abs(game.generator(z).data - game.generator(other).data).max() > 1e-2
    images, *_ = batch(game)
    game.generator.forward = lambda z: images
    assert abs(game.generator_loss(z).item() - game.generator_loss(other).item()) > 1e-6
