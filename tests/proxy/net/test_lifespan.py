from __future__ import annotations

import pytest

from metaprotocol_sdk.proxy.config.values import ConnectionConfig
from metaprotocol_sdk.proxy.metrics import ClusterStats
from metaprotocol_sdk.proxy.net.lifespan import Lifespan


def life(idle: float | None = 10.0, duration: float | None = None, requests: int | None = None) -> Lifespan:
    config = ConnectionConfig(idle_timeout=idle, max_duration=duration, max_requests=requests)
    made = Lifespan(config, ClusterStats())
    made.begin(100.0)
    return made


@pytest.mark.parametrize(
    ("idle", "duration", "now", "delay"),
    [
        (10, None, 100, 10),
        (10, 4, 100, 4),
        (10, 4, 103, 1),
        (10, 4, 105, 0),
        (None, 4, 100, 4),
        (None, None, 100, None),
    ],
)
def test_it_is_looked_at_when_something_may_be_over(
    idle: float | None, duration: float | None, now: float, delay: float | None
) -> None:
    assert life(idle, duration).delay(now) == delay


def test_an_unused_connection_is_over_and_one_used_since_is_not() -> None:
    one = life()
    one.uses += 1
    assert not one.is_over(110, is_unused=True)
    assert not one.is_over(120, is_unused=False)
    assert one.is_over(130, is_unused=True)
    assert one._stats.upstream_cx_idle_timeout == 1


def test_a_connection_without_an_idle_timeout_is_never_idle() -> None:
    assert not life(idle=None).is_over(10**9, is_unused=True)


def test_an_old_connection_is_over_once_even_in_use() -> None:
    one = life(duration=5)
    assert not one.is_over(104, is_unused=False)
    assert one.is_over(105, is_unused=False)
    assert not one.is_over(106, is_unused=False)
    assert one._stats.upstream_cx_max_duration_reached == 1


def test_no_limit_of_requests_is_zero() -> None:
    assert (life().limit, life(requests=3).limit) == (0, 3)
    one = life(requests=3)
    one.use_up()
    assert one._stats.upstream_cx_max_requests == 1
