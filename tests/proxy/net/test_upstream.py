"""What a server's connection does: pairs replies with requests, and never gives one to the wrong client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.config.values import Address, CircuitBreakersConfig, ClusterConfig, ConnectionConfig
from metaprotocol_sdk.proxy.encoder import Encoder
from metaprotocol_sdk.proxy.metrics import ListenerStats
from metaprotocol_sdk.proxy.net.context import Context
from metaprotocol_sdk.proxy.net.loop import Turns
from metaprotocol_sdk.proxy.net.upstream import UpstreamConnection
from metaprotocol_sdk.proxy.stream import Stream
from tests.proxy.codecs import (
    INIT,
    ONEWAY,
    PING,
    PONG,
    REPLY,
    BuggyCodec,
    FewIdsCodec,
    IdCodec,
    LineCodec,
    RewritingCodec,
    message,
)
from tests.proxy.fakes import FakeDownstream, stream_of
from tests.proxy.harness import LOOPS, Backend, Client, echo, proxy, route, run, until
from tests.proxy.test_encoder import decoded

loops = pytest.mark.parametrize("loop", LOOPS)
modes = pytest.mark.parametrize("multiplexing", [False, True])

CLOSED = b"meta protocol upstream request: remote connection failure '%s'"


# One request at a time, by default.


def test_by_default_a_connection_carries_one_request_at_a_time_and_is_used_again() -> None:
    async def main() -> None:
        backend = Backend(IdCodec())
        async with proxy(backend) as running:
            client = await running.client()
            for n in range(5):
                await client.send(message(n, b"%d" % n))
                assert await client.body() == b"%d" % n
            assert len(backend.links) == 1
            backend.answer = None
            await client.send(message(8) + message(9))
            await until(lambda: len(backend.requests) == 7)
            assert len(backend.links) == 2

    run(main())


@pytest.mark.parametrize("codec", [IdCodec, LineCodec])
def test_a_connection_that_carried_a_oneway_is_used_again_only_if_ids_tell_replies_apart(codec: type[Codec]) -> None:
    async def main() -> None:
        backend = Backend(codec())
        async with proxy(backend, codec=codec) as running:
            client = await running.client()
            lines = [b"TELL a\n", b"GET b\n"]
            wire = lines if codec is LineCodec else [message(1, b"a", kind=ONEWAY), message(2, b"b")]
            await client.send(wire[0])
            await until(lambda: len(backend.requests) == 1)
            await client.send(wire[1])
            await client.reply()
            assert len(backend.links) == (1 if codec is IdCodec else 2)

    run(main())


@modes
def test_an_answer_to_a_oneway_never_reaches_a_request_of_the_same_id(multiplexing: bool) -> None:
    """sofa-rpc-node's Dubbo servers answer oneways, and ids of several clients are often the same."""

    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend, multiplexing=multiplexing) as running:
            teller, asker = await running.client(), await running.client()
            await teller.send(message(7, b"told", kind=ONEWAY))
            link = await backend.request(0)
            await asker.send(message(7, b"asked"))
            answering = await backend.request(1)
            if multiplexing:  # else it has ended
                link.transport.write(echo(backend.requests[0]))
            answering.transport.write(echo(backend.requests[1]))
            assert await asker.body() == b"asked"
            assert len(backend.links) == (1 if multiplexing else 2)
            await asker.send(message(8, b"more"))
            (await backend.request(2)).transport.write(echo(backend.requests[2]))
            assert await asker.body() == b"more"

    run(main())


def test_oneways_without_end_make_a_new_connection_now_and_then() -> None:
    async def main() -> None:
        backend = Backend(IdCodec())
        async with proxy(backend) as running:
            client = await running.client()
            for number in range(600):
                await client.send(message(number, kind=ONEWAY), message(number, kind=ONEWAY))
                await backend.request(2 * number + 1)
            assert len(backend.links) == 3
            await client.send(message(9, b"a"))
            assert await client.body() == b"a"

    run(main())


def test_a_request_finds_its_connection_among_many_that_carried_oneways_of_its_id() -> None:
    async def main() -> None:
        backend, count = Backend(IdCodec(), answer=None), 500
        async with proxy(backend) as running:
            clients = [await running.client() for _ in range(4)]
            for number in range(count):  # each connection is taken by a request behind its oneway
                await clients[number % 4].send(message(7, kind=ONEWAY), message(1000 + number))
                await backend.request(2 * number + 1)
            assert len(backend.links) == count
            for link in backend.links:
                link.transport.write(echo(link.requests[1]))
            await running.counted("upstream_rq_active", 0)
            backend.answer = echo
            client = await running.client()
            await client.send(message(7, b"seven"))
            assert await client.body() == b"seven"
            assert len(backend.links) == count + 1
            assert len(backend.open_links) == count

    run(main())


def test_bytes_on_an_idle_connection_close_it() -> None:
    async def main() -> None:
        backend = Backend(LineCodec())
        async with proxy(backend, codec=LineCodec) as running:
            client = await running.client()
            await client.send(b"GET a\n")
            await client.reply()
            backend.links[0].transport.write(b"OK nobody asked\n")
            await until(lambda: backend.links[0].is_lost)
            await client.send(b"GET b\n")
            assert (await client.reply())["text"] == "b"
            assert running.count("response_unmatched") == 1

    run(main())


@pytest.mark.parametrize("extra", [b"OK second\n", b"OK unfini"])
def test_what_follows_a_reply_never_reaches_the_next_request(extra: bytes) -> None:
    async def main() -> None:
        backend = Backend(LineCodec(), answer=None)
        async with proxy(
            backend, codec=LineCodec, circuit_breakers=CircuitBreakersConfig(max_connections=1)
        ) as running:
            first, second = await running.client(), await running.client()
            await first.send(b"GET a\n")
            link = await backend.request(0)
            await second.send(b"GET b\n")  # waits for the only connection
            await running.counted("upstream_rq_pending_active", 1)
            link.transport.write(b"OK a\n" + extra)
            assert (await first.reply())["text"] == "a"
            other = await backend.request(1)
            assert other is not link
            other.transport.write(b"OK b\n")
            assert (await second.reply())["text"] == "b"

    run(main())


@modes
def test_a_reply_with_an_id_nobody_waits_for_is_dropped_and_the_wait_goes_on(multiplexing: bool) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend, multiplexing=multiplexing) as running:
            client = await running.client()
            await client.send(message(7, b"mine"))
            link = await backend.request(0)
            wire_id = backend.requests[0].request_id
            link.transport.write(message(wire_id + 99, b"other", kind=REPLY) + message(wire_id, b"mine", kind=REPLY))
            reply = await client.reply()
            assert (reply.request_id, reply.origin_message[10:]) == (7, b"mine")
            assert running.count("response_unmatched") == 1

    run(main())


# Shared by many clients.


@loops
def test_two_clients_may_use_the_same_id_on_one_shared_connection(loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend, multiplexing=True) as running:
            clients = [await running.client() for _ in range(3)]
            for n, client in enumerate(clients):
                await client.send(message(7, b"%d" % n))
            await until(lambda: len(backend.requests) == 3)
            assert len(backend.links) == 1
            assert len({each.request_id for each in backend.requests}) == 3
            for each in reversed(backend.requests):
                backend.links[0].transport.write(echo(each))
            for n, client in enumerate(clients):
                reply = await client.reply()
                assert (reply.request_id, reply.origin_message[10:]) == (7, b"%d" % n)

    run(main(), loop)


def test_one_clients_requests_of_one_id_share_a_connection_and_keep_their_order() -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend, multiplexing=True) as running:
            client = await running.client()
            await client.send(b"".join(message(0, b"%d" % n) for n in range(3)))
            await until(lambda: len(backend.requests) == 3)
            for each in reversed(backend.requests):
                backend.links[0].transport.write(echo(each))
            assert [await client.body() for _ in range(3)] == [b"0", b"1", b"2"]

    run(main())


def test_an_id_in_flight_is_never_given_again_and_another_connection_is_made_when_all_are() -> None:
    async def main() -> None:
        backend = Backend(FewIdsCodec(), answer=None)
        async with proxy(backend, codec=FewIdsCodec, multiplexing=True) as running:
            client = await running.client()
            await client.send(b"".join(message(n, b"%d" % n) for n in range(7)))
            await until(lambda: len(backend.requests) == 7)
            for link in backend.links:
                ids = [each.request_id for each in link.requests]
                assert len(set(ids)) == len(ids)
                assert set(ids) <= set(FewIdsCodec.request_ids)
            assert sorted(len(link.requests) for link in backend.links) == [1, 3, 3]
            for index in range(7):
                (await backend.request(index)).transport.write(echo(backend.requests[index]))
            found = [await client.reply() for _ in range(7)]
            assert {(each.request_id, each.origin_message[10:]) for each in found} == {(n, b"%d" % n) for n in range(7)}

    run(main())


def test_the_id_of_a_request_given_up_is_not_used_until_its_late_answer(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        backend = Backend(FewIdsCodec(), answer=None)
        routes = [route("all", timeout=0.03, fate="late"), route("all")]
        async with proxy(backend, codec=FewIdsCodec, multiplexing=True, routes=routes) as running:
            client = await running.client()
            await client.send(message(1, b"late", fate="late"))
            link = await backend.request(0)
            assert (await client.reply()).request_id == 1
            for n in range(2, 8):  # six more go round the other two ids
                await client.send(message(n, b"%d" % n))
                assert await backend.request(n - 1) is link
                link.transport.write(echo(backend.requests[n - 1]))
                assert (await client.reply()).request_id == n
            late = backend.requests[0].request_id
            assert late not in {each.request_id for each in backend.requests[1:]}
            link.transport.write(echo(backend.requests[0]))
            await running.counted("response_unmatched", 1)
            backend.answer = echo
            for n in range(8, 11):
                await client.send(message(n, b"%d" % n))
                assert await client.body() == b"%d" % n
            assert late in {each.request_id for each in backend.requests[1:]}
            assert len(backend.links) == 1

    run(main())
    assert "answers no request" not in caplog.text  # it is counted, and nobody's fault


def test_a_connection_whose_every_id_is_quarantined_is_replaced() -> None:
    async def main() -> None:
        backend = Backend(FewIdsCodec(), answer=None)
        async with proxy(backend, codec=FewIdsCodec, multiplexing=True, routes=[route("all", timeout=0.03)]) as running:
            client = await running.client()
            await client.send(message(1) + message(2) + message(3))
            for _ in range(3):
                await client.reply()
            await until(lambda: backend.links[0].is_lost)
            backend.answer = echo
            await client.send(message(4, b"x"))
            assert await client.body() == b"x"

    run(main())


@pytest.mark.parametrize("limit", [ConnectionConfig(max_requests=2), ConnectionConfig(max_duration=0.02)])
@loops
def test_a_shared_connection_that_takes_no_more_ends_when_its_last_request_is_given_up(
    limit: ConnectionConfig, loop: str
) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        routes = [route("all", timeout=0.1)]
        async with proxy(backend, multiplexing=True, routes=routes, connections=limit) as running:
            client = await running.client()
            await client.send(message(1) + message(2))
            for _ in range(2):
                await client.reply()
            await until(lambda: [link.is_lost for link in backend.links] == [True])
            await running.counted("upstream_cx_active", 0)
            assert running.count("upstream_cx_destroy_local") == 1

    run(main(), loop)


def test_a_client_that_leaves_a_shared_connection_disturbs_nobody() -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend, multiplexing=True) as running:
            gone, stays = await running.client(), await running.client()
            await gone.send(message(1, b"gone"))
            await backend.request(0)
            await stays.send(message(1, b"stays"))
            link = await backend.request(1)
            gone.reset()
            await running.counted("upstream_rq_cancelled", 1)
            for each in backend.requests:
                link.transport.write(echo(each))
            assert await stays.body() == b"stays"
            assert not link.is_lost
            assert running.count("response_unmatched") == 1

    run(main())


@modes
def test_a_oneway_leaves_its_id_free(multiplexing: bool) -> None:
    async def main() -> None:
        backend = Backend(FewIdsCodec())
        async with proxy(backend, codec=FewIdsCodec, multiplexing=multiplexing) as running:
            client = await running.client()
            await client.send(b"".join(message(n, kind=ONEWAY) for n in range(9)))
            await client.send(message(5, b"x"))
            assert await client.body() == b"x"
            await until(lambda: len(backend.requests) == 10)
            assert running.count("request_active") == 0

    run(main())


# Heartbeats and what else servers say.


@modes
def test_a_servers_heartbeat_is_answered_and_the_reply_behind_it_delivered(multiplexing: bool) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend, multiplexing=multiplexing) as running:
            client = await running.client()
            await client.send(message(1, b"x"))
            link = await backend.request(0)
            link.transport.write(
                message(77, kind=PING) + message(78, kind=PONG) + message(79, kind=INIT) + echo(backend.requests[0])
            )
            assert await client.body() == b"x"
            heartbeat = await asyncio.wait_for(_request_with_id(backend, 77), 5)
            assert heartbeat == PONG
            assert running.count("response_unmatched") == 1  # the stream nobody opened

    run(main())


async def _request_with_id(backend: Backend, request_id: int) -> int:
    await until(lambda: any(each.request_id == request_id for each in backend.requests))
    return next(each.origin_message[1] for each in backend.requests if each.request_id == request_id)


def test_a_heartbeat_on_an_idle_connection_is_answered_and_the_connection_kept() -> None:
    async def main() -> None:
        backend = Backend(IdCodec())
        async with proxy(backend) as running:
            client = await running.client()
            await client.send(message(1, b"x"))
            await client.reply()
            backend.links[0].transport.write(message(9, kind=PING))
            assert await _request_with_id(backend, 9) == PONG
            await client.send(message(2, b"y"))
            assert await client.body() == b"y"
            assert len(backend.links) == 1

    run(main())


# What goes wrong.


async def errors_of(client: Client, count: int) -> list[tuple[int, str, bytes]]:
    found = [await client.reply() for _ in range(count)]
    return [(each.request_id, each["type"], each.origin_message[each.header_size :]) for each in found]


@loops
@modes
@pytest.mark.parametrize("partial", [b"", message(1, b"cut", kind=REPLY)[:-1]])
def test_a_server_that_closes_before_a_full_reply_is_an_error_reply(
    partial: bytes, multiplexing: bool, loop: str
) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend, multiplexing=multiplexing) as running:
            client = await running.client()
            await client.send(message(1))
            link = await backend.request(0)
            link.transport.write(partial)
            link.transport.close()
            text = CLOSED % str(backend.address).encode()
            assert await errors_of(client, 1) == [(1, "UNSPECIFIED", text)]
            backend.answer = echo
            await client.send(message(2, b"again"))
            assert await client.body() == b"again"

    run(main(), loop)


@modes
def test_an_undecodable_reply_fails_the_requests_of_that_connection_alone(multiplexing: bool) -> None:
    async def main() -> None:
        backend, healthy = Backend(IdCodec(), answer=None), Backend(IdCodec(), answer=None)
        async with proxy(backend, healthy, multiplexing=multiplexing) as running:
            client = await running.client()
            await client.send(message(1, b"bad") + message(2, b"good"))
            link = await backend.request(0)
            await healthy.request(0)
            link.transport.write(b"garbage that is no message")
            assert await errors_of(client, 1) == [
                (1, "BAD_RESPONSE", b"malformed message at byte 0: magic 0x67, kind 97")
            ]
            await until(lambda: link.is_lost)
            (await healthy.request(0)).transport.write(echo(healthy.requests[0]))
            assert await client.body() == b"good"
            assert running.count("response_decoding_error") == 1
            assert running.count("response_error_caused_connection_close") == 1

    run(main())


def test_every_request_of_a_shared_connection_fails_with_it() -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend, multiplexing=True) as running:
            first, second = await running.client(), await running.client()
            await first.send(message(1) + message(2))
            await second.send(message(1))
            await until(lambda: len(backend.requests) == 3)
            backend.links[0].transport.write(b"garbage that is no message")
            assert {each[:2] for each in await errors_of(first, 2)} == {(1, "BAD_RESPONSE"), (2, "BAD_RESPONSE")}
            assert [each[:2] for each in await errors_of(second, 1)] == [(1, "BAD_RESPONSE")]

    run(main())


class BuggyReplies(BuggyCodec):
    encode = IdCodec.encode
    on_error = IdCodec.on_error


@modes
def test_a_codec_that_breaks_on_a_reply_costs_that_connection(
    multiplexing: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend, codec=BuggyReplies, multiplexing=multiplexing) as running:
            client = await running.client()
            await client.send(message(1))
            link = await backend.request(0)
            link.transport.write(message(1, b"break-response", kind=REPLY))
            ((_, kind, text),) = await errors_of(client, 1)
            assert kind == "BAD_RESPONSE"
            assert b"KeyError" not in text
            backend.answer = echo
            await client.send(message(2, b"fine"))
            assert await client.body() == b"fine"
            assert running.count("codec_bug") == 1

    run(main())
    assert "bug in codec 'idrpc': decode raised KeyError" in caplog.text


@modes
def test_a_server_that_does_not_answer_in_time_is_an_error_reply_and_its_answer_is_never_delivered(
    multiplexing: bool,
) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        routes = [route("all", timeout=0.03, fate="late"), route("all")]
        async with proxy(backend, multiplexing=multiplexing, routes=routes) as running:
            client = await running.client()
            await client.send(message(1, b"late", fate="late"))
            link = await backend.request(0)
            ((request_id, kind, text),) = await errors_of(client, 1)
            assert (request_id, kind) == (1, "UNSPECIFIED")
            assert text.startswith(b"meta protocol router: no reply from cluster 'all' in 0.0")
            assert running.count("upstream_rq_timeout") == 1
            if multiplexing:
                link.transport.write(echo(backend.requests[0]))
            else:
                await until(lambda: link.is_lost)
            backend.answer = echo
            await client.send(message(1, b"next"))
            assert await client.body() == b"next"

    run(main())


def test_a_timeout_of_a_protocol_without_ids_ends_its_connection() -> None:
    async def main() -> None:
        backend = Backend(LineCodec(), answer=None)
        async with proxy(backend, codec=LineCodec, routes=[route("all", timeout=0.03)]) as running:
            client = await running.client()
            await client.send(b"GET late\n")
            assert (await client.reply())["verb"] == "ERR"
            await until(lambda: backend.links[0].is_lost)

    run(main())


# Codecs that write.


@modes
def test_a_codec_that_rewrites_is_asked_for_every_request_and_reply(multiplexing: bool) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=lambda request: message(request.request_id, b"quiet", kind=REPLY))
        async with proxy(backend, codec=RewritingCodec, multiplexing=multiplexing) as running:
            client = await running.client()
            await client.send(message(1, b"quiet"))
            assert await client.body() == b"LOUDE"
            assert backend.bodies() == [b"LOUDE"]

    run(main())


# Back-pressure and rest.


@loops
@modes
def test_a_server_that_does_not_read_stops_its_client_from_being_read(multiplexing: bool, loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec())
        async with proxy(backend, multiplexing=multiplexing) as running:
            client = await running.client()
            await client.send(message(0, b"warm"))
            await client.body()
            backend.links[0].transport.pause_reading()
            count = 400
            body = b"x" * 60_000
            client.writer.write(b"".join(message(n, body, kind=ONEWAY) for n in range(count)))
            assert await _quiet(lambda: running.count("request_oneway")) < count
            backend.links[0].transport.resume_reading()
            await until(lambda: len(backend.requests) == count + 1)

    run(main(), loop)


def test_a_server_that_goes_away_lets_the_clients_it_stopped_go_on() -> None:
    async def main() -> None:
        backend = Backend(IdCodec())
        async with proxy(backend, multiplexing=True) as running:
            client = await running.client()
            await client.send(message(0, b"warm"))
            await client.body()
            backend.links[0].transport.pause_reading()
            count = 400
            client.writer.write(b"".join(message(n, b"x" * 60_000, kind=ONEWAY) for n in range(count)))
            await _quiet(lambda: running.count("request_oneway"))
            backend.links[0].transport.abort()
            await running.counted("request_oneway", count)

    run(main())


async def _quiet(counter: Callable[[], int]) -> int:
    """What a counter stands at once it moves no more, though the loop turns."""
    seen = -1
    while counter() != seen:
        seen = counter()
        for _ in range(200):
            await asyncio.sleep(0)
    return seen


@loops
def test_a_client_that_does_not_read_slows_the_server_that_answers_it(loop: str) -> None:
    async def main() -> None:
        size = 14_000_000
        backend = Backend(LineCodec(), answer=None)
        async with proxy(backend, codec=LineCodec) as running:
            client = await running.client(limit=1024)
            await client.send(b"GET first\nGET second\n")
            await until(lambda: len(backend.requests) == 2)
            texts = [each["text"] for each in backend.requests]
            first, second = [await backend.request(texts.index(text)) for text in ("first", "second")]
            big = b"OK " + b"x" * size + b"\n"
            first.transport.write(big)
            await running.counted("response", 1)
            await asyncio.sleep(0)
            second.transport.write(big)
            assert await _quiet(second.transport.get_write_buffer_size) > 0
            for _ in range(2):
                assert len((await client.reply()).origin_message) == len(big)

    run(main(), loop)


class FakePool:
    """A pool of one connection that is never made."""

    def __init__(self) -> None:
        stats = ListenerStats()
        self.context = Context(
            listener="l", protocol="p", encoder=Encoder(IdCodec(), stats), turns=Turns(asyncio.get_running_loop())
        )
        self.cluster = Cluster(ClusterConfig(name="c"))
        self.breaker = self.cluster.breaker
        self.endpoint = Endpoint(Address("127.0.0.1", 1))
        self.is_shared = self.is_bound = False

    def hand_on(self, stream: Stream) -> None:
        raise AssertionError("no oneway was sent")

    def update(self, connection: UpstreamConnection) -> None:
        raise AssertionError("nothing was received")

    def lost(self, connection: UpstreamConnection) -> None:
        pass


def test_a_request_whose_client_does_not_read_already_starts_without_reading_its_reply() -> None:
    class Transport(asyncio.Transport):
        is_paused = False

        def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
            pass

        def pause_reading(self) -> None:
            self.is_paused = True

        def write(self, data: object) -> None:
            pass

    async def main() -> None:
        connection, transport = UpstreamConnection(FakePool()), Transport()
        connection.connection_made(transport)
        connection.adopt()
        downstream = FakeDownstream()
        downstream.is_clogged = True
        connection.start(stream_of(decoded(message(1)), downstream=downstream))
        assert transport.is_paused

    run(main())


def test_a_connection_nobody_uses_is_closed_in_the_end_and_one_in_use_is_not() -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend, connections=ConnectionConfig(idle_timeout=0.03)) as running:
            client = await running.client()
            await client.send(message(1, b"slow") + message(2, b"quick"))
            await until(lambda: len(backend.requests) == 2)
            index = backend.bodies().index(b"quick")
            quick, slow = await backend.request(index), await backend.request(1 - index)
            quick.transport.write(echo(backend.requests[index]))
            await until(lambda: quick.is_lost)
            assert not slow.is_lost

    run(main())
