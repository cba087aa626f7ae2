"""The adversarial autoencoder and the Boltzmann machine against PyTorch: the same weights after ten steps.

The first as its users write it: three optimisers, `BCEWithLogitsLoss` with ones and zeros, codes detached for the
discriminator. The second by automatic differentiation of what has the same gradient, the mean free energy of the data
less that of states of the chains, which are constants; ours differentiates nothing.
"""

import numpy as np
import pytest

from scratchgan.models import aae, rbm
from scratchgan.models.priors import petals

torch = pytest.importorskip("torch", reason="PyTorch is not installed; it is needed only to compare with")
torch.set_num_threads(1)
T, F = torch.nn, torch.nn.functional

STEPS, TOLERANCE = 10, 1e-5
GREY = np.random.default_rng(1).random((STEPS, 6, 1, 28, 28)) ** 3
LABELS = np.random.default_rng(2).integers(10, size=(STEPS, 6))


def mlp(*sizes):
    layers = [layer for a, b in zip(sizes, sizes[1:]) for layer in (T.Linear(a, b), T.ReLU())]
    return T.Sequential(*layers[:-1]).double()


def petal(labels, rng):
    """Draws from the prior, written anew: two normal numbers, stretched, turned and moved."""
    n, angle = rng.standard_normal((len(labels), 2)), 2 * np.pi * labels / 10
    along, across = 2 + 0.5 * n[:, 0], 0.15 * n[:, 1]
    x, y = along * np.cos(angle) - across * np.sin(angle), along * np.sin(angle) + across * np.cos(angle)
    return torch.from_numpy(np.stack([x, y], 1))


def train_aae_in_torch(encoder, decoder, critic, told, rng):
    def adam(parameters, lr):
        return torch.optim.Adam(parameters, lr=lr, betas=(0.5, 0.999))

    optimizer = adam([*encoder.parameters(), *decoder.parameters()], 1e-3)
    critic_optimizer, encoder_optimizer = adam(critic.parameters(), 5e-4), adam(encoder.parameters(), 5e-4)
    bce = T.BCEWithLogitsLoss()
    for grey, labels in zip(GREY, LABELS):
        x, y = torch.from_numpy(grey).flatten(1), [F.one_hot(torch.from_numpy(labels), 10).double()] if told else []
        optimizer.zero_grad()
        F.mse_loss(torch.sigmoid(decoder(encoder(x))), x).backward()
        optimizer.step()
        if told:
            z = petal(labels, rng)
        else:
            rng.integers(1, size=6)
            z = torch.from_numpy(rng.standard_normal((6, 8)))
        codes = encoder(x)
        real, fake = critic(torch.cat([z, *y], 1)), critic(torch.cat([codes.detach(), *y], 1))
        critic_optimizer.zero_grad()
        (bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake))).backward()
        critic_optimizer.step()
        encoder_optimizer.zero_grad()
        score = critic(torch.cat([codes, *y], 1))
        bce(score, torch.ones_like(score)).backward()
        encoder_optimizer.step()


def in_float64(rng, latent_size, classes):
    return [network.to(np.float64) for network in aae.mlp_networks(rng, latent_size, classes)]


def distance(ours, theirs):
    return np.abs(ours - theirs).max() / np.abs(theirs).max()


def compare(ours, theirs, before):
    pairs = list(zip(ours, theirs, strict=True))
    assert max(distance(mine.data, other.detach().numpy()) for mine, other in pairs) < TOLERANCE
    assert all(np.abs(mine.data - old).max() > 1e-5 for mine, old in zip(ours, before, strict=True))


@pytest.mark.parametrize("told", [True, False])
def test_ten_steps_of_an_adversarial_autoencoder_end_in_the_same_weights(told):
    options = {"classes": 10, "latent_size": 2, "prior": petals} if told else {}
    model = aae.build(np.random.default_rng(0), networks=in_float64, **options)
    codes = model.encoder.parameters()[-1].shape[0]
    networks = mlp(784, 400, 400, codes), mlp(codes, 400, 400, 784), mlp(codes + 10 * told, 400, 400, 1)
    ours = [p for part in (model.encoder, model.decoder, model.critic) for p in part.parameters()]
    theirs = [p for network in networks for p in network.parameters()]
    with torch.no_grad():
        for parameter, mine in zip(theirs, ours, strict=True):
            parameter.copy_(torch.from_numpy(np.array(mine.data)))
    before = [p.data.copy() for p in ours]
    batches, rng = iter(zip(GREY, LABELS) if told else GREY[:, None]), np.random.default_rng(3)
    for _ in range(STEPS):
        model.train_step(batches, rng)
    train_aae_in_torch(*networks, told, np.random.default_rng(3))
    compare(ours, theirs, before)


@pytest.mark.parametrize("persistent, turns", [(True, 1), (False, 3)])
def test_ten_steps_of_a_boltzmann_machine_end_in_the_same_weights(persistent, turns):
    """Without centring, which is no gradient in these coordinates."""
    model = rbm.build(np.random.default_rng(0), hidden=30, chains=6, turns=turns, persistent=persistent, centred=False)
    model.machine.to(np.float64)
    model.optimizer = rbm.SGD(model.machine.parameters(), lr=0.05, momentum=0.5)
    model.optimizer.steps = 1  # the first would begin at the means of the data
    ours = model.machine.parameters()
    w, b, c = theirs = [torch.from_numpy(np.array(p.data)).requires_grad_() for p in ours]
    chains, before = torch.from_numpy(np.array(model.machine.chains)), [p.data.copy() for p in ours]
    batches, rng = iter(GREY[:, None]), np.random.default_rng(3)
    for _ in range(STEPS):
        model.train_step(batches, rng)
    rng, optimizer = np.random.default_rng(3), torch.optim.SGD(theirs, lr=0.05, momentum=0.5)

    def drawn(p):
        return torch.from_numpy((rng.random(tuple(p.shape), dtype=np.float32) < p.detach().numpy()).astype(float))

    def free_energy(v):
        return -(v @ b) - F.softplus(v @ w + c).sum(1)

    for grey in GREY:
        v = drawn(torch.from_numpy(grey.reshape(6, -1)))
        state = chains if persistent else v
        for _ in range(turns):
            state = drawn(torch.sigmoid(drawn(torch.sigmoid(state @ w + c)) @ w.T + b))
        chains = state
        rng.integers(784, size=6)  # the pixels of the pseudo-likelihood
        optimizer.zero_grad()
        (free_energy(v).mean() - free_energy(state).mean()).backward()
        optimizer.step()
    compare(ours, theirs, before)
