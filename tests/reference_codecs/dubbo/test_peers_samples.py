"""MetaProtocol Proxy's own sample file for Dubbo, unmodified but for its ports, between real peers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from metaprotocol_sdk.proxy.config.values import Address
from reference_codecs.dubbo.codec import DubboCodec
from tests.integration.serving import Serving, serving
from tests.integration.test_upstream_samples import INTERFACE, needs_samples, sample
from tests.proxy.harness import Backend
from tests.reference_codecs.dubbo.peering import PEERS, calling, needs_node, run

pytestmark = [needs_node, needs_samples]


def server_at(port: int) -> Backend:
    """A server that is there already."""
    backend = Backend(DubboCodec())
    backend.address = Address("127.0.0.1", port)
    return backend


async def noted(port: int, name: str) -> int:
    """How often a server was greeted by that name, asked without the proxy."""
    ((outcome,),) = await calling("remoting", port, calls=[["noted", [name]]])
    return int(outcome["said"].removesuffix(" times"))


@pytest.mark.parametrize("client", PEERS)
def test_the_dubbo_sample_routes_by_attachment_changes_and_mirrors_half(client: str, servers: dict[str, int]) -> None:
    config = sample("dubbo-test")
    main_cluster, mirror_cluster, _ = [each.name for each in config.clusters]
    homes = {main_cluster: server_at(servers["sofa"]), mirror_cluster: server_at(servers["remoting"])}
    calls: list[Any] = [["sayHello", [f"hello from {client}"]]] * 64

    def mirrored(running: Serving) -> int:
        return running.server.snapshot()[f"cluster.{mirror_cluster}.upstream_rq_total"]

    async def main() -> None:
        async with serving(config, homes=homes) as running:
            ((_, port),) = running.server.addresses.values()
            (greeted,), ((refused,),) = await asyncio.gather(
                calling(client, port, interface=INTERFACE, attachments={"foo": "bar", "tenant": "gold"}, calls=calls),
                calling(client, port, interface=INTERFACE, attachments={"foo": "baz"}, calls=calls[:1]),
            )
            assert refused["said"].startswith("meta protocol router: no matched route for request")
            for each in greeted:
                seen = each["said"]
                assert {key: seen[key] for key in ("foo", "foo1", "tenant", "path", "served")} == {
                    "foo": "bar",
                    "foo1": "bar1",
                    "tenant": "gold",
                    "path": INTERFACE,
                    "served": "sofa",
                }
                assert seen["x-envoy-peer-metadata-id"] == config.node.id
            assert 0 < mirrored(running) < len(calls)
            while await noted(servers["remoting"], calls[0][1][0]) < mirrored(running):
                pass

    run(main())
