"""CycleGAN: "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks", Zhu et al. 2017.

arXiv:1703.10593. There are two domains X and Y, such as photos and paintings, and *no pairs*: no image of X comes with
its partner in Y. Two generators translate, G: X → Y and F: Y → X. A critic for each domain, D_Y and D_X, judges whether
a translated image looks like one of the domain. With least squares, as in LSGAN, the critic of Y descends

    L_D(D_Y) = ½ E_y (D_Y(y) − 1)² + ½ E_x D_Y(G(x))²                                                               (1)

and likewise that of X. That alone would let G translate each x to *any* plausible y. So what is translated there and
back must return (the cycle), and an image that is in the target domain already must stay as it is (identity): with
‖·‖₁ the mean over pixels and batch,

    L_G =   E_x (D_Y(G(x)) − 1)²        + E_y (D_X(F(y)) − 1)²
          + λ_X E_x ‖F(G(x)) − x‖₁      + λ_Y E_y ‖G(F(y)) − y‖₁
          + λ_i (E_y ‖G(y) − y‖₁        + E_x ‖F(x) − x‖₁).                                                         (2)

Cycle consistency does not pin the translation down: every one-to-one map satisfies it. That G keeps what an image shows
is the bias of a small residual network, and has to be measured on images whose true partner is known: `measure`. And a
generator may hide what it needs for the way back in differences that no eye sees; so the error of a cycle is measured
again after a translation was rounded to 8 bits, and after a little noise.

The critics are shown, half of the time, one of the last fifty translations (`ImagePool`) instead of the newest, so that
they do not forget.

Departures:

| here                                                      | the paper or its code                             |
|-----------------------------------------------------------|---------------------------------------------------|
| 28×28 digits, orange on black and blue on white           | photos and paintings of 256×256                   |
| 3 residual blocks of 32 channels; patches of 16           | 9 of 256 channels; patches of 70                  |
| batches of 8, 1,000 steps, α from 0.001 to a twentieth    | batches of 1, 200 epochs, α = 0.0002, then to 0   |
| λ_i = 0, as G has to turn dark into light; 5 for emoji    | 0, or 5 where colours should be kept              |
| norms with weights of their own; PyTorch's first weights  | norms without weights; first weights N(0, 0.02²)  |

`paper_networks` are the published ones. Presets `no_cycle`, `cycle_only` and `one_way` are the paper's ablations: (2)
without a term. `folder` is for two domains of your own, of 64×64 pixels: folders trainA and trainB, testA and testB.
"""

from functools import partial

import numpy as np

from scratchgan import nn
from scratchgan.data import tiles, views
from scratchgan.functional import l1_loss
from scratchgan.losses import LeastSquares
from scratchgan.models.model import Model, Preset, System, made
from scratchgan.models.networks import Residual, initialise, patch_critic
from scratchgan.models.pool import ImagePool
from scratchgan.nn.options import Number, Several
from scratchgan.optim import Adam

# Networks ------------------------------------------------------------------------------------------------------------


def generator(rng, width=8, blocks=3, channels=3, affine=True):
    """c7s1-w, d2w, d4w, residual blocks, u2w, uw, c7s1: (N, channels, H, W) -> the same shape, in [−1, 1].

    Images are mirrored at their edges, so that no border of zeros shows. A convolution before a norm has a bias only
    where the norm is not ``affine``: without effect, but the paper's counts have it.
    """

    def normed(kind, few, many, kernel, **options):
        layer = kind(few, many, kernel, bias=not affine, rng=rng, **options)
        return layer, nn.InstanceNorm2d(many, affine=affine)

    def same(few, many, kernel):
        return nn.ReflectionPad2d(kernel // 2), *normed(nn.Conv2d, few, many, kernel)

    def scaled(kind, few, many, **options):
        return *normed(kind, few, many, 3, stride=2, padding=1, **options), nn.ReLU()

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


def small_networks(rng, width=8, blocks=3, critic_width=16, layers=1):
    """G, F, D_X and D_Y."""
    generators = generator(rng, width, blocks), generator(rng, width, blocks)
    return *generators, patch_critic(rng, critic_width, layers=layers), patch_critic(rng, critic_width, layers=layers)


larger_networks = partial(small_networks, width=16, blocks=6, critic_width=32, layers=2)


def paper_networks(rng, blocks=9):
    """The published ones, for 256×256 pixels, or for 128×128 with 6 blocks."""
    plain = partial(nn.InstanceNorm2d, affine=False)
    generators = (generator(rng, 64, blocks, affine=False) for _ in range(2))
    critics = (patch_critic(rng, 64, layers=3, norm=plain) for _ in range(2))
    return tuple(initialise(network, rng) for network in (*generators, *critics))


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
    adversarial : float
        The weight of the first line of (2), 1.
    cycle : tuple of float
        λ_X and λ_Y.
    identity : float
        λ_i.
    pool_size : int
    image : tuple of int
        (C, H, W).
    """

    weights = Several(Number("[0, ∞)"), 4)
    watch = {"critic_loss": "L_D", "adversarial": "L_adv", "cycle": "cycle"}
    panels = {"critics": ["critic_loss"], "adversarial terms": ["adversarial"], "there and back": ["cycle"]}

    def __init__(self, there, back, critic_x, critic_y, optimizer, adversarial, cycle, identity, pool_size, image):
        self.there, self.back, self.critic_x, self.critic_y = there, back, critic_x, critic_y
        self.weights, self.objective = (adversarial, *cycle, identity), LeastSquares()
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
        adversarial = 2 * (self.objective.generator_loss(scores[0]) + self.objective.generator_loss(scores[1]))
        cycle_x, cycle_y = l1_loss(self.back(fake_y), x), l1_loss(self.there(fake_x), y)
        weight, weight_x, weight_y, weight_i = self.weights
        loss = weight * adversarial + weight_x * cycle_x + weight_y * cycle_y
        numbers = {"adversarial": adversarial, "cycle": cycle_x + cycle_y}
        if weight_i:  # a third of the time of a step
            numbers["identity"] = l1_loss(self.there(y), y) + l1_loss(self.back(x), x)
            loss = loss + weight_i * numbers["identity"]
        return numbers | {"generator_loss": loss}, (fake_x.detach(), fake_y.detach())

    def train_step(self, batches, rng):
        """A step of both generators, then one of both critics on reals and pooled translations."""
        x, y = self.draw(batches)
        numbers, (fake_x, fake_y) = self.generator_loss(x, y)
        self.descend(self.generator_optimizer, numbers["generator_loss"])
        pools = (self.pool_x, fake_x), (self.pool_y, fake_y)
        pooled = [self.tensor(self.exchanged(pool, fake.numpy(), rng)) for pool, fake in pools]
        loss = self.descend(self.critic_optimizer, self.critic_loss(x, y, *pooled))
        return {name: value.item() for name, value in (numbers | {"critic_loss": loss}).items()}

    def exchanged(self, pool, images, rng):
        """What a pool shows for images. It keeps those of all processes, and so is the same in each."""
        return self.ranks.part(pool.exchange(self.ranks.whole(images), rng))

    def show(self, examples, rng):
        """Rows of eight, or of fewer where a domain is small: x, G(x), F(G(x)); y, F(y), G(F(y))."""
        rows, count = [], min(8, *map(len, examples))
        for images, out, home in ((examples[0], self.there, self.back), (examples[1], self.back, self.there)):
            moved = made(out, images[:count])
            rows += [self.shown(images[:count]), self.shown(moved), self.shown(made(home, moved))]
        return np.stack(rows)

    def measure(self, held_out, rng):
        """The errors of cycles; and those of translations, where x and y are pairs of coloured digits with labels.

        Parameters
        ----------
        held_out : x, y (N, C, H, W), and perhaps labels (N,)
        """
        from scratchgan.metrics import translation  # here, as training never waits for it

        x, y, *labels = held_out
        numbers = {}
        ways = ("there", x, y, self.there, self.back), ("back", y, x, self.back, self.there)
        for way, images, truth, out, home in ways:
            moved = made(out, images)
            arrays = [each.numpy() for each in (images, moved, truth)]
            found = translation.cycle_errors(
                *arrays[:2], lambda array, home=home: made(home, self.tensor(array)).numpy(), rng
            )
            if labels:
                found |= translation.against_truth(*arrays, *labels)
            numbers |= {f"{name}, {way}": number for name, number in found.items()}
        return numbers


def build(
    rng,
    device="cpu",
    networks=small_networks,
    adversarial=1.0,
    cycle=(10.0, 10.0),  # λ_X, λ_Y
    identity=0.0,  # λ_i
    lr=1e-3,  # of both Adams
    betas=(0.5, 0.999),
    pool_size=50,
    image=(3, 28, 28),
):
    """The game of (1) and (2)."""
    players = (network.to(device) for network in networks(rng))
    optimizer = partial(Adam, lr=lr, betas=betas)
    return CycleGAN(*players, optimizer, adversarial, cycle, identity, pool_size, image)


COLOURS = {"batch_size": 8, "view": views.two_colours, "held_out": views.both_colours, "unpaired": True}
THINGS = {
    "data": "emoji",
    "view": partial(tiles.beside, kind="things"),
    "held_out": partial(tiles.beside, kind="things", split="test"),
    "unpaired": True,
}
SYSTEM = System(
    "cyclegan",
    "CycleGAN",
    "two domains without pairs: there and back again",
    3,
    build,
    {
        "quick": Preset(400, every=25, **COLOURS),
        "default": Preset(1000, every=50, **COLOURS),
        "no_cycle": Preset(400, every=25, options={"cycle": (0.0, 0.0)}, **COLOURS),
        "cycle_only": Preset(400, every=25, options={"adversarial": 0.0}, **COLOURS),
        "one_way": Preset(400, every=25, options={"cycle": (10.0, 0.0)}, **COLOURS),
        "identity": Preset(400, every=25, options={"identity": 5.0}, **COLOURS),
        "emoji_tiles": Preset(800, every=50, batch_size=8, options={"identity": 5.0, "image": (3, 32, 32)}, **THINGS),
        "folder": Preset(
            20_000,
            every=200,
            batch_size=4,
            view=partial(views.two_domains, size=64),
            unpaired=True,
            options={"networks": larger_networks, "image": (3, 64, 64)},
        ),
    },
)
