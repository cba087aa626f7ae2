"""ProGAN and StyleGAN against PyTorch: the same weights after ten steps: a rest, a fade, and what comes behind it.

The scripts are written from the paper alone, for 4×4 and 8×8 pixels, each layer by its equation. Nothing of ours is in
them but the first weights and the numbers drawn.
"""

import numpy as np
import pytest

from scratchgan.losses import NonSaturating
from scratchgan.models import progan, stylegan
from scratchgan.models.growing import R1OfEnlarged

torch = pytest.importorskip("torch", reason="PyTorch is not installed; it is needed only to compare with")
torch.set_num_threads(1)
F = torch.nn.functional

STEPS, BATCH, LATENTS, WIDTHS = 10, 4, 5, (6, 4)
REST, RISE = 8, 20  # images: two steps of 4×4, five of a fade, then 8×8
STYLE_RATE = 0.3  # μ of the maps A: the layer scales weight and bias by it, and the stored weights are as much larger
ADAM = {"lr": 3e-3, "betas": (0.0, 0.99)}


def data():
    return np.tanh(np.random.default_rng(1).standard_normal((STEPS, BATCH, 1, 8, 8)))


def progan_networks(rng, latent_size):
    return [network.to(np.float64) for network in progan.small_networks(rng, latent_size, WIDTHS)]


def stylegan_networks(rng, latent_size):
    generator, critic = stylegan.small_networks(rng, latent_size, WIDTHS, depth=2, style_rate=STYLE_RATE)
    return generator.to(np.float64), critic.to(np.float64)


def start(paper, networks, **options):
    """Our game in float64, and its first weights and buffers."""
    options = {**ADAM, "rest": REST, "rise": RISE, "average_decay": 0.9, **options}
    game = paper.build(np.random.default_rng(0), "cpu", networks, LATENTS, **options)
    states = [network.state_dict() for network in (game.generator, game.critic)]
    return game, [{k: torch.from_numpy(v) for k, v in state.items()} for state in states]


# The paper in PyTorch ------------------------------------------------------------------------------------------------


def conv(x, weights, name, gain=2**0.5, padding=1):
    weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    return F.conv2d(x, weight * gain / weight[0].numel() ** 0.5, bias, padding=padding)


def up_conv(x, weights, name):
    """Our weights of this layer are those of a transposed convolution: turned round, and inputs first."""
    weight = weights[f"{name}.weight"].transpose(0, 1).flip(2, 3)
    x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
    return F.conv2d(x, weight * 2**0.5 / weight[0].numel() ** 0.5, weights[f"{name}.bias"], padding=1)


def normed(x):
    return x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()


def act(x):
    return F.leaky_relu(x, 0.2)


def generate(z, w, alpha, grown):
    h = normed(z)[:, :, None, None]
    h = normed(act(conv(h, w, "blocks.0.2", padding=3)))
    h = normed(act(conv(h, w, "blocks.0.5")))
    old = conv(h, w, "to_image.0", gain=1, padding=0)
    if alpha == 0 and not grown:
        return old
    h = normed(act(up_conv(h, w, "blocks.1.0")))
    h = normed(act(conv(h, w, "blocks.1.3")))
    new = conv(h, w, "to_image.1", gain=1, padding=0)
    return new if grown else torch.lerp(old.repeat_interleave(2, 2).repeat_interleave(2, 3), new, alpha)


def criticise(x, w, alpha, grown, blur=lambda x: x):
    lower = "blocks.1.2" if "blocks.1.2.weight" in w else "blocks.1.3"  # behind a blur
    if alpha == 0 and not grown:
        h = act(conv(x, w, "from_image.0.0", padding=0))
    else:
        h = act(conv(x, w, "from_image.1.0", padding=0))
        h = blur(act(conv(h, w, "blocks.1.0")))
        h = act(F.avg_pool2d(conv(h, w, lower), 2))
        if not grown:
            h = torch.lerp(act(conv(F.avg_pool2d(x, 2), w, "from_image.0.0", padding=0)), h, alpha)
    deviation = (h.var(0, unbiased=False) + 1e-8).sqrt().mean()  # one group of four
    h = torch.cat([h, deviation.expand(len(h), 1, 4, 4)], 1)
    h = act(conv(h, w, "blocks.0.1"))
    h = act(conv(h, w, "blocks.0.3", padding=0)).flatten(1)
    return h @ (w["blocks.0.6.weight"] / WIDTHS[0] ** 0.5).T + w["blocks.0.6.bias"]


def blurred(x):
    """A binomial kernel for each channel; beyond the border is 0."""
    kernel = torch.outer(torch.tensor([1.0, 2, 1]), torch.tensor([1.0, 2, 1])).to(x.dtype) / 16
    return F.conv2d(x, kernel.expand(x.shape[1], 1, 3, 3), padding=1, groups=x.shape[1])


def epilogue(x, style, w, name, rng):
    n, c, height, width = x.shape
    noise = torch.from_numpy(rng.standard_normal((n, 1, height, width), dtype=np.float32)).to(x.dtype)
    x = act(x + w[f"{name}.noise.weight"][:, None, None] * noise + w[f"{name}.bias"])
    x = F.instance_norm(x, eps=1e-8)
    weight = w[f"{name}.style.affine.weight"]
    affine = STYLE_RATE * (style @ weight.T / LATENTS**0.5 + w[f"{name}.style.affine.bias"])
    return x * (1 + affine[:, :c, None, None]) + affine[:, c:, None, None]


def mapped(z, w):
    h = normed(z)
    for i in (1, 3):
        scale = 0.01 * 2**0.5 / LATENTS**0.5
        h = act(h @ (w[f"mapping.{i}.weight"] * scale).T + 0.01 * w[f"mapping.{i}.bias"])
    return h


def plain_conv(x, w, name):
    weight = w[f"{name}.weight"]
    return F.conv2d(x, weight * 2**0.5 / weight[0].numel() ** 0.5, padding=1)


def generate_with_styles(z, w, alpha, grown, rng):
    layers = 2 if alpha == 0 and not grown else 4
    style = mapped(z, w)
    w["center"].data += 0.005 * (style.detach().mean(0) - w["center"].data)
    styles = [style] * layers
    if rng.random() < 0.9:
        other = mapped(torch.from_numpy(rng.standard_normal(z.shape)), w)
        crossover = rng.integers(1, layers)
        styles = [style] * crossover + [other] * (layers - crossover)
    h = epilogue(w["constant.weight"].expand(len(z), -1, -1, -1), styles[0], w, "blocks.0.first", rng)
    h = epilogue(plain_conv(h, w, "blocks.0.conv"), styles[1], w, "blocks.0.second", rng)
    old = conv(h, w, "to_image.0", gain=1, padding=0)
    if layers == 2:
        return old
    turned = {"up.weight": w["blocks.1.begin.0.weight"].transpose(0, 1).flip(2, 3)}
    h = blurred(plain_conv(h.repeat_interleave(2, 2).repeat_interleave(2, 3), turned, "up"))
    h = epilogue(h, styles[2], w, "blocks.1.first", rng)
    h = epilogue(plain_conv(h, w, "blocks.1.conv"), styles[3], w, "blocks.1.second", rng)
    new = conv(h, w, "to_image.1", gain=1, padding=0)
    return new if grown else torch.lerp(old.repeat_interleave(2, 2).repeat_interleave(2, 3), new, alpha)


def wgan_gp_with_drift(real, fake, critic, rng):
    epsilon = torch.from_numpy(rng.random((BATCH, 1, 1, 1)))
    x = (epsilon * real + (1 - epsilon) * fake).requires_grad_()
    slope, scores = slope_of_enlarged(critic, x), critic(real)
    loss = critic(fake).mean() - scores.mean() + 1e-3 * scores.square().mean()
    return loss + 2 * (slope.flatten(1).norm(dim=1) - 1).square().mean()


def slope_of_enlarged(critic, x):
    """As a function of images of 8×8 pixels: of one of 4×4, each pixel is four there."""
    (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    times = 8 // x.shape[-1]
    return slope.repeat_interleave(times, 2).repeat_interleave(times, 3) / times**2


def non_saturating_with_r1(real, fake, critic, rng):
    x = real.clone().requires_grad_()
    slope = slope_of_enlarged(critic, x)
    loss = F.softplus(critic(fake)).mean() + F.softplus(-critic(real)).mean()
    return loss + 0.5 / 2 * slope.square().sum((1, 2, 3)).mean()


def train_torch(g, d, generate, criticise, critic_loss, generator_loss):
    """The loop of both papers."""
    rng, average = np.random.default_rng(2), {k: v.clone() for k, v in g.items()}
    learned = [[v.requires_grad_() for k, v in w.items() if k != "center"] for w in (g, d)]
    optimizers, stage = [torch.optim.Adam(w, **ADAM) for w in learned], None
    for step, images in enumerate(map(torch.from_numpy, data())):
        alpha = min(max(step * BATCH - REST, 0) / RISE, 1.0)
        grown = alpha == 1
        if stage not in (None, (alpha > 0, grown)):
            optimizers = [torch.optim.Adam(w, **ADAM) for w in learned]
        stage = alpha > 0, grown
        small = F.avg_pool2d(images, 2)
        blended = torch.lerp(small.repeat_interleave(2, 2).repeat_interleave(2, 3), images, alpha)
        real = images if grown else small if alpha == 0 else blended

        def latents():
            return torch.from_numpy(rng.standard_normal((BATCH, LATENTS)))

        def critic(x, alpha=alpha, grown=grown):
            return criticise(x, d, alpha, grown)

        fake = generate(latents(), g, alpha, grown, rng).detach()
        step_down(optimizers[1], critic_loss(real, fake, critic, rng))
        step_down(optimizers[0], generator_loss(critic(generate(latents(), g, alpha, grown, rng))))
        with torch.no_grad():
            average = {k: 0.9 * average[k] + 0.1 * g[k] for k in g}
    return g, d, average


def step_down(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


# The comparison ------------------------------------------------------------------------------------------------------

PAPERS = {
    "ProGAN": (
        (progan, progan_networks, {"penalty_weight": 2.0}),
        (lambda z, w, alpha, grown, rng: generate(z, w, alpha, grown), criticise, wgan_gp_with_drift,
         lambda scores: -scores.mean()),
    ),
    "StyleGAN": (
        (stylegan, stylegan_networks, {"objective": NonSaturating(), "penalty": R1OfEnlarged(0.5)}),
        (generate_with_styles, lambda *arguments: criticise(*arguments, blur=blurred), non_saturating_with_r1,
         lambda scores: F.softplus(-scores).mean()),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PAPERS)
def test_ten_steps_through_a_fade_end_in_the_same_weights(name, record_property):
    (paper, networks, options), program = PAPERS[name]
    game, first = start(paper, networks, **options)
    before = [{k: v.clone() for k, v in weights.items()} for weights in first]
    theirs = train_torch(*first, *program)
    batches, rng, levels = iter(data()[:, None]), np.random.default_rng(2), []
    for _ in range(STEPS):
        levels.append(game.train_step(batches, rng)["level"])
    assert levels == [0, 0, 0, *np.arange(1, 5) / 5, 1, 1, 1]
    errors = []
    for network, weights in zip((game.generator, game.critic, game.average.module), theirs):
        for path, array in network.state_dict().items():
            errors.append(np.abs(array - weights[path].detach().numpy()).max())
    record_property("largest difference", max(errors))
    moved = {k: (theirs[i][k].detach() - v).abs().max().item() for i in (0, 1) for k, v in before[i].items()}
    still = {k for k, distance in moved.items() if distance < 1e-4}
    assert max(errors) < 1e-5 and still == set()
