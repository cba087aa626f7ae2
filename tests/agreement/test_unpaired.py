"""CycleGAN against PyTorch: the same weights after ten steps from the same weights, images and draws of the pools.

The script is written from the paper: networks layer by layer, a pool that is a list, one optimiser for both generators
and one for both critics. Nothing of ours is in it but the first weights and the order in which numbers are drawn.
"""

import itertools

import numpy as np
import pytest

from scratchgan.models import cyclegan

torch = pytest.importorskip("torch", reason="PyTorch is not installed; it is needed only to compare with")
torch.set_num_threads(1)
T = torch.nn

STEPS, BATCH, SIZE, WIDTH, POOL = 10, 2, 16, 3, 4
ADAM = {"lr": 1e-3, "betas": (0.5, 0.999)}
WEIGHTS = {"adversarial": 0.7, "cycle": (10.0, 8.0), "identity": 3.0}


class Residual(T.Module):
    def __init__(self, width):
        super().__init__()
        self.change = T.Sequential(
            T.ReflectionPad2d(1), T.Conv2d(width, width, 3, bias=False), T.InstanceNorm2d(width, affine=True), T.ReLU(),
            T.ReflectionPad2d(1), T.Conv2d(width, width, 3, bias=False), T.InstanceNorm2d(width, affine=True),
        )  # fmt: skip

    def forward(self, x):
        return x + self.change(x)


def generator(w=WIDTH):
    def normed(layer, width):
        return layer, T.InstanceNorm2d(width, affine=True), T.ReLU()

    options = {"stride": 2, "padding": 1, "bias": False}
    return T.Sequential(
        T.ReflectionPad2d(3), *normed(T.Conv2d(3, w, 7, bias=False), w),
        *normed(T.Conv2d(w, 2 * w, 3, **options), 2 * w), *normed(T.Conv2d(2 * w, 4 * w, 3, **options), 4 * w),
        Residual(4 * w),
        *normed(T.ConvTranspose2d(4 * w, 2 * w, 3, output_padding=1, **options), 2 * w),
        *normed(T.ConvTranspose2d(2 * w, w, 3, output_padding=1, **options), w),
        T.ReflectionPad2d(3), T.Conv2d(w, 3, 7), T.Tanh(),
    )  # fmt: skip


def critic(w=4):
    return T.Sequential(
        T.Conv2d(3, w, 4, 2, 1), T.LeakyReLU(0.2),
        T.Conv2d(w, 2 * w, 4, 1, 1, bias=False), T.InstanceNorm2d(2 * w, affine=True), T.LeakyReLU(0.2),
        T.Conv2d(2 * w, 1, 4, 1, 1),
    )  # fmt: skip


class Pool:
    def __init__(self):
        self.images = []

    def query(self, batch, rng):
        shown = []
        for image in batch:
            if len(self.images) < POOL:
                self.images.append(image.clone())
                shown.append(image)
            elif rng.random() < 0.5:
                shown.append(image)
            else:
                i = rng.integers(POOL)
                shown.append(self.images[i])
                self.images[i] = image.clone()
        return torch.stack(shown)


def train_torch(G, F, D_X, D_Y, batches, rng):
    mse, l1 = T.MSELoss(), T.L1Loss()
    optimizer_G = torch.optim.Adam(itertools.chain(G.parameters(), F.parameters()), **ADAM)
    optimizer_D = torch.optim.Adam(itertools.chain(D_X.parameters(), D_Y.parameters()), **ADAM)
    pool_x, pool_y = Pool(), Pool()

    def is_real(scores):
        return mse(scores, torch.ones_like(scores))

    for x, y in batches:
        x, y = torch.from_numpy(x), torch.from_numpy(y)
        fake_y, fake_x = G(x), F(y)
        loss = WEIGHTS["adversarial"] * (is_real(D_Y(fake_y)) + is_real(D_X(fake_x)))
        loss = loss + WEIGHTS["cycle"][0] * l1(F(fake_y), x) + WEIGHTS["cycle"][1] * l1(G(fake_x), y)
        loss = loss + WEIGHTS["identity"] * (l1(G(y), y) + l1(F(x), x))
        optimizer_G.zero_grad()
        loss.backward()
        optimizer_G.step()
        optimizer_D.zero_grad()
        for D, real, fake, pool in ((D_X, x, fake_x, pool_x), (D_Y, y, fake_y, pool_y)):
            scores = D(pool.query(fake.detach(), rng))
            ((is_real(D(real)) + mse(scores, torch.zeros_like(scores))) / 2).backward()
        optimizer_D.step()
    return optimizer_G, optimizer_D


def ours(rng):
    generators = [cyclegan.generator(rng, WIDTH, 1) for _ in range(2)]
    return [network.to(np.float64) for network in (*generators, *(cyclegan.patch_critic(rng, 4) for _ in range(2)))]


def test_ten_steps_end_in_the_same_weights_and_averages(record_property):
    """And every array has moved much further than that, else two programs that do nothing would agree."""
    model = cyclegan.build(
        np.random.default_rng(0), networks=ours, pool_size=POOL, image=(3, SIZE, SIZE), **ADAM, **WEIGHTS
    )
    model.pool_x.kept, model.pool_y.kept = (pool.kept.astype(np.float64) for pool in (model.pool_x, model.pool_y))
    players = model.there, model.back, model.critic_x, model.critic_y
    before = [{k: v.copy() for k, v in player.state_dict().items()} for player in players]
    theirs = [network().to(torch.float64) for network in (generator, generator, critic, critic)]
    for network, state in zip(theirs, before):
        arrays = zip(network.state_dict(), map(torch.from_numpy, state.values()), strict=True)
        network.load_state_dict({name: array.clone() for name, array in arrays})
    batches = np.tanh(np.random.default_rng(1).standard_normal((STEPS, 2, BATCH, 3, SIZE, SIZE)))
    optimizers = train_torch(*theirs, batches, np.random.default_rng(2))
    stream, rng = iter([tuple(batch) for batch in batches]), np.random.default_rng(2)
    for _ in range(STEPS):
        model.train_step(stream, rng)

    errors, moved = [], []
    for player, first, network in zip(players, before, theirs):
        for mine, old, reference in zip(player.state_dict().values(), first.values(), network.state_dict().values()):
            errors.append(np.abs(mine - reference.numpy()).max() / np.abs(reference.numpy()).max())
            moved.append(np.abs(mine - old).max())
    for mine, reference in zip(model.optimizers(), optimizers):
        found = [v for k, v in mine.state_dict().items() if "exp_avg" in k]
        states = [reference.state[p] for group in reference.param_groups for p in group["params"]]
        for array, other in zip(found, [s[k].numpy() for s in states for k in ("exp_avg", "exp_avg_sq")], strict=True):
            errors.append(np.abs(array - other).max() / np.abs(other).max())
    record_property("largest difference", np.max(errors))
    assert np.max(errors) < 1e-5 < min(moved) / 10
