"""The networks that both sides train: one list of layers each, for scratchgan's ``nn`` and for PyTorch's alike."""


def dcgan(nn, width, **options):
    """The networks of PyTorch's DCGAN tutorial (arXiv:1511.06434); the discriminator ends in logits.

    Parameters
    ----------
    nn : module
        ``scratchgan.nn`` or ``torch.nn``.
    width : int
        Channels at 32×32 pixels.
    **options
        Of the activations: the tutorial has them work in place.

    Returns
    -------
    generator : Module, (N, 100, 1, 1) -> (N, 3, 64, 64) in [−1, 1]
    discriminator : Module, (N, 3, 64, 64) -> (N, 1, 1, 1)
    """

    def up(channels, out, stride=2, padding=1):
        convolution = nn.ConvTranspose2d(channels, out, 4, stride, padding, bias=False)
        return convolution, nn.BatchNorm2d(out), nn.ReLU(**options)

    def down(channels, out):
        convolution = nn.Conv2d(channels, out, 4, 2, 1, bias=False)
        return convolution, nn.BatchNorm2d(out), nn.LeakyReLU(0.2, **options)

    generator = nn.Sequential(
        *up(100, 8 * width, 1, 0),  # 4×4
        *up(8 * width, 4 * width),
        *up(4 * width, 2 * width),
        *up(2 * width, width),  # 32×32
        nn.ConvTranspose2d(width, 3, 4, 2, 1, bias=False),
        nn.Tanh(),
    )
    discriminator = nn.Sequential(
        nn.Conv2d(3, width, 4, 2, 1, bias=False),  # 32×32
        nn.LeakyReLU(0.2, **options),
        *down(width, 2 * width),
        *down(2 * width, 4 * width),
        *down(4 * width, 8 * width),  # 4×4
        nn.Conv2d(8 * width, 1, 4, 1, 0, bias=False),
    )
    return generator, discriminator


def mlp(nn):
    """A GAN of linear layers.

    Returns
    -------
    generator : Module, (N, 100) -> (N, 784) in [−1, 1]
    discriminator : Module, (N, 784) -> (N, 1)
    """
    generator = nn.Sequential(
        nn.Linear(100, 256),
        nn.LeakyReLU(0.2),
        nn.Linear(256, 512),
        nn.LeakyReLU(0.2),
        nn.Linear(512, 784),
        nn.Tanh(),
    )
    discriminator = nn.Sequential(
        nn.Linear(784, 512),
        nn.LeakyReLU(0.2),
        nn.Linear(512, 256),
        nn.LeakyReLU(0.2),
        nn.Linear(256, 1),
    )
    return generator, discriminator


def residual_branch(nn, channels):
    """What a residual block adds to its input: (N, C, H, W) -> the same shape."""
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
        nn.Conv2d(channels, channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels),
    )


def inputs(name, *sizes):
    """What a step begins with besides its weights: whether uniform in [0, 1) or standard normal, and its shape.

    Returns
    -------
    dict of str to (str, tuple of int)
        In the order of the step's arguments: data first.
    """
    return _INPUTS[name](*sizes)


def _drawn(batch, image, latents):
    return {"real": ("uniform", (batch, *image)), "latents": ("normal", (batch, *latents))}


_INPUTS = {
    "critic_step": lambda width, batch: {
        **_drawn(batch, (1, 28, 28), (128,)),
        "epsilon": ("uniform", (batch, 1, 1, 1)),
    },
    "generator_step": lambda width, batch, freeze: {"latents": ("normal", (batch, 128))},
    "dcgan_step": lambda width, batch: _drawn(batch, (3, 64, 64), (100, 1, 1)),
    "mlp_step": lambda batch: _drawn(batch, (784,), (100,)),
    "residual_block": lambda channels, size, batch: dict.fromkeys("xg", ("normal", (batch, channels, size, size))),
}
