"""Two processes of one thread each beside one process of two threads, and what their Allreduce takes. Three minutes:

python tests/benchmarks/ranks.py          needs MPI: pip install -e ".[mpi]"

Both sides do the same steps on the same batches, in turns, each turn in fresh processes. A step is the median over the
turns of a turn's median, and, as others who use the machine only ever slow a step, the fastest of all turns.
"""

import argparse
import json
import math
import shutil
import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
from worker import environment

from scratchgan import Tensor, threads
from scratchgan.data import Batches
from scratchgan.models import wgan_gp
from scratchgan.ranks import join
from scratchgan.training.command import whole

PRESET, WARM = wgan_gp.SYSTEM.presets["default"], 6
WORKS = {  # name: (batch, timed steps, model of a rng, whether the generator steps, too)
    "critic step, DIM 16, batch 64": (64, 60, lambda rng: _paper(rng, 16), False),
    "critic step, DIM 64, batch 50": (50, 12, lambda rng: _paper(rng, 64), False),
    "iteration of the demo, batch 64": (64, 40, lambda rng: wgan_gp.build(rng, **PRESET.options), True),
}


def _paper(rng, width):
    networks = lambda rng, latent_size: wgan_gp.paper_networks(rng, latent_size, width=width)  # noqa: E731
    return wgan_gp.build(rng, networks=networks, latent_size=128)


def turn(name):
    """What a process finds: seconds of a median step and of the fastest, of its optimisers alone and of its Allreduces
    alone, and the bytes of these.
    """
    ranks, (batch, steps, build, both) = join(), WORKS[name]
    threads.use(0, ranks.beside)
    rng = ranks.generator(0, batch)
    model = build(rng)
    images = np.random.default_rng(0).integers(0, 256, (6000, 1, 28, 28), np.uint8)
    batches = Batches(images, batch, ranks.alike(rng), part=(ranks.rank, ranks.size))
    for optimizer in model.optimizers() if ranks.size > 1 else ():
        optimizer.common = ranks.mean
    step = partial(model.train_step, batches, rng) if both else lambda: model.critic_step(*model.draw(batches), rng=rng)
    with ranks.in_a_step(rng):
        taken = [_seconds(step) for _ in range(WARM + steps)][WARM:]
    players = model.optimizers() if both else [model.critic_optimizer]
    gradients = [[Tensor(np.ones_like(p.data)) for p in player.params] for player in players]
    buffers = [np.ones(sum(p.data.size for p in player.params), np.float32) for player in players]
    reducing = [_seconds(lambda: [ranks.mean([buffer]) for buffer in buffers]) for _ in range(100)]
    for player in players:
        player.common = None
    stepping = [_seconds(lambda: [player.step(g) for player, g in zip(players, gradients)]) for _ in range(50)]
    size = sum(buffer.nbytes for buffer in buffers)
    return {
        "median": statistics.median(taken),
        "least": min(taken),
        "optimisers": min(stepping),
        "reducing": min(reducing),
        "bytes": size,
    }


def _seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def measured(name, processes):
    """`turn` in fresh processes, as the first of them finds it."""
    mpirun = shutil.which("mpirun", path=Path(sys.executable).parent) or "mpirun"
    command = [*([mpirun, "-n", str(processes)] if processes > 1 else []), sys.executable, __file__, "--turn", name]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(None), check=True)
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=whole(1), default=5)
    parser.add_argument("--turn", choices=WORKS, help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.turn:
        found = turn(flags.turn)
        if join().first:
            print(json.dumps(found))
        return
    for name in WORKS:
        turns = [(measured(name, 1), measured(name, 2)) for _ in range(flags.turns)]
        print(f"{name}, {flags.turns} turns")
        for kind, combined in (("median", statistics.median), ("least", min)):
            one, two = (1000 * combined(each[side][kind] for each in turns) for side in range(2))
            print(f"    {kind:7} 2 threads {one:7.1f} ms    2 processes {two:7.1f} ms    ratio {two / one:.2f}")
        ratios = sorted(two["median"] / one["median"] for one, two in turns)
        print(f"    ratios of the turns: {', '.join(f'{ratio:.2f}' for ratio in ratios)}")
        alone = {part: 1000 * min(two[part] for _, two in turns) for part in ("optimisers", "reducing")}
        size = turns[0][1]["bytes"]
        reducing = f"Allreduce of {size / 2**20:.2f} MiB {alone['reducing']:.2f} ms"
        print(f"    optimisers {alone['optimisers']:.2f} ms; {reducing}")
        shared = 2 * (two - alone["optimisers"] - alone["reducing"])  # of the fastest step: what N processes share
        for n in PROCESSES:
            print("   ", expected(shared, alone["optimisers"], size, n), flush=True)


LATENCY, BANDWIDTH = 0.005, 10e6  # ms of a message, and bytes a ms, of a usual network of a cluster
PROCESSES = 1, 2, 8, 64, 1000


def expected(shared, own, size, n):
    """What n processes, each on a core of its own, take for a batch: T(n) = shared / n + own + Allreduce, in ms.

    The best Allreduce sends 2 log₂ n messages after each other, and of each byte two copies but 2/n.
    """
    reducing = 2 * math.ceil(math.log2(n)) * LATENCY + 2 * (1 - 1 / n) * size / BANDWIDTH
    taken = shared / n + own + reducing
    return f"expected of {n:4} processes: {taken:6.1f} ms, {(shared + own) / taken:.1f} times as fast as one"


if __name__ == "__main__":
    main()
