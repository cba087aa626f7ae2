"""The critic step, done by DeZero, as a usual script does it. `ours` and `theirs` are the twins.

Every layer and derivative is DeZero's own, at second order, too. Three things have to be minded:

- Its layer `Deconv2d` has no argument for the size of the result, but the function below it has: see `_Up`.
- A Python number that meets a scalar makes it float64, and after a loss of float64 the whole way back is float64. So
  numbers that meet a scalar are float32 here.
- The derivative of a sum over several axes raises an error, so the norms are of flattened slopes.
"""

import dezero
import dezero.functions as F
import dezero.layers as L
import numpy as np
from dezero import Model, Variable
from dezero.optimizers import Adam

rng = np.random.default_rng(0)


def about():
    """The versions that the figures belong to."""
    return f"DeZero {dezero.__version__} on NumPy {np.__version__}"


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
            weight.data[...] = _transposed(given[f"{name} {index}"])
    optimizer = _adam(critic)
    numbers = train(generator, critic, optimizer, given["real"], given["latents"], given["epsilon"])
    results = {name: value.data for name, value in numbers.items()}
    for index, weight in enumerate(_weights(critic)):
        results[f"gradient {index}"] = _transposed(weight.grad.data)
        results[f"weight {index}"] = _transposed(weight.data)
    return results


def train(generator, critic, optimizer, real, latents, epsilon):
    """The step, from its random numbers."""
    with dezero.no_grad():
        fake = generator(Variable(latents)).data
    numbers = critic_losses(critic, real, fake, epsilon)
    critic.cleargrads()  # of those that the slope left
    numbers["critic_loss"].backward()
    optimizer.update()
    return numbers


def critic_losses(critic, real, fake, epsilon):
    """The penalty on one batch, and the critic's loss itself."""
    distance = _mean(critic(Variable(real))) - _mean(critic(Variable(fake)))
    between = Variable(epsilon * real + (1 - epsilon) * fake)
    F.sum(critic(between)).backward(create_graph=True)
    slope = between.grad
    between.cleargrad()
    norms = F.sum(F.flatten(slope) ** 2, axis=1) ** 0.5
    penalty = _mean((norms - 1) ** 2)
    penalty = penalty * np.float32(10)
    return {"penalty": penalty, "critic_loss": -distance + penalty}


def _mean(x):
    return F.sum(x) / np.float32(x.size)


def paper_networks(width):
    """The twin of `scratchgan.models.wgan_gp.paper_networks`."""
    return _Generator(width), _Critic(width)


class _Generator(Model):
    def __init__(self, width):
        super().__init__()
        self.linear = L.Linear(4 * width * 4 * 4, in_size=128)
        self.up1 = _Up(2 * width, 5, stride=2, pad=2, in_channels=4 * width)
        self.up2 = _Up(width, 5, stride=2, pad=2, in_channels=2 * width)
        self.up3 = _Up(1, 5, stride=2, pad=2, in_channels=width)
        self.layers = (self.linear, self.up1, self.up2, self.up3)

    def forward(self, z):
        h = F.relu(self.linear(z))
        h = F.relu(self.up1(h.reshape(len(z), -1, 4, 4)))  # 8×8
        h = F.relu(self.up2(h[:, :, :7, :7]))  # 14×14
        return F.sigmoid(self.up3(h))  # 28×28


class _Up(L.Deconv2d):
    """Doubles the pixels a side."""

    def forward(self, x):
        outsize = (2 * x.shape[2], 2 * x.shape[3])
        return F.deconv2d(x, self.W, self.b, self.stride, self.pad, outsize)


class _Critic(Model):
    def __init__(self, width):
        super().__init__()
        self.down1 = L.Conv2d(width, 5, stride=2, pad=2, in_channels=1)
        self.down2 = L.Conv2d(2 * width, 5, stride=2, pad=2, in_channels=width)
        self.down3 = L.Conv2d(4 * width, 5, stride=2, pad=2, in_channels=2 * width)
        self.linear = L.Linear(1, in_size=4 * width * 4 * 4)
        self.layers = (self.down1, self.down2, self.down3, self.linear)

    def forward(self, x):
        for down in (self.down1, self.down2, self.down3):
            x = F.leaky_relu(down(x))  # of slope 0.2
        return self.linear(F.flatten(x))


def _adam(critic):
    return Adam(1e-4, 0.5, 0.9).setup(critic)


def _weights(network):
    return [weight for layer in network.layers for weight in (layer.W, layer.b)]


def _transposed(weight):
    """The weight of a linear layer is our transposed one."""
    return weight.T if weight.ndim == 2 else weight
