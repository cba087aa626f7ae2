"""scratchgan: every GAN of the curriculum, from scratch, in NumPy."""

from scratchgan import functional, nn, optim
from scratchgan.tensor import Parameter, Tensor, grad, no_grad

__version__ = "0.1.0"
__all__ = ["Parameter", "Tensor", "functional", "grad", "nn", "no_grad", "optim"]
