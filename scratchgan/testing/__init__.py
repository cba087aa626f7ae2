"""How to know that a derivative is right: the gradient checker, and the cases of every function that it is run on."""

from scratchgan.testing.check import check_adjoint, check_grads
