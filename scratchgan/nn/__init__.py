"""Layers with the names, constructor arguments and state keys of ``torch.nn``, and some that papers add."""

# fmt: off
from scratchgan.nn import init
from scratchgan.nn.average import AveragedWeights, update_bn
from scratchgan.nn.equalized import EqualizedConv2d, EqualizedDownConv2d, EqualizedLinear, EqualizedUpConv2d
from scratchgan.nn.layers import (
    BatchNorm1d, BatchNorm2d, Conv2d, ConvTranspose2d, Embedding, GroupNorm, InstanceNorm2d, LayerNorm, Linear,
    PReLU,
)
from scratchgan.nn.masked import MaskedConv2d, MaskedLinear
from scratchgan.nn.maxout import Maxout
from scratchgan.nn.minibatch import MinibatchDiscrimination, MinibatchStdDev
from scratchgan.nn.module import Module, ModuleList, Sequential
from scratchgan.nn.resampling import Doubled, Halved
from scratchgan.nn.spectral import SpectralNorm
from scratchgan.nn.stateless import (
    ELU, AvgPool2d, Dropout, Flatten, LeakyReLU, MaxPool2d, PixelShuffle, ReflectionPad2d, ReLU, Sigmoid,
    Softmax, Softplus, Tanh, Unflatten, Upsample,
)
from scratchgan.nn.style import AdaIN, Blur, Constant, Noise, PixelNorm

__all__ = [
    "AdaIN", "AveragedWeights", "AvgPool2d", "BatchNorm1d", "BatchNorm2d", "Blur", "Constant", "Conv2d",
    "ConvTranspose2d", "Doubled", "Dropout", "ELU", "Embedding", "EqualizedConv2d", "EqualizedDownConv2d",
    "EqualizedLinear", "EqualizedUpConv2d", "Flatten", "GroupNorm", "Halved", "InstanceNorm2d", "LayerNorm",
    "LeakyReLU", "Linear", "MaskedConv2d", "MaskedLinear", "MaxPool2d", "Maxout", "MinibatchDiscrimination",
    "MinibatchStdDev", "Module", "ModuleList", "Noise", "PReLU", "PixelNorm", "PixelShuffle", "ReLU",
    "ReflectionPad2d", "Sequential", "Sigmoid", "Softmax", "Softplus", "SpectralNorm", "Tanh", "Unflatten",
    "Upsample", "init", "update_bn",
]
# fmt: on
