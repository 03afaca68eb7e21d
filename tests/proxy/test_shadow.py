from __future__ import annotations

from collections.abc import Callable

from metaprotocol_sdk.errors import Error, ErrorType
from metaprotocol_sdk.exceptions import CodecBug
from metaprotocol_sdk.mutation import Mutation
from metaprotocol_sdk.proxy.shadow import Shadow
from metaprotocol_sdk.proxy.stream import Stream
from tests.proxy.fakes import FakeChain, FakeUpstream, request, stream_of


def original(size: int = 10) -> Stream:
    message = request()
    message.origin_message = bytes(size)
    return stream_of(message, chain=FakeChain())


def test_whatever_becomes_of_a_copy_nobody_hears_of_it() -> None:
    shadow = Shadow(limit=10)
    stream = original()
    ends: list[Callable[[Stream], None]] = [
        lambda copy: shadow.respond(copy, request()),
        lambda copy: shadow.fail(copy, Error(ErrorType.UNSPECIFIED, "no")),
        shadow.sent,
        shadow.deliver,
        lambda copy: shadow.reject(copy, CodecBug("c", "encode", "wrote nothing")),
    ]
    for end in ends:
        copy = shadow.copy(stream, Mutation(a="1"))
        assert copy is not None, "the one before has ended"
        assert copy.request is stream.request
        assert copy.mutation == Mutation(a="1")
        end(copy)
        assert copy.is_over
        shadow.end(copy)
    assert not stream.is_over
    assert isinstance(stream.chain, FakeChain)
    assert stream.chain.responses == stream.chain.errors == []


def test_copies_under_way_are_bounded_by_their_bytes() -> None:
    shadow = Shadow(limit=25)
    first, second = shadow.copy(original(), Mutation()), shadow.copy(original(), Mutation())
    assert first is not None
    assert second is not None
    assert shadow.copy(original(), Mutation()) is None
    shadow.end(first)
    assert shadow.copy(original(), Mutation()) is not None


def test_a_copy_that_is_ended_is_given_up_where_it_waits() -> None:
    shadow, upstream = Shadow(), FakeUpstream()
    copy = shadow.copy(original(), Mutation())
    assert copy is not None
    upstream.send(copy)
    shadow.end(copy)
    assert upstream.cancelled == [copy]
