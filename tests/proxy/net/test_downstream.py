"""What a client sees: order, pace, and every way a connection can end."""

from __future__ import annotations

import asyncio

import pytest

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.metadata import APPLICATION_PROTOCOL, MessageType
from metaprotocol_sdk.proxy.config.values import (
    MatcherConfig,
    MatchKind,
    RouteConfig,
)
from metaprotocol_sdk.proxy.net.context import Limits
from tests.proxy.codecs import (
    ERROR,
    ONEWAY,
    PING,
    PONG,
    REPLY,
    BuggyCodec,
    IdCodec,
    LineCodec,
    message,
)
from tests.proxy.harness import LOOPS, Backend, Client, echo, proxy, route, run, until

loops = pytest.mark.parametrize("loop", LOOPS)


async def bodies(client: Client, count: int) -> list[bytes]:
    return [await client.body() for _ in range(count)]


# Requests come in.


@loops
@pytest.mark.parametrize("codec", [IdCodec, LineCodec])
def test_pipelined_requests_in_one_write_all_get_their_replies(codec: type[Codec], loop: str) -> None:
    async def main() -> None:
        async with proxy(Backend(codec()), codec=codec) as running:
            client = await running.client()
            wire = [message(n, b"%d" % n) if codec is IdCodec else b"GET %d\n" % n for n in range(50)]
            await client.send(b"".join(wire))
            found = [await client.reply() for _ in range(50)]
            if codec is LineCodec:
                assert [each["text"] for each in found] == [str(n) for n in range(50)]
            else:
                assert {(each.request_id, each.origin_message[10:]) for each in found} == {
                    (n, b"%d" % n) for n in range(50)
                }

    run(main(), loop)


@loops
def test_requests_and_replies_survive_arriving_byte_by_byte(loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend) as running:
            client = await running.client()
            wire = message(1, b"first") + message(2, b"second")
            await client.send(*(wire[i : i + 1] for i in range(len(wire))))
            for index in range(2):
                link = await backend.request(index)
                for byte in echo(backend.requests[index]):
                    link.transport.write(bytes([byte]))
                    await asyncio.sleep(0)
            assert sorted(await bodies(client, 2)) == [b"first", b"second"]

    run(main(), loop)


def test_what_nobody_changes_is_forwarded_byte_for_byte() -> None:
    async def main() -> None:
        backend = Backend(BuggyCodec())
        async with proxy(backend, codec=BuggyCodec) as running:  # its encode raises: it must not be asked
            client = await running.client()
            sent = message(9, bytes(range(256)) * 20, Key="Value", key2="")
            await client.send(sent)
            assert (await client.reply()).origin_message == message(9, bytes(range(256)) * 20, kind=REPLY)
            assert backend.requests[0].origin_message == sent

    run(main())


def test_the_protocols_name_is_a_string_of_every_request_for_routes() -> None:
    async def main() -> None:
        backend = Backend(IdCodec())
        by_protocol = MatcherConfig(APPLICATION_PROTOCOL, MatchKind.EXACT, "app")
        only = RouteConfig(cluster="all", metadata=(by_protocol,))
        async with proxy(backend, routes=[only]) as running:
            client = await running.client()
            await client.send(message(1, b"here"))
            assert await client.body() == b"here"

    run(main())


# Replies go out, in order per request id.


@pytest.mark.parametrize("codec", [IdCodec, LineCodec])
def test_replies_keep_request_order_per_id(codec: type[Codec]) -> None:
    async def main() -> None:
        backend = Backend(codec(), answer=None)
        async with proxy(backend, codec=codec) as running:
            client = await running.client()
            # One id for all with ids, no id without: either way there is one order.
            wire = [message(0, b"%d" % n) if codec is IdCodec else b"GET %d\n" % n for n in range(4)]
            await client.send(b"".join(wire))
            await until(lambda: len(backend.requests) == 4)
            for link in reversed(backend.links):
                for each in link.requests:
                    link.transport.write(echo(each))
            await running.counted("response", 4)
            found = [await client.reply() for _ in range(4)]
            texts = [each.origin_message[-1:] if codec is IdCodec else each["text"].encode() for each in found]
            assert texts == [b"0", b"1", b"2", b"3"]

    run(main())


def test_replies_with_ids_leave_as_they_complete() -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend) as running:
            client = await running.client()
            await client.send(message(1, b"slow") + message(2, b"fast"))
            await until(lambda: len(backend.requests) == 2)
            for body in (b"fast", b"slow"):
                index = backend.bodies().index(body)
                (await backend.request(index)).transport.write(echo(backend.requests[index]))
                assert await client.body() == body

    run(main())


def test_a_oneway_is_forwarded_and_takes_no_turn() -> None:
    async def main() -> None:
        backend = Backend(LineCodec())
        async with proxy(backend, codec=LineCodec) as running:
            client = await running.client()
            await client.send(b"TELL one\nGET two\nTELL three\n")
            assert (await client.reply())["text"] == "two"
            await until(lambda: len(backend.requests) == 3)
            assert (running.count("request_oneway"), running.count("request_twoway")) == (2, 1)

    run(main())


def test_a_oneway_goes_its_way_though_its_client_has_left() -> None:
    async def main() -> None:
        backend = Backend(IdCodec())
        async with proxy(backend) as running:
            client = await running.client()
            await client.send(message(1, b"last words", kind=ONEWAY))
            await running.counted("request_oneway", 1)
            client.reset()
            await until(lambda: backend.bodies() == [b"last words"])

    run(main())


# Messages that are not routed.


def test_heartbeats_are_answered_in_their_turn_and_never_routed() -> None:
    async def main() -> None:
        backend = Backend(LineCodec(), answer=None)
        async with proxy(backend, codec=LineCodec) as running:
            client = await running.client()
            await client.send(b"GET slow\nPING\nPONG\n")
            (await backend.request(0)).transport.write(b"OK slow\n")
            assert [(await client.reply())["verb"] for _ in range(2)] == ["OK", "PONG"]
            assert len(backend.requests) == 1
            assert (running.count("request_event"), running.count("request")) == (2, 1)

    run(main())


def test_a_heartbeats_answer_carries_its_id_and_a_heartbeat_that_is_an_answer_gets_none() -> None:
    async def main() -> None:
        async with proxy(Backend(IdCodec())) as running:
            client = await running.client()
            await client.send(message(3, kind=PONG) + message(4, kind=PING))
            reply = await client.reply()
            assert (reply.request_id, reply.origin_message[1]) == (4, PONG)

    run(main())


@pytest.mark.parametrize("kind", [REPLY, ERROR])
def test_a_client_that_sends_what_servers_send_is_read_no_more_and_gets_the_replies_it_waits_for(kind: int) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend) as running:
            client, other = await running.client(), await running.client()
            await client.send(message(1, b"first") + message(2, kind=kind) + message(3, b"never read"))
            link = await backend.request(0)
            link.transport.write(echo(backend.requests[0]))
            assert [each.request_id for each in await client.replies()] == [1]
            assert running.count("request_unexpected") == 1
            await other.send(message(4, b"other"))
            (await backend.request(1)).transport.write(echo(backend.requests[1]))
            assert await other.body() == b"other"

    run(main())


# Pace and bounds.


def test_no_more_requests_are_read_than_may_be_in_flight() -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend, limits=Limits(in_flight=4)) as running:
            client = await running.client()
            await client.send(b"".join(message(n, b"%d" % n) for n in range(40)))
            await until(lambda: len(backend.requests) == 4)
            assert running.count("request_active") == 4
            answered = 0
            most = 0
            while answered < 40:
                link = await backend.request(answered)
                most = max(most, running.count("request_active"))
                link.transport.write(echo(backend.requests[answered]))
                answered += 1
            assert most == 4
            assert sorted(await bodies(client, 40)) == sorted(b"%d" % n for n in range(40))

    run(main())


def test_requests_answered_at_once_do_not_recurse() -> None:
    async def main() -> None:
        async with proxy(Backend(IdCodec()), routes=[route("nowhere")], limits=Limits(in_flight=1)) as running:
            client = await running.client()
            await client.send(b"".join(message(n) for n in range(3000)))
            assert [(await client.reply()).request_id for _ in range(3000)] == list(range(3000))

    run(main())


@loops
def test_a_client_that_does_not_read_stops_being_read_and_loses_nothing(loop: str) -> None:
    async def main() -> None:
        backend = Backend(LineCodec(), answer=lambda request: b"OK " + b"x" * 200_000 + b"\n")
        async with proxy(backend, codec=LineCodec, limits=Limits(in_flight=8)) as running:
            client = await running.client(limit=1024)
            count = 300
            client.writer.write(b"GET x\n" * count)
            client.half_close()
            seen = -1
            while running.count("request") != seen:  # until it moves no more, though the client waits for 60 MB
                seen = running.count("request")
                for _ in range(200):
                    await asyncio.sleep(0)
            assert seen < count
            found = await client.replies()
            assert len(found) == count
            assert {len(each.origin_message) for each in found} == {200_004}

    run(main(), loop)


def test_a_client_with_too_many_unread_replies_is_cut_off() -> None:
    async def main() -> None:
        backend = Backend(LineCodec(), answer=None)
        limits = Limits(buffered_bytes=100_000, held_bytes=10_000)
        async with proxy(backend, codec=LineCodec, limits=limits) as running:
            client = await running.client()
            await client.send(b"GET first\nGET second\nGET third\n")
            for index in (1, 2):
                (await backend.request(index)).transport.write(b"OK " + b"x" * 60_000 + b"\n")
            assert await client.replies() == []
            assert running.count("downstream_buffer_overflow") == 1

    run(main())


def test_held_replies_stop_more_requests_from_being_read() -> None:
    async def main() -> None:
        backend = Backend(LineCodec(), answer=None)
        async with proxy(backend, codec=LineCodec, limits=Limits(held_bytes=100)) as running:
            client = await running.client()
            await client.send(b"GET first\nGET second\n")
            (await backend.request(1)).transport.write(b"OK " + b"x" * 200 + b"\n")
            await running.counted("response", 1)
            await client.send(b"GET third\n")
            link = await backend.request(0)
            assert running.count("request") == 2
            link.transport.write(b"OK first\n")
            (await backend.request(2)).transport.write(b"OK third\n")
            assert [(await client.reply())["text"][:5] for _ in range(3)] == ["first", "xxxxx", "third"]

    run(main())


def test_idle_means_no_byte_and_no_request() -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend, idle_timeout=0.05) as running:
            busy, idle = await running.client(), await running.client()
            await busy.send(message(1, b"slow"))
            link = await backend.request(0)
            assert await idle.replies() == []
            assert running.count("idle_timeout") == 1
            link.transport.write(echo(backend.requests[0]))
            assert await busy.body() == b"slow"
            assert await busy.replies() == []
            assert running.count("idle_timeout") == 2

    run(main())


def test_more_clients_than_allowed_are_refused() -> None:
    async def main() -> None:
        async with proxy(Backend(IdCodec()), limits=Limits(clients=1)) as running:
            first = await running.client()
            await first.send(message(1, b"a"))
            assert await first.body() == b"a"
            second = await running.client()
            with pytest.raises((ConnectionError, EOFError)):
                await second.reply()
            assert running.count("downstream_cx_overflow") == 1

    run(main())


def test_a_reply_of_type_error_is_forwarded_and_counted() -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=lambda request: message(request.request_id, b"no", kind=ERROR))
        async with proxy(backend) as running:
            client = await running.client()
            await client.send(message(1))
            assert (await client.reply()).message_type is MessageType.ERROR
            assert (running.count("response_business_exception"), running.count("response_error")) == (1, 1)

    run(main())
