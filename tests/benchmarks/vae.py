"""Our VAE beside PyTorch's example, from the first epoch on: seconds an epoch, and the bound on the 10,000 test images.

python tests/benchmarks/vae.py --epochs 5 --threads 1

The same networks (784-400-20), batches of 128 bits drawn anew, Adam with 0.001 throughout, weights and noise of their
own. Each library works in a process of its own with the same number of threads, and they take turns, epoch by epoch.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
from worker import Worker

import scratchgan
from scratchgan.data import Batches, load
from scratchgan.models import vae
from scratchgan.tensor import no_grad

BATCH = 128
state = {}

# Ours, in a process of its own ---------------------------------------------------------------------------------------


def begin(images, seed):
    """A fresh model, and the data: an npz with uint8 arrays "train" and "test"."""
    rng, data = np.random.default_rng(seed), np.load(images)
    model = vae.build(rng)
    state.update(model=model, rng=rng, test=data["test"], batches=Batches(data["train"], BATCH, rng, model.low))
    return f"scratchgan {scratchgan.__version__}, NumPy {np.__version__}"


def epoch():
    """Train on each image once, but for an incomplete batch: seconds."""
    start = time.perf_counter()
    for _ in range(state["batches"].count // BATCH):
        state["model"].train_step(state["batches"], state["rng"])
    return time.perf_counter() - start


def bound():
    """−ELBO on the test images, in nats an image."""
    model, images, losses = state["model"], state["test"], []
    with no_grad():
        for start in range(0, len(images), BATCH):
            x = model.pixels(model.tensor(images[start : start + BATCH] / 255), state["rng"])
            losses.append(len(x) * model.loss(x, state["rng"])["loss"].item())
    return sum(losses) / len(images)


# The command ---------------------------------------------------------------------------------------------------------


def main():
    """Train both in turns; a line for each epoch."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=5, metavar="N")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), metavar="N", help="default: one for each CPU")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Worker(flags.threads) as ours, Worker(flags.threads) as theirs:
        images, workers = Path(folder) / "images.npz", {"vae": ours, "theirs_vae": theirs}
        np.savez(images, train=load("mnist").images, test=load("mnist", "test").images)
        for module, worker in workers.items():
            print(worker.ask(module, "begin", str(images), flags.seed))
        row = "{:<6}{:>12}{:>12}{:>8}{:>16}{:>16}"
        print(row.format("epoch", "ours, s", "PyTorch, s", "ratio", "ours, −ELBO", "PyTorch, −ELBO"))
        for number in range(1, flags.epochs + 1):
            seconds = [worker.ask(module, "epoch") for module, worker in workers.items()]
            bounds = [worker.ask(module, "bound") for module, worker in workers.items()]
            numbers = [f"{x:.2f}" for x in (*seconds, seconds[0] / seconds[1], *bounds)]
            print(row.format(number, *numbers), flush=True)


if __name__ == "__main__":
    main()
