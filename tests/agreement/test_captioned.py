"""StackGAN and LoGAN against PyTorch: the same weights after ten steps, all three phases of StackGAN among them.

The scripts are written from the papers alone, layer by layer. Nothing of ours is in them but the first weights and the
numbers drawn.
"""

import numpy as np
import pytest

from scratchgan.data import captions
from scratchgan.models import logan, stackgan
from scratchgan.models.stacked import Critic, small_networks

torch = pytest.importorskip("torch", reason="PyTorch is not installed; it is needed only to compare with")
torch.set_num_threads(1)
F = torch.nn.functional

STEPS, BATCH, LATENTS, TEXT, CODE, WIDTHS = 10, 6, 5, 6, 4, (3, 4)
SCHEDULE = 2, 4, 3  # and the last step is at a twentieth of the rates
ADAM = {"lr": 2e-3, "betas": (0.5, 0.999)}


def layers(network):
    """Weights and buffers that a script in PyTorch begins with; the first are learned."""
    learned = dict(network.named_parameters())
    state = {k: torch.from_numpy(np.array(v)) for k, v in network.state_dict().items()}
    return {k: v.requires_grad_() if k in learned else v for k, v in state.items()}


def adam(*networks, **options):
    return torch.optim.Adam([v for w in networks for v in w.values() if v.requires_grad], **(ADAM | options))


def descend(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def normal(rng, *shape):
    return torch.from_numpy(rng.standard_normal(shape))


def averaged(average, w, decay=0.9):
    return {k: decay * average[k] + (1 - decay) * v.detach() if v.is_floating_point() else v for k, v in w.items()}


# StackGAN ------------------------------------------------------------------------------------------------------------


def conv(x, w, name, stride=1):
    """The same size, or half of it; a bias where there is one."""
    weight = w[f"{name}.weight"]
    return F.conv2d(x, weight, w.get(f"{name}.bias"), stride, (weight.shape[2] - stride + 1) // 2)


def norm(x, w, name, training=True):
    mean, var = w[f"{name}.running_mean"], w[f"{name}.running_var"]
    return F.batch_norm(x, mean, var, w[f"{name}.weight"], w[f"{name}.bias"], training)


def act(x):
    return F.leaky_relu(x, 0.2)


def read(words, w):
    """The maximum of a convolution over three words."""
    seen = F.conv1d(
        w["embedding.weight"][words].transpose(1, 2),
        w["convolution.weight"].squeeze(3),
        w["convolution.bias"],
        padding=1,
    )
    return torch.tanh(F.linear(F.relu(seen).max(2).values, w["head.weight"], w["head.bias"]))


def augment(text, noise, w):
    h = act(F.linear(text, w["augmentation.head.0.weight"], w["augmentation.head.0.bias"]))
    mean, s = h.chunk(2, 1)
    return mean + s.exp() * noise, (-s + 0.5 * ((2 * s).exp() + mean**2 - 1)).mean()


def twice(x):
    return x.repeat_interleave(2, 2).repeat_interleave(2, 3)


def up(h, w, places, training):
    for place in places:
        h = F.relu(norm(conv(twice(h), w, f"network.{place}"), w, f"network.{place + 1}", training))
    return h


def first(z, text, noise, w, training=True):
    code, kl = augment(text, noise, w)
    h = F.linear(torch.cat([code, z], 1), w["network.0.weight"]).unflatten(1, (-1, 4, 4))
    h = up(F.relu(norm(h, w, "network.2", training)), w, (5, 9), training)
    return torch.tanh(conv(h, w, "network.12")), kl


def second(x, text, noise, w, training=True):
    code, kl = augment(text, noise, w)
    h = F.relu(conv(x, w, "look.0"))
    h = F.relu(norm(conv(h, w, "look.2", 2), w, "look.3", training))
    h = torch.cat([h, code[:, :, None, None].expand(-1, -1, 8, 8)], 1)
    h = F.relu(norm(conv(h, w, "network.0"), w, "network.1", training))
    for block in ("network.3.change", "network.5.change"):
        inner = F.relu(norm(conv(h, w, f"{block}.0"), w, f"{block}.1", training))
        h = F.relu(h + norm(conv(inner, w, f"{block}.3"), w, f"{block}.4", training))
    h = torch.cat([up(h, w, (8, 12), training), twice(x)], 1)
    return torch.tanh(conv(h, w, "paint.0")), kl


def join(x, texts, w):
    """The critic of the paper: a caption joins the image at each of 4×4 places. A logit for each of the captions."""
    h = act(conv(x, w, "look.0", 2))
    for place in (2, 5):
        h = act(norm(conv(h, w, f"look.{place}", 2), w, f"look.{place + 1}"))
    for text in texts:
        t = act(F.linear(text, w["read.0.weight"], w["read.0.bias"]))
        both = conv(torch.cat([h, t[:, :, None, None].expand(-1, -1, 4, 4)], 1), w, "decide.0")
        yield F.linear(act(norm(both, w, "decide.1")).flatten(1), w["decide.4.weight"], w["decide.4.bias"])


def project(x, texts, w):
    """The critic of projections, without norms."""
    h = act(conv(x, w, "look.0"))
    for place in (2, 4):
        h = act(conv(h, w, f"look.{place}", 2))
    h = act(F.linear(h.flatten(1), w["look.7.weight"], w["look.7.bias"]))
    for text in texts:
        caption = F.linear(text, w["embed.weight"], w["embed.bias"])
        fit = torch.einsum("nk,nk->n", h, caption / len(caption[0]) ** 0.5)
        yield F.linear(h, w["decide.weight"], w["decide.bias"]) + fit[:, None]


def stack_batches():
    rng = np.random.default_rng(1)
    for _ in range(STEPS):
        meanings, words = captions.conditions(BATCH, rng)
        wrong = captions.conditions(BATCH, rng)[1]
        yield np.tanh(rng.standard_normal((BATCH, 3, 32, 32))), words, wrong, meanings


def train_stack(encoder, readout, g1, d1, g2, d2):
    bce, rng = torch.nn.BCEWithLogitsLoss(), np.random.default_rng(2)
    ones, zeros = torch.ones(BATCH, 1, dtype=torch.float64), torch.zeros(BATCH, 1, dtype=torch.float64)
    reading = adam(encoder, readout)
    optimizers = {1: (adam(g1), adam(d1)), 2: (adam(g2), adam(d2))}
    averages = [{k: v.detach().clone() for k, v in w.items()} for w in (g1, g2)]
    for step, (images, words, others, meanings) in enumerate(stack_batches()):
        images, words, others = map(torch.from_numpy, (images, words, others))
        if step < SCHEDULE[0]:
            logits = F.linear(read(words, encoder), readout["weight"], readout["bias"]).split([10, 12, 12], 1)
            descend(reading, sum(F.cross_entropy(u, torch.from_numpy(y)) for u, y in zip(logits, meanings.T)))
            continue
        stage = 1 if step < sum(SCHEDULE[:2]) else 2
        text, wrong = (read(each, encoder).detach() for each in (words, others))
        g, d, draw, score = (g1, d1, first, project) if stage == 1 else (g2, d2, second, join)
        if stage == 1:
            images = F.avg_pool2d(images, 2)

        def begin(stage=stage, text=text):
            z = normal(rng, BATCH, LATENTS)
            if stage == 1:
                return z
            return first(z, text, normal(rng, BATCH, CODE), averages[0], training=False)[0]

        fake = draw(begin(), text, normal(rng, BATCH, CODE), g)[0].detach()
        at = step - SCHEDULE[0] if stage == 1 else step - sum(SCHEDULE[:2])
        for optimizer, rate in zip(optimizers[stage], (2e-3, 1e-3)):
            optimizer.param_groups[0]["lr"] = rate * max(0.05, 1 - at / SCHEDULE[stage])
        on_real = score(images, (text, wrong), d)
        loss = bce(next(on_real), ones) + bce(next(score(fake, (text,), d)), zeros) / 2
        descend(optimizers[stage][1], loss + bce(next(on_real), zeros) / 2)
        fake, kl = draw(begin(), text, normal(rng, BATCH, CODE), g)
        descend(optimizers[stage][0], bce(next(score(fake, (text,), d)), ones) + 2 * kl)
        averages[stage - 1] = averaged(averages[stage - 1], g)
    return encoder, readout, g1, d1, g2, d2, *averages


def differences(networks, theirs):
    """The largest of all weights and buffers; how far each moved is the tests' to see."""
    errors = []
    for network, weights in zip(networks, theirs, strict=True):
        for path, array in network.state_dict().items():
            if "num_batches" not in path:
                errors.append(np.abs(array - weights[path].detach().numpy()).max())
    return max(errors)


def moved(before, after):
    """The weights that did not."""
    pairs = [(v, after[i][k]) for i, w in enumerate(before) for k, v in w.items() if after[i][k].requires_grad]
    return min((a - b).abs().max().item() for a, b in pairs)


def copies(networks):
    return [{k: v.detach().clone() for k, v in w.items()} for w in networks]


def test_ten_steps_of_stackgan_through_its_phases_end_in_the_same_weights(record_property):
    def networks(rng, latent_size, text, code):
        players = list(small_networks(rng, latent_size, text, code, WIDTHS, WIDTHS))
        players[5] = Critic(rng, text, 3, (3, 6, 6))  # the paper's; that of stage one is the small one
        return [network.to(np.float64) for network in players]

    sizes = {"latent_size": LATENTS, "text": TEXT, "code": CODE}
    options = {"rates": (2e-3, 2e-3, 1e-3), "betas": ADAM["betas"], "kl": 2.0, "average_decay": 0.9}
    model = stackgan.build(np.random.default_rng(0), networks=networks, schedule=SCHEDULE, **sizes, **options)
    stages = model.first, model.second
    ours = [model.encoder, model.readout, *(net for stage in stages for net in (stage.generator, stage.critic))]
    model.encoder.head.weight.data = 20 * model.encoder.head.weight.data  # else φ is nearly the same for all captions
    ours_averaged = [stage.average.module for stage in stages]
    start = [layers(network) for network in ours]
    before = copies(start)
    theirs = train_stack(*start)
    batches, rng = stack_batches(), np.random.default_rng(2)
    assert [model.train_step(batches, rng)["stage"] for _ in range(STEPS)] == [0, 0, 1, 1, 1, 1, 2, 2, 2, 2]
    error = differences([*ours, *ours_averaged], theirs)
    record_property("largest difference", error)
    assert error < 1e-5 and moved(before, start) > 1e-4


# LoGAN ---------------------------------------------------------------------------------------------------------------

COLOURS = 4
FEW_ADAM = {"lr": 2e-3, "betas": (0.0, 0.9)}


def logo_batches():
    rng = np.random.default_rng(1)
    for _ in range(2 * STEPS):
        yield np.tanh(rng.standard_normal((BATCH, 3, 32, 32))), rng.integers(COLOURS, size=BATCH)


def paint(z, y, w):
    h = F.linear(torch.cat([z, y], 1), w["network.0.weight"]).unflatten(1, (-1, 4, 4))
    for place in (2, 5, 8):
        h = F.relu(norm(h, w, f"network.{place}"))
        h = F.conv_transpose2d(h, w[f"network.{place + 2}.weight"], w.get(f"network.{place + 2}.bias"), 2, 1)
    return torch.tanh(h)


def score(x, w):
    for place in (0, 2, 4):
        x = act(conv(x, w, str(place), 2))
    output = F.linear(x.flatten(1), w["7.weight"], w["7.bias"])
    return output[:, 0], output[:, 1:]


def train_logo(g, d):
    rng, batches = np.random.default_rng(2), logo_batches()
    optimizer_g, optimizer_d = adam(g, **FEW_ADAM), adam(d, **FEW_ADAM)
    for _ in range(STEPS):
        for _ in range(2):
            real, labels = map(torch.from_numpy, next(batches))
            fake = paint(normal(rng, BATCH, LATENTS), F.one_hot(labels, COLOURS).double(), g).detach()
            on_real, logits = score(real, d)
            epsilon = torch.from_numpy(rng.random((BATCH, 1, 1, 1)))
            x = (epsilon * real + (1 - epsilon) * fake).requires_grad_()
            (slope,) = torch.autograd.grad(score(x, d)[0].sum(), x, create_graph=True)
            penalty = ((slope.flatten(1).square().sum(1) + 1e-12).sqrt() - 1).square().mean()
            loss = score(fake, d)[0].mean() - on_real.mean() + 10 * penalty + 0.7 * F.cross_entropy(logits, labels)
            descend(optimizer_d, loss)
        labels = torch.from_numpy(rng.integers(COLOURS, size=BATCH))
        fake = paint(normal(rng, BATCH, LATENTS), F.one_hot(labels, COLOURS).double(), g)
        on_fake, logits = score(fake, d)
        descend(optimizer_g, -on_fake.mean() + 0.3 * F.cross_entropy(logits, labels))
    return g, d


def test_ten_steps_of_logan_end_in_the_same_weights(record_property):
    def networks(rng, latent_size, classes):
        return [network.to(np.float64) for network in logan.small_networks(rng, latent_size, classes, width=3)]

    options = {"class_weights": (0.7, 0.3), "latent_size": LATENTS, "classes": COLOURS, "critic_steps": 2, **FEW_ADAM}
    game = logan.build(np.random.default_rng(0), networks=networks, **options)
    start = [layers(network) for network in (game.generator, game.critic)]
    before = copies(start)
    theirs = train_logo(*start)
    batches, rng = logo_batches(), np.random.default_rng(2)
    for _ in range(STEPS):
        game.train_step(batches, rng)
    error = differences([game.generator, game.critic], theirs)
    record_property("largest difference", error)
    assert error < 1e-5 and moved(before, start) > 1e-4
