from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from metaprotocol_sdk.proxy.admin.operated import ClusterStatus, HistogramValue, ListenerStatus
from metaprotocol_sdk.proxy.admin.prometheus import render
from metaprotocol_sdk.proxy.admin.tags import Tags
from metaprotocol_sdk.proxy.config.values import Address


def tags(*clusters: str) -> Tags:
    listener = ListenerStatus(name="l", address=Address("127.0.0.1", 1), protocol="app", stat_prefix="front")
    return Tags([ClusterStatus(name=each, limits={}) for each in clusters], [listener])


def test_it_is_what_prometheus_reads() -> None:
    numbers = {
        "cluster.a.upstream_rq_active": 3,
        "cluster.a.upstream_rq_total": 1,
        "cluster.b.upstream_rq_total": 2,
        "server.live": 1,
    }
    assert render(numbers, {}, tags("a", "b")).splitlines() == [
        "# TYPE envoy_cluster_upstream_rq_active gauge",
        'envoy_cluster_upstream_rq_active{envoy_cluster_name="a"} 3',
        "# TYPE envoy_cluster_upstream_rq_total counter",
        'envoy_cluster_upstream_rq_total{envoy_cluster_name="a"} 1',
        'envoy_cluster_upstream_rq_total{envoy_cluster_name="b"} 2',
        "# TYPE envoy_server_live gauge",
        "envoy_server_live 1",
    ]


def test_a_histogram_is_one() -> None:
    value = HistogramValue(bounds=(0.5, 1, 300000), counts=(1, 0, 2, 4), total=1234567.25)
    text = render({}, {"meta_protocol.app.front.request_time_ms": value}, tags())
    (family,) = text_string_to_metric_families(text)
    assert (family.name, family.type) == ("envoy_meta_protocol_request_time_ms", "histogram")
    buckets = {each.labels.get("le", each.name.rpartition("_")[2]): each.value for each in family.samples}
    assert buckets == {"0.5": 1, "1": 1, "300000": 3, "+Inf": 7, "sum": 1234567.25, "count": 7}
    labels = {"envoy_meta_protocol_application_protocol": "app", "envoy_meta_protocol_prefix": "front"}
    assert all(each.labels.items() >= labels.items() for each in family.samples)


def test_names_that_become_the_same_are_added_up() -> None:
    text = render({"x.a-b": 1, "x.a_b": 2}, {}, tags())
    assert text == "# TYPE envoy_x_a_b counter\nenvoy_x_a_b 3\n"


@given(st.dictionaries(st.text(min_size=1), st.integers(0, 1 << 62), max_size=5))
def test_any_name_of_a_cluster_comes_back_whole(clusters: dict[str, int]) -> None:
    numbers = {f"cluster.{name}.upstream_rq_total": count for name, count in clusters.items()}
    text = render(numbers, {}, tags(*clusters))
    found = {
        sample.labels["envoy_cluster_name"]: float(sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found == {name: float(count) for name, count in clusters.items()}
