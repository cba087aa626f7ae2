"""A whole WGAN-GP on one screen: two networks, the penalty, the loop, the picture. The file to read first, and to run.

The generator G turns noise z into images x̃. The critic D gives each image a score, high for real ones x. D descends

    E D(x̃) − E D(x) + 10 E (‖∇D(x̂)‖ − 1)²,        x̂ anywhere on the line from an x to an x̃,

and G descends −E D(x̃). (Gulrajani et al. 2017, arXiv:1704.00028; scratchgan/models/wgan_gp.py says why.)
"""

import argparse

import numpy as np
from PIL import Image

from scratchgan import Tensor, grad, nn, optim
from scratchgan.data import Batches, load

rng = np.random.default_rng(0)
G = nn.Sequential(
    nn.Linear(64, 64 * 7 * 7, rng=rng), nn.Unflatten(1, (64, 7, 7)), nn.BatchNorm2d(64), nn.ReLU(),
    nn.ConvTranspose2d(64, 32, 4, stride=2, padding=1, rng=rng), nn.BatchNorm2d(32), nn.ReLU(),  # 14×14 pixels
    nn.ConvTranspose2d(32, 1, 4, stride=2, padding=1, rng=rng), nn.Tanh(),  # 28×28, in [−1, 1]
)  # fmt: skip
D = nn.Sequential(
    nn.Conv2d(1, 16, 5, stride=2, padding=2, rng=rng), nn.LeakyReLU(0.2),  # 14×14
    nn.Conv2d(16, 32, 5, stride=2, padding=2, rng=rng), nn.LeakyReLU(0.2),  # 7×7
    nn.Conv2d(32, 64, 5, stride=2, padding=2, rng=rng), nn.LeakyReLU(0.2),  # 4×4
    nn.Flatten(), nn.Linear(64 * 4 * 4, 1, rng=rng),  # one score for each image
)  # fmt: skip


def noise(count):
    return Tensor(rng.standard_normal((count, 64), dtype=np.float32))


def penalty(real, fake):
    place = rng.random((len(real), 1, 1, 1), dtype=np.float32)
    x = Tensor(place * real.numpy() + (1 - place) * fake.numpy(), requires_grad=True)
    (slope,) = grad(D(x).sum(), x, create_graph=True)  # ∇D, which can be differentiated again, in the weights of D
    return ((((slope**2).sum((1, 2, 3)) + 1e-12).sqrt() - 1) ** 2).mean()  # E (‖∇D(x̂)‖ − 1)²


def train(images, steps=1500, batch=32, lr=6e-3):
    digits, shown = Batches(images, batch, rng), noise(64)
    d_adam, g_adam = (optim.Adam(network.parameters(), lr, betas=(0, 0.9)) for network in (D, G))
    for step in range(1, steps + 1):
        real, fake = Tensor(next(digits)[0]), G(noise(batch)).detach()  # both are constants to the critic
        distance = D(real).mean() - D(fake).mean()
        d_adam.step(grad(10 * penalty(real, fake) - distance, D.parameters()))
        g_adam.step(grad(-D(G(noise(batch))).mean(), G.parameters()))
        d_adam.lr = g_adam.lr = lr * (1 - step / steps)
        if step % 100 == 0 or step == steps:
            sheet = G(shown).numpy().reshape(8, 8, 28, 28).swapaxes(1, 2).reshape(8 * 28, 8 * 28)
            Image.fromarray(np.uint8(127.5 * sheet + 127.5)).resize((672, 672)).save("from_scratch.png")
            print(f"{step:5} of {steps} steps, distance about {distance.item():.2f}: look at from_scratch.png")


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter).parse_args()  # --help
    train(load("mnist").images)
