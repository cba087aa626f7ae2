"""The tiny system, of which a process meets its end in some step, as $MORTAL says: its rank, the step, and how."""

import os
import signal

import tiny

from scratchgan.models import System
from scratchgan.ranks import started


def build(rng, device="cpu"):
    game = tiny.build(rng, device)
    living = game.train_step
    rank, step, how = os.environ.get("MORTAL", "9 0 never").split()

    def train_step(batches, rng):
        if started()[1] == int(rank) and game.generator_optimizer.steps == int(step):
            if how == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            raise RuntimeError(f"rank {rank} could not go on")
        return living(batches, rng)

    game.train_step = train_step
    return game


SYSTEM = System("mortal", "a test", "nothing", 1, build, {"default": tiny.four})
