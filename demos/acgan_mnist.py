"""AC-GAN learns to draw digits. See scratchgan/models/acgan.py for how; `--help` for the flags."""

import sys

from scratchgan.models import acgan
from scratchgan.training.command import main

if __name__ == "__main__":
    sys.exit(main(__doc__, "acgan_mnist", acgan))
