"""Layers with the names, constructor arguments and state keys of ``torch.nn``."""

# fmt: off
from scratchgan.nn.average import AveragedWeights, update_bn
from scratchgan.nn.layers import (
    BatchNorm1d, BatchNorm2d, Conv2d, ConvTranspose2d, Embedding, GroupNorm, InstanceNorm2d, LayerNorm, Linear,
    PReLU,
)
from scratchgan.nn.maxout import Maxout
from scratchgan.nn.minibatch import MinibatchDiscrimination, MinibatchStdDev
from scratchgan.nn.module import Module, ModuleList, Sequential
from scratchgan.nn.resampling import Doubled, Halved
from scratchgan.nn.spectral import SpectralNorm
from scratchgan.nn.stateless import (
    ELU, AvgPool2d, Dropout, Flatten, LeakyReLU, MaxPool2d, PixelShuffle, ReLU, Sigmoid, Softplus, Tanh,
    Unflatten, Upsample,
)
# fmt: on

__all__ = [name for name, value in list(globals().items()) if isinstance(value, type)]
