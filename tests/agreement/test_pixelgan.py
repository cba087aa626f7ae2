"""The PixelGAN autoencoder against PyTorch: the same weights after ten steps, with kinds and with a location.

As its users write it: three optimisers, `BCEWithLogitsLoss` with ones and zeros, codes detached for the discriminator.
The decoder is that of `test_autoregressive`.
"""

from functools import partial

import numpy as np
import pytest

from scratchgan import nn
from scratchgan.models import pixelgan
from scratchgan.models.gated_pixelcnn import GatedPixelCNN, Told
from scratchgan.models.priors import one_gaussian

torch = pytest.importorskip("torch", reason="PyTorch is not installed; it is needed only to compare with")
from agreement.test_autoregressive import GREY, IMAGE, GatedNet, T, nll  # noqa: E402

CODES, RATES, SIGMA = 4, (3e-3, 2e-3, 1e-3), 0.2


class Theirs(T.Module):
    def __init__(self, kinds):
        super().__init__()
        self.encoder = T.Sequential(T.Flatten(), T.Linear(64, 9), T.ReLU(), T.Linear(9, CODES), *[T.Softmax(1)] * kinds)
        self.upward = T.Sequential(
            T.Linear(CODES, 32), T.ReLU(), T.Unflatten(1, (2, 4, 4)), T.ConvTranspose2d(2, 2, 4, 2, 1), T.ReLU()
        )
        self.decoder = GatedNet(told=2)
        self.critic = T.Sequential(T.Linear(CODES, 7), T.ReLU(), T.Linear(7, 1))

    def parts(self):
        return self.encoder, self.upward, self.decoder, self.critic


def ours(rng, latent_size, kinds):
    encoder = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 9, rng=rng), nn.ReLU(), nn.Linear(9, latent_size, rng=rng), *[nn.Softmax(1)] * kinds
    )
    upward = nn.Sequential(
        nn.Linear(latent_size, 32, rng=rng), nn.ReLU(), nn.Unflatten(1, (2, 4, 4)),
        nn.ConvTranspose2d(2, 2, 4, 2, 1, rng=rng), nn.ReLU(),
    )  # fmt: skip
    critic = nn.Sequential(nn.Linear(latent_size, 7, rng=rng), nn.ReLU(), nn.Linear(7, 1, rng=rng))
    parts = encoder, Told(upward, GatedPixelCNN(rng, 3, 2, first=5, told=2)), critic
    return [part.to(np.float64) for part in parts]


def train_torch(model, kinds, rng):
    encoder, upward, decoder, critic = model.parts()

    def adam(lr, *parts):
        return torch.optim.Adam([p for part in parts for p in part.parameters()], lr=lr, betas=(0.5, 0.999))

    steps = [adam(RATES[0], encoder, upward, decoder), adam(RATES[1], critic), adam(RATES[2], encoder)]
    bce = T.BCEWithLogitsLoss()

    def normal(*shape):
        return torch.from_numpy(rng.standard_normal(shape))

    def descend(optimizer, loss):
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    for step, grey in enumerate(GREY):
        n = len(grey)
        x = torch.from_numpy((rng.random(grey.shape) < grey).astype(float))
        sigma = SIGMA * min(1, step / 5)
        descend(steps[0], nll(decoder(x, upward(encoder(x) + sigma * normal(n, CODES))), x))
        sigma = SIGMA * min(1, (step + 1) / 5)  # one step has been made
        codes = encoder(x) + sigma * normal(n, CODES)
        if kinds:
            z = torch.eye(CODES, dtype=torch.float64)[torch.from_numpy(rng.integers(CODES, size=n))]
        else:
            rng.integers(1, size=n)
            z = normal(n, CODES)
        real, fake = critic(z + sigma * normal(n, CODES)), critic(codes.detach())
        descend(steps[1], bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake)))
        score = critic(codes)
        descend(steps[2], bce(score, torch.ones_like(score)))


@pytest.mark.parametrize("kinds", [True, False])
def test_ten_steps_end_in_the_same_weights(kinds):
    options = {} if kinds else {"prior": one_gaussian}
    model = pixelgan.build(
        np.random.default_rng(0), networks=partial(ours, kinds=kinds), image=IMAGE, latent_size=CODES, rates=RATES,
        noise=SIGMA, anneal=5, **options,
    )  # fmt: skip
    mine = [p for part in (model.encoder, model.decoder, model.critic) for p in part.parameters()]
    theirs = Theirs(kinds).double()
    other, before = [p for part in theirs.parts() for p in part.parameters()], [p.data.copy() for p in mine]
    with torch.no_grad():
        for p, q in zip(mine, other, strict=True):
            q.copy_(torch.from_numpy(np.array(p.data)))
    batches, rng = iter([(grey,) for grey in GREY]), np.random.default_rng(3)
    for _ in GREY:
        model.train_step(batches, rng)
    train_torch(theirs, kinds, np.random.default_rng(3))
    pairs = [(p.data, q.detach().numpy()) for p, q in zip(mine, other)]
    assert max(np.abs(one - two).max() / np.abs(two).max() for one, two in pairs) < 1e-5
    assert all(np.abs(p.data - old).max() > 1e-3 for p, old in zip(mine, before))
