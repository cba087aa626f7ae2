"""AdaIN: "Arbitrary Style Transfer in Real-time with Adaptive Instance Normalization", Huang & Belongie 2017.

arXiv:1703.06868. What a channel of an encoder f finds says two things: *where* it is found, which is content, and how
much of it there is on the whole, which is style. So the style of an image s is put on a content image c by giving each
channel of f(c) the mean μ and the deviation σ, over all places, that it has in f(s):

    t = AdaIN(f(c), f(s)) = σ(f(s)) · (f(c) − μ(f(c))) / σ(f(c)) + μ(f(s))                                         (8)

There is no game. A decoder g learns to draw an image o = g(t) from such features, for any pair of images:

    L   = L_c + λ L_s                                                                                             (11)
    L_c = ‖f(o) − t‖²                                                                                             (12)
    L_s = Σ_i ‖μ(φ_i(o)) − μ(φ_i(s))‖² + ‖σ(φ_i(o)) − σ(φ_i(s))‖²                                                 (13)

φ_1, φ_2, … are the first features of each size in the encoder, the last of them is f; ‖·‖² is the mean over the
elements. f stays as it is, and t is a constant. Afterwards one style costs one pass, and styles can be mixed: with
weights w_k of several, the rest being the content's own,

    o = g((1 − Σ_k w_k) f(c) + Σ_k w_k AdaIN(f(c), f(s_k))).

The paper's encoder is VGG-19, which has learnt from a million photos. Ours learns first, in the first steps of the same
run: it and the decoder are an autoencoder of all images, (1/D) ‖g(f(x)) − x‖², until the encoder is frozen. With
`paper_networks` and weights of VGG-19 in a file, the encoder is the paper's.

Departures:

| here                                                      | the paper or its code                               |
|-----------------------------------------------------------|-----------------------------------------------------|
| 32×32: digits or emoji in the style of walls and floors   | photos in the style of paintings, crops of 256×256  |
| an encoder of three sizes, trained here, mean pooling     | VGG-19 to relu4_1, four sizes, maximum pooling      |
| λ = 10 with means over channels                           | λ = 0.01 with sums: 0.64 to 5.12 a layer            |
| batches of 8, α from 0.002 to a twentieth                 | batches of 8, 160,000 steps, α = 0.0001, to a ninth |
| the variance divided by n, with 10⁻⁵ in the root          | by n − 1 in the target, by n elsewhere              |
"""

from functools import partial
from pathlib import Path

import numpy as np

from scratchgan import nn
from scratchgan.data import tiles
from scratchgan.data.checks import DataError
from scratchgan.data.colours import separated
from scratchgan.functional import cat, mse_loss
from scratchgan.models.model import Model, Preset, System, made
from scratchgan.nn import init
from scratchgan.nn.options import Number, Whole
from scratchgan.nn.style import restyled, statistics
from scratchgan.npy import ArrayError, read_npz
from scratchgan.optim import Adam
from scratchgan.tensor import no_grad

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # mean and deviation of its red, green and blue, in [0, 1]

# Networks ------------------------------------------------------------------------------------------------------------


class Encoder(nn.Module):
    """φ_1, φ_2, …: the first features of each size; half the pixels a side from one to the next.

    Parameters
    ----------
    widths : sequence of int
        Channels of each size.
    layers : sequence of int
        Convolutions of each size but the last, of which only the first is there.
    """

    def __init__(self, rng, widths=(16, 32, 64), layers=(2, 2), pool=nn.AvgPool2d, channels=3):
        self.stages = nn.ModuleList([nn.Sequential(*_convolution(channels, widths[0], rng), nn.ReLU())])
        for few, many, more in zip(widths, widths[1:], layers):
            within = [part for _ in range(more - 1) for part in (*_convolution(few, few, rng), nn.ReLU())]
            self.stages.append(nn.Sequential(*within, pool(2), *_convolution(few, many, rng), nn.ReLU()))

    def forward(self, x):
        """(N, channels, H, W) -> [(N, widths[0], H, W), (N, widths[1], H / 2, W / 2), …]."""
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features


def decoder(rng, widths=(16, 32, 64), layers=(2, 2), channels=3):
    """The encoder in reverse, with doubled pixels for the pooling, no ReLU at the end, and no norm anywhere."""
    parts = []
    for many, few, more in zip(widths[:0:-1], widths[-2::-1], layers[::-1]):
        parts += [*_convolution(many, few, rng), nn.ReLU(), nn.Upsample(scale_factor=2)]
        parts += [part for _ in range(more - 1) for part in (*_convolution(few, few, rng), nn.ReLU())]
    return nn.Sequential(*parts, *_convolution(widths[0], channels, rng))


def _convolution(few, many, rng):
    """3×3 with mirrored edges; He's first weights, as no norm makes up for small ones."""
    layer = nn.Conv2d(few, many, 3, rng=rng)
    init.begin_he(layer, rng)
    return nn.ReflectionPad2d(1), layer


def small_networks(rng, **options):
    """f and g: 35,152 and 35,091 weights."""
    return Encoder(rng, **options), decoder(rng, **options)


def paper_networks(rng, weights=None):
    """VGG-19 to relu4_1, and the published decoder.

    Parameters
    ----------
    weights : path-like, optional
        An .npz of torchvision's ``vgg19().state_dict()``, or that of its ``features``; `build` then takes ``first=0``.
    """
    sizes = {"widths": (64, 128, 256, 512), "layers": (2, 2, 4)}
    encoder = Encoder(rng, **sizes, pool=nn.MaxPool2d)
    return encoder if weights is None else loaded(encoder, weights), decoder(rng, **sizes)


def loaded(encoder, path):
    """An encoder with the first weights of a file in torchvision's layout, for images in [−1, 1].

    ImageNet's mean and deviation, by which VGG's images are normed, go into the first convolution. That is exact, as
    edges are mirrored: with a border of zeros it would not be.

    Raises
    ------
    DataError
        When the file is not there, or holds other shapes.
    """
    try:
        arrays = read_npz(Path(path).expanduser())
    except ArrayError as error:
        raise DataError(str(error)) from error
    names = sorted((name for name in arrays if arrays[name].ndim == 4), key=lambda name: int(name.split(".")[-2]))
    layers = [layer for layer in encoder.modules() if isinstance(layer, nn.Conv2d)]
    found, wanted = ([each.shape for each in parts] for parts in (map(arrays.get, names), [x.weight for x in layers]))
    if found[: len(wanted)] != wanted:
        raise DataError(f"{path} has no weights of this encoder: its kernels are {found}, not {wanted}")
    for layer, name in zip(layers, names):
        layer.weight.data = arrays[name].astype(np.float32)
        layer.bias.data = arrays[name.replace("weight", "bias")].astype(np.float32)
    mean, deviation = np.array(IMAGENET, np.float32)[:, :, None, None]
    first = layers[0].weight.data / deviation
    layers[0].bias.data = layers[0].bias.data + (first * (0.5 - mean)).sum((1, 2, 3))
    layers[0].weight.data = first / 2
    return encoder


# Training ------------------------------------------------------------------------------------------------------------


class StyleTransfer(Model):
    """An encoder and a decoder; an optimiser for both at first, then one for the decoder.

    Parameters
    ----------
    encoder : Module, (N, C, H, W) -> list of features
    decoder : Module, the last of them -> (N, C, H, W)
    optimizer : callable
        ``(parameters) -> Optimizer``.
    first : int
        The steps in which the encoder learns.
    style_weight : float
        λ.
    """

    first, style_weight = Whole("[0, ∞)"), Number("[0, ∞)")
    watch = {"reconstruction": "(f, g)", "content": "L_c", "style": "L_s"}
    panels = {"autoencoder": ["reconstruction"], "content and style": ["content", "style"]}

    def __init__(self, encoder, decoder, optimizer, first, style_weight):
        self.encoder, self.decoder, self.first, self.style_weight = encoder, decoder, first, style_weight
        self.both_optimizer = optimizer([*encoder.parameters(), *decoder.parameters()])
        self.decoder_optimizer = optimizer(decoder.parameters())

    def reconstruction(self, x):
        """(1/D) ‖g(f(x)) − x‖²: Tensor, ()."""
        return mse_loss(self.decoder(self.encoder(x)[-1]), x)

    def losses(self, content, style):
        """(12) and (13): two Tensors, ()."""
        with no_grad():
            wanted = [statistics(features) for features in self.encoder(style)]
            target = restyled(self.encoder(content)[-1], *wanted[-1])
        features = self.encoder(self.decoder(target))
        found = [statistics(each) for each in features]
        return mse_loss(features[-1], target), style_distance(found, wanted)

    def train_step(self, batches, rng):
        """One step of the autoencoder, or of the decoder; what does not learn just now is looked at on one pair."""
        content, style = self.draw(batches)
        if self.both_optimizer.steps < self.first:
            error = self.descend(self.both_optimizer, self.reconstruction(cat([content, style])))
            with no_grad():
                of_content, of_style = self.losses(content[:1], style[:1])
        else:
            of_content, of_style = self.losses(content, style)
            self.descend(self.decoder_optimizer, of_content + self.style_weight * of_style)
            with no_grad():
                error = self.reconstruction(cat([content[:1], style[:1]]))
        return {"reconstruction": error.item(), "content": of_content.item(), "style": of_style.item()}

    def stylised(self, content, *styles):
        """Content images in a mixture of styles: array (N, C, H, W), in [−1, 1].

        Parameters
        ----------
        content : Tensor, (N, C, H, W)
        *styles : pairs of a Tensor, (N, C, H', W'), and a weight
            The weights add up to 1, or less: the rest is the content's own. One style with the weight α is between it
            and the content.
        """
        own = made(self.encoder, content)[-1]
        mixed = (1 - sum(weight for _, weight in styles)) * own
        for style, weight in styles:
            mixed = mixed + weight * restyled(own, *statistics(made(self.encoder, style)[-1]))
        return np.clip(made(self.decoder, mixed).numpy(), -1, 1)

    def show(self, examples, rng):
        """Five contents in seven styles, each beside its own; then one from α = 0 to 1, and from a style to another."""
        contents, styles = examples[0][:6], examples[1][:7]
        corner = np.ones((1, *contents.shape[1:]), np.float32)
        rows = [np.concatenate([corner, styles.numpy()])]
        for i in range(len(contents) - 1):
            one = cat([contents[[i]]] * len(styles))
            rows.append(np.concatenate([contents[[i]].numpy(), self.stylised(one, (styles, 1.0))]))
        last, first, second = contents[[-1]], styles[:1], styles[1:2]
        shares = np.linspace(0, 1, 8)
        rows.append(np.concatenate([self.stylised(last, (first, a)) for a in shares]))
        rows.append(np.concatenate([self.stylised(last, (first, 1 - a), (second, a)) for a in shares]))
        return np.stack(rows).astype(np.float32)

    def measure(self, held_out, rng):
        """Whether style and content have arrived.

        A style distance is (13), over that of the content image as it is: at 0 the style is there, at 1 nothing has
        changed. The error of the mean colour does not depend on the encoder. Content is kept where the class of a digit
        can still be read, and where a decoder without a style, α = 0, draws the image.

        Parameters
        ----------
        held_out : contents and styles (N, C, H, W), and perhaps labels (N,)
        """
        content, style, *labels = held_out
        given, wanted = content.numpy(), style.numpy()
        pictures = {
            "": self.stylised(content, (style, 1.0)),
            " at α = 0.5": self.stylised(content, (style, 0.5)),
            " of the content": given,
            " of another style": wanted[rng.permutation(len(style))],
        }
        distances = {of: self._style_distance(images, wanted) for of, images in pictures.items()}
        numbers = {f"style distance{of}": each / distances[" of the content"] for of, each in distances.items()}
        colours = {of: np.abs((images - wanted).mean((2, 3))).mean() for of, images in pictures.items()}
        numbers |= {f"error of the mean colour{of}": float(error) for of, error in colours.items()}
        if labels:
            numbers |= {f"right class{of}": _right_class(images, *labels) for of, images in pictures.items()}
        numbers["error at α = 0"] = float(np.abs(self.stylised(content) - given).mean())
        return numbers | {"error of the mean image": float(np.abs(given.mean(0) - given).mean())}

    def _style_distance(self, *images):
        found, wanted = ([statistics(each) for each in made(self.encoder, self.tensor(x))] for x in images)
        return style_distance(found, wanted).item()


def style_distance(found, wanted):
    """(13): Σ_i of the mean squared differences of μ and of σ; of two lists of `statistics`."""
    return sum(mse_loss(a, b) for pair, other in zip(found, wanted) for a, b in zip(pair, other))


def _right_class(images, labels):
    """The share of digits of 32×32 pixels whose ink is of the class that they were made from."""
    from scratchgan.metrics import Judge  # here, as training never waits for it
    from scratchgan.metrics.images import as_bytes

    ink, *_ = separated(as_bytes(images))
    return Judge("mnist").accuracy(ink[:, :, 2:-2, 2:-2], labels)


def build(
    rng,
    device="cpu",
    networks=small_networks,
    first=600,  # steps of the autoencoder
    style_weight=10.0,  # λ
    lr=2e-3,  # of both Adams
    betas=(0.9, 0.999),
):
    """An encoder to learn first, and a decoder for any style."""
    encoder, decoder = (network.to(device) for network in networks(rng))
    return StyleTransfer(encoder, decoder, partial(Adam, lr=lr, betas=betas), first, style_weight)


def _held_out(dataset):
    pairs = tiles.beside(dataset, "grounds", "test")
    return pairs if dataset.labels is None else (*pairs, dataset.labels)


GROUNDS = {
    "batch_size": 8,
    "view": partial(tiles.beside, kind="grounds"),
    "held_out": _held_out,
    "unpaired": True,
}
SYSTEM = System(
    "adain",
    "AdaIN",
    "any style for any content, by mean and deviation",
    3,
    build,
    {
        "quick": Preset(700, every=50, options={"first": 200}, **GROUNDS),
        "default": Preset(2500, every=100, **GROUNDS),
        "emoji": Preset(2500, every=100, data="emoji", **GROUNDS),
    },
)
