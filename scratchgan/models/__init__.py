"""One paper, one file: networks, objective, one training step; `game` and `networks` hold what papers share.

`SYSTEMS` has them by name. Each module offers ``PRESETS`` and ``build(settings, rng, device) -> Game``.
"""

from scratchgan.models import acgan, cgan, dcgan, gan, lsgan, sngan, wgan, wgan_gp

SYSTEMS = {
    "GAN": gan,
    "DCGAN": dcgan,
    "LSGAN": lsgan,
    "WGAN": wgan,
    "WGAN-GP": wgan_gp,
    "SN-GAN": sngan,
    "CGAN": cgan,
    "AC-GAN": acgan,
}
