"""One paper, one file: networks, objective, one training step. `model`, `game`, `growing` and `networks` are shared.

`SYSTEMS` has them by name, in the order in which a course meets them.
"""

from scratchgan.models import (
    aae,
    acgan,
    adain,
    autoencoder,
    cgan,
    cyclegan,
    dcgan,
    diffusion_gan,
    gan,
    gated_pixelcnn,
    logan,
    lsgan,
    made,
    pix2pix,
    pixelcnn,
    pixelgan,
    pixelvae,
    progan,
    r3gan,
    rbm,
    sngan,
    srgan,
    stackgan,
    stylegan,
    vae,
    wgan,
    wgan_gp,
)
from scratchgan.models.model import Model, Preset, System

PAPERS = (
    gan, dcgan, lsgan, wgan, wgan_gp, sngan, cgan, acgan, progan, stylegan, diffusion_gan, r3gan, pix2pix, cyclegan,
    srgan, stackgan, logan, adain, autoencoder, vae, aae, rbm, made, pixelcnn, gated_pixelcnn, pixelvae,
    pixelgan,
)  # fmt: skip
SYSTEMS = {paper.SYSTEM.name: paper.SYSTEM for paper in PAPERS}

__all__ = ["PAPERS", "SYSTEMS", "Model", "Preset", "System"]
