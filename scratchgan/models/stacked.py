"""The networks of StackGAN: what reads captions, and two generators and two critics that are told what it read.

Small ones for digits, and the authors'. Sizes are doubled by repeated pixels and a convolution, and halved by strides.
"""

from functools import partial

from scratchgan import nn
from scratchgan.data import captions
from scratchgan.functional import cat

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


class Residual(nn.Module):
    """The activation of x + f(x)."""

    def __init__(self, *layers, activation=nn.ReLU):
        self.change, self.activation = nn.Sequential(*layers), activation()

    def forward(self, x):
        """(N, C, H, W) -> the same shape."""
        return self.activation(x + self.change(x))


def bottleneck(rng, width, activation=nn.ReLU):
    """A residual block with a quarter of the channels inside."""
    narrow = layer(rng, width, width // 4, 1, 1, activation), layer(rng, width // 4, width // 4, 3, 1, activation)
    last = layer(rng, width // 4, width, 3, activation=None)
    return Residual(*(part for parts in (*narrow, last) for part in parts), activation=activation)


def doubled(rng, widths, blocks=0):
    """Sizes ×2 by repeated pixels and a convolution, and then an image; before the first of them a `bottleneck`."""
    layers = []
    for level, (few, many) in enumerate(zip(widths, widths[1:])):
        layers += [bottleneck(rng, few)] if level < blocks else []
        layers += [nn.Upsample(scale_factor=2), *layer(rng, few, many, 3)]
    return *layers, nn.Conv2d(widths[-1], 3, 3, padding=1, rng=rng), nn.Tanh()


def halved(rng, widths):
    """Sizes ÷2 by strides, from an image, next to which there is no norm."""
    steps = zip((3, *widths), widths)
    layers = [layer(rng, few, many, 4, 2, LEAKY, norm=level > 0) for level, (few, many) in enumerate(steps)]
    return [part for parts in layers for part in parts]


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
        )

    def forward(self, z, text, noise):
        """A small picture of what a caption says."""
        code, divergence = self.augmentation(text, noise)
        return self.network(cat([code, z], 1)), divergence


class Refinement(nn.Module):
    """G₂: the picture of stage I (N, 3, H, H), φ, ε -> (N, 3, 2H, 2H) in [−1, 1], and the KL."""

    def __init__(self, rng, text, code, down=(16, 32), up=(32, 16, 16), blocks=2):
        self.augmentation, width = Augmentation(rng, text, code), up[0]
        halvings = [part for few, many in zip(down, down[1:]) for part in layer(rng, few, many, 4, 2)]
        self.look = nn.Sequential(*layer(rng, 3, down[0], 3, norm=False), *halvings)
        residuals = [
            Residual(*layer(rng, width, width, 3), *layer(rng, width, width, 3, activation=None)) for _ in range(blocks)
        ]
        self.network = nn.Sequential(*layer(rng, down[-1] + code, width, 3), *residuals, *doubled(rng, up))

    def forward(self, picture, text, noise):
        """The picture once more, twice as large."""
        code, divergence = self.augmentation(text, noise)
        return self.network(joined(self.look(picture), code)), divergence


class Critic(nn.Module):
    """D: x (N, 3, H, H), φ (N, text) -> a logit (N, 1): whether x is real and the caption is its own."""

    def __init__(self, rng, text, code, widths, squeezed=(), blocks=0, joint=1):
        ways = [
            part for few, many in zip((widths[-1], *squeezed), squeezed) for part in layer(rng, few, many, 1, 1, LEAKY)
        ]
        width = (*widths, *squeezed)[-1]
        self.look = nn.Sequential(*halved(rng, widths), *ways, *(bottleneck(rng, width, LEAKY) for _ in range(blocks)))
        self.read = nn.Sequential(nn.Linear(text, code, rng=rng), LEAKY())
        head = nn.Flatten(), nn.Linear(joint * width * 4 * 4, 1, rng=rng)
        self.decide = nn.Sequential(*layer(rng, width + code, joint * width, 1, 1, LEAKY), *head)

    def forward(self, x, text):
        """The caption meets the image at 4×4 places."""
        return self.decide(joined(self.look(x), self.read(text)))


def small_networks(rng, latent_size=32, text=64, code=64, widths=(32, 16), joint=2):
    """φ, its readout, and G and D of both stages, for images of 32×32.

    ``joint`` says how many times wider a critic is where captions have met images. With 1, 32 numbers in φ, 16 in ĉ
    and widths of 16, G₁, D₁, G₂ and D₂ have 74,755, 11,617, 67,955 and 48,577 weights, if one counts a bias before each
    norm, where it has no effect, and not the norms.
    """
    v, w = widths
    return (
        CaptionEncoder(rng, text),
        nn.Linear(text, sum(captions.KINDS), rng=rng),
        Sketch(rng, latent_size, text, code, (4 * v, 2 * v, v)),
        Critic(rng, text, v, (v, 2 * v), joint=joint),
        Refinement(rng, text, code, (w, 2 * w), (2 * w, w, w)),
        Critic(rng, text, w, (w, 2 * w, 4 * w), joint=joint),
    )


def paper_networks(rng, latent_size=100, text=1024, code=128):
    """Those of the authors' code, for 64×64 and then 256×256 pixels, around an encoder of captions as here."""
    return (
        CaptionEncoder(rng, text, 1024),
        nn.Linear(text, sum(captions.KINDS), rng=rng),
        Sketch(rng, latent_size, text, code, (1024, 512, 256, 128), blocks=2),
        Critic(rng, text, code, (64, 128, 256, 512), blocks=1),
        Refinement(rng, text, code, (128, 256, 512), (512, 256, 128, 64, 32), blocks=4),
        Critic(rng, text, code, (64, 128, 256, 512, 1024, 2048), (1024, 512), blocks=1),
    )
