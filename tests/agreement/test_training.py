"""Training against PyTorch: from the same weights, on the same data and noise, the same weights after 20 iterations.

Two programs that share only a list of layers: our `WGANGP`, and Algorithm 1 of the paper as a user of PyTorch would
write it. Each step begins where the last one ended, so an error anywhere (in a layer, a second derivative, Adam, a
sign, the order in which the players move) has a hundred steps in which to show.
"""

from functools import partial

import numpy as np
import pytest

from scratchgan import nn
from scratchgan.losses import GradientPenalty
from scratchgan.models.wgan_gp import WGANGP
from scratchgan.optim import Adam

torch = pytest.importorskip("torch", reason="PyTorch is not installed; it is needed only to compare with")
torch.set_num_threads(1)  # for arrays this small, threads only wait for each other

ITERATIONS, CRITIC_STEPS, BATCH, LATENTS = 20, 4, 6, 5
ADAM = {"lr": 4e-3, "betas": (0.5, 0.9)}  # β₁ is 0 by default, and the first average then remembers nothing
TOLERANCE = {np.float64: 1e-6, np.float32: 1e-3}

# name: (the options of ours, the penalty of PyTorch's as a function of the norms)
PENALTIES = {
    "two-sided": ({}, lambda norms: ((norms - 1) ** 2).mean()),
    "one-sided": ({"one_sided": True}, lambda norms: ((norms - 1).clamp(min=0) ** 2).mean()),
    "zero-centred": ({"center": 0.0}, lambda norms: (norms**2).mean()),
}


def networks(nn):
    """Both players, of either library: the names are the same.

    No bias stands where the loss does not depend on it: before a norm, which takes it off again, and at the end of the
    critic, where it shifts D(x) and D(x̃) alike. The gradient in such a bias is 0 but for rounding, and Adam, which
    divides each gradient by its own size, would turn this rounding into steps of full length.
    """
    generator = nn.Sequential(
        nn.Linear(LATENTS, 16, bias=False),
        nn.BatchNorm1d(16),
        nn.ReLU(),
        nn.Unflatten(1, (4, 2, 2)),
        nn.ConvTranspose2d(4, 4, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(4),
        nn.LeakyReLU(0.2),
        nn.ConvTranspose2d(4, 3, 4, stride=2, padding=1),
        nn.Tanh(),
    )
    critic = nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(4, 4, 3, padding=1, bias=False),
        nn.InstanceNorm2d(4, affine=True),
        nn.LeakyReLU(0.2),
        nn.Conv2d(4, 6, 3, stride=2, padding=1, bias=False),
        nn.LayerNorm((6, 2, 2)),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(24, 1, bias=False),
    )
    return generator, critic


def start(dtype):
    """The initial state of both players, which both programs load: one draw, whatever the dtype."""
    torch.manual_seed(0)
    states = [{k: v.numpy().copy() for k, v in network.state_dict().items()} for network in networks(torch.nn)]
    return [{k: v.astype(dtype) if v.dtype.kind == "f" else v for k, v in state.items()} for state in states]


def images(dtype):
    """A batch for each of the critic's steps."""
    count = ITERATIONS * CRITIC_STEPS
    return np.tanh(np.random.default_rng(1).standard_normal((count, BATCH, 3, 8, 8))).astype(dtype)


def noise():
    """What both programs draw from, in the same order: z, ε for a step of the critic, z for one of the generator."""
    return np.random.default_rng(2)


def train_ours(dtype, **options):
    generator, critic = (network.to(dtype) for network in networks(nn))
    for network, state in zip((generator, critic), start(dtype)):
        network.load_state_dict(state)
    adam, penalty = partial(Adam, **ADAM), GradientPenalty(**options)
    model = WGANGP(generator, critic, LATENTS, adam, critic_steps=CRITIC_STEPS, penalty=penalty)
    batches, rng = iter(images(dtype)[:, None]), noise()
    for _ in range(ITERATIONS):
        model.train_step(batches, rng)
    return {name: part.state_dict() for name, part in model.parts().items()}


def train_torch(dtype, penalty):
    generator, critic = (network.to(torch.from_numpy(np.zeros(0, dtype)).dtype) for network in networks(torch.nn))
    for network, state in zip((generator, critic), start(dtype)):
        network.load_state_dict({k: torch.from_numpy(np.array(v)) for k, v in state.items()})
    generator_optimizer = torch.optim.Adam(generator.parameters(), **ADAM)
    critic_optimizer = torch.optim.Adam(critic.parameters(), **ADAM)
    batches, rng = iter(images(dtype)), noise()

    def latents():
        return torch.from_numpy(rng.standard_normal((BATCH, LATENTS)).astype(dtype))

    for _ in range(ITERATIONS):
        for _ in range(CRITIC_STEPS):
            real, fake = torch.from_numpy(next(batches)), generator(latents()).detach()
            epsilon = torch.from_numpy(rng.random((BATCH, 1, 1, 1)).astype(dtype))
            x = (epsilon * real + (1 - epsilon) * fake).requires_grad_()
            (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
            critic_optimizer.zero_grad()
            loss = critic(fake).mean() - critic(real).mean() + 10 * penalty(slope.flatten(1).norm(dim=1))
            loss.backward()
            critic_optimizer.step()
        generator_optimizer.zero_grad()
        (-critic(generator(latents())).mean()).backward()
        generator_optimizer.step()
    return {
        "generator": state_of(generator),
        "critic": state_of(critic),
        "generator_optimizer": state_of_adam(generator_optimizer),
        "critic_optimizer": state_of_adam(critic_optimizer),
    }


def state_of(network):
    return {key: value.numpy() for key, value in network.state_dict().items()}


def state_of_adam(optimizer):
    """In our keys: the steps (which PyTorch counts for each parameter), then the averages of each parameter."""
    states = [optimizer.state[p] for p in optimizer.param_groups[0]["params"]]
    (steps,) = {int(state["step"]) for state in states}
    averages = {f"{i}.{k}": state[k].numpy() for i, state in enumerate(states) for k in ("exp_avg", "exp_avg_sq")}
    return {"steps": steps, "lr": optimizer.param_groups[0]["lr"], **averages}


def distance(ours, theirs):
    """The largest difference, relative to the largest entry."""
    return np.abs(ours - theirs).max() / np.abs(theirs).max()


@pytest.mark.parametrize("dtype", TOLERANCE, ids=lambda dtype: dtype.__name__)
@pytest.mark.parametrize("name", PENALTIES)
def test_twenty_iterations_end_in_the_same_weights_buffers_and_optimiser_states(name, dtype, record_property):
    options, penalty = PENALTIES[name]
    ours, theirs = train_ours(dtype, **options), train_torch(dtype, penalty)
    distances = {}
    for part, reference in theirs.items():
        assert list(ours[part]) == list(reference)
        for key, value in reference.items():
            assert ours[part][key].dtype.kind != "f" or ours[part][key].dtype == dtype
            distances[f"{part} {key}"] = distance(ours[part][key], value)
    record_property("largest difference", max(distances.values()))
    assert {key: d for key, d in distances.items() if not d <= TOLERANCE[dtype]} == {}


@pytest.mark.parametrize("name", PENALTIES)
def test_training_moves_every_weight_and_every_buffer_much_further_than_that(name):
    """Else two programs that do nothing would agree; and no weight is one that the loss does not depend on."""
    ours = train_ours(np.float64, **PENALTIES[name][0])
    for part, before in zip(("generator", "critic"), start(np.float64)):
        for key, value in before.items():
            moved = np.abs(ours[part][key] - value)
            assert moved.min() > 0 and moved.max() > 1e-2, (part, key)
