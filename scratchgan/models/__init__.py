"""One paper, one file: networks, objective, one training step; `model`, `game` and `networks` hold what papers share.

`SYSTEMS` has them by name, in the order in which a course meets them.
"""

from scratchgan.models import acgan, cgan, dcgan, gan, lsgan, sngan, wgan, wgan_gp
from scratchgan.models.model import Model, Preset, System

SYSTEMS = {each.SYSTEM.name: each.SYSTEM for each in (gan, dcgan, lsgan, wgan, wgan_gp, sngan, cgan, acgan)}
