
from scratchgan.checkpoint import CheckpointError
from scratchgan.training.run import Run, TrainingError

__all__ = ["CheckpointError", "Run", "TrainingError"]
