"""Taking over a saved state: all of it, or nothing."""

import numpy as np

from scratchgan.backend import copied_like, is_array


def fitted(own, saved, name):
    """Copies of the arrays of ``saved``, each with the dtype, the memory order and the place of its own counterpart.

    Parameters
    ----------
    own : dict of str to array
        What ``saved`` must look like.
    saved : mapping of str to array_like
    name : str
        Whose state it is, for the message.

    Raises
    ------
    TypeError
        When ``saved`` is no mapping.
    ValueError
        Naming every entry that is missing, unexpected, or of another shape or kind of numbers.
    """
    refuse_misfit(own, saved, name)
    return {path: copied_like(saved[path], array) for path, array in own.items()}


def refuse_misfit(own, saved, name):
    """The checks of `fitted` alone."""
    if not hasattr(saved, "keys"):
        raise TypeError(f"a state is a dictionary of arrays, not {type(saved).__name__}")
    wrong = [f"missing {path}" for path in own if path not in saved]
    wrong += [f"unexpected {path}" for path in saved.keys() if path not in own]
    wrong += [f"{path} {fault}" for path in own if path in saved and (fault := _fault(own[path], saved[path]))]
    if wrong:
        raise ValueError(f"the state does not fit this {name}: " + "; ".join(wrong))


def _fault(own, saved):
    """What keeps ``saved`` from taking the place of the array ``own``; None if nothing does."""
    if np.shape(saved) != own.shape:
        return f"has shape {np.shape(saved)} instead of {own.shape}"
    saved = saved if is_array(saved) else np.asarray(saved)
    if saved.dtype == own.dtype:
        return None
    if not np.can_cast(saved.dtype, own.dtype, "same_kind"):
        return f"is {saved.dtype} instead of {own.dtype}"
    if own.dtype.kind == "f" and (np.isfinite(saved) & (np.abs(saved) > np.finfo(own.dtype).max)).any():
        return f"has numbers too large for {own.dtype}"
    return None
