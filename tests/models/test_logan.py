"""LoGAN: AC-GAN whose classes are colours."""

import numpy as np
import pytest
from games import CLASSES, batch, make
from seeded import rng

from scratchgan import Tensor, nn
from scratchgan.data import colours
from scratchgan.losses import gradient_norms, on_lines
from scratchgan.models import logan
from scratchgan.models.acgan import Score
from scratchgan.models.logan import TwoHeads, paper_networks, small_networks
from scratchgan.models.networks import count


def cross_entropy(logits, labels):
    return np.mean([np.log(np.exp(u).sum()) - u[y] for u, y in zip(logits, labels)])


def test_the_losses_are_the_equations():
    game = make("LoGAN", penalty_weight=7.0)
    game.critic.replace(lambda path, array: 3 * array)
    real, y = batch(game)
    z, other = game.latents(6, rng(1)), Tensor(y.data[::-1])
    fake = Tensor(game.generator(z, other).data)
    on_real, on_fake = game.critic(real).data, game.critic(fake).data
    norms = gradient_norms(Score(game.critic), on_lines(real, fake, rng(2))).data
    loss = on_fake[:, 0].mean() - on_real[:, 0].mean() + 7 * ((norms - 1) ** 2).mean()
    loss += 0.5 * cross_entropy(on_real[:, 1:], y.data.argmax(1))  # a, and of reals alone
    assert game.critic_loss(real, fake, y, rng=rng(2))["critic_loss"].item() == pytest.approx(loss)
    loss = -on_fake[:, 0].mean() + 1.0 * cross_entropy(on_fake[:, 1:], other.data.argmax(1))
    assert game.generator_loss(z, other).item() == pytest.approx(loss)


# Networks ------------------------------------------------------------------------------------------------------------


def published(network):
    """Weights if each layer had a bias, without those of norms."""
    layers = [m for m in network.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear))]
    biases = [m.weight.shape[isinstance(m, nn.ConvTranspose2d)] for m in layers]
    return sum(m.weight.numel() for m in layers) + sum(biases)


def test_the_small_networks_have_the_sizes_that_their_file_says():
    generator, critic = small_networks(rng(), width=16)
    assert [published(generator), published(critic)] == [92_723, 42_865 + 12_300]
    x = generator(Tensor(np.zeros((2, 64), np.float32)), Tensor(np.eye(12, dtype=np.float32)[:2]))
    assert x.shape == (2, 3, 32, 32) and critic(x).shape == (2, 13)


def test_the_papers_networks_have_the_papers_sizes():
    generator, critic = paper_networks(rng())
    assert count(generator) == 8_665_283
    assert count(critic.features) + count(critic.score) == 8_527_297 and count(critic.classifier) == 133_004
    x = Tensor(rng().uniform(0, 1, (2, 3, 32, 32)).astype(np.float32))
    kinds = [type(layer).__name__ for layer in (*critic.features, *critic.classifier)]
    dense = ["Linear", "LayerNorm", "LeakyReLU"]
    assert kinds == ["Conv2d", "LeakyReLU", "Conv2d", "GroupNorm", "LeakyReLU", "Flatten", *dense, *dense, "Linear"]
    assert critic.features[3].num_groups == 1  # a norm over the whole picture
    images = generator(Tensor(np.zeros((2, 100), np.float32)), Tensor(np.eye(12, dtype=np.float32)[:2]))
    assert images.shape == x.shape and images.data.min() >= 0 and critic(x).shape == (2, 13)
    np.testing.assert_allclose(critic(x).data[:1], critic(x[:1]).data, atol=1e-5)  # no picture sees another


def test_the_score_comes_before_the_classes():
    x = Tensor(np.array([[2.0, 3.0]]))
    linear = nn.Linear(2, 1, rng=rng()).to(np.float64)
    heads = TwoHeads(nn.Flatten(), linear, nn.Sequential())
    np.testing.assert_array_equal(heads(x).data, [[*linear(x).data[0], 2, 3]])


# What is measured ----------------------------------------------------------------------------------------------------


class Painter(nn.Module):
    """Draws in the colour that is asked for, but in red where blue is."""

    def __init__(self):
        self.palette = np.array(list(colours.PALETTE.values())) / 127.5 - 1
        self.scale = nn.Linear(1, 1, rng=rng())

    def forward(self, z, y):
        labels = y.numpy().argmax(1)
        self.asked = np.bincount(labels, minlength=12) + getattr(self, "asked", 0)
        labels[labels == colours.NAMES.index("blue")] = colours.NAMES.index("red")
        images = np.ones((len(labels), 3, 4, 4), np.float32)
        images[:, :, :2] = self.palette[labels][:, :, None, None]
        return Tensor(images)


class Reader(nn.Module):
    """Takes all pictures for grey ones, but for the first."""

    def forward(self, x):
        logits = np.zeros((len(x), 13), np.float32)
        logits[:, 1 + colours.NAMES.index("grey")] = 1
        logits[0, 1 + colours.NAMES.index("red")] = 2
        return Tensor(logits)


def test_precision_and_recall_are_those_of_the_colours_that_are_found_again():
    game = logan.build(rng(), networks=lambda *_: (Painter(), nn.Linear(2, 2, rng=rng())), average_decay=0.5)
    game.critic = Reader()
    labels = np.array([colours.NAMES.index(name) for name in ("red", "grey", "green")])
    held_out = game.draw(iter([(np.zeros((3, 3, 4, 4), np.float32), labels)]))
    numbers = game.measure(held_out, rng())
    assert game.best.asked.tolist() == [64] * 12
    each = {name: (numbers[f"precision, {name}"], numbers[f"recall, {name}"]) for name in colours.NAMES}
    assert each["red"] == (0.5, 1) and each["blue"] == (0, 0)
    assert all(each[name] == (1, 1) for name in set(colours.NAMES) - {"red", "blue"})
    assert numbers["precision"] == pytest.approx(10.5 / 12) and numbers["recall"] == pytest.approx(11 / 12)
    assert numbers["precision, C on real"] == pytest.approx((1 + 0.5 + 0) / 3)  # of three colours that are there
    assert numbers["recall, C on real"] == pytest.approx(2 / 3) and numbers["by chance"] == pytest.approx(1 / 12)


def test_a_grid_has_a_colour_in_each_column():
    game = logan.build(rng())
    sheet = game.show((), rng(3))
    assert sheet.shape == (10, 12, 3, 32, 32)
    z = game.latents(10, rng(3))
    for column in (0, 11):
        y = game.one_hot(np.full(10, column))
        np.testing.assert_allclose(sheet[:, column], game.images(z, y), atol=1e-5)


def test_there_are_as_many_classes_as_words():
    assert logan.CLASSES == 12 and CLASSES != 12
    assert logan.build(rng()).classes == 12
