"""SN-GAN learns to draw digits. See scratchgan/models/sngan.py for how; `--help` for the flags."""

import sys

try:
    from scratchgan.models import sngan
    from scratchgan.training.command import main
except KeyboardInterrupt:
    sys.exit(130)

if __name__ == "__main__":
    sys.exit(main(__doc__, "sngan_mnist", sngan))
