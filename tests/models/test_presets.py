"""Presets: the numbers of each, as its file and the README say them, and that each number is obeyed."""

import importlib
import inspect
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from scratchgan.data import captions, colours, tiles, views
from scratchgan.data.photographs import patches
from scratchgan.losses import R1, GradientPenalty, NonSaturating, Objective, Wasserstein
from scratchgan.models import (
    SYSTEMS,
    Model,
    adain,
    autoencoder,
    cgan,
    dcgan,
    diffusion_gan,
    gan,
    gated_pixelcnn,
    growing,
    pix2pix,
    pixelcnn,
    pixelgan,
    pixelvae,
    priors,
    r3gan,
    srgan,
    stylegan,
    vae,
    wgan_gp,
)  # fmt: skip
from scratchgan.models.latents import of_kinds, standard_normal
from scratchgan.nn.options import options_of
from scratchgan.optim import SGD, Adam

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGE = (ROOT / "scratchgan" / "models" / "README.md").read_text(encoding="utf-8")
FILES = {name: importlib.import_module(f"scratchgan.models.{name}") for name in SYSTEMS}
ADAM = {"betas": (0.5, 0.999)}
WGAN_ADAM = {"betas": (0.0, 0.9)}
SMALL = {"latent_size": 64, "average_decay": 0.99}  # what nearly all share
RUN = {"every": 100, "batch_size": 64, "rates_fall": True, "data": "mnist", "view": views.images, "held_out": None,
       "unpaired": False}  # fmt: skip


def small(system, **options):
    """A system's small networks."""
    return {"networks": written(partial(FILES[system].small_networks, **options))}


def strided(**options):
    return {"networks": written(partial(dcgan.strided_networks, **options)), "latent_size": 100}


def images(size, channels):
    return {"view": written(partial(views.images, size=size, channels=channels))}


def written(value):
    """A function with its options as something that can be compared."""
    if isinstance(value, partial):
        keywords = tuple(sorted((key, written(option)) for key, option in value.keywords.items()))
        return (value.func, *keywords) if keywords else value.func
    if isinstance(value, (Objective, R1, GradientPenalty)):
        return (type(value).__name__, *sorted(vars(value).items()))
    return value


GAN = {
    **RUN, **small("gan"), "latent_size": 64, "noise": standard_normal, "saturating": False, "average_decay": 0.995,
    "optimizer": written(partial(Adam, lr=1e-3, betas=(0.5, 0.999))), "low": -1.0,
}  # fmt: skip
DCGAN = {**RUN, **SMALL, **ADAM, **small("dcgan"), "lr": 1e-2}
LSGAN = {**RUN, **SMALL, **ADAM, **small("lsgan"), "codes": (0.0, 1.0, 1.0), "lr": 1e-2}
WGAN = {**RUN, **SMALL, **small("wgan"), "clip": 0.03, "critic_steps": 2, "warm_up": (20, 10), "lr": 1e-3}
WGANGP = {**RUN, **SMALL, **WGAN_ADAM, **small("wgan_gp"), "penalty_weight": 10.0, "critic_steps": 1, "lr": 6e-3,
          "noise": written(partial(of_kinds, kinds=30)), "low": -1.0}  # fmt: skip
SNGAN = {**RUN, **SMALL, **WGAN_ADAM, **small("sngan"), "critic_steps": 1, "lr": 2e-3}
LABELLED = {**RUN, **SMALL, "classes": 10, "view": views.labelled}
CGAN = {**LABELLED, **ADAM, **small("cgan"), "lr": 1e-2, "low": -1.0}
ACGAN = {**LABELLED, **WGAN_ADAM, **small("acgan"), "critic_steps": 2, "penalty_weight": 10.0,
         "class_weights": (1.0, 1.0), "lr": 3e-3}  # fmt: skip
DIFFUSION = {
    **RUN, **SMALL, **ADAM, **small("diffusion_gan"), "timesteps": (5, 100), "sigma": 0.5, "law": "uniform",
    "target": 0.6, "rise": 20_000, "gamma": 0.0, "lr": 1e-2,
}  # fmt: skip
FEW = {"view": views.few}
GROWING = {
    **RUN, **SMALL, "rest": 2400, "rise": 2400, "lr": 0.03, "betas": (0.0, 0.99), "batch_size": 16,
    "view": written(partial(views.images, size=32)), "steps": 5000,
}  # fmt: skip
GROWING_QUICKLY = {"rest": 1200, "rise": 1200, "steps": 800, "every": 25}
PROGAN = {**GROWING, **small("progan"), "noise": standard_normal, "penalty_weight": 1.0, "drift": 1e-3, "lr": 0.02}
STYLEGAN = {
    **GROWING, **small("stylegan"), "rest": 3200, "rise": 3200, "steps": 4600,
    "objective": written(NonSaturating()), "penalty": written(growing.R1OfEnlarged(12.0)),
}  # fmt: skip
R3GAN = {
    **RUN, "networks": r3gan.small_networks, "latent_size": 64, "lr": 2e-3, "gamma": (0.2, 0.02),
    "beta2": (0.9, 0.99), "half_life": (0.0, 140.0), "ramp": 3400, "noise": of_kinds, "batch_size": 32,
}  # fmt: skip
AUTOENCODER = {
    **RUN, "networks": autoencoder.dense_networks, "latent_size": 2, "lr": 1e-3, "betas": (0.9, 0.999),
    "batch_size": 128, "every": 200, "steps": 7000,
}  # fmt: skip
AUTOENCODER_CONV = {**AUTOENCODER, "networks": autoencoder.convolutional_networks, "every": 50, "steps": 1600}
VAE = {
    **RUN, "networks": vae.dense_networks, "latent_size": 20, "binarised": True, "draws": 50, "lr": 1e-3,
    "betas": (0.9, 0.999), "batch_size": 128, "every": 300, "steps": 12_000,
}  # fmt: skip
VAE_CONV = {**VAE, "networks": vae.convolutional_networks, "every": 50, "steps": 1600}
RBM = {
    **RUN, "image": (1, 28, 28), "hidden": 500, "turns": 1, "persistent": True, "centred": True, "chains": 100,
    "lr": 0.2, "momentum": 0.5, "batch_size": 100,
}  # fmt: skip
PIX2PIX = {
    **RUN, **ADAM, **small("pix2pix"), "weights": (1.0, 100.0), "jitter": 0, "lr": 1e-3, "batch_size": 16,
    "view": views.outlines, "held_out": written(partial(views.outlines, classes=True)), "steps": 4000,
}  # fmt: skip
FACADES = {
    **PIX2PIX, "jitter": 6, "lr": 5e-4, "batch_size": 4, "held_out": None, "steps": 1600, "every": 50,
    **small("pix2pix", widths=(16, 32, 64, 128, 128, 128, 128), channels=(3, 3), dropped=3, layers=3),
}  # fmt: skip
AAE = {
    **RUN, "networks": FILES["aae"].mlp_networks, "latent_size": 8, "prior": priors.one_gaussian, "classes": 0,
    "rates": (1e-3, 5e-4, 5e-4), "betas": (0.5, 0.999), "batch_size": 100, "steps": 9000, "every": 300,
    "held_out": FILES["aae"].with_labels,
}  # fmt: skip
PLANE = {"latent_size": 2, "rates": (1e-3, 2e-4, 1e-3)}
CYCLEGAN = {
    **RUN, **ADAM, **small("cyclegan"), "adversarial": 1.0, "cycle": (10.0, 10.0), "identity": 0.0, "lr": 1e-3,
    "pool_size": 50, "image": (3, 28, 28), "batch_size": 8, "view": views.two_colours, "held_out": views.both_colours,
    "unpaired": True,
}  # fmt: skip
SHORT = {**CYCLEGAN, "steps": 400, "every": 25}
ADAIN = {
    **RUN, **small("adain"), "first": 600, "style_weight": 10.0, "lr": 2e-3, "betas": (0.9, 0.999), "batch_size": 8,
    "view": written(partial(tiles.beside, kind="grounds")), "held_out": adain._held_out, "unpaired": True,
}  # fmt: skip
SRGAN = {
    **RUN, **small("srgan"), "encoder": srgan.Encoder, "channels": 1, "classes": 10, "pretraining": 1800,
    "content": 0.03, "adversarial": 1e-3, "lr": 2e-3, "adversarial_lr": 1.5e-3, "betas": (0.9, 0.999), "batch_size": 32,
    "view": views.enlargements,
}  # fmt: skip
STACKGAN = {
    **RUN, **ADAM, **small("stackgan"), "schedule": (500, 2800, 500), "latent_size": 32, "text": 64, "code": 64,
    "kl": 0.1, "wrong_share": 0.5, "rates": (4e-3, 6e-3, 2e-3), "average_decay": 0.99, "batch_size": 16,
    "rates_fall": False, "view": captions.coloured_digits,
    "held_out": written(partial(captions.coloured_digits, kept=0.5)),
}  # fmt: skip
LOGAN = {
    **ACGAN, **small("logan"), "classes": 12, "low": -1.0, "batch_size": 32, "data": "emoji", "view": colours.by_colour,
    "held_out": written(partial(colours.by_colour, balanced=False)),
}  # fmt: skip
BITS = {**RUN, "image": (1, 28, 28), "betas": (0.9, 0.999)}
MADE = {**BITS, "hidden": (1000,), "arrangements": 1, "lr": 5e-3, "batch_size": 100, "steps": 12_000, "every": 1000}
PIXELCNN = {**BITS, "network": pixelcnn.small_network, "lr": 5e-3, "batch_size": 8}
GATED = {**BITS, "network": gated_pixelcnn.small_network, "lr": 5e-3, "batch_size": 8}
PIXELVAE = {
    **BITS, "networks": pixelvae.small_networks, "latent_size": 16, "anneal": 1000, "draws": 10, "lr": 5e-3,
    "batch_size": 16,
}  # fmt: skip
PIXELGAN = {
    **RUN, "image": (1, 28, 28), "networks": pixelgan.small_networks, "latent_size": 30, "prior": priors.categorical,
    "rates": (5e-3, 1e-3, 1e-3), "betas": (0.5, 0.999), "noise": 0.1, "anneal": 500, "batch_size": 16,
    "held_out": FILES["aae"].with_labels, "steps": 6000, "every": 600,
}  # fmt: skip
PRESETS = {
    "gan": {
        "quick": {**GAN, "steps": 3000},
        "default": {**GAN, "steps": 12_000, "every": 400},
        "mlp": {**GAN, "networks": gan.mlp_networks, "steps": 12_000, "every": 400},
        "course": {**GAN, "networks": gan.course_networks, "latent_size": 100, "steps": 3000},
        "paper": {
            **GAN, "networks": gan.paper_networks, "latent_size": 100, "noise": gan.uniform, "low": 0.0,
            "optimizer": written(partial(SGD, lr=0.1, momentum=0.5)), "average_decay": 0.999, "batch_size": 100,
            "steps": 125_000, "every": 500,
        },
    },
    "dcgan": {
        "quick": {**DCGAN, "steps": 600, "every": 50},
        "default": {**DCGAN, "steps": 3000},
        "discrimination": {**DCGAN, **small("dcgan", minibatch="discrimination"), "steps": 3000},
        "deviation": {**DCGAN, **small("dcgan", minibatch="deviation"), "steps": 3000},
        "32": {**DCGAN, **strided(size=32, channels=1, width=16), **images(32, 1), "steps": 3000},
        "emoji": {
            **DCGAN, **strided(size=32, channels=3, width=24), **images(32, 3), "data": "emoji", "steps": 3000
        },
        "tutorial": {
            **DCGAN, **strided(size=64, channels=3, width=64), **images(64, 3), "batch_size": 128, "lr": 2e-4,
            "average_decay": 0.999, "rates_fall": False, "steps": 8000,
        },
    },
    "lsgan": {
        "quick": {**LSGAN, "steps": 600, "every": 50},
        "default": {**LSGAN, "steps": 3000},
        "pearson": {**LSGAN, "codes": (-1.0, 1.0, 0.0), "steps": 3000},
    },
    "wgan": {
        "quick": {**WGAN, "steps": 600, "every": 50},
        "default": {**WGAN, "steps": 5000, "every": 200},
        "paper": {
            **WGAN, "clip": 0.01, "critic_steps": 5, "warm_up": (100, 25), "lr": 5e-5, "rates_fall": False,
            "steps": 100_000, "every": 500,
        },
    },
    "wgan_gp": {
        "quick": {**WGANGP, "batch_size": 32, "steps": 1500, "every": 50},
        "default": {**WGANGP, "steps": 3500},
        "paper": {
            **WGANGP, "networks": wgan_gp.paper_networks, "latent_size": 128, "low": 0.0, "batch_size": 50,
            "critic_steps": 5, "lr": 1e-4, "betas": (0.5, 0.9), "average_decay": 0.999, "rates_fall": False,
            "noise": standard_normal, "steps": 200_000,
        },
    },
    "sngan": {"quick": {**SNGAN, "steps": 600, "every": 50}, "default": {**SNGAN, "steps": 3000}},
    "cgan": {
        "quick": {**CGAN, "steps": 600, "every": 50},
        "default": {**CGAN, "steps": 3000},
        "banded": {**CGAN, **small("cgan", maps=cgan.banded_maps), "steps": 3000},
        "keras": {
            **CGAN, "networks": cgan.keras_networks, "latent_size": 128, "low": 0.0, "lr": 3e-4,
            "betas": (0.9, 0.999), "rates_fall": False, "steps": 20_000,
        },
    },
    "acgan": {"quick": {**ACGAN, "steps": 600, "every": 50}, "default": {**ACGAN, "steps": 2000}},
    "diffusion_gan": {
        "quick": {**DIFFUSION, "steps": 600, "every": 50},
        "default": {**DIFFUSION, "steps": 3000},
        "plain": {**DIFFUSION, "timesteps": (0, 0), "steps": 3000},
        "few": {**DIFFUSION, **FEW, "steps": 3000},
        "few_plain": {**DIFFUSION, **FEW, "timesteps": (0, 0), "steps": 3000},
    },
    "progan": {
        "quick": {**PROGAN, **GROWING_QUICKLY},
        "default": PROGAN,
        "emoji": {**PROGAN, **small("progan", channels=3), **images(32, 3), "data": "emoji"},
    },
    "stylegan": {
        "quick": {**STYLEGAN, **GROWING_QUICKLY},
        "default": STYLEGAN,
        "wasserstein": {
            **STYLEGAN, "objective": written(Wasserstein(1e-3)), "lr": 0.01,
            "penalty": written(growing.GradientPenaltyOfEnlarged(1.0)),
        },
        "emoji": {**STYLEGAN, **small("stylegan", channels=3), **images(32, 3), "data": "emoji"},
        "b": {**STYLEGAN, "networks": stylegan.unstyled_networks},
        "c": {**STYLEGAN, **small("stylegan", constant=False, noise=False, mixing=0.0)},
        "d": {**STYLEGAN, **small("stylegan", noise=False, mixing=0.0)},
        "e": {**STYLEGAN, **small("stylegan", mixing=0.0)},
    },
    "r3gan": {
        "quick": {**R3GAN, "ramp": 600, "steps": 600, "every": 50},
        "default": {**R3GAN, "steps": 3400},
        "emoji": {
            **R3GAN, **images(32, 3), "data": "emoji", "steps": 1400, "ramp": 1400, "batch_size": 64,
            "noise": standard_normal, "lr": 4e-3, "gamma": (5.0, 0.5), "half_life": (0.0, 70.0),
            "networks": written(partial(
                r3gan.residual_networks, size=32, widths=(96, 96, 48), critic_widths=(64, 64, 32), channels=3, patch=2
            )),
        },
    },
    "srgan": {
        "quick": {**SRGAN, "pretraining": 450, "steps": 600, "every": 50},
        "default": {**SRGAN, "steps": 2400},
        "mse": {**SRGAN, "pretraining": None, "steps": 2400},
        "emoji": {
            **SRGAN, **small("srgan", channels=3, size=32, head_start=True), "channels": 3, "pretraining": 1350,
            "steps": 1800, "data": "emoji", "view": written(partial(views.enlargements, size=32, channels=3)),
        },
        "photos": {
            **SRGAN, **small("srgan", channels=3, size=48, head_start=True), "channels": 3, "pretraining": 1650,
            "steps": 2200, "batch_size": 16, "view": written(partial(patches, size=48)),
        },
    },
    "autoencoder": {
        "quick": {
            **AUTOENCODER, "networks": written(partial(autoencoder.dense_networks, hidden=(256, 64))), "every": 100,
            "steps": 6000,
        },
        "default": AUTOENCODER,
        "20": {**AUTOENCODER, "latent_size": 20},
        "32": {**AUTOENCODER, "latent_size": 32},
        "conv": AUTOENCODER_CONV,
        "conv_32": {**AUTOENCODER_CONV, "latent_size": 32},
    },
    "vae": {
        "quick": {**VAE, "every": 100, "steps": 4000},
        "default": VAE,
        "2": {**VAE, "latent_size": 2},
        "conv": {**VAE_CONV, "latent_size": 2},
        "conv_20": VAE_CONV,
        "grey": {**VAE, "binarised": False},
    },
    "pix2pix": {
        "quick": {**PIX2PIX, "steps": 1200, "every": 50},
        "default": PIX2PIX,
        "l1": {**PIX2PIX, "weights": (0.0, 100.0)},
        "gan": {**PIX2PIX, "weights": (1.0, 0.0), **small("pix2pix", conditional=False)},
        "cgan": {**PIX2PIX, "weights": (1.0, 0.0)},
        "no_skips": {**PIX2PIX, **small("pix2pix", skips=False)},
        "emoji": {
            **PIX2PIX, "jitter": 2, "data": "emoji", "steps": 3000, "held_out": None,
            **small("pix2pix", widths=(24, 48, 96, 96), channels=(1, 3)),
            "view": written(partial(views.outlines, channels=3, apart=95)),
        },
        "facades": {**FACADES, "view": written(partial(views.halves, direction="BtoA", size=128))},
        "a_to_b": {**FACADES, "view": written(partial(views.halves, direction="AtoB", size=128))},
    },
    "rbm": {
        "quick": {**RBM, "steps": 3000},
        "default": {**RBM, "steps": 14_000, "every": 500},
        "small": {**RBM, "hidden": 16, "steps": 10_000, "every": 400},
        "cd": {**RBM, "persistent": False, "steps": 14_000, "every": 500},
    },
    "aae": {
        "quick": {**AAE, "steps": 1500, "every": 100},
        "default": AAE,
        "plane": {**AAE, **PLANE},
        "mixture": {**AAE, **PLANE, "prior": priors.petals},
        "labelled": {**AAE, **PLANE, "prior": priors.petals, "view": views.labelled, "held_out": None},
    },
    "cyclegan": {
        "quick": SHORT,
        "default": {**CYCLEGAN, "steps": 1000, "every": 50},
        "no_cycle": {**SHORT, "cycle": (0.0, 0.0)},
        "cycle_only": {**SHORT, "adversarial": 0.0},
        "one_way": {**SHORT, "cycle": (10.0, 0.0)},
        "identity": {**SHORT, "identity": 5.0},
        "emoji_tiles": {
            **CYCLEGAN, "steps": 800, "every": 50, "data": "emoji", "image": (3, 32, 32), "identity": 5.0,
            "view": written(partial(tiles.beside, kind="things")),
            "held_out": written(partial(tiles.beside, kind="things", split="test")),
        },
        "folder": {
            **CYCLEGAN, **small("cyclegan", width=16, blocks=6, critic_width=32, layers=2), "steps": 20_000,
            "every": 200, "batch_size": 4, "image": (3, 64, 64), "held_out": None,
            "view": written(partial(views.two_domains, size=64)),
        },
    },
    "adain": {
        "quick": {**ADAIN, "first": 200, "steps": 700, "every": 50},
        "default": {**ADAIN, "steps": 2500, "every": 100},
        "emoji": {**ADAIN, "data": "emoji", "steps": 2500, "every": 100},
    },
    "stackgan": {
        "quick": {**STACKGAN, "schedule": (300, 700, 200), "steps": 1200, "every": 50},
        "default": {**STACKGAN, "steps": 3800},
        "no_wrong_pairs": {**STACKGAN, "wrong_share": 0.0, "steps": 3800},
    },
    "logan": {
        "quick": {**LOGAN, "steps": 400, "every": 25},
        "default": {**LOGAN, "steps": 1900},
        "no_class_loss": {**LOGAN, "class_weights": (1.0, 0.0), "steps": 1900},
    },
    "made": {
        "quick": {**MADE, "hidden": (500,), "lr": 1e-2, "batch_size": 50, "steps": 3000, "every": 300},
        "default": MADE, "orders": {**MADE, "arrangements": 8},
    },
    "pixelcnn": {
        "quick": {**PIXELCNN, "steps": 1000, "every": 250}, "default": {**PIXELCNN, "steps": 6000, "every": 600}
    },
    "gated_pixelcnn": {
        "quick": {**GATED, "steps": 600, "every": 150},
        "default": {**GATED, "steps": 4000, "every": 400},
        "shallow": {
            **GATED, "steps": 7500, "every": 750, "batch_size": 16,
            "network": written(partial(gated_pixelcnn.GatedPixelCNN, layers=0, first=5)),
        },
    },
    "pixelvae": {
        "quick": {**PIXELVAE, "steps": 1200, "every": 200, "anneal": 300},
        "default": {**PIXELVAE, "steps": 7500, "every": 750},
    },
    "pixelgan": {
        "quick": {**PIXELGAN, "steps": 1200, "every": 200, "anneal": 300},
        "default": PIXELGAN,
        "location": {
            **PIXELGAN, "networks": written(partial(pixelgan.small_networks, kinds=False)), "latent_size": 8,
            "prior": priors.one_gaussian, "noise": 0.0,
        },
    },
}  # fmt: skip
every_preset = pytest.mark.parametrize(
    "system, preset", [(system, preset) for system, presets in PRESETS.items() for preset in presets]
)


def defaults(system):
    """The hyperparameters: the arguments of ``build`` behind rng and device."""
    parameters = list(inspect.signature(SYSTEMS[system].build).parameters.values())
    assert [parameter.name for parameter in parameters[:2]] == ["rng", "device"]
    return {parameter.name: parameter.default for parameter in parameters[2:]}


def settings(system, preset):
    """All that a preset says, and the defaults behind it."""
    given = dict(vars(SYSTEMS[system].presets[preset]))
    return {name: written(value) for name, value in (defaults(system) | given.pop("options") | given).items()}


def test_every_system_and_preset_is_in_the_table():
    assert {name: list(system.presets) for name, system in SYSTEMS.items()} == {k: list(v) for k, v in PRESETS.items()}


@every_preset
def test_a_preset_has_the_numbers_that_are_written_down(system, preset):
    found, expected = settings(system, preset), PRESETS[system][preset]
    assert found == expected
    assert {k: type(v) for k, v in found.items()} == {k: type(v) for k, v in expected.items()}


@every_preset
def test_a_preset_names_only_what_differs(system, preset):
    for name, value in SYSTEMS[system].presets[preset].options.items():
        assert written(value) != written(defaults(system)[name])


# What a file or the README says of a preset: (system, preset, the words, what they say)
FILE = {name: re.sub(r"\s+", " ", inspect.getdoc(file)) for name, file in FILES.items()}
SAID = [
    ("gan", "default", '"default", "mlp": Adam, z normal', {"noise": standard_normal}),
    ("gan", "paper", "rate falls linearly, momentum 0.5",
     {"rates_fall": True, "optimizer": written(partial(SGD, lr=0.1, momentum=0.5))}),
    ("gan", "paper", "SGD, z uniform with variance 1", {"noise": gan.uniform}),
    ("dcgan", "default", "α from 0.01 to a twentieth", {"lr": 0.01, "rates_fall": True}),
    ("dcgan", "tutorial", "Adam with α = 0.0002 and β₁ = 0.5", {"lr": 0.0002, "betas": (0.5, 0.999)}),
    ("lsgan", "default", "the default here, is (0, 1, 1)", {"codes": (0, 1, 1)}),
    ("lsgan", "pearson", "(a, b, c) = (−1, 1, 0), G descends the Pearson χ² divergence", {"codes": (-1, 1, 0)}),
    ("lsgan", "default", "α from 0.01 to a twentieth", {"lr": 0.01, "rates_fall": True}),
    ("wgan", "default", "c = 0.03, RMSprop with α falling from 10⁻³", {"clip": 0.03, "lr": 1e-3, "rates_fall": True}),
    ("wgan", "default", "2 critic steps; 20 in the first 10", {"critic_steps": 2, "warm_up": (20, 10)}),
    ("wgan", "paper", "c = 0.01, α = 5·10⁻⁵ throughout", {"clip": 0.01, "lr": 5e-5, "rates_fall": False}),
    ("wgan", "paper", "5; 100 in the first 25 iterations", {"critic_steps": 5, "warm_up": (100, 25)}),
    ("wgan_gp", "default", "α from 0.006 to a twentieth, β₁ = 0", {"lr": 0.006, "betas": (0, 0.9)}),
    ("wgan_gp", "default", "one critic step", {"critic_steps": 1}),
    ("wgan_gp", "default", "z says one of 30 kinds, `latents.of_kinds`", {"noise": WGANGP["noise"]}),
    ("wgan_gp", "paper", "λ, 10 in the paper", {"penalty_weight": 10}),
    ("wgan_gp", "paper", "no norm, five critic steps", {"critic_steps": 5}),
    ("wgan_gp", "paper", "α = 0.0001, β₁ = 0.5", {"lr": 0.0001, "betas": (0.5, 0.9)}),
    ("progan", "default", "a level takes 2,400 images, a fade as many", {"rest": 2400, "rise": 2400}),
    ("progan", "default", "λ = 1; the slope is that of enlarged images", {"penalty_weight": 1.0}),
    ("progan", "default", "α = 0.02 falls to a twentieth; average β = 0.99", {"lr": 0.02, "average_decay": 0.99}),
    ("stylegan", "default", "a level takes 3,200 images, a fade as many", {"rest": 3200, "rise": 3200}),
    ("stylegan", "default", "batches of 16", {"batch_size": 16}),
    ("stylegan", "default", "γ = 12 at 32×32", {"penalty": written(growing.R1OfEnlarged(12.0))}),
    ("sngan", "default", "α from 0.002 to a twentieth, β = (0, 0.9), n_dis = 1",
     {"lr": 0.002, "betas": (0, 0.9), "critic_steps": 1}),
    ("acgan", "default", "λ = 10, a = 1, b = 1, two critic steps",
     {"penalty_weight": 10, "class_weights": (1, 1), "critic_steps": 2}),
    ("diffusion_gan", "default", "T from 5 to 100, uniform law", {"timesteps": (5, 100), "law": "uniform"}),
    ("diffusion_gan", "default", "σ = 0.5", {"sigma": 0.5}),
    ("diffusion_gan", "default", "p rises from 0 to 1 in 20,000 images", {"rise": 20_000}),
    ("diffusion_gan", "plain", "`plain` and `few_plain` are the same game with T = 0", {"timesteps": (0, 0)}),
    ("diffusion_gan", "few", "500 digits", {"view": views.few}),
    ("r3gan", "default", "widths 96, 48 in G and 64, 16 in D", {"networks": r3gan.small_networks}),
    ("r3gan", "default", "part of z is discrete, `latents.of_kinds`", {"noise": of_kinds}),
    ("r3gan", "default", "γ from 0.2 to 0.02, by the end of training; emoji 5 to 0.5",
     {"gamma": (0.2, 0.02), "ramp": 3400, "steps": 3400}),
    ("r3gan", "emoji", "γ from 0.2 to 0.02, by the end of training; emoji 5 to 0.5",
     {"gamma": (5.0, 0.5), "ramp": 1400, "steps": 1400}),
    ("r3gan", "default", "α from 0.002 in a straight line to a twentieth", {"lr": 2e-3, "rates_fall": True}),
    ("r3gan", "default", "β₂ 0.9 to 0.99; G's average: a half-life of ≤ 140 steps",
     {"beta2": (0.9, 0.99), "half_life": (0.0, 140.0)}),
    ("r3gan", "default", "batches of 32", {"batch_size": 32}),
    ("srgan", "default", "0.002 and 0.0015, falling to a twentieth",
     {"lr": 0.002, "adversarial_lr": 0.0015, "rates_fall": True}),
    ("srgan", "default", "λ = 0.03", {"content": 0.03, "adversarial": 1e-3}),
    ("autoencoder", "default", "784-512-256-128-2", {"latent_size": 2, "networks": autoencoder.dense_networks}),
    ("vae", "default", "784-400-20, as PyTorch's example", {"latent_size": 20, "networks": vae.dense_networks}),
    ("vae", "default", "pixels drawn anew as bits in each step", {"binarised": True}),
    ("vae", "grey", "grey, as in the preset `grey`", {"binarised": False}),
    ("vae", "default", "α from 0.001 to a twentieth", {"lr": 1e-3, "rates_fall": True}),
    ("made", "default", "784-1000-784, one arrangement, the natural order", {"hidden": (1000,), "arrangements": 1}),
    ("made", "default", "Adam, α from 0.005 to a twentieth, batches of 100",
     {"lr": 0.005, "rates_fall": True, "batch_size": 100}),
    ("pixelcnn", "default", "Adam, α from 0.005 to a twentieth, batches of 8",
     {"lr": 0.005, "rates_fall": True, "batch_size": 8}),
    ("gated_pixelcnn", "default", "Adam, α from 0.005 to a twentieth, batches of 8",
     {"lr": 0.005, "rates_fall": True, "batch_size": 8}),
    ("pixelvae", "default", "Adam, α from 0.005 to a twentieth, batches of 16",
     {"lr": 0.005, "rates_fall": True, "batch_size": 16}),
    ("pixelvae", "default", "two strided 3×3 layers, 16 latents", {"latent_size": 16}),
    ("pix2pix", "default", "batches of 16, α from 0.001 to a twentieth",
     {"batch_size": 16, "lr": 1e-3, "rates_fall": True}),
    ("pix2pix", "default", "L_G = L_cGAN(G) + λ L_L1(G), λ = 100", {"weights": (1.0, 100.0)}),
    ("pix2pix", "facades", "`facades` learns B → A",
     {"view": written(partial(views.halves, direction="BtoA", size=128))}),
    ("cyclegan", "default", "batches of 8, 1,000 steps, α from 0.001 to a twentieth",
     {"batch_size": 8, "steps": 1000, "lr": 1e-3, "rates_fall": True}),
    ("adain", "default", "λ = 10 with means over channels", {"style_weight": 10.0}),
    ("adain", "default", "batches of 8, α from 0.002 to a twentieth", {"batch_size": 8, "lr": 2e-3}),
    ("rbm", "default", "persistent chains, centred, momentum 0.5",
     {"persistent": True, "centred": True, "momentum": 0.5}),
    ("aae", "default", "α from 0.001 for (1), half of it for (2) and (3)", {"rates": (0.001, 0.0005, 0.0005)}),
    ("aae", "labelled", "in the plane a fifth for (2)", {"rates": (0.001, 0.0002, 0.001)}),
    ("aae", "default", "784-400-400-d", {"networks": FILES["aae"].mlp_networks}),
    ("cyclegan", "default", "one of the last fifty translations", {"pool_size": 50}),
    ("stackgan", "default", "λ = 0.1", {"kl": 0.1}),
    ("stackgan", "default", "α = 0.004 for φ, 0.006 for G, 0.002 for D",
     {"rates": (4e-3, 6e-3, 2e-3), "rates_fall": False}),
    ("stackgan", "default", "+ ½ (E ζ(D(x, φ_wrong))", {"wrong_share": 0.5}),
    ("logan", "default", "C learns from reals, a = 1, b = 1", {"class_weights": (1, 1)}),
    ("logan", "default", "two critic steps, α = 0.003 to a twentieth",
     {"critic_steps": 2, "lr": 3e-3, "rates_fall": True}),
]  # fmt: skip


@pytest.mark.parametrize("system, preset, words, numbers", SAID, ids=[f"{s}, {words[:30]}" for s, _, words, _ in SAID])
def test_a_preset_is_what_its_file_says(system, preset, words, numbers):
    assert words in FILE[system]
    found = settings(system, preset)
    assert {name: found[name] for name in numbers} == numbers


def test_the_page_of_the_systems_names_presets_that_are_there():
    assert "(−1, 1, 0)" in PAGE and "200,000 steps" in README
    assert SYSTEMS["wgan_gp"].presets["paper"].steps == 200_000
    table = PAGE.split("| presets besides `quick` and `default` | |\n|---|---|\n")[1].split("\n\n")[0]
    rows = re.findall(r"^\| (.*?) \| (.*?) \|$", table, re.M)
    named = {system for systems, _ in rows for system in re.findall(r"`(\w+)`", systems)}
    assert named == {name for name, system in SYSTEMS.items() if system.presets.keys() - {"quick", "default"}}
    for systems, text in rows:
        for system in re.findall(r"`(\w+)`", systems):
            assert set(re.findall(r"`(\w+)`", text)) == set(SYSTEMS[system].presets) - {"quick", "default"}


# Each is obeyed ------------------------------------------------------------------------------------------------------


def narrow(size, modes):
    """A prior of another shape."""
    return priors.Mixture(np.zeros((1, size)), np.eye(size)[None] / 2)


OTHERS = {  # for each system, another value of all that its networks and its model are made with
    "gan": {
        "networks": gan.mlp_networks, "latent_size": 63, "noise": gan.uniform, "saturating": True, "low": 0.0,
        "optimizer": partial(SGD, lr=0.5), "average_decay": 0.5,
    },
    "dcgan": {
        "networks": partial(dcgan.small_networks, width=8), "latent_size": 63, "lr": 0.5, "betas": (0.25, 0.5),
        "average_decay": 0.5,
    },
    "lsgan": {
        "networks": partial(FILES["lsgan"].small_networks, width=8), "latent_size": 63, "codes": (0.0, 1.0, 0.5),
        "lr": 0.5, "betas": (0.25, 0.5), "average_decay": 0.5,
    },
    "wgan": {
        "networks": partial(FILES["wgan"].small_networks, width=8), "latent_size": 63, "clip": 0.5, "critic_steps": 3,
        "warm_up": (20, 11), "lr": 0.5, "average_decay": 0.5,
    },
    "wgan_gp": {
        "networks": wgan_gp.paper_networks, "latent_size": 63, "penalty_weight": 5.0, "critic_steps": 3, "lr": 0.5,
        "betas": (0.25, 0.5), "noise": gan.uniform, "average_decay": 0.5, "low": 0.0,
    },
    "sngan": {
        "networks": partial(FILES["sngan"].small_networks, width=4), "latent_size": 63, "critic_steps": 3, "lr": 0.5,
        "betas": (0.25, 0.5), "average_decay": 0.5,
    },
    "cgan": {
        "networks": cgan.keras_networks, "latent_size": 63, "classes": 9, "lr": 0.5, "betas": (0.25, 0.5),
        "average_decay": 0.5, "low": 0.0,
    },
    "acgan": {
        "networks": partial(FILES["acgan"].small_networks, width=8), "latent_size": 63, "classes": 9,
        "penalty_weight": 5.0, "class_weights": (1.0, 0.5), "critic_steps": 3, "lr": 0.5, "betas": (0.25, 0.5),
        "average_decay": 0.5,
    },
    "progan": {
        "networks": partial(FILES["progan"].small_networks, widths=(8, 8, 8, 4)), "latent_size": 63, "rest": 5,
        "rise": 7, "noise": gan.uniform, "penalty_weight": 5.0, "drift": 0.5, "lr": 0.5,
        "betas": (0.25, 0.5), "average_decay": 0.5,
    },
    "stylegan": {
        "networks": partial(FILES["stylegan"].small_networks, depth=5), "latent_size": 63, "rest": 5, "rise": 7,
        "objective": Wasserstein(), "penalty": R1(10.0), "lr": 0.5, "betas": (0.25, 0.5), "average_decay": 0.5,
    },
    "diffusion_gan": {
        "networks": partial(diffusion_gan.small_networks, width=8), "latent_size": 63, "timesteps": (10, 500),
        "sigma": 0.1, "law": "code", "target": 0.5, "rise": 10_000, "gamma": 0.5, "lr": 0.5, "betas": (0.25, 0.5),
        "average_decay": 0.5,
    },
    "r3gan": {
        "networks": partial(r3gan.residual_networks, expansion=2), "latent_size": 63, "lr": 0.5, "gamma": (0.5, 0.25),
        "beta2": (0.25, 0.5), "half_life": (1.0, 2.0), "ramp": 9, "noise": gan.uniform,
    },
    "autoencoder": {
        "networks": partial(autoencoder.dense_networks, hidden=(9,)), "latent_size": 3, "lr": 0.5,
        "betas": (0.25, 0.5),
    },
    "vae": {
        "networks": partial(vae.dense_networks, hidden=(9,)), "latent_size": 3, "binarised": False, "draws": 9,
        "lr": 0.5, "betas": (0.25, 0.5),
    },
    "rbm": {
        "image": (1, 4, 4), "hidden": 9, "turns": 2, "persistent": False, "centred": False, "chains": 99,
        "lr": 0.5, "momentum": 0.25,
    },
    "aae": {
        "networks": partial(FILES["aae"].mlp_networks, width=399), "latent_size": 9, "prior": narrow, "classes": 3,
        "rates": (0.5, 0.25, 0.125), "betas": (0.25, 0.5),
    },
    "pix2pix": {
        "networks": partial(pix2pix.small_networks, skips=False), "weights": (0.5, 9.0), "jitter": 2, "lr": 0.5,
        "betas": (0.25, 0.5),
    },
    "srgan": {
        "networks": partial(srgan.small_networks, blocks=1), "encoder": partial(srgan.Encoder, width=2), "channels": 3,
        "classes": 9, "pretraining": 9, "content": 0.5, "adversarial": 0.5, "lr": 0.5, "adversarial_lr": 0.25,
        "betas": (0.25, 0.5),
    },
    "cyclegan": {
        "networks": lambda rng: FILES["cyclegan"].small_networks(rng)[::-1], "adversarial": 0.5, "cycle": (9.0, 8.0),
        "identity": 9.0, "lr": 0.5, "betas": (0.25, 0.5), "pool_size": 9, "image": (3, 8, 8),
    },
    "adain": {
        "networks": partial(adain.small_networks, widths=(8, 16, 32)), "first": 9, "style_weight": 9.0, "lr": 0.5,
        "betas": (0.25, 0.5),
    },
    "stackgan": {
        "networks": partial(FILES["stackgan"].small_networks, widths=(8, 8)), "schedule": (5, 6, 7), "latent_size": 31,
        "text": 31, "code": 15, "kl": 1.0, "wrong_share": 0.25, "rates": (0.5, 0.25, 0.125), "betas": (0.25, 0.5),
        "average_decay": 0.5,
    },
    "logan": {
        "networks": partial(FILES["logan"].small_networks, width=8), "latent_size": 63, "classes": 9,
        "penalty_weight": 5.0, "class_weights": (1.0, 0.5), "critic_steps": 3, "lr": 0.5, "betas": (0.25, 0.5),
        "average_decay": 0.5, "low": 0.0,
    },
    "made": {
        "image": (1, 4, 4), "hidden": (9,), "arrangements": 2, "lr": 0.5, "betas": (0.25, 0.5),
    },
    "pixelcnn": {
        "network": partial(pixelcnn.PixelCNN, width=8), "image": (1, 4, 4), "lr": 0.5, "betas": (0.25, 0.5),
    },
    "gated_pixelcnn": {
        "network": partial(gated_pixelcnn.GatedPixelCNN, width=8), "image": (1, 4, 4), "lr": 0.5, "betas": (0.25, 0.5),
    },
    "pixelvae": {
        "networks": partial(pixelvae.small_networks, layers=1), "image": (1, 4, 4), "latent_size": 3, "anneal": 9,
        "draws": 3, "lr": 0.5, "betas": (0.25, 0.5),
    },
    "pixelgan": {
        "networks": partial(pixelgan.small_networks, layers=1), "image": (1, 4, 4), "latent_size": 3,
        "prior": priors.one_gaussian, "rates": (0.5, 0.25, 0.125), "betas": (0.25, 0.5), "noise": 0.2, "anneal": 9,
    },
}  # fmt: skip


def build(system, **changes):
    return SYSTEMS[system].build(np.random.default_rng(0), **changes)


def look(model):
    """All that tells one model from another: weights, options, and what else is no network."""
    parts = {name: part.state_dict() for name, part in model.parts().items()}
    states = [(name, path, *fingerprint(value)) for name, state in parts.items() for path, value in state.items()]
    optimizers = [(type(optimizer).__name__, options_of(optimizer)) for optimizer in model.optimizers()]
    rest = {name: value for name, value in vars(model).items() if isinstance(value, (bool, int, float, str, tuple))}
    inner = [
        (type(part).__name__, vars(part)) for part in map(vars(model).get, ("objective", "penalty", "prior")) if part
    ]
    inner += [repr(sorted(vars(part).items())) for part in map(vars(model).get, ("diffusion", "growth")) if part]
    average = options_of(model.average) if hasattr(model, "average") else None
    functions = getattr(model, "noise", None), taken(model)
    options = {name: value for name, value in options_of(model).items() if not callable(value)}
    inside = [look(part) for part in vars(model).values() if isinstance(part, Model)]
    return states, optimizers, options, rest, repr(inner), average, functions, inside


def stages(model):
    """The models that a model is made of, or itself."""
    return [part for part in vars(model).values() if isinstance(part, Model)] or [model]


def fingerprint(value):
    return np.shape(value), np.asarray(value).tobytes()


def taken(model):
    """How many steps the critic takes in each of the first iterations."""
    steps = getattr(model, "critic_steps", None)
    return [steps(iteration) for iteration in range(12)] if callable(steps) else steps


@pytest.mark.parametrize("system, name", [(system, name) for system, others in OTHERS.items() for name in others])
def test_every_number_of_a_preset_makes_another_model(system, name):
    assert defaults(system).keys() == OTHERS[system].keys()
    assert look(build(system)) == look(build(system))
    assert look(build(system, **{name: OTHERS[system][name]})) != look(build(system))


WHERE = {  # what holds a number, and by which name
    "lr": lambda model: [each.lr for each in model.optimizers()[: 2 if hasattr(model, "pretraining") else None]],
    "rates": lambda model: [
        tuple(optimizer.lr for optimizer in (model.optimizers()[0], *pair))
        for pair in zip(model.optimizers()[1::2], model.optimizers()[2::2])
    ],
    "betas": lambda model: [optimizer.betas for optimizer in model.optimizers()],
    "momentum": lambda model: [optimizer.momentum for optimizer in model.optimizers()],
    "beta2": lambda model: [model.beta2],
    "half_life": lambda model: [model.half_life],
    "ramp": lambda model: [model.ramp],
    "clip": lambda model: [model.clip],
    "penalty_weight": lambda model: [model.penalty.weight],
    "average_decay": lambda model: [stage.average.decay for stage in stages(model)],
    "schedule": lambda model: [(model.reading, model.first.steps, model.second.steps)],
    "kl": lambda model: [stage.kl for stage in stages(model)],
    "wrong_share": lambda model: [stage.wrong_share for stage in stages(model)],
    "class_weights": lambda model: [model.class_weights],
    "low": lambda model: [model.low],
    "classes": lambda model: [model.classes if hasattr(model, "classes") else len(model.encoder.head.bias)],
    "binarised": lambda model: [model.binarised],
    "draws": lambda model: [model.draws],
    "turns": lambda model: [model.turns],
    "persistent": lambda model: [model.persistent],
    "content": lambda model: [model.weights[0]],
    "adversarial": lambda model: [model.weights[0] if hasattr(model, "pool_x") else model.weights[1]],
    "pretraining": lambda model: [model.pretraining],
    "adversarial_lr": lambda model: [model.generator_optimizer.lr, model.critic_optimizer.lr],
    "cycle": lambda model: [model.weights[1:3]],
    "identity": lambda model: [model.weights[3]],
    "first": lambda model: [model.first],
    "style_weight": lambda model: [model.style_weight],
    "centred": lambda model: [model.centred],
    "pool_size": lambda model: [len(pool.kept) for pool in (model.pool_x, model.pool_y)],
    "timesteps": lambda model: [model.diffusion.timesteps],
    "sigma": lambda model: [model.diffusion.sigma],
    "law": lambda model: [model.diffusion.law],
    "target": lambda model: [model.diffusion.target],
    "gamma": lambda model: [model.gamma if hasattr(model, "gamma") else model.penalty.gamma],
    "rest": lambda model: [model.growth.rest],
    "rise": lambda model: [(model.growth if hasattr(model, "growth") else model.diffusion).rise],
    "drift": lambda model: [model.objective.drift],
    "objective": lambda model: [model.objective],
    "penalty": lambda model: [model.penalty],
    "chains": lambda model: [len(model.machine.chains)],
    "noise": lambda model: [model.noise],
    "arrangements": lambda model: [model.arrangements],
    "anneal": lambda model: [model.anneal],
    "weights": lambda model: [model.weights],
    "jitter": lambda model: [model.jitter],
}


@pytest.mark.parametrize("name", WHERE)
def test_a_number_of_a_preset_arrives_where_it_belongs(name):
    for system, others in OTHERS.items():
        if name in others:
            found = WHERE[name](build(system, **{name: others[name]}))
            assert found == [others[name]] * len(found) and found


CODES = {
    "autoencoder",
    "vae",
    "aae",
    "pixelvae",
    "pixelgan",
    "stackgan",
}  # whose latents are codes, or beside a caption
WITH_LATENTS = [name for name in OTHERS if "latent_size" in OTHERS[name] and name not in CODES]


@pytest.mark.parametrize("system", WITH_LATENTS)
def test_the_latents_of_a_preset_are_what_its_generator_takes(system):
    game, rng = build(system, latent_size=7), np.random.default_rng(0)
    assert game.images(game.latents(2, rng), *game.conditions(2, rng)).shape[0] == 2


@pytest.mark.parametrize("change", [{"size": 16}, {"channels": 2}, {"width": 8}])
def test_the_strided_networks_have_the_size_that_is_asked_for(change):
    options = {"size": 32, "channels": 1, "width": 16, **change}
    game = build("dcgan", networks=partial(dcgan.strided_networks, **options), latent_size=100)
    images = game.images(game.latents(2, np.random.default_rng(0)))
    assert images.shape == (2, options["channels"], options["size"], options["size"])
    assert game.critic[0].out_channels == options["width"]


@pytest.mark.parametrize("preset", ["32", "emoji", "tutorial"])
def test_a_preset_shows_its_networks_images_that_they_can_take(preset):
    found = settings("dcgan", preset)
    networks, view = (dict(found[name][1:]) for name in ("networks", "view"))
    assert {name: networks[name] for name in ("size", "channels")} == view


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_presets_that_a_file_speaks_of_are_there(name):
    sentences = re.findall(r"[Pp]resets? `[^.;]*", FILES[name].__doc__)
    assert {word for sentence in sentences for word in re.findall(r"`(\w+)`", sentence)} <= set(SYSTEMS[name].presets)
