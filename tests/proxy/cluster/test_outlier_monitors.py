from __future__ import annotations

from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.cluster.outlier_monitor import Cause, Interval, SplitMonitor, Volume
from metaprotocol_sdk.proxy.cluster.outlier_monitors import OutlierMonitors
from metaprotocol_sdk.proxy.config.values import Address, ClusterConfig, EndpointConfig, OutlierDetectionConfig

NOTHING = Interval(Volume(0, 0), Volume(0, 0))


def server(port: int) -> EndpointConfig:
    return EndpointConfig(Address("127.0.0.1", port))


def test_every_server_has_a_monitor_for_as_long_as_it_is_the_clusters() -> None:
    told: list[tuple[Endpoint, Cause]] = []
    cluster = Cluster(ClusterConfig(name="c", endpoints=(server(1), server(2))))
    assert [each.monitor for each in cluster.endpoints] == [None, None]
    monitors = OutlierMonitors(cluster, OutlierDetectionConfig(consecutive_5xx=2), lambda *each: told.append(each))
    one, two = cluster.endpoints
    assert one.monitor is not None
    assert two.monitor is not None
    for _ in range(2):
        two.monitor.replied(False)
    one.monitor.replied(True)
    assert told == [(two, Cause.CONSECUTIVE_5XX)]

    cluster.set_endpoints([server(2), server(3)])
    monitors.follow_servers()
    assert getattr(one, "monitor") is None  # noqa: B009  mypy holds it to what it was
    three = cluster.endpoints[1]
    assert monitors.take_interval() == {two: Interval(Volume(2, 0), Volume(0, 0)), three: NOTHING}

    monitors.update(OutlierDetectionConfig(split_external_local_origin_errors=True))
    assert {type(each.monitor) for each in cluster.endpoints} == {SplitMonitor}
    assert monitors.take_interval() == {two: NOTHING, three: NOTHING}

    monitors.close()
    assert [each.monitor for each in cluster.endpoints] == [None, None]
    assert monitors.take_interval() == {}
    monitors.reset(two)  # what has no monitor has nothing to forget


def test_a_server_that_is_let_in_again_begins_anew() -> None:
    told: list[tuple[Endpoint, Cause]] = []
    cluster = Cluster(ClusterConfig(name="c", endpoints=(server(1),)))
    monitors = OutlierMonitors(cluster, OutlierDetectionConfig(consecutive_5xx=2), lambda *each: told.append(each))
    [one] = cluster.endpoints
    assert one.monitor is not None
    for _ in range(5):
        one.monitor.failed()
        monitors.reset(one)
    assert told == []
