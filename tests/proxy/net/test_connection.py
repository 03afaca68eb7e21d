from __future__ import annotations

import asyncio

from metaprotocol_sdk.proxy.encoder import Encoder
from metaprotocol_sdk.proxy.metrics import ListenerStats
from metaprotocol_sdk.proxy.net.connection import Connection
from metaprotocol_sdk.proxy.net.context import Context, Limits
from metaprotocol_sdk.proxy.net.loop import Turns
from tests.proxy.codecs import IdCodec
from tests.proxy.fakes import FakeTransport
from tests.proxy.harness import run, until


def connection() -> tuple[Connection, FakeTransport]:
    """Call it with a loop running."""
    context = Context(
        listener="l",
        protocol="p",
        encoder=Encoder(IdCodec(), ListenerStats()),
        turns=Turns(asyncio.get_running_loop()),
        limits=Limits(close_timeout=0.02),
    )
    made, transport = Connection(context, watermark=1000), FakeTransport()
    made.connection_made(transport)
    return made, transport


def test_what_is_written_in_one_turn_goes_out_in_one_write() -> None:
    async def main() -> None:
        made, transport = connection()
        made.write(b"a")
        made.write(b"b")
        assert transport.calls == []
        assert made.unwritten == 7
        await asyncio.sleep(0)
        made.write(b"c")
        await asyncio.sleep(0)
        assert transport.calls == [[b"a", b"b"], b"c"]

    run(main())


def test_closing_writes_what_is_left_first_and_cuts_a_peer_that_does_not_read() -> None:
    async def main() -> None:
        made, transport = connection()
        made.write(b"last")
        made.close()
        made.close()
        made.write(b"too late")
        assert transport.calls == [b"last", "close"]
        await until(lambda: transport.calls[-1] == "abort")

    run(main())


def test_a_peer_that_goes_on_reading_is_not_cut_off() -> None:
    async def main() -> None:
        made, transport = connection()
        made.close()
        for left in (4, 3, 2):
            transport.unwritten = left
            made.on_timer(0)
        assert transport.calls == ["close"]
        made.on_timer(0)
        assert transport.calls == ["close", "abort"]

    run(main())


def test_nothing_is_written_to_a_peer_that_has_gone() -> None:
    async def main() -> None:
        made, transport = connection()
        made.write(b"too late")
        transport.calls.append("close")
        made.flush()
        assert transport.calls == ["close"]

    run(main())


def test_a_connection_that_has_ended_leaves_no_timer() -> None:
    async def main() -> None:
        made, transport = connection()
        made.close()
        made.connection_lost(None)
        assert len(made._context.turns.wheel) == 0
        assert transport.calls == ["close"]

    run(main())


def test_aborting_loses_what_is_unwritten() -> None:
    async def main() -> None:
        made, transport = connection()
        made.write(b"lost")
        made.abort()
        await asyncio.sleep(0)
        assert transport.calls == ["abort"]
        assert made.is_closing

    run(main())


def test_a_peer_without_a_name_is_unknown_and_a_clog_is_remembered() -> None:
    async def main() -> None:
        made, _ = connection()
        assert made.peer == "unknown"
        made.pause_writing()
        assert made.is_clogged
        made.resume_writing()
        assert not made.is_clogged

    run(main())
