import os
import re
from pathlib import Path

import numpy as np
import pooch
import pytest

from scratchgan import Tensor, checkpoint, grad
from scratchgan import functional as F
from scratchgan.data import Dataset, load
from scratchgan.metrics import Classifier, classifier, learning, trained_classifier

REAL = Path(os.environ.get("SCRATCHGAN_DATA", "absent"))
DIGITS = load(embedded=True)
SMALL = Dataset("mnist", DIGITS.images[::125], DIGITS.labels[::125], "a test")


def network(seed=0):
    return Classifier(np.random.default_rng(seed))


def some(n=6, seed=0):
    return Tensor(np.random.default_rng(seed).uniform(-1, 1, (n, 1, 28, 28)).astype(np.float32))


def same_weights(a, b):
    return all((p.data == q.data).all() for p, q in zip(a.parameters(), b.parameters()))


# The network


def test_it_is_as_large_as_printed():
    sizes = [p.numel() for p in network().parameters()]
    assert sizes == [144, 16, 4608, 32, 200_704, 128, 1280, 10] and sum(sizes) == 206_922
    assert network().features(some()).shape == (6, 128) and network()(some()).shape == (6, 10)
    assert network().features(some()).data.min() == 0


def test_the_halving_is_max_pooling():
    x = Tensor(np.random.default_rng(0).standard_normal((2, 3, 8, 6)), requires_grad=True)
    weights = Tensor(np.random.default_rng(1).standard_normal((2, 3, 4, 3)))
    ours, usual = classifier.halved(x), F.max_pool2d(x, 2)
    np.testing.assert_array_equal(ours.data, usual.data)
    (mine,), (theirs,) = (grad((y * weights).sum(), x) for y in (ours, usual))
    np.testing.assert_array_equal(mine.data, theirs.data)


def test_background_is_what_surrounds_the_image():
    """So that a black image has the same activations at its rim as in its middle."""
    net, black = network(), Tensor(np.full((1, 1, 28, 28), -1, np.float32))
    seen = []
    net.conv1.forward = lambda x: seen.append(x) or F.conv2d(x, net.conv1.weight, net.conv1.bias, padding=1)
    net(black)
    assert (seen[0].data == 0).all()


def test_every_weight_learns():
    net = network()
    grads = grad(F.cross_entropy(net(some(20)), Tensor(np.arange(20) % 10)), net.parameters())
    assert all(np.abs(g.data).max() > 0 for g in grads)


# Training


@pytest.fixture(scope="module")
def taught():
    return classifier.train(DIGITS.images[::5], DIGITS.labels[::5], 0, 1, 40)


def test_it_learns(taught):
    """Digits that it has not seen, after five epochs of a thousand."""
    _, p = learning.look(taught, DIGITS.images[1::5])
    assert (p.argmax(axis=1) == DIGITS.labels[1::5]).mean() > 0.8


def test_the_seed_and_the_data_are_all_that_matters(monkeypatch):
    monkeypatch.setattr(learning, "BATCH", 16)
    runs = [classifier.train(SMALL.images, SMALL.labels, seed, 1, 3) for seed in (3, 3, 4)]
    assert same_weights(runs[0], runs[1]) and not same_weights(runs[0], runs[2])


def test_each_epoch_sees_all_images_in_another_order_at_a_falling_rate(monkeypatch):
    """The images are of one grey each, so that a batch says which it holds."""
    seen, rates = [], []
    monkeypatch.setattr(learning, "BATCH", 10)
    monkeypatch.setattr(classifier, "as_floats", lambda x: seen.append(x[:, 0, 0, 0]) or x.astype(np.float32))
    monkeypatch.setattr(learning.Adam, "step", lambda self, grads: rates.append(self.lr))
    grey = np.broadcast_to(np.arange(40, dtype=np.uint8)[:, None, None, None], (40, 1, 28, 28))
    classifier.train(grey, np.zeros(40, int), epochs=2, least_steps=0)
    assert len(seen) == 8 and sorted(np.concatenate(seen[:4])) == sorted(np.concatenate(seen[4:])) == list(range(40))
    assert np.concatenate(seen[:4]).tolist() != np.concatenate(seen[4:]).tolist()
    np.testing.assert_allclose(rates, classifier.RATE * np.linspace(1, 0, 8, endpoint=False))


def test_blocks_bytes_and_floats_look_the_same(taught, monkeypatch):
    images = DIGITS.images[::500]
    whole = learning.look(taught, images)
    np.testing.assert_allclose(whole[1].sum(axis=1), 1, rtol=1e-5)
    monkeypatch.setattr(learning, "BLOCK", 3)
    for one, other in zip(whole, learning.look(taught, images / 127.5 - 1)):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


# The cache


@pytest.fixture
def trainings(tmp_path, monkeypatch):
    """The cache is in tmp_path, and no training takes time; gives a list of the seeds that were trained."""
    log = []
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache")
    monkeypatch.setattr(classifier, "train", lambda images, labels, seed: log.append(seed) or network(seed + 100))
    return log


def only_file(folder, ending=".npz"):
    (path,) = (folder / "cache" / "classifiers").glob(f"*{ending}")
    return path


def test_it_is_trained_once(trainings, tmp_path, capsys):
    first, second = trained_classifier(SMALL), trained_classifier(SMALL)
    assert trainings == [0] and same_weights(first, second)
    assert only_file(tmp_path).name.startswith("mnist-")
    assert capsys.readouterr().err.count("Training the judge's network on mnist") == 1


def test_other_data_and_other_seeds_have_classifiers_of_their_own(trainings):
    changed = SMALL.images.copy()
    changed[0, 0, 0, 0] += 1
    trained_classifier(SMALL)
    trained_classifier(SMALL, seed=1)
    trained_classifier(Dataset("mnist", changed, SMALL.labels, ""))
    trained_classifier(Dataset("mnist", SMALL.images, SMALL.labels[::-1], ""))
    trained_classifier(Dataset("mnist", SMALL.images.reshape(-1, 1, 14, 56), SMALL.labels, ""))  # the same bytes
    assert trainings == [0, 1, 0, 0, 0]


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [cut, flip, lambda path: path.with_suffix(".sha256").unlink()])
def test_a_damaged_file_is_noticed_and_replaced(trainings, tmp_path, capsys, damage):
    trained_classifier(SMALL)
    damage(only_file(tmp_path))
    capsys.readouterr()
    trained_classifier(SMALL)
    said = capsys.readouterr().err
    assert str(only_file(tmp_path).with_suffix("")) in said and "is trained anew" in said
    assert trainings == [0, 0]
    trained_classifier(SMALL)
    assert trainings == [0, 0]


@pytest.mark.parametrize("facts", [{"key": "another"}, {}])
def test_a_foreign_file_is_noticed_and_replaced(trainings, tmp_path, capsys, facts):
    """Intact, with its checksum, but of other data or of another program."""
    trained_classifier(SMALL)
    path = only_file(tmp_path)
    checkpoint.save(path, network(7).state_dict(), **facts)
    path.with_suffix(".sha256").write_text(learning._sha256(path.read_bytes()))
    assert not same_weights(trained_classifier(SMALL), network(7))
    assert trainings == [0, 0] and "of other data or another recipe" in capsys.readouterr().err


def test_without_a_cache_it_is_used_all_the_same(trainings, tmp_path, capsys):
    (tmp_path / "cache").write_text("a file where a folder should be")
    assert same_weights(trained_classifier(SMALL), network(100))
    assert "cannot be kept there" in capsys.readouterr().err


# All of the data


@pytest.mark.slow
@pytest.mark.skipif(not (REAL / "mnist").is_dir(), reason="needs MNIST and Fashion-MNIST in $SCRATCHGAN_DATA")
@pytest.mark.parametrize(
    "name, words", [("mnist", r"right on (\S+) % of MNIST"), ("fashion-mnist", r"(\S+) % of Fashion")]
)
def test_it_is_as_good_as_promised(name, words):
    """Within three tenths of a percent of what the page of the systems says of it."""
    readme = Path(__file__).parents[2].joinpath("scratchgan", "models", "README.md").read_text(encoding="utf-8")
    promised = float(re.search(words, readme.replace("\n", " "))[1]) / 100
    train, test = load(name), load(name, "test")
    _, p = learning.look(classifier.train(train.images, train.labels), test.images)
    assert (p.argmax(axis=1) == test.labels).mean() == pytest.approx(promised, abs=0.003)
