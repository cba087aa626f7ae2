"""The classic systems against PyTorch: the same weights after ten steps from the same weights, images and latents.

The scripts are those that a user of PyTorch would write: networks listed layer by layer, `BCEWithLogitsLoss` with
targets of ones and zeros, the loss of reals and that of detached fakes each on a batch of its own, two optimisers.
Nothing of ours is in them but the first weights and the numbers drawn.
"""

from functools import partial

import numpy as np
import pytest

from scratchgan.models import cgan, dcgan, gan
from scratchgan.optim import Adam

torch = pytest.importorskip("torch", reason="PyTorch is not installed; it is needed only to compare with")
torch.set_num_threads(1)
T = torch.nn

CLASSES, TOLERANCE = 3, 1e-5
ADAM = {"lr": 1e-3, "betas": (0.5, 0.999)}


# Networks, as PyTorch's users write them -----------------------------------------------------------------------------


def mlp():
    generator = T.Sequential(
        T.Linear(8, 256), T.ReLU(), T.Linear(256, 512), T.ReLU(), T.Linear(512, 784), T.Tanh(),
        T.Unflatten(1, (1, 28, 28)),
    )  # fmt: skip
    discriminator = T.Sequential(
        T.Flatten(), T.Linear(784, 512), T.LeakyReLU(0.2), T.Linear(512, 256), T.LeakyReLU(0.2), T.Linear(256, 1)
    )
    return generator, discriminator


def tutorial(size, width, latents, channels):
    """dcgan_faces_tutorial.py, of which 64 pixels are the original, written for three sizes."""
    up, down = [T.Unflatten(1, (latents, 1, 1))], []
    steps = {16: [2, 1], 32: [4, 2, 1], 64: [8, 4, 2, 1]}[size]
    for i, times in enumerate(steps):
        before = width * steps[i - 1] if i else latents
        up += [T.ConvTranspose2d(before, width * times, 4, 2 if i else 1, 1 if i else 0, bias=False)]
        up += [T.BatchNorm2d(width * times), T.ReLU(True)]
    up += [T.ConvTranspose2d(width, channels, 4, 2, 1, bias=False), T.Tanh()]
    for i, times in enumerate(steps[::-1]):
        before = width * steps[-i] if i else channels
        down += [T.Conv2d(before, width * times, 4, 2, 1, bias=False)]
        down += [T.BatchNorm2d(width * times)] if i else []
        down += [T.LeakyReLU(0.2, inplace=True)]
    down += [T.Conv2d(width * steps[0], 1, 4, 1, 0, bias=False), T.Flatten()]
    return T.Sequential(*up), T.Sequential(*down)


def small_conditional(width=3):
    generator = T.Sequential(
        T.Linear(8 + CLASSES, 4 * width * 49, bias=False), T.Unflatten(1, (4 * width, 7, 7)),
        T.BatchNorm2d(4 * width), T.ReLU(),
        T.ConvTranspose2d(4 * width, 2 * width, 4, 2, 1, bias=False), T.BatchNorm2d(2 * width), T.ReLU(),
        T.ConvTranspose2d(2 * width, 1, 4, 2, 1), T.Tanh(),
    )  # fmt: skip
    discriminator = T.Sequential(
        T.Conv2d(1 + CLASSES, width, 5, 2, 2), T.LeakyReLU(0.2),
        T.Conv2d(width, 2 * width, 5, 2, 2, bias=False), T.BatchNorm2d(2 * width), T.LeakyReLU(0.2),
        T.Conv2d(2 * width, 4 * width, 5, 2, 2, bias=False), T.BatchNorm2d(4 * width), T.LeakyReLU(0.2),
        T.Flatten(), T.Linear(4 * width * 16, 1),
    )  # fmt: skip
    return generator, discriminator


def keras():
    inputs = 2 + CLASSES
    generator = T.Sequential(
        T.Linear(inputs, inputs * 49), T.LeakyReLU(0.2), T.Unflatten(1, (inputs, 7, 7)),
        T.ConvTranspose2d(inputs, 128, 4, 2, 1), T.LeakyReLU(0.2),
        T.ConvTranspose2d(128, 128, 4, 2, 1), T.LeakyReLU(0.2),
        T.Conv2d(128, 1, 7, padding="same"), T.Sigmoid(),
    )  # fmt: skip
    discriminator = T.Sequential(
        T.Conv2d(1 + CLASSES, 64, 3, 2, 1), T.LeakyReLU(0.2), T.Conv2d(64, 128, 3, 2, 1), T.LeakyReLU(0.2),
        T.AdaptiveMaxPool2d(1), T.Flatten(), T.Linear(128, 1),
    )  # fmt: skip
    return generator, discriminator


# Programs, as PyTorch's users write them -----------------------------------------------------------------------------


def train_torch(generator, discriminator, batches, latents, rng, betas):
    """The loop of the tutorial, with fresh latents for the generator."""
    bce = T.BCEWithLogitsLoss()
    optimizer_g = torch.optim.Adam(generator.parameters(), lr=ADAM["lr"], betas=betas)
    optimizer_d = torch.optim.Adam(discriminator.parameters(), lr=ADAM["lr"], betas=betas)
    for real, _ in batches:
        real = torch.from_numpy(real)
        ones, zeros = torch.ones(len(real), 1, dtype=real.dtype), torch.zeros(len(real), 1, dtype=real.dtype)

        optimizer_d.zero_grad()
        bce(discriminator(real), ones).backward()
        fake = generator(torch.from_numpy(rng.standard_normal((len(real), latents))))
        bce(discriminator(fake.detach()), zeros).backward()
        optimizer_d.step()

        optimizer_g.zero_grad()
        fake = generator(torch.from_numpy(rng.standard_normal((len(real), latents))))
        bce(discriminator(fake), ones).backward()
        optimizer_g.step()
    return optimizer_g, optimizer_d


def train_torch_conditional(generator, discriminator, batches, latents, rng, betas):
    """As above; labels go to G as one-hot vectors and to D as constant maps."""
    bce = T.BCEWithLogitsLoss()
    optimizer_g = torch.optim.Adam(generator.parameters(), lr=ADAM["lr"], betas=betas)
    optimizer_d = torch.optim.Adam(discriminator.parameters(), lr=ADAM["lr"], betas=betas)

    def generate(labels):
        z = torch.from_numpy(rng.standard_normal((len(labels), latents)))
        return generator(torch.cat([z, T.functional.one_hot(labels, CLASSES).to(z.dtype)], dim=1))

    def discriminate(images, labels):
        maps = torch.zeros(len(labels), CLASSES, 28, 28, dtype=images.dtype)
        maps[torch.arange(len(labels)), labels] = 1
        return discriminator(torch.cat([images, maps], dim=1))

    for real, labels in batches:
        real, labels = torch.from_numpy(real), torch.from_numpy(labels)
        ones, zeros = torch.ones(len(real), 1, dtype=real.dtype), torch.zeros(len(real), 1, dtype=real.dtype)

        optimizer_d.zero_grad()
        loss = bce(discriminate(real, labels), ones) + bce(discriminate(generate(labels).detach(), labels), zeros)
        loss.backward()
        optimizer_d.step()

        optimizer_g.zero_grad()
        labels = torch.from_numpy(rng.integers(CLASSES, size=len(real)))
        bce(discriminate(generate(labels), labels), ones).backward()
        optimizer_g.step()
    return optimizer_g, optimizer_d


# The comparison ------------------------------------------------------------------------------------------------------


def gan_of(networks, latents):
    return gan.build(None, networks=lambda *_: networks, latent_size=latents, optimizer=partial(Adam, **ADAM))


def dcgan_of(networks, latents):
    return dcgan.build(None, networks=lambda *_, **__: networks, latent_size=latents, **ADAM)


def cgan_of(networks, latents, **options):
    options = {**ADAM, **options, "latent_size": latents, "classes": CLASSES}
    return cgan.build(None, networks=lambda *_: networks, **options)


def strided(rng, size, width, latent_size, channels):
    return dcgan.strided_networks(rng, size, latent_size, width, channels)


small16, small32 = {"size": 16, "width": 6, "channels": 2}, {"size": 32, "width": 3, "channels": 1}
full = {"size": 64, "width": 64, "channels": 3}

# name: (our networks, our game, their networks, the latents, the images, a batch, the steps if they are not ten)
SYSTEMS = {
    "GAN": (gan.mlp_networks, gan_of, mlp, 8, (1, 28, 28), 6),
    "DCGAN, 16 pixels": (partial(strided, **small16), dcgan_of, partial(tutorial, latents=7, **small16), 7,
                         (2, 16, 16), 6),
    "DCGAN, 32 pixels": (partial(strided, **small32), dcgan_of, partial(tutorial, latents=7, **small32), 7,
                         (1, 32, 32), 6),
    "DCGAN, 64 pixels": (partial(strided, **full), dcgan_of, partial(tutorial, latents=100, **full), 100,
                         (3, 64, 64), 2, 1),
    "CGAN": (partial(cgan.small_networks, width=3, classes=CLASSES), cgan_of, small_conditional, 8, (1, 28, 28), 6),
    "CGAN, Keras": (partial(cgan.keras_networks, classes=CLASSES), partial(cgan_of, betas=(0.9, 0.999)), keras, 2,
                    (1, 28, 28), 2),
}  # fmt: skip
every_system = pytest.mark.parametrize("name", SYSTEMS)


def data(shape, batch, steps=10):
    rng = np.random.default_rng(1)
    return [(np.tanh(rng.standard_normal((batch, *shape))), rng.integers(CLASSES, size=batch)) for _ in range(steps)]


def start(name):
    """Our game at its beginning, in float64."""
    networks, game_of, _, latents, *_ = SYSTEMS[name]
    return game_of([each.to(np.float64) for each in networks(np.random.default_rng(0), latent_size=latents)], latents)


def train(game, batches):
    rng, steps = np.random.default_rng(2), len(batches)
    batches = iter(batches if hasattr(game, "classes") else [(images,) for images, _ in batches])
    for _ in range(steps):
        game.train_step(batches, rng)


def arrays_of(network, optimizer):
    """All weights and buffers of theirs, and both averages of Adam, one after the other."""
    averages = [optimizer.state[p][key] for p in network.parameters() for key in ("exp_avg", "exp_avg_sq")]
    return [array.numpy() for array in (*network.state_dict().values(), *averages)]


@every_system
def test_ten_steps_end_in_the_same_weights_buffers_and_averages(name, record_property):
    """And every array has moved much further than that, else two programs that do nothing would agree."""
    _, _, networks, latents, *scene = SYSTEMS[name]
    game, theirs = start(name), [network.to(torch.float64) for network in networks()]
    before = [[np.array(array) for array in each.state_dict().values()] for each in (game.generator, game.critic)]
    for network, arrays in zip(theirs, before):
        state = zip(network.state_dict(), map(torch.from_numpy, arrays), strict=True)
        network.load_state_dict(dict(state))
    program = train_torch_conditional if hasattr(game, "classes") else train_torch
    optimizers = program(*theirs, data(*scene), latents, np.random.default_rng(2), game.critic_optimizer.betas)
    train(game, data(*scene))

    errors, moved = [], []
    for part, optimizer, first, network, theirs_too in zip(
        (game.generator, game.critic), game.optimizers(), before, theirs, optimizers
    ):
        found = [*part.state_dict().values(), *(v for k, v in optimizer.state_dict().items() if "exp_avg" in k)]
        for mine, reference in zip(found, arrays_of(network, theirs_too), strict=True):
            errors.append(np.abs(mine - reference).max() / np.abs(reference).max())
        moved += [np.abs(mine - array).max() for mine, array in zip(found, first)]
    record_property("largest difference", np.max(errors))
    assert np.max(errors) < TOLERANCE < min(moved) / 10
