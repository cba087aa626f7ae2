"""The networks of StackGAN: what reads captions, and two generators and two critics that are told what it read.

Small ones for digits, and the authors'. Sizes are doubled by repeated pixels and a convolution, and halved by strides.
"""

from functools import partial
from itertools import chain

from scratchgan import nn
from scratchgan.data import captions
from scratchgan.functional import cat
from scratchgan.models.networks import Residual
from scratchgan.nn import init

LEAKY = partial(nn.LeakyReLU, 0.2)


class CaptionEncoder(nn.Module):
    """φ: words (N, L), integers -> (N, size) in [−1, 1]; it sees which words stand near each other."""

    def __init__(self, rng, size=32, width=64, words=len(captions.VOCABULARY)):
        self.embedding = nn.Embedding(words, 32, rng=rng)
        self.convolution = nn.Conv2d(32, width, (3, 1), padding=(1, 0), rng=rng)
        self.head = nn.Linear(width, size, rng=rng)

    def forward(self, words):
        """The largest response to any three words, for each feature."""
        seen = self.convolution(self.embedding(words).permute(0, 2, 1).unsqueeze(3))  # (N, width, L, 1)
        return self.head(seen.relu().amax((2, 3))).tanh()


class Augmentation(nn.Module):
    """(1): (N, text), and ε (N, size) -> ĉ (N, size), KL ()."""

    def __init__(self, rng, text, size):
        self.head = nn.Sequential(nn.Linear(text, 2 * size, rng=rng), nn.LeakyReLU(0.2))

    def moments(self, text):
        """μ and log σ, (N, size) each."""
        both = self.head(text)
        return both[:, : both.shape[1] // 2], both[:, both.shape[1] // 2 :]

    def forward(self, text, noise):
        """A draw, and how far its distribution is from N(0, I): the mean over batch and numbers."""
        mean, log_deviation = self.moments(text)
        deviation = log_deviation.exp()
        divergence = (mean * mean + deviation * deviation - 1) / 2 - log_deviation
        return mean + deviation * noise, divergence.mean()


def layer(rng, few, many, kernel_size, stride=1, activation=nn.ReLU, norm=True):
    """A convolution that keeps the size, or halves it with a stride of 2; batch norm, and an activation."""
    padding = kernel_size // 2 - (stride == 2)
    convolution = nn.Conv2d(few, many, kernel_size, stride=stride, padding=padding, bias=not norm, rng=rng)
    return convolution, *([nn.BatchNorm2d(many)] if norm else []), *([activation()] if activation else [])


def bottleneck(rng, width, activation=nn.ReLU):
    """A residual block with a quarter of the channels inside; an activation behind the sum."""
    narrow = layer(rng, width, width // 4, 1, 1, activation), layer(rng, width // 4, width // 4, 3, 1, activation)
    return Residual(*chain(*narrow, layer(rng, width // 4, width, 3, activation=None))), activation()


def doubled(rng, widths, blocks=0):
    """Sizes ×2 by repeated pixels and a convolution, from the first of ``widths`` channels to the last; before the
    first of these steps a `bottleneck`.
    """
    for level, (few, many) in enumerate(zip(widths, widths[1:])):
        yield from bottleneck(rng, few) if level < blocks else ()
        yield from (nn.Upsample(scale_factor=2), *layer(rng, few, many, 3))


def painted(rng, width):
    """Channels become colours."""
    return nn.Conv2d(width, 3, 3, padding=1, rng=rng), nn.Tanh()


def halved(rng, widths, activation=LEAKY, norm=True):
    """Sizes ÷2 by strides, from the first of ``widths`` channels to the last."""
    return chain(*(layer(rng, few, many, 4, 2, activation, norm) for few, many in zip(widths, widths[1:])))


def joined(x, numbers):
    """Maps (N, C, H, W), and numbers (N, K), the same at each place: (N, C + K, H, W)."""
    return cat([x, numbers.unflatten(1, (-1, 1, 1)).expand(-1, -1, *x.shape[2:])], 1)


class Sketch(nn.Module):
    """G₁: z (N, latent_size), φ (N, text), ε (N, code) -> (N, 3, H, H) in [−1, 1], and the KL."""

    def __init__(self, rng, latent_size, text, code, widths=(64, 32, 16), blocks=0):
        self.augmentation = Augmentation(rng, text, code)
        self.network = nn.Sequential(
            nn.Linear(code + latent_size, widths[0] * 4 * 4, bias=False, rng=rng),
            nn.Unflatten(1, (widths[0], 4, 4)),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(),
            *doubled(rng, widths, blocks),
            *painted(rng, widths[-1]),
        )

    def forward(self, z, text, noise):
        """A small picture of what a caption says."""
        code, divergence = self.augmentation(text, noise)
        return self.network(cat([code, z], 1)), divergence


class Refinement(nn.Module):
    """G₂: the picture of stage I (N, 3, H, H), φ, ε -> (N, 3, 2H, 2H) in [−1, 1], and the KL.

    With ``again`` it sees the picture once more before its last convolution, with repeated pixels.
    """

    def __init__(self, rng, text, code, down=(16, 32), up=(32, 16, 16), blocks=2, again=True):
        self.augmentation, w = Augmentation(rng, text, code), up[0]
        self.look = nn.Sequential(*layer(rng, 3, down[0], 3, norm=False), *halved(rng, down, nn.ReLU))
        residuals = (
            (Residual(*layer(rng, w, w, 3), *layer(rng, w, w, 3, activation=None)), nn.ReLU()) for _ in range(blocks)
        )
        self.network = nn.Sequential(*layer(rng, down[-1] + code, w, 3), *chain(*residuals), *doubled(rng, up))
        self.double = nn.Upsample(scale_factor=2 ** (len(up) - len(down))) if again else None
        self.paint = nn.Sequential(*painted(rng, up[-1] + 3 * again))

    def forward(self, picture, text, noise):
        """The picture once more, larger."""
        code, divergence = self.augmentation(text, noise)
        maps = self.network(joined(self.look(picture), code))
        return self.paint(cat([maps, self.double(picture)], 1) if self.double else maps), divergence


class Critic(nn.Module):
    """D: x (N, 3, H, H), φ (N, text) -> a logit (N, 1): whether x is real and the caption is its own.

    `look` is the costly half, and does not depend on φ: an image that is compared with two captions is seen once.
    """

    def __init__(self, rng, text, code, widths, squeezed=(), blocks=0):
        ways = (layer(rng, few, many, 1, 1, LEAKY) for few, many in zip((widths[-1], *squeezed), squeezed))
        width = (*widths, *squeezed)[-1]
        residuals = (bottleneck(rng, width, LEAKY) for _ in range(blocks))
        first = layer(rng, 3, widths[0], 4, 2, LEAKY, norm=False)
        self.look = nn.Sequential(*first, *halved(rng, widths), *chain(*ways, *residuals))
        self.read = nn.Sequential(nn.Linear(text, code, rng=rng), LEAKY())
        head = nn.Flatten(), nn.Linear(width * 4 * 4, 1, rng=rng)
        self.decide = nn.Sequential(*layer(rng, width + code, width, 1, 1, LEAKY), *head)

    def compare(self, seen, text):
        """The caption meets what was seen at 4×4 places."""
        return self.decide(joined(seen, self.read(text)))

    def forward(self, x, text):
        """Look, and compare."""
        return self.compare(self.look(x), text)


class ProjectionCritic(Critic):
    """The same by "cGANs with Projection Discriminator", Miyato and Koyama 2018, arXiv:1802.05637, equation (4):

        D(x, φ) = w · f(x) + ⟨f(x), E φ⟩ / √K,

    with K features f. A caption fits where E φ points the way f(x) does. So captions and images are compared from the
    first step on; layers above both would first have to learn to.
    """

    def __init__(self, rng, text, widths, features=128):
        first = layer(rng, 3, widths[0], 3, 1, LEAKY, norm=False)
        head = nn.Flatten(), nn.Linear(widths[-1] * 4 * 4, features, rng=rng), LEAKY()
        self.look = nn.Sequential(*first, *halved(rng, widths, norm=False), *head)
        self.decide, self.embed = nn.Linear(features, 1, rng=rng), nn.Linear(text, features, rng=rng)
        for part in self.modules():
            if isinstance(part, (nn.Conv2d, nn.Linear)):
                init.begin_he(part, rng)

    def compare(self, seen, text):
        """w · f + ⟨f, E φ⟩ / √K."""
        return self.decide(seen) + (seen * self.embed(text)).sum(1, keepdim=True) / seen.shape[1] ** 0.5


def small_networks(rng, latent_size=32, text=64, code=64, widths=(24, 16), critic_widths=(24, 16)):
    """φ, its readout, and G and D of both stages, for images of 32×32; the critics are `ProjectionCritic`s.

    With 32 numbers in φ, 16 in ĉ and widths of 16, G₁ and G₂ have 74,755 and 67,955 weights, if one counts a bias
    before each norm, where it has no effect, and not the norms.
    """
    (v, w), (a, b) = widths, critic_widths
    return (
        CaptionEncoder(rng, text),
        nn.Linear(text, sum(captions.KINDS), rng=rng),
        Sketch(rng, latent_size, text, code, (4 * v, 2 * v, v)),
        ProjectionCritic(rng, text, (a, 2 * a, 4 * a)),
        Refinement(rng, text, code, (w, 2 * w), (2 * w, w, w)),
        ProjectionCritic(rng, text, (b, 2 * b, 4 * b, 8 * b)),
    )


def paper_networks(rng, latent_size=100, text=1024, code=128):
    """Those of the authors' code, for 64×64 and then 256×256 pixels, around an encoder of captions as here."""
    return (
        CaptionEncoder(rng, text, 1024),
        nn.Linear(text, sum(captions.KINDS), rng=rng),
        Sketch(rng, latent_size, text, code, (1024, 512, 256, 128), blocks=2),
        Critic(rng, text, code, (64, 128, 256, 512), blocks=1),
        Refinement(rng, text, code, (128, 256, 512), (512, 256, 128, 64, 32), blocks=4, again=False),
        Critic(rng, text, code, (64, 128, 256, 512, 1024, 2048), (1024, 512), blocks=1),
    )
