"""Real peers: Apache Thrift for Python, thriftpy2 and npm's thrift, clients and servers, through a proxy."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from tests.proxy.harness import route, unused_port
from tests.reference_codecs.thrift.peering import proxying, run
from tests.reference_codecs.thrift.peers.talk import FORMS
from tests.reference_codecs.thrift.processes import EVERY_PEER, NODE_PATH, Outcomes, Ports, calling, needs_node

pytest.importorskip("thrift", reason="Apache Thrift for Python is not installed")
pytest.importorskip("thriftpy2", reason="thriftpy2 is not installed")

BIG, SOME = 1 << 20, 1 << 14
HEADERS = {"Tenant": "größe", "empty": ""}
HEADED = ("header", "zlib")
"""Transports with headers."""
CLIENTS = ["apache", "py2", *(["node"] if NODE_PATH else [])]
both_modes = pytest.mark.parametrize("multiplexing", [False, True], ids=["one at a time", "multiplexed"])
TARGETS = [
    pytest.param(server, target, marks=[needs_node] if server == "node" else [])
    for server, forms in FORMS.items()
    for target in forms
    if "zlib" not in target and "non-strict" not in target
]


def has_flags(form: str, *peers: str) -> bool:
    """Whether peers can say lists of booleans in a form: npm's compact protocol reads them as false."""
    return not ("node" in peers and "compact" in form)


def outcome(form: str, server: str, *, served: str = "", size: int = BIG, has_headers: bool = True) -> dict[str, Any]:
    """What comes of every call when all is well.

    Args:
        form: What the client speaks.
        server: The peer that serves, ``served`` is what that speaks.
        size: Whether there was a large call.
        has_headers: Whether headers of the client, if its form has some, reach a server.
    """
    headers = HEADERS if has_headers and form.startswith(HEADED) else {}
    said = {
        "echo": True,
        "buy": [7, "sold out: no mug"],
        "fail": f"application exception {0 if server == 'node' else 6}: no reason",  # npm's library writes no type
        "noted": 1,
        "seen": {**headers, "form": served or form},
        "told": {f"Reply-{key}": value for key, value in headers.items()},
    }
    return said | ({"big": True} if size else {})


def outcomes(forms: Iterable[str], server: str, **options: Any) -> Outcomes:
    return {form: [outcome(form, server, **options)] for form in forms}


async def calling_all(client: str, server: str, ports: Ports, *, size: int = BIG) -> Outcomes:
    """Every call of every form, lists of booleans where both peers can read them."""
    said: Outcomes = {}
    for flags in (True, False):
        some = {form: port for form, port in ports.items() if has_flags(form, client, server) is flags}
        if some:
            said |= await calling(client, some, flags=flags, size=size, headers=HEADERS)
    return said


def shared(client: str, server: str) -> list[str]:
    return [form for form in FORMS[client] if form in FORMS[server]]


@both_modes
@pytest.mark.parametrize("server", EVERY_PEER)
@pytest.mark.parametrize("client", EVERY_PEER)
def test_every_form_that_two_peers_speak_passes_the_proxy(
    client: str, server: str, multiplexing: bool, servers: dict[str, Ports]
) -> None:
    forms = shared(client, server)

    async def main() -> Outcomes:
        async with proxying({form: servers[server][form] for form in forms}, multiplexing=multiplexing) as front:
            return await calling_all(client, server, front.ports)

    assert run(main()) == outcomes(forms, server)


@pytest.mark.parametrize("server", EVERY_PEER)
@pytest.mark.parametrize("client", EVERY_PEER)
def test_services_of_a_multiplexed_processor_are_routed_by_their_names(
    client: str, server: str, servers: dict[str, Ports]
) -> None:
    forms = [f"{form} Shop" for form in shared(client, server)]
    routes = {form: (route("nowhere", service="Other"), route(form, service="Shop")) for form in forms}

    async def main() -> Outcomes:
        async with proxying({form: servers[server][form] for form in forms}, routes) as front:
            return await calling_all(client, server, front.ports, size=0)

    assert run(main()) == outcomes(forms, server, size=0)


@pytest.mark.parametrize("client", EVERY_PEER)
def test_every_client_is_told_of_errors_in_its_form(client: str, servers: dict[str, Ports]) -> None:
    forms = FORMS[client]
    refused = unused_port()

    async def main() -> Outcomes:
        routes = {
            form: (route("refused", method="fail"), *(route(form, method=each) for each in ("echo", "note", "noted")))
            for form in forms
        }
        clusters = {**{form: servers["apache"][form] for form in forms}, "refused": refused}
        async with proxying(clusters, routes) as front:
            return await calling_all(client, "apache", front.ports, size=0)

    no_route = "application exception 1: meta protocol router: no matched route for request"
    for form, (said,) in run(main()).items():
        assert (said["echo"], said["noted"]) == (True, 1), form
        assert [each[: len(no_route)] for each in (*said["buy"], said["seen"])] == [no_route] * 3, form
        assert said["fail"].startswith("application exception 6: meta protocol upstream request: "), form
        assert str(refused) in said["fail"]


@pytest.mark.parametrize(("server", "target"), TARGETS)
def test_clients_of_every_form_reach_a_server_of_one(server: str, target: str, servers: dict[str, Ports]) -> None:
    """Framed, unframed and header; binary and compact: each of them written again as the server's."""
    transport, protocol = target.split()
    config = {"upstream_transport": transport}
    if protocol != "json":  # which cannot be written in another protocol, nor another in it
        config["upstream_protocol"] = protocol

    def is_spoken(form: str) -> bool:
        if ("json" in form) is not (protocol == "json"):
            return False
        # A compressed message stays compressed, and npm's library has no transforms.
        return not ("zlib" in form and server == "node" and transport == "header")

    # Apache's client speaks every form; what the others make of rewritten replies does not depend on the server.
    clients = CLIENTS if server == "apache" else ["apache"]
    forms = {client: [form for form in FORMS[client] if is_spoken(form)] for client in clients}

    async def main() -> list[Outcomes]:
        said = []
        for client, spoken in forms.items():
            async with proxying(dict.fromkeys(spoken, servers[server][target]), config=config) as front:
                flags = has_flags(target, server) and has_flags("compact", client)
                said.append(await calling(client, front.ports, flags=flags, size=SOME, headers=HEADERS))
        return said

    has_headers = transport == "header"
    assert run(main()) == [outcomes(each, server, served=target, has_headers=has_headers) for each in forms.values()]


@both_modes
def test_many_clients_of_every_form_at_once_share_a_server_and_each_get_their_own_answers(
    multiplexing: bool, servers: dict[str, Ports]
) -> None:
    clients = {client: [form for form in FORMS[client] if "json" not in form] for client in CLIENTS}

    async def main() -> list[Outcomes]:
        config = {"upstream_transport": "framed", "upstream_protocol": "binary"}
        async with proxying(
            {"all": servers["apache"]["framed binary"]},
            {"all": (route("all"),)},
            multiplexing=multiplexing,
            config=config,
        ) as front:
            return await asyncio.gather(
                *(
                    calling(each, dict.fromkeys(forms, front.ports["all"]), threads=4, flags=each != "node", size=4096)
                    for each, forms in clients.items()
                )
            )

    assert run(main()) == [
        outcomes(forms, "apache", served="framed binary", has_headers=False) for forms in clients.values()
    ]
