"""Who has more clients than another lets that one go first."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import Any

import pytest

from metaprotocol_sdk.proxy.config.values import Address
from metaprotocol_sdk.proxy.net.loop import Turns
from metaprotocol_sdk.proxy.net.sockets import listening
from metaprotocol_sdk.proxy.workers import accepting
from metaprotocol_sdk.proxy.workers.accepting import EvenAcceptor, Throng
from metaprotocol_sdk.proxy.workers.memory import Block
from tests.proxy.harness import LOOPS, run, until

loops = pytest.mark.parametrize("loop", sorted(LOOPS))


class Worker:
    """One of those that accept from a socket; here they are on one loop, so that nothing depends on the system."""

    def __init__(self, turns: Turns, sock: Any, block: Block, number: int) -> None:
        self.crowd = Throng(block.clients, number)
        block.clients[number] = 0
        self.sock = sock.dup()  # a loop looks at a descriptor for one of them
        self.sock.setblocking(False)
        self.turns = turns
        self.acceptor = EvenAcceptor(
            turns, self.sock, self.protocol, name="main", admit=self.admit, clients=block.clients, worker=number
        )

    async def admit(self, client: socket.socket) -> None:
        await self.turns.loop.connect_accepted_socket(self.protocol, client)

    def close(self) -> None:
        self.acceptor.close()
        self.acceptor.close()
        self.sock.close()

    def protocol(self) -> asyncio.Protocol:
        crowd = self.crowd

        class Client(asyncio.Protocol):
            def connection_made(self, transport: Any) -> None:
                self.transport = transport
                crowd.add(self)

            def connection_lost(self, error: Exception | None) -> None:
                crowd.discard(self)

        return Client()


@loops
@pytest.mark.parametrize("is_burst", [False, True])
def test_clients_come_to_all_alike(loop: str, is_burst: bool) -> None:
    async def main() -> None:
        turns, block = Turns(asyncio.get_running_loop()), Block.create(3)
        with listening(Address("127.0.0.1", 0)) as sock:
            workers = [Worker(turns, sock, block, number) for number in range(2)]  # a third is not there
            connections: list[Any] = []
            for count in (10,) if is_burst else (1,) * 10:
                connect = (asyncio.open_connection(*sock.getsockname()) for _ in range(count))
                connections += await asyncio.gather(*connect)
                there = len(connections)
                await until(lambda there=there: sum(block.clients[:2]) == there)  # type: ignore[misc]
            assert max(block.clients[:2]) - min(block.clients[:2]) <= 2
            assert [len(each.crowd) for each in workers] == list(block.clients[:2])
            for _, writer in connections:
                writer.close()
            await until(lambda: list(block.clients[:2]) == [0, 0])
            for each in workers:
                each.close()
        await turns.close()
        block.close()

    run(main(), loop)


@loops
def test_nobody_waits_long_for_a_worker_that_does_not_come(loop: str) -> None:
    async def main() -> None:
        turns, block = Turns(asyncio.get_running_loop()), Block.create(2)
        block.clients[1] = 0  # it is there, and hangs
        with listening(Address("127.0.0.1", 0)) as sock:
            worker = Worker(turns, sock, block, 0)
            connections = await asyncio.gather(*(asyncio.open_connection(*sock.getsockname()) for _ in range(20)))
            await until(lambda: block.clients[0] == 20)
            worker.close()
            for _, writer in connections:
                writer.close()
            await until(lambda: block.clients[0] == 0)
        await turns.close()
        block.close()

    run(main(), loop)


@loops
def test_one_that_lets_others_go_first_can_be_closed(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accepting, "COURTESY", 3600.0)

    async def main() -> None:
        turns, block = Turns(asyncio.get_running_loop()), Block.create(2)
        block.clients[1] = 0
        with listening(Address("127.0.0.1", 0)) as sock:
            worker = Worker(turns, sock, block, 0)
            block.clients[0] = 5
            _, writer = await asyncio.open_connection(*sock.getsockname())
            await until(lambda: worker.acceptor._courtesy is not None)
            worker.close()
            assert worker.acceptor._courtesy is None
            writer.close()
        await turns.close()
        block.close()

    run(main(), loop)


def test_one_that_is_out_of_descriptors_is_out_once(caplog: pytest.LogCaptureFixture) -> None:
    class Full:
        """A socket of a process that has as many descriptors as it may have."""

        def __init__(self, sock: socket.socket) -> None:
            self.fileno = sock.fileno

        def accept(self) -> Any:
            raise OSError(errno.EMFILE, "too many open files")

    async def main() -> None:
        turns, block = Turns(asyncio.get_running_loop()), Block.create(2)
        block.clients[1] = 0
        with listening(Address("127.0.0.1", 0)) as sock:
            worker = Worker(turns, sock, block, 0)
            block.clients[0] = 5
            worker.acceptor._sock = Full(worker.sock)  # type: ignore[assignment]
            _, writer = await asyncio.open_connection(*sock.getsockname())
            await until(lambda: worker.acceptor._pause is not None)
            worker.close()
            writer.close()
        await turns.close()
        block.close()

    run(main())
    assert caplog.text.count("a client cannot be accepted: too many open files") == 1
