"""Runs of the tiny instances by several processes: by threads that play them, or as a program under mpirun.

mpirun -n 2 python tests/ranked.py FOLDER TIMES

trains each system from the start, as often as said, and leaves in FOLDER/0.json, FOLDER/1.json what became of it.
"""

import hashlib
import json
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import games
import instances
import numpy as np

from scratchgan.models import rbm
from scratchgan.ranks import ALONE, join
from scratchgan.training import Run
from scratchgan.training.hand import Hand
from scratchgan.training.run import arrays_of

machine = partial(rbm.build, image=games.IMAGE, hidden=5, chains=6)
divergence = partial(machine, persistent=False, centred=False)
MODELS = instances.MODELS | {
    "RBM": replace(instances.MODELS["RBM"], build=machine),  # with as many chains as a batch has images
    "RBM, CD": replace(instances.MODELS["RBM"], build=divergence),
}
BATCH = 6


def make_run(name, folder, ranks=ALONE, seed=0, batch_norm="part"):
    """A run at its first step."""
    rng = ranks.generator(seed, BATCH)
    model = MODELS[name].build(rng)
    batches = MODELS[name].batches(ranks.alike(rng), model.low, (ranks.rank, ranks.size))
    settings = {"seed": seed, "rates_fall_over": 10, "batch_norm": batch_norm}
    return (Run if ranks.first else Hand)(model, batches, rng, settings, folder, ranks=ranks)


def state_of(run):
    """All that a checkpoint would hold."""
    return arrays_of(run.parts) | {"rng": np.array(repr(run.rng.bit_generator.state))}


def digest(run):
    """Of its whole state."""
    state = state_of(run)
    return hashlib.sha256(b"".join(name.encode() + state[name].tobytes() for name in state)).hexdigest()


def trained(name, folder, ranks, steps=2):
    """A run after some steps, in which all processes have stayed equal."""
    run = make_run(name, folder, ranks)
    for _ in range(steps):
        run.numbers = run._advance()
    run.demand_alike()
    return run


if __name__ == "__main__":
    ranks, folder, times = join(), Path(sys.argv[1]), range(int(sys.argv[2]))
    digests = {name: [digest(trained(name, folder / name, ranks)) for _ in times] for name in MODELS}
    (folder / f"{ranks.rank}.json").write_text(json.dumps(digests))
