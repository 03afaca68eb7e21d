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


def drawn(seed: int, seconds: float, *, has_workers: bool) -> list[Event]:
    """The events of a seed, always the same."""
    rng = random.Random(seed)
    names = sorted(KINDS if has_workers else KINDS.keys() - {"kill worker"})
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


CHECKED = {
    "health_checks": [
        {
            "timeout": "1s",
            "interval": "0.2s",
            "no_traffic_interval": "0.2s",
            "unhealthy_threshold": 1,
            "healthy_threshold": 1,
            "tcp_health_check": {},
        }
    ]
}
EJECTING = {
    "outlier_detection": {
        "consecutive_5xx": 2,
        "interval": "0.2s",
        "base_ejection_time": "0.5s",
        "max_ejection_time": "0.5s",
        "max_ejection_percent": 50,
    }
}
CALM = 2.0
"""Seconds after which a server that is back is known to be, however it is watched."""
ENDS = ("tls_minimum_protocol_version", "tls_maximum_protocol_version")


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
        "watching": rng.choice([{}, {}, CHECKED, EJECTING, CHECKED | EJECTING]),
        "tls_params": rng.choice([{}, {}, *({end: v} for end in ENDS for v in ("TLSv1_2", "TLSv1_3"))]),
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
    "rotate": lambda rng: {"is_slow": rng.random() < 0.3},
    "kill worker": lambda rng: {"worker": rng.randrange(8)},
    "burst": _crowd(200),
    "die": _crowd(50),
    "read slowly": _crowd(5),
    "say half": _crowd(20),
    "say nonsense": _crowd(20),
}
"""What can happen, and how what there is to draw of it is drawn. ``reload`` and ``swap`` write a configuration; the
first tells the proxy by a signal, the second leaves it to the proxy to see. ``rotate`` replaces a certificate, its key
at once or a while later."""
