from __future__ import annotations

import pytest

from metaprotocol_sdk.proxy.config.circuit_breakers import CircuitBreakers
from metaprotocol_sdk.proxy.config.values import CircuitBreakersConfig, RoutingPriority
from tests.proxy.config.reading import bad, good


def test_thresholds_become_their_value() -> None:
    text = """\
thresholds:
- priority: DEFAULT
  maxConnections: 1
  max_pending_requests: 2
  max_requests: "3"
  retry_budget: {budget_percent: {value: 12.5}, min_retry_concurrency: 0}
"""
    assert good(CircuitBreakers, text).value() == CircuitBreakersConfig(
        max_connections=1,
        max_pending_requests=2,
        max_requests=3,
        retry_budget_percent=12.5,
        min_retry_concurrency=0,
    )
    assert good(CircuitBreakers, "thresholds: {max_retries: 7}").value() == CircuitBreakersConfig(max_retries=7)


def test_what_is_not_said_is_envoys_default() -> None:
    for text in ("{}", "thresholds: []", "thresholds: {}"):
        assert good(CircuitBreakers, text).value() == CircuitBreakersConfig()
    assert good(CircuitBreakers, "thresholds: {retry_budget: {}}").value() == CircuitBreakersConfig(
        retry_budget_percent=20.0
    )


def test_each_priority_has_its_own_thresholds() -> None:
    text = """\
thresholds:
- {priority: HIGH, max_connections: 1, track_remaining: true}
- {max_connections: 2}
per_host_thresholds:
- {max_connections: 3}
- {priority: HIGH, max_connections: 4}
"""
    breakers = good(CircuitBreakers, text)
    assert breakers.value() == CircuitBreakersConfig(max_connections=2, max_connections_per_host=3)
    assert breakers.value(RoutingPriority.HIGH) == CircuitBreakersConfig(
        max_connections=1, max_connections_per_host=4, track_remaining=True
    )
    alone = good(CircuitBreakers, "{thresholds: {priority: HIGH, max_connections: 1}, per_host_thresholds: {}}")
    assert alone.value() == CircuitBreakersConfig()


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        (
            "thresholds:\n- {max_requests: 1}\n- {priority: DEFAULT}\n",
            "3:3 warning thresholds[1]: never used: the first thresholds of DEFAULT, at line 2, count",
        ),
        (
            "thresholds: {priority: LOW}",
            "1:24 error thresholds.priority: expected one of DEFAULT, HIGH, found 'LOW'",
        ),
        (
            "thresholds: {max_requests: -1}",
            "1:28 error thresholds.max_requests: expected a whole number from 0 to 4294967295, found -1",
        ),
        (
            "thresholds: {retry_budget: {budget_percent: {value: 101}}}",
            "1:53 error thresholds.retry_budget.budget_percent.value: expected a number from 0 to 100, found 101",
        ),
        (
            "thresholds: {retry_budget: {budget_percent: {value: .nan}}}",
            "1:53 error thresholds.retry_budget.budget_percent.value: expected a number from 0 to 100, found nan",
        ),
        (
            "thresholds: {max_retries: 5, retry_budget: {}}",
            "1:14 note thresholds.max_retries: without effect: retry_budget counts instead",
        ),
        (
            "per_host_thresholds:\n- {priority: HIGH}\n- {priority: HIGH}\n",
            "3:3 warning per_host_thresholds[1]: never used: the first per_host_thresholds of HIGH, at line 2, count",
        ),
        (
            "per_host_thresholds: {max_requests: 1}",
            "1:23 error per_host_thresholds.max_requests: only max_connections is limited for each server, as in Envoy",
        ),
        (
            "thresholds: {max_connection_pools: 1}",
            "1:14 error thresholds.max_connection_pools: not supported yet by this proxy",
        ),
    ],
)
def test_wrong_thresholds_say_where_and_why(text: str, finding: str) -> None:
    assert bad(CircuitBreakers, text) == [finding]
