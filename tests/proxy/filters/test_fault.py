from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.errors import Error, ErrorType
from metaprotocol_sdk.exceptions import DecodeError
from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.proxy.filters.delay import Delay
from metaprotocol_sdk.proxy.filters.fault import FAULT, Fault, FaultDelay, FaultInjector
from metaprotocol_sdk.proxy.stream import Stream
from tests.proxy.config.reading import bad, good, read
from tests.proxy.fakes import request, stream_of
from tests.proxy.filters.helpers import Around

ALL = "percentage: {numerator: 100}"
DELAY = f"delay: {{fixed_delay: 0.5s, {ALL}}}"
ABORT = f"abort: {{error_type: OVER_LIMIT, message: not today, {ALL}}}"
NOT_TODAY = Error(ErrorType.OVER_LIMIT, "not today", "FI")


class Faulty:
    """A filter of that configuration, and what becomes of requests."""

    def __init__(self, text: str) -> None:
        self.around = Around()
        self.injector: Any = FAULT.factory(good(Fault, f"stat_prefix: shop\n{text}"), self.around.context)
        assert isinstance(self.injector, FaultInjector)

    def ask(self, stream: Stream | None = None, **strings: str) -> Error | Delay | None:
        message = request()
        message.update(strings)
        verdict = self.injector.on_request(stream or stream_of(message))
        assert verdict is None or isinstance(verdict, Error | Delay)
        return verdict

    def after(self, seconds: float) -> None:
        self.around.clock.time += seconds
        self.around.wheel.advance()

    def counts(self) -> dict[str, int]:
        """Those that are not 0."""
        found = self.around.counts()
        prefix = "meta_protocol.shop.fault."
        assert set(found) == {
            prefix + name for name in ("active_faults", "aborts_injected", "delays_injected", "faults_overflow")
        }
        return {name.removeprefix(prefix): count for name, count in found.items() if count}


def test_an_abort_is_answered_as_the_file_says_with_envoys_flag() -> None:
    faulty = Faulty(ABORT)
    assert faulty.ask() == NOT_TODAY
    assert faulty.counts() == {"aborts_injected": 1}


def test_an_abort_that_has_no_text_has_envoys() -> None:
    faulty = Faulty(f"abort: {{error_type: UNSPECIFIED, {ALL}}}")
    assert faulty.ask() == Error(ErrorType.UNSPECIFIED, "fault filter abort", "FI")


def test_a_delay_holds_the_request_and_flags_it() -> None:
    faulty = Faulty(DELAY)
    stream = stream_of(request())
    delay = faulty.ask(stream)
    assert isinstance(delay, Delay)
    assert delay.result() is None
    assert stream.flags == "DI"
    assert faulty.counts() == {"active_faults": 1, "delays_injected": 1}
    faulty.after(0.49)
    assert faulty.counts()["active_faults"] == 1
    faulty.after(0.03)
    assert faulty.counts() == {"delays_injected": 1}


def test_a_request_may_be_delayed_and_then_aborted() -> None:
    faulty = Faulty(f"{DELAY}\n{ABORT}")
    delay = faulty.ask()
    assert isinstance(delay, Delay)
    assert faulty.counts() == {"active_faults": 1, "delays_injected": 1}
    faulty.after(1)
    assert delay.result() == NOT_TODAY
    assert faulty.counts() == {"delays_injected": 1, "aborts_injected": 1}


def test_a_client_that_leaves_ends_its_fault_and_is_not_aborted() -> None:
    faulty = Faulty(f"{DELAY}\n{ABORT}")
    delay = faulty.ask()
    assert isinstance(delay, Delay)
    delay.cancel()
    assert faulty.counts() == {"delays_injected": 1}
    assert len(faulty.around.wheel) == 0


def test_above_the_limit_of_active_faults_requests_pass() -> None:
    faulty = Faulty(f"{DELAY}\nmax_active_faults: 2")
    verdicts = [faulty.ask() for _ in range(4)]
    assert [isinstance(each, Delay) for each in verdicts] == [True, True, False, False]
    assert verdicts[2:] == [None, None]
    assert faulty.counts() == {"active_faults": 2, "delays_injected": 2, "faults_overflow": 2}
    faulty.after(1)
    assert isinstance(faulty.ask(), Delay)


def test_only_requests_that_match_have_faults_and_the_others_do_not_overflow() -> None:
    faulty = Faulty(f"{DELAY}\nmax_active_faults: 1\nmatch: {{metadata: [{{name: Method, exact_match: pay}}]}}")
    assert isinstance(faulty.ask(method="pay"), Delay)
    assert faulty.ask(method="look") is None
    assert faulty.ask() is None
    assert faulty.counts() == {"active_faults": 1, "delays_injected": 1}
    assert faulty.ask(METHOD="pay") is None
    assert faulty.counts()["faults_overflow"] == 1


def test_a_request_without_a_fault_is_not_flagged() -> None:
    faulty = Faulty(f"{DELAY}\nmatch: {{metadata: [{{name: method, exact_match: pay}}]}}")
    stream = stream_of(request())
    faulty.ask(stream)
    assert stream.flags == ""


@given(st.sampled_from([("HUNDRED", 100), ("TEN_THOUSAND", 10_000)]), st.integers(0, 100))
def test_a_share_of_the_requests_is_aborted(denominator: tuple[str, int], percent: int) -> None:
    word, of = denominator
    share = f"percentage: {{numerator: {percent * of // 100}, denominator: {word}}}"
    faulty = Faulty(f"abort: {{error_type: UNSPECIFIED, {share}}}")
    aborted = sum(faulty.ask() is not None for _ in range(2000))
    assert abs(aborted - 20 * percent) < 150  # six times what chance strays by
    if percent in (0, 100):
        assert aborted == 20 * percent


def test_the_two_shares_know_nothing_of_each_other() -> None:
    half = "percentage: {numerator: 50}"
    faulty = Faulty(f"delay: {{fixed_delay: 1s, {half}}}\nabort: {{error_type: UNSPECIFIED, {half}}}")
    seen = {"both": 0, "delay": 0, "abort": 0, "none": 0}
    for _ in range(4000):
        verdict = faulty.ask()
        if isinstance(verdict, Delay):
            seen["delay" if verdict.result() is None else "both"] += 1
        else:
            seen["none" if verdict is None else "abort"] += 1
    assert all(abs(count - 1000) < 170 for count in seen.values()), seen


def test_strings_that_were_put_off_and_are_malformed_are_the_messages_fault() -> None:
    def fail(metadata: Metadata) -> None:
        raise DecodeError("the strings are malformed")

    message = request()
    message.defer(fail)
    with pytest.raises(DecodeError):
        Faulty(f"{DELAY}\nmatch: {{metadata: {{name: a}}}}").ask(stream_of(message))


WRONG = [
    (f"stat_prefix: s\nabort: {{{ALL}}}", "2:8 error abort.error_type: required, and not there"),
    (
        "stat_prefix: s",
        "1:1 error delay: required, unless there is an abort: with neither of them there is no fault",
    ),
    (DELAY, "1:1 error stat_prefix: required, and not there"),
    (
        f"stat_prefix: s\ndelay: {{fixed_delay: 0s, {ALL}}}",
        "2:22 error delay.fixed_delay: expected more than 0s, found '0s'",
    ),
    (f"stat_prefix: s\ndelay: {{{ALL}}}", "2:8 error delay.fixed_delay: required, and not there"),
    (
        f"stat_prefix: s\nabort: {{error_type: TEAPOT, {ALL}}}",
        f"2:21 error abort.error_type: expected one of {', '.join(each.name for each in ErrorType)}, found 'TEAPOT'",
    ),
    (
        f"stat_prefix: s\nabort: {{error_type: UNSPECIFIED, message: '', {ALL}}}",
        "2:43 error abort.message: expected text that is not empty",
    ),
    (
        f"stat_prefix: s\nabort: {{error_type: UNSPECIFIED, http_status: 503, {ALL}}}",
        "2:34 error abort.http_status: this is HTTP's; an error here is an error_type and a message",
    ),
    (
        f"stat_prefix: s\n{DELAY}\nmax_active_faults: 0",
        "3:20 error max_active_faults: expected a whole number from 1 to 4294967295, found 0",
    ),
    (
        f"stat_prefix: s\n{DELAY}\nheaders: [{{name: a}}]",
        "3:1 error headers: this is HTTP's; requests are chosen by match: {metadata: [{name, exact_match}]}",
    ),
    (
        f"stat_prefix: s\n{DELAY}\nupstream_cluster: shop",
        "3:1 error upstream_cluster: not supported yet by this proxy",
    ),
    (
        "{stat_prefix: s, delay: {fixed_delay: 1s}}",
        "1:25 warning delay: without percentage the share is 0: this does nothing",
    ),
    (
        "{stat_prefix: s, abort: {error_type: UNSPECIFIED}}",
        "1:25 warning abort: without percentage the share is 0: this does nothing",
    ),
]


@pytest.mark.parametrize(("text", "finding"), WRONG)
def test_a_wrong_fault_says_where_and_why(text: str, finding: str) -> None:
    assert bad(Fault, text) == [finding]


def test_a_delay_can_only_be_fixed() -> None:
    assert [each.split(": ", 1)[1] for each in bad(FaultDelay, f"{{header_delay: {{}}, fixed_delay: 1s, {ALL}}}")] == [
        "this is HTTP's; a delay here is a fixed_delay"
    ]


def test_every_field_may_be_written_in_camel_case() -> None:
    snake = f"stat_prefix: s\n{DELAY}\n{ABORT}\nmax_active_faults: 2"
    camel = snake.replace("stat_prefix", "statPrefix").replace("fixed_delay", "fixedDelay")
    camel = camel.replace("error_type", "errorType").replace("max_active_faults", "maxActiveFaults")
    assert read(Fault, camel) == (good(Fault, snake), [])
