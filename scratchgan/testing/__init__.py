"""How to know that a derivative is right: the gradient checker, and the cases of every function that it is run on.

``python -m scratchgan.testing`` runs it on all of them, and draws the table of their errors.
"""

from scratchgan.testing.adjoint import check_adjoint
from scratchgan.testing.check import check_grads, worst_errors

__all__ = ["check_adjoint", "check_grads", "worst_errors"]
