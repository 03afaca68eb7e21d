"""How long a client may take over one message: the clock alone, then a whole proxy."""

from __future__ import annotations

import logging

import pytest

from metaprotocol_sdk.proxy.log import LOGGER_NAME
from metaprotocol_sdk.proxy.net.context import Limits
from metaprotocol_sdk.proxy.net.patience import Patience
from metaprotocol_sdk.proxy.timers import TimerWheel
from tests.proxy.codecs import REPLY, IdCodec, message
from tests.proxy.harness import LOOPS, Backend, proxy, run, until

loops = pytest.mark.parametrize("loop", sorted(LOOPS))


class Sender:
    """A client's connection, and when its patience was at an end."""

    def __init__(self) -> None:
        self.now = 100.0
        self.partial = 0
        self.is_read = True
        self.tired: list[float] = []
        self.wheel = TimerWheel(lambda: self.now)
        self.patience = Patience(self, self.wheel)

    def tire(self) -> None:
        self.tired.append(self.now)

    def sends(self, count: int, whole: int = 0) -> None:
        """So many bytes, after which ``whole`` of those that are there have been taken."""
        self.partial += count - whole
        self.patience.received(count, 5.0)

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.wheel.advance()


def test_a_byte_now_and_then_does_not_prolong_it() -> None:
    sender = Sender()
    sender.sends(3)
    for _ in range(4):
        sender.wait(1.0)
        sender.sends(1)
    assert not sender.tired
    sender.wait(1.1)
    assert sender.tired == [pytest.approx(105.1)]


def test_every_message_has_its_own_time() -> None:
    sender = Sender()
    sender.sends(3)
    for _ in range(9):
        sender.wait(4.0)
        sender.sends(10, whole=10)  # the end of one, and the first bytes of the next
    sender.wait(4.9)
    assert not sender.tired
    sender.wait(0.2)
    assert len(sender.tired) == 1


def test_nothing_is_waited_for_between_messages() -> None:
    sender = Sender()
    sender.sends(10, whole=10)
    assert len(sender.wheel) == 0
    sender.sends(4)
    sender.sends(6, whole=10)
    assert len(sender.wheel) == 0
    sender.sends(4)
    sender.patience.end()
    assert len(sender.wheel) == 0
    sender.wait(60)
    assert not sender.tired


def test_a_client_that_is_not_read_is_not_late() -> None:
    sender = Sender()
    sender.sends(30)
    sender.is_read = False
    sender.wait(6)
    sender.is_read = True
    sender.partial = 10  # what was held back has been taken meanwhile, but for its end
    sender.wait(5.1)
    assert not sender.tired
    sender.wait(5.1)  # now nothing has been taken for the whole of its time
    assert len(sender.tired) == 1


def test_what_was_held_back_and_has_been_taken_needs_no_time() -> None:
    sender = Sender()
    sender.sends(30)
    sender.partial = 0
    sender.wait(6)
    assert not sender.tired
    assert len(sender.wheel) == 0


@loops
def test_a_slow_message_ends_the_connection_behind_the_replies_that_are_due(
    loop: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, LOGGER_NAME)

    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend, limits=Limits(request_timeout=0.05, linger_timeout=0.02)) as running:
            client = await running.client()
            await client.send(message(1, b"whole") + message(2, b"never whole")[:-1])
            link = await backend.request(0)
            await running.counted("downstream_rq_timeout", 1)
            link.transport.write(message(1, b"reply", kind=REPLY))
            assert [each.request_id for each in await client.replies()] == [1]
            assert len(backend.requests) == 1
            await until(lambda: running.count("downstream_cx_active") == 0)

    run(main(), loop)
    assert "took over 0.05 s to send one request; no more is read of it" in caplog.text


@loops
def test_what_is_no_message_is_not_waited_for(loop: str) -> None:
    async def main() -> None:
        async with proxy(Backend(IdCodec()), limits=Limits(request_timeout=0.01, linger_timeout=0.1)) as running:
            client = await running.client()
            await client.send(b"\0" * 20)
            assert await client.replies() == []
            client.half_close()
            await until(lambda: running.count("downstream_cx_active") == 0)
            assert running.count("downstream_rq_timeout") == 0
            assert running.count("request_decoding_error") == 1

    run(main(), loop)


@loops
def test_whoever_sends_whole_messages_may_take_as_long_as_he_likes(loop: str) -> None:
    async def main() -> None:
        async with proxy(Backend(IdCodec()), limits=Limits(request_timeout=0.03)) as running:
            client = await running.client()
            end = running.server._turns.loop.time() + 0.1
            while running.server._turns.loop.time() < end:
                await client.send(message(1, b"a"))
                assert await client.body() == b"a"
            await until(lambda: running.server._turns.loop.time() > end + 0.1)  # and may be idle
            await client.send(message(1, b"b"))
            assert await client.body() == b"b"
            assert running.count("downstream_rq_timeout") == 0
            await client.send(message(2)[:3])
            client.writer.transport.abort()  # its patience goes with it
            await until(lambda: running.count("downstream_cx_active") == 0)
            slots = running.server._turns.wheel._slots.values()
            assert not [item for slot in slots for item in slot if isinstance(item, Patience)]

    run(main(), loop)
