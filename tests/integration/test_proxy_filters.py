"""Filters in whole proxies: the local rate limit of MetaProtocol Proxy's samples, who is who, and filters that break,
wait, or are left alone by their client."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from metaprotocol_sdk.errors import Error, ErrorType
from metaprotocol_sdk.metadata import MessageType, ResponseStatus
from metaprotocol_sdk.proxy.config import load_config, parse_config
from metaprotocol_sdk.proxy.config.values import NodeConfig
from metaprotocol_sdk.proxy.filters.filter import Filter, FilterFactory, Verdict
from metaprotocol_sdk.proxy.filters.metadata_exchange import peer_mutation
from metaprotocol_sdk.proxy.filters.registry import filter_models
from metaprotocol_sdk.proxy.stream import Stream
from reference_codecs.thrift.codec import ThriftCodec
from tests.integration.messages import CALL, thrift, thrift_reply
from tests.integration.serving import serving
from tests.proxy.codecs import ERROR, ONEWAY, REPLY, IdCodec, LineCodec, message
from tests.proxy.filters.helpers import UPSTREAM, needs_samples
from tests.proxy.harness import Backend, proxy, run, until

SAMPLES = [
    ("only-global-token", 2),
    ("full-match-condition", 2),
    ("full-no-matched-condition", 3),
    ("no-global-bucket-match-condition", 2),
    ("no-global-bucket-no-matched-condition", 8),
]
"""File, and how many of 8 calls of sayHello it lets pass at once."""


@needs_samples
@pytest.mark.parametrize(("name", "passing"), SAMPLES)
def test_metaprotocol_proxys_rate_limit_samples_limit_real_thrift_calls(name: str, passing: int) -> None:
    config = load_config(UPSTREAM / f"local-ratelimit-test-{name}.yaml", filters=filter_models())

    async def main() -> None:
        backend = Backend(ThriftCodec(), answer=thrift_reply)
        async with serving(config, backend) as running:
            client = await running.client()
            kinds = []
            for number in range(8):
                await client.send(thrift(CALL, "sayHello", number))
                reply = await client.reply()
                assert (reply.request_id, reply["method"]) == (number, "sayHello")
                kinds.append(reply.message_type)
                if reply.message_type is MessageType.ERROR:
                    text = f"meta protocol local rate limit: request '{number}' has been rate limited"
                    assert text.encode() in reply.origin_message
            assert kinds == [MessageType.RESPONSE] * passing + [MessageType.ERROR] * (8 - passing)
            assert len(backend.requests) == passing
            prefix = f"meta_protocol.{config.listeners[0].stat_prefix}.local_rate_limit."
            counts = running.server.snapshot()
            assert (counts[prefix + "ok"], counts[prefix + "rate_limited"]) == (passing, 8 - passing)

    run(main())


LISTENER = """
  - name: {name}
    address: {{socket_address: {{address: 127.0.0.1, port_value: 0}}}}
    traffic_direction: {direction}
    filter_chains:
    - filters:
      - name: aeraki.meta_protocol_proxy
        typed_config:
          '@type': type.googleapis.com/aeraki.meta_protocol_proxy.v1alpha.MetaProtocolProxy
          stat_prefix: {name}
          protocol: {{name: app, codec: {{name: "tests.proxy.codecs:{codec}"}}, multiplexing: {multiplexing}}}
          route_config: {{routes: [{{route: {{cluster: all}}}}]}}
          meta_protocol_filters:
{filters}
          - name: aeraki.meta_protocol.filters.router
"""
LIMIT = """
          - name: aeraki.meta_protocol.filters.local_ratelimit
            typed_config:
              '@type': type.googleapis.com/aeraki.meta_protocol_proxy.filters.local_ratelimit.v1alpha.LocalRateLimit
              stat_prefix: shop
              token_bucket: {max_tokens: 2, fill_interval: 3600s}
"""
EXCHANGE = """
          - name: aeraki.meta_protocol.filters.metadata_exchange
"""
NODE = NodeConfig(id="node-1", metadata={"NAME": "shop", "LABELS": {"app": "shop"}})


def configuration(*listeners: str) -> str:
    node = "node: {id: node-1, metadata: {NAME: shop, LABELS: {app: shop}}}\n"
    return f"{node}static_resources:\n  clusters: [{{name: all}}]\n  listeners:{''.join(listeners)}"


def listener(
    filters: str,
    *,
    name: str = "main",
    direction: str = "UNSPECIFIED",
    codec: str = "IdCodec",
    multiplexing: bool = False,
) -> str:
    return LISTENER.format(
        name=name, direction=direction, codec=codec, multiplexing=str(multiplexing).lower(), filters=filters
    )


def test_listeners_limit_for_themselves_and_what_has_one_name_is_counted_together() -> None:
    async def main() -> None:
        config = parse_config(
            configuration(listener(LIMIT, name="one"), listener(LIMIT, name="two")), filters=filter_models()
        )
        backend = Backend(IdCodec())
        async with serving(config, backend) as running:
            for name in ("one", "two"):
                client = await running.client(name)
                await client.send(b"".join(message(number) for number in range(3)))
                assert sorted([(await client.reply()).origin_message[1] for _ in range(3)]) == [REPLY, REPLY, ERROR]
            counts = running.server.snapshot()
            assert counts["meta_protocol.shop.local_rate_limit.ok"] == 4
            assert counts["meta_protocol.shop.local_rate_limit.rate_limited"] == 2

    run(main())


def test_a_oneway_over_the_limit_is_dropped_and_its_connection_goes_on() -> None:
    async def main() -> None:
        backend = Backend(IdCodec())
        config = parse_config(configuration(listener(LIMIT)), filters=filter_models())
        async with serving(config, backend) as running:
            client = await running.client()
            await client.send(b"".join(message(number, kind=ONEWAY) for number in range(4)) + message(9))
            assert (await client.reply()).request_id == 9
            await until(lambda: len(backend.requests) == 2)
            assert running.count("rate_limited") == 3
            assert running.count("request_active") == 0

    run(main())


@pytest.mark.parametrize("direction", ["OUTBOUND", "INBOUND", "UNSPECIFIED"])
@pytest.mark.parametrize("multiplexing", [False, True])
def test_the_other_side_is_told_who_this_is(direction: str, multiplexing: bool) -> None:
    told = dict(peer_mutation(NODE))

    async def main() -> None:
        config = parse_config(
            configuration(listener(EXCHANGE, direction=direction, multiplexing=multiplexing)), filters=filter_models()
        )
        backend = Backend(IdCodec())
        async with serving(config, backend) as running:
            client = await running.client()
            await client.send(message(1, b"body", own="1"))
            reply = await client.reply()
            assert dict(backend.requests[0]) == {"own": "1"} | (told if direction == "OUTBOUND" else {})
            assert dict(reply) == (told if direction == "INBOUND" else {})
            assert backend.bodies() == [b"body"]

    run(main())


def test_a_protocol_without_headers_is_left_alone_and_nothing_is_counted() -> None:
    async def main() -> None:
        parts = [
            listener(EXCHANGE, name=name, direction=name.upper(), codec="LineCodec") for name in ("inbound", "outbound")
        ]
        backend = Backend(LineCodec())
        async with serving(parse_config(configuration(*parts), filters=filter_models()), backend) as running:
            for name in ("inbound", "outbound"):
                client = await running.client(name)
                await client.send(b"ASK hello\n")
                assert (await client.reply()).origin_message == b"OK hello\n"
            assert running.count("mutation_failed") == 0

    run(main())


class Scripted(Filter):
    """Does on each hook what a test says, where the request asks for it."""

    def __init__(self, hook: str, act: Callable[[], Verdict]) -> None:
        self.hook = hook
        self.act = act

    def on_request(self, stream: Stream) -> Verdict:
        return self.act() if self.hook == "on_request" and "act" in stream.request else None

    def on_response(self, stream: Stream) -> Verdict:
        return self.act() if self.hook == "on_response" and "act" in stream.request else None


def scripted(hook: str, act: Callable[[], Verdict]) -> dict[str, FilterFactory]:
    return {"scripted": lambda config, context: Scripted(hook, act)}


def raising() -> Verdict:
    raise KeyError("secret")


async def raise_later() -> Error | None:
    await asyncio.sleep(0)
    raise KeyError("secret")


async def cancel_later() -> Error | None:
    inner: asyncio.Future[Error | None] = asyncio.get_running_loop().create_future()
    inner.cancel()
    return await inner


async def answer_nonsense() -> Any:
    return "no"


BREAKING: dict[str, tuple[Callable[[], Any], str]] = {
    "raises": (raising, "raised"),
    "raises later": (raise_later, "raised"),
    "is cancelled": (cancel_later, "was cancelled"),
    "returns nonsense": (lambda: "no", "returned str, which is no Error and cannot be awaited"),
    "comes to nonsense": (answer_nonsense, "came to str, which is no Error"),
}


@pytest.mark.parametrize("hook", ["on_request", "on_response"])
@pytest.mark.parametrize(("act", "says"), BREAKING.values(), ids=BREAKING)
@pytest.mark.parametrize("multiplexing", [False, True])
def test_a_filter_that_breaks_costs_one_request(
    hook: str, act: Callable[[], Any], says: str, multiplexing: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        backend = Backend(IdCodec())
        async with proxy(backend, filters=scripted(hook, act), multiplexing=multiplexing) as running:
            client = await running.client()
            await client.send(message(1) + message(2, act="yes") + message(3))
            found = {each.request_id: each for each in [await client.reply() for _ in range(3)]}
            assert {key: each.response_status for key, each in found.items()} == {
                1: ResponseStatus.OK, 2: ResponseStatus.ERROR, 3: ResponseStatus.OK,
            }  # fmt: skip
            assert found[2]["type"] == ErrorType.UNSPECIFIED.name
            assert b"secret" not in found[2].origin_message
            await client.send(message(4))
            assert (await client.reply()).request_id == 4
            assert len(backend.requests) == (3 if hook == "on_request" else 4)

    run(main())
    (told,) = [each.getMessage() for each in caplog.records if "bug in a filter" in each.getMessage()]
    assert f"Scripted.{hook} {says}; the request with id 2 failed" in told


class Held:
    """Something filters wait for until a test lets them go on; remembers who gave up."""

    def __init__(self, verdict: Error | None = None) -> None:
        self.verdict = verdict
        self.waiting = 0
        self.given_up = 0
        self.go_on = asyncio.Event()

    def __call__(self) -> Awaitable[Error | None]:
        return self.wait()

    async def wait(self) -> Error | None:
        self.waiting += 1
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        finally:
            self.waiting -= 1
        return self.verdict


@pytest.mark.parametrize("hook", ["on_request", "on_response"])
@pytest.mark.parametrize("refuses", [False, True])
def test_a_request_waits_for_its_filter_and_others_overtake_it(hook: str, refuses: bool) -> None:
    async def main() -> None:
        held = Held(Error(ErrorType.OVER_LIMIT, "not today") if refuses else None)
        backend = Backend(IdCodec())
        async with proxy(backend, filters=scripted(hook, held)) as running:
            client = await running.client()
            await client.send(message(1, b"slow", act="yes") + message(2))
            assert (await client.reply()).request_id == 2
            await until(lambda: held.waiting == 1)
            assert len(backend.requests) == (1 if hook == "on_request" else 2)
            held.go_on.set()
            reply = await client.reply()
            assert reply.request_id == 1
            assert reply.origin_message[reply.header_size :] == (b"not today" if refuses else b"slow")
            assert held.given_up == 0

    run(main())


@pytest.mark.parametrize("hook", ["on_request", "on_response"])
def test_replies_without_ids_keep_their_order_behind_one_that_waits(hook: str) -> None:
    class Slow(Scripted):
        def on_request(self, stream: Stream) -> Verdict:
            return self.act() if self.hook == "on_request" and stream.request["text"] == "slow" else None

        def on_response(self, stream: Stream) -> Verdict:
            return self.act() if self.hook == "on_response" and stream.request["text"] == "slow" else None

    async def main() -> None:
        held = Held()
        backend = Backend(LineCodec())
        filters: dict[str, FilterFactory] = {"slow": lambda config, context: Slow(hook, held)}
        async with proxy(backend, codec=LineCodec, filters=filters) as running:
            client = await running.client()
            await client.send(b"ASK slow\nASK fast\n")
            await until(lambda: held.waiting == 1 and any(each["text"] == "fast" for each in backend.requests))
            held.go_on.set()
            assert [(await client.reply()).origin_message for _ in range(2)] == [b"OK slow\n", b"OK fast\n"]

    run(main())


@pytest.mark.parametrize("hook", ["on_request", "on_response"])
@pytest.mark.parametrize("multiplexing", [False, True])
def test_a_client_that_leaves_while_a_filter_waits_ends_the_wait_and_nothing_else(
    hook: str, multiplexing: bool
) -> None:
    async def main() -> None:
        held = Held()
        backend = Backend(IdCodec())
        async with proxy(backend, filters=scripted(hook, held), multiplexing=multiplexing) as running:
            leaver, stayer = await running.client(), await running.client()
            await leaver.send(message(1, act="yes"))
            await stayer.send(message(1, b"mine", act="yes"))
            await until(lambda: held.waiting == 2)
            leaver.reset()
            await until(lambda: held.given_up == 1)
            await running.counted("request_active", 1)
            held.go_on.set()
            assert await stayer.body() == b"mine"
            assert len(backend.requests) == (1 if hook == "on_request" else 2)

    run(main())


@pytest.mark.parametrize("hook", ["on_request", "on_response"])
def test_a_half_closed_client_still_gets_the_reply_a_filter_held_back(hook: str) -> None:
    async def main() -> None:
        held = Held()
        async with proxy(Backend(IdCodec()), filters=scripted(hook, held)) as running:
            client = await running.client()
            await client.send(message(1, b"late", act="yes"))
            client.half_close()
            await until(lambda: held.waiting == 1)
            held.go_on.set()
            assert [each.request_id for each in await client.replies()] == [1]

    run(main())


@pytest.mark.parametrize("hook", ["on_request", "on_response"])
def test_a_drain_waits_for_what_a_filter_holds_back(hook: str) -> None:
    async def main() -> None:
        held = Held()
        async with proxy(Backend(IdCodec()), filters=scripted(hook, held)) as running:
            client = await running.client()
            await client.send(message(1, act="yes"))
            await until(lambda: held.waiting == 1)
            drain = asyncio.ensure_future(running.server.drain(20))
            await asyncio.sleep(0)
            held.go_on.set()
            assert [each.request_id for each in await client.replies()] == [1]
            assert await drain

    run(main())
