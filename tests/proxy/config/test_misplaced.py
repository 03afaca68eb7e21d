"""Fields that stand where Envoy, Istio or an editor's indentation puts them, and not where the file has them."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from metaprotocol_sdk.proxy.config.bootstrap import Bootstrap
from metaprotocol_sdk.proxy.config.circuit_breakers import CircuitBreakers
from metaprotocol_sdk.proxy.config.route import Route, RouteAction
from tests.proxy.config.reading import bad


@pytest.mark.parametrize(
    ("model", "text", "finding"),
    [
        (Bootstrap, "clusters: []", "clusters: belongs in static_resources: {…}"),
        (Bootstrap, "listeners: []", "listeners: belongs in static_resources: {…}"),
        (Route, "{route: {cluster: c}, timeout: 5s}", "timeout: belongs in route: {…}"),
        (Route, "{route: {cluster: c}, retryPolicy: {}}", "retry_policy: belongs in route: {…}"),
        (Route, "{route: {cluster: c}, hash_policy: [a]}", "hash_policy: belongs in route: {…}"),
        (RouteAction, "{cluster: c, request_mutation: []}", "request_mutation: belongs beside route, not in it"),
        (CircuitBreakers, "max_requests: 1", "max_requests: belongs in thresholds: [{…}]"),
    ],
)
def test_a_field_in_another_place_is_told_where_it_belongs(model: type[BaseModel], text: str, finding: str) -> None:
    assert finding in [each.split(" error ")[-1] for each in bad(model, text)]


@pytest.mark.parametrize("key", ["cluster", "weighted_clusters", "request_mirror_policies", "idle_timeout"])
def test_a_route_without_its_action_is_told_where_each_of_its_fields_belongs(key: str) -> None:
    assert [each.split(": ", 1)[1] for each in bad(Route, f"{{{key}: x}}") if f" {key}: " in each] == [
        "belongs in route: {…}"
    ]
