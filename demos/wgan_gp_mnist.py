"""A WGAN-GP learns to draw digits. See scratchgan/models/wgan_gp.py for how; `--help` for the flags."""

import sys

try:
    from scratchgan.training.command import main
except KeyboardInterrupt:
    sys.exit(130)

if __name__ == "__main__":
    sys.exit(main(__doc__, "wgan_gp", "wgan_gp_mnist"))
