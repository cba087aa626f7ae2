"""WGAN-GP: "Improved Training of Wasserstein GANs", Gulrajani et al. 2017, arXiv:1704.00028.

A generator G maps latents z ~ N(0, I) to images x̃ = G(z). The first GAN played it against a discriminator, a
probability D(x) that x is real:

    min_G max_D   E_x [log D(x)] + E_x̃ [log(1 − D(x̃))]                                                    (1)

When D tells real from fake with confidence, its gradient vanishes and G learns nothing. WGAN replaces the
probability by a *critic*, any function of slope at most 1 (1-Lipschitz, the set 𝒟):

    min_G max_{D ∈ 𝒟}   E_x [D(x)] − E_x̃ [D(x̃)]                                                          (2)

The maximum over 𝒟 is the Wasserstein distance between real and generated images: how far, on average, mass has to
be moved to turn one distribution into the other. It falls smoothly as the two come closer, so its gradient is
always of use. But how does one keep a network in 𝒟? Proposition 1 of the paper: along the straight lines between
coupled real and generated points, the best critic has a gradient of norm *exactly 1* almost everywhere. So ask for
that, at random points x̂ on such lines:

    L = E_x̃ [D(x̃)] − E_x [D(x)] + λ E_x̂ [(‖∇_x̂ D(x̂)‖₂ − 1)²],    x̂ = ε x + (1 − ε) x̃,  ε ~ U[0, 1]          (3)

λ, 10 in the paper, weighs this demand against the first two terms; the norm is over all pixels of one image, and
each image has an ε of its own. The critic descends L, so the gradient of a gradient is needed: ∇ with respect to the
weights of a function of ∇_x̂ D. The generator descends −E_x̃ [D(x̃)], what (2) leaves of its own.

The points x̂, the norms and the penalty itself are shared with other papers: see `losses.penalties`.
"""

from scratchgan import nn
from scratchgan.backend import array_like
from scratchgan.losses import gradient_norms, gradient_penalty, interpolate
from scratchgan.nn import init
from scratchgan.optim import Adam
from scratchgan.tensor import Tensor, grad, no_grad

# The objective -------------------------------------------------------------------------------------------------------


def wasserstein_estimate(critic, real, fake):
    """E_x [D(x)] − E_x̃ [D(x̃)], the value of (2): the critic's estimate of the Wasserstein distance.

    Parameters
    ----------
    critic : callable
        (N, C, H, W) -> (N, 1).
    real, fake : Tensor, (N, C, H, W)

    Returns
    -------
    Tensor, ()
    """
    return critic(real).mean() - critic(fake).mean()


def refuse_batch_norm(critic):
    """Raise if the critic normalises over the batch: then D(xᵢ) depends on the other samples, and so does ∇D(xᵢ).

    Raises
    ------
    ValueError
        Naming what to use instead (§4 of the paper).
    """
    for module in critic.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            raise ValueError(
                "the critic contains batch norm, which makes D of one sample depend on all others, while the penalty "
                "is on the gradient of each sample's own D; use LayerNorm, GroupNorm, InstanceNorm2d, or no norm"
            )


# Networks ------------------------------------------------------------------------------------------------------------


def small_networks(rng):
    """A generator with batch norm and a plain critic that learn digits within minutes on two CPU cores.

    Returns
    -------
    generator : Module, (N, 64) -> (N, 1, 28, 28) in [−1, 1]
    critic : Module, (N, 1, 28, 28) -> (N, 1)
    """
    generator = nn.Sequential(
        nn.Linear(64, 64 * 7 * 7, rng=rng),
        nn.Unflatten(1, (64, 7, 7)),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.ConvTranspose2d(64, 32, 4, stride=2, padding=1, rng=rng),  # 14×14
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.ConvTranspose2d(32, 1, 4, stride=2, padding=1, rng=rng),  # 28×28
        nn.Tanh(),
    )
    return generator, _critic(16, rng)


def paper_networks(rng, width=64):
    """The networks of the authors' MNIST script, with its initial weights; no norm anywhere.

    The script pads as TensorFlow does, one pixel more after than before; here padding is symmetric.

    Returns
    -------
    generator : Module, (N, 128) -> (N, 1, 28, 28) in [0, 1]
    critic : Module, (N, 1, 28, 28) -> (N, 1)
    """
    up = {"kernel_size": 5, "stride": 2, "padding": 2, "output_padding": 1, "rng": rng}
    generator = nn.Sequential(
        nn.Linear(128, 4 * width * 4 * 4, rng=rng),
        nn.ReLU(),
        nn.Unflatten(1, (4 * width, 4, 4)),
        nn.ConvTranspose2d(4 * width, 2 * width, **up),  # 8×8
        nn.ReLU(),
        _Crop(7),
        nn.ConvTranspose2d(2 * width, width, **up),  # 14×14
        nn.ReLU(),
        nn.ConvTranspose2d(width, 1, **up),  # 28×28
        nn.Sigmoid(),
    )
    critic = _critic(width, rng)
    for module in (*generator.modules(), *critic.modules()):
        _initialise_as_the_authors(module, rng)
    return generator, critic


class _Crop(nn.Module):
    """The upper left corner of so many pixels a side."""

    def __init__(self, size):
        self.size = size

    def forward(self, input):
        return input[:, :, : self.size, : self.size]


def _initialise_as_the_authors(module, rng):
    """Uniform weights of variance 2 · gain / (fan_in + fan_out), gain 2 in convolutions; biases 0.

    The fans count how often a weight meets each input and output pixel, so a stride of 2 divides one of them by 4.
    """
    if isinstance(module, nn.Linear):
        gain, fans = 1, sum(module.weight.shape)
    elif isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        many, few, kh, kw = module.weight.shape  # the side of fewer pixels comes first in both
        gain, fans = 2, kh * kw * (many / module.stride**2 + few)
    else:
        return
    bound = (3 * 2 * gain / fans) ** 0.5
    module.weight.data = init.uniform(module.weight.shape, bound, rng)
    module.bias.data = module.bias.data * 0


def _critic(width, rng):
    """Three strided convolutions, 28 -> 14 -> 7 -> 4 pixels, and a linear layer."""
    return nn.Sequential(
        nn.Conv2d(1, width, 5, stride=2, padding=2, rng=rng),
        nn.LeakyReLU(0.2),
        nn.Conv2d(width, 2 * width, 5, stride=2, padding=2, rng=rng),
        nn.LeakyReLU(0.2),
        nn.Conv2d(2 * width, 4 * width, 5, stride=2, padding=2, rng=rng),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(4 * width * 4 * 4, 1, rng=rng),
    )


# Training ------------------------------------------------------------------------------------------------------------


class WGANGP:
    """The two players, their optimisers and Algorithm 1 of the paper.

    Parameters
    ----------
    generator : Module, (N, latent_size) -> (N, …)
    critic : Module, (N, …) -> (N, 1)
    latent_size : int
    penalty_weight : float
        λ.
    critic_steps : int
        n_critic, the critic's steps for each one of the generator.
    lr, betas
        Of both players' Adam.
    one_sided : bool
        Penalise only slopes above c.
    center : float
        c, the slope that is asked for: 1 in the paper, 0 for the zero-centred penalty.

    Raises
    ------
    ValueError
        For batch norm in the critic.
    """

    def __init__(
        self,
        generator,
        critic,
        latent_size,
        penalty_weight=10.0,
        critic_steps=5,
        lr=1e-4,
        betas=(0.0, 0.9),
        one_sided=False,
        center=1.0,
    ):
        refuse_batch_norm(critic)
        self.generator, self.critic, self.latent_size = generator, critic, latent_size
        self.penalty_weight, self.critic_steps = penalty_weight, critic_steps
        self.one_sided, self.center = one_sided, center
        self.generator_optimizer = Adam(generator.parameters(), lr, betas)
        self.critic_optimizer = Adam(critic.parameters(), lr, betas)

    @property
    def optimizers(self):
        """Both players' optimisers."""
        return self.generator_optimizer, self.critic_optimizer

    def parts(self):
        """Everything that has a state to save."""
        return {
            "generator": self.generator,
            "critic": self.critic,
            "generator_optimizer": self.generator_optimizer,
            "critic_optimizer": self.critic_optimizer,
        }

    def latents(self, count, rng):
        """z ~ N(0, I): Tensor (count, latent_size)."""
        weight = self.generator.parameters()[0].data
        return Tensor(array_like(rng.standard_normal((count, self.latent_size)).astype(weight.dtype), weight))

    def critic_loss(self, real, fake, rng):
        """The terms of (3) on one batch, and L itself: {"wasserstein": …, …, "critic_loss": L}."""
        distance = wasserstein_estimate(self.critic, real, fake)
        norms = gradient_norms(self.critic, interpolate(real, fake, rng))
        penalty = gradient_penalty(norms, self.center, one_sided=self.one_sided)
        loss = -distance + self.penalty_weight * penalty
        return {"wasserstein": distance, "penalty": penalty, "gradient_norm": norms.mean(), "critic_loss": loss}

    def generator_loss(self, z):
        """−E_z [D(G(z))]."""
        return -self.critic(self.generator(z)).mean()

    def critic_step(self, real, rng):
        """One step down (3): Algorithm 1, lines 3–9. Only the critic's weights move."""
        with no_grad():  # x̃ is a constant to the critic
            fake = self.generator(self.latents(len(real), rng))
        numbers = self.critic_loss(real, fake, rng)
        self.critic_optimizer.step(grad(numbers["critic_loss"], self.critic.parameters()))
        return {name: value.detach() for name, value in numbers.items()}  # who holds a loss holds its whole graph

    def generator_step(self, count, rng):
        """One step down −E [D(G(z))]: Algorithm 1, lines 11–12. Only the generator's weights move."""
        loss = self.generator_loss(self.latents(count, rng))
        self.generator_optimizer.step(grad(loss, self.generator.parameters()))
        return {"generator_loss": loss.detach()}

    def train_step(self, batches, rng):
        """``critic_steps`` steps of the critic, each on a fresh batch, and one of the generator.

        Parameters
        ----------
        batches : iterator of array, (N, …)
        rng : numpy.random.Generator

        Returns
        -------
        dict of str to float
            The numbers to watch, of the last critic step and of the generator step.
        """
        for _ in range(self.critic_steps):
            real = Tensor(array_like(next(batches), self.critic.parameters()[0].data))
            numbers = self.critic_step(real, rng)
        numbers |= self.generator_step(len(real), rng)
        return {name: value.item() for name, value in numbers.items()}  # read once: each reading waits for a GPU
