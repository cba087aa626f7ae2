"""SRGAN against PyTorch, through both of its stages; and VGG19's features, with weights drawn at random.

The script is the one a user of PyTorch would write after the paper: SRResNet down the squared error, beside it a
classifier; then these weights for G, a discriminator with `BCEWithLogitsLoss`, and 10⁻³ of its loss beside that of
frozen features. Nothing of ours is in it but the first weights.
"""

import numpy as np
import pytest

from scratchgan import Tensor
from scratchgan.data import DataError
from scratchgan.models import srgan
from scratchgan.models.superres import SRResNet
from scratchgan.models.vgg import DEVIATION, MEAN, VGG, vgg19

torch = pytest.importorskip("torch", reason="PyTorch is not installed; it is needed only to compare with")
torch.set_num_threads(1)
T = torch.nn

CLASSES, FIRST, STEPS, TOLERANCE = 3, 5, 10, 1e-5
WEIGHTS, RATES, BETAS = (0.1, 1e-3), (2e-3, 5e-4), (0.9, 0.999)


class Block(T.Module):
    def __init__(self, width):
        super().__init__()
        self.change = T.Sequential(
            T.Conv2d(width, width, 3, 1, 1, bias=False), T.BatchNorm2d(width), T.PReLU(),
            T.Conv2d(width, width, 3, 1, 1, bias=False), T.BatchNorm2d(width),
        )  # fmt: skip

    def forward(self, x):
        return x + self.change(x)


class Generator(T.Module):
    def __init__(self, width=4, channels=2):
        super().__init__()
        self.head = T.Sequential(T.Conv2d(channels, width, 9, 1, 4), T.PReLU())
        self.body = T.Sequential(
            Block(width), Block(width), T.Conv2d(width, width, 3, 1, 1, bias=False), T.BatchNorm2d(width)
        )
        self.tail = T.Sequential(
            T.Conv2d(width, 16, 3, 1, 1), T.PixelShuffle(2), T.PReLU(),
            T.Conv2d(4, 8, 3, 1, 1), T.PixelShuffle(2), T.PReLU(),
            T.Conv2d(2, channels, 9, 1, 4),
        )  # fmt: skip

    def forward(self, x):
        first = self.head((x + 1) / 2)
        return torch.tanh(self.tail(first + self.body(first)))


def discriminator(channels=2, width=2, size=12):
    layers, few = [], channels
    for i, many in enumerate([width, width, 2 * width, 2 * width, 4 * width, 4 * width, 8 * width, 8 * width]):
        layers += [T.Conv2d(few, many, 3, 1 + i % 2, 1, bias=i == 0)]
        layers += ([T.BatchNorm2d(many)] if i > 0 else []) + [T.LeakyReLU(0.2)]
        few = many
    return T.Sequential(*layers, T.Flatten(), T.Linear(few, 5), T.LeakyReLU(0.2), T.Linear(5, 1))


class Classifier(T.Module):
    def __init__(self, channels=2, w=2):
        super().__init__()
        self.first = T.Sequential(
            T.Conv2d(channels, w, 3, 1, 1), T.ReLU(), T.Conv2d(w, 2 * w, 4, 2, 1), T.ReLU(),
            T.Conv2d(2 * w, 2 * w, 3, 1, 1), T.ReLU(), T.BatchNorm2d(2 * w, affine=False),
        )  # fmt: skip
        self.second = T.Sequential(T.Conv2d(2 * w, 4 * w, 4, 2, 1), T.ReLU(), T.Conv2d(4 * w, 4 * w, 4, 2, 1), T.ReLU())
        self.head = T.Linear(4 * w, CLASSES)

    def forward(self, y):
        return self.head(self.second(self.first(y)).amax((2, 3)))


def networks(rng):
    generator = SRResNet(rng, 2, width=4, blocks=2, up=(16, 8)).to(np.float64)
    return generator, srgan.discriminator(rng, 12, 2, width=2, dense=5).to(np.float64)


def encoder(rng, channels, classes):
    return srgan.Encoder(rng, channels, classes, width=2).to(np.float64)


def data():
    rng = np.random.default_rng(1)
    for _ in range(STEPS):
        y, x = np.tanh(rng.standard_normal((6, 2, 12, 12))), np.tanh(rng.standard_normal((6, 2, 3, 3)))
        yield y, x, rng.integers(CLASSES, size=6)


def ours():
    model = srgan.build(
        np.random.default_rng(0), networks=networks, encoder=encoder, channels=2, classes=CLASSES, pretraining=FIRST,
        content=WEIGHTS[0], adversarial=WEIGHTS[1], lr=RATES[0], adversarial_lr=RATES[1], betas=BETAS,
    )  # fmt: skip
    return model, {name: getattr(model, name) for name in ("resnet", "generator", "critic", "encoder")}


def theirs(first):
    """PyTorch's program, from these weights; its networks afterwards."""
    made = {"resnet": Generator(), "generator": Generator(), "critic": discriminator(), "encoder": Classifier()}
    for name, network in made.items():
        network.to(torch.float64).load_state_dict({k: torch.from_numpy(np.array(v)) for k, v in first[name].items()})
    resnet, generator, critic, classifier = made.values()

    def adam(network, rate):
        return torch.optim.Adam(network.parameters(), lr=rate, betas=BETAS)

    optimizers = [adam(resnet, RATES[0]), adam(classifier, RATES[0]), adam(generator, RATES[1]), adam(critic, RATES[1])]
    bce, mse = T.BCEWithLogitsLoss(), T.MSELoss()
    ones, zeros = torch.ones(6, 1, dtype=torch.float64), torch.zeros(6, 1, dtype=torch.float64)
    for step, batch in enumerate(data()):
        y, x, labels = map(torch.from_numpy, batch)
        for optimizer in optimizers:
            optimizer.zero_grad()
        if step < FIRST:
            mse(resnet(x), y).backward()
            T.functional.cross_entropy(classifier(y), labels).backward()
            optimizers[0].step()
            optimizers[1].step()
            continue
        if step == FIRST:
            generator.load_state_dict(resnet.state_dict())
            classifier.eval()
            classifier.requires_grad_(False)
        fake = generator(x)
        (bce(critic(y), ones) + bce(critic(fake.detach()), zeros)).backward()
        optimizers[3].step()
        content = mse(classifier.first(fake), classifier.first(y))
        (WEIGHTS[0] * content + WEIGHTS[1] * bce(critic(fake), ones)).backward()
        optimizers[2].step()
    return made


def test_ten_steps_through_both_stages_end_in_the_same_weights_and_buffers():
    model, parts = ours()
    before = {name: {k: np.array(v) for k, v in part.state_dict().items()} for name, part in parts.items()}
    reference = theirs(before)
    batches = data()
    for _ in range(STEPS):
        model.train_step(batches, np.random.default_rng(2))
    for name, part in parts.items():
        for key, array in part.state_dict().items():
            wanted = reference[name].state_dict()[key].numpy()
            difference = np.abs(array - wanted).max() / max(np.abs(wanted).max(), 1e-300)
            assert difference < TOLERANCE, (name, key, difference)
        assert max(np.abs(array - before[name][key]).max() for key, array in part.state_dict().items()) > 1e-3


# VGG19 ---------------------------------------------------------------------------------------------------------------

NARROW = (3, 3), (4, 4), (5,) * 4, (6,) * 4, (6,) * 4


def torchvisions(widths):
    """``torchvision.models.vgg19().features``, as it is written there."""
    layers, few = [], 3
    for group in widths:
        for many in group:
            layers += [T.Conv2d(few, many, kernel_size=3, padding=1), T.ReLU(inplace=True)]
            few = many
        layers += [T.MaxPool2d(kernel_size=2, stride=2)]
    return T.Sequential(*layers)


def saved(network, path, prefix=""):
    np.savez(path, **{prefix + name: array.numpy() for name, array in network.state_dict().items()})
    return path


@pytest.mark.parametrize("prefix", ["", "features."])
@pytest.mark.parametrize("layer, end", [((1, 2), 4), ((2, 2), 9), ((5, 4), 36), ((3, 1), 12)])
def test_the_features_are_those_of_torchvision(tmp_path, layer, end, prefix):
    """φ_{2,2} ends with the ReLU of number 8, φ_{5,4} with that of 35; normalised as ImageNet is, and over 12.75."""
    torch.manual_seed(0)
    reference = torchvisions(NARROW)
    path = saved(reference, tmp_path / "vgg19.npz", prefix)
    network = vgg19(None, 3, 10, weights=path, layer=layer, widths=NARROW)
    y = np.tanh(np.random.default_rng(0).standard_normal((2, 3, 32, 48))).astype(np.float32)
    mean, deviation = (
        torch.tensor(numbers)[:, None, None] for numbers in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    )
    with torch.no_grad():
        wanted = reference[:end]((torch.from_numpy(y) / 2 + 0.5 - mean) / deviation) / 12.75
    np.testing.assert_allclose(network.maps(Tensor(y)).data, wanted.numpy(), rtol=1e-4, atol=1e-6)
    grey = Tensor(y[:, :1])
    np.testing.assert_array_equal(network.maps(grey).data, network.maps(Tensor(y[:, :1].repeat(3, 1))).data)


def test_the_full_table_has_the_published_numbers():
    """16 convolutions, 20,024,384 weights, with the names and shapes of torchvision's."""
    network = VGG(np.random.default_rng(0))
    with torch.device("meta"):
        wanted = {f"features.{name}": tuple(p.shape) for name, p in torchvisions(
            ((64,) * 2, (128,) * 2, (256,) * 4, (512,) * 4, (512,) * 4)).state_dict().items()}  # fmt: skip
    assert {name: array.shape for name, array in network.state_dict().items()} == wanted and len(wanted) == 32
    assert sum(int(np.prod(shape)) for shape in wanted.values()) == 20_024_384
    assert (MEAN, DEVIATION) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def test_other_weights_are_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        vgg19(None, 3, 10, weights=tmp_path / "none.npz")
    wide = saved(torchvisions(((4, 3), *NARROW[1:])), tmp_path / "wide.npz")
    with pytest.raises(
        DataError, match=r"features.0.weight should be floats of shape \(3, 3, 3, 3\), is float32 \(4, "
    ):
        vgg19(None, 3, 10, weights=wide, widths=NARROW)
    short = saved(torchvisions(NARROW[:2]), tmp_path / "short.npz")
    assert vgg19(None, 3, 10, weights=short, layer=(2, 2), widths=NARROW)
    with pytest.raises(DataError, match="features.10.weight should be .* is no such array"):
        vgg19(None, 3, 10, weights=short, widths=NARROW)
    for layer in ((6, 1), (0, 1), (1, 3), (2, 0)):
        with pytest.raises(ValueError, match="i is from 1 to 5"):
            VGG(None, layer, NARROW)
