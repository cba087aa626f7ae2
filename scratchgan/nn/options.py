"""Options of layers, optimisers and games: each says once what it may be, and is checked whenever it is assigned.

    class Dropout(Module):
        p = Number("[0, 1]")

A number of NumPy's becomes Python's own: kept as it is, a float64 would turn float32 weights into float64.
"""

import numpy as np

from scratchgan.backend import is_array
from scratchgan.tensor import Tensor


class Number:
    """An option that is a real number.

    Parameters
    ----------
    interval : str
        Where it lies, as in mathematics: "[0, 1)" contains 0 and not 1.
    optional : bool
        Whether None will do, too.

    Raises
    ------
    TypeError, ValueError
        When something else is assigned, with the name of the option, the value and the interval.
    """

    kind, python = "a number", float

    def __init__(self, interval="(-∞, ∞)", optional=False):
        self.interval, self.optional = interval, optional

    def __set_name__(self, owner, name):
        self.name = name

    def __set__(self, owner, value):
        vars(owner)[self.name] = self.checked(value)

    def checked(self, value):
        """The value as it is kept."""
        try:
            return None if value is None and self.optional else self.read(plain(value))
        except (TypeError, ValueError) as error:
            end = " or None" if self.optional else ""
            raise type(error)(f"{self.name}={value!r} must be {self}{end}") from None

    def read(self, number):
        """The number as Python's own, if it is one and lies in the interval."""
        if isinstance(number, bool) or not isinstance(number, (int, self.python)):
            raise TypeError
        low, high = map(float, self.interval[1:-1].replace("∞", "inf").split(","))
        above = low <= number if self.interval[0] == "[" else low < number
        below = number <= high if self.interval[-1] == "]" else number < high
        if not (above and below):
            raise ValueError
        return self.python(number)

    def __str__(self):
        return f"{self.kind} in {self.interval}"


class Whole(Number):
    """An option that is a whole number, such as a number of channels: 3, but not 3.0."""

    kind, python = "a whole number", int

    def __init__(self, interval="[1, ∞)", optional=False):
        super().__init__(interval, optional)


class Varying(Whole):
    """An option that is a whole number, or a function of the iteration, from 0, that gives one in each."""

    def checked(self, value):
        """The number, or a function whose numbers are checked: the first one now, the others when they come."""
        check = super().checked
        if not callable(value):
            return check(value)
        check(value(0))
        return lambda iteration: check(value(iteration))


class Several(Number):
    """An option that is a tuple of numbers.

    Parameters
    ----------
    each : Number
    count : int, optional
        How many; without it, at least one.
    alone : int, optional
        A number alone stands for this many; 0: for itself. Without it, a number alone is refused.
    words : tuple of str
        What may be given instead of numbers.
    """

    def __init__(self, each, count=None, alone=None, words=(), optional=False):
        super().__init__(each.interval, optional)
        self.each, self.count, self.alone, self.words = each, count, alone, words

    def read(self, values):
        """The numbers as a tuple of Python's own."""
        if values in self.words:
            return values
        if isinstance(values, (int, float)) and self.alone is not None:
            number = self.each.read(values)
            return (number,) * self.alone or number
        if not isinstance(values, (tuple, list)):
            raise TypeError
        if not values or len(values) != (self.count or len(values)):
            raise ValueError
        return tuple([self.each.read(plain(value)) for value in values])

    def __str__(self):
        words = "".join(f", or {word!r}" for word in self.words)
        if self.alone is None:
            return f"a tuple of {self.count or 'numbers'}, each {self.each}{words}"
        return f"{self.each}, or a tuple of {self.count or 'several'} such{words}"


def pair(interval="[1, ∞)", **options):
    """An option that is a whole number for each axis of an image: one for both, or two."""
    return Several(Whole(interval), 2, alone=2, **options)


def truth(**options):
    """Raise unless each option is True or False: a generator given for ``bias`` would count as True."""
    for name, value in options.items():
        if not isinstance(value, (bool, np.bool_)):
            raise TypeError(f"{name}={value!r} must be True or False")


def plain(value):
    """NumPy's numbers and vectors, and Tensors of these, as Python's own; anything else as it is.

    A Tensor that requires a gradient stays as it is: it would get none.
    """
    if isinstance(value, Tensor) and not value.requires_grad:
        value = value.data
    return value.tolist() if (isinstance(value, np.generic) or is_array(value)) and value.ndim < 2 else value


def options_of(owner):
    """The options that the class of ``owner`` declares, as they stand: {name: value}."""
    classes = reversed(type(owner).__mro__)
    return {name: getattr(owner, name) for c in classes for name, each in vars(c).items() if isinstance(each, Number)}
