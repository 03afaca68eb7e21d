"""How load spreads over priorities, and when all of one's servers are used whatever their health.

The arithmetic is Envoy's ("Priority levels", "Degraded endpoints" and "Panic threshold" of its architecture overview),
in whole percents: a priority is as available as the share of its servers that are healthy (or degraded) times the
overprovisioning factor; load goes to the healthy of the first priority as far as that reaches, then to those of the
next, then to the degraded in the same order. Where all together are less than 100 % available, their shares grow to
that, and a priority with too few available servers panics: it uses all it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Level:
    """One priority, counted.

    Args:
        healthy: Its healthy servers.
        degraded: Its degraded servers.
        counted: All of its servers but those that are excluded: draining, or not checked yet.
        total: All of its servers.
        healthy_weight: What its healthy servers count for its availability; their number, unless
            ``weighted_priority_health`` is set.
        degraded_weight: The same of its degraded servers.
        counted_weight: The same of those that are counted.
    """

    healthy: int
    degraded: int
    counted: int
    total: int
    healthy_weight: int
    degraded_weight: int
    counted_weight: int


@dataclass(frozen=True, slots=True)
class Spread:
    """The load of each priority, in percent; all together 100.

    Args:
        healthy: What goes to the healthy servers of each; to all of them where it panics.
        degraded: What goes to the degraded servers of each.
        panics: Whether each panics.
    """

    healthy: tuple[int, ...]
    degraded: tuple[int, ...]
    panics: tuple[bool, ...]


def spread(levels: Sequence[Level], *, factor: int, threshold: int) -> Spread:
    """What goes to each priority.

    Args:
        levels: The priorities, the highest first; at least one. One between others may be empty.
        factor: The overprovisioning factor, in percent.
        threshold: ``healthy_panic_threshold``, in percent.
    """
    healthy = [_share(factor * each.healthy_weight, each.counted_weight) for each in levels]
    degraded = [_share(factor * each.degraded_weight, each.counted_weight) for each in levels]
    available = min(100, sum(healthy) + sum(degraded))
    panics = tuple(available < 100 and _is_low(each, threshold) for each in levels)
    if all(panics):
        return Spread(_by_size(levels), (0,) * len(levels), panics)
    if not available:  # nobody is there for the load, and panic is off
        return Spread((100, *(0,) * (len(levels) - 1)), (0,) * len(levels), panics)
    loads, left = _distribute([*healthy, *degraded], available)
    loads[next(index for index, each in enumerate([*healthy, *degraded]) if each)] += left
    return Spread(tuple(loads[: len(levels)]), tuple(loads[len(levels) :]), panics)


def _share(part: int, whole: int) -> int:
    return min(100, part // whole) if whole else 0


def _is_low(level: Level, threshold: int) -> bool:
    share = 100 * (level.healthy + level.degraded) / level.counted if level.counted else 0.0
    return share < threshold


def _distribute(shares: Sequence[int], available: int) -> tuple[list[int], int]:
    """The load of each in turn, and what rounding has left."""
    left = 100
    loads = []
    for each in shares:
        load = min(left, each * 100 // available)
        loads.append(load)
        left -= load
    return loads, left


def _by_size(levels: Sequence[Level]) -> tuple[int, ...]:
    """The load where every priority panics: by the number of its servers."""
    total = sum(each.total for each in levels)
    loads = [100 * each.total // total if total else 0 for each in levels]
    first = next((index for index, each in enumerate(levels) if each.total), 0)
    loads[first] += 100 - sum(loads)
    return tuple(loads)
