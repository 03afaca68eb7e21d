from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import pytest

from metaprotocol_sdk.errors import Error, ErrorType
from metaprotocol_sdk.exceptions import DecodeError
from metaprotocol_sdk.metadata import MessageType
from metaprotocol_sdk.proxy.filters.chain import FilterChain
from metaprotocol_sdk.proxy.filters.filter import Filter, Verdict
from metaprotocol_sdk.proxy.stream import Stream
from tests.proxy.fakes import FakeDownstream, FakePending, FakeUpstream, request, stream_of

REFUSED = Error(ErrorType.OVER_LIMIT, "refused")
NO_ROUTE = Error(ErrorType.ROUTE_NOT_FOUND, "no route")


async def later() -> Error | None:
    return None


class Recorder(Filter):
    """Notes its calls and answers what it was told to."""

    def __init__(self, name: str, notes: list[str], *, on_request: Any = None, on_response: Any = None) -> None:
        self.name = name
        self.notes = notes
        self.verdicts = {"request": on_request, "response": on_response}

    def verdict(self, hook: str) -> Verdict:
        self.notes.append(f"{self.name}.{hook}")
        found = self.verdicts[hook]
        if isinstance(found, Exception):
            raise found
        return later() if found == "wait" else found

    def on_request(self, stream: Stream) -> Verdict:
        return self.verdict("request")

    def on_response(self, stream: Stream) -> Verdict:
        return self.verdict("response")


class Setup:
    """Filters a, b and c before a router that keeps what it gets."""

    def __init__(self, *, route: Error | Exception | None = None, **verdicts: Any) -> None:
        self.notes: list[str] = []
        self.pending: list[FakePending] = []
        self.upstream = FakeUpstream()
        self.downstream = FakeDownstream()
        self.outcome = route
        filters = [Recorder(name, self.notes, **verdicts.get(name, {})) for name in "abc"]
        self.chain = FilterChain(filters, self.route, spawn=self.spawn)

    def route(self, stream: Stream) -> Error | None:
        self.notes.append("route")
        if isinstance(self.outcome, Exception):
            raise self.outcome
        if self.outcome is None:
            self.upstream.send(stream)
        return self.outcome

    def spawn(self, awaitable: Awaitable[Error | None]) -> FakePending:
        self.pending.append(FakePending(awaitable))
        return self.pending[-1]

    def start(self, kind: MessageType = MessageType.REQUEST) -> Stream:
        stream = stream_of(request(message_type=kind), downstream=self.downstream, chain=self.chain)
        self.chain.start(stream)
        return stream


def test_requests_go_forwards_and_replies_backwards() -> None:
    setup = Setup()
    stream = setup.start()
    assert setup.notes == ["a.request", "b.request", "c.request", "route"]
    assert setup.upstream.sent == [stream]
    assert not setup.downstream.delivered
    setup.chain.respond(stream, request(message_type=MessageType.RESPONSE))
    assert setup.notes[4:] == ["c.response", "b.response", "a.response"]
    assert setup.downstream.delivered == [stream]
    assert stream.error is None
    assert stream.carrier is None


def test_a_hook_that_a_filter_sets_on_itself_is_asked() -> None:
    asked: list[Stream] = []

    class Assigned(Filter):
        def __init__(self) -> None:
            self.on_response = asked.append  # type: ignore[assignment, method-assign]

    chain = FilterChain([Filter(), Assigned()], lambda stream: None, spawn=FakePending)
    stream = stream_of(request(), chain=chain)
    chain.start(stream)
    assert stream.passed == 2
    chain.respond(stream, request(message_type=MessageType.RESPONSE))
    assert asked == [stream]


def test_an_error_of_a_filter_stops_the_request_and_passes_those_before_it() -> None:
    setup = Setup(b={"on_request": REFUSED})
    stream = setup.start()
    assert setup.notes == ["a.request", "b.request", "a.response"]
    assert stream.error == REFUSED
    assert setup.downstream.delivered == [stream]


def test_the_routers_error_passes_every_filter() -> None:
    setup = Setup(route=NO_ROUTE)
    stream = setup.start()
    assert setup.notes[4:] == ["c.response", "b.response", "a.response"]
    assert stream.error == NO_ROUTE


def test_an_error_on_the_way_out_replaces_the_reply_and_the_rest_sees_it() -> None:
    setup = Setup(b={"on_response": REFUSED})
    stream = setup.start()
    setup.chain.respond(stream, request(message_type=MessageType.RESPONSE))
    assert setup.notes[4:] == ["c.response", "b.response", "a.response"]
    assert stream.error == REFUSED


def test_a_oneway_is_filtered_forwarded_and_has_no_way_out() -> None:
    setup = Setup()
    stream = setup.start(MessageType.ONEWAY)
    setup.chain.sent(stream)
    assert setup.notes == ["a.request", "b.request", "c.request", "route"]
    assert setup.downstream.delivered == [stream]


def test_a_oneway_that_fails_is_delivered_without_a_way_out() -> None:
    setup = Setup(route=NO_ROUTE)
    stream = setup.start(MessageType.ONEWAY)
    assert setup.notes[-1] == "route"
    assert setup.downstream.delivered == [stream]


def test_a_request_waits_for_the_filter_that_waits_and_goes_on() -> None:
    setup = Setup(b={"on_request": "wait"})
    stream = setup.start()
    assert setup.notes == ["a.request", "b.request"]
    assert len(setup.pending) == 1
    setup.pending[0].finish()
    assert setup.notes == ["a.request", "b.request", "c.request", "route"]
    assert stream.waiting is None
    setup.chain.respond(stream, request(message_type=MessageType.RESPONSE))
    assert setup.notes[4:] == ["c.response", "b.response", "a.response"]


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (REFUSED, ErrorType.OVER_LIMIT),
        (RuntimeError("secret"), ErrorType.UNSPECIFIED),
        (DecodeError("bad"), ErrorType.BAD_RESPONSE),
    ],
)
def test_what_a_wait_came_to_may_refuse_the_request(outcome: Any, kind: ErrorType) -> None:
    setup = Setup(b={"on_request": "wait"})
    stream = setup.start()
    setup.pending[0].finish(outcome)
    assert setup.notes == ["a.request", "b.request", "a.response"]
    assert stream.error is not None
    assert stream.error.type is kind
    assert "secret" not in stream.error.message


def test_a_reply_waits_for_the_filter_that_waits_and_goes_on() -> None:
    setup = Setup(b={"on_response": "wait"})
    stream = setup.start()
    setup.chain.respond(stream, request(message_type=MessageType.RESPONSE))
    assert setup.notes[4:] == ["c.response", "b.response"]
    assert not setup.downstream.delivered
    setup.pending[0].finish(REFUSED)
    assert setup.notes[4:] == ["c.response", "b.response", "a.response"]
    assert setup.downstream.delivered == [stream]
    assert stream.error == REFUSED


@pytest.mark.parametrize("hook", ["on_request", "on_response"])
def test_a_stream_whose_client_left_goes_no_further(hook: str) -> None:
    setup = Setup(b={hook: "wait"})
    stream = setup.start()
    if hook == "on_response":
        setup.chain.respond(stream, request(message_type=MessageType.RESPONSE))
    before = list(setup.notes)
    stream.abort()
    assert setup.pending[0].is_cancelled
    setup.pending[0].finish()
    assert setup.notes == before
    assert not setup.downstream.delivered


@pytest.mark.parametrize("hook", ["on_request", "on_response"])
def test_a_filter_that_raises_fails_its_request_and_no_more(hook: str, caplog: pytest.LogCaptureFixture) -> None:
    setup = Setup(b={hook: RuntimeError("secret")})
    stream = setup.start()
    if hook == "on_response":
        setup.chain.respond(stream, request(message_type=MessageType.RESPONSE))
    assert setup.downstream.delivered == [stream]
    assert stream.error is not None
    assert stream.error.type is ErrorType.UNSPECIFIED
    assert "bug in a filter: Recorder.on_re" in caplog.text


@pytest.mark.parametrize("hook", ["on_request", "on_response"])
@pytest.mark.parametrize("outcome", ["cancelled", "nonsense"])
def test_a_wait_that_comes_to_nothing_fails_its_request(
    hook: str, outcome: str, caplog: pytest.LogCaptureFixture
) -> None:
    setup = Setup(b={hook: "wait"})
    stream = setup.start()
    if hook == "on_response":
        setup.chain.respond(stream, request(message_type=MessageType.RESPONSE))
    setup.pending[0].is_cancelled = outcome == "cancelled"
    setup.pending[0].finish("nonsense")  # type: ignore[arg-type]
    assert setup.downstream.delivered == [stream]
    assert stream.error == Error(ErrorType.UNSPECIFIED, "meta protocol filter chain: a filter failed")
    assert f"bug in a filter: the wait of Recorder.{hook} " in caplog.text


@pytest.mark.parametrize("hook", ["on_request", "on_response"])
def test_what_cannot_be_awaited_fails_its_request(hook: str, caplog: pytest.LogCaptureFixture) -> None:
    def refuse(awaitable: Awaitable[Error | None]) -> FakePending:
        raise TypeError("an awaitable is required")

    setup = Setup()
    setup.chain = FilterChain([Recorder("b", setup.notes, **{hook: 5})], setup.route, spawn=refuse)
    stream = setup.start()
    if hook == "on_response":
        setup.chain.respond(stream, request(message_type=MessageType.RESPONSE))
    assert setup.downstream.delivered == [stream]
    assert stream.error == Error(ErrorType.UNSPECIFIED, "meta protocol filter chain: a filter failed")
    assert f"Recorder.{hook} returned int, which is no Error and cannot be awaited" in caplog.text


def test_malformed_strings_found_by_a_filter_or_the_router_reject_the_request() -> None:
    broken = DecodeError("bad strings")
    for setup in (Setup(b={"on_request": broken}), Setup(route=broken)):
        setup.start()
        assert setup.downstream.rejected == [broken]
        assert not setup.downstream.delivered


def test_malformed_strings_of_a_reply_are_a_bad_response() -> None:
    setup = Setup(b={"on_response": DecodeError("bad strings")})
    stream = setup.start()
    setup.chain.respond(stream, request(message_type=MessageType.RESPONSE))
    assert stream.error == Error(ErrorType.BAD_RESPONSE, "malformed message: bad strings", "UPE")
    assert setup.notes[-1] == "a.response"
