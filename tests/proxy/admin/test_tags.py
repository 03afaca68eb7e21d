from __future__ import annotations

from metaprotocol_sdk.proxy.admin.operated import ClusterStatus, ListenerStatus
from metaprotocol_sdk.proxy.admin.tags import CLUSTER_NAME, PREFIX, PROTOCOL, Tags
from metaprotocol_sdk.proxy.config.values import Address

ISTIO = "outbound|8080||shop.prod.svc.cluster.local"


def tags() -> Tags:
    clusters = [ClusterStatus(name=name, limits={}) for name in ("a", "a.b", ISTIO)]
    address = Address("127.0.0.1", 1)
    listeners = [ListenerStatus(name="l", address=address, protocol="app", stat_prefix="in.front")]
    return Tags(clusters, listeners)


def test_the_cluster_is_a_label_whatever_its_name() -> None:
    for name in ("a", "a.b", ISTIO):
        assert tags().split(f"cluster.{name}.upstream_rq_total") == (
            "cluster.upstream_rq_total",
            {CLUSTER_NAME: name},
        )
        found = tags().split(f"cluster.{name}.health_check.failure")
        assert found == ("cluster.health_check.failure", {CLUSTER_NAME: name})


def test_protocol_and_stat_prefix_of_a_listener_are_labels_and_a_filter_has_the_prefix() -> None:
    assert tags().split("meta_protocol.app.in.front.request") == (
        "meta_protocol.request",
        {PROTOCOL: "app", PREFIX: "in.front"},
    )
    assert tags().split("meta_protocol.in.front.local_rate_limit.ok") == (
        "meta_protocol.local_rate_limit.ok",
        {PREFIX: "in.front"},
    )


def test_what_is_not_known_stays_whole() -> None:
    for name in ("server.uptime", "cluster.gone.upstream_rq_total", "one"):
        assert tags().split(name) == (name, {})
