"""The PixelCNN that most programs have, in PyTorch; nothing of ours is in it.

Masked layers of 7×7 pixels with batch norm and ReLU, as in many repositories, for bits and with a sigmoid, where those
have 256 greys and a softmax. Images are kept in memory as one tensor.
"""

import os
import time

import numpy as np
import torch
from torch import nn, optim
from torch.nn import functional as F

torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
BATCH, WIDTH = 16, 16
state = {}


class MaskedConv2d(nn.Conv2d):
    def __init__(self, mask_type, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.register_buffer("mask", torch.ones_like(self.weight))
        _, _, height, width = self.weight.shape
        self.mask[:, :, height // 2, width // 2 + (mask_type == "B") :] = 0
        self.mask[:, :, height // 2 + 1 :] = 0

    def forward(self, x):
        return F.conv2d(x, self.weight * self.mask, None, 1, self.padding)


def network():
    layers = []
    for mask_type, channels in ("A", 1), *[("B", WIDTH)] * 7:
        convolution = MaskedConv2d(mask_type, channels, WIDTH, 7, padding=3, bias=False)
        layers += [convolution, nn.BatchNorm2d(WIDTH), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv2d(WIDTH, 1, 1))


def nats(model, x):
    return F.binary_cross_entropy_with_logits(model(x), x, reduction="sum") / len(x)


def begin(images, seed):
    """A fresh model, and the data: an npz with uint8 arrays "train" and "test"."""
    torch.manual_seed(seed)
    model = network()
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
            optimizer.zero_grad()
            loss = nats(model, torch.bernoulli(images[chosen]))
            loss.backward()
            optimizer.step()
            loss.item()
    return time.perf_counter() - start


def bound():
    """−log p of a test image."""
    model, images = state["model"].eval(), state["test"]
    with torch.no_grad():
        losses = [len(x) * nats(model, torch.bernoulli(x)).item() for x in images.split(BATCH)]
    return sum(losses) / len(images)
