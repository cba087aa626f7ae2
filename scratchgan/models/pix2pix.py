"""pix2pix: "Image-to-Image Translation with Conditional Adversarial Networks", Isola, Zhu, Zhou & Efros 2017.

arXiv:1611.07004. From *pairs*, such as an outline x and the picture y that it was drawn from, a generator learns to
translate, G: {x, z} → y. A discriminator is shown x beside y or beside G(x, z), and says which is true. With
ζ(u) = log(1 + eᵘ), D a logit, and ‖·‖₁ the mean over pixels and batch,

    L_D = E_{x,y} ζ(−D(x, y)) + E_{x,z} ζ(D(x, G(x, z)))                                                            (1)
    L_cGAN(G) = E_{x,z} ζ(−D(x, G(x, z)))                                                                           (2)
    L_L1(G) = E_{x,y,z} ‖y − G(x, z)‖₁                                                                              (3)
    L_G = L_cGAN(G) + λ L_L1(G),    λ = 100                                                                         (4)

Where several y are likely, (3) alone asks for their median, which is blurred; (2) asks for one of them. (3) keeps it
near the truth, so D need judge details only: D is a *PatchGAN* (§3.2.2), with a score for each patch.

G is a *U-Net* (§3.2.1): strided convolutions down to a few pixels and back up, and a *skip* from each layer to its
mirror image, as much of x (where its edges are) is seen in y. Of z the paper keeps only *dropout*, as G learnt to
ignore any other noise. It is on at test time, too, and batch norm takes the statistics of the test batch (§3.3): so
nothing here is switched to evaluation. z is the random number generator that G is given.

Presets `l1`, `gan`, `cgan` leave out a term of (4), and `gan` also x in D (equation (2) of the paper), as its table 1
does; `no_skips` is its figure 4. An outline says nearly all of a digit. Of clothes (--data fashion-mnist) it leaves the
texture open, and there (3) alone is blurred, as it is for the colours of `emoji`.

Presets `facades` and `a_to_b` take a folder (--data) with train/ and val/, in which each picture is two halves A|B side
by side: `facades` learns B → A (labels → photographs), `a_to_b` A → B.

Departures:

| here                                                     | the paper or its code                                 |
|----------------------------------------------------------|-------------------------------------------------------|
| 32×32, four layers of 16 to 64 channels, patches of 16   | 256×256, eight of 64 to 512, patches of 70            |
| batches of 16, α from 0.001 to a twentieth               | batches of 1 to 10, α = 0.0002                        |
| D's loss as it is                                        | halved; under Adam a factor changes nothing           |
| pictures mirrored, and shifted by reflected borders      | mirrored, enlarged by an eighth and cropped           |
| biases where no norm follows: G's last layer, D's ends   | biases are held at 0                                  |
"""

from functools import partial

import numpy as np

from scratchgan.data import views
from scratchgan.functional import cat, l1_loss, pad
from scratchgan.losses import NonSaturating
from scratchgan.models.model import Model, Preset, System
from scratchgan.models.networks import Conditioned, Unconditional, UNet, batch_norm, initialise, patch_critic
from scratchgan.nn.options import Number, Several, Whole
from scratchgan.optim import Adam
from scratchgan.tensor import no_grad

BLOCK = 16  # images that are translated together, and so normalised together: as many as in training

# Networks ------------------------------------------------------------------------------------------------------------


def small_networks(
    rng, widths=(16, 32, 64, 64), channels=(1, 1), dropped=2, skips=True, width=16, layers=1, conditional=True
):
    """G, see `UNet`, and D, see `patch_critic`: for 32×32 pixels, and for more with more ``widths`` and ``layers``.

    Returns
    -------
    generator : Module, (N, C, H, W), z -> (N, C', H, W)
    discriminator : Module, (N, C, H, W), (N, C', H, W) -> (N, 1, h, w)
    """
    generator = UNet(rng, widths, channels, dropped, skips)
    critic = patch_critic(rng, width, sum(channels) if conditional else channels[1], layers, batch_norm)
    shown = Conditioned if conditional else Unconditional
    return initialise(generator, rng), initialise(shown(critic), rng)


def paper_networks(rng, channels=(3, 3)):
    """Those of the paper, for 256×256 pixels: 54,413,955 and 2,768,705 weights.

    TensorFlow's tutorial has 1,024 more, of a norm at the bottom, where there is one pixel.
    """
    return small_networks(rng, (64, 128, 256, 512, 512, 512, 512, 512), channels, dropped=3, width=64, layers=3)


# Training ------------------------------------------------------------------------------------------------------------


def jittered(images, far, rng):
    """Batches of images, all mirrored alike, or not, and shifted alike by up to ``far`` pixels; 0: as they are."""
    if not far:
        return images
    (down, right), mirrored = rng.integers(2 * far + 1, size=2), rng.random() < 0.5
    height, width = images[0].shape[2:]
    shifted = [pad(x, (far,) * 4, mode="reflect")[:, :, down : down + height, right : right + width] for x in images]
    return [x[:, :, :, ::-1] if mirrored else x for x in shifted]


class Pix2Pix(Model):
    """A generator and a discriminator of pairs.

    Parameters
    ----------
    generator : Module
        G(x, z).
    discriminator : Module
        D(x, y): logits of any shape.
    optimizer : callable
        ``(parameters) -> Optimizer``.
    weights : tuple of float
        Of (2) and of (3) in (4).
    jitter : int
        How far pairs are shifted, in pixels; if at all, they are mirrored, too.
    """

    weights, jitter = Several(Number("[0, ∞)"), 2), Whole("[0, ∞)")
    watch = {"discriminator_loss": "L_D", "adversarial": "L_cGAN", "l1": "L1"}
    panels = {"discriminator": ["discriminator_loss"], "adversarial term": ["adversarial"], "L1": ["l1"]}

    def __init__(self, generator, discriminator, optimizer, weights, jitter):
        self.generator, self.discriminator = generator, discriminator
        self.weights, self.jitter, self.objective = weights, jitter, NonSaturating()
        self.generator_optimizer = optimizer(generator.parameters())
        self.discriminator_optimizer = optimizer(discriminator.parameters())

    def discriminator_loss(self, x, y, fake):
        """(1): Tensor, ()."""
        return self.objective.discriminator_loss(self.discriminator(x, y), self.discriminator(x, fake))

    def generator_loss(self, x, y, fake):
        """(2), (3) and (4): {"adversarial": Tensor, "l1": Tensor, "generator_loss": Tensor}."""
        adversarial, l1 = self.objective.generator_loss(self.discriminator(x, fake)), l1_loss(fake, y)
        loss = self.weights[0] * adversarial + self.weights[1] * l1
        return {"adversarial": adversarial, "l1": l1, "generator_loss": loss}

    def train_step(self, batches, rng):
        """One translation, with which D takes a step down (1), then G, judged by the new D, down (4)."""
        x, y = jittered(self.draw(batches), self.jitter, self.ranks.alike(rng))
        fake = self.generator(x, rng)
        loss = self.descend(self.discriminator_optimizer, self.discriminator_loss(x, y, fake.detach()))
        numbers = self.generator_loss(x, y, fake)
        self.descend(self.generator_optimizer, numbers["generator_loss"])
        return {name: value.item() for name, value in (numbers | {"discriminator_loss": loss}).items()}

    def translated(self, x, rng):
        """G(x, z) as at test time, in blocks of about `BLOCK` images: Tensor, (N, C', H, W)."""
        edges = np.linspace(0, len(x), -(-len(x) // BLOCK) + 1).astype(int)
        with no_grad():
            return cat([self.generator(x[start:end], rng) for start, end in zip(edges, edges[1:])])

    def show(self, examples, rng):
        """Twice three rows of eight, or once where there are few: x, G(x, z), y."""
        x, y = (images[: 16 if len(images) >= 16 else 8] for images in examples[:2])
        rows = np.stack([self.shown(images) for images in (_coloured(x, y), self.translated(x, rng), y)])
        return np.concatenate([rows[:, start : start + 8] for start in range(0, len(x), 8)])

    def measure(self, held_out, rng):
        """On pairs that it never saw: how near G(x, z) is to y, how sharp it is (y has 1), how far from that of another
        z, and whether its digit is that of y; beside it the mean of all y, x itself, and y.

        Parameters
        ----------
        held_out : tuple
            x, y, and the digits, (N,) integers, where there are any.
        """
        from scratchgan.metrics.similarity import sharpness  # here, as training does without it

        x, y, *digits = held_out
        made, again = self.translated(x, rng), self.translated(x, rng)
        rivals = {"": made, " of the mean image": y.mean(0, keepdim=True) + 0 * y, " of x itself": _coloured(x, y)}
        numbers = {f"L1{name}": l1_loss(images, y).item() for name, images in rivals.items()}
        numbers |= {"L1 between two z": l1_loss(made, again).item()}
        real = sharpness(y.numpy()).mean() or np.nan  # of pictures in one colour
        numbers |= {
            f"sharpness{name}": float(sharpness(images.numpy()).mean() / real) for name, images in rivals.items()
        }
        return numbers | (_digits_kept(rivals | {" of y": y}, *digits) if digits else {})


def _coloured(x, y):
    """Grey images with the channels of others."""
    return cat([x] * (y.shape[1] // x.shape[1]), 1)


def _digits_kept(rivals, digits):
    """How many of each are taken for the right digit, without a margin; nothing where y is not: it shows no digits."""
    from scratchgan.metrics.images import as_bytes
    from scratchgan.metrics.judge import Judge

    judge, kept = Judge("mnist"), {}
    for name, images in rivals.items():
        margin = (images.shape[2] - 28) // 2
        pixels = as_bytes(images.numpy())
        inner = slice(margin, margin + 28)
        kept[f"digit kept{name}"] = judge.accuracy(pixels[:, :, inner, inner], digits)
    return kept if kept["digit kept of y"] > 0.9 else {}


def build(
    rng,
    device="cpu",
    networks=small_networks,  # (rng) -> G, D
    weights=(1.0, 100.0),  # of (2) and of (3) in (4): 1 and λ
    jitter=0,
    lr=1e-3,  # α, of both Adams
    betas=(0.5, 0.999),
):
    """The game of (1) and (4)."""
    generator, discriminator = (network.to(device) for network in networks(rng))
    return Pix2Pix(generator, discriminator, partial(Adam, lr=lr, betas=betas), weights, jitter)


DIGITS = {"batch_size": 16, "view": views.outlines, "held_out": partial(views.outlines, classes=True)}


def _ablation(weights=(1.0, 100.0), **networks):
    """The default without something."""
    options = {"weights": weights} if weights != (1.0, 100.0) else {}
    options |= {"networks": partial(small_networks, **networks)} if networks else {}
    return Preset(4000, **DIGITS, options=options)


def _facades(direction):
    """Pictures A|B of 128 pixels: seven layers, patches of 70."""
    widths = (16, 32, 64, 128, 128, 128, 128)
    networks = partial(small_networks, widths=widths, channels=(3, 3), dropped=3, layers=3)
    view = partial(views.halves, direction=direction, size=128)
    return Preset(1600, every=50, batch_size=4, view=view, options={"networks": networks, "jitter": 6, "lr": 5e-4})


SYSTEM = System(
    "pix2pix",
    "pix2pix",
    "from image to image, learnt from pairs: outlines become digits",
    3,
    build,
    {
        "quick": Preset(1200, every=50, **DIGITS),
        "default": Preset(4000, **DIGITS),
        "l1": _ablation((0.0, 100.0)),
        "gan": _ablation((1.0, 0.0), conditional=False),
        "cgan": _ablation((1.0, 0.0)),
        "no_skips": _ablation(skips=False),
        "emoji": Preset(
            3000,
            batch_size=16,
            data="emoji",
            view=partial(views.outlines, channels=3, apart=95),
            options={"networks": partial(small_networks, widths=(24, 48, 96, 96), channels=(1, 3)), "jitter": 2},
        ),
        "facades": _facades("BtoA"),
        "a_to_b": _facades("AtoB"),
    },
)
