from __future__ import annotations

import json

import pytest
from prometheus_client.parser import text_string_to_metric_families

from metaprotocol_sdk.proxy.admin.operated import HistogramValue, State
from metaprotocol_sdk.proxy.admin.stats import FORMATS
from tests.proxy.admin.fakes import FakeOperated, ask

ABOVE = (75, 90, 95, 99, 99.5, 99.9, 100)
"""Percentiles above the highest bound."""
TIME = "meta_protocol.app.front.request_time_ms"


def test_text_is_sorted_with_what_envoy_says_of_the_server_and_histograms_last() -> None:
    assert ask("/stats").body.splitlines() == [
        "cluster.a.b.c.upstream_rq_active: 2",
        "cluster.a.b.c.upstream_rq_total: 7",
        "meta_protocol.app.front.request: 0",
        "meta_protocol.front.local_rate_limit.ok: 5",
        "server.live: 1",
        "server.state: 0",
        "server.uptime: 3725",
        f"{TIME}: P0(nan,0) P25(nan,1) P50(nan,5.5) {' '.join(f'P{each}(nan,10)' for each in ABOVE)}",
    ]


def test_a_filter_is_found_anywhere_in_a_name_and_usedonly_leaves_out_zeros() -> None:
    assert ask("/stats?filter=upstream.*total$").body == "cluster.a.b.c.upstream_rq_total: 7\n"
    assert "request: 0" not in ask("/stats?usedonly").body
    assert TIME in ask("/stats?usedonly").body


def test_a_histogram_without_values_says_so() -> None:
    proxy = FakeOperated()
    proxy.values = {TIME: HistogramValue(bounds=(1, 10), counts=(0, 0, 0), total=0.0)}
    assert ask("/stats?filter=time_ms", proxy).body == f"{TIME}: No recorded values\n"
    assert ask("/stats?filter=time_ms&usedonly", proxy).body == ""
    (found,) = json.loads(ask("/stats?filter=time_ms&format=json", proxy).body)["stats"]
    assert {each["cumulative"] for each in found["histograms"]["computed_quantiles"][0]["values"]} == {None}


@pytest.mark.parametrize("form", FORMATS)
def test_a_filter_that_is_no_regular_expression_is_refused(form: str, capfd: pytest.CaptureFixture[str]) -> None:
    response = ask(f"/stats?filter=%28&format={form}")
    assert (response.status, response.body) == (400, "Invalid re2 regex\n")
    assert capfd.readouterr().err == ""


def test_a_format_that_is_none_is_told_of() -> None:
    response = ask("/stats?format=xml")
    assert (response.status, response.body) == (400, "usage: /stats?format=(text|json|prometheus)\n")


def test_json_is_envoys() -> None:
    found = json.loads(ask("/stats?format=json").body)["stats"]
    assert {"name": "cluster.a.b.c.upstream_rq_total", "value": 7} in found
    histograms = found[-1]["histograms"]
    (computed,) = histograms["computed_quantiles"]
    assert computed["name"] == TIME
    values = dict(zip(histograms["supported_quantiles"], computed["values"], strict=True))
    assert values[50.0] == {"interval": None, "cumulative": 5.5}


@pytest.mark.parametrize("target", ["/stats?format=prometheus", "/stats/prometheus?format=json"])
def test_prometheus_has_every_number_with_its_type(target: str) -> None:
    response = ask(target)
    assert response.content_type == "text/plain; version=0.0.4; charset=utf-8"
    families = {each.name: each for each in text_string_to_metric_families(response.body)}
    assert {name: each.type for name, each in families.items()} == {
        "envoy_cluster_upstream_rq_active": "gauge",
        "envoy_cluster_upstream_rq": "counter",  # the parser leaves out _total
        "envoy_meta_protocol_local_rate_limit_ok": "counter",
        "envoy_meta_protocol_request": "counter",
        "envoy_meta_protocol_request_time_ms": "histogram",
        "envoy_server_live": "gauge",
        "envoy_server_state": "gauge",
        "envoy_server_uptime": "gauge",
    }


def test_a_proxy_that_drains_is_not_live() -> None:
    proxy = FakeOperated()
    proxy.state = State.DRAINING
    assert ask("/stats?filter=^server.(live|state)", proxy).body == "server.live: 0\nserver.state: 1\n"
