"""The header transport of real peers, with and without zlib, through a proxy: routed by headers, changed on the way."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from metaprotocol_sdk import Mutation
from metaprotocol_sdk.proxy.config.values import RouteConfig
from tests.proxy.harness import route
from tests.reference_codecs.thrift.peering import proxying, run
from tests.reference_codecs.thrift.peers.talk import FORMS
from tests.reference_codecs.thrift.processes import Outcomes, Ports, calling, needs_node
from tests.reference_codecs.thrift.test_peers import HEADED, both_modes, calling_all, outcome

LONG = "x" * 3000
OTHER = {"binary": "compact", "compact": "binary"}
with_headers = pytest.mark.parametrize("server", ["apache", pytest.param("node", marks=needs_node)])
from_headers = pytest.mark.parametrize("client", ["apache", pytest.param("node", marks=needs_node)])


def headed(*peers: str) -> list[str]:
    return [form for form in FORMS[peers[0]] if form.startswith(HEADED) and all(form in FORMS[each] for each in peers)]


def other(form: str) -> str:
    """The form of a server that reads both, so that what it says tells which one was reached."""
    transport, protocol = form.split()
    return f"{transport} {OTHER[protocol]}"


def changed(each: RouteConfig, request: dict[str, str | None], response: dict[str, str | None]) -> RouteConfig:
    return replace(each, request_mutation=Mutation(request), response_mutation=Mutation(response))


@both_modes
@with_headers
@from_headers
def test_requests_are_routed_by_their_headers_and_peers_see_what_was_set_replaced_and_removed(
    client: str, server: str, multiplexing: bool, servers: dict[str, Ports]
) -> None:
    forms = headed(client, server)
    gold: dict[str, str | None] = {"X-New": "größe", "TRACE": LONG, "secret": None, "never-there": None, "none": ""}
    back: dict[str, str | None] = {"reply-trace": "short", "Reply-Tenant": None, "Server": "shop"}
    routes = {
        form: (changed(route(other(form), tenant="gold"), gold, back), changed(route(form), {"tenant": None}, {}))
        for form in forms
    }

    async def main(tenant: str) -> Outcomes:
        async with proxying(
            {form: servers[server][form] for form in forms}, routes, multiplexing=multiplexing
        ) as front:
            headers = {"Tenant": tenant, "Trace": "abc", "Secret": "hush"}
            return await calling(client, front.ports, flags=False, headers=headers, size=1 << 16)

    for form, said in run(main("gold")).items():
        seen = {"Tenant": "gold", "Trace": LONG, "X-New": "größe", "none": ""}
        told = {"Reply-Trace": "short", "Reply-X-New": "größe", "Reply-none": "", "Server": "shop"}
        assert said == [
            outcome(form, server) | {"seen": {**seen, "form": other(form)}, "told": told},
        ], form
    for form, said in run(main("silver")).items():
        seen = {"Trace": "abc", "Secret": "hush"}
        told = {f"Reply-{key}": value for key, value in seen.items()}
        assert said == [outcome(form, server) | {"seen": {**seen, "form": form}, "told": told}], form


@both_modes
@with_headers
@pytest.mark.parametrize("client", ["apache", "py2", pytest.param("node", marks=needs_node)])
def test_messages_upgraded_to_the_header_transport_carry_what_routes_add(
    client: str, server: str, multiplexing: bool, servers: dict[str, Ports]
) -> None:
    """Replies come back in their clients' transport, where a route's headers have no place: that is counted."""
    forms = [form for form in FORMS[client] if not form.startswith(HEADED) and "json" not in form]
    target = "header binary"
    routes = {form: (changed(route(form), {"Tenant": "größe", "Trace": "abc"}, {"Server": "shop"}),) for form in forms}

    async def main() -> Outcomes:
        async with proxying(
            dict.fromkeys(forms, servers[server][target]),
            routes,
            multiplexing=multiplexing,
            config={"upstream_transport": "header"},
        ) as front:
            said = await calling_all(client, server, front.ports, size=1 << 16)
            assert front.count("mutation_failed") >= 6 * len(forms)
            return said

    seen = {"Tenant": "größe", "Trace": "abc", "form": target}
    assert run(main()) == {form: [outcome(form, server, served=target) | {"seen": seen}] for form in forms}


@both_modes
@pytest.mark.parametrize("upstream", ["same", "header"])
def test_a_server_that_sends_frames_without_messages_is_understood(
    upstream: str, multiplexing: bool, servers: dict[str, Ports]
) -> None:
    """As libthrift's C++ servers do after every message, whether or not it has a reply."""
    forms = {
        "header binary": "binary",
        "header compact": "compact",
        **({"framed binary": "binary", "unframed compact": "compact"} if upstream == "header" else {}),
    }

    async def main(transport: str) -> tuple[Outcomes, int]:
        clusters = {form: servers["apache"][f"{transport} {protocol}"] for form, protocol in forms.items()}
        config = {"upstream_transport": upstream}
        async with proxying(clusters, multiplexing=multiplexing, config=config) as front:
            said = await calling("apache", front.ports, size=1 << 16)
            return said, front.count("upstream_cx_total")

    said, connections = run(main("chatty"))
    assert said == {
        form: [outcome(form, "apache", served=f"chatty {protocol}", has_headers=False)]
        for form, protocol in forms.items()
    }
    assert connections == run(main("header"))[1], "a connection was given up for a frame without a message"


@pytest.mark.parametrize("form", ["zlib binary", "zlib compact"])
def test_compressed_messages_stay_compressed_when_their_headers_change(form: str, servers: dict[str, Ports]) -> None:
    size = 1 << 20
    routes = {form: (changed(route(form), {"Tenant": "gold"}, {"Server": "shop"}),)}

    async def main() -> tuple[Outcomes, int]:
        async with proxying({form: servers["apache"][form]}, routes) as front:
            said = await calling("apache", front.ports, size=size)
            return said, sum(front.count(f"upstream_cx_{each}_bytes_total") for each in ("tx", "rx"))

    said, sent = run(main())
    told = {"Reply-Tenant": "gold", "Server": "shop"}
    assert said == {form: [outcome(form, "apache") | {"seen": {"Tenant": "gold", "form": form}, "told": told}]}
    assert 0 < sent < size // 10


def test_many_clients_at_once_each_get_the_headers_of_their_own_requests(servers: dict[str, Ports]) -> None:
    """All of them over few connections to one server."""
    forms = headed("apache")
    tenants = [f"tenant {number}" for number in range(6)]

    async def main() -> list[Outcomes]:
        async with proxying(
            {"all": servers["apache"]["header binary"]}, {"all": (route("all"),)}, multiplexing=True
        ) as front:
            ports = dict.fromkeys(forms, front.ports["all"])
            return await asyncio.gather(
                *(calling("apache", ports, threads=3, headers={"Tenant": each}) for each in tenants)
            )

    for tenant, said in zip(tenants, run(main()), strict=True):
        told = {"Reply-Tenant": tenant}
        seen = {"Tenant": tenant, "form": "header binary"}
        assert said == {form: [outcome(form, "apache", size=0) | {"seen": seen, "told": told}] for form in forms}
