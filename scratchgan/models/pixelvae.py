"""PixelVAE: "PixelVAE: A Latent Variable Model for Natural Images", Gulrajani et al. 2016.

arXiv:1611.05013. A variational autoencoder draws each pixel independently of the others, given its code z. So z has to
say everything, and what it cannot say is blurred. A PixelCNN sees the pixels before, and has no code at all. Here a
*small* PixelCNN is told z,

    p(x) = E_{z ~ N(0, I)} Π_d p(x_d | x_1, …, x_{d−1}, z),                                                         (1)

so that z says what the image is as a whole, and a few autoregressive layers draw the details. With an encoder
q(z|x) = N(μ(x), σ²(x)) what is trained, and measured, is the bound of every variational autoencoder,

    −log p(x) ≤ E_{q(z|x)} [−Σ_d log p(x_d | x_<d, z)] + KL(q(z|x) ‖ N(0, I)).                                      (2)

The code enters each gate of `gated_pixelcnn` as a shift that is the same at all pixels.

A decoder that sees far enough needs no code: the KL falls to 0, and with it goes all that the code could be used for.
So the decoder is shallow, and in the first steps the KL counts little: its weight rises from 0 to 1.

Departures:

| here                                                     | the paper (its MNIST script)                        |
|----------------------------------------------------------|-----------------------------------------------------|
| images binarised anew in each step                       | binarised once                                      |
| encoder of two strided 3×3 layers, 8 latents             | seven layers, 16 latents                            |
| decoder of 16 channels: 7×7 and two layers of 3×3        | 7×7, twelve of 5×5, two of 1×1                      |
| Adam, α from 0.003 to a twentieth, batches of 16         | α = 0.001, batches of 100                           |
| log σ²; PyTorch's first weights                          | log σ; weight normalisation                         |
"""

from functools import partial

import numpy as np

from scratchgan import nn
from scratchgan.losses.variational import (
    bernoulli,
    bernoulli_nll,
    gaussian_kl,
    gaussian_nll,
    importance_bound,
    reparametrise,
)
from scratchgan.models.autoregressive import BLOCK, COLUMNS, independent_nats
from scratchgan.models.gated_pixelcnn import GatedPixelCNN
from scratchgan.models.model import Model, Preset, System, in_blocks, made
from scratchgan.optim import Adam
from scratchgan.tensor import Tensor, no_grad, stack


class Encoder(nn.Module):
    """x (N, 1, 28, 28) -> μ, log σ² (N, latent_size): 106,256 weights with 8 latents."""
