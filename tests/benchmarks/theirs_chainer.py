"""The critic step, done by Chainer, as a usual script does it. `ours` and `theirs` are the twins."""

import chainer
import chainer.functions as F
import chainer.links as L
import numpy as np

rng = np.random.default_rng(0)


def about():
    """The versions that the figures belong to."""
    return f"Chainer {chainer.__version__} on NumPy {np.__version__}"


def critic_step(width, batch):
    """Fakes, penalty, Adam: one step of the critic of the authors' MNIST network."""
    generator, critic = paper_networks(width)
    real, optimizer = rng.random((batch, 1, 28, 28), np.float32), _adam(critic)

    def step():
        latents = rng.standard_normal((batch, 128), np.float32)
        train(generator, critic, optimizer, real, latents, rng.random((batch, 1, 1, 1), np.float32))

    return step


def checked_step(work, given):
    """What comes out of the step that is `ours_checked.given_step`: terms of the loss, gradients, weights after it."""
    _, width, _ = work
    generator, critic = paper_networks(width)
    for name, network in (("generator", generator), ("critic", critic)):
        for index, weight in enumerate(_weights(network)):
            weight.array[...] = given[f"{name} {index}"]
    optimizer = _adam(critic)
    numbers = train(generator, critic, optimizer, given["real"], given["latents"], given["epsilon"])
    results = {name: value.array for name, value in numbers.items()}
    for index, weight in enumerate(_weights(critic)):
        results |= {f"gradient {index}": weight.grad, f"weight {index}": weight.array}
    return results


def train(generator, critic, optimizer, real, latents, epsilon):
    """The step, from its random numbers."""
    with chainer.no_backprop_mode():
        fake = generator(latents).array
    numbers = critic_losses(critic, real, fake, epsilon)
    critic.cleargrads()
    numbers["critic_loss"].backward()
    optimizer.update()
    return numbers


def critic_losses(critic, real, fake, epsilon):
    """The penalty on one batch, and the critic's loss itself."""
    distance = F.mean(critic(real)) - F.mean(critic(fake))
    between = chainer.Variable(epsilon * real + (1 - epsilon) * fake)
    (slope,) = chainer.grad([F.sum(critic(between))], [between], enable_double_backprop=True)
    norms = F.sqrt(F.sum(slope**2, axis=(1, 2, 3)))
    penalty = F.mean((norms - 1) ** 2)
    return {"penalty": 10 * penalty, "critic_loss": -distance + 10 * penalty}


def paper_networks(width):
    """The twin of `scratchgan.models.wgan_gp.paper_networks`."""

    def up(channels, out, size):
        return L.Deconvolution2D(channels, out, 5, stride=2, pad=2, outsize=(size, size))

    def down(channels, out):
        return L.Convolution2D(channels, out, 5, stride=2, pad=2)

    generator = chainer.Sequential(
        L.Linear(128, 4 * width * 4 * 4),
        F.relu,
        lambda x: F.reshape(x, (-1, 4 * width, 4, 4)),
        up(4 * width, 2 * width, 8),
        F.relu,
        lambda x: x[:, :, :7, :7],
        up(2 * width, width, 14),
        F.relu,
        up(width, 1, 28),
        F.sigmoid,
    )
    critic = chainer.Sequential(
        down(1, width),
        F.leaky_relu,  # of slope 0.2
        down(width, 2 * width),
        F.leaky_relu,
        down(2 * width, 4 * width),
        F.leaky_relu,
        L.Linear(4 * width * 4 * 4, 1),
    )
    return generator, critic


def _adam(critic):
    return chainer.optimizers.Adam(1e-4, 0.5, 0.9).setup(critic)


def _weights(network):
    return [weight for layer in network if isinstance(layer, chainer.Link) for weight in (layer.W, layer.b)]
