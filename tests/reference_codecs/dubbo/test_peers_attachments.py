"""Attachments of real peers through the proxy: routed by, set, replaced and removed, in requests and in replies."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from metaprotocol_sdk import Metadata, Mutation
from metaprotocol_sdk.proxy.config.values import RouteConfig
from reference_codecs.dubbo.codec import DubboCodec
from reference_codecs.dubbo.hessian2 import write_string_map
from tests.proxy.harness import Backend, route
from tests.proxy.harness import serving as backing
from tests.reference_codecs.dubbo.helpers import reply
from tests.reference_codecs.dubbo.peering import PEERS, Outcomes, calling, needs_node, proxying, run
from tests.reference_codecs.dubbo.test_peers import STANDING, both_modes

pytestmark = needs_node
LONG = "x" * 3000
every_client = pytest.mark.parametrize("client", PEERS)


def changed(
    each: RouteConfig, request: dict[str, str | None] | None = None, response: dict[str, str | None] | None = None
) -> RouteConfig:
    return replace(each, request_mutation=Mutation(request or {}), response_mutation=Mutation(response or {}))


@both_modes
@every_client
def test_requests_are_routed_by_their_attachments_and_servers_see_what_was_set_replaced_and_removed(
    client: str, multiplexing: bool, servers: dict[str, int]
) -> None:
    routes = (
        changed(
            route("remoting", tenant="gold", interface="com.demo.Shop", method="seen"),
            {"X-New": "größe 中文 😀", "TRACE": LONG, "secret": None, "never-there": None, "none": ""},
        ),
        changed(route("sofa", tenant="silver"), {"tenant": None}),
    )
    sent = {"Trace": "abc", "Secret": "hush"}

    async def main() -> dict[str, Outcomes]:
        async with proxying({each: servers[each] for each in PEERS}, routes, multiplexing=multiplexing) as front:
            return {
                tenant: await calling(
                    client, front.port, threads=2, attachments={**sent, "Tenant": tenant}, calls=[["seen", []]]
                )
                for tenant in ("gold", "silver", "tin")
            }

    gold = {"Tenant": "gold", "Trace": LONG, "X-New": "größe 中文 😀", "none": "", "served": "remoting"}
    no_route = "meta protocol router: no matched route for request"
    ((error,),) = (found := run(main())).pop("tin")[:1]
    assert error["said"].startswith(no_route)
    assert found == {
        "gold": [[{"said": STANDING | gold, "told": {}}]],
        "silver": [[{"said": STANDING | sent | {"served": "sofa"}, "told": {}}]],
    }


@both_modes
@every_client
def test_clients_see_what_is_set_in_replies_that_had_no_attachments(
    client: str, multiplexing: bool, servers: dict[str, int]
) -> None:
    calls: list[Any] = [["buy", ["kettle"]], ["buy", ["mug"]], ["fail", ["no reason"]], ["nothing", []]]
    added: dict[str, str | None] = {"Server": "größe", "never-there": None}
    told = {"Server": "größe"}

    async def main(version: str) -> tuple[Outcomes, int]:
        async with proxying(
            {"shop": servers["sofa"]}, (changed(route("shop"), {}, added),), multiplexing=multiplexing
        ) as front:
            said = await calling(client, front.port, attachments={"dubbo": version}, calls=calls)
            return said, front.count("mutation_failed")

    values = [7, "Error: no mug", "no reason", None]
    # What the server throws is a reply of status 80, which has no place for attachments.
    all_told = [told, told, {}, told]
    assert run(main("2.0.2")) == ([[{"said": a, "told": b} for a, b in zip(values, all_told, strict=True)]], 1)
    # A client of that version would take what follows the value for another message.
    assert run(main("2.5.3")) == ([[{"said": each, "told": {}} for each in values]], 4)


KINDS = {
    "exception": b"\x93C\x13java.lang.Exception\x91\x0ddetailMessage`\x06no mug",
    "value": b"\x94\x06kettle",
    "null": b"\x95",
}
"""The start of a reply of each kind whose attachments follow."""


@every_client
def test_clients_see_what_is_replaced_and_removed_in_replies(client: str) -> None:
    """JavaScript's servers write no attachments into replies, so a server of Java's replies has to."""

    def answered(request: Metadata) -> bytes:
        attachments = write_string_map({"dubbo": "2.0.2", "Served": "java", "Secret": "hush"})
        return reply(KINDS[request["method"]] + attachments, request_id=request.request_id)

    routes = (changed(route("java"), {}, {"SERVED": LONG, "secret": None, "X-New": "1"}),)

    async def main() -> Outcomes:
        server = Backend(DubboCodec(), answer=answered)
        async with backing(server), proxying({"java": server.address.port}, routes) as front:
            return await calling(client, front.port, calls=[[kind, []] for kind in KINDS])

    told = {"dubbo": "2.0.2", "Served": LONG, "X-New": "1"}
    assert run(main()) == [[{"said": each, "told": told} for each in ("no mug", "kettle", None)]]


@both_modes
def test_many_clients_at_once_each_keep_their_own_attachments(multiplexing: bool, servers: dict[str, int]) -> None:
    tenants = [f"tenant {number}" for number in range(4)]
    routes = (changed(route("remoting"), {"X-New": "1"}, {"Server": "shop"}),)

    async def main() -> list[Outcomes]:
        async with proxying({"remoting": servers["remoting"]}, routes, multiplexing=multiplexing) as front:
            return await asyncio.gather(
                *(
                    calling(PEERS[number % 2], front.port, threads=4, attachments={"Tenant": each}, calls=CALLS)
                    for number, each in enumerate(tenants)
                )
            )

    for tenant, said in zip(tenants, run(main()), strict=True):
        seen = {**STANDING, "Tenant": tenant, "X-New": "1", "served": "remoting"}
        assert said == [[{"said": seen, "told": {"Server": "shop"}}] * len(CALLS)]


CALLS: list[Any] = [["seen", []]] * 10
