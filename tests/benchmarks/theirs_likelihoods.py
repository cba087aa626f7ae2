"""PyTorch's example VAE and the PixelCNN that most programs have, in PyTorch; nothing of ours is in it.

The VAE (pytorch/examples, vae/main.py) has the example's networks, loss and optimiser; the PixelCNN has masked layers
of 7×7 pixels with batch norm and ReLU, as in many repositories. Both take pixels that are drawn as bits in each step
and for the test, where the example has them grey, and the others 256 greys and a softmax: so the test loss is a
likelihood, or bounds one. Both descend sums over the batch, as the example does: to Adam they are as good as means.
Images are kept in memory as one tensor, which is faster than the usual loader.
"""

import os
import time

import numpy as np
import torch
from torch import nn, optim
from torch.nn import functional as F

torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
WIDTH = 16
state = {}


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784, 400)
        self.fc21 = nn.Linear(400, 20)
        self.fc22 = nn.Linear(400, 20)
        self.fc3 = nn.Linear(20, 400)
        self.fc4 = nn.Linear(400, 784)

    def encode(self, x):
        h1 = F.relu(self.fc1(x))
        return self.fc21(h1), self.fc22(h1)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        return mu + torch.randn_like(std) * std

    def decode(self, z):
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z))))

    def forward(self, x):
        mu, logvar = self.encode(x.view(-1, 784))
        return self.decode(self.reparameterize(mu, logvar)), mu, logvar


def bound_of(model, x):
    """Reconstruction + KL divergence, summed over all elements and the batch."""
    recon_x, mu, logvar = model(x)
    bce = F.binary_cross_entropy(recon_x, x.view(-1, 784), reduction="sum")
    return bce - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


class MaskedConv2d(nn.Conv2d):
    def __init__(self, mask_type, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.register_buffer("mask", torch.ones_like(self.weight))
        _, _, height, width = self.weight.shape
        self.mask[:, :, height // 2, width // 2 + (mask_type == "B") :] = 0
        self.mask[:, :, height // 2 + 1 :] = 0

    def forward(self, x):
        return F.conv2d(x, self.weight * self.mask, None, 1, self.padding)


def masked_layers():
    layers = []
    for mask_type, channels in ("A", 1), *[("B", WIDTH)] * 7:
        convolution = MaskedConv2d(mask_type, channels, WIDTH, 7, padding=3, bias=False)
        layers += [convolution, nn.BatchNorm2d(WIDTH), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv2d(WIDTH, 1, 1))


def nats_of(model, x):
    """−log p, summed over all pixels and the batch."""
    return F.binary_cross_entropy_with_logits(model(x), x, reduction="sum")


MODELS = {"vae": (VAE, bound_of), "pixelcnn": (masked_layers, nats_of)}


def begin(name, images, batch, seed):
    """A fresh model, and the data: an npz with uint8 arrays "train" and "test"."""
    torch.manual_seed(seed)
    network, nats = MODELS[name]
    model = network()
    data = {name: torch.from_numpy(array).float() / 255 for name, array in np.load(images).items()}
    state.update(model=model, optimizer=optim.Adam(model.parameters(), lr=1e-3), nats=nats, batch=batch, **data)
    return f"PyTorch {torch.__version__}"


def epoch():
    """Train on each image once, but for an incomplete batch: seconds."""
    model, optimizer, images = state["model"], state["optimizer"], state["train"]
    start = time.perf_counter()
    model.train()
    for chosen in torch.randperm(len(images)).split(state["batch"]):
        if len(chosen) == state["batch"]:
            optimizer.zero_grad()
            loss = state["nats"](model, torch.bernoulli(images[chosen]))
            loss.backward()
            optimizer.step()
            loss.item()
    return time.perf_counter() - start


def bound():
    """Nats of a test image."""
    model, images = state["model"].eval(), state["test"]
    with torch.no_grad():
        nats = [state["nats"](model, torch.bernoulli(x)).item() for x in images.split(state["batch"])]
    return sum(nats) / len(images)
