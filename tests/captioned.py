"""A tiny StackGAN for images of 8×8 and 16×16 pixels, and batches of noise with captions."""

import numpy as np

from scratchgan import nn
from scratchgan.data import captions
from scratchgan.models import stackgan
from scratchgan.models.stacked import CaptionEncoder, Critic, ProjectionCritic, Refinement, Sketch

IMAGE, LATENTS, TEXT, CODE = (3, 16, 16), 3, 5, 2
NETWORKS = {
    "encoder": lambda rng: CaptionEncoder(rng, TEXT, 4),
    "readout": lambda rng: nn.Linear(TEXT, sum(captions.KINDS), rng=rng),
    "first": lambda rng: Sketch(rng, LATENTS, TEXT, CODE, (3, 2)),
    "first critic": lambda rng: ProjectionCritic(rng, TEXT, (2, 3), 4),
    "second": lambda rng: Refinement(rng, TEXT, CODE, (2, 3), (3, 2, 2), 1),
    "second critic": lambda rng: Critic(rng, TEXT, 2, (2, 3)),
}


def tiny(dtype=np.float32, rng=None, **options):
    """The model, of which each phase has a step unless ``schedule`` says something else."""

    def networks(rng, latent_size, text, code):
        assert (latent_size, text, code) == (LATENTS, TEXT, CODE)
        return [network(rng).to(dtype) for network in NETWORKS.values()]

    rng = np.random.default_rng(0) if rng is None else rng
    sizes = {"latent_size": LATENTS, "text": TEXT, "code": CODE}
    return stackgan.build(rng, networks=networks, **sizes, **{"schedule": (1, 1, 1), **options})


def described(count, seed=1):
    """Captions (count, L), wrong ones, and what the first mean (count, 3)."""
    rng = np.random.default_rng(seed)
    meanings, words = captions.conditions(count, rng)
    wrong = captions.conditions(count, rng)[1]
    return words, wrong, meanings


def batch(count, seed=1):
    """Noise, and captions."""
    images = np.tanh(np.random.default_rng(seed).standard_normal((count, *IMAGE)))
    return images.astype(np.float32), *described(count, seed)
