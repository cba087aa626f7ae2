"""Diffusion-GAN against PyTorch: the same weights after ten steps of two programs that share the numbers drawn.

The script is one that a user of PyTorch would write, after the loop of the authors: every four batches a new T, a new
line of β and a new list of stages; each batch diffused before the discriminator sees it; R1 through the diffusion.
"""

import math

import numpy as np
import pytest

from scratchgan.models import diffusion_gan

torch = pytest.importorskip("torch", reason="PyTorch is not installed; it is needed only to compare with")
torch.set_num_threads(1)
T = torch.nn

STEPS, BATCH, LATENTS, WIDTH, GAMMA = 10, 6, 5, 3, 0.5
ADAM = {"lr": 1e-3, "betas": (0.5, 0.999)}
CHAIN = {"timesteps": (10, 90), "sigma": 0.3, "law": "paper", "target": 0.6, "rise": 96}


def data():
    return np.tanh(np.random.default_rng(1).standard_normal((STEPS, 1, BATCH, 1, 28, 28)))


def ours():
    """Our game at its beginning, in float64."""

    def networks(rng, latent_size):
        return [each.to(np.float64) for each in diffusion_gan.small_networks(rng, latent_size, WIDTH, False)]

    rng = np.random.default_rng(0)
    return diffusion_gan.build(rng, networks=networks, latent_size=LATENTS, gamma=GAMMA, **CHAIN, **ADAM)


class Critic(T.Module):
    """Three convolutions, the first with a shift for each channel that depends on the stage."""

    def __init__(self):
        super().__init__()
        self.first = T.Conv2d(1, WIDTH, 5, 2, 2)
        self.rest = T.Sequential(
            T.LeakyReLU(0.2), T.Conv2d(WIDTH, 2 * WIDTH, 5, 2, 2), T.LeakyReLU(0.2),
            T.Conv2d(2 * WIDTH, 4 * WIDTH, 5, 2, 2), T.LeakyReLU(0.2), T.Flatten(), T.Linear(64 * WIDTH, 1),
        )  # fmt: skip
        self.shift = T.Linear(8, WIDTH, bias=False)

    def forward(self, y, t):
        s = t / CHAIN["timesteps"][1]
        code = torch.stack([f(math.pi * w * s) for w in (1, 2, 4, 8) for f in (torch.sin, torch.cos)], dim=1)
        return self.rest(self.first(y) + self.shift(code)[:, :, None, None])


def generator():
    return T.Sequential(
        T.Linear(LATENTS, 4 * WIDTH * 49, bias=False), T.Unflatten(1, (4 * WIDTH, 7, 7)),
        T.BatchNorm2d(4 * WIDTH), T.ReLU(),
        T.ConvTranspose2d(4 * WIDTH, 2 * WIDTH, 4, 2, 1, bias=False), T.BatchNorm2d(2 * WIDTH), T.ReLU(),
        T.ConvTranspose2d(2 * WIDTH, 1, 4, 2, 1), T.Tanh(),
    )  # fmt: skip


class Chain:
    """The diffusion, with T and the stages that depend on it."""

    def __init__(self, stages):
        self.p, self.t_epl, self.signs = 0.0, stages, []
        self.update()

    def update(self):
        low, high = CHAIN["timesteps"]
        self.T = low + round(self.p * (high - low))
        alphas = 1 - torch.linspace(1e-4, 0.02, self.T, dtype=torch.float64)
        self.alphas_bar = torch.cat([torch.ones(1, dtype=torch.float64), alphas.cumprod(0)])

    def __call__(self, x, rng):
        t = torch.from_numpy(self.t_epl[rng.integers(64, size=(len(x), 1, 1, 1))])
        kept, noise = self.alphas_bar[t], torch.from_numpy(rng.standard_normal(x.shape))
        return kept.sqrt() * x + (1 - kept).sqrt() * CHAIN["sigma"] * noise, t.flatten().double()

    def adapt(self, logits, rng):
        self.signs.append(logits.sign())
        if len(self.signs) == 4:
            r = torch.cat(self.signs).mean().item()
            self.p = min(max(self.p + np.sign(r - CHAIN["target"]) * 4 * BATCH / CHAIN["rise"], 0.0), 1.0)
            self.update()
            law = np.arange(1, self.T + 1) / np.arange(1, self.T + 1).sum()
            draws = rng.choice(np.arange(1, self.T + 1), size=32, p=law)
            self.signs, self.t_epl = [], np.concatenate([np.zeros(32, int), draws])


def train_torch(generator, critic, chain, rng):
    """Gives T after each step, and both optimisers."""
    lengths, optimizers = [], [torch.optim.Adam(each.parameters(), **ADAM) for each in (generator, critic)]
    softplus = torch.nn.functional.softplus
    for (real,) in data():
        real = torch.from_numpy(real).requires_grad_()
        fake = generator(torch.from_numpy(rng.standard_normal((BATCH, LATENTS)))).detach()
        diffused_real, diffused_fake = chain(real, rng), chain(fake, rng)
        real_logits, fake_logits = critic(*diffused_real), critic(*diffused_fake)
        (slope,) = torch.autograd.grad(real_logits.sum(), real, create_graph=True)
        loss = softplus(-real_logits).mean() + softplus(fake_logits).mean()
        optimizers[1].zero_grad()
        (loss + GAMMA / 2 * slope.square().sum((1, 2, 3)).mean()).backward()
        optimizers[1].step()

        optimizers[0].zero_grad()
        fake = generator(torch.from_numpy(rng.standard_normal((BATCH, LATENTS))))
        softplus(-critic(*chain(fake, rng))).mean().backward()
        optimizers[0].step()
        chain.adapt(real_logits.detach(), rng)
        lengths.append(chain.T)
    return lengths, optimizers


def test_ten_steps_end_in_the_same_weights_averages_and_stages(record_property):
    """And everything has moved much further than that, T up and down."""
    game, theirs = ours(), [generator().double(), Critic().double()]
    parts = game.generator, game.critic
    before = [{path: np.array(array) for path, array in part.state_dict().items()} for part in parts]
    for network, state in zip(theirs, before):
        network.load_state_dict({path: torch.from_numpy(np.array(array)) for path, array in state.items()})
    chain = Chain(game.diffusion.stages.copy())
    expected, optimizers = train_torch(*theirs, chain, np.random.default_rng(2))
    stream, rng = iter(data()), np.random.default_rng(2)
    lengths = [game.train_step(stream, rng)["T"] for _ in range(STEPS)]

    assert lengths == expected and len(set(lengths)) > 1
    np.testing.assert_array_equal(game.diffusion.stages, chain.t_epl)
    errors, moved = [], []
    for part, first, network, mine, reference in zip(parts, before, theirs, game.optimizers(), optimizers):
        pairs = [(part.state_dict()[path], array.numpy()) for path, array in network.state_dict().items()]
        averages = [reference.state[p][key] for p in network.parameters() for key in ("exp_avg", "exp_avg_sq")]
        found = [array for key, array in mine.state_dict().items() if "exp_avg" in key]
        assert list(dict(network.named_parameters())) == list(dict(part.named_parameters()))
        pairs += [(array, average.numpy()) for array, average in zip(found, averages, strict=True)]
        errors += [np.abs(array - other).max() / np.abs(other).max() for array, other in pairs]
        moved += [np.abs(part.state_dict()[path] - array).max() for path, array in first.items()]
    record_property("largest difference", max(errors))
    assert max(errors) < 1e-5 < min(moved) / 10
