"""A proxy that is one process has everything to itself."""

from __future__ import annotations

import random
import time

from metaprotocol_sdk.proxy.cluster.circuit_breaker import CircuitBreaker
from metaprotocol_sdk.proxy.config.values import ClusterConfig
from metaprotocol_sdk.proxy.filters.bucket import Bucket
from metaprotocol_sdk.proxy.metrics import ClusterStats
from metaprotocol_sdk.proxy.net.loop import Crowd
from metaprotocol_sdk.proxy.net.sharing import ALONE


def test_nothing_is_shared_with_anybody() -> None:
    cluster = ALONE.cluster(ClusterConfig(name="c"), random.Random(1), time.monotonic)
    assert (type(cluster.stats), type(cluster.breaker)) == (ClusterStats, CircuitBreaker)
    assert ALONE.buckets("main", 0) is Bucket
    assert type(ALONE.crowd()) is Crowd
