"""Training: the loop, checkpoints, averaged weights, pictures, and the command line of the demos."""

from scratchgan.checkpoint import CheckpointError
from scratchgan.training.average import AveragedWeights, update_bn
from scratchgan.training.run import Run, TrainingError

__all__ = ["AveragedWeights", "CheckpointError", "Run", "TrainingError", "update_bn"]
