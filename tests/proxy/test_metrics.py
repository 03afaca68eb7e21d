from __future__ import annotations

import re

import pytest

from metaprotocol_sdk.proxy.metrics import REQUEST_TIME_BOUNDS, ClusterStats, Histogram, ListenerStats, is_gauge

UPSTREAM_NAMES = """
cx_destroy_local_with_active_rq cx_destroy_remote_with_active_rq local_response_business_exception
local_response_error local_response_success request request_decoding_error request_decoding_success
request_event request_oneway request_twoway request_stream response response_business_exception
response_decoding_error response_decoding_success response_error
response_error_caused_connection_close response_success idle_timeout request_active
"""


def test_a_listener_counts_everything_metaprotocol_proxy_does() -> None:
    assert set(re.findall(r"\w+", UPSTREAM_NAMES)) <= set(ListenerStats().snapshot())


@pytest.mark.parametrize("kind", [ListenerStats, ClusterStats])
def test_a_snapshot_is_a_copy_of_every_count_with_its_prefix(kind: type[ListenerStats | ClusterStats]) -> None:
    stats = kind()
    before = stats.snapshot("a.b.")
    assert set(before.values()) == {0}
    name = next(iter(stats.snapshot()))
    setattr(stats, name, 3)
    assert stats.snapshot("a.b.")["a.b." + name] == 3
    assert before["a.b." + name] == 0


def test_a_misspelt_count_is_an_error() -> None:
    with pytest.raises(AttributeError):
        ListenerStats().requests = 1  # type: ignore[attr-defined]


def test_a_value_on_a_bound_counts_below_it() -> None:
    histogram = Histogram((1, 10))
    for value in (0.5, 1, 1.01, 10, 11):
        histogram.observe(value)
    assert histogram.counts == [2, 2, 1]
    assert histogram.total == pytest.approx(23.51)


def test_the_bounds_rise() -> None:
    assert list(REQUEST_TIME_BOUNDS) == sorted(set(REQUEST_TIME_BOUNDS))


GAUGES = """
request_active downstream_cx_active upstream_cx_active upstream_rq_active upstream_rq_pending_active
lb_subsets_active membership_degraded membership_excluded membership_healthy membership_total
"""


def test_a_gauge_is_told_from_a_counter_by_its_name() -> None:
    known = {*ListenerStats().snapshot(), *ClusterStats().snapshot()}
    assert {each for each in known if is_gauge(each)} == set(GAUGES.split())
    for each in (
        "meta_protocol.x.fault.active_faults",
        "server.uptime",
        "cluster.a.health_check.healthy",
        "my.open_active",
    ):
        assert is_gauge(each), each
    for each in (
        "meta_protocol.x.fault.aborts_injected",
        "cluster.uptime.upstream_rq_total",
        "healthy",
        "cluster.a.active",
    ):
        assert not is_gauge(each), each


def test_a_reset_starts_counters_at_0_and_leaves_gauges() -> None:
    stats = ListenerStats(request=3, request_active=2)
    stats.reset()
    assert (stats.request, stats.request_active) == (0, 2)


def test_two_histograms_add_up() -> None:
    one, two = Histogram((1, 10)), Histogram((1, 10))
    one.observe(0.5)
    two.observe(5)
    both = one + two
    assert (both.counts, both.total, one.counts) == ([1, 1, 0], 5.5, [1, 0, 0])
