"""The arithmetic of a comparison: medians, spreads, and ratios taken inside their round."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """The median of several rounds, with the smallest and the largest."""

    middle: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Figure:
        """The figure of at least one value."""
        found = sorted(values)
        return cls(statistics.median(found), found[0], found[-1])

    def show(self, digits: int = 1) -> str:
        """``12.3 (11.9-12.8)``; the middle alone when there was one round."""
        middle = f"{self.middle:,.{digits}f}"
        if self.low == self.high:
            return middle
        return f"{middle} ({self.low:,.{digits}f}-{self.high:,.{digits}f})"


def ratio(ones: Sequence[float], others: Sequence[float]) -> Figure:
    """How many times the other the one is: each round's two values are compared with each other, so that what disturbs
    a round disturbs both.

    Raises:
        ValueError: They are not of the same rounds.
    """
    return Figure.of(one / other for one, other in zip(ones, others, strict=True))


def common_rate(rates: Iterable[Sequence[float]], share: float) -> float:
    """``share`` of what the slowest of several proxies reached, each by its median."""
    return share * min(statistics.median(each) for each in rates)
