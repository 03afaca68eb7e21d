"""What several workers have counted, as if one process had.

A worker tells what has changed since it last did. What a dead worker has counted stays counted; what it had under way
(the gauges) is gone with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from metaprotocol_sdk.proxy.metrics import is_gauge

OWN = "server."
"""What the parent counts itself."""

_SAME = frozenset(
    {
        "context_update_by_file",
        "key_rotation_failed",
        "lb_subsets_active",
        "lb_subsets_created",
        "lb_subsets_removed",
        "lb_subsets_single_host_per_subset_duplicate",
        "membership_change",
        "membership_degraded",
        "membership_excluded",
        "membership_healthy",
        "membership_total",
    }
)
"""What each process counts of the same things: the parent's is the proxy's."""


class Tally:
    """The counts of some workers."""

    def __init__(self) -> None:
        self._living: dict[int, dict[str, int]] = {}
        self._dead: Counter[str] = Counter()

    def update(self, worker: int, changed: Mapping[str, int]) -> None:
        """Takes what a worker has counted in all, as far as it is not what it last said."""
        self._living.setdefault(worker, {}).update(changed)

    def bury(self, worker: int) -> None:
        """A worker is dead; the next one of that number counts from 0."""
        counts = self._living.pop(worker, {})
        self._dead.update({name: count for name, count in counts.items() if not is_gauge(name)})

    def reset(self) -> None:
        """Forgets what was counted, gauges left as they are. Workers tell what they count from then on."""
        self._dead.clear()
        for counts in self._living.values():
            counts.update({name: 0 for name in counts if not is_gauge(name)})

    def keep(self, names: Collection[str]) -> None:
        """Forgets what was counted of things that are gone: all but ``names``."""
        for counts in (self._dead, *self._living.values()):
            for name in [each for each in counts if each not in names]:
                del counts[name]

    def total(self, own: Mapping[str, int]) -> dict[str, int]:
        """The sum of all, by the names of ``own``.

        Args:
            own: What the parent has counted itself. Its names are those there are.
        """
        total = dict(own)
        for counts in (*self._living.values(), self._dead):
            for name, count in counts.items():
                if name in total and not name.startswith(OWN) and name.rpartition(".")[2] not in _SAME:
                    total[name] += count
        return total


class Changes:
    """What a worker has counted since it last said so."""

    def __init__(self) -> None:
        self._said: dict[str, int] = {}

    def since(self, counts: Mapping[str, int]) -> dict[str, int]:
        """Those of ``counts`` that are not as they were said last; they are said now."""
        changed = {name: count for name, count in counts.items() if self._said.get(name, 0) != count}
        self._said = dict(counts)
        return changed
