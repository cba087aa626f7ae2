"""MADE, PixelCNN, Gated PixelCNN and PixelVAE against PyTorch: the same weights and averages after ten steps.

The programs are written from the papers as users write them: weights multiplied by their mask in ``forward``; the
vertical stack sees its own row and is shifted down by one, as in the code of PixelVAE's authors; losses through
`BCEWithLogitsLoss` and `torch.distributions`. Only the first weights and the numbers drawn are ours.
"""

from functools import partial

import numpy as np
import pytest

from scratchgan.models import gated_pixelcnn, made, pixelcnn, pixelvae
from scratchgan.models.gated_pixelcnn import GatedPixelCNN, Told
from scratchgan.models.pixelcnn import PixelCNN
from scratchgan.optim import Adam

torch = pytest.importorskip("torch", reason="PyTorch is not installed; it is needed only to compare with")
torch.set_num_threads(1)
T, TF = torch.nn, torch.nn.functional

STEPS, TOLERANCE, LATENTS = 10, 1e-5, 3
IMAGE = (1, 8, 8)
LR = {"lr": 3e-3, "betas": (0.9, 0.999)}
GREY = [np.random.default_rng([9, step]).random((4, *IMAGE)) for step in range(STEPS)]


# Programs, as PyTorch's users write them ------------------------------------------------------------------------------


class Masked(T.Linear):
    def forward(self, x):
        return TF.linear(x, self.weight * self.mask, self.bias)


class MaskedConv(T.Conv2d):
    def __init__(self, kind, few, many, kernel):
        super().__init__(few, many, kernel, padding=kernel // 2)
        self.mask = torch.ones(kernel, kernel, dtype=torch.float64)
        self.mask[kernel // 2, kernel // 2 + (kind == "B") :] = 0
        self.mask[kernel // 2 + 1 :] = 0

    def forward(self, x):
        return TF.conv2d(x, self.weight * self.mask, self.bias, padding=self.padding)


class Perceptron(T.Module):
    """MADE with the degrees given."""

    def __init__(self, degrees):
        super().__init__()
        sizes = [len(m) for m in degrees]
        self.layers = T.ModuleList([Masked(a, b) for a, b in zip(sizes, [*sizes[1:], sizes[0]])])
        for layer, below, above in zip(self.layers, degrees, degrees[1:]):
            layer.mask = torch.from_numpy(above[:, None] >= below[None, :]).double()
        self.layers[-1].mask = torch.from_numpy(degrees[0][:, None] > degrees[-1][None, :]).double()

    def forward(self, x):
        h = x.flatten(1)
        for layer in self.layers[:-1]:
            h = layer(h).relu()
        return self.layers[-1](h).view_as(x)


class Residual(T.Module):
    def __init__(self, h):
        super().__init__()
        self.a, self.b, self.c = T.Conv2d(2 * h, h, 1), MaskedConv("B", h, h, 3), T.Conv2d(h, 2 * h, 1)

    def forward(self, x):
        return x + self.c(self.b(self.a(x.relu()).relu()).relu())


def pixel_cnn(h=3, blocks=2):
    return T.Sequential(
        MaskedConv("A", 1, 2 * h, 5), *(Residual(h) for _ in range(blocks)),
        T.ReLU(), T.Conv2d(2 * h, 2 * h, 1), T.ReLU(), T.Conv2d(2 * h, 1, 1),
    )  # fmt: skip


class Gated(T.Module):
    """The vertical kernel is cut to its upper rows, the horizontal one to its left columns."""

    def __init__(self, few, many, k, first, told):
        super().__init__()
        self.k, self.first = k, first
        self.vertical, self.horizontal = T.Conv2d(few, 2 * many, k), T.Conv2d(few, 2 * many, (1, k))
        self.across, self.change = T.Conv2d(2 * many, 2 * many, 1), T.Conv2d(many, many, 1)
        if told:
            self.told = T.Conv2d(told, 4 * many, 1, bias=False)

    def forward(self, v, h, c=None):
        up = self.k // 2
        if self.first:  # rows above alone: it sees its own row, too, and is shifted down by one
            shifted = TF.pad(v, (up, up, up, 0))[:, :, :-1]
            above = TF.conv2d(shifted, self.vertical.weight[:, :, :up], self.vertical.bias)
        else:
            above = TF.conv2d(TF.pad(v, (up, up, up, 0)), self.vertical.weight[:, :, : up + 1], self.vertical.bias)
        seen = up if self.first else up + 1
        here = TF.conv2d(
            TF.pad(h, (up, 0, 0, 0))[..., : h.shape[3] + up - self.first],
            self.horizontal.weight[..., :seen],
            self.horizontal.bias,
        )
        here = here + self.across(above)
        if c is not None:
            to_above, to_here = self.told(c).chunk(2, 1)
            above, here = above + to_above, here + to_here
        f, g = here.chunk(2, 1)
        change = self.change(torch.tanh(f) * torch.sigmoid(g))
        f, g = above.chunk(2, 1)
        return torch.tanh(f) * torch.sigmoid(g), change if self.first else h + change


class GatedNet(T.Module):
    def __init__(self, p=3, layers=2, told=0):
        super().__init__()
        self.layers = T.ModuleList([Gated(1, p, 5, True, told)] + [Gated(p, p, 3, False, told) for _ in range(layers)])
        self.last = T.Sequential(T.ReLU(), T.Conv2d(p, 2 * p, 1), T.ReLU(), T.Conv2d(2 * p, 1, 1))

    def forward(self, x, c=None):
        v, h = x, x
        for layer in self.layers:
            v, h = layer(v, h, c)
        return self.last(h)


class Latent(T.Module):
    def __init__(self):
        super().__init__()
        self.encoder = T.Sequential(T.Flatten(), T.Linear(64, 9), T.ReLU(), T.Linear(9, 2 * LATENTS))
        self.upward = T.Sequential(
            T.Linear(LATENTS, 32), T.ReLU(), T.Unflatten(1, (2, 4, 4)), T.ConvTranspose2d(2, 2, 4, 2, 1), T.ReLU()
        )
        self.decoder = GatedNet(told=2)


def nll(logits, x):
    return T.BCEWithLogitsLoss(reduction="none")(logits, x).sum((1, 2, 3)).mean()


def likelihood(network, x, rng, step):
    return nll(network(x), x)


def bound(network, x, rng, step):
    mean, log_variance = network.encoder(x).chunk(2, 1)
    q = torch.distributions.Normal(mean, (log_variance / 2).exp())
    z = q.mean + q.stddev * torch.from_numpy(rng.standard_normal(mean.shape))
    kl = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)).sum(1).mean()
    return nll(network.decoder(x, network.upward(z)), x) + min(1, step / 6) * kl


# Ours -----------------------------------------------------------------------------------------------------------------


def our_perceptron(rng):
    model = made.build(rng, image=IMAGE, hidden=(20, 15), **LR)
    model.network.arrange(0)
    return model, lambda: Perceptron(model.network.degrees(0)), likelihood


def our_pixelcnn(rng):
    network = partial(PixelCNN, width=3, blocks=2, first=5)
    return pixelcnn.build(rng, network=network, image=IMAGE, **LR), pixel_cnn, likelihood


def our_gated(rng):
    network = partial(GatedPixelCNN, width=3, layers=2, first=5)
    return gated_pixelcnn.build(rng, network=network, image=IMAGE, **LR), GatedNet, likelihood


def our_pixelvae(rng):
    from scratchgan import nn

    def networks(rng, latent_size):
        encoder = nn.Sequential(
            nn.Flatten(), nn.Linear(64, 9, rng=rng), nn.ReLU(), nn.Linear(9, 2 * latent_size, rng=rng)
        )
        upward = nn.Sequential(
            nn.Linear(latent_size, 32, rng=rng), nn.ReLU(), nn.Unflatten(1, (2, 4, 4)),
            nn.ConvTranspose2d(2, 2, 4, 2, 1, rng=rng), nn.ReLU(),
        )  # fmt: skip
        return encoder, Told(upward, GatedPixelCNN(rng, 3, 2, first=5, told=2))

    model = pixelvae.build(rng, networks=networks, image=IMAGE, latent_size=LATENTS, anneal=6, **LR)
    return model, Latent, bound


MODELS = {"MADE": our_perceptron, "PixelCNN": our_pixelcnn, "Gated PixelCNN": our_gated, "PixelVAE": our_pixelvae}


def in_float64(model):
    for part in model.parts().values():
        if hasattr(part, "parameters"):
            part.to(np.float64)
    model.optimizer = Adam(model.optimizer.params, **LR)
    return model


def train_torch(network, loss):
    optimizer, rng = torch.optim.Adam(network.parameters(), **LR), np.random.default_rng(2)
    for step, grey in enumerate(GREY):
        if loss is likelihood and isinstance(network, Perceptron):
            rng.integers(1)  # which arrangement
        x = torch.from_numpy((rng.random(grey.shape) < grey).astype(float))
        optimizer.zero_grad()
        loss(network, x, rng, step).backward()
        optimizer.step()
    return [optimizer.state[p]["exp_avg_sq"].numpy() for p in network.parameters()]


@pytest.mark.parametrize("name", MODELS)
def test_ten_steps_end_in_the_same_weights_and_averages(name, record_property):
    """And every weight that is not hidden has moved much further than that."""
    model, make, loss = MODELS[name](np.random.default_rng(0))
    model, theirs = in_float64(model), make().double()
    ours = model.optimizer.params
    first = [p.data.copy() for p in ours]
    with torch.no_grad():
        for p, q in zip(ours, theirs.parameters(), strict=True):
            q.copy_(torch.from_numpy(np.array(p.data)))
    averages = train_torch(theirs, loss)
    stream, rng = iter([(grey,) for grey in GREY]), np.random.default_rng(2)
    for _ in range(STEPS):
        model.train_step(stream, rng)
    pairs = [(p.data, q.detach().numpy()) for p, q in zip(ours, theirs.parameters())]
    pairs += list(zip((state["exp_avg_sq"] for state in model.optimizer.state), averages, strict=True))
    errors = [np.abs(one - other).max() / np.abs(other).max() for one, other in pairs]
    record_property("largest difference", max(errors))
    assert max(errors) < TOLERANCE
    assert all(np.abs(p.data - old).max() > 1e-3 for p, old in zip(ours, first))
