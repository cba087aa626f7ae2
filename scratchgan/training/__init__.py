"""Training: a function and a command, the loop, checkpoints and pictures."""

from scratchgan.checkpoint import CheckpointError
from scratchgan.training.run import Run, TrainingError
from scratchgan.training.start import train
from scratchgan.training.systems import load_model

__all__ = ["CheckpointError", "Run", "TrainingError", "load_model", "train"]
