"""pix2pix against PyTorch: the same weights after ten steps from the same weights, pairs and masks of dropout.

The program is written as the authors': a U-Net of blocks within blocks, a discriminator of patches, cross-entropies
with targets of ones and zeros.
"""

from functools import partial

import numpy as np
import pytest

from scratchgan.models import pix2pix

torch = pytest.importorskip("torch", reason="PyTorch is not installed; it is needed only to compare with")
torch.set_num_threads(1)
T, TF = torch.nn, torch.nn.functional

STEPS, TOLERANCE, RATE, BETAS = 10, 1e-5, 2e-3, (0.5, 0.999)
SMALL = {"widths": (3, 4, 5, 5), "channels": (1, 2), "dropped": 2, "width": 3, "layers": 1}


class Block(T.Module):
    """What lies between a picture and the same picture: down, what is further inside, and up."""

    def __init__(self, outer, inner, seen=None, inside=None, dropped=False, outermost=False, made=None, skips=True):
        super().__init__()
        self.outermost, self.skips, self.inside, self.dropped = outermost, skips, inside, dropped
        self.before = T.Identity() if outermost else T.LeakyReLU(0.2)
        self.down = T.Conv2d(outer if seen is None else seen, inner, 4, 2, 1, bias=False)
        self.down_norm = T.BatchNorm2d(inner) if inside and not outermost else T.Identity()
        below = 2 * inner if inside and skips else inner
        self.up = T.ConvTranspose2d(below, outer if made is None else made, 4, 2, 1, bias=outermost)
        self.up_norm = T.Identity() if outermost else T.BatchNorm2d(outer)

    def forward(self, x, rng):
        inner = self.down_norm(self.down(self.before(x)))
        if self.inside is not None:
            inner = self.inside(inner, rng)
        y = self.up_norm(self.up(TF.relu(inner)))
        if self.dropped:
            y = y * torch.from_numpy(rng.random(y.shape) >= 0.5) * 2
        if self.outermost:
            return torch.tanh(y)
        return torch.cat([y, x], 1) if self.skips else y


def unet(skips):
    block = partial(Block, skips=skips)
    inner = block(5, 5, dropped=True)
    inner = block(4, 5, inside=inner, dropped=True)
    inner = block(3, 4, inside=inner)
    return block(None, 3, seen=1, made=2, inside=inner, outermost=True)


def patches(channels):
    return T.Sequential(
        T.Conv2d(channels, 3, 4, 2, 1), T.LeakyReLU(0.2),
        T.Conv2d(3, 6, 4, 1, 1, bias=False), T.BatchNorm2d(6), T.LeakyReLU(0.2), T.Conv2d(6, 1, 4, 1, 1),
    )  # fmt: skip


def train_torch(generator, discriminator, conditional, weights, batches, rng):
    down_g = torch.optim.Adam(generator.parameters(), lr=RATE, betas=BETAS)
    down_d = torch.optim.Adam(discriminator.parameters(), lr=RATE, betas=BETAS)

    def judged(x, y, target):
        scores = discriminator(torch.cat([x, y], 1) if conditional else y)
        return TF.binary_cross_entropy_with_logits(scores, torch.full_like(scores, target))

    for x, y in batches:
        x, y = torch.from_numpy(x), torch.from_numpy(y)
        fake = generator(x, rng)
        down_d.zero_grad()
        (judged(x, y, 1.0) + judged(x, fake.detach(), 0.0)).backward()
        down_d.step()
        down_g.zero_grad()
        (weights[0] * judged(x, fake, 1.0) + weights[1] * (fake - y).abs().mean()).backward()
        down_g.step()
    return down_g, down_d


def weights_of(network):
    """In the order of ours: layers on the way down, then on the way up."""
    blocks = []
    while network is not None:
        blocks.append(network)
        network = network.inside
    stages = [(b.down, b.down_norm) for b in blocks] + [(b.up, b.up_norm) for b in blocks[::-1]]
    return [p for stage in stages for module in stage for p in module.parameters()]


@pytest.mark.parametrize(
    "skips, conditional, weights", [(True, True, (1.0, 100.0)), (False, True, (0.0, 100.0)), (True, False, (1.0, 0.0))]
)
def test_ten_steps_end_in_the_same_weights_and_averages(skips, conditional, weights, record_property):
    """And every weight has moved much further than that, else two programs that do nothing would agree."""

    def networks(rng):
        made = pix2pix.small_networks(rng, **SMALL, skips=skips, conditional=conditional)
        for network in made:
            network.to(np.float64)
            for p in network.parameters():
                p.data = p.data + 0.2 * rng.standard_normal(p.shape)
        return made

    model = pix2pix.build(np.random.default_rng(0), networks=networks, weights=weights, lr=RATE, betas=BETAS)
    theirs = unet(skips).double(), patches(3 if conditional else 2).double()
    parameters = weights_of(theirs[0]), list(theirs[1].parameters())
    ours = model.generator.parameters(), model.discriminator.parameters()
    with torch.no_grad():
        for mine, network in zip(ours, parameters, strict=True):
            for p, q in zip(mine, network, strict=True):
                q.copy_(torch.from_numpy(np.array(p.data)))
    before = [[p.data.copy() for p in mine] for mine in ours]
    random = np.random.default_rng(1)
    batches = [[np.tanh(random.standard_normal((6, channels, 16, 16))) for channels in (1, 2)] for _ in range(STEPS)]
    optimizers = train_torch(*theirs, conditional, weights, batches, np.random.default_rng(2))
    rng, stream = np.random.default_rng(2), iter(map(tuple, batches))
    for _ in range(STEPS):
        model.train_step(stream, rng)

    pairs, moved = [], []
    for mine, network, optimizer, own, first in zip(ours, parameters, optimizers, model.optimizers(), before):
        pairs += [(p.data, q.detach().numpy()) for p, q in zip(mine, network)]
        pairs += [
            (state["exp_avg_sq"], optimizer.state[q]["exp_avg_sq"].numpy()) for state, q in zip(own.state, network)
        ]
        moved += [np.abs(p.data - old).max() for p, old in zip(mine, first)]
    errors = [np.abs(one - other).max() / np.abs(other).max() for one, other in pairs]
    record_property("largest difference", np.max(errors))
    assert np.max(errors) < TOLERANCE < min(moved) / 10
