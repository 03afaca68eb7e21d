from __future__ import annotations

import pytest

from metaprotocol_sdk.errors import Error, ErrorType
from metaprotocol_sdk.exceptions import DecodeError
from metaprotocol_sdk.metadata import MessageType, Metadata
from metaprotocol_sdk.proxy.config import load_config
from metaprotocol_sdk.proxy.filters.local_rate_limit import LOCAL_RATE_LIMIT, LocalRateLimit, LocalRateLimiter
from metaprotocol_sdk.proxy.filters.registry import filter_factories, filter_models
from tests.proxy.config.reading import bad, good
from tests.proxy.fakes import request, stream_of
from tests.proxy.filters.helpers import UPSTREAM, Around, needs_samples

GLOBAL = "token_bucket: {max_tokens: 3, tokens_per_fill: 2, fill_interval: 10s}"
HELLO = """
- match: {metadata: [{name: Method, exact_match: sayHello}, {name: tenant, prefix_match: t}]}
  token_bucket: {max_tokens: 2, fill_interval: 60s}
- match: {metadata: [{name: method, prefix_match: say}]}
  token_bucket: {max_tokens: 1, fill_interval: 60s}
"""


class Limited:
    """A filter of that configuration, and what passes it."""

    def __init__(self, text: str) -> None:
        self.around = Around()
        config = good(LocalRateLimit, f"stat_prefix: svc\n{text}")
        self.limiter = LOCAL_RATE_LIMIT.factory(config, self.around.context)

    def passes(self, **strings: str) -> bool:
        message = request()
        message.update(strings)
        verdict = self.limiter.on_request(stream_of(message))
        assert verdict is None or isinstance(verdict, Error)
        return verdict is None

    def passed(self, times: int, **strings: str) -> int:
        return sum(self.passes(**strings) for _ in range(times))

    def counts(self) -> tuple[int, int]:
        found = self.around.counts()
        prefix = "meta_protocol.svc.local_rate_limit."
        assert set(found) == {prefix + "ok", prefix + "rate_limited"}
        return found[prefix + "ok"], found[prefix + "rate_limited"]


def test_the_bucket_is_full_at_the_start_and_filled_by_the_clock() -> None:
    limited = Limited(GLOBAL)
    assert limited.passed(5) == 3
    limited.around.clock.time += 10
    assert limited.passed(5) == 2
    limited.around.clock.time += 20
    assert limited.passed(5) == 3
    assert limited.counts() == (8, 7)


def test_the_first_fill_comes_after_a_whole_interval_whatever_interval_a_condition_has() -> None:
    # MetaProtocol Proxy takes the clock's zero for the last fill of the global bucket, so the first tick fills it.
    limited = Limited(
        "token_bucket: {max_tokens: 5, tokens_per_fill: 5, fill_interval: 60s}\n"
        "conditions: [{match: {metadata: [{name: a, exact_match: b}]}, "
        "token_bucket: {max_tokens: 1, fill_interval: 0.05s}}]"
    )
    assert limited.passed(9) == 5
    limited.around.clock.time += 59.9
    assert limited.passed(9) == 0
    limited.around.clock.time += 0.1
    assert limited.passed(9) == 5


def test_the_first_condition_that_matches_decides_by_its_own_bucket_alone() -> None:
    limited = Limited(f"{GLOBAL}\nconditions:{HELLO}")
    assert limited.passed(9, method="sayHello", tenant="t1") == 2
    assert limited.passed(9, method="sayHello", tenant="other") == 1
    assert limited.passed(9, METHOD="sayGoodbye") == 0
    assert limited.passed(9, method="other") == 3
    assert limited.counts() == (6, 30)


def test_what_matches_no_condition_passes_where_there_is_no_global_bucket() -> None:
    limited = Limited(f"conditions:{HELLO}")
    assert limited.passed(100, method="other") == 100
    assert limited.passed(9, method="sayHello") == 1
    assert limited.counts() == (101, 8)


def test_an_empty_match_matches_everything() -> None:
    limited = Limited("conditions: {match: {}, token_bucket: {max_tokens: 1, fill_interval: 1s}}")
    assert limited.passed(3) == 1


def test_a_request_over_the_limit_is_told_so_in_metaprotocol_proxys_words() -> None:
    limited = Limited("token_bucket: {max_tokens: 1, fill_interval: 1s}")
    limited.passes()
    verdict = limited.limiter.on_request(stream_of(request(42)))
    text = "meta protocol local rate limit: request '42' has been rate limited"
    assert verdict == Error(ErrorType.OVER_LIMIT, text, "RL")


def test_a_oneway_takes_a_token_too() -> None:
    limited = Limited("token_bucket: {max_tokens: 1, fill_interval: 1s}")
    oneway = stream_of(request(message_type=MessageType.ONEWAY))
    assert limited.limiter.on_request(oneway) is None
    assert isinstance(limited.limiter.on_request(oneway), Error)


def test_each_listener_has_buckets_of_its_own() -> None:
    one, two = Limited(GLOBAL), Limited(GLOBAL)
    assert one.passed(9) == two.passed(9) == 3


def test_strings_that_were_put_off_and_are_malformed_are_the_messages_fault() -> None:
    def fail(metadata: Metadata) -> None:
        raise DecodeError("the strings are malformed")

    limited = Limited(f"conditions:{HELLO}")
    message = request()
    message.defer(fail)
    with pytest.raises(DecodeError):
        limited.limiter.on_request(stream_of(message))


BUCKET = "{max_tokens: 1, fill_interval: 1s}"
WRONG = [
    (f"token_bucket: {BUCKET}", "1:1 error stat_prefix: required, and not there"),
    (f"stat_prefix: ''\ntoken_bucket: {BUCKET}", "1:14 error stat_prefix: expected text that is not empty"),
    (
        "stat_prefix: s",
        "1:1 error token_bucket: required, unless there are conditions: with neither of them nothing is limited",
    ),
    (
        "{stat_prefix: s, conditions: []}",
        "1:1 error token_bucket: required, unless there are conditions: with neither of them nothing is limited",
    ),
    (
        "{stat_prefix: s, token_bucket: {max_tokens: 1, fill_interval: 0.049s}}",
        "1:63 error token_bucket.fill_interval: expected 0.05s or more, found '0.049s'",
    ),
    (
        "{stat_prefix: s, token_bucket: {max_tokens: 1, fill_interval: 50ms}}",
        "1:63 error token_bucket.fill_interval: expected seconds with an s, such as 0.05s, found '50ms'",
    ),
    (
        "{stat_prefix: s, token_bucket: {max_tokens: 1}}",
        "1:32 error token_bucket.fill_interval: required, and not there",
    ),
    (
        "{stat_prefix: s, token_bucket: {max_tokens: 0, fill_interval: 1s}}",
        "1:45 error token_bucket.max_tokens: expected a whole number from 1 to 4294967295, found 0",
    ),
    (
        "{stat_prefix: s, token_bucket: {max_tokens: 1, tokens_per_fill: 0, fill_interval: 1s}}",
        "1:65 error token_bucket.tokens_per_fill: expected a whole number from 1 to 4294967295, found 0",
    ),
    (
        f"{{stat_prefix: s, conditions: [{{token_bucket: {BUCKET}}}]}}",
        "1:31 error conditions[0].match: required, and not there",
    ),
    ("{stat_prefix: s, conditions: {match: {}}}", "1:30 error conditions.token_bucket: required, and not there"),
]


@pytest.mark.parametrize(("text", "finding"), WRONG)
def test_a_wrong_limit_says_where_and_why(text: str, finding: str) -> None:
    assert bad(LocalRateLimit, text) == [finding]


def test_every_field_may_be_written_in_camel_case() -> None:
    text = "statPrefix: s\ntokenBucket: {maxTokens: 1, tokensPerFill: 2, fillInterval: 0.05s}"
    assert good(LocalRateLimit, text) == good(
        LocalRateLimit,
        "stat_prefix: s\ntoken_bucket: {max_tokens: 1, tokens_per_fill: 2, fill_interval: 0.05s}",
    )


SAMPLES = [
    ("only-global-token", "sayHello", 2, 30, 2),
    ("only-global-token", "other", 2, 30, 2),
    ("full-match-condition", "sayHello", 2, 30, 2),
    ("full-match-condition", "other", 5, 5, 5),
    ("full-no-matched-condition", "sayHello", 3, 30, 3),
    ("full-no-matched-condition", "noneExistingMethod", 2, 10, 2),
    ("no-global-bucket-match-condition", "sayHello", 2, 10, 2),
    ("no-global-bucket-match-condition", "other", 20, 10, 20),
    ("no-global-bucket-no-matched-condition", "sayHello", 20, 60, 20),
    ("no-global-bucket-no-matched-condition", "noneExistingMethod", 2, 60, 2),
]
"""File, method, how many of 20 requests pass at once, seconds until the next fill, how many of 20 pass then."""


@needs_samples
@pytest.mark.parametrize(("name", "method", "at_once", "interval", "then"), SAMPLES)
def test_metaprotocol_proxys_samples_limit_as_they_say(
    name: str, method: str, at_once: int, interval: int, then: int
) -> None:
    config = load_config(UPSTREAM / f"local-ratelimit-test-{name}.yaml", filters=filter_models())
    filter_config = config.listeners[0].filters[0]
    around = Around()
    limiter = filter_factories()[filter_config.name](filter_config.config, around.context)
    assert isinstance(limiter, LocalRateLimiter)

    def passed() -> int:
        return sum(limiter.on_request(stream_of(request(method=method))) is None for _ in range(20))

    assert passed() == at_once
    around.clock.time += interval - 0.001
    assert passed() == (at_once if at_once == 20 else 0)
    around.clock.time += 0.001
    assert passed() == then
    assert len(around.counts()) == 2
    prefix = f"meta_protocol.{config.listeners[0].stat_prefix}.local_rate_limit."
    assert around.counts()[prefix + "rate_limited"] == limiter.stats.rate_limited
