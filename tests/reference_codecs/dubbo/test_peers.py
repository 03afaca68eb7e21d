"""Real peers through the proxy: clients and servers of JavaScript's Dubbo libraries, in conversations of every kind."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.reference_codecs.dubbo.peering import PEERS, Outcomes, calling, needs_node, proxying, run

pytestmark = needs_node
MIB = 1 << 20
STANDING = {"dubbo": "5.3.0", "group": "", "path": "com.demo.Shop", "version": "1.0.0"}
"""The attachments that dubbo-remoting gives every request."""
both_modes = pytest.mark.parametrize("multiplexing", [False, True], ids=["one at a time", "multiplexed"])
every_server = pytest.mark.parametrize("server", PEERS)
every_client = pytest.mark.parametrize("client", PEERS)


def outcome(client: str, *, size: int = 0, is_direct: bool = False) -> dict[str, Any]:
    """What comes of a conversation when all is well."""
    said: dict[str, Any] = {
        "echo": True,
        "buy": [7, "Error: no mug"],
        "fail": "no reason",
        "nothing": None,
        "seen": {**STANDING, "Tenant": "gold"},
        "told": {},
        "beat": None,
    }
    if client == "remoting":  # sofa-rpc-node sends no oneways
        said["noted"] = "1 times"
    if not is_direct:  # no client answers a heartbeat of its server; the proxy does
        said["beaten"] = "77 null"
    return said | ({"big": True} if size else {})


@both_modes
@every_server
def test_many_clients_have_every_kind_of_conversation_at_once(
    server: str, multiplexing: bool, servers: dict[str, int]
) -> None:
    async def main() -> list[Outcomes]:
        async with proxying({"shop": servers[server]}, multiplexing=multiplexing) as front:
            said = await asyncio.gather(
                *(calling(each, front.port, threads=8, size=1 << 16, attachments={"Tenant": "gold"}) for each in PEERS)
            )
            for counter in ("request_decoding_error", "response_decoding_error"):
                assert front.count(counter) == 0
            oneways = 8
            # sofa-rpc-node answers oneways, too: answers that no client may see.
            assert front.count("response_unmatched") == (oneways if server == "sofa" else 0)
            return said

    assert run(main()) == [[outcome(each, size=1 << 16)] for each in PEERS]


@both_modes
@every_server
@every_client
def test_a_message_of_a_mebibyte_passes(client: str, server: str, multiplexing: bool, servers: dict[str, int]) -> None:
    async def main() -> Outcomes:
        async with proxying({"shop": servers[server]}, multiplexing=multiplexing) as front:
            return await calling(client, front.port, size=MIB, attachments={"Tenant": "gold"})

    assert run(main()) == [outcome(client, size=MIB)]
