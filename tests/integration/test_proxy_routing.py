"""A proxy as its users configure it: Envoy's YAML, a reference codec, routes, mutations."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from metaprotocol_sdk.errors import ErrorType
from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.mutation import Mutation
from metaprotocol_sdk.proxy.config import parse_config
from metaprotocol_sdk.proxy.config.values import ClusterConfig, EndpointConfig, MatcherConfig, MatchKind, RouteConfig
from metaprotocol_sdk.proxy.filters.filter import Filter, Verdict
from metaprotocol_sdk.proxy.server import Server
from metaprotocol_sdk.proxy.stream import Stream
from reference_codecs.awesomerpc.codec import CODES, AwesomerpcCodec
from tests.proxy.codecs import REPLY, IdCodec, StubbornCodec, message
from tests.proxy.harness import Backend, Client, echo, proxy, run, until

HEADER = struct.Struct(">bIIhh")

CONFIG = """
static_resources:
  listeners:
  - name: front
    address: {{socket_address: {{address: 127.0.0.1, port_value: 0}}}}
    filter_chains:
    - filters:
      - name: aeraki.meta_protocol_proxy
        typed_config:
          '@type': type.googleapis.com/aeraki.meta_protocol_proxy.v1alpha.MetaProtocolProxy
          stat_prefix: front
          protocol: {{name: awesomerpc, codec: {{name: aeraki.meta_protocol.codec.awesomerpc}}, multiplexing: {mux}}}
          route_config:
            name: routes
            routes:
            - match: {{metadata: [{{name: CMD, exact_match: '3'}}]}}
              route: {{cluster: two}}
              request_mutation: [{{key: cmd, value: '33'}}]
            - match: {{metadata: [{{name: cmd, prefix_match: '4'}}]}}
              route: {{cluster: one}}
              request_mutation: [{{key: x-mark, value: v2}}]
            - match: {{metadata: [{{name: cmd, exact_match: '5'}}]}}
              route: {{cluster: missing}}
            - match: {{metadata: [{{name: cmd, exact_match: '6'}}]}}
              route: {{cluster: empty}}
  clusters:
  - name: one
    load_assignment: {{cluster_name: one, endpoints: [{{lb_endpoints: [{endpoint}]}}]}}
  - name: two
    load_assignment: {{cluster_name: two, endpoints: [{{lb_endpoints: [{other}]}}]}}
  - name: empty
    load_assignment: {{cluster_name: empty}}
"""


def awesome(request_id: int, command: int, body: bytes = b"", code: int = 0) -> bytes:
    return HEADER.pack(1, request_id, HEADER.size + len(body), command, code) + body


def command_and_body(metadata: Metadata) -> tuple[int, bytes]:
    return HEADER.unpack_from(metadata.origin_message)[3], metadata.origin_message[HEADER.size :]


def reply(request: Metadata) -> bytes:
    return awesome(request.request_id, *command_and_body(request))


def endpoint(backend: Backend) -> str:
    host, port = backend.address.host, backend.address.port
    return f"{{endpoint: {{address: {{socket_address: {{address: {host}, port_value: {port}}}}}}}}}"


@asynccontextmanager
async def configured(multiplexing: bool) -> AsyncIterator[tuple[Client, Server, Backend, Backend]]:
    backends = [Backend(AwesomerpcCodec(), answer=reply) for _ in range(2)]
    listening = [await backend.start() for backend in backends]
    mux = str(multiplexing).lower()
    text = CONFIG.format(mux=mux, endpoint=endpoint(backends[0]), other=endpoint(backends[1]))
    server = Server(parse_config(text))
    await server.start()
    client = Client(AwesomerpcCodec(), *await asyncio.open_connection(*server.addresses["front"]))
    yield client, server, backends[0], backends[1]
    client.writer.transport.abort()
    await server.stop()
    for each in listening:
        each.close()


@pytest.mark.parametrize("multiplexing", [False, True])
def test_envoys_yaml_routes_a_reference_codecs_messages(multiplexing: bool) -> None:
    async def main() -> None:
        async with configured(multiplexing) as (client, server, one, two):
            await client.send(awesome(1, 3, b"to two"))
            found = await client.reply()
            assert (found.request_id, command_and_body(found)) == (1, (33, b"to two"))
            assert [command_and_body(each) for each in two.requests] == [(33, b"to two")]
            await client.send(awesome(2, 41, b"to one"))
            assert command_and_body(await client.reply()) == (41, b"to one")
            assert [command_and_body(each) for each in one.requests] == [(41, b"to one")]
            assert server.snapshot()["meta_protocol.awesomerpc.front.mutation_failed"] == 1

    run(main())


FAILURES = [
    (7, ErrorType.ROUTE_NOT_FOUND, b"meta protocol router: no matched route for request '9'"),
    (5, ErrorType.CLUSTER_NOT_FOUND, b"meta protocol router: unknown cluster 'missing'"),
    (6, ErrorType.NO_HEALTHY_UPSTREAM, b"meta protocol router: no healthy upstream for 'empty'"),
]


@pytest.mark.parametrize(("command", "kind", "text"), FAILURES)
def test_a_request_without_a_way_is_answered_by_on_error(command: int, kind: ErrorType, text: bytes) -> None:
    async def main() -> None:
        async with configured(False) as (client, *_):
            await client.send(awesome(9, command))
            found = await client.reply()
            assert found.request_id == 9
            assert HEADER.unpack_from(found.origin_message)[4] == CODES[kind]
            assert found.origin_message[HEADER.size :] == text

    run(main())


def matched(cluster: str, kind: MatchKind, **strings: str) -> RouteConfig:
    return RouteConfig(
        cluster=cluster, metadata=tuple(MatcherConfig(key, kind, value) for key, value in strings.items())
    )


def test_the_first_route_whose_matchers_all_hold_takes_the_request() -> None:
    async def main() -> None:
        backends = [Backend(IdCodec()) for _ in range(3)]
        listening = [await each.start() for each in backends[1:]]
        clusters = [ClusterConfig(name=f"c{n}", endpoints=(EndpointConfig(backends[n].address),)) for n in (1, 2)]
        routes = [
            matched("c1", MatchKind.EXACT, method="say", tenant="a"),
            matched("c2", MatchKind.PREFIX, Method="say"),
            matched("c1", MatchKind.PREFIX, method="sayHello"),
            matched("all", MatchKind.PREFIX),
        ]
        async with proxy(backends[0], routes=routes, clusters=clusters) as running:
            client = await running.client()
            await client.send(message(0, method="say", tenant="a"))
            await client.send(message(1, METHOD="say"))
            await client.send(message(2, method="sayHello"))
            await client.send(message(3, tenant="a"))
            for _ in range(4):
                await client.reply()
            found = [sorted(each.request_id for each in backend.requests) for backend in backends]
            assert found == [[3], [0], [1, 2]]
        for each in listening:
            each.close()

    run(main())


def test_requests_go_round_the_endpoints_of_a_cluster() -> None:
    async def main() -> None:
        backends = [Backend(IdCodec()) for _ in range(3)]
        async with proxy(*backends) as running:
            client = await running.client()
            for request_id in range(7):
                await client.send(message(request_id))
                await client.reply()
            assert [[each.request_id for each in backend.requests] for backend in backends] == [
                [0, 3, 6],
                [1, 4],
                [2, 5],
            ]

    run(main())


@pytest.mark.parametrize("multiplexing", [False, True])
def test_a_routes_mutations_reach_the_server_and_the_client_and_no_local_reply(multiplexing: bool) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=lambda request: message(request.request_id, kind=REPLY, Version="1"))
        mutating = RouteConfig(
            cluster="all",
            metadata=(MatcherConfig("to", MatchKind.EXACT, "all"),),
            request_mutation=Mutation({"User": "changed", "gone": None, "new": "1"}),
            response_mutation=Mutation(version="2"),
        )
        local = RouteConfig(cluster="missing", response_mutation=Mutation(version="2"))
        async with proxy(backend, routes=[mutating, local], multiplexing=multiplexing) as running:
            client = await running.client()
            await client.send(message(4, b"body", to="all", user="me", gone="x"))
            found = await client.reply()
            assert (found.request_id, dict(found)) == (4, {"Version": "2"})
            assert dict(backend.requests[0]) == {"to": "all", "user": "changed", "new": "1"}
            assert backend.bodies() == [b"body"]
            await client.send(message(5))
            assert "version" not in await client.reply()

    run(main())


@pytest.mark.parametrize("multiplexing", [False, True])
def test_a_mutation_a_message_cannot_carry_leaves_it_unchanged_counted_and_warned_of_once(
    multiplexing: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        backend = Backend(IdCodec())
        route = RouteConfig(cluster="all", request_mutation=Mutation(x="1"), response_mutation=Mutation(x="1"))
        async with proxy(backend, codec=StubbornCodec, routes=[route], multiplexing=multiplexing) as running:
            client = await running.client()
            for request_id in range(3):
                await client.send(message(request_id, b"same", cmd="1"))
                assert (await client.reply()).origin_message == message(request_id, b"same", kind=REPLY)
            assert {bytes(each.origin_message[10:]) for each in backend.requests} == {message(0, b"same", cmd="1")[10:]}
            assert running.count("mutation_failed") == 6

    run(main())
    assert len(caplog.records) == 1


def test_replies_say_which_server_they_are_from() -> None:
    seen: list[str | None] = []

    class Look(Filter):
        def on_response(self, stream: Stream) -> Verdict:
            assert stream.response is not None
            seen.append(stream.response.get("x-meta-protocol-real-server-address"))
            return None

    async def main() -> None:
        backend = Backend(IdCodec(), answer=echo)
        async with proxy(backend, filters={"look": lambda config, context: Look()}) as running:
            client = await running.client()
            await client.send(message(1))
            await client.reply()
            await until(lambda: seen == [str(backend.address)])

    run(main())
