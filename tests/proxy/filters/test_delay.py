from __future__ import annotations

from metaprotocol_sdk.errors import Error, ErrorType
from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.proxy.filters.chain import FilterChain
from metaprotocol_sdk.proxy.filters.delay import Delay
from metaprotocol_sdk.proxy.filters.filter import Filter, Verdict
from metaprotocol_sdk.proxy.stream import Stream
from metaprotocol_sdk.proxy.timers import TimerWheel
from tests.proxy.fakes import FakeClock, FakeDownstream, FakePending, request, stream_of

NO = Error(ErrorType.UNSPECIFIED, "no")


class Slow(Filter):
    """Delays the request, or its reply, by a second."""

    def __init__(self, wheel: TimerWheel, *, at: str, verdict: Error | None) -> None:
        self.wheel = wheel
        self.at = at
        self.verdict = verdict
        self.ended: list[bool] = []

    def delay(self) -> Delay:
        return Delay(self.wheel, 1.0, self.verdict, on_end=lambda delay: self.ended.append(delay.cancelled()))

    def on_request(self, stream: Stream) -> Verdict:
        return self.delay() if self.at == "request" else None

    def on_response(self, stream: Stream) -> Verdict:
        return self.delay() if self.at == "reply" else None


class Scene:
    """A chain of one slow filter, and a stream that has begun."""

    def __init__(self, at: str = "request", verdict: Error | None = None) -> None:
        self.clock = FakeClock()
        self.wheel = TimerWheel(self.clock)
        self.filter = Slow(self.wheel, at=at, verdict=verdict)
        self.routed: list[Stream] = []
        self.chain = FilterChain([self.filter], self.route, spawn=FakePending)
        self.downstream = FakeDownstream()
        self.stream = stream_of(request(), downstream=self.downstream, chain=self.chain)
        self.chain.start(self.stream)

    def route(self, stream: Stream) -> Error | None:
        self.routed.append(stream)
        return None

    def after(self, seconds: float) -> None:
        self.clock.time += seconds
        self.wheel.advance()


def test_a_request_goes_on_when_its_time_has_passed_and_no_earlier() -> None:
    scene = Scene()
    scene.after(0.999)
    assert (scene.routed, scene.filter.ended) == ([], [])
    scene.after(0.02)
    assert (scene.routed, scene.filter.ended) == ([scene.stream], [False])
    assert (scene.stream.waiting, len(scene.wheel)) == (None, 0)


def test_an_error_comes_when_the_time_has_passed() -> None:
    scene = Scene(verdict=NO)
    assert scene.downstream.delivered == []
    scene.after(1.02)
    assert scene.downstream.delivered == [scene.stream]
    assert (scene.stream.error, scene.routed) == (NO, [])


def test_a_client_that_leaves_leaves_nothing_on_the_wheel() -> None:
    scene = Scene(verdict=NO)
    assert len(scene.wheel) == 1
    scene.stream.abort()
    assert (len(scene.wheel), scene.filter.ended) == (0, [True])
    scene.after(2.0)
    assert (scene.routed, scene.downstream.delivered, scene.filter.ended) == ([], [], [True])


def test_a_reply_may_wait_too() -> None:
    scene = Scene(at="reply")
    scene.chain.respond(scene.stream, Metadata())
    assert scene.downstream.delivered == []
    scene.after(1.02)
    assert scene.downstream.delivered == [scene.stream]


def test_one_delay_may_follow_another() -> None:
    clock = FakeClock()
    wheel = TimerWheel(clock)
    routed: list[Stream] = []
    filters = [Slow(wheel, at="request", verdict=None) for _ in range(2)]
    chain = FilterChain(filters, routed.append, spawn=FakePending)
    chain.start(stream_of(request(), chain=chain))
    seen = []
    for _ in range(4):
        clock.time += 0.6
        wheel.advance()
        seen.append(len(routed))
    assert seen == [0, 0, 0, 1]


def test_nobody_need_be_told_of_the_end() -> None:
    wheel = TimerWheel(clock := FakeClock())
    Delay(wheel, 1.0).cancel()
    delay = Delay(wheel, 1.0, NO)
    clock.time += 2
    wheel.advance()
    assert (delay.result(), delay.cancelled(), len(wheel)) == (NO, False, 0)
