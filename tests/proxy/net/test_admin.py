"""The admin port: what a socket may send it, and for how long."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import h11
import pytest

from metaprotocol_sdk.proxy.admin.message import Request, Response
from metaprotocol_sdk.proxy.config.values import Address
from metaprotocol_sdk.proxy.net import admin
from metaprotocol_sdk.proxy.net.admin import MAX_BODY, MAX_CONNECTIONS, MAX_HEAD, AdminServer
from metaprotocol_sdk.proxy.net.sockets import listening
from tests.proxy.harness import LOOPS, run, until

both_loops = pytest.mark.parametrize("loop", LOOPS)


async def say(request: Request) -> Response:
    """What was asked, back."""
    said = [request.method, request.path, dict(request.query), request.headers.get("x-a", "")]
    return Response(json.dumps(said), headers={"x-said": "1"})


Socket = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Port:
    def __init__(self, server: AdminServer) -> None:
        self.server = server
        self.opened: list[asyncio.StreamWriter] = []

    async def open(self, data: bytes = b"") -> Socket:
        reader, writer = await asyncio.open_connection(*self.server.bound)
        self.opened.append(writer)
        writer.write(data)
        return reader, writer


@asynccontextmanager
async def serving(respond: Callable[[Request], Awaitable[Response]] = say) -> AsyncIterator[Port]:
    before = asyncio.all_tasks()
    port = Port(AdminServer(listening(Address("127.0.0.1", 0)), respond))
    try:
        yield port
    finally:
        for writer in port.opened:
            writer.transport.abort()
        await port.server.close()
        await until(lambda: asyncio.all_tasks() <= before)


async def response(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], str]:
    """Status, header fields and body of the next response."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.splitlines()
    headers = dict(line.split(": ", 1) for line in lines if line)
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return int(first.split()[1]), headers, body.decode()


@both_loops
def test_requests_follow_each_other_on_one_connection_however_they_are_cut(loop: str) -> None:
    async def main() -> None:
        async with serving() as port:
            reader, writer = await port.open()
            wire = b"GET /a?x=1 HTTP/1.1\r\nHost: h\r\nX-A: 1\r\n\r\n"
            wire += b"POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
            for index in range(0, len(wire), 7):
                writer.write(wire[index : index + 7])
                await asyncio.sleep(0)
            status, headers, body = await response(reader)
            assert (status, json.loads(body)) == (200, ["GET", "/a", {"x": "1"}, "1"])
            assert (headers["x-said"], headers["cache-control"]) == ("1", "no-cache, max-age=0")
            assert json.loads((await response(reader))[2]) == ["POST", "/b", {}, ""]

    run(main(), loop)


@both_loops
def test_a_head_has_the_length_and_no_body(loop: str) -> None:
    async def main() -> None:
        async with serving() as port:
            reader, _ = await port.open(b"HEAD /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            assert b"content-length: %d\r\n" % len('["HEAD", "/a", {}, ""]') in head
            assert json.loads((await response(reader))[2])[1] == "/b"

    run(main(), loop)


@both_loops
@pytest.mark.parametrize("head", [b"GET / HTTP/1.0\r\n\r\n", b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"])
def test_who_wants_one_response_gets_one_and_the_end(loop: str, head: bytes) -> None:
    async def main() -> None:
        async with serving() as port:
            reader, _ = await port.open(head)
            assert (await response(reader))[0] == 200
            assert await reader.read() == b""
            await until(lambda: not len(port.server.connections))

    run(main(), loop)


@both_loops
def test_who_closes_its_side_gets_its_response_still(loop: str) -> None:
    async def main() -> None:
        async with serving() as port:
            reader, writer = await port.open(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            writer.write_eof()
            assert (await response(reader))[0] == 200
            assert await reader.read() == b""

    run(main(), loop)


@both_loops
@pytest.mark.parametrize(
    ("wire", "status"),
    [
        (b"\x16\x03\x01 TLS\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),  # no host
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"a" * MAX_HEAD, 431),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999\r\n\r\n" + b"a" * (MAX_BODY + 1), 413),
        (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"GET /?" + b"a&" * 200 + b" HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        (b"GET /a\r\nX: y HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    ],
)
def test_what_is_no_request_is_told_so(loop: str, wire: bytes, status: int) -> None:
    async def main() -> None:
        async with serving() as port:
            reader, writer = await port.open(wire)
            found, headers, _ = await response(reader)
            assert found == status
            if headers.get("connection") == "close":
                assert await reader.read() == b""
            writer.close()
            reader, _ = await port.open(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            assert (await response(reader))[0] == 200

    run(main(), loop)


@both_loops
def test_who_asks_whether_to_send_a_body_is_told_to(loop: str) -> None:
    async def main() -> None:
        async with serving() as port:
            head = b"POST /b HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
            reader, writer = await port.open(head)
            assert (await response(reader))[0] == 100
            writer.write(b"abc")
            assert (await response(reader))[0] == 200

    run(main(), loop)


@both_loops
def test_whoever_is_too_slow_is_closed(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "TIMEOUT", 0.05)

    async def main() -> None:
        async with serving() as port:
            for wire in (b"", b"GET / HT", b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\na"):
                reader, _ = await port.open(wire)
                with suppress(ConnectionResetError):
                    assert await reader.read() == b""
            await until(lambda: not len(port.server.connections))

    run(main(), loop)


@both_loops
def test_there_are_only_so_many_at_once(loop: str, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with serving() as port:
            held = [await port.open(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n") for _ in range(MAX_CONNECTIONS)]
            for reader, _ in held:
                assert (await response(reader))[0] == 200
            reader, _ = await port.open()
            assert await reader.read() == b""
            held[0][1].close()
            await until(lambda: len(port.server.connections) < MAX_CONNECTIONS)
            reader, _ = await port.open(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            assert (await response(reader))[0] == 200

    run(main(), loop)
    assert caplog.messages == [f"admin: a client is refused, for {MAX_CONNECTIONS} are here already"]


@both_loops
def test_nothing_more_is_read_until_a_request_is_answered(loop: str) -> None:
    async def main() -> None:
        go = asyncio.Event()
        asked: list[str] = []

        async def slow(request: Request) -> Response:
            asked.append(request.path)
            await go.wait()
            return Response("x")

        async with serving(slow) as port:
            reader, _ = await port.open(b"".join(b"GET /%d HTTP/1.1\r\nHost: h\r\n\r\n" % n for n in range(3)))
            await until(lambda: bool(asked))
            await asyncio.sleep(0)
            assert asked == ["/0"]
            go.set()
            for _ in range(3):
                assert (await response(reader))[0] == 200
            assert asked == ["/0", "/1", "/2"]

    run(main(), loop)


@both_loops
def test_a_client_that_leaves_while_it_is_answered_disturbs_nobody(loop: str) -> None:
    async def main() -> None:
        go, asked = asyncio.Event(), asyncio.Event()

        async def slow(request: Request) -> Response:
            asked.set()
            await go.wait()
            return Response("x")

        async with serving(slow) as port:
            _, writer = await port.open(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            await asked.wait()
            writer.transport.abort()
            go.set()
            reader, _ = await port.open(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            assert (await response(reader))[0] == 200

    run(main(), loop)


def test_a_proxy_without_an_admin_port_does_not_load_its_library() -> None:
    program = "import sys, metaprotocol_sdk.proxy.process; print('h11' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@both_loops
def test_a_close_lets_a_response_end_and_closes_who_is_idle(loop: str) -> None:
    async def main() -> None:
        go, asked = asyncio.Event(), asyncio.Event()

        async def slow(request: Request) -> Response:
            asked.set()
            await go.wait()
            return Response("last")

        async with serving(slow) as port:
            idle, _ = await port.open()
            reader, _ = await port.open(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            await asked.wait()
            closing = asyncio.ensure_future(port.server.close())
            assert await idle.read() == b""
            go.set()
            assert (await response(reader))[2] == "last"
            assert await reader.read() == b""
            await closing

    run(main(), loop)


@both_loops
def test_a_response_is_what_another_reader_of_http_reads(loop: str) -> None:
    async def main() -> None:
        async def respond(request: Request) -> Response:
            return Response("ü\ud800", 404)

        async with serving(respond) as port:
            reader, _ = await port.open(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            client = h11.Connection(h11.CLIENT)
            client.send(h11.Request(method="GET", target="/", headers=[("host", "h")]))
            client.send(h11.EndOfMessage())
            found: list[object] = []
            while not isinstance(found[-1:] and found[-1], h11.EndOfMessage):
                event = client.next_event()
                if event is h11.NEED_DATA:
                    client.receive_data(await reader.read(100))
                else:
                    found.append(event)
            head, data = found[0], found[1]
            assert isinstance(head, h11.Response)
            assert isinstance(data, h11.Data)
            assert (head.status_code, data.data.decode()) == (404, "ü\\ud800")

    run(main(), loop)
