"""The works, done by PyTorch with `torch.compile` in its default mode: networks and optimisers compiled.

It cannot differentiate a derivative ("torch.compile with aot_autograd does not currently support double backward"), so
the penalty of the critic's step is as in `theirs`, and all around it is compiled. Shapes are fixed, as PyTorch 2.13
fails to make DCGAN's discriminator a program for any shape.
"""

import os
import tempfile
from functools import partial

cache = tempfile.TemporaryDirectory()  # so that what was compiled before is compiled again
os.environ["TORCHINDUCTOR_CACHE_DIR"] = cache.name

import theirs  # noqa: E402
import torch  # noqa: E402


def about():
    """The version that the figures belong to."""
    return f"{theirs.about()}, compiled"


def compiled(train):
    """The same step, as far as it can be compiled."""
    train.twice = train.players[-1]
    train.players = [torch.compile(player, dynamic=False) for player in train.players]
    for optimizer in train.optimizers:
        optimizer.step = torch.compile(optimizer.step)
    return train


checked_step = partial(theirs.checked_step, prepare=compiled)
critic_step, generator_step, dcgan_step, mlp_step, residual_block = (
    partial(theirs.repeated, name, prepare=compiled) for name in theirs.WORKS
)
