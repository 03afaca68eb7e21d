"""A whole proxy whose servers' health and priorities change under its clients."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest

from metaprotocol_sdk.proxy.config.values import EndpointConfig, HealthStatus, ProxyConfig
from tests.integration.serving import Serving, filtering, serving
from tests.proxy.codecs import IdCodec, message
from tests.proxy.harness import LOOPS, Backend, run

ALL = filtering("")


def having(config: ProxyConfig, endpoints: Sequence[EndpointConfig]) -> ProxyConfig:
    """The configuration with other servers in its one cluster."""
    (cluster,) = config.clusters
    return replace(config, clusters=(replace(cluster, endpoints=tuple(endpoints)),))


async def shares(running: Serving, backends: Sequence[Backend], count: int = 60) -> list[int]:
    """How many requests of one client each server gets."""
    before = Counter({index: len(each.requests) for index, each in enumerate(backends)})
    client = await running.client()
    for number in range(count):
        await client.send(message(number))
        await client.reply()
    return [len(each.requests) - before[index] for index, each in enumerate(backends)]


@pytest.mark.parametrize("loop", LOOPS)
def test_a_reload_that_changes_health_moves_the_next_request(loop: str) -> None:
    async def main() -> None:
        backends = [Backend(IdCodec()) for _ in range(3)]
        async with serving(ALL, *backends) as running:
            assert await shares(running, backends) == [20, 20, 20]
            assert running.count("membership_healthy") == 3
            config = running.server.config
            one, two, three = config.clusters[0].endpoints
            drained = [replace(one, health_status=HealthStatus.DRAINING), two, three]
            await running.server.reload(having(config, drained))
            assert await shares(running, backends) == [0, 30, 30]
            assert (running.count("membership_healthy"), running.count("membership_excluded")) == (2, 1)
            behind = [replace(one, priority=1), two, replace(three, health_status=HealthStatus.UNHEALTHY)]
            await running.server.reload(having(config, behind))
            found = await shares(running, backends, 100)
            assert found[2] == 0
            assert 50 <= found[1] <= 90
            await running.server.reload(config)
            assert await shares(running, backends) == [20, 20, 20]
            assert running.count("lb_healthy_panic") == 0

    run(main(), loop)
