"""Autoencoders against PyTorch: the same weights after ten steps from the same weights, images and noise.

The scripts are those that a user of PyTorch would write. That of the VAE is PyTorch's example: two heads, the standard
deviation from the log-variance, `binary_cross_entropy` of probabilities, the KL as one sum; here over bits, and the sum
is divided by the number of images. Nothing of ours is in them but the first weights and the numbers drawn.
"""

import numpy as np
import pytest

from scratchgan.models import autoencoder, vae

torch = pytest.importorskip("torch", reason="PyTorch is not installed; it is needed only to compare with")
torch.set_num_threads(1)
T, F = torch.nn, torch.nn.functional

STEPS, TOLERANCE = 10, 1e-5
GREY = np.random.default_rng(1).random((STEPS, 5, 1, 28, 28)) ** 3


# As PyTorch's users write them ---------------------------------------------------------------------------------------


class ExampleVAE(T.Module):
    def __init__(self, latents=20):
        super().__init__()
        self.fc1 = T.Linear(784, 400)
        self.fc21 = T.Linear(400, latents)
        self.fc22 = T.Linear(400, latents)
        self.fc3 = T.Linear(latents, 400)
        self.fc4 = T.Linear(400, 784)

    def encode(self, x):
        h1 = F.relu(self.fc1(x.view(-1, 784)))
        return self.fc21(h1), self.fc22(h1)

    def decode(self, z):
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z))))


class KerasVAE(T.Module):
    def __init__(self, latents=2):
        super().__init__()
        self.trunk = T.Sequential(
            T.Conv2d(1, 32, 3, 2, 1), T.ReLU(), T.Conv2d(32, 64, 3, 2, 1), T.ReLU(),
            T.Flatten(), T.Linear(3136, 16), T.ReLU(),
        )  # fmt: skip
        self.mu, self.logvar = T.Linear(16, latents), T.Linear(16, latents)
        self.decoder = T.Sequential(
            T.Linear(latents, 3136), T.ReLU(), T.Unflatten(1, (64, 7, 7)),
            T.ConvTranspose2d(64, 64, 3, 2, 1, 1), T.ReLU(), T.ConvTranspose2d(64, 32, 3, 2, 1, 1), T.ReLU(),
            T.ConvTranspose2d(32, 1, 3, 1, 1), T.Sigmoid(),
        )  # fmt: skip

    def encode(self, x):
        h = self.trunk(x)
        return self.mu(h), self.logvar(h)

    def decode(self, z):
        return self.decoder(z).flatten(1)


def train_vae_in_torch(model, rng):
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for grey in GREY:
        x = torch.from_numpy((rng.random(grey.shape) < grey).astype(float))
        mu, logvar = model.encode(x)
        std = torch.exp(0.5 * logvar)
        recon_x = model.decode(mu + torch.from_numpy(rng.standard_normal(tuple(mu.shape))) * std)
        bce = F.binary_cross_entropy(recon_x, x.view(-1, 784), reduction="sum")
        kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
        optimizer.zero_grad()
        ((bce + kld) / len(x)).backward()
        optimizer.step()


def mlp_autoencoder():
    sizes = [784, 512, 256, 128, 2]
    down = [layer for a, b in zip(sizes, sizes[1:]) for layer in (T.Linear(a, b), T.ReLU())][:-1]
    up = [layer for a, b in zip(sizes[::-1], sizes[-2::-1]) for layer in (T.Linear(a, b), T.ReLU())][:-1]
    return T.Sequential(T.Flatten(), *down, *up, T.Sigmoid())


# The comparison ------------------------------------------------------------------------------------------------------


def give(ours, theirs):
    """PyTorch's parameters take the values of ours, in order: those of two heads are the halves of ours."""
    with torch.no_grad():
        for parameter, value in zip(theirs, ours, strict=True):
            parameter.copy_(torch.from_numpy(np.array(value)))


def with_two_heads(model):
    """The arrays of a VAE, the encoder's last weights and biases as those of two heads."""
    *first, weight, bias = (p.data for p in model.encoder.parameters())
    heads = [np.split(array, 2)[head] for head in (0, 1) for array in (weight, bias)]
    return [*first, *heads, *(p.data for p in model.decoder.parameters())]


def in_float64(networks):
    return lambda rng, latent_size: [network.to(np.float64) for network in networks(rng, latent_size)]


def distance(ours, theirs):
    return np.abs(ours - theirs).max() / np.abs(theirs).max()


@pytest.mark.parametrize("preset, script", [("default", ExampleVAE), ("conv", KerasVAE)])
def test_ten_steps_of_a_vae_end_in_the_same_weights(preset, script):
    options = vae.SYSTEM.presets[preset].options
    networks = options.get("networks", vae.dense_networks)

    model = vae.build(np.random.default_rng(0), **{**options, "networks": in_float64(networks)})
    theirs = script().to(torch.float64)
    give(with_two_heads(model), theirs.parameters())
    before = [p.data.copy() for p in model.optimizer.params]
    batches, rng = iter(GREY[:, None]), np.random.default_rng(2)
    for _ in range(STEPS):
        model.train_step(batches, rng)
    train_vae_in_torch(theirs, np.random.default_rng(2))
    pairs = zip(with_two_heads(model), theirs.parameters(), strict=True)
    assert max(distance(mine, other.detach().numpy()) for mine, other in pairs) < TOLERANCE
    assert all(np.abs(p.data - old).max() > 1e-3 for p, old in zip(model.optimizer.params, before))


def test_ten_steps_of_an_autoencoder_end_in_the_same_weights():
    model = autoencoder.build(np.random.default_rng(0), networks=in_float64(autoencoder.dense_networks))
    theirs = mlp_autoencoder().to(torch.float64)
    give([p.data for p in model.optimizer.params], theirs.parameters())
    before = [p.data.copy() for p in model.optimizer.params]
    optimizer, batches = torch.optim.Adam(theirs.parameters(), lr=1e-3), iter(GREY[:, None])
    for grey in GREY:
        model.train_step(batches, None)
        optimizer.zero_grad()
        x = torch.from_numpy(grey)
        F.mse_loss(theirs(x), x.flatten(1)).backward()
        optimizer.step()
    pairs = zip(model.optimizer.params, theirs.parameters(), strict=True)
    assert max(distance(mine.data, other.detach().numpy()) for mine, other in pairs) < TOLERANCE
    assert all(np.abs(p.data - old).max() > 1e-3 for p, old in zip(model.optimizer.params, before))
