"""A filter without a proxy around it: its context, and streams it looks at."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.proxy.config.values import NodeConfig, TrafficDirection
from metaprotocol_sdk.proxy.filters.filter import FilterContext
from metaprotocol_sdk.proxy.metrics import Counters
from metaprotocol_sdk.proxy.timers import TimerWheel
from tests.proxy.codecs import IdCodec
from tests.proxy.fakes import FakeClock

UPSTREAM = Path(__file__).parents[4] / "shared" / "upstream" / "metaprotocol-proxy"
"""The sample files of MetaProtocol Proxy."""

needs_samples = pytest.mark.skipif(not UPSTREAM.is_dir(), reason="MetaProtocol Proxy's sample files are not here")


class Around:
    """What is around the filters of one listener: a clock that a test moves, and the counters they register."""

    def __init__(
        self,
        codec: Codec | None = None,
        *,
        node: NodeConfig | None = None,
        direction: TrafficDirection = TrafficDirection.UNSPECIFIED,
    ) -> None:
        self.clock = FakeClock()
        self.wheel = TimerWheel(self.clock)
        self.rng = random.Random(1)
        self.counters: list[tuple[str, Counters]] = []
        self.context = FilterContext(
            listener="main",
            codec=codec or IdCodec(),
            node=node or NodeConfig(),
            traffic_direction=direction,
            now=self.clock,
            register=lambda *registered: self.counters.append(registered),
            rng=self.rng,
            wheel=self.wheel,
        )

    def counts(self) -> dict[str, int]:
        found: dict[str, Any] = {}
        for prefix, counters in self.counters:
            found |= counters.snapshot(prefix)
        return found
