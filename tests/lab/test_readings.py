"""What there is to read in a log: limits, windows, ends; and the page quotes what is kept."""

import json

import numpy as np
import pytest
from games import make

from scratchgan.checkpoint import CheckpointError
from scratchgan.lab.limits import alike
from scratchgan.lab.readings import READINGS, WINDOWS, ends, thinned, windowed
from scratchgan.models import SYSTEMS


def written(folder, system="dcgan", rows=80):
    (folder / "config.json").write_text(json.dumps({"system": system, "preset": "quick"}))
    lines = [f"{step},{step},2,0.1" for step in range(1, rows + 1)]
    (folder / "log.csv").write_text("\n".join(["step,critic_loss,generator_loss,lr", *lines]) + "\n")
    return folder


# Reading -------------------------------------------------------------------------------------------------------------


def test_a_log_becomes_windows(tmp_path):
    found = thinned(written(tmp_path))
    assert (found["system"], found["preset"], found["steps"]) == ("dcgan", "quick", 80)
    means, deviations = found["curves"]["critic_loss"]
    assert len(means) == WINDOWS and means[:2] == [1.5, 3.5] and set(deviations) == {0.5}
    assert ends(found["curves"]["critic_loss"]) == (4.5, 76.5)
    assert list(found["curves"]) == ["critic_loss", "generator_loss"]


def test_a_short_log_is_kept_as_it_is():
    assert windowed(np.array([1.0, 2.0])) == [[1, 2], [0, 0]]


def test_phases_that_idle_at_0_do_not_count():
    assert ends([[0.0] * 20 + [1.0] + [2.0] * 9 + [0.0] * 5, []]) == (1, 2) and ends([[0.0, 0.0], []]) == (0, 0)


def test_what_cannot_be_read_is_said(tmp_path):
    with pytest.raises(
        CheckpointError, match="is a run of 'mine', and healthy.* known of gan, dcgan.*/curves.png for its"
    ):
        thinned(written(tmp_path, "mine"))
    with pytest.raises(CheckpointError, match="there is no run in .*nosuch: it has no config.json. A run begins with"):
        thinned(tmp_path / "nosuch")
    (tmp_path / "log.csv").unlink()
    with pytest.raises(CheckpointError, match="it has no log.csv"):
        thinned(tmp_path)
    with pytest.raises(CheckpointError, match="has no rows: nothing was trained yet"):
        thinned(written(tmp_path, rows=0))
    with pytest.raises(CheckpointError, match="log.csv is not that of such a run, .*KeyError.'adversarial'"):
        thinned(written(tmp_path, "srgan"))  # its preset mse has no game
    written(tmp_path)
    with (tmp_path / "log.csv").open("a") as file:
        file.write("81,0.7")  # a row that is being written
    with pytest.raises(CheckpointError, match="log.csv is not that of such a run, or is damaged"):
        thinned(tmp_path)
    for text in ("[1]", "{}", "no"):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(CheckpointError, match="config.json is not that of such a run, or is damaged"):
            thinned(tmp_path)


# Limits --------------------------------------------------------------------------------------------------------------


def test_every_system_is_read():
    assert set(READINGS) == set(SYSTEMS)


def test_the_limits_are_those_of_the_objectives():
    log4, log2 = alike("non-saturating")
    players = {"critic_loss": log4, "generator_loss": log2}
    assert all(
        READINGS[name] == pytest.approx(players) for name in ("gan", "dcgan", "cgan", "stylegan", "diffusion_gan")
    )
    assert list(READINGS["lsgan"].values()) == [1 / 4, 1 / 8] and READINGS["sngan"]["critic_loss"] == 2
    assert list(READINGS["r3gan"].values()) == pytest.approx(alike("relativistic"))
    assert READINGS["wgan_gp"] == {"wasserstein": 0, "gradient_norm": 1}
    for name in ("pix2pix", "srgan", "aae"):
        assert list(READINGS[name].values()) == pytest.approx([log4, log2])


@pytest.mark.parametrize("name, kind", [("gan", "GAN"), ("lsgan", "LSGAN"), ("sngan", "SN-GAN"), ("r3gan", "R3GAN")])
def test_a_system_whose_critic_is_flat_is_at_its_limit(name, kind):
    """Of the system's own objective, with scores that are all alike."""
    game = make(kind)
    objective = game.objective
    middle = getattr(objective, "real_target", 1.0) / 2 if name == "lsgan" else 0.0
    scores = game.tensor(np.full((4, 1), middle))
    assert objective.discriminator_loss(scores, scores).item() == pytest.approx(READINGS[name]["critic_loss"])


def test_cyclegan_has_two_critics_and_a_doubled_adversarial_term():
    d, g = alike("least squares (0, 1, 1)")
    assert (
        READINGS["cyclegan"]
        == {"critic_loss": 2 * d, "adversarial": 2 * (g + g)}
        == dict.fromkeys(("critic_loss", "adversarial"), 0.5)
    )


def test_stackgans_d_ends_where_it_tells_wrong_captions_and_no_fakes():
    """p against p_G / 2 on right pairs, where p_G = p; wrong pairs, which it knows, cost nothing."""
    losses = [np.logaddexp(0, -u) + np.logaddexp(0, u) / 2 for u in np.linspace(-3, 3, 6001)]
    assert READINGS["stackgan"]["L_D"] == pytest.approx(min(losses), abs=1e-6)
