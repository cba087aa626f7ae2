"""Presets: the numbers of each, as its file and the README say them, and that each number is obeyed."""

import inspect
import re
from pathlib import Path

import numpy as np
import pytest

from scratchgan.models import SYSTEMS
from scratchgan.nn.options import options_of

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
ADAM = {"betas": [0.5, 0.999]}
WGAN_ADAM = {"betas": [0.0, 0.9]}
SMALL = {"latent_size": 64, "low": -1.0, "batch_size": 64, "average_decay": 0.99}  # what nearly all share


def falling(steps, every, **others):
    """Steps over which the rate falls to a twentieth."""
    return {"steps": steps, "lr_steps": steps, "every": every, **others}


GAN = {**SMALL, "networks": "small", "uniform": False, "optimizer": "adam", "lr": 1e-3, "average_decay": 0.995}
DCGAN = {**SMALL, **ADAM, "networks": "small", "width": 16, "minibatch": None, "lr": 1e-2}
STRIDED = {**DCGAN, "networks": "strided", "latent_size": 100, "channels": 1, "size": 32}
LSGAN = {**SMALL, **ADAM, "width": 16, "codes": [0.0, 1.0, 1.0], "lr": 1e-2}
WGAN = {**SMALL, "width": 16, "clip": 0.03, "critic_steps": 2, "warm_up": [20, 10], "lr": 1e-3}
WGANGP = {**SMALL, **WGAN_ADAM, "networks": "small", "penalty_weight": 10.0, "critic_steps": 2, "lr": 4e-3}
SNGAN = {**SMALL, **WGAN_ADAM, "generator_width": 32, "width": 8, "critic_steps": 1, "lr": 2e-3}
CGAN = {**SMALL, **ADAM, "networks": "small", "maps": "constant", "lr": 1e-2}
ACGAN = {**SMALL, **WGAN_ADAM, "critic_steps": 2, "penalty_weight": 10.0, "class_weights": [1.0, 1.0], "lr": 3e-3}
PRESETS = {
    "GAN": {
        "quick": {**GAN, **falling(3000, 100)},
        "default": {**GAN, **falling(12_000, 400)},
        "mlp": {**GAN, "networks": "mlp", **falling(12_000, 400)},
        "paper": {
            "networks": "paper", "latent_size": 100, "uniform": True, "low": 0.0, "batch_size": 100,
            "optimizer": "sgd", "lr": 0.1, "average_decay": 0.999, **falling(125_000, 500),
        },
    },
    "DCGAN": {
        "quick": {**DCGAN, **falling(600, 50)},
        "default": {**DCGAN, **falling(3000, 100)},
        "discrimination": {**DCGAN, "minibatch": "discrimination", **falling(3000, 100)},
        "deviation": {**DCGAN, "minibatch": "deviation", **falling(3000, 100)},
        "32": {**STRIDED, **falling(3000, 100)},
        "tutorial": {
            **STRIDED, "size": 64, "channels": 3, "width": 64, "batch_size": 128, "lr": 2e-4, "lr_steps": None,
            "average_decay": 0.999, "steps": 8000, "every": 100,
        },
    },
    "LSGAN": {
        "quick": {**LSGAN, **falling(600, 50)},
        "default": {**LSGAN, **falling(3000, 100)},
        "pearson": {**LSGAN, "codes": [-1.0, 1.0, 0.0], **falling(3000, 100)},
    },
    "WGAN": {
        "quick": {**WGAN, **falling(600, 50)},
        "default": {**WGAN, **falling(5000, 200)},
        "paper": {
            **WGAN, "clip": 0.01, "critic_steps": 5, "warm_up": [100, 25], "lr": 5e-5, "lr_steps": None,
            "steps": 100_000, "every": 500,
        },
    },
    "WGAN-GP": {
        "quick": {**WGANGP, "batch_size": 32, **falling(1000, 50)},
        "default": {**WGANGP, **falling(2500, 100)},
        "paper": {
            "networks": "paper", "latent_size": 128, "low": 0.0, "batch_size": 50, "penalty_weight": 10.0,
            "critic_steps": 5, "lr": 1e-4, "betas": [0.5, 0.9], "average_decay": 0.999, "lr_steps": None,
            "steps": 200_000, "every": 100,
        },
    },
    "SN-GAN": {"quick": {**SNGAN, **falling(600, 50)}, "default": {**SNGAN, **falling(3000, 100)}},
    "CGAN": {
        "quick": {**CGAN, **falling(600, 50)},
        "default": {**CGAN, **falling(3000, 100)},
        "banded": {**CGAN, "maps": "banded", **falling(3000, 100)},
        "keras": {
            **CGAN, "networks": "keras", "latent_size": 128, "low": 0.0, "lr": 3e-4, "lr_steps": None,
            "betas": [0.9, 0.999], "steps": 20_000, "every": 100,
        },
    },
    "AC-GAN": {"quick": {**ACGAN, **falling(600, 50)}, "default": {**ACGAN, **falling(2000, 100)}},
}  # fmt: skip
every_preset = pytest.mark.parametrize(
    "system, preset", [(system, preset) for system, presets in PRESETS.items() for preset in presets]
)


def test_every_system_and_preset_is_in_the_table():
    assert {name: list(system.PRESETS) for name, system in SYSTEMS.items()} == {k: list(v) for k, v in PRESETS.items()}


@every_preset
def test_a_preset_has_the_numbers_that_are_written_down(system, preset):
    found, expected = SYSTEMS[system].PRESETS[preset], PRESETS[system][preset]
    assert found == expected
    assert {k: type(v) for k, v in found.items()} == {k: type(v) for k, v in expected.items()}


# What a file or the README says of a preset: (system, preset, the words, where, what they say)
FILE = {name: re.sub(r"\s+", " ", inspect.getdoc(system)) for name, system in SYSTEMS.items()}
SAID = [
    ("GAN", "paper", "SGD, z uniform with variance 1", {"optimizer": "sgd", "uniform": True}),
    ("DCGAN", "default", "α from 0.01 to a twentieth", {"lr": 0.01, "lr_steps": 3000}),
    ("DCGAN", "tutorial", "Adam with α = 0.0002 and β₁ = 0.5", {"lr": 0.0002, "betas": [0.5, 0.999]}),
    ("LSGAN", "default", "the default here, is (0, 1, 1)", {"codes": [0, 1, 1]}),
    ("LSGAN", "pearson", "(a, b, c) = (−1, 1, 0), G descends the Pearson χ² divergence", {"codes": [-1, 1, 0]}),
    ("LSGAN", "default", "α from 0.01 to a twentieth", {"lr": 0.01, "lr_steps": 3000}),
    ("WGAN", "default", "c = 0.03, RMSprop with α falling from 10⁻³", {"clip": 0.03, "lr": 1e-3}),
    ("WGAN", "default", "2 critic steps; 20 in the first 10", {"critic_steps": 2, "warm_up": [20, 10]}),
    ("WGAN", "paper", "c = 0.01, α = 5·10⁻⁵ throughout", {"clip": 0.01, "lr": 5e-5, "lr_steps": None}),
    ("WGAN", "paper", "5; 100 in the first 25 iterations", {"critic_steps": 5, "warm_up": [100, 25]}),
    ("WGAN-GP", "default", "α from 0.004 to a twentieth, β₁ = 0", {"lr": 0.004, "betas": [0, 0.9]}),
    ("WGAN-GP", "default", "two critic steps", {"critic_steps": 2}),
    ("WGAN-GP", "paper", "λ, 10 in the paper", {"penalty_weight": 10}),
    ("WGAN-GP", "paper", "no norm, five critic steps", {"critic_steps": 5}),
    ("WGAN-GP", "paper", "α = 0.0001, β₁ = 0.5", {"lr": 0.0001, "betas": [0.5, 0.9]}),
    ("SN-GAN", "default", "α from 0.002 to a twentieth, β = (0, 0.9), n_dis = 1",
     {"lr": 0.002, "betas": [0, 0.9], "critic_steps": 1}),
    ("AC-GAN", "default", "λ = 10, a = 1, b = 1, two critic steps",
     {"penalty_weight": 10, "class_weights": [1, 1], "critic_steps": 2}),
]  # fmt: skip


@pytest.mark.parametrize("system, preset, words, numbers", SAID, ids=[f"{s}, {words[:30]}" for s, _, words, _ in SAID])
def test_a_preset_is_what_its_file_says(system, preset, words, numbers):
    assert words in FILE[system]
    assert {name: SYSTEMS[system].PRESETS[preset][name] for name in numbers} == numbers


def test_the_readme_names_presets_that_are_there():
    assert "(−1, 1, 0)" in README and "200,000 steps" in README
    assert SYSTEMS["WGAN-GP"].PRESETS["paper"]["steps"] == 200_000
    rows = re.findall(r"^\| (`\w+_mnist.py`.*?) \| (.*?) \|$", README, re.M)
    assert len(rows) == 5
    for files, text in rows:
        for file in re.findall(r"`(\w+)_mnist.py`", files):
            presets = {name.__name__.rpartition(".")[2]: name.PRESETS for name in SYSTEMS.values()}[file]
            assert set(re.findall(r"`(\w+)`", text)) <= set(presets) - {"quick", "default"}


def test_the_optimisers_of_the_first_gan_are_those_that_its_file_names():
    adam, sgd = (SYSTEMS["GAN"].OPTIMIZERS[name].keywords for name in ("adam", "sgd"))
    assert "rate falls linearly, momentum 0.5" in FILE["GAN"] and sgd == {"momentum": 0.5}
    assert adam == {"betas": (0.5, 0.999)}


# Each is obeyed ------------------------------------------------------------------------------------------------------

OTHERS = {  # for the default of each system, another value of all that its networks and its game are made with
    "GAN": {"networks": "mlp", "latent_size": 63, "uniform": True, "optimizer": "sgd", "lr": 0.5},
    "DCGAN": {"latent_size": 63, "width": 8, "minibatch": "deviation", "lr": 0.5, "betas": [0.25, 0.5]},
    "LSGAN": {"latent_size": 63, "width": 8, "codes": [0.0, 1.0, 0.5], "lr": 0.5, "betas": [0.25, 0.5]},
    "WGAN": {"latent_size": 63, "width": 8, "clip": 0.5, "critic_steps": 3, "warm_up": [20, 11], "lr": 0.5},
    "WGAN-GP": {"latent_size": 63, "penalty_weight": 5.0, "critic_steps": 3, "lr": 0.5, "betas": [0.25, 0.5]},
    "SN-GAN": {"latent_size": 63, "generator_width": 8, "width": 4, "critic_steps": 3, "lr": 0.5, "betas": [0.25, 0.5]},
    "CGAN": {"networks": "keras", "latent_size": 63, "maps": "banded", "lr": 0.5, "betas": [0.25, 0.5]},
    "AC-GAN": {
        "latent_size": 63, "critic_steps": 3, "penalty_weight": 5.0, "class_weights": [1.0, 0.5], "lr": 0.5,
        "betas": [0.25, 0.5],
    },
}  # fmt: skip
OF_THE_RUN = {"steps", "lr_steps", "every", "low", "batch_size", "average_decay"}


def look(game):
    """All that tells one game from another: weights, options, and what else is no network."""
    states = [network.state_dict() for network in (game.generator, game.critic)]
    weights = [(path, array.shape, array.tobytes()) for state in states for path, array in state.items()]
    optimizers = [(type(optimizer).__name__, options_of(optimizer)) for optimizer in game.optimizers]
    rest = {name: value for name, value in vars(game).items() if isinstance(value, (bool, int, float, str, tuple))}
    maps = getattr(getattr(game, "maps", None), "__name__", None)
    return weights, optimizers, options_of(game), rest, maps, repr(vars(game.objective))


def build(system, **changes):
    settings = {**SYSTEMS[system].PRESETS["default"], **changes}
    return SYSTEMS[system].build(settings, np.random.default_rng(0), "cpu")


@pytest.mark.parametrize("system, name", [(system, name) for system, others in OTHERS.items() for name in others])
def test_every_number_of_a_preset_makes_another_game(system, name):
    assert PRESETS[system]["default"].keys() <= OTHERS[system].keys() | OF_THE_RUN | {"networks"}
    assert look(build(system)) == look(build(system))
    assert look(build(system, **{name: OTHERS[system][name]})) != look(build(system))


@pytest.mark.parametrize("name", ["lr", "betas", "clip", "penalty_weight", "critic_steps", "class_weights", "warm_up"])
def test_a_number_of_a_preset_arrives_where_it_belongs(name):
    for system, others in OTHERS.items():
        if name in others:
            game, value = build(system, **{name: others[name]}), others[name]
            owners = game.optimizers if name in ("lr", "betas") else (game,)
            assert {getattr(owner, name) for owner in owners} == {tuple(value) if isinstance(value, list) else value}


@pytest.mark.parametrize("system", OTHERS)
def test_the_latents_of_a_preset_are_what_its_generator_takes(system):
    game = build(system, latent_size=7)
    assert game.generator.eval()(game.latents(2, np.random.default_rng(0))).shape == (2, 1, 28, 28)


@pytest.mark.parametrize("preset, change", [("32", {"size": 16}), ("32", {"channels": 2}), ("32", {"width": 8})])
def test_the_strided_networks_have_the_size_that_is_asked_for(preset, change):
    settings = {**SYSTEMS["DCGAN"].PRESETS[preset], **change}
    game = SYSTEMS["DCGAN"].build(settings, np.random.default_rng(0), "cpu")
    images = game.generator.eval()(game.latents(2, np.random.default_rng(0)))
    assert images.shape == (2, settings["channels"], settings["size"], settings["size"])
    assert game.critic[0].out_channels == settings["width"]
