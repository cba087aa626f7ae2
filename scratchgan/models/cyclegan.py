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
from scratchgan.functional import l1_loss, pad
from scratchgan.losses import LeastSquares
from scratchgan.models.model import Model, Preset, System, made
from scratchgan.optim import Adam

# Networks ------------------------------------------------------------------------------------------------------------


class Reflected(nn.Module):
    """A layer on an image that is mirrored at its edges, so that no border of zeros shows.

    Parameters
    ----------
    layer : Module
        A convolution without padding.
    width : int
        Pixels on each side.
    """

    def __init__(self, layer, width):
        self.layer, self.width = layer, width

    def forward(self, x):
        """(N, C, H, W) -> (N, O, H, W), for a kernel of 2 · width + 1 pixels a side."""
        return self.layer(pad(x, (self.width,) * 4, mode="reflect"))


class Residual(nn.Module):
    """x + f(x)."""

    def __init__(self, *layers):
        self.change = nn.Sequential(*layers)

    def forward(self, x):
        """(N, C, H, W) -> the same shape."""
        return x + self.change(x)


def generator(rng, width=8, blocks=3, channels=3):
    """c7s1-w, d2w, d4w, residual blocks, u2w, uw, c7s1: (N, channels, H, W) -> the same shape, in [−1, 1].

    The norms are affine and the convolutions before them have no bias, as it would have no effect.
    """

    def same(few, many, kernel, **options):
        return Reflected(nn.Conv2d(few, many, kernel, rng=rng, **options), kernel // 2)

    def normed(layer, many):
        return layer, nn.InstanceNorm2d(many, affine=True)

    def block(many):
        return Residual(
            *normed(same(many, many, 3, bias=False), many), nn.ReLU(), *normed(same(many, many, 3, bias=False), many)
        )

    half = {"kernel_size": 3, "stride": 2, "padding": 1, "bias": False, "rng": rng}
    w = width
    return nn.Sequential(
        *normed(same(channels, w, 7, bias=False), w),
        nn.ReLU(),
        *normed(nn.Conv2d(w, 2 * w, **half), 2 * w),
        nn.ReLU(),
        *normed(nn.Conv2d(2 * w, 4 * w, **half), 4 * w),
        nn.ReLU(),
        *(block(4 * w) for _ in range(blocks)),
        *normed(nn.ConvTranspose2d(4 * w, 2 * w, output_padding=1, **half), 2 * w),
        nn.ReLU(),
        *normed(nn.ConvTranspose2d(2 * w, w, output_padding=1, **half), w),
        nn.ReLU(),
        same(w, channels, 7),
        nn.Tanh(),
    )


def patch_critic(rng, width=16, channels=3):
    """A score for each patch of 16×16 pixels: (N, channels, H, W) -> (N, 1, h, w)."""
    return nn.Sequential(
        nn.Conv2d(channels, width, 4, stride=2, padding=1, rng=rng),
        nn.LeakyReLU(0.2),
        nn.Conv2d(width, 2 * width, 4, padding=1, bias=False, rng=rng),
        nn.InstanceNorm2d(2 * width, affine=True),
        nn.LeakyReLU(0.2),
        nn.Conv2d(2 * width, 1, 4, padding=1, rng=rng),
    )


def small_networks(rng):
    """G, F, D_X and D_Y."""
    return generator(rng), generator(rng), patch_critic(rng), patch_critic(rng)


# Training ------------------------------------------------------------------------------------------------------------


class ImagePool:
    """The last translations, of which a critic is shown a mixture.

    Until there are ``size``, each image is kept and shown. Then half of the images are exchanged for a kept one, whose
    place they take. (Shrivastava et al. 2017, arXiv:1612.07828, §2.3.)

    Parameters
    ----------
    size : int
    image : tuple of int
        The shape of one.
    """

    def __init__(self, size, image):
        self.kept, self.count = np.zeros((size, *image), np.float32), 0

    def exchange(self, images, rng):
        """A batch of as many images, (N, …) -> (N, …); arrays."""
        return np.stack([self._exchanged(image, rng) for image in images])

    def _exchanged(self, image, rng):
        if self.count < len(self.kept):
            self.kept[self.count] = image
            self.count += 1
            return image
        if rng.random() < 0.5:
            return image
        place = rng.integers(self.count)
        old, self.kept[place] = self.kept[place].copy(), image
        return old

    def state_dict(self):
        """The images, and how many there are: {"kept": (size, …), "count": ()}."""
        return {"kept": self.kept.copy(), "count": np.array(self.count)}

    def load_state_dict(self, state):
        """Take over a `state_dict`."""
        if state["kept"].shape != self.kept.shape or not 0 <= state["count"] <= len(self.kept):
            raise ValueError(f"{state['count']} of {state['kept'].shape} do not fit a pool {self.kept.shape}")
        self.kept, self.count = state["kept"].astype(np.float32), int(state["count"])


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
    panels = {
        "critics": ["critic_loss"],
        "adversarial terms": ["adversarial"],
        "there and back, identity": ["cycle", "identity"],
    }

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
        pooled = [
            self.tensor(pool.exchange(fake.numpy(), rng))
            for pool, fake in ((self.pool_x, fake_x), (self.pool_y, fake_y))
        ]
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
