"""What a listener's configuration becomes, and what of it goes on when it changes."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from typing import Any

import pytest

from metaprotocol_sdk.exceptions import CodecNotFound, ConfigError, FilterLoadError
from metaprotocol_sdk.proxy.assembly import Assembly
from metaprotocol_sdk.proxy.config.values import (
    Address,
    FilterConfig,
    ListenerConfig,
    NodeConfig,
    ProtocolConfig,
    RouteConfig,
    RouteTableConfig,
    TrafficDirection,
)
from metaprotocol_sdk.proxy.filters.filter import Filter, FilterContext, FilterFactory
from metaprotocol_sdk.proxy.net.loop import Turns
from metaprotocol_sdk.proxy.router import ROUTER_NAME
from tests.proxy.harness import run

NODE = NodeConfig(id="n")


def listener(codec: str = "tests.proxy.codecs:IdCodec", **more: Any) -> ListenerConfig:
    protocol = ProtocolConfig(name="app", codec=codec, multiplexing=more.pop("multiplexing", False))
    return ListenerConfig(
        name="main",
        address=Address("127.0.0.1", 0),
        stat_prefix="ingress",
        protocol=protocol,
        routes=RouteTableConfig(),
        **more,
    )


def assembly(**factories: FilterFactory) -> Assembly:
    """Call it with a loop running."""
    turns = Turns(asyncio.get_running_loop())
    return Assembly(turns=turns, factories=factories, rng=random.Random(1), limits=None)


async def made(config: ListenerConfig, **factories: FilterFactory) -> object:
    return assembly(**factories).assemble(config, {}, node=NODE)


def test_an_unknown_codec_is_refused_by_name() -> None:
    with pytest.raises(CodecNotFound):
        run(made(listener("no_such_codec")))


def test_multiplexing_needs_ids() -> None:
    with pytest.raises(ConfigError, match="no request_ids to tell replies by"):
        run(made(listener("tests.proxy.codecs:LineCodec", multiplexing=True)))


def test_a_filter_nobody_makes_is_refused_and_the_router_is_always_there() -> None:
    with pytest.raises(ConfigError, match="no filter named 'x'"):
        run(made(listener(filters=(FilterConfig(name="x"),))))
    run(made(listener(filters=(FilterConfig(name=ROUTER_NAME),))))


def refusing(config: object, context: FilterContext) -> Filter:
    raise ValueError("the file it names is not there")


def making_nothing(config: object, context: FilterContext) -> Any:
    return None


@pytest.mark.parametrize(
    ("factory", "says"),
    [
        (refusing, "making it for listener 'main' fails with ValueError: the file it names is not there"),
        (making_nothing, "for listener 'main' it made NoneType, which is no Filter"),
    ],
)
def test_a_filter_that_cannot_be_made_is_a_sentence(factory: FilterFactory, says: str) -> None:
    with pytest.raises(FilterLoadError) as caught:
        run(made(listener(filters=(FilterConfig(name="x"),)), x=factory))
    assert str(caught.value) == f"filter 'x' cannot be loaded: {says}"


def test_limits_are_the_listeners_own() -> None:
    async def main() -> None:
        config = listener(max_connections=3, max_concurrent_requests=4, buffer_limit=5)
        limits = assembly().assemble(config, {}, node=NODE).parts.context.limits
        assert (limits.clients, limits.in_flight, limits.watermark) == (3, 4, 5)

    run(main())


def test_what_did_not_change_goes_on() -> None:
    async def main() -> None:
        parts = assembly(a=lambda config, context: Filter(), b=lambda config, context: Filter())
        before = listener(filters=(FilterConfig(name="a", config=1), FilterConfig(name="a", config=2)))
        old = parts.assemble(before, {}, node=NODE)
        after = replace(
            before,
            filters=(FilterConfig(name="b"), FilterConfig(name="a", config=2), FilterConfig(name="a", config=3)),
            routes=RouteTableConfig(routes=(RouteConfig(cluster="c"),)),
            max_connections=1,
        )
        new = parts.assemble(after, {}, node=NODE, previous=old)
        assert new.pools is old.pools
        assert new.parts.context.encoder is old.parts.context.encoder
        assert new.parts.context.request_time is old.parts.context.request_time
        assert new.parts.context.limits.clients == 1
        assert new.parts.chain is not old.parts.chain
        assert new.filters[1] is old.filters[1]
        assert {new.filters[0], new.filters[2]}.isdisjoint(old.filters)

    run(main())


@pytest.mark.parametrize("change", [{"node": NodeConfig(id="other")}, {"traffic_direction": TrafficDirection.INBOUND}])
def test_a_filter_that_knows_what_changed_is_made_anew(change: dict[str, Any]) -> None:
    async def main() -> None:
        parts = assembly(a=lambda config, context: Filter())
        config = listener(filters=(FilterConfig(name="a"),))
        old = parts.assemble(config, {}, node=NODE)
        node = change.pop("node", NODE)
        new = parts.assemble(replace(config, **change), {}, node=node, previous=old)
        assert new.filters[0].filter is not old.filters[0].filter
        assert new.pools is old.pools

    run(main())


def test_another_protocol_begins_anew() -> None:
    async def main() -> None:
        config = listener()
        old = assembly().assemble(config, {}, node=NODE)
        for protocol in (replace(config.protocol, multiplexing=True), replace(config.protocol, codec_config={})):
            new = assembly().assemble(replace(config, protocol=protocol), {}, node=NODE, previous=old)
            is_same = protocol == config.protocol
            assert (new.pools is old.pools) is is_same
            assert (new.parts.context.encoder is old.parts.context.encoder) is is_same

    run(main())
