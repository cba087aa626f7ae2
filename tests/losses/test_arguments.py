"""What losses, penalties and noise take: Tensors of floating numbers; pictures in bytes are refused."""

import numpy as np
import pytest
from seeded import rng

from scratchgan import Parameter, Tensor, losses
from scratchgan.losses import OBJECTIVES

REAL = Tensor(np.random.default_rng(0).standard_normal((3, 4)))
W = Parameter(np.ones((4, 1)))


def critic(x):
    return x @ W


TAKE = {
    "discriminator_loss, real": ("real", lambda x: OBJECTIVES["hinge"].discriminator_loss(x, REAL)),
    "discriminator_loss, fake": ("fake", lambda x: OBJECTIVES["wasserstein"].discriminator_loss(REAL, x)),
    "generator_loss, fake": ("fake", lambda x: OBJECTIVES["hinge"].generator_loss(x)),
    "generator_loss, real": ("real", lambda x: OBJECTIVES["relativistic"].generator_loss(REAL, x)),
    "on_lines, real": ("real", lambda x: losses.on_lines(x, REAL, rng())),
    "on_lines, fake": ("fake", lambda x: losses.on_lines(REAL, x, rng())),
    "perturb": ("real", lambda x: losses.perturb(x, rng())),
    "squared_slopes": ("x", lambda x: losses.squared_slopes(critic, x)),
    "squared_slopes, scores": ("what the critic returns", lambda x: losses.squared_slopes(lambda _: x, W)),
    "gradient_norms": ("x", lambda x: losses.gradient_norms(critic, x)),
    "gradient_penalty": ("norms", losses.gradient_penalty),
    "r1_penalty": ("x", lambda x: losses.r1_penalty(critic, x, 1.0)),
    "r2_penalty": ("x", lambda x: losses.r2_penalty(critic, x, 1.0)),
    "r1_r2_penalty": ("x", lambda x: losses.r1_r2_penalty(critic, REAL, x, 1.0)),
    "feature_matching, real": ("real", lambda x: losses.feature_matching(x, REAL)),
    "feature_matching, fake": ("fake", lambda x: losses.feature_matching(REAL, x)),
    "instance_noise": ("x", lambda x: losses.instance_noise(x, 0.1, rng())),
    "gaussian_kl, mean": ("mean", lambda x: losses.gaussian_kl(x, REAL)),
    "gaussian_kl, log-variance": ("log_variance", lambda x: losses.gaussian_kl(REAL, x)),
    "gaussian_nll": ("z", lambda x: losses.gaussian_nll(x, REAL, REAL)),
    "bernoulli_nll, logits": ("logits", lambda x: losses.bernoulli_nll(x, REAL)),
    "bernoulli_nll, x": ("x", lambda x: losses.bernoulli_nll(REAL, x)),
    "importance_bound": ("log_weights", losses.importance_bound),
    "reparametrise": ("mean", lambda x: losses.reparametrise(x, REAL, rng())),
    "bernoulli": ("probabilities", lambda x: losses.bernoulli(x, rng())),
    "HistoricalAverage": (r"params\[1\]", lambda x: losses.HistoricalAverage([W, x])),
}


@pytest.mark.parametrize("name, call", TAKE.values(), ids=TAKE)
@pytest.mark.parametrize("kind", [np.uint8, np.int64, bool])
def test_pictures_in_bytes_are_refused_with_the_way_out(name, call, kind):
    with pytest.raises(TypeError, match=rf"^{name} must hold floating numbers, not {np.dtype(kind)}: .*x\.to\("):
        call(Tensor(np.ones((3, 4), kind)))


@pytest.mark.parametrize("name, call", TAKE.values(), ids=TAKE)
@pytest.mark.parametrize("given", [np.ones((3, 4)), [1.0], 1.5, "x"], ids=["array", "list", "number", "text"])
def test_what_is_no_tensor_is_refused_by_its_name(name, call, given):
    with pytest.raises(TypeError, match=rf"^{name} must be a Tensor, not {type(given).__name__}"):
        call(given)


@pytest.mark.parametrize("given", [np.ones(2), Tensor(np.ones(2)), None])
def test_only_parameters_are_clipped(given):
    with pytest.raises(TypeError, match=rf"params\[1\] must be a Parameter, not {type(given).__name__}"):
        losses.clip_weights([Parameter(np.ones(2)), given], 0.5)


def test_a_line_joins_images_of_one_dtype():
    with pytest.raises(TypeError, match="float32 and float64 do not mix"):
        losses.on_lines(REAL, REAL.to(np.float32), rng())
