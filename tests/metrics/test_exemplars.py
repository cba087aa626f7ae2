import numpy as np
import pooch
import pytest

from scratchgan import Tensor
from scratchgan.data import Dataset
from scratchgan.data.emoji import load_emoji
from scratchgan.metrics import exemplars, learning
from scratchgan.metrics.images import as_floats

EMOJI = load_emoji().images[:200]


def network(seed=0):
    return exemplars.Exemplars(np.random.default_rng(seed))


def weights(net):
    return np.concatenate([p.data.ravel() for p in net.parameters()])


# The network


def test_its_features_are_few_and_its_vectors_of_length_one():
    net, images = network(), Tensor(as_floats(EMOJI[:5]))
    features, z = net.features(images).data, net(images).data
    np.testing.assert_allclose(features, net.maps(images).data.mean((2, 3)), rtol=1e-5, atol=1e-7)
    assert features.shape == (5, 64) and features.min() >= 0 and features.max() > 0
    np.testing.assert_allclose((z * z).sum(axis=1), 1, rtol=1e-5)


def test_white_paper_is_what_surrounds_a_picture():
    net = network()
    for convolution in (net.conv1, net.conv2, net.conv3):
        convolution.bias.data[:] = 0
    assert (net.features(Tensor(np.ones((1, 3, 32, 32), np.float32))).data == 0).all()


# Views


@pytest.fixture
def only_moved(monkeypatch):
    monkeypatch.setattr(exemplars, "ZOOM", 0)
    monkeypatch.setattr(exemplars, "FADE", 0)


def test_a_view_is_the_picture_moved_on_white_and_half_of_the_time_reflected(only_moved):
    """A dot says where it has come to: three pixels at most; and a second one beside it, from where it is seen."""
    dots = np.full((2000, 3, 32, 32), 255, np.uint8)
    dots[:, :, 10, 12], dots[:, :, 10, 13] = (255, 0, 0), (0, 0, 255)
    seen = exemplars.views(dots, np.random.default_rng(0))
    assert seen.dtype == np.float32 and seen.shape == dots.shape and ((seen == 1) | (seen == -1)).all()
    _, rows, columns = np.nonzero(seen[:, 1] == -1)
    rows, columns = rows.reshape(-1, 2), columns.reshape(-1, 2)
    red = np.where(seen[np.arange(2000), 0, rows[:, 0], columns[:, 0]] == 1, columns[:, 0], columns[:, 1])
    turned = red == columns[:, 1]
    assert set(rows[:, 0]) == set(range(7, 14)) and set(red[~turned]) == set(range(9, 16))
    assert set(red[turned]) == set(range(16, 23)) and 0.45 < turned.mean() < 0.55
    assert abs(np.corrcoef(rows[~turned, 0], red[~turned])[0, 1]) < 0.1  # down and across, each for itself


def test_what_comes_in_is_white(only_moved):
    black = exemplars.views(np.zeros((50, 3, 32, 32), np.uint8), np.random.default_rng(0))
    assert set(np.unique(black)) == {-1, 1} and 3 * 29 * 29 <= (black == -1).sum(axis=(1, 2, 3)).min()


def test_a_view_is_larger_or_smaller(monkeypatch):
    monkeypatch.setattr(exemplars, "FADE", 0)
    square = np.full((500, 3, 32, 32), 255, np.uint8)
    square[:, :, 11:21, 11:21] = 0
    sides = np.sqrt((exemplars.views(square, np.random.default_rng(0))[:, 0] == -1).sum(axis=(1, 2)))
    assert sides.min() == pytest.approx(10 * np.exp(-0.22), abs=1) and sides.max() == pytest.approx(
        10 * np.exp(0.22), abs=1
    )
    monkeypatch.setattr(exemplars, "ZOOM", np.log(2))  # as often twice as half the size
    sides = np.sqrt((exemplars.views(square, np.random.default_rng(0))[:, 0] == -1).sum(axis=(1, 2)))
    assert (sides.min(), sides.max(), np.median(sides)) == pytest.approx((5, 20, 10), abs=1)


def test_colours_grow_stronger_and_weaker_each_for_itself(monkeypatch):
    monkeypatch.setattr(exemplars, "SHIFT", 0)
    monkeypatch.setattr(exemplars, "ZOOM", 0)
    grey = exemplars.views(np.full((500, 3, 32, 32), 102, np.uint8), np.random.default_rng(0))
    strength = (1 - grey[:, :, 5, 5]) / 1.2
    assert strength.min() == pytest.approx(0.7, abs=0.01) and strength.max() == pytest.approx(1.3, abs=0.01)
    assert abs(np.corrcoef(strength, rowvar=False) - np.eye(3)).max() < 0.2
    assert exemplars.views(np.zeros((50, 3, 32, 32), np.uint8), np.random.default_rng(0)).min() == -1


# Training


def test_the_loss_is_that_of_the_paper():
    z = np.random.default_rng(0).standard_normal((6, 4))
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    expected = 0
    for i in range(6):
        likeness = np.exp(z @ z[i] / 0.1)
        expected -= np.log(likeness[(i + 3) % 6] / (likeness.sum() - likeness[i])) / 6
    assert exemplars.contrast(Tensor(z)).item() == pytest.approx(expected, rel=1e-6)


def test_it_learns_to_know_pictures_again(monkeypatch):
    """Views of pictures that it has not seen are told apart by a network that has learnt for a second."""
    monkeypatch.setattr(learning, "BATCH", 32)
    taught, rng = exemplars.train(EMOJI[:100], 0, 40), np.random.default_rng(5)
    pairs = Tensor(np.concatenate([exemplars.views(EMOJI[100:], rng) for _ in range(2)]))
    untaught, loss = (exemplars.contrast(net(pairs)).item() for net in (network(), taught))
    assert loss < 4.3 < 5 < untaught < np.log(199) + 0.1


def test_the_seed_and_the_pictures_are_all_that_matters(monkeypatch):
    monkeypatch.setattr(learning, "BATCH", 8)
    runs = [weights(exemplars.train(EMOJI[:20], seed, 2)) for seed in (3, 3, 4)]
    assert (runs[0] == runs[1]).all() and not (runs[0] == runs[2]).all()


def test_fewer_pictures_than_a_batch_are_learned_too():
    assert (weights(exemplars.train(EMOJI[:20], 0, 2)) != weights(network())).any()


RECIPE = {"STEPS": 9, "RATE": 1.0, "TEMPERATURE": 1.0, "SHIFT": 2, "ZOOM": 0.1, "FADE": 0.1}
CHANGES = [(learning, "BATCH", 9), *((exemplars, *change) for change in RECIPE.items())]


@pytest.mark.parametrize("place, name, value", CHANGES)
def test_it_is_trained_once_for_each_seed_and_recipe(place, name, value, monkeypatch, tmp_path):
    log = []
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path)
    monkeypatch.setattr(exemplars, "train", lambda images, seed: log.append(seed) or network(seed + 100))
    some = Dataset("emoji", EMOJI[:9], None, "some")
    for seed in (0, 0, 1):
        assert (weights(exemplars.trained_exemplars(some, seed)) == weights(network(seed + 100))).all()
    monkeypatch.setattr(place, name, value)
    exemplars.trained_exemplars(some)
    assert log == [0, 1, 0]
