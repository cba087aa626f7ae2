"""LSGAN learns to draw digits. See scratchgan/models/lsgan.py for how; `--help` for the flags."""

import sys

from scratchgan.models import lsgan
from scratchgan.training.command import main

if __name__ == "__main__":
    sys.exit(main(__doc__, "lsgan_mnist", lsgan))
