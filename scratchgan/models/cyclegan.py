"""CycleGAN: "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks", Zhu et al. 2017.

arXiv:1703.10593. There are two domains X and Y, such as photos and paintings, and *no pairs*: no image of X comes with
its partner in Y. Two generators translate, G: X → Y and F: Y → X. A critic for each domain, D_Y and D_X, judges whether
a translated image looks like one of the domain. With least squares, as in LSGAN, the critic of Y descends

    L_D(D_Y) = ½ E_y (D_Y(y) − 1)² + ½ E_x D_Y(G(x))²                                                               (1)

and likewise that of X. That alone would let G translate each x to *any* plausible y. So what is translated there and
back must return (the cycle), and an image that is in the target domain already must stay as it is (identity): with
‖·‖₁ the mean over pixels and batch,

    L_G =   ½ E_x (D_Y(G(x)) − 1)²      + ½ E_y (D_X(F(y)) − 1)²
          + λ   (E_x ‖F(G(x)) − x‖₁     + E_y ‖G(F(y)) − y‖₁)
          + λ_i (E_y ‖G(y) − y‖₁        + E_x ‖F(x) − x‖₁).                                                         (2)

Cycle consistency does not pin the translation down: every one-to-one map satisfies it. That G keeps what an image shows
is the bias of a small residual network, and has to be measured on images whose true partner is known.

The critics are shown, half of the time, one of the last fifty translations (`ImagePool`) instead of the newest, so that
they do not forget.

Departures:

| here                                                      | the paper or its code                             |
|-----------------------------------------------------------|---------------------------------------------------|
| 28×28 digits, orange on black and blue on white           | photos and paintings of 256×256                   |
| 3 residual blocks of 32 channels; patches of 16           | 9 of 256 channels; patches of 70                  |
| batches of 8, 1,200 steps, α from 0.001 to a twentieth    | batches of 1, 200 epochs, α = 0.0002, then to 0   |
| ½ in (2), too, as in LSGAN, so λ and λ_i count twice      | only the critics' loss is halved                  |
| norms with weights of their own; PyTorch's first weights  | norms without weights; first weights N(0, 0.02²)  |
"""

from functools import partial

import numpy as np

from scratchgan import nn
from scratchgan.data import views
from scratchgan.functional import l1_loss
from scratchgan.losses import LeastSquares
from scratchgan.models.model import Model, Preset, System, made
from scratchgan.models.networks import patch_critic
from scratchgan.models.pool import ImagePool
from scratchgan.optim import Adam

# Networks ------------------------------------------------------------------------------------------------------------


class Residual(nn.Module):
    """x + f(x)."""

    def __init__(self, *layers):
        self.change = nn.Sequential(*layers)

    def forward(self, x):
        """(N, C, H, W) -> the same shape."""
        return x + self.change(x)


def generator(rng, width=8, blocks=3, channels=3):
    """c7s1-w, d2w, d4w, residual blocks, u2w, uw, c7s1: (N, channels, H, W) -> the same shape, in [−1, 1].

    The norms are affine and the convolutions before them have no bias, as it would have no effect. Images are mirrored
    at their edges, so that no border of zeros shows.
    """

    def same(few, many, kernel):
        layer = nn.Conv2d(few, many, kernel, bias=False, rng=rng)
        return nn.ReflectionPad2d(kernel // 2), layer, nn.InstanceNorm2d(many, affine=True)

    def scaled(kind, few, many, **options):
        layer = kind(few, many, 3, stride=2, padding=1, bias=False, rng=rng, **options)
        return layer, nn.InstanceNorm2d(many, affine=True), nn.ReLU()

    w = width
    return nn.Sequential(
        *same(channels, w, 7),
        nn.ReLU(),
        *scaled(nn.Conv2d, w, 2 * w),
        *scaled(nn.Conv2d, 2 * w, 4 * w),
        *(Residual(*same(4 * w, 4 * w, 3), nn.ReLU(), *same(4 * w, 4 * w, 3)) for _ in range(blocks)),
        *scaled(nn.ConvTranspose2d, 4 * w, 2 * w, output_padding=1),
        *scaled(nn.ConvTranspose2d, 2 * w, w, output_padding=1),
        nn.ReflectionPad2d(3),
        nn.Conv2d(w, channels, 7, rng=rng),
        nn.Tanh(),
    )


def small_networks(rng):
    """G, F, D_X and D_Y."""
    return generator(rng), generator(rng), patch_critic(rng), patch_critic(rng)


# Training ------------------------------------------------------------------------------------------------------------


class CycleGAN(Model):
    """Two generators with one optimiser, two critics with one, and a pool for each critic.

    Parameters
    ----------
    there, back : Module
        G: X → Y and F: Y → X.
    critic_x, critic_y : Module
        (N, …) -> scores of any shape.
    optimizer : callable
        ``(parameters) -> Optimizer``.
    cycle, identity : float
        λ and λ_i.
    pool_size : int
    image : tuple of int
        (C, H, W).
    """

    watch = {"critic_loss": "L_D", "adversarial": "L_adv", "cycle": "cycle"}
    panels = {"critics": ["critic_loss"], "adversarial terms": ["adversarial"], "there and back": ["cycle", "identity"]}

    def __init__(self, there, back, critic_x, critic_y, optimizer, cycle, identity, pool_size, image):
        self.there, self.back, self.critic_x, self.critic_y = there, back, critic_x, critic_y
        self.weights, self.objective = (cycle, identity), LeastSquares()
        self.generator_optimizer = optimizer([*there.parameters(), *back.parameters()])
        self.critic_optimizer = optimizer([*critic_x.parameters(), *critic_y.parameters()])
        self.pool_x, self.pool_y = ImagePool(pool_size, image), ImagePool(pool_size, image)

    def critic_loss(self, x, y, fake_x, fake_y):
        """(1) of both critics: Tensor, ()."""
        pairs = (self.critic_x, x, fake_x), (self.critic_y, y, fake_y)
        first, second = (self.objective.discriminator_loss(critic(real), critic(fake)) for critic, real, fake in pairs)
        return first + second

    def generator_loss(self, x, y):
        """(2), its parts, and the translations: {"generator_loss": L_G, …}, (F(y), G(x))."""
        fake_y, fake_x = self.there(x), self.back(y)
        scores = self.critic_y(fake_y), self.critic_x(fake_x)
        adversarial = self.objective.generator_loss(scores[0]) + self.objective.generator_loss(scores[1])
        cycle = l1_loss(self.back(fake_y), x) + l1_loss(self.there(fake_x), y)
        identity = l1_loss(self.there(y), y) + l1_loss(self.back(x), x)
        loss = adversarial + self.weights[0] * cycle + self.weights[1] * identity
        numbers = {"adversarial": adversarial, "cycle": cycle, "identity": identity, "generator_loss": loss}
        return numbers, (fake_x.detach(), fake_y.detach())

    def train_step(self, batches, rng):
        """A step of both generators, then one of both critics on reals and pooled translations."""
        x, y = self.draw(batches)
        numbers, (fake_x, fake_y) = self.generator_loss(x, y)
        self.descend(self.generator_optimizer, numbers["generator_loss"])
        pools = (self.pool_x, fake_x), (self.pool_y, fake_y)
        pooled = [self.tensor(pool.exchange(fake.numpy(), rng)) for pool, fake in pools]
        loss = self.descend(self.critic_optimizer, self.critic_loss(x, y, *pooled))
        return {name: value.item() for name, value in (numbers | {"critic_loss": loss}).items()}

    def show(self, examples, rng):
        """Rows of eight: x, G(x), F(G(x)); y, F(y), G(F(y))."""
        rows = []
        for images, out, home in ((examples[0], self.there, self.back), (examples[1], self.back, self.there)):
            moved = made(out, images[:8])
            rows += [self.shown(images[:8]), self.shown(moved), self.shown(made(home, moved))]
        return np.stack(rows)


def build(
    rng,
    device="cpu",
    networks=small_networks,
    cycle=10.0,  # λ
    identity=5.0,  # λ_i
    lr=1e-3,  # of both Adams
    betas=(0.5, 0.999),
    pool_size=50,
    image=(3, 28, 28),
):
    """The game of (1) and (2)."""
    players = (network.to(device) for network in networks(rng))
    return CycleGAN(*players, partial(Adam, lr=lr, betas=betas), cycle, identity, pool_size, image)


SYSTEM = System(
    "cyclegan",
    "CycleGAN",
    "two domains without pairs: there and back again",
    5,
    build,
    {
        "quick": Preset(250, every=25, batch_size=8, view=views.two_colours, unpaired=True),
        "default": Preset(1200, every=50, batch_size=8, view=views.two_colours, unpaired=True),
    },
)
