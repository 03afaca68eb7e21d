"""What a configuration file says is what a proxy does: one file for each thing that can be said, with real traffic."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from metaprotocol_sdk.metadata import MessageType, Metadata, ResponseStatus
from metaprotocol_sdk.proxy.config import parse_config
from metaprotocol_sdk.proxy.config.values import ProxyConfig
from reference_codecs.dubbo.codec import DubboCodec
from reference_codecs.thrift.codec import ThriftCodec
from tests.integration.messages import CALL, dubbo, dubbo_call, dubbo_reply, thrift, thrift_reply
from tests.integration.serving import serving
from tests.proxy.harness import Backend, run

SERVICE = "a.Service"

CONFIG = """\
{root}
static_resources:
  listeners:
  - name: l
    address: {{socket_address: {{address: 127.0.0.1, port_value: 0}}}}
    {listener}
    filter_chains:
    - filters:
      - name: aeraki.meta_protocol_proxy
        typed_config:
          '@type': type.googleapis.com/aeraki.meta_protocol_proxy.v1alpha.MetaProtocolProxy
          stat_prefix: s
          protocol: {{name: {codec}, codec: {{name: aeraki.meta_protocol.codec.{codec}}}, {protocol}}}
          {proxy}
          route_config: {{routes: [{route}]}}
  clusters: [{{name: one, {cluster}}}, {{name: two}}]
"""
PLAIN = {
    "root": "", "listener": "traffic_direction: INBOUND", "codec": "dubbo", "protocol": "multiplexing: false",
    "proxy": "idle_timeout: 60s", "route": "{route: {cluster: one}}", "cluster": "type: STATIC",
}  # fmt: skip


def configured(**fields: str) -> ProxyConfig:
    config = parse_config(CONFIG.format_map(PLAIN | fields))
    assert config.notes == ()
    return config


def tagged(request: Metadata) -> bytes:
    """A reply with two attachments."""
    return dubbo(b"\x95H\x04kind\x01x\x06secret\x01yZ", flags=2, status=20, request_id=request.request_id)


def strings(message: Metadata, *keys: str) -> dict[str, str | None]:
    return {key: message.get(key) for key in keys}


def test_strings_are_removed_and_set_in_requests_and_replies() -> None:
    request = "request_headers_to_remove: [Gone], request_mutation: [{key: both, value: b}]"
    response = "response_headers_to_remove: [secret], response_mutation: [{key: new, value: n}]"
    config = configured(route=f"{{route: {{cluster: one}}, {request}, {response}}}")

    async def main() -> None:
        backend = Backend(DubboCodec(), answer=tagged)
        async with serving(config, backend) as running:
            client = await running.client()
            await client.send(dubbo_call(SERVICE, "m", 1, gone="1", both="2", kept="3"))
            reply = await client.reply()
            assert strings(backend.requests[0], "gone", "both", "kept") == {"gone": None, "both": "b", "kept": "3"}
            assert strings(reply, "kind", "secret", "new") == {"kind": "x", "secret": None, "new": "n"}

    run(main())


@pytest.mark.parametrize("side", ["request", "response"])
@pytest.mark.parametrize("is_required", [False, True])
def test_a_mutation_that_is_required_fails_the_message_that_cannot_carry_it(side: str, is_required: bool) -> None:
    mutation = f"{side}_mutation: [{{key: k, value: v}}], mutation_required: {str(is_required).lower()}"
    config = configured(codec="thrift", route=f"{{route: {{cluster: one}}, {mutation}}}")

    async def main() -> None:
        backend = Backend(ThriftCodec(), answer=thrift_reply)
        async with serving(config, backend) as running:
            client = await running.client()
            await client.send(thrift(CALL, "m", 5))
            reply = await client.reply()
            assert reply.request_id == 5
            kind = MessageType.ERROR if is_required else MessageType.RESPONSE
            assert reply.message_type is kind
            assert len(backend.requests) == (0 if is_required and side == "request" else 1)
            assert running.count("mutation_failed") == (0 if is_required else 1)

    run(main())


@pytest.mark.parametrize(
    ("matcher", "passing"),
    [
        ("{name: k, exact_match: b}", ["b"]),
        ("{name: K, prefix_match: b}", ["b", "bc"]),
        ("{name: k, suffix_match: c}", ["bc", "abc"]),
        ("{name: k, contains_match: b}", ["b", "bc", "abc"]),
        ("{name: k, safe_regex_match: {regex: 'a?b.*'}}", ["b", "bc", "abc"]),
        ("{name: k, range_match: {start: 7, end: 9}}", ["7", "8"]),
        ("{name: k, present_match: true}", ["b", "bc", "abc", "7", "8", "9", "B"]),
        ("{name: k}", ["b", "bc", "abc", "7", "8", "9", "B"]),
        ("{name: k, present_match: false}", [None]),
        ("{name: k, string_match: {exact: b, ignore_case: true}}", ["b", "B"]),
        ("{name: k, exact_match: b, invert_match: true}", ["bc", "abc", "7", "8", "9", "B"]),
        ("{name: k, exact_match: '', treat_missing_header_as_empty: true}", [None]),
    ],
)
def test_a_matcher_lets_through_what_it_says(matcher: str, passing: list[str | None]) -> None:
    config = configured(route=f"{{match: {{metadata: [{matcher}]}}, route: {{cluster: one}}}}")
    values: list[str | None] = ["b", "bc", "abc", "7", "8", "9", "B", None]

    async def main() -> None:
        backend = Backend(DubboCodec(), answer=dubbo_reply)
        async with serving(config, backend) as running:
            client = await running.client()
            for number, value in enumerate(values):
                await client.send(dubbo_call(SERVICE, "m", number, **({} if value is None else {"k": value})))
                await client.reply()
            assert [each.get("k") for each in backend.requests] == passing

    run(main())


async def shares(config: ProxyConfig, count: int) -> tuple[int, int]:
    """How many of ``count`` requests cluster one gets, and cluster two."""
    first, second = (Backend(DubboCodec(), answer=dubbo_reply) for _ in range(2))
    homes: Mapping[str, Backend] = {"one": first, "two": second}
    async with serving(config, first, second, homes=homes) as running:
        client = await running.client()
        for number in range(count):
            await client.send(dubbo_call(SERVICE, "m", number))
            assert (await client.reply()).response_status is ResponseStatus.OK
        mirrored = running.count("request_mirrored")
        await running.counted("upstream_rq_completed", count + mirrored)
        return len(first.requests), len(second.requests)


def test_weighted_clusters_share_the_requests() -> None:
    clusters = "weighted_clusters: {clusters: [{name: one, weight: %d}, {name: two, weight: %d}]}"

    async def main() -> None:
        assert await shares(configured(route=f"{{route: {{{clusters % (0, 7)}}}}}"), 8) == (0, 8)
        first, second = await shares(configured(route=f"{{route: {{{clusters % (1, 1)}}}}}"), 64)
        assert first + second == 64
        assert min(first, second) > 0

    run(main())


@pytest.mark.parametrize(
    ("fraction", "layer", "copies"),
    [
        ("", "{}", 8),
        (", runtime_fraction: {default_value: {numerator: 100}}", "{}", 8),
        (", runtime_fraction: {default_value: {numerator: 0}}", "{}", 0),
        (", runtime_fraction: {default_value: {numerator: 100}, runtime_key: a.b}", "{a: {b: 0}}", 0),
        (
            ", runtime_fraction: {default_value: {}, runtime_key: a.b}",
            "{a.b: {numerator: 1000000, denominator: MILLION}}",
            8,
        ),
    ],
)
def test_a_mirror_gets_the_share_it_is_given(fraction: str, layer: str, copies: int) -> None:
    config = configured(
        root=f"layered_runtime: {{layers: [{{name: l, static_layer: {layer}}}]}}",
        route=f"{{route: {{cluster: one, request_mirror_policies: [{{cluster: two{fraction}}}]}}}}",
    )

    async def main() -> None:
        assert await shares(config, 8) == (8, copies)

    run(main())


def test_a_listener_holds_as_many_clients_as_it_says() -> None:
    async def main() -> None:
        backend = Backend(DubboCodec(), answer=dubbo_reply)
        async with serving(configured(listener="max_connections: 1"), backend) as running:
            client = await running.client()
            await client.send(dubbo_call(SERVICE, "m", 1))
            await client.reply()
            refused = await running.client()
            with pytest.raises((EOFError, ConnectionError)):
                await refused.reply()
            assert running.count("downstream_cx_overflow") == 1

    run(main())


def test_a_client_has_as_many_requests_in_flight_as_it_may() -> None:
    async def main() -> None:
        backend = Backend(DubboCodec(), answer=None)
        config = configured(proxy="max_concurrent_requests: 2", protocol="multiplexing: true")
        async with serving(config, backend) as running:
            client = await running.client()
            await client.send(b"".join(dubbo_call(SERVICE, "m", number) for number in range(5)))
            for answered in range(3):
                link = await backend.request(1 + answered)
                assert len(backend.requests) == 2 + answered
                link.transport.write(dubbo_reply(backend.requests[answered]))
                await client.reply()

    run(main())


def test_circuit_breakers_refuse_what_is_too_much() -> None:
    async def main() -> None:
        backend = Backend(DubboCodec(), answer=None)
        config = configured(cluster="circuit_breakers: {thresholds: [{max_requests: 1}]}")
        async with serving(config, backend) as running:
            client = await running.client()
            await client.send(dubbo_call(SERVICE, "m", 1))
            link = await backend.request(0)
            await client.send(dubbo_call(SERVICE, "m", 2))
            reply = await client.reply()
            assert (reply.request_id, reply.response_status) == (2, ResponseStatus.ERROR)
            assert b"too many requests" in reply.origin_message
            link.transport.write(dubbo_reply(backend.requests[0]))
            assert (await client.reply()).request_id == 1

    run(main())


def test_a_connection_carries_as_many_requests_as_it_may() -> None:
    async def main() -> None:
        backend = Backend(DubboCodec(), answer=dubbo_reply)
        async with serving(configured(cluster="max_requests_per_connection: 2"), backend) as running:
            client = await running.client()
            for number in range(6):
                await client.send(dubbo_call(SERVICE, "m", number))
                await client.reply()
            assert [len(link.requests) for link in backend.links] == [2, 2, 2]

    run(main())


@pytest.mark.parametrize("word", ["reset", "error-reply", "retriable-headers"])
def test_a_failure_that_the_policy_covers_is_tried_again(word: str) -> None:
    failures = {
        "error-reply": lambda request: dubbo(b"\x05sorry", flags=2, status=50, request_id=request.request_id),
        "retriable-headers": tagged,
    }
    headers = "retriable_headers: [{name: kind, exact_match: x}]" if word == "retriable-headers" else "num_retries: 1"
    policy = f"retry_policy: {{retry_on: {word}, {headers}, retry_back_off: {{base_interval: 0.001s}}}}"
    config = configured(route=f"{{route: {{cluster: one, {policy}}}}}")

    async def main() -> None:
        backend = Backend(DubboCodec(), answer=None)
        async with serving(config, backend) as running:
            client = await running.client()
            await client.send(dubbo_call(SERVICE, "m", 3))
            link = await backend.request(0)
            if word == "reset":
                link.transport.abort()
            else:
                link.transport.write(failures[word](backend.requests[0]))
            link = await backend.request(1)
            link.transport.write(dubbo_reply(backend.requests[1]))
            reply = await asyncio.wait_for(client.reply(), 10)
            assert (reply.request_id, reply.response_status) == (3, ResponseStatus.OK)
            assert running.count("upstream_rq_retry_success") == 1

    run(main())
