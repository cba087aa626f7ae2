"""Networks that several papers' files share: the small ones, which learn 28×28 images in minutes on two CPU cores.

They follow the rules of DCGAN (Radford et al. 2015, arXiv:1511.06434, §3): strided convolutions instead of pooling,
batch norm, ReLU in the generator and tanh at its end, leaky ReLU in the critic. A 4×4 kernel with stride 2 reaches
every pixel equally often, so that no chessboard appears.
"""

from scratchgan import nn


def small_generator(latent_size, width, rng):
    """(N, latent_size) -> (N, 1, 28, 28) in [−1, 1], with 2·width channels of 7×7 and width of 14×14 on the way."""
    return nn.Sequential(
        nn.Linear(latent_size, 2 * width * 7 * 7, bias=False, rng=rng),
        nn.Unflatten(1, (2 * width, 7, 7)),
        nn.BatchNorm2d(2 * width),
        nn.ReLU(),
        nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1, bias=False, rng=rng),  # 14×14
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.ConvTranspose2d(width, 1, 4, stride=2, padding=1, rng=rng),  # 28×28
        nn.Tanh(),
    )


def small_critic(width, rng, batch_norm=True, channels=1, head=None):
    """(N, channels, 28, 28) -> (N, 1), with width channels of 14×14 and 2·width of 7×7 on the way.

    Parameters
    ----------
    batch_norm : bool
        Without it each image's score is its own, as gradient penalties need it.
    channels : int
        Of the input: 1, and more where the image comes with maps of its label.
    head : Module, optional
        (N, 2·width, 7, 7) -> (N, …), in the place of a linear layer to one number.
    """
    norm = [nn.BatchNorm2d(2 * width)] if batch_norm else []
    if head is None:
        head = nn.Sequential(nn.Flatten(), nn.Linear(2 * width * 7 * 7, 1, rng=rng))
    return nn.Sequential(
        nn.Conv2d(channels, width, 4, stride=2, padding=1, rng=rng),
        nn.LeakyReLU(0.2),
        nn.Conv2d(width, 2 * width, 4, stride=2, padding=1, bias=not batch_norm, rng=rng),
        *norm,
        nn.LeakyReLU(0.2),
        head,
    )


def count(network):
    """The number of its trained numbers."""
    return sum(parameter.numel() for parameter in network.parameters())
