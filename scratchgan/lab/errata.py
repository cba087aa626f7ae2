"""Errata: what lectures, articles and programs often say of GANs, what is right, and the numbers that decide it.

Each erratum is a function. Its docstring is the sentence as it is commonly said, the right one, and the equation; what
it yields are claims, each with a number that the library's own losses and layers give, and with the numbers that stand
against it. Nothing is trained here.

    print(ERRATA["least squares"].right)
    for claim in ERRATA["least squares"].evidence():
        print(claim)
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from scratchgan import nn
from scratchgan.data import toy
from scratchgan.lab.claims import Claim
from scratchgan.lab.flawed import NoMinimum
from scratchgan.lab.gaussians import TwoGaussians, best_gaussian, divergences, hill
from scratchgan.losses import OBJECTIVES, clip_weights, gradient_norms, gradient_penalty
from scratchgan.metrics import wasserstein_1d
from scratchgan.optim import SGD, Adam, Optimizer
from scratchgan.tensor import Tensor, grad


@dataclass(frozen=True)
class Erratum:
    """A sentence that is often said, and is wrong.

    Parameters
    ----------
    title : str
    said : str
        As it is commonly said.
    right : str
        What is right, and why.
    equation : str
    evidence : callable
        ``() -> iterable of Claim``.
    """

    title: str
    said: str
    right: str
    equation: str
    evidence: Callable[[], Iterable[Claim]]

    @classmethod
    def of(cls, evidence: Callable[[], Iterable[Claim]]) -> "Erratum":
        """The erratum that a function proves, read from its docstring."""
        title, *parts = (" ".join(part.split()) for part in evidence.__doc__.split("\n\n"))
        return cls(title, *(part.partition(": ")[2] for part in parts), evidence)


NORMAL = np.array([NormalDist().inv_cdf((i + 0.5) / 4000) for i in range(4000)])  # equally likely points of N(0, 1)
LAMBDA = 10.0


def points(distance: float) -> tuple[Tensor, ...]:
    """Equally likely points of two Gaussians so far apart, which stand for all: Tensors (4000, 1), x and x̃."""
    return tuple(Tensor(NORMAL[:, None] + side * distance / 2) for side in (1, -1))


# Objectives ----------------------------------------------------------------------------------------------------------


def discriminator_losses(factor: float, distance: float = 2.0) -> tuple[float, ...]:
    """L_D of ``factor`` times the best logit D*(x) = s x, and what the printed formula makes of it: two floats."""
    logits = [factor * distance * x for x in points(distance)]
    return tuple(loss.discriminator_loss(*logits).item() for loss in (OBJECTIVES["minimax"], NoMinimum()))


def no_minimum() -> Iterator[Claim]:
    """A bracket in the first GAN's loss

    Said: D descends −[E log D(x) + E (1 − log D(x̃))].

    Right: It is log(1 − D(x̃)). As printed, the loss is linear in log D: wherever fakes are more frequent than
    reals, it falls without end, and where both are equally frequent D learns nothing.

    Equation: printed: −(p − p_G) log D − p_G at each place; right: −p log D − p_G log(1 − D), least at D = p / (p +
    p_G)
    """
    (right, wrong), (far, falls) = discriminator_losses(1), discriminator_losses(100)
    yield Claim("L_D as printed, of 100 times the best logit", falls, high=-50, anchors={"of the best one": wrong})
    yield Claim("the right L_D of the same", far, low=10, anchors={"of the best one": right})


def least_squares() -> Iterator[Claim]:
    """Least squares and vanishing gradients

    Said: Least squares mend vanishing gradients: the farther off a fake is, the more it is moved.

    Right: True of the score: the slope in D(x̃) is D(x̃) − c. But G moves x̃ and not the score, and where D is at
    its best it is flat around far fakes, as for minimax. What helps is a D that is not at its best, or whose slope
    is bounded.

    Equation: codes (0, 1, 1), best D = σ(s x): pull s σ(s x̃) σ(−s x̃)², that of minimax times σ(−s x̃)²; the means
    tend to 3 : 8
    """
    near, far = (TwoGaussians(distance).mean_slopes() for distance in (1, 8))
    beside = {name: far[name] for name in ("minimax", "hinge", "wasserstein", "non-saturating")}
    yield Claim("mean pull on a fake at distance 8, least squares", far["least squares"], high=1e-3, anchors=beside)
    ratio, beside = far["least squares"] / far["minimax"], {"at distance 1": near["least squares"] / near["minimax"]}
    yield Claim("the same in units of minimax", ratio, low=0.36, high=0.375, anchors=beside)


def similar() -> Iterator[Claim]:
    """When gradients vanish

    Said: Gradients vanish when real and generated distribution are very similar.

    Right: They vanish when the two are *far apart* and D is good. When the two are alike, D is unsure of each fake,
    and for each unit of distance that is left the pull is the largest; it ends at 0 where the distance does, as at
    any minimum.

    Equation: two Gaussians at distance s, best D: mean pull s E σ(s x̃), about s/2 for small s, √(π/2) e^(−s²/8)
    for large s
    """
    for distance, bounds in ((0.1, {"low": 0.45, "high": 0.5}), (8, {"high": 1e-4})):
        pulls = TwoGaussians(distance).mean_slopes()
        beside = {"non-saturating": pulls["non-saturating"] / distance}
        text = f"minimax, pull for each unit of distance at distance {distance}"
        yield Claim(text, pulls["minimax"] / distance, **bounds, anchors=beside)


DESCENDED = {"minimax": lambda kl, jsd: 2 * jsd, "non-saturating": lambda kl, jsd: kl - 2 * jsd}


def non_saturating() -> Iterator[Claim]:
    """The non-saturating loss

    Said: −log D(x̃) instead of log(1 − D(x̃)) only gives stronger gradients; the objective stays the same.

    Right: Both rest where p_G = p. But at the best D, G descends KL(p_G‖p) − 2 JSD, no longer 2 JSD. A generator
    that cannot match the data ends elsewhere: on one hill of two, where minimax spreads over both.

    Equation: −∇_θ E log D*(G_θ(z)) = ∇_θ [KL(p_G‖p) − 2 JSD(p, p_G)]   (Arjovsky & Bottou 2017, arXiv:1701.04862,
    theorem 2.5)
    """
    distance, h = 2.0, 1e-4
    farther, nearer = (divergences(hill(-distance - step, 1), hill(0, 1)) for step in (h, -h))
    pulls = TwoGaussians(distance).mean_slopes()
    slopes = {name: (what(*farther) - what(*nearer)) / (2 * h) for name, what in DESCENDED.items()}
    ratio, beside = pulls["non-saturating"] / slopes["non-saturating"], pulls["minimax"] / slopes["non-saturating"]
    text = "non-saturating pull, in units of the slope of KL(p_G‖p) − 2 JSD"
    yield Claim(text, ratio, low=0.999, high=1.001, anchors={"minimax": beside})
    ratio = pulls["minimax"] / slopes["minimax"]
    yield Claim("minimax pull, in units of the slope of 2 JSD", ratio, low=0.999, high=1.001)
    widths = {name: best_gaussian(descended)[1] for name, descended in DESCENDED.items()}
    beside = {"minimax": widths["minimax"], "one of the two": 1, "both together": 10**0.5}
    text = "one Gaussian for two, at ±3: its best width, non-saturating"
    yield Claim(text, widths["non-saturating"], high=1.1, anchors=beside)


def slope_at(function: Callable[[Tensor], Tensor], x: float) -> float:
    """df/dx at a number: float."""
    point = Tensor(np.array(float(x)), requires_grad=True)
    return grad(function(point), point)[0].item()


def flat_in_the_logit() -> Iterator[Claim]:
    """Where the saturating loss is flat

    Said: log(1 − D(x̃)) is flat where D(x̃) is near 0, so G learns nothing.

    Right: In D its slope is −1 there. It is flat in the *logit* ℓ, the number before the sigmoid, through which
    every gradient goes. −log D has slope −1 in the logit where D is sure.

    Equation: d log(1 − D)/dD = −1 / (1 − D);   d log(1 − σ(ℓ))/dℓ = −σ(ℓ);   d(−log σ(ℓ))/dℓ = −σ(−ℓ)
    """
    d = 1e-3
    logit = np.log(d / (1 - d))
    minimax, other = (OBJECTIVES[name].generator_loss for name in ("minimax", "non-saturating"))
    in_d, beside = slope_at(lambda p: (1 - p).log(), d), {"−log D": slope_at(lambda p: -p.log(), d)}
    yield Claim("slope of log(1 − D) in D, at D = 0.001", in_d, low=-1.01, high=-1, anchors=beside)
    beside = {"−log D": slope_at(other, logit)}
    yield Claim("slope of the same in the logit", slope_at(minimax, logit), low=-0.001, high=0, anchors=beside)


# Critics -------------------------------------------------------------------------------------------------------------


def penalised(steepness: float, sign: int, distance: float = 4.0) -> float:
    """E f(x) − E f(x̃) + sign · λ E (‖∇f‖ − 1)² of f(x) = k x, which the critic ascends: float."""
    real, fake = points(distance)
    critic = nn.Linear(1, 1, bias=False)
    critic.weight.data = np.array([[float(steepness)]])
    penalty = gradient_penalty(gradient_norms(critic, Tensor(real.data, requires_grad=True)))
    return (critic(real).mean() - critic(fake).mean() + sign * LAMBDA * penalty).item()


def sign_of_lambda() -> Iterator[Claim]:
    """The sign of λ

    Said: min_g max_c E c(x) − E c(x̃) + λ E (‖∇c(x̂)‖ − 1)².

    Right: Under max_c the penalty is subtracted; + belongs to the loss that the critic descends. With + under the
    maximum, the critic is paid for steepness, without end.

    Equation: c(x) = k x: k s − λ (k − 1)² is largest at k = 1 + s / 2λ;   k s + λ (k − 1)² grows without bound
    """
    found = np.arange(0, 101) / 10
    best = {sign: found[np.argmax([penalised(k, sign) for k in found])] for sign in (-1, 1)}
    text = "best of the slopes 0 to 10 for the critic, with −λ"
    yield Claim(text, best[-1], low=1.15, high=1.25, anchors={"with +λ": best[1], "1 + s / 2λ": 1.2})
    text, beside = "what the critic gets for a slope of 100, with +λ", {"with −λ": penalised(100, -1)}
    yield Claim(text, penalised(100, 1), low=1e4, anchors=beside)


def estimate() -> Iterator[Claim]:
    """The estimate of the distance

    Said: wasserstein_distance = D(fake).mean() − D(real).mean()

    Right: This is the loss that the critic descends: the estimate with the sign turned, negative throughout.

    Equation: W₁ = max over slopes ≤ 1 of E D(x) − E D(x̃)
    """
    real, fake = points(3.0)
    loss = OBJECTIVES["wasserstein"].discriminator_loss(real, fake).item()  # of the best critic, f(x) = x
    exact = wasserstein_1d(real.numpy()[:, 0], fake.numpy()[:, 0])
    yield Claim("“estimate” of a distance by E D(x̃) − E D(x)", loss, high=0, anchors={"the distance": exact})


def one_batch() -> Iterator[Claim]:
    """n_critic steps on one batch

    Said: real = next(batches); z = noise(); then n_critic steps of the critic on these.

    Right: The algorithm draws both anew for each step. On one batch the noise of the steps does not average out:
    n_critic steps have seen no more images than one.

    Equation: Var of the mean of k slopes: σ²/n on one batch of n, σ²/(k n) on k fresh ones
    """
    rng, n, steps = np.random.default_rng(0), 64, 5

    def slopes(batches):  # ∂L/∂ψ of the critic ψ x, in each of the batches
        return np.subtract(*rng.standard_normal((2, batches, n))).mean(1)

    once = np.var([slopes(1)[0] for _ in range(4000)])
    fresh = np.var([slopes(steps).mean() for _ in range(4000)])
    text = "variance of the mean slope of 5 steps: one batch / fresh ones"
    yield Claim(text, once / fresh, low=4.5, high=5.5, anchors={"steps": steps})


def get_weights() -> Iterator[Claim]:
    """Clipping what get_weights() returns

    Said: for w in layer.get_weights(): clip(w, −c, c); layer.set_weights(…)

    Right: Keras's get_weights() also returns batch norm's running mean and variance. A variance of 1 becomes 0.01,
    so in evaluation, not in training, the layer's output is ten times too large. Only what is trained is clipped.
    (Then γ falls from 1 to 0.01, too, which no one wants: leave batch norm out of a clipped critic.)

    Equation: output in evaluation: γ (x − μ) / √v + β, times √(v / c) when v falls to c
    """
    x, bound = Tensor(np.random.default_rng(0).standard_normal((4096, 8), dtype=np.float32)), 0.01
    layer = nn.BatchNorm1d(8, momentum=1.0)
    layer(x)
    clip_weights(layer.parameters(), bound)
    right = layer.eval()(x).numpy().std()
    state = {name: np.clip(array, -bound, bound).astype(array.dtype) for name, array in layer.state_dict().items()}
    layer.load_state_dict(state)
    wrong = layer(x).numpy().std()
    text = "batch norm in evaluation, all its state clipped / only its weights"
    yield Claim(text, wrong / right, low=9, high=11)
    text = "size of its output where γ is clipped"
    yield Claim(text, right, low=0.009, high=0.011, anchors={"not clipped": 1.0})


# Layers --------------------------------------------------------------------------------------------------------------


def first_step(inputs: int, equalized: bool, optimizer: Callable[..., Optimizer]) -> tuple[float, float]:
    """The first step of a linear layer's matrix, relative to its size, and the size of the gradient behind it.

    Parameters
    ----------
    inputs : int
        fan_in.
    equalized : bool
        Whether the matrix is ŵ = c w, with w stored; else it is ŵ itself, of the same size.
    optimizer : callable
        ``(params) -> Optimizer``.

    Returns
    -------
    step, gradient : float
        ‖Δŵ‖ / ‖ŵ‖ and ‖∂L/∂w‖, or ‖∂L/∂ŵ‖ of a plain layer.
    """
    rng = np.random.default_rng(0)
    layer = nn.EqualizedLinear(inputs, 16, bias=False, rng=rng)
    if not equalized:
        plain = nn.Linear(inputs, 16, bias=False)
        plain.weight.data, layer = layer.scale * layer.weight.data, plain
    x, wanted = (Tensor(rng.standard_normal((32, size), dtype=np.float32)) for size in (inputs, 16))
    before = layer.weight.data
    gradients = grad((layer(x) * wanted).mean(), layer.parameters())
    optimizer(layer.parameters()).step(gradients)
    step = np.linalg.norm(layer.weight.data - before) / np.linalg.norm(before)
    return float(step), float(np.linalg.norm(gradients[0].numpy()))


def equalized_rate() -> Iterator[Claim]:
    """What the equalized learning rate is for

    Said: It multiplies the gradients of layers that get too little, against vanishing gradients.

    Right: ŵ = c w is scaled on the way forward, so the gradient of the stored w gets *smaller*, by c = √(2 /
    fan_in). It is made for Adam, whose step does not depend on the gradient's size: each layer then moves by the
    same share of its weights.

    Equation: ∂L/∂w = c ∂L/∂ŵ;   the step of ŵ: c · lr under Adam, c² lr ∂L/∂ŵ under SGD
    """
    few, many, c = 16, 1024, (2 / 1024) ** 0.5
    adam, sgd = (lambda params: Adam(params, lr=1e-3)), (lambda params: SGD(params, lr=1e-3))
    gradient, plain = (first_step(many, equalized, sgd)[1] for equalized in (True, False))
    text = "1,024 inputs: gradient of the stored weights / of plain ones"
    yield Claim(text, gradient / plain, high=1, anchors={"c": c})
    ratio, beside = (first_step(many, kind, adam)[0] / first_step(few, kind, adam)[0] for kind in (True, False))
    text = "Adam: relative step with 1,024 inputs / with 16"
    yield Claim(text, ratio, low=0.9, high=1.1, anchors={"plain": beside})
    ratio = first_step(many, True, sgd)[0] / first_step(many, False, sgd)[0]
    text = "SGD: step / step of a plain layer, 1,024 inputs"
    yield Claim(text, ratio, low=0.9 * c**2, high=1.1 * c**2, anchors={"c²": c**2})


def pixel_norm() -> Iterator[Claim]:
    """What pixel norm bounds

    Said: Pixel norm limits the values of the weights.

    Right: It bounds activations: the mean square over the channels of each pixel is 1. Of the weights before it the
    size does not matter at all, so they are free.

    Equation: b = a / √(mean over C of a² + ε), so |b| ≤ √C;   b(1000 w) = b(w)
    """
    rng = np.random.default_rng(0)
    layer = nn.Conv2d(16, 16, 3, padding=1, bias=False, rng=rng)
    x = Tensor(rng.standard_normal((4, 16, 8, 8), dtype=np.float32))
    before = np.abs(nn.PixelNorm()(layer(x)).numpy()).max()
    layer.weight.data = 1000 * layer.weight.data
    beside = {"weights as before": before, "without the norm": np.abs(layer(x).numpy()).max()}
    text = "largest of 16 activations, weights 1,000 times as large (at most √16)"
    yield Claim(text, np.abs(nn.PixelNorm()(layer(x)).numpy()).max(), high=4, anchors=beside)


def deviation(batch: ArrayLike) -> float:
    """What `nn.MinibatchStdDev` tells of a batch in groups of four: float."""
    return float(nn.MinibatchStdDev(4)(Tensor(np.asarray(batch, np.float32))).numpy()[0, -1, 0, 0])


def groups_of_samples() -> Iterator[Claim]:
    """Groups of what?

    Said: Minibatch deviation is computed over groups of four pixels.

    Right: Over groups of four *samples* (or of the whole batch, if it is smaller): for each feature at each pixel,
    how much the samples differ there; then the mean over features and pixels.

    Equation: s = mean over c, h, w of √(mean over g of (a − mean over g of a)²)
    """
    image = np.random.default_rng(0).standard_normal((1, 1, 16, 16))
    copies, greys = image.repeat(4, 0), np.array([-1, -1, 1, 1]).reshape(4, 1, 1, 1) * np.ones_like(image)
    beside = {"its pixels": image.std()}
    yield Claim("deviation of four copies of one image", deviation(copies), high=1e-3, anchors=beside)
    text = "deviation of four images, each of one grey, −1 or 1"
    yield Claim(text, deviation(greys), low=0.99, high=1.01, anchors={"pixels of each": 0})


def variety() -> Iterator[Claim]:
    """Minibatch deviation and variety

    Said: Minibatch deviation brings variety.

    Right: It shows D one number about the batch. D may use it, and G may satisfy it with less than all modes: two
    opposite ones of a ring deviate as much as all eight. In the plane a GAN found about as many modes with it as
    without it; a penalty on the slope brought all of them back.

    Equation: ring of radius r: deviation r/√2 along both axes; two modes at ±r (1, 1)/√2: r/√2 along both axes
    """
    centres = toy.eight_gaussians().centres
    whole = nn.MinibatchStdDev(group_size=64)

    def of(modes):
        batch = np.resize(centres[modes], (64, 2))[:, :, None, None].astype(np.float32)
        return float(whole(Tensor(batch)).numpy()[0, -1, 0, 0])

    text = "deviation of points from two of eight modes / from all eight"
    ratio, beside = of([1, 5]) / of(range(8)), {"from one mode": of([1]) / of(range(8))}
    yield Claim(text, ratio, low=0.999, high=1.001, anchors=beside)


ERRATA = {
    proof.__name__.replace("_", " "): Erratum.of(proof)
    for proof in (
        no_minimum,
        flat_in_the_logit,
        similar,
        least_squares,
        non_saturating,
        sign_of_lambda,
        estimate,
        one_batch,
        get_weights,
        equalized_rate,
        pixel_norm,
        groups_of_samples,
        variety,
    )
}
