"""Clients are taken from a listening socket, and those that cannot be taken now wait in the kernel."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from typing import Any

import pytest

from metaprotocol_sdk.proxy.config.values import Address
from metaprotocol_sdk.proxy.log import LOGGER_NAME
from metaprotocol_sdk.proxy.net.acceptor import Acceptor
from metaprotocol_sdk.proxy.net.loop import Turns
from metaprotocol_sdk.proxy.net.sockets import listening
from tests.proxy.harness import LOOPS, run, until

loops = pytest.mark.parametrize("loop", sorted(LOOPS))


class Greeter(asyncio.Protocol):
    def connection_made(self, transport: Any) -> None:
        transport.write(b"welcome")
        transport.close()


async def greeting(address: tuple[str, int]) -> bytes:
    reader, writer = await asyncio.open_connection(*address)
    found = await reader.read()
    writer.close()
    return found


@loops
def test_clients_are_welcomed_until_it_closes_and_then_by_whoever_is_next(loop: str) -> None:
    async def main() -> None:
        turns = Turns(asyncio.get_running_loop())
        with listening(Address("127.0.0.1", 0)) as sock:
            first = Acceptor(turns, sock, Greeter, name="main")
            assert await asyncio.gather(*(greeting(sock.getsockname()) for _ in range(40))) == [b"welcome"] * 40
            first.close()
            first.close()
            waiting = asyncio.ensure_future(greeting(sock.getsockname()))
            await asyncio.sleep(0)
            assert not waiting.done()
            second = Acceptor(turns, sock, Greeter, name="main", batch=1)
            assert await waiting == b"welcome"
            second.close()
        await turns.close()

    run(main(), loop)


class Refusing:
    """A listening socket whose ``accept`` fails as often as it is told to."""

    def __init__(self, sock: socket.socket, *failures: int) -> None:
        self.sock = sock
        self.failures = list(failures)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sock, name)

    def accept(self) -> Any:
        if self.failures:
            raise OSError(self.failures.pop(0), "in other words")
        return self.sock.accept()


@loops
@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
def test_a_client_waits_while_there_is_no_descriptor_for_it(
    number: int, loop: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        turns = Turns(asyncio.get_running_loop())
        with listening(Address("127.0.0.1", 0)) as sock:
            refusing: Any = Refusing(sock, number, number)
            acceptor = Acceptor(turns, refusing, Greeter, name="main")
            assert await greeting(sock.getsockname()) == b"welcome"
            assert refusing.failures == []
            refusing.failures = [number]
            waiting = asyncio.ensure_future(greeting(sock.getsockname()))
            await until(lambda: len(turns.wheel) == 1)
            acceptor.close()
            assert len(turns.wheel) == 0
            waiting.cancel()
        await turns.close()

    with caplog.at_level(logging.ERROR, LOGGER_NAME):
        run(main(), loop)
    assert {record.getMessage().partition(":")[0] for record in caplog.records} == {"listener main"}


@loops
def test_a_client_that_has_gone_again_hurts_nobody(loop: str) -> None:
    async def main() -> None:
        turns = Turns(asyncio.get_running_loop())
        with listening(Address("127.0.0.1", 0)) as sock:
            refusing: Any = Refusing(sock, errno.ECONNABORTED)
            acceptor = Acceptor(turns, refusing, Greeter, name="main")
            assert await greeting(sock.getsockname()) == b"welcome"
            acceptor.close()
        await turns.close()

    run(main(), loop)
