from __future__ import annotations

import pytest

from metaprotocol_sdk.errors import ErrorType
from metaprotocol_sdk.exceptions import CodecBug, EncodeError
from metaprotocol_sdk.metadata import MessageType
from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.config.values import ClusterConfig
from metaprotocol_sdk.proxy.stream import Stream
from metaprotocol_sdk.proxy.timers import TimerWheel
from tests.proxy.fakes import FakeChain, FakeClock, FakeDownstream, FakePending, FakeUpstream, request, stream_of


async def nothing() -> None:
    pass


def under_way() -> tuple[Stream, TimerWheel, FakePending, FakeUpstream]:
    """A stream with everything under way that can be."""
    wheel = TimerWheel(FakeClock())
    stream = stream_of(request())
    stream.timer = wheel.add(stream, 1)
    pending = FakePending(nothing())
    stream.waiting = pending
    upstream = FakeUpstream()
    upstream.send(stream)
    return stream, wheel, pending, upstream


def test_giving_up_ends_everything_under_way_once() -> None:
    stream, wheel, pending, upstream = under_way()
    stream.give_up()
    stream.give_up()
    assert len(wheel) == 0
    assert pending.is_cancelled
    assert upstream.cancelled == [stream]
    assert not stream.is_over


def test_an_aborted_stream_is_over() -> None:
    stream, _, _, upstream = under_way()
    stream.abort()
    assert stream.is_over
    assert upstream.cancelled == [stream]
    assert upstream.expired == []  # its client has left; that says nothing of the server


def test_a_timeout_gives_up_and_fails_with_envoys_flag() -> None:
    chain = FakeChain()
    stream = stream_of(request(), chain=chain, started=1000.0)
    stream.cluster = Cluster(ClusterConfig(name="c"))
    upstream = FakeUpstream()
    upstream.send(stream)
    stream.on_timer(1000.25)
    assert upstream.expired == upstream.cancelled == [stream]
    (error,) = chain.errors
    assert (error.type, error.flag) == (ErrorType.UNSPECIFIED, "UT")
    assert error.message == "meta protocol router: no reply from cluster 'c' in 0.25 s"
    assert stream.cluster.stats.upstream_rq_timeout == 1


def test_a_request_that_cannot_be_written_fails_and_one_that_the_codec_fails_on_is_rejected() -> None:
    chain, downstream = FakeChain(), FakeDownstream()
    stream_of(request(), chain=chain, downstream=downstream).refuse(EncodeError("no headers here"))
    assert [error.message for error in chain.errors] == [str(EncodeError("no headers here"))]
    bug = CodecBug("codec", "encode", "raised")
    stream_of(request(), chain=chain, downstream=downstream).refuse(bug)
    assert downstream.rejected == [bug]
    assert len(chain.errors) == 1


@pytest.mark.parametrize("kind", [MessageType.REQUEST, MessageType.ONEWAY])
def test_only_a_oneway_is_one(kind: MessageType) -> None:
    assert stream_of(request(message_type=kind)).is_oneway is (kind is MessageType.ONEWAY)
