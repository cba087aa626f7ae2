"""AC-GAN learns to draw digits. See scratchgan/models/acgan.py for how; `--help` for the flags."""

import sys

try:
    from scratchgan.models import acgan
    from scratchgan.training.command import main
except KeyboardInterrupt:
    sys.exit(130)

if __name__ == "__main__":
    sys.exit(main(__doc__, "acgan_mnist", acgan))
