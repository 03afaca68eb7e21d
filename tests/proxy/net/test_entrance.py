"""Headers are taken from a socket with nothing behind them; whole proxies have tests of their own."""

from __future__ import annotations

import asyncio
import socket

import pytest

from metaprotocol_sdk.proxy.net.entrance import _HeaderReader
from metaprotocol_sdk.proxy.peer import Told
from tests.proxy.harness import LOOPS, run
from tests.proxy.net.test_proxy_protocol import GOOD, SIGNATURE

LARGE = (
    SIGNATURE + bytes.fromhex("2111ffff") + bytes.fromhex("c0a8000bc0a80001dce401bb") + b"\x04\xff\xf0" + bytes(65520)
)


@pytest.mark.parametrize("loop", sorted(LOOPS))
@pytest.mark.parametrize("header", [GOOD[0][0], GOOD[6][0], GOOD[8][0], GOOD[11][0]])
def test_every_split_of_a_header_is_read_and_what_is_behind_it_stays(loop: str, header: bytes) -> None:
    async def main() -> None:
        running = asyncio.get_running_loop()
        for at in range(len(header) + 1):
            here, there = socket.socketpair()
            with here, there:
                there.setblocking(False)
                reading = asyncio.ensure_future(_HeaderReader(running, there, frozenset({1, 2})).read())
                here.sendall(header[:at])
                await asyncio.sleep(0)
                here.sendall(header[at:] + b"behind")
                assert isinstance(await reading, Told | None)
                assert there.recv(100) == b"behind"

    run(main(), loop)


def test_a_part_that_is_there_is_not_looked_at_again_and_again() -> None:
    class Counting:
        def __init__(self, sock: socket.socket) -> None:
            self.sock = sock
            self.calls = 0

        def fileno(self) -> int:
            return self.sock.fileno()

        def recv(self, *args: int) -> bytes:
            self.calls += 1
            return self.sock.recv(*args)

    async def main() -> None:
        here, there = socket.socketpair()
        with here, there:
            there.setblocking(False)
            counting = Counting(there)
            reader = _HeaderReader(asyncio.get_running_loop(), counting, frozenset({1, 2}))  # type: ignore[arg-type]
            reading = asyncio.ensure_future(reader.read())
            for part in (LARGE[:5], LARGE[5:16], LARGE[16:1000], LARGE[1000:30000]):
                here.sendall(part)
                for _ in range(50):
                    await asyncio.sleep(0)
            assert counting.calls < 30
            here.setblocking(False)
            await asyncio.get_running_loop().sock_sendall(here, LARGE[30000:])
            assert await reading == GOOD[6][1]

    run(main())


def test_an_end_within_a_header_is_told() -> None:
    async def main() -> None:
        here, there = socket.socketpair()
        with there:
            there.setblocking(False)
            here.sendall(b"PROX")
            here.close()
            with pytest.raises(ConnectionResetError):
                await _HeaderReader(asyncio.get_running_loop(), there, frozenset({1})).read()

    run(main())
