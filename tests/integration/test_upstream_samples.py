"""MetaProtocol Proxy's own sample files, unmodified: what is said of each, and traffic through those whose codec is
here. Their ports are exchanged after they are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from metaprotocol_sdk.exceptions import ConfigError, Finding
from metaprotocol_sdk.metadata import MessageType, ResponseStatus
from metaprotocol_sdk.proxy.config import load_config
from metaprotocol_sdk.proxy.config.values import LbPolicy, ProxyConfig
from metaprotocol_sdk.proxy.filters.registry import filter_factories, filter_models
from reference_codecs.dubbo.codec import DubboCodec
from reference_codecs.thrift.codec import ThriftCodec
from tests.integration.messages import CALL, ONEWAY, dubbo_call, dubbo_reply, thrift, thrift_reply
from tests.integration.serving import serving
from tests.proxy.harness import Backend, run

SAMPLES = Path(__file__).parents[3] / "shared" / "upstream" / "metaprotocol-proxy"
needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason="MetaProtocol Proxy's sample files are not here")

ADMIN = "note access_log_path: accepted; what is changed there is in the proxy's log alone"
TRACING = "note tracing: accepted; tracing is not there yet: no request leaves a trace"
ISTIO = "note name: accepted; Istio's metrics are not there yet: the proxy counts under its own names alone"
ACCESS_LOG = "note access_log: accepted; the access log is not there yet: no request is written to it"
UNKNOWN = "unknown key {!r}; known are node, admin, layered_runtime, static_resources"

SAID = {
    "brpc-test": [ADMIN, "error name: no codec is named 'aeraki.meta_protocol.codec.brpc'"],
    "dubbo-test": [
        ADMIN,
        "note stats_config: accepted, and without effect in this proxy",
        TRACING,
        TRACING,
        ISTIO,
        ACCESS_LOG,
    ],
    "global-ratelimit-config-config": [f"error {key}: {UNKNOWN.format(key)}" for key in ("domain", "descriptors")],
    "global-ratelimit-ratelimit_server": [f"error {key}: {UNKNOWN.format(key)}" for key in ("version", "services")],
    "global-ratelimit-test": [
        ADMIN,
        "note name: accepted; the global rate limit is not there yet: no request is counted or refused by it",
    ],
    "hash_policy-test": [ADMIN],
    "idle_timeout-test": [ADMIN, "error name: no codec is named 'aeraki.meta_protocol.codec.brpc'"],
    "local-ratelimit-test-full-match-condition": [ADMIN],
    "local-ratelimit-test-full-no-matched-condition": [ADMIN],
    "local-ratelimit-test-no-global-bucket-match-condition": [ADMIN],
    "local-ratelimit-test-no-global-bucket-no-matched-condition": [ADMIN],
    "local-ratelimit-test-only-global-token": [ADMIN],
    "rds-test": [
        ADMIN,
        (
            "note rds: accepted; routes from a management server are not there yet: this listener has none, so every "
            "request gets the error that no route matches"
        ),
        "note http2_protocol_options: accepted, and without effect: this proxy speaks no HTTP to servers",
    ],
    "thrift-test": [ADMIN],
    "trpc-test": [
        ADMIN,
        "error name: no codec is named 'aeraki.meta_protocol.codec.trpc'",
        ISTIO,
        "warning stat_prefix: given already at line 78, with the same value",
        ACCESS_LOG,
    ],
}
"""Of each file, everything that is said, without where."""


def sample(name: str) -> ProxyConfig:
    return load_config(SAMPLES / f"{name}.yaml", filters=filter_models())


def findings(name: str) -> tuple[Finding, ...]:
    try:
        return sample(name).notes
    except ConfigError as error:
        return error.findings


@needs_samples
def test_every_sample_is_known() -> None:
    assert {each.stem for each in SAMPLES.glob("*.yaml")} == set(SAID)


@needs_samples
@pytest.mark.parametrize("name", SAID)
def test_a_sample_lacks_nothing_but_what_is_not_there_yet(name: str) -> None:
    found = [f"{each.severity.value} {each.path.rpartition('.')[2]}: {each.message}" for each in findings(name)]
    assert [each.partition("; registered are")[0] for each in found] == SAID[name]


@needs_samples
@pytest.mark.parametrize("name", SAID)
def test_what_is_said_of_a_sample_stands_where_its_key_is(name: str) -> None:
    lines = (SAMPLES / f"{name}.yaml").read_text().splitlines()
    for each in findings(name):
        key = each.path.rpartition(".")[2]
        assert f"{key}:" in lines[each.line - 1] or "statPrefix:" in lines[each.line - 1]


def thrift_backends(count: int) -> list[Backend]:
    return [Backend(ThriftCodec(), answer=thrift_reply) for _ in range(count)]


@needs_samples
@pytest.mark.parametrize("name", ["thrift-test", "global-ratelimit-test"])
def test_a_thrift_sample_routes_its_method_and_no_other(name: str) -> None:
    async def main() -> None:
        (backend,) = backends = thrift_backends(1)
        async with serving(sample(name), *backends, filters=filter_factories()) as running:
            client = await running.client()
            for number in range(8):
                await client.send(thrift(CALL, "sayHello", number))
                reply = await client.reply()
                assert (reply.message_type, reply["method"], reply.request_id) == (
                    MessageType.RESPONSE,
                    "sayHello",
                    number,
                )
            await client.send(thrift(CALL, "sayGoodbye", 9))
            reply = await client.reply()
            assert (reply.message_type, reply.request_id) == (MessageType.ERROR, 9)
            assert b"meta protocol router: no matched route for request '9'" in reply.origin_message
            assert [each["method"] for each in backend.requests] == ["sayHello"] * 8

    run(main())


@needs_samples
def test_the_thrift_sample_changes_no_message_that_can_carry_no_change_and_forwards_oneways() -> None:
    config = sample("thrift-test")
    assert dict(config.listeners[0].routes.routes[0].request_mutation) == {"foo": "bar", "foo1": "bar1"}

    async def main() -> None:
        (backend,) = backends = thrift_backends(1)
        async with serving(config, *backends) as running:
            client = await running.client()
            await client.send(thrift(ONEWAY, "sayHello", 1), thrift(CALL, "sayHello", 2))
            assert (await client.reply()).request_id == 2
            await backend.request(1)
            assert sorted(each.origin_message for each in backend.requests) == [
                thrift(CALL, "sayHello", 2),
                thrift(ONEWAY, "sayHello", 1),
            ]

    run(main())


@needs_samples
def test_the_hash_policy_sample_sends_a_method_to_one_server() -> None:
    config = sample("hash_policy-test")
    assert config.clusters[0].lb_policy is LbPolicy.MAGLEV
    assert config.listeners[0].routes.routes[0].hash_policy == ("method",)

    async def main() -> None:
        backends = thrift_backends(4)
        async with serving(config, *backends) as running:
            client = await running.client()
            methods = [f"method{index}" for index in range(16)]
            for number, method in enumerate(methods * 3):
                await client.send(thrift(CALL, method, number))
                await client.reply()
            reached = [{each["method"] for each in backend.requests} for backend in backends]
            assert sum(map(len, reached)) == len(methods)
            assert sum(map(bool, reached)) > 1

    run(main())


INTERFACE = "org.apache.dubbo.samples.basic.api.DemoService"


@needs_samples
def test_the_dubbo_sample_routes_by_attachment_changes_and_mirrors_half() -> None:
    config = sample("dubbo-test")
    (listener,) = config.listeners
    assert [each.name.rpartition(".")[2] for each in listener.filters] == ["metadata_exchange", "router"]
    main_cluster, mirror_cluster, _ = [each.name for each in config.clusters]

    async def main() -> None:
        server, mirror = (Backend(DubboCodec(), answer=dubbo_reply) for _ in range(2))
        homes = {main_cluster: server, mirror_cluster: mirror}
        async with serving(config, server, mirror, homes=homes) as running:
            client = await running.client()
            for number in range(64):
                await client.send(dubbo_call(INTERFACE, "sayHello", number, foo="bar", tenant="t"))
                reply = await client.reply()
                assert (reply.message_type, reply.request_id) == (MessageType.RESPONSE, number)
            for number, strings in ((64, {"foo": "baz"}), (65, {})):
                await client.send(dubbo_call(INTERFACE, "sayHello", number, **strings))
                reply = await client.reply()
                assert reply.response_status is ResponseStatus.ERROR
                text = f"meta protocol router: no matched route for request '{number}'"
                assert text.encode() in reply.origin_message
            assert len(server.requests) == 64
            await mirror.request(0)
            assert len(mirror.requests) < 64
            for request in (*server.requests, *mirror.requests):
                assert {key: request[key] for key in ("foo", "foo1", "tenant")} == {
                    "foo": "bar",
                    "foo1": "bar1",
                    "tenant": "t",
                }
                assert request["x-envoy-peer-metadata-id"] == config.node.id

    run(main())


@needs_samples
def test_the_rds_sample_has_no_route_until_routes_come_from_a_server() -> None:
    async def main() -> None:
        backend = Backend(DubboCodec(), answer=dubbo_reply)
        async with serving(sample("rds-test"), backend) as running:
            client = await running.client()
            await client.send(dubbo_call(INTERFACE, "sayHello", 7))
            reply = await client.reply()
            assert (reply.response_status, reply.request_id) == (ResponseStatus.ERROR, 7)
            assert b"meta protocol router: no matched route for request '7'" in reply.origin_message
            assert backend.requests == []

    run(main())
