"""StackGAN: "StackGAN: Text to Photo-realistic Image Synthesis with Stacked GANs", Zhang et al. 2017, arXiv:1612.03242.

An image is drawn from a caption t in two stages. Stage I sketches a small picture, colours and rough shape; stage II
sees this picture and the caption once more, and draws a larger one, which corrects and completes it.

An encoder turns the caption into numbers φ = φ(t), and stays as it is from then on. There are few captions and many
numbers, so each stage draws its own ĉ from a normal distribution around φ (conditioning augmentation), kept near
N(0, I) so that captions between captions are drawn, too:

    ĉ = μ(φ) + σ(φ) ⊙ ε,  ε ~ N(0, I),        KL = mean_j [½ (μ_j² + σ_j² − 1) − log σ_j]                            (1)

With x̃ = G₁(z, ĉ) in stage I and x̃ = G₂(G₁(z, ĉ₁), ĉ) in stage II, D a logit and ζ(u) = log(1 + eᵘ), they descend

    L_D = E ζ(−D(x, φ)) + ½ (E ζ(D(x, φ_wrong)) + E ζ(D(x̃, φ)))                                                     (2)
    L_G = E ζ(−D(x̃, φ)) + λ KL,   λ = 0.1                                                                            (3)

φ_wrong is of a caption that does not describe the real image x: D has to read, not only to look for what is real.

A run has three phases: the encoder learns, then stage I, then stage II, which sees the averaged and frozen G₁. The
encoder learns what captions mean: from φ a linear layer reads the digit, its ink and the paper, and both descend the
sum of three cross-entropies.

    model = load_model("runs/stackgan")  # of scratchgan.training
    model.draw_caption("a red seven on white", 8, np.random.default_rng(0))  # float32 (8, 3, 32, 32) in [−1, 1]

Departures:

| here                                              | the paper or its code                                         |
|---------------------------------------------------|---------------------------------------------------------------|
| coloured digits, 16×16 and then 32×32             | birds, flowers and COCO, 64×64 and then 256×256               |
| φ: words, a convolution over three, the maximum,  | char-CNN-RNN, 1,024 numbers, the mean of four captions,       |
| which has learned what captions mean              | which has learned which image is whose                        |
| a wrong caption is wrong in digit, ink or paper   | another image, whose class is another                         |
| narrow networks, no residual blocks in stage I    | `paper_networks`                                              |
| D is a `ProjectionCritic`: ⟨features of x, E φ⟩,  | φ, squeezed, joins the maps of x at 4×4 places, with batch    |
| without batch norm, from He's first weights       | norm: so, after 1,500 steps, 15 % of the digits were right    |
| G₂ sees the picture again before its last layer   | it does not: after 1,000 steps so, 88 of 98 % stayed right    |
| λ = 0.1, on a KL that is a mean; ε is normal      | λ = 2 in the code, where fewer digits were right; a mean too; |
|                                                   | ε is truncated                                                |
| α = 0.004 for φ, 0.006 for G, 0.002 for D; falls  | α = 0.0002 for G and D, halved every 50 or 100 epochs of a    |
| to a twentieth in each stage; batches of 16       | stage; batches of 64                                          |
| G is averaged over time, and stage II sees that   | the last G                                                    |
"""

from functools import partial

import numpy as np

from scratchgan import nn
from scratchgan.data import captions
from scratchgan.functional import avg_pool2d, cross_entropy, softplus
from scratchgan.models.model import Model, Preset, System, in_blocks, made
from scratchgan.models.stacked import small_networks
from scratchgan.nn.options import Number, Several, Whole
from scratchgan.optim import Adam
from scratchgan.tensor import no_grad

# Training ------------------------------------------------------------------------------------------------------------


class Stage(Model):
    """G and D of one stage, their optimisers, and the average of G."""

    wrong_share, kl = Number("[0, 1)"), Number("[0, ∞)")

    def __init__(self, generator, critic, optimizers, steps, kl, wrong_share, average_decay):
        self.generator, self.critic, self.kl, self.wrong_share = generator, critic, kl, wrong_share
        self.steps = steps
        players = zip(optimizers, (generator, critic))
        self.generator_optimizer, self.critic_optimizer = (make(player.parameters()) for make, player in players)
        self.average = nn.AveragedWeights(generator, average_decay)

    def critic_loss(self, real, fake, text, wrong):
        """(2) with φ of the right and of the wrong captions: Tensor, ()."""
        share, seen = self.wrong_share, self.critic.look(real)
        loss = softplus(-self.critic.compare(seen, text)).mean()
        loss = loss + (1 - share) * softplus(self.critic(fake, text)).mean()
        return loss + share * softplus(self.critic.compare(seen, wrong)).mean() if share else loss

    def generator_loss(self, before, text, noise):
        """(3), and the KL in it: Tensors, (); ``before`` is z, or the picture of stage I."""
        fake, divergence = self.generator(before, text, noise)
        return softplus(-self.critic(fake, text)).mean() + self.kl * divergence, divergence

    def descend(self, optimizer, loss):
        """At a rate that falls in a straight line, to a twentieth at the end of the stage."""
        lr, share = optimizer.lr, max(0.05, 1 - optimizer.steps / max(self.steps, 1))
        optimizer.lr = share * lr
        try:
            return super().descend(optimizer, loss)
        finally:
            optimizer.lr = lr

    def step(self, real, text, wrong, before, noise):
        """A step of D, then one of G on the same captions: numbers to watch."""
        with no_grad():
            fake, _ = self.generator(before(), text, noise())
        critic_loss = self.descend(self.critic_optimizer, self.critic_loss(real, fake, text, wrong))
        loss, divergence = self.generator_loss(before(), text, noise())
        generator_loss = self.descend(self.generator_optimizer, loss)
        self.average.update(self.generator)
        with no_grad():
            deviation = self.generator.augmentation.moments(text)[1].exp().mean()
        return {"L_D": critic_loss, "L_G": generator_loss, "KL": divergence.detach(), "deviation": deviation}

    def picture(self, before, text, noise):
        """What the averaged generator draws: a constant Tensor."""
        return made(self.average.module, before, text, noise)[0]


class StackGAN(Model):
    """An encoder of captions, what reads their meaning from it, and two stages, one after the other.

    Parameters
    ----------
    encoder, readout : Module
        φ: words (N, L) -> (N, text), and (N, text) -> the logits of all parts of a meaning side by side.
    first, second : Stage
    optimizer : callable
        ``(parameters) -> Optimizer``, of these two.
    reading : int
        Steps of the encoder; then come those of ``first``, and all further ones are of ``second``.
    latent_size, code : int
        How many numbers z and ε have.
    """

    watch = {"stage": "stage", "reading": "CE", "L_D": "L_D", "L_G": "L_G"}
    panels = {"captions": ["reading"], "both stages": ["L_D", "L_G"], "augmentation": ["KL", "deviation"]}

    sizes = Several(Whole(), 3)

    def __init__(self, encoder, readout, first, second, optimizer, reading, latent_size, code):
        self.encoder, self.readout, self.first, self.second = encoder, readout, first, second
        self.optimizer = optimizer([*encoder.parameters(), *readout.parameters()])
        self.reading, self.sizes = reading, (latent_size, code, code)

    def parts(self):
        """Those of both stages, too."""
        stages = {"1": self.first, "2": self.second}
        inner = {f"{name}_{i}": part for i, stage in stages.items() for name, part in stage.parts().items()}
        return super().parts() | inner

    @property
    def stage(self):
        """0 while the encoder learns, then 1, then 2."""
        if self.optimizer.steps < self.reading:
            return 0
        return 1 if self.first.generator_optimizer.steps < self.first.steps else 2

    def reading_loss(self, words, meanings):
        """How far the meaning that is read from φ is from that of the caption, summed over its parts: Tensor, ()."""
        logits, ends = self.readout(self.encoder(words)), np.cumsum(captions.KINDS)
        parts = zip(meanings.T, captions.KINDS, ends)
        return sum(cross_entropy(logits[:, end - n : end], self.tensor(np.eye(n)[part])) for part, n, end in parts)

    def train_step(self, batches, rng):
        """A step of the phase that has come; the numbers of the others are 0."""
        images, words, wrong, meanings = self.draw(batches)
        numbers = {"stage": self.stage, "reading": 0.0, "L_D": 0.0, "L_G": 0.0, "KL": 0.0, "deviation": 0.0}
        if not self.stage:
            return numbers | {"reading": self.descend(self.optimizer, self.reading_loss(words, meanings)).item()}
        text, wrong = made(self.encoder, words), made(self.encoder, wrong)
        z, first, second = (partial(self._normal, len(words), size, rng) for size in self.sizes)
        if self.stage == 1:
            found = self.first.step(avg_pool2d(images, 2), text, wrong, z, first)
        else:
            found = self.second.step(images, text, wrong, lambda: self.first.picture(z(), text, first()), second)
        return numbers | {name: value.item() for name, value in found.items()}

    def _normal(self, count, size, rng):
        return self.tensor(rng.standard_normal((count, size)))

    def measure(self, held_out, rng):
        """How often digit, ink and paper are what the caption says: of both stages and of real images, for inks of a
        digit that training shows, and for the others; by chance, they are those of another caption. And the Fréchet
        distance of the digits to real ones.
        """
        from scratchgan.metrics.captioned import agreement, frechet  # here: training needs no judge

        images, words, _, meanings = held_out
        small, large = self.paint(made(self.encoder, words), rng.standard_normal((len(words), sum(self.sizes))))
        real, small, large = self.shown(images), self.shown(small), self.shown(large)
        coarse = self.shown(avg_pool2d(images, 2))
        shown = {"stage I": small, "stage II": large, "real": real, "real, small": coarse}
        numbers = {}
        for name, pictures in shown.items():
            numbers |= {f"{what}, {name}": share for what, share in agreement(pictures, meanings).items()}
        numbers |= {f"{what}, by chance": share for what, share in agreement(real, meanings[::-1]).items()}
        return numbers | {f"Fréchet, {name}": frechet(pictures, real) for name, pictures in shown.items()}

    # Pictures ---------------------------------------------------------------------------------------------------------

    def paint(self, text, noise):
        """The pictures of both stages: φ (N, text), z and both ε side by side (N, …) -> Tensors in [−1, 1]."""
        z, first, second = (self.tensor(part) for part in np.split(noise, np.cumsum(self.sizes)[:2], 1))
        small = self.first.picture(z, text, first)
        return small, self.second.picture(small, text, second)

    def draw_caption(self, caption, count=8, rng=None):
        """Images of what a caption says: float32 (count, 3, H, W) in [−1, 1], the same for the same ``rng``.

        Raises
        ------
        DataError
            For a word that no caption of the training has.
        """
        return self._drawn(np.tile(captions.encode(caption), (count, 1)), rng or np.random.default_rng())

    def _drawn(self, words, rng):
        noise = rng.standard_normal((len(words), sum(self.sizes)))
        return self.shown(self.paint(made(self.encoder, words), noise)[1])

    @in_blocks
    def samples(self, count, rng):
        """Images of ``count`` captions that are drawn by the grammar."""
        return {"samples": self._drawn(captions.conditions(count, rng)[1], rng)}

    def strip(self, rows, columns, rng):
        """From one caption to another, by their φ; z and ε stay, as in Figure 8 of the paper."""
        ends = made(self.encoder, captions.conditions(2 * rows, rng)[1]).numpy()
        share = np.linspace(0, 1, columns)[:, None]
        text = np.concatenate([(1 - share) * ends[2 * row] + share * ends[2 * row + 1] for row in range(rows)])
        noise = rng.standard_normal((rows, sum(self.sizes))).repeat(columns, 0)
        images = self.shown(self.paint(self.tensor(text), noise)[1])
        return images.reshape(rows, columns, *images.shape[1:])

    def show(self, examples, rng):
        """Three times three rows of eight: real images, and from their captions those of stage I and of stage II."""
        images, words, *_ = (array[:24] for array in examples)
        small, large = self.paint(made(self.encoder, words), rng.standard_normal((24, sum(self.sizes))))
        rows = np.stack([self.shown(images), self.shown(small).repeat(2, 2).repeat(2, 3), self.shown(large)])
        return rows.reshape(3, 3, 8, *images.shape[1:]).swapaxes(0, 1).reshape(9, 8, *images.shape[1:])


def build(
    rng,
    device="cpu",
    networks=small_networks,  # (rng, latent_size, text, code) -> φ, its readout, G₁, D₁, G₂, D₂
    schedule=(500, 2800, 500),  # steps of φ, of stage I and of stage II
    latent_size=32,
    text=64,  # numbers of φ
    code=64,  # numbers of ĉ
    kl=0.1,  # λ
    wrong_share=0.5,  # of a real image with a wrong caption in what D takes for false
    rates=(4e-3, 6e-3, 2e-3),  # α of the encoder's Adam, of G's and of D's
    betas=(0.5, 0.999),
    average_decay=0.99,
):
    """The games of (2) and (3), one after the other."""
    encoder, readout, *players = (network.to(device) for network in networks(rng, latent_size, text, code))
    reader, *adams = (partial(Adam, lr=lr, betas=betas) for lr in rates)
    reading, *steps = schedule
    pairs = zip((players[:2], players[2:]), steps)
    stages = (Stage(*pair, adams, count, kl, wrong_share, average_decay) for pair, count in pairs)
    return StackGAN(encoder, readout, *stages, reader, reading, latent_size, code)


DIGITS = {
    "batch_size": 16,
    "rates_fall": False,  # they do in each stage
    "view": captions.coloured_digits,
    "held_out": partial(captions.coloured_digits, kept=0.5),
}
SYSTEM = System(
    "stackgan",
    "StackGAN",
    "from words to an image, in two stages",
    5,
    build,
    {
        "quick": Preset(1200, every=50, **DIGITS, options={"schedule": (300, 700, 200)}),
        "default": Preset(3800, **DIGITS),
        "no_wrong_pairs": Preset(3800, **DIGITS, options={"wrong_share": 0.0}),
    },
)
