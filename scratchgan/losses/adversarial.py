"""The adversarial objectives: what each of the two players descends, as functions of the discriminator's scores.

Here D(x) is always the *logit*, the number before any sigmoid; a probability is σ(D(x)). With the softplus
ζ(u) = log(1 + eᵘ), −log σ(u) = ζ(−u) and −log(1 − σ(u)) = ζ(u): no logarithm of a rounded probability is taken, and
values and slopes are right to the last digit at logits of ±100 and beyond.

Every expectation is the *mean* over all logits of a batch, so that the weight of a penalty added to it does not depend
on the batch size. With N logits each slope given below carries a factor 1/N.

    ===============  =====================================  =====================  =======================
    objective        D descends                             G descends             slope of that in ℓ = D(x̃)
    ===============  =====================================  =====================  =======================
    minimax          ζ(−D(x)) + ζ(D(x̃))                    −ζ(D(x̃))              −σ(ℓ), 0 as ℓ → −∞
    non-saturating   ζ(−D(x)) + ζ(D(x̃))                    ζ(−D(x̃))              −σ(−ℓ), −1 as ℓ → −∞
    least squares    ½ (D(x) − b)² + ½ (D(x̃) − a)²         ½ (D(x̃) − c)²         ℓ − c
    Wasserstein      D(x̃) − D(x)                           −D(x̃)                 −1
    hinge            max(0, 1 − D(x)) + max(0, 1 + D(x̃))   −D(x̃)                 −1
    relativistic     ζ(−(D(x) − D(x̃)))                     ζ(−(D(x̃) − D(x)))     −σ(D(x) − ℓ)
    ===============  =====================================  =====================  =======================

An objective is an object with two methods. Training a player takes no more than

    objective = OBJECTIVES["hinge"]
    loss = objective.discriminator_loss(D(real), D(fake))
    loss = objective.generator_loss(D(fake), D(real))
"""

import numpy as np

from scratchgan.functional import relu, softplus
from scratchgan.nn.options import Number
from scratchgan.tensor import Tensor, floating


class Objective:
    """What the two players descend; a subclass gives the equations, in `_discriminator` and `_generator`."""

    relativistic = False  # whether the generator's loss looks at the real logits, too

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """The discriminator's loss.

        Parameters
        ----------
        real, fake : Tensor, (N, …), (M, …)
            Logits D(x) and D(x̃), such as (N, 1), or (N, 1, H, W) of patches. N = M where logits are paired.

        Returns
        -------
        Tensor, ()

        Raises
        ------
        ValueError
            For no logits, or shapes that do not pair.
        TypeError
            For what is no Tensor of floating numbers.
        """
        _check(real=real, fake=fake)
        return self._discriminator(real, fake)

    def generator_loss(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """The generator's loss.

        Parameters
        ----------
        fake : Tensor, (M, …)
            Logits D(G(z)).
        real : Tensor, (N, …), optional
            Logits D(x): the relativistic objectives need them, the others do not look at them.

        Returns
        -------
        Tensor, ()

        Raises
        ------
        ValueError
            For no logits, no real logits where they are needed, or shapes that do not pair.
        TypeError
            For what is no Tensor of floating numbers.
        """
        _check(fake=fake)
        if not self.relativistic:
            return self._generator(fake)
        if real is None:
            raise ValueError(
                f"{type(self).__name__} compares fake logits with real ones: generator_loss(D(fake), D(real))"
            )
        _check(real=real)
        return self._generator(fake, real)

    def __repr__(self):
        options = ", ".join(f"{name}={value}" for name, value in vars(self).items())
        return f"{type(self).__name__}({options})"


class Minimax(Objective):
    """The zero-sum game: L_D = E ζ(−D(x)) + E ζ(D(x̃)), and L_G = −E ζ(D(x̃)), the only term of −L_D that
    depends on G.

    Goodfellow et al. 2014, arXiv:1406.2661, equation (1), max_D E log σ(D(x)) + E log(1 − σ(D(x̃))). The best D has
    σ(D) = p / (p + p_G); there L_D = log 4 − 2 JSD(p, p_G), which is log 4 where the generator is perfect.

    Slopes: ∂L_D/∂D(x) = −σ(−D(x)), ∂L_D/∂D(x̃) = σ(D(x̃)), and ∂L_G/∂D(x̃) = −σ(D(x̃)), which *saturates*: it vanishes
    as D learns to call a fake a fake, when the generator has the most to learn.

    Parameters
    ----------
    real_target : float
        α: one-sided label smoothing, Salimans et al. 2016, arXiv:1606.03498, §3.4. The term of a real x becomes
        α ζ(−D(x)) + (1 − α) ζ(D(x)), with slope σ(D(x)) − α: its best probability is α and no longer 1, which bounds
        the logit. The fakes' target stays 0: the best D with targets α and β has σ(D) = (α p + β p_G) / (p + p_G), so
        β > 0 would hold D up wherever there are fakes, and so reward the generator for staying there. The generator's
        own loss is never smoothed.

    Raises
    ------
    TypeError, ValueError
        For an α outside (0, 1].
    """

    real_target = Number("(0, 1]")

    def __init__(self, real_target: float = 1.0):
        self.real_target = real_target

    def _discriminator(self, real, fake):
        return _cross_entropy(real, self.real_target).mean() + _cross_entropy(fake, 0.0).mean()

    def _generator(self, fake):
        return -_softplus(fake).mean()


class NonSaturating(Minimax):
    """As `Minimax`, but the generator descends L_G = E ζ(−D(x̃)) = −E log σ(D(x̃)).

    Goodfellow et al. 2014, arXiv:1406.2661, §3. The two generators agree on the fixed point, and on the direction at
    each sample, but not on its weight: the slope −σ(−D(x̃)) is −1 where D is sure of a fake and 0 where it is fooled.
    At the best D it descends KL(p_G‖p) − 2 JSD(p, p_G), no longer 2 JSD (Arjovsky & Bottou 2017, arXiv:1701.04862,
    theorem 2.5): a generator that cannot match the data prefers to leave some of them out.
    """

    def _generator(self, fake):
        return _softplus(-fake).mean()


class LeastSquares(Objective):
    """L_D = ½ E (D(x) − b)² + ½ E (D(x̃) − a)², L_G = ½ E (D(x̃) − c)²: LSGAN, with no sigmoid anywhere.

    Mao et al. 2017, arXiv:1611.04076, equation (2). The slopes in the score, D(x) − b, D(x̃) − a and D(x̃) − c, grow with
    the score's distance from its code: one far beyond c is brought back.

    The best D is (b p + a p_G) / (p + p_G), so (a + b) / 2 where the generator is perfect. It is flat where only fakes
    are: the slope in x̃, (D(x̃) − c) ∇D(x̃), vanishes there like that of `Minimax`. Two codings: (a, b, c) =
    (0, 1, 1), that of the authors' code, and (−1, 1, 0), for which b − c = 1 and b − a = 2 make the generator descend
    the Pearson χ² divergence between p + p_G and 2 p_G.

    Parameters
    ----------
    fake_target, real_target, generator_target : float
        a, b and c.

    Raises
    ------
    TypeError, ValueError
        For what is no number, and for a = b: then D need not tell them apart.
    """

    fake_target, real_target, generator_target = Number(), Number(), Number()

    def __init__(self, fake_target: float = 0.0, real_target: float = 1.0, generator_target: float = 1.0):
        if fake_target == real_target:
            raise ValueError(f"fake_target and real_target are both {fake_target}: D would have nothing to tell apart")
        self.fake_target, self.real_target, self.generator_target = fake_target, real_target, generator_target

    def _discriminator(self, real, fake):
        return _half_square(real - self.real_target) + _half_square(fake - self.fake_target)

    def _generator(self, fake):
        return _half_square(fake - self.generator_target)


class Wasserstein(Objective):
    """L_D = E D(x̃) − E D(x), L_G = −E D(x̃); D is a critic, whose score is no logit of anything.

    Arjovsky et al. 2017, arXiv:1701.07875, equations (2) and (3). −L_D estimates K times the Wasserstein distance if D
    has slopes up to K, and something has to see to that: `clip_weights`, a gradient penalty or `nn.SpectralNorm`.
    All slopes are constant, −1 at a real and +1 at a fake, and −1 for the generator.

    Parameters
    ----------
    drift : float
        ε ≥ 0: L_D gets the term ε E D(x)², Karras et al. 2018, arXiv:1710.10196, appendix A.1. Without it L_D depends
        on differences of scores alone, and nothing keeps them near 0.
    """

    drift = Number("[0, ∞)")

    def __init__(self, drift: float = 0.0):
        self.drift = drift

    def _discriminator(self, real, fake):
        difference = fake.mean() - real.mean()
        return difference + self.drift * (real * real).mean() if self.drift else difference

    def _generator(self, fake):
        return -fake.mean()


class Hinge(Objective):
    """L_D = E max(0, 1 − D(x)) + E max(0, 1 + D(x̃)), L_G = −E D(x̃).

    Lim & Ye 2017, arXiv:1705.02894; Miyato et al. 2018, arXiv:1802.05957, equations (16) and (17). D's slope is −1 at a
    real with D(x) < 1, +1 at a fake with D(x̃) > −1, and 0 beyond these margins, as on them: what is told apart well
    enough is left alone. The best L_D is 2 ∫ min(p, p_G), which is 2 where the generator is perfect. The generator's
    loss has no margin.
    """

    def _discriminator(self, real, fake):
        return relu(1 - real).mean() + relu(1 + fake).mean()

    def _generator(self, fake):
        return -fake.mean()


class Relativistic(Objective):
    """L_D = E ζ(−(D(x) − D(x̃))), L_G = E ζ(−(D(x̃) − D(x))): is the real one of a pair more real than the fake?

    Jolicoeur-Martineau 2018, arXiv:1807.00734: RSGAN. Only differences count, so a constant
    added to all logits changes nothing. With δ = D(x) − D(x̃), the slopes in D(x) are −σ(−δ) for D and σ(δ) for G,
    those in D(x̃) the negatives. L_G is the swap of L_D, not its negative: like `NonSaturating` it does not saturate.
    """

    relativistic = True

    def _discriminator(self, real, fake):
        _refuse_unpaired(real, fake)
        return _softplus(fake - real).mean()

    def _generator(self, fake, real):
        return self._discriminator(fake, real)


class RelativisticAverage(Objective):
    """L_D = E ζ(−(D(x) − E D(x̃))) + E ζ(D(x̃) − E D(x)); L_G is the same with the two swapped: RaSGAN.

    Jolicoeur-Martineau 2018, arXiv:1807.00734: is a real one more real than the average fake, and a fake one less real
    than the average real one? A constant added to all logits changes nothing. Gradients pass through the averages, too:
    with r = D(x) − E D(x̃) and f = D(x̃) − E D(x), the slope of L_D in one D(x) is −σ(−r) − E σ(f), and in one D(x̃) it
    is σ(f) + E σ(−r). (The author's code takes half of both losses.)
    """

    relativistic = True

    def _discriminator(self, real, fake):
        return _softplus(fake.mean() - real).mean() + _softplus(fake - real.mean()).mean()

    def _generator(self, fake, real):
        return self._discriminator(fake, real)


OBJECTIVES = {
    "minimax": Minimax(),
    "non-saturating": NonSaturating(),
    "least squares (0, 1, 1)": LeastSquares(),
    "least squares (-1, 1, 0)": LeastSquares(-1.0, 1.0, 0.0),
    "wasserstein": Wasserstein(),
    "hinge": Hinge(),
    "relativistic": Relativistic(),
    "relativistic average": RelativisticAverage(),
}


def _softplus(logits):
    """ζ, everywhere: PyTorch's softplus is replaced by the identity above 20, where e⁻²⁰ still shows in float64."""
    return softplus(logits, threshold=np.inf)


def _cross_entropy(logits, target):
    """−t log σ(u) − (1 − t) log(1 − σ(u)) of each logit u, for one target t; of an infinite u, too, if t is 0 or 1."""
    if target in (0, 1):
        return _softplus(-logits if target else logits)
    return target * _softplus(-logits) + (1 - target) * _softplus(logits)


def _half_square(x):
    return (x * x).mean() / 2


def _check(**logits):
    floating(**logits)
    for name, x in logits.items():
        if not x.numel():
            raise ValueError(f"{name} logits of shape {x.shape} have no mean: the batch is empty")


def _refuse_unpaired(real, fake):
    if real.shape != fake.shape:
        raise ValueError(
            f"real logits {real.shape} and fake logits {fake.shape} must have one shape to be compared in pairs; "
            "RelativisticAverage compares batches of different sizes"
        )
