from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.errors import Error, ErrorType
from metaprotocol_sdk.exceptions import DecodeError
from metaprotocol_sdk.metadata import MessageType, Metadata, ResponseStatus
from metaprotocol_sdk.proxy.attempts import Attempts
from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.config.values import (
    CircuitBreakersConfig,
    ClusterConfig,
    MatcherConfig,
    MatchKind,
    RetryOn,
    RetryPolicyConfig,
)
from metaprotocol_sdk.proxy.route import RetryPolicy, Route
from metaprotocol_sdk.proxy.timers import TimerWheel
from tests.proxy.fakes import FakeChain, FakeClock, FakeUpstream, request, stream_of

REFUSED = Error(ErrorType.UNSPECIFIED, "remote connection failure", "UF")
RESET = Error(ErrorType.UNSPECIFIED, "remote connection failure", "UC")
GARBAGE = Error(ErrorType.BAD_RESPONSE, "no message", "UPE")
OVERFLOW = Error(ErrorType.UNSPECIFIED, "too many connections", "UO")


def reply(status: ResponseStatus = ResponseStatus.OK, **strings: str) -> Metadata:
    made = Metadata(MessageType.RESPONSE)
    made.response_status = status
    made.update(strings)
    return made


class Setup:
    """One request of a route with a policy, and all that hears of it."""

    def __init__(self, *retry_on: RetryOn, breakers: CircuitBreakersConfig | None = None, **policy: object) -> None:
        config = RetryPolicyConfig(retry_on=frozenset(retry_on), **policy)  # type: ignore[arg-type]
        self.clock = FakeClock()
        self.wheel = TimerWheel(self.clock)
        self.chain = FakeChain()
        self.upstream = FakeUpstream()
        self.stream = stream_of(request(), chain=self.chain)
        self.cluster = Cluster(ClusterConfig(name="c", circuit_breakers=breakers or CircuitBreakersConfig()))
        self.stream.cluster = self.cluster
        self.stream.route = Route()
        self.errors: list[Error] = []
        self.attempts = Attempts(
            self.stream,
            RetryPolicy.from_config(config),
            send=self.send,
            wheel=self.wheel,
            rng=random.Random(3),
        )
        assert self.attempts.begin() is None

    def send(self, stream: object) -> Error | None:
        if self.errors:
            return self.errors.pop(0)
        self.upstream.send(self.stream)
        return None

    def wait(self, seconds: float = 1.0) -> None:
        self.clock.time += seconds
        self.wheel.advance()

    @property
    def tries(self) -> int:
        return len(self.upstream.sent)


COVERED = [
    (RetryOn.CONNECT_FAILURE, REFUSED),
    (RetryOn.RESET, RESET),
    (RetryOn.RESET, GARBAGE),
]


@pytest.mark.parametrize(("kind", "error"), COVERED)
def test_a_failure_the_policy_covers_is_tried_again_and_the_chain_hears_of_the_last_only(
    kind: RetryOn, error: Error
) -> None:
    setup = Setup(kind, num_retries=2)
    setup.stream.chain.fail(setup.stream, error)
    setup.wait()
    setup.stream.chain.fail(setup.stream, error)
    setup.wait()
    assert setup.tries == 3
    assert setup.chain.errors == []
    answer = reply()
    setup.stream.chain.respond(setup.stream, answer)
    assert setup.chain.responses == [answer]
    assert setup.stream.chain is setup.chain
    stats = setup.cluster.stats
    assert (stats.upstream_rq_retry, stats.upstream_rq_retry_success) == (2, 1)
    assert setup.cluster.breaker.retries == 0
    assert len(setup.wheel) == 0


@pytest.mark.parametrize(
    ("kinds", "error"),
    [
        ((RetryOn.RESET,), REFUSED),
        ((RetryOn.CONNECT_FAILURE,), RESET),
        ((RetryOn.CONNECT_FAILURE,), GARBAGE),
        (tuple(RetryOn), OVERFLOW),
        (tuple(RetryOn), Error(ErrorType.UNSPECIFIED, "the route's timeout", "UT")),
        (tuple(RetryOn), Error(ErrorType.UNSPECIFIED, "the proxy stops", "LR")),
    ],
)
def test_a_failure_the_policy_does_not_cover_is_the_clients(kinds: tuple[RetryOn, ...], error: Error) -> None:
    setup = Setup(*kinds, num_retries=5)
    setup.stream.chain.fail(setup.stream, error)
    assert setup.chain.errors == [error]
    assert len(setup.wheel) == 0
    assert setup.cluster.stats.upstream_rq_retry == 0


def test_after_the_last_retry_the_client_gets_the_error_with_envoys_second_flag() -> None:
    setup = Setup(RetryOn.CONNECT_FAILURE, num_retries=1)
    setup.stream.chain.fail(setup.stream, REFUSED)
    setup.wait()
    setup.stream.chain.fail(setup.stream, REFUSED)
    assert [each.flag for each in setup.chain.errors] == ["UF,URX"]
    assert setup.cluster.stats.upstream_rq_retry_limit_exceeded == 1
    assert setup.cluster.breaker.retries == 0


def test_an_error_reply_is_tried_again_only_where_the_policy_says_so_and_is_delivered_in_the_end() -> None:
    setup = Setup(RetryOn.ERROR_REPLY, num_retries=1)
    setup.stream.chain.respond(setup.stream, reply(ResponseStatus.ERROR))
    assert setup.chain.responses == []
    setup.wait()
    last = reply(ResponseStatus.ERROR)
    setup.stream.chain.respond(setup.stream, last)
    assert setup.chain.responses == [last]
    assert setup.cluster.stats.upstream_rq_retry_success == 0
    other = Setup(RetryOn.RESET, num_retries=1)
    other.stream.chain.respond(other.stream, last)
    assert other.chain.responses == [last]


def test_a_reply_whose_strings_are_retriable_is_tried_again() -> None:
    busy = (MatcherConfig("status", MatchKind.EXACT, "busy"), MatcherConfig("code", MatchKind.EXACT, "80"))
    setup = Setup(RetryOn.RETRIABLE_HEADERS, num_retries=1, retriable_headers=busy)
    setup.stream.chain.respond(setup.stream, reply(code="80"))
    setup.wait()
    assert setup.tries == 2
    fine = Setup(RetryOn.RETRIABLE_HEADERS, num_retries=1, retriable_headers=busy)
    fine.stream.chain.respond(fine.stream, reply(code="20"))
    assert len(fine.chain.responses) == 1


def test_a_reply_whose_strings_are_malformed_is_no_reason_to_try_again() -> None:
    def broken(_: Metadata) -> None:
        raise DecodeError("no")

    matcher = (MatcherConfig("code", MatchKind.EXACT, "80"),)
    setup = Setup(RetryOn.RETRIABLE_HEADERS, num_retries=1, retriable_headers=matcher)
    answer = reply()
    answer.defer(broken)
    setup.stream.chain.respond(setup.stream, answer)
    assert setup.chain.responses == [answer]


def test_an_attempt_over_its_time_is_given_up_before_the_next_one() -> None:
    setup = Setup(RetryOn.PER_TRY_TIMEOUT, num_retries=1, per_try_timeout=2.0)
    setup.wait(1.9)
    assert setup.upstream.cancelled == []
    setup.wait(0.2)
    assert setup.upstream.expired == setup.upstream.cancelled == [setup.stream]
    setup.wait()
    assert setup.tries == 2
    setup.wait(2.1)
    assert [(each.flag, each.message) for each in setup.chain.errors] == [
        ("UT,URX", "meta protocol router: no reply from 'c' in 2 s")
    ]
    assert setup.cluster.stats.upstream_rq_per_try_timeout == 2
    assert len(setup.wheel) == 0


def test_a_per_try_timeout_the_policy_does_not_retry_is_an_error() -> None:
    setup = Setup(RetryOn.RESET, num_retries=3, per_try_timeout=2.0)
    setup.wait(2.1)
    assert [each.flag for each in setup.chain.errors] == ["UT"]


def test_a_retry_that_finds_no_server_says_why() -> None:
    setup = Setup(RetryOn.CONNECT_FAILURE, num_retries=3)
    setup.errors.append(Error(ErrorType.NO_HEALTHY_UPSTREAM, "nobody", "UH"))
    setup.stream.chain.fail(setup.stream, REFUSED)
    setup.wait()
    assert [each.flag for each in setup.chain.errors] == ["UH"]
    assert setup.cluster.breaker.retries == 0


def test_no_more_retries_are_in_flight_than_the_breaker_allows() -> None:
    setup = Setup(RetryOn.CONNECT_FAILURE, num_retries=3, breakers=CircuitBreakersConfig(max_retries=0))
    setup.stream.chain.fail(setup.stream, REFUSED)
    assert setup.chain.errors == [REFUSED]
    assert setup.cluster.stats.upstream_rq_retry_overflow == 1


@pytest.mark.parametrize("when", ["in flight", "in back-off"])
def test_a_request_that_ends_otherwise_leaves_nothing_behind(when: str) -> None:
    setup = Setup(RetryOn.CONNECT_FAILURE, num_retries=3, per_try_timeout=1.0)
    setup.stream.chain.fail(setup.stream, REFUSED)
    if when == "in flight":
        setup.wait(0.5)
    setup.stream.abort()
    assert len(setup.wheel) == 0
    assert setup.cluster.breaker.retries == 0
    setup.wait(20)
    assert setup.chain.errors == []


@given(st.integers(1, 40), st.floats(0.001, 10), st.floats(0.001, 10))
def test_the_back_off_grows_and_is_bounded(retries: int, base: float, most: float) -> None:
    setup = Setup(RetryOn.CONNECT_FAILURE, num_retries=retries, base_interval=base, max_interval=most)
    setup.stream.chain.fail(setup.stream, REFUSED)
    for number in range(1, retries):
        bound = min(base * (2**number - 1), most)
        assert setup.wheel.next_due is not None
        assert setup.wheel.next_due - setup.clock.time <= bound + 0.011
        setup.wait(bound + 0.02)
        assert setup.tries == number + 1
        setup.stream.chain.fail(setup.stream, REFUSED)
