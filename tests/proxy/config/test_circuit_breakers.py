from __future__ import annotations

import pytest

from metaprotocol_sdk.proxy.config.circuit_breakers import CircuitBreakers
from metaprotocol_sdk.proxy.config.values import CircuitBreakersConfig
from tests.proxy.config.reading import bad, good, read

HIGH = "without effect in this proxy: no route has a priority, so every request is DEFAULT"


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


def test_thresholds_of_high_priority_are_accepted_and_never_used() -> None:
    text = "thresholds:\n- {priority: HIGH, max_connections: 1}\n- {max_connections: 2}\n"
    breakers, findings = read(CircuitBreakers, text)
    assert breakers is not None
    assert breakers.value() == CircuitBreakersConfig(max_connections=2)
    assert findings == [f"2:14 note thresholds[0].priority: {HIGH}"]
    alone, _ = read(CircuitBreakers, "thresholds: {priority: HIGH, max_connections: 1}")
    assert alone is not None
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
        ("per_host_thresholds: []", "1:1 error per_host_thresholds: not supported yet by this proxy"),
    ],
)
def test_wrong_thresholds_say_where_and_why(text: str, finding: str) -> None:
    assert bad(CircuitBreakers, text) == [finding]
