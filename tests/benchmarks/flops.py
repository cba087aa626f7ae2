"""How much arithmetic a work is: the least multiply-adds of its convolutions and linear layers, two FLOPs each.

A layer is a bilinear map of data and weights. Its value, its gradient in the data and its gradient in the weights are
one product each, with the same number of multiply-adds: Σ is that number for all layers of a network, once.

| what | costs |
|---|---|
| forward | Σ |
| forward, then backward to all weights | 3 Σ, less the first layer's gradient in the data, which nobody asks for |
| forward, then backward to the data | 2 Σ |
| the gradient penalty: D(x̂), ∇D(x̂), and the gradient of ‖∇D‖ in the weights | 4 Σ |

The last line: ∇D(x̂) is itself a chain of one bilinear map a layer, and going back through it costs a gradient in the
chain's data and one in the weights. The way back through D(x̂) itself is free, as leaky ReLU has no curvature.
"""

import math

import networks
import ours

from scratchgan import nn, no_grad
from scratchgan.models.wgan_gp import paper_networks


def count(work):
    """The FLOPs of a work, given as its name and arguments, or None for one without a layer."""
    name, *arguments = work
    return 2 * COUNTS[name](*arguments) if name in COUNTS else None


def layers(network, *shape):
    """The multiply-adds of each layer for data of a shape: as often as a weight is used, once a pixel of the fewer."""
    counts, x = [], ours.normal(*shape)
    with no_grad():
        for layer in network:
            y = layer(x)
            if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
                pixels = min(math.prod(x.shape[2:]), math.prod(y.shape[2:]))
                counts.append(len(x) * pixels * layer.weight.numel())
            x = y
    return counts


def _training(counts):
    return 3 * sum(counts) - counts[0]


def _critic_step(generator, critic, batch, size=28):
    g, d = layers(generator, batch, 128), layers(critic, batch, 1, size, size)
    return sum(g) + 2 * _training(d) + 4 * sum(d)


def _generator_step(width, batch, freeze):
    generator, critic = paper_networks(ours.rng, width=width)
    return _training(layers(generator, batch, 128)) + 2 * sum(layers(critic, batch, 1, 28, 28))


def _gan_step(generator, discriminator, latents, images):
    g, d = layers(generator, *latents), layers(discriminator, *images)
    return _training(g) + 2 * _training(d) + 2 * sum(d)


def _residual_block(channels, size, batch):
    return 3 * sum(layers(networks.residual_branch(nn, channels), batch, channels, size, size))


COUNTS = {
    "critic_step": lambda width, batch: _critic_step(*paper_networks(ours.rng, width=width), batch),
    "sized_critic_step": lambda width, batch, size: _critic_step(*ours.sized_networks(width, size), batch, size),
    "generator_step": _generator_step,
    "dcgan_step": lambda width, batch: _gan_step(*networks.dcgan(nn, width), (batch, 100, 1, 1), (batch, 3, 64, 64)),
    "mlp_step": lambda batch: _gan_step(*networks.mlp(nn), (batch, 100), (batch, 784)),
    "residual_block": _residual_block,
}
