"""GAN learns to draw digits. See scratchgan/models/gan.py for how; `--help` for the flags."""

import sys

try:
    from scratchgan.models import gan
    from scratchgan.training.command import main
except KeyboardInterrupt:
    sys.exit(130)

if __name__ == "__main__":
    sys.exit(main(__doc__, "gan_mnist", gan))
