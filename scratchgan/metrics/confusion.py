"""Who is taken for whom: a table of classes, and precision and recall of each."""

import numpy as np

from scratchgan.data.checks import as_labels


def confusion(asked, found, classes):
    """How often an image of class i is taken for class j: int64 (classes, classes).

    Parameters
    ----------
    asked, found : array_like of int, (N,)
        What each image should be, and what it is taken for: from 0 to classes − 1.
    """
    asked = as_labels(asked, len(asked), classes, "asked classes")
    found = as_labels(found, len(asked), classes, "found classes")
    return np.bincount(classes * asked + found, minlength=classes * classes).reshape(classes, classes)


def precision_recall(table):
    """Of each class j: the share of j among what is taken for j, and the share of j that is taken for j.

    Parameters
    ----------
    table : ndarray of int, (K, K)
        Of `confusion`.

    Returns
    -------
    precision, recall : ndarray of float, (K,)
        The precision of a class for which nothing is taken is 0: it was asked for in vain. Both are NaN for a class
        that is not asked for.
    """
    right, asked, found = np.diag(table), table.sum(1), table.sum(0)
    precision = np.where(asked > 0, right / np.maximum(found, 1), np.nan)
    return precision, np.where(asked > 0, right / np.maximum(asked, 1), np.nan)
