from __future__ import annotations

import pytest

from metaprotocol_sdk.proxy.config.retry import RetryPolicy, read_retry_on
from metaprotocol_sdk.proxy.config.values import MatcherConfig, MatchKind, RetryOn, RetryPolicyConfig
from tests.proxy.config.reading import bad, good

WORDS = "connect-failure, reset, per-try-timeout, error-reply, retriable-headers"


def test_a_retry_policy_becomes_its_value() -> None:
    text = """\
retryOn: "connect-failure,reset , per-try-timeout,retriable-headers,"
num_retries: 3
per_try_timeout: 0.5s
retry_back_off: {base_interval: 0.1s, maxInterval: 2s}
retriable_headers: {name: code, exact_match: "7"}
"""
    assert good(RetryPolicy, text).value() == RetryPolicyConfig(
        retry_on=frozenset(
            [RetryOn.CONNECT_FAILURE, RetryOn.RESET, RetryOn.PER_TRY_TIMEOUT, RetryOn.RETRIABLE_HEADERS]
        ),
        num_retries=3,
        per_try_timeout=0.5,
        base_interval=0.1,
        max_interval=2.0,
        retriable_headers=(MatcherConfig("code", MatchKind.EXACT, "7"),),
    )


def test_what_is_not_said_is_envoys_default() -> None:
    assert good(RetryPolicy, "retry_on: error-reply").value() == RetryPolicyConfig(
        retry_on=frozenset([RetryOn.ERROR_REPLY])
    )
    assert good(RetryPolicy, "{retry_on: reset, per_try_timeout: 0s}").value().per_try_timeout is None
    assert good(RetryPolicy, "{retry_on: reset, retry_back_off: {base_interval: 0.2s}}").value().max_interval == 2.0


@pytest.mark.parametrize("word", [each.value for each in RetryOn])
def test_every_failure_has_its_word(word: str) -> None:
    assert read_retry_on(word) == {RetryOn(word)}


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("{}", "1:1 error retry_on: required, and not there"),
        ("retry_on: ''", f"1:11 error retry_on: expected some of {WORDS}, with commas between, found ''"),
        ("retry_on: [reset]", f"1:11 error retry_on: expected some of {WORDS}, with commas between, found a list"),
        (
            "retry_on: 5xx,reset,gateway-error",
            (
                "1:11 error retry_on: '5xx' is about HTTP or gRPC; 'gateway-error' is about HTTP or gRPC. "
                f"The failures here are {WORDS}"
            ),
        ),
        (
            "retry_on: resets,xyzzy",
            (
                "1:11 error retry_on: no failure is named 'resets' (did you mean reset?); no failure is named 'xyzzy'. "
                f"The failures here are {WORDS}"
            ),
        ),
        (
            "retry_on: conect-failure",
            (
                "1:11 error retry_on: no failure is named 'conect-failure' (did you mean connect-failure?). "
                f"The failures here are {WORDS}"
            ),
        ),
        (
            "{retry_on: reset, num_retries: -1}",
            "1:32 error num_retries: expected a whole number from 0 to 4294967295, found -1",
        ),
        (
            "{retry_on: reset, retry_back_off: {}}",
            "1:35 error retry_back_off.base_interval: required, and not there",
        ),
        (
            "{retry_on: reset, retry_back_off: {base_interval: 0s}}",
            "1:51 error retry_back_off.base_interval: expected more than 0s, found '0s'",
        ),
        (
            "{retry_on: reset, retry_back_off: {base_interval: 2s, max_interval: 1s}}",
            "1:69 error retry_back_off.max_interval: expected at least base_interval, 2s, found '1s'",
        ),
        (
            "{retry_on: reset, retriable_status_codes: [503]}",
            "1:19 error retriable_status_codes: this is HTTP's; retriable_headers look at a reply's strings",
        ),
        (
            "{retry_on: reset, retry_priority: {}}",
            "1:19 error retry_priority: not supported yet by this proxy",
        ),
        (
            "retry_on: per-try-timeout",
            "1:11 warning retry_on: per-try-timeout never happens without per_try_timeout",
        ),
        (
            "retry_on: retriable-headers",
            "1:11 warning retry_on: retriable-headers never happens without retriable_headers",
        ),
        (
            "{retry_on: reset, retriable_headers: {name: n}}",
            "1:19 warning retriable_headers: not looked for: retry_on has no retriable-headers",
        ),
    ],
)
def test_a_wrong_retry_policy_says_where_and_why(text: str, finding: str) -> None:
    assert bad(RetryPolicy, text) == [finding]
