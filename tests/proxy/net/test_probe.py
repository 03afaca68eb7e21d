from __future__ import annotations

import asyncio

import pytest

from metaprotocol_sdk.proxy.cluster.health_check import CheckFailure
from metaprotocol_sdk.proxy.net.probe import CheckFailed, Heard, Probe
from tests.proxy.harness import LOOPS, run

loops = pytest.mark.parametrize("loop", sorted(LOOPS))


class Parrot:
    """Asks ``?``, takes ``!`` for well and ``x`` for not, and is asked ``a`` itself."""

    def ask(self) -> bytes:
        return b"?"

    def hear(self, data: bytes) -> Heard:
        answer = b"b" * data.count(b"a")
        return Heard("" if b"!" in data else "it says x" if b"x" in data else None, answer)


class Far:
    """The server's end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer


async def connected(probe: Probe) -> tuple[Far, asyncio.Server]:
    arrived: asyncio.Future[Far] = asyncio.get_running_loop().create_future()
    server = await asyncio.start_server(lambda *pair: arrived.set_result(Far(*pair)), "127.0.0.1", 0)
    await asyncio.get_running_loop().create_connection(lambda: probe, *server.sockets[0].getsockname())
    return await arrived, server


@loops
def test_questions_are_answered_one_after_the_other(loop: str) -> None:
    async def main() -> None:
        probe = Probe(Parrot())
        far, server = await connected(probe)
        for heard, said, found in (
            (b"?", b"!", None),
            (b"?", b"a!", None),
            (b"b?", b"x", CheckFailed(CheckFailure.ACTIVE, "it says x")),
        ):
            asking = asyncio.ensure_future(probe.ask())
            assert await far.reader.readexactly(len(heard)) == heard
            far.writer.write(said)
            assert await asking == found
        assert probe.is_over
        assert await far.reader.read() == b""
        assert await probe.ask() == CheckFailed(CheckFailure.NETWORK, "it closed the connection")
        far.writer.close()
        server.close()

    run(main(), loop)


@loops
@pytest.mark.parametrize("end", ["close", "abort", "half"])
def test_a_connection_that_ends_is_the_answer(loop: str, end: str) -> None:
    async def main() -> None:
        probe = Probe(Parrot())
        far, server = await connected(probe)
        asking = asyncio.ensure_future(probe.ask())
        await far.reader.readexactly(1)
        if end == "half":
            far.writer.write_eof()
        else:
            getattr(far.writer.transport, end)()
        assert await asking == CheckFailed(CheckFailure.NETWORK, "it closed the connection")
        assert probe.is_over
        far.writer.close()
        server.close()

    run(main(), loop)


@loops
def test_without_a_conversation_a_connection_is_enough(loop: str) -> None:
    async def main() -> None:
        probe = Probe(None)
        far, server = await connected(probe)
        assert await probe.ask() is None
        probe.abort()
        assert await far.reader.read() == b""
        far.writer.close()
        server.close()

    run(main(), loop)


def test_a_server_that_does_not_read_is_told_nothing() -> None:
    class Transport(asyncio.Transport):
        def __init__(self) -> None:
            self.written = b""

        def write(self, data: bytes | bytearray | memoryview) -> None:
            self.written += bytes(data)

    probe, transport = Probe(Parrot()), Transport()
    probe.connection_made(transport)
    probe.pause_writing()
    probe.data_received(b"a")
    assert transport.written == b""
    probe.resume_writing()
    probe.data_received(b"a")
    assert transport.written == b"b"
