"""WGAN-GP learns to draw digits. See scratchgan/models/wgan_gp.py for how; `--help` for the flags."""

import sys

from scratchgan.models import wgan_gp
from scratchgan.training.command import main

SMALL = {
    "networks": "small", "latent_size": 64, "low": -1.0, "batch_size": 64, "penalty_weight": 10.0, "critic_steps": 2,
    "lr": 4e-3, "betas": [0.0, 0.9], "average_decay": 0.99,
}  # fmt: skip
PAPER = {
    "networks": "paper", "latent_size": 128, "low": 0.0, "batch_size": 50, "penalty_weight": 10.0, "critic_steps": 5,
    "lr": 1e-4, "betas": [0.5, 0.9], "average_decay": 0.999, "lr_steps": None,
}  # fmt: skip
PRESETS = {
    "quick": {**SMALL, "batch_size": 32, "steps": 1000, "lr_steps": 1000, "every": 50},
    "default": {**SMALL, "steps": 2500, "lr_steps": 2500, "every": 100},
    "paper": {**PAPER, "steps": 200_000, "every": 100},
}
WATCH = {"wasserstein": "W", "penalty": "penalty", "gradient_norm": "|∇D|"}
PANELS = {
    "Wasserstein estimate": ["wasserstein"],
    "gradient norm of the critic": ["gradient_norm"],
    "losses": ["critic_loss", "generator_loss"],
}


def build(settings, rng, device):
    """The two players and their training step."""
    networks = {"small": wgan_gp.small_networks, "paper": wgan_gp.paper_networks}[settings["networks"]]
    generator, critic = (network.to(device) for network in networks(rng))
    names = ("latent_size", "penalty_weight", "critic_steps", "lr", "betas")
    return wgan_gp.WGANGP(generator, critic, **{name: settings[name] for name in names})


if __name__ == "__main__":
    sys.exit(main(__doc__, "wgan_gp_mnist", PRESETS, build, WATCH, PANELS))
