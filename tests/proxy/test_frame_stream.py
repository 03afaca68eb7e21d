from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.metadata import MessageType, Metadata
from metaprotocol_sdk.proxy.frame_stream import FRAMES, FrameStream
from metaprotocol_sdk.proxy.route import Route
from metaprotocol_sdk.proxy.timers import TimerWheel
from tests.proxy.fakes import FakeChain, FakeClock, FakeDownstream, FakeUpstream, request

DATA, CLOSE, CLOSE_BOTH = FRAMES


class FakeLink:
    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.is_released = False

    def forward(self, frame: bytes) -> None:
        assert not self.is_released
        self.frames.append(frame)

    def release(self) -> None:
        self.is_released = True


def frame(kind: MessageType, body: bytes = b"") -> Metadata:
    made = Metadata()
    made.message_type = kind
    made.origin_message = body
    return made


def opened(limit: int = 1000) -> tuple[FrameStream, FakeDownstream, FakeChain]:
    downstream, chain = FakeDownstream(), FakeChain()
    message = request(message_type=MessageType.STREAM_INIT)
    return FrameStream(message, 7, downstream, chain, 1000.0, limit=limit), downstream, chain


frames = st.lists(st.tuples(st.booleans(), st.sampled_from([DATA, DATA, DATA, CLOSE, CLOSE_BOTH])))


def expected_of(script: list[tuple[bool, MessageType]]) -> tuple[list[list[bytes]], list[bool]]:
    """The frames that go through, the client's and the server's, and which directions are closed in the end."""
    passed: list[list[bytes]] = [[], []]
    closed = [False, False]
    for number, (is_server, kind) in enumerate(script):
        if closed[is_server]:
            continue
        passed[is_server].append(b"%d" % number)
        closed[is_server] = kind is not DATA
        if kind is CLOSE_BOTH:
            closed = [True, True]
    return passed, closed


@given(frames, st.integers(0, 5))
def test_each_side_gets_the_others_frames_in_order_until_that_closes_and_the_end_is_told_once(
    script: list[tuple[bool, MessageType]], before: int
) -> None:
    script = [(False, kind) for _, kind in script[:before]] + script[before:]  # a server speaks when it is there
    stream, downstream, chain = opened()
    link = FakeLink()
    passed, closed = expected_of(script)
    for number, (is_server, kind) in enumerate(script):
        if number == before:
            stream.connected(link)
        take = stream.on_server_frame if is_server else stream.on_client_frame
        taken = take(frame(kind, b"%d" % number))
        assert taken is (b"%d" % number in passed[is_server])
    if len(script) <= before:
        stream.connected(link)
    assert [link.frames, downstream.frames] == passed
    assert link.is_released is all(closed)
    assert chain.sent_streams == [stream] * all(closed)


def test_frames_that_wait_hold_their_client_over_the_limit_until_they_are_on_their_way() -> None:
    stream, downstream, _ = opened(limit=10)
    stream.on_client_frame(frame(DATA, bytes(10)))
    assert downstream.holds == 0
    stream.on_client_frame(frame(DATA, bytes(1)))
    stream.on_client_frame(frame(DATA, bytes(1)))
    assert downstream.holds == 1
    stream.connected(FakeLink())
    assert downstream.holds == 0


def test_a_stream_that_is_given_up_lets_its_client_go() -> None:
    stream, downstream, _ = opened(limit=1)
    upstream = FakeUpstream()
    upstream.send(stream)
    stream.on_client_frame(frame(DATA, bytes(10)))
    stream.abort()
    assert downstream.holds == 0
    assert upstream.cancelled == [stream]


def test_a_stream_lasts_as_long_as_frames_come() -> None:
    stream, _, chain = opened()
    clock = FakeClock()
    wheel = TimerWheel(clock)
    stream.route = Route(cluster="c", idle_timeout=10.0)
    stream.arm(wheel, 0.5)  # a route's timeout is for replies
    stream.connected(FakeLink())
    for _ in range(5):
        clock.time += 10.1
        stream.on_server_frame(frame(DATA))
        wheel.advance()
        assert chain.errors == []
    for _ in range(2):
        clock.time += 10.1
        wheel.advance()
    assert [(each.flag, each.message) for each in chain.errors] == [
        ("SI", "meta protocol router: no frame on the stream in 10 s")
    ]
    assert len(wheel) == 0


def test_a_route_may_let_its_streams_be_silent_for_ever_and_none_is_tried_again() -> None:
    stream, _, _ = opened()
    wheel = TimerWheel(FakeClock())
    stream.route = Route(cluster="c", idle_timeout=None)
    stream.arm(wheel, 0.5)
    assert len(wheel) == 0
    assert not stream.can_retry
