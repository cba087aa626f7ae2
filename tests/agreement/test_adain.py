"""AdaIN against PyTorch: the same weights after ten steps, four of the autoencoder and six of the decoder.

The script is written from the paper. Nothing of ours is in it but the first weights and the images.
"""

import numpy as np
import pytest

from scratchgan import Tensor, nn
from scratchgan.models import adain

torch = pytest.importorskip("torch", reason="PyTorch is not installed; it is needed only to compare with")
torch.set_num_threads(1)
T = torch.nn

STEPS, FIRST, BATCH, SIZE, LAMBDA = 10, 4, 3, 8, 7.0
ADAM = {"lr": 1e-3, "betas": (0.9, 0.999)}


def conv(few, many):
    return T.Conv2d(few, many, 3, padding=1, padding_mode="reflect")


class Encoder(T.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two, self.three, self.four, self.five = (
            conv(3, 4), conv(4, 4), conv(4, 5), conv(5, 5), conv(5, 6),
        )  # fmt: skip

    def forward(self, x):
        pool = T.functional.avg_pool2d
        first = self.one(x).relu()
        second = self.three(pool(self.two(first).relu(), 2)).relu()
        return first, second, self.five(pool(self.four(second).relu(), 2)).relu()


def decoder():
    return T.Sequential(
        conv(6, 5), T.ReLU(), T.Upsample(scale_factor=2), conv(5, 5), T.ReLU(),
        conv(5, 4), T.ReLU(), T.Upsample(scale_factor=2), conv(4, 4), T.ReLU(), conv(4, 3),
    )  # fmt: skip


def moments(x):
    return x.mean((2, 3), keepdim=True), (x.var((2, 3), unbiased=False, keepdim=True) + 1e-5).sqrt()


def train_torch(f, g, batches):
    mse = T.MSELoss()
    both = torch.optim.Adam([*f.parameters(), *g.parameters()], **ADAM)
    alone = torch.optim.Adam(g.parameters(), **ADAM)
    for step, (content, style) in enumerate(torch.from_numpy(batches)):
        if step < FIRST:
            x = torch.cat([content, style])
            loss, optimizer = mse(g(f(x)[-1]), x), both
        else:
            with torch.no_grad():
                c, s = f(content)[-1], f(style)
                (mu_c, sigma_c), (mu_s, sigma_s) = moments(c), moments(s[-1])
                t = sigma_s * (c - mu_c) / sigma_c + mu_s
            o = f(g(t))
            loss, optimizer = mse(o[-1], t), alone
            for drawn, wanted in zip(o, s):
                (mu, sigma), (mu_s, sigma_s) = moments(drawn), moments(wanted)
                loss = loss + LAMBDA * (mse(mu, mu_s) + mse(sigma, sigma_s))
        both.zero_grad()
        loss.backward()
        optimizer.step()


def networks(rng):
    sizes = {"widths": (4, 5, 6), "layers": (2, 2)}
    return tuple(network.to(np.float64) for network in adain.small_networks(rng, **sizes))


def test_ten_steps_end_in_the_same_weights(record_property):
    """And every array has moved much further than that, else two programs that do nothing would agree."""
    model = adain.build(np.random.default_rng(0), networks=networks, first=FIRST, style_weight=LAMBDA, **ADAM)
    players, theirs = (model.encoder, model.decoder), (Encoder().double(), decoder().double())
    before = [[np.array(array) for array in player.state_dict().values()] for player in players]
    for network, arrays in zip(theirs, before):
        state = zip(network.state_dict(), (torch.from_numpy(array.copy()) for array in arrays), strict=True)
        network.load_state_dict(dict(state))
    batches = np.random.default_rng(1).uniform(-1, 1, (STEPS, 2, BATCH, 3, SIZE, SIZE))
    train_torch(*theirs, batches)
    stream = iter([tuple(batch) for batch in batches])
    for _ in range(STEPS):
        model.train_step(stream, None)
    errors, moved = [], []
    for player, first, network in zip(players, before, theirs):
        for mine, old, reference in zip(player.state_dict().values(), first, network.state_dict().values()):
            errors.append(np.abs(mine - reference.numpy()).max() / np.abs(reference.numpy()).max())
            moved.append(np.abs(mine - old).max())
    record_property("largest difference", np.max(errors))
    assert np.max(errors) < 1e-5 < min(moved) / 10


def test_weights_of_vgg_are_taken_over_with_the_norm_of_their_images(tmp_path):
    """Random ones, in torchvision's layout: kernels and biases at 0, 2, 5, … of ``features``, and a classifier."""
    rng, places, sizes = np.random.default_rng(0), (0, 2, 5), ((4, 3), (4, 4), (5, 4))
    arrays = {"classifier.0.weight": rng.standard_normal((7, 9)).astype(np.float32)}
    for place, size in zip(places, sizes):
        arrays[f"features.{place}.weight"] = rng.standard_normal((*size, 3, 3)).astype(np.float32)
        arrays[f"features.{place}.bias"] = rng.standard_normal(size[0]).astype(np.float32)
    arrays["features.10.weight"] = rng.standard_normal((6, 5, 3, 3)).astype(np.float32)
    np.savez(tmp_path / "vgg.npz", **arrays)
    encoder = adain.Encoder(rng, widths=(4, 5), layers=(2,), pool=nn.MaxPool2d)
    images = rng.uniform(-1, 1, (2, 3, 8, 8)).astype(np.float32)
    found = adain.loaded(encoder, tmp_path / "vgg.npz")(Tensor(images))

    mean, deviation = (torch.tensor(numbers).view(-1, 1, 1) for numbers in adain.IMAGENET)
    x, wanted = ((torch.from_numpy(images) + 1) / 2 - mean) / deviation, []
    for place in places:
        x = T.functional.pad(T.functional.max_pool2d(x, 2) if place == 5 else x, (1, 1, 1, 1), "reflect")
        weight, bias = (torch.from_numpy(arrays[f"features.{place}.{name}"]) for name in ("weight", "bias"))
        x = T.functional.conv2d(x, weight, bias).relu()
        wanted.append(x.numpy())
    for mine, theirs in zip(found, (wanted[0], wanted[2])):
        np.testing.assert_allclose(mine.data, theirs, rtol=1e-4, atol=1e-4)
