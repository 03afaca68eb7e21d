"""What happens in a run: drawn from a seed, one event a second, or read from the file an earlier run printed."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

SERVERS = 3


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happens.

    Args:
        at: Seconds from the beginning.
        what: A key of :data:`KINDS`.
        how: What is drawn of it.
    """

    at: float
    what: str
    how: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return json.dumps(asdict(self))


def drawn(seed: int, seconds: float) -> list[Event]:
    """The events of a seed, always the same."""
    rng = random.Random(seed)
    names = sorted(KINDS)
    found = []
    at = 1.0
    while at < seconds:
        what = rng.choice(names)
        found.append(Event(round(at, 3), what, KINDS[what](rng)))
        at += rng.uniform(0.6, 1.4)
    return found


def read(text: str) -> list[Event]:
    """The events of a text, one a line, as they are printed."""
    return [Event(**json.loads(line)) for line in text.splitlines() if line.strip()]


def change(rng: random.Random) -> dict[str, Any]:
    """A configuration. Two servers at least are used, so that one that is killed leaves one."""
    used = rng.sample(range(SERVERS), rng.randint(2, SERVERS))
    return {
        "cluster": rng.choice(["main", "main", "renamed"]),
        "lb_policy": rng.choice(["ROUND_ROBIN", "LEAST_REQUEST", "RANDOM"]),
        "timeout": rng.choice(["20s", "30s", "0s"]),
        "used": used,
        "weights": [rng.choice([1, 1, 5]) for _ in used],
        "is_mirrored": rng.random() < 0.3,
        "most_requests": rng.choice([4, 256]),
        "has_extra": rng.random() < 0.3,
    }


def _server(rng: random.Random) -> dict[str, Any]:
    return {"server": rng.randrange(SERVERS), "seconds": round(rng.uniform(0.1, 1.5), 3)}


def _crowd(most: int) -> Callable[[random.Random], dict[str, Any]]:
    return lambda rng: {"count": rng.randint(1, most), "seconds": round(rng.uniform(0.5, 3), 3)}


KINDS: dict[str, Callable[[random.Random], dict[str, Any]]] = {
    "kill": _server,
    "freeze": _server,
    "reload": change,
    "swap": change,
    "burst": _crowd(200),
    "die": _crowd(50),
    "read slowly": _crowd(5),
    "say half": _crowd(20),
    "say nonsense": _crowd(20),
}
"""What can happen, and how what there is to draw of it is drawn. ``reload`` and ``swap`` write a configuration; the
first tells the proxy by a signal, the second leaves it to the proxy to see."""
