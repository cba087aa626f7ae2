"""Training: a function and a command, the loop, checkpoints and pictures."""

from scratchgan.checkpoint import CheckpointError
from scratchgan.training.run import Run, TrainingError
from scratchgan.training.systems import load_model, train

__all__ = ["CheckpointError", "Run", "TrainingError", "load_model", "train"]
