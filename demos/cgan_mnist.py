"""A conditional GAN learns to draw digits. See scratchgan/models/cgan.py for how; `--help` for the flags."""

import sys

try:
    from scratchgan.models import cgan
    from scratchgan.training.command import main
except KeyboardInterrupt:
    sys.exit(130)

if __name__ == "__main__":
    sys.exit(main(__doc__, "cgan_mnist", cgan))
