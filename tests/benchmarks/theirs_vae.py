"""PyTorch's example VAE (pytorch/examples, vae/main.py): its networks, loss and optimiser; nothing of ours is in it.

There are two changes. Pixels are drawn as bits in each step and for the test, where the example takes them grey: so its
test loss bounds a likelihood. And images are kept in memory as one tensor, which is faster than the example's loader.
"""

import os
import time

import numpy as np
import torch
from torch import nn, optim
from torch.nn import functional as F

torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
BATCH = 128
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


def loss_function(recon_x, x, mu, logvar):
    """Reconstruction + KL divergence, summed over all elements and the batch."""
    bce = F.binary_cross_entropy(recon_x, x.view(-1, 784), reduction="sum")
    return bce - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


def begin(images, seed):
    """A fresh model, and the data: an npz with uint8 arrays "train" and "test"."""
    torch.manual_seed(seed)
    model = VAE()
    data = {name: torch.from_numpy(array).float() / 255 for name, array in np.load(images).items()}
    state.update(model=model, optimizer=optim.Adam(model.parameters(), lr=1e-3), **data)
    return f"PyTorch {torch.__version__}"


def epoch():
    """Train on each image once, but for an incomplete batch: seconds."""
    model, optimizer, images = state["model"], state["optimizer"], state["train"]
    start = time.perf_counter()
    model.train()
    for chosen in torch.randperm(len(images)).split(BATCH):
        if len(chosen) == BATCH:
            x = torch.bernoulli(images[chosen])
            optimizer.zero_grad()
            loss = loss_function(*_beside(model, x))
            loss.backward()
            optimizer.step()
            loss.item()
    return time.perf_counter() - start


def bound():
    """−ELBO on the test images, in nats an image."""
    model, images = state["model"].eval(), state["test"]
    with torch.no_grad():
        losses = [loss_function(*_beside(model, torch.bernoulli(x))).item() for x in images.split(BATCH)]
    return sum(losses) / len(images)


def _beside(model, x):
    recon, mu, logvar = model(x)
    return recon, x, mu, logvar
