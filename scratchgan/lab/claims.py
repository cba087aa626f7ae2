"""Claims: what an experiment must show, each with the number that decides it and with what nothing would have got.

A number alone tells little. Beside it stand its anchors: the same number of an untrained network, of noise, of chance.

    print(Claim("slope of the critic", 1.03, low=0.8, high=1.2, anchors={"untrained": 0.02}))
    pass  slope of the critic: 1.03, asked ≥ 0.8 and ≤ 1.2 (untrained: 0.02)
"""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Claim:
    """That a measured number lies between two bounds, or out of them.

    Parameters
    ----------
    text : str
        What is measured.
    value : float
    low, high : float
        The bounds, which belong to the interval.
    outside : bool
        Whether the number must lie out of the bounds, as that of a mistake.
    anchors : dict of str to float
        The same number where nothing was learnt: of an untrained network, of noise, of chance.
    """

    text: str
    value: float
    low: float = -np.inf
    high: float = np.inf
    outside: bool = False
    anchors: dict[str, float] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether it does. NaN lies between no bounds."""
        return bool(self.low <= self.value <= self.high) is not self.outside

    @property
    def asked(self) -> str:
        """The bounds as text, such as "≥ 0.8 and ≤ 1.2", or "< 0.8 or > 1.2"."""
        low, high = ("<", ">") if self.outside else ("≥", "≤")
        bounds = [f"{low} {self.low:g}"] * (self.low > -np.inf) + [f"{high} {self.high:g}"] * (self.high < np.inf)
        return (" or " if self.outside else " and ").join(bounds)

    def line(self, judged: bool = True) -> str:
        """A line of text; without the verdict where there is nothing to judge."""
        verdict = ("pass" if self.holds else "FAIL") if judged else "    "
        beside = ", ".join(f"{name}: {number(value)}" for name, value in self.anchors.items())
        return f"{verdict}  {self.text}: {number(self.value)}, asked {self.asked}{beside and f' ({beside})'}"

    def __str__(self):
        return self.line()

    def as_json(self) -> dict:
        """{"claim", "value", "asked", "holds", "anchors"}; JSON has no NaN and no infinity, so they are None."""
        anchors = {name: finite(value) for name, value in self.anchors.items()}
        found = {"claim": self.text, "value": finite(self.value), "asked": self.asked}
        return found | {"holds": self.holds, "anchors": anchors}


def number(value: float) -> str:
    """Three digits that count, and no exponent for a count of thousands."""
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"


def finite(value: float) -> float | None:
    """A float, or None."""
    return float(value) if np.isfinite(value) else None
