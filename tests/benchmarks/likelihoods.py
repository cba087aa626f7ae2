"""Our VAE and PixelCNN beside independent ones in PyTorch, from the first epoch on: seconds, and nats of test images.

python tests/benchmarks/likelihoods.py vae --epochs 5 --threads 1
python tests/benchmarks/likelihoods.py pixelcnn --epochs 3 --images 4800 --threads 1

The VAE is PyTorch's example (784-400-20), in batches of 128; the PixelCNN is the one that most programs have, eight
masked layers of 7×7 with batch norm and ReLU, in batches of 16, with 16 channels instead of 64. Both take bits that are
drawn anew, and Adam with 0.001 throughout; weights and noise are each library's own. Each works in a process of its own
with the same number of threads, and they take turns, epoch by epoch.
"""

import argparse
import os
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
from worker import Worker

import scratchgan
from scratchgan import nn
from scratchgan.data import Batches, load
from scratchgan.losses.variational import bernoulli
from scratchgan.models import vae
from scratchgan.models.autoregressive import Autoregressive
from scratchgan.optim import Adam
from scratchgan.tensor import no_grad
from scratchgan.training.command import whole

BATCHES, WIDTH = {"vae": 128, "pixelcnn": 16}, 16
state = {}

# Ours, in a process of its own ---------------------------------------------------------------------------------------


def masked_layers(rng):
    """Eight masked layers of 7×7 and one of 1×1: (N, 1, H, W) -> logits of the same shape."""
    layers = []
    for kind, few in ("A", 1), *[("B", WIDTH)] * 7:
        convolution = nn.MaskedConv2d(kind, few, WIDTH, 7, bias=False, rng=rng)
        layers += [convolution, nn.BatchNorm2d(WIDTH), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv2d(WIDTH, 1, 1, rng=rng))


def nats(model, x, rng):
    """Of bits: a bound of −log p by a VAE, and −log p by a PixelCNN; the mean over images, a float."""
    if isinstance(model, Autoregressive):
        return model.measured(x).mean()
    with no_grad():
        return model.loss(x, rng)["loss"].item()


def begin(name, images, batch, seed):
    """A fresh model, and the data: an npz with uint8 arrays "train" and "test"."""
    rng, data = np.random.default_rng(seed), np.load(images)
    pixelcnn = partial(Autoregressive, optimizer=partial(Adam, lr=1e-3), image=(1, 28, 28))
    model = vae.build(rng) if name == "vae" else pixelcnn(masked_layers(rng))
    batches = Batches(data["train"], batch, rng, model.low)
    state.update(model=model, rng=rng, test=data["test"], batches=batches, batch=batch)
    return f"scratchgan {scratchgan.__version__}, NumPy {np.__version__}"


def epoch():
    """Train on each image once, but for an incomplete batch: seconds."""
    start = time.perf_counter()
    for _ in range(state["batches"].count // state["batch"]):
        state["model"].train_step(state["batches"], state["rng"])
    return time.perf_counter() - start


def bound():
    """Nats of a test image."""
    model, images, losses = state["model"], state["test"], []
    for start in range(0, len(images), state["batch"]):
        x = bernoulli(model.tensor(images[start : start + state["batch"]] / 255), state["rng"])
        losses.append(len(x) * nats(model, x, state["rng"]))
    return float(sum(losses) / len(images))


# The command ---------------------------------------------------------------------------------------------------------


def main():
    """Train both in turns; a line for each epoch."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=BATCHES)
    parser.add_argument("--epochs", type=whole(1), default=5, metavar="N")
    images = whole(max(BATCHES.values()), 60_000)
    parser.add_argument("--images", type=images, default=60_000, metavar="N", help="of an epoch; tests: a sixth")
    parser.add_argument(
        "--threads", type=whole(1), default=os.cpu_count(), metavar="N", help="default: one for each CPU"
    )
    parser.add_argument("--seed", type=whole(0), default=0, metavar="N")
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Worker(flags.threads) as one, Worker(flags.threads) as other:
        images, workers = Path(folder) / "images.npz", {"likelihoods": one, "theirs_likelihoods": other}
        test = load("mnist", "test").images[: flags.images // 6]
        np.savez(images, train=load("mnist").images[: flags.images], test=test)
        for module, worker in workers.items():
            print(worker.ask(module, "begin", flags.model, str(images), BATCHES[flags.model], flags.seed))
        row = "{:<6}{:>12}{:>12}{:>8}{:>14}{:>15}"
        print(row.format("epoch", "ours, s", "PyTorch, s", "ratio", "ours, nats", "PyTorch, nats"))
        for number in range(1, flags.epochs + 1):
            seconds = [worker.ask(module, "epoch") for module, worker in workers.items()]
            bounds = [worker.ask(module, "bound") for module, worker in workers.items()]
            numbers = [f"{x:.2f}" for x in (*seconds, seconds[0] / seconds[1], *bounds)]
            print(row.format(number, *numbers), flush=True)


if __name__ == "__main__":
    main()
