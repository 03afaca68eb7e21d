"""Real peers through the proxy: clients and servers of JavaScript's Dubbo libraries, in conversations of every kind."""

from __future__ import annotations

import asyncio
from typing import Any, TypedDict

import pytest

from metaprotocol_sdk import MessageType
from reference_codecs.dubbo.codec import DubboCodec
from reference_codecs.dubbo.frame import HEADER_SIZE
from reference_codecs.dubbo.hessian2 import write_string
from tests.proxy.harness import Client
from tests.reference_codecs.dubbo.helpers import message
from tests.reference_codecs.dubbo.peering import PEERS, Outcomes, calling, needs_node, proxying, run

pytestmark = needs_node


class Mode(TypedDict, total=False):
    """How the proxy uses connections to servers."""

    multiplexing: bool
    bind: bool


MIB = 1 << 20
STANDING = {"dubbo": "5.3.0", "group": "", "path": "com.demo.Shop", "version": "1.0.0"}
"""The attachments that dubbo-remoting gives every request."""
MODES: dict[str, Mode] = {"one at a time": {}, "multiplexed": {"multiplexing": True}, "bound": {"bind": True}}
both_modes = pytest.mark.parametrize("multiplexing", [False, True], ids=["one at a time", "multiplexed"])
every_server = pytest.mark.parametrize("server", PEERS)


def outcome(client: str, server: str, *, size: int = 0) -> dict[str, Any]:
    """What comes of a conversation when all is well."""
    said: dict[str, Any] = {
        "echo": True,
        "buy": [7, "Error: no mug"],
        "fail": "no reason",
        "nothing": None,
        "seen": {**STANDING, "Tenant": "gold", "served": server},
        "told": {},
        "beat": None,
        "beaten": "77 null",  # by the proxy, as no client answers heartbeats of its server
    }
    if client == "remoting":  # sofa-rpc-node sends no oneways
        said["noted"] = "1 times"
    return said | ({"big": True} if size else {})


@pytest.mark.parametrize("mode", MODES)
@every_server
def test_many_clients_have_every_kind_of_conversation_at_once(server: str, mode: str, servers: dict[str, int]) -> None:
    async def main() -> list[Outcomes]:
        async with proxying({"shop": servers[server]}, **MODES[mode]) as front:
            said = await asyncio.gather(
                *(calling(each, front.port, threads=8, size=1 << 16, attachments={"Tenant": "gold"}) for each in PEERS)
            )
            for counter in ("request_decoding_error", "response_decoding_error"):
                assert front.count(counter) == 0
            oneways = 8
            # sofa-rpc-node answers oneways, too: answers that no client may see, where they find their connection.
            assert front.count("response_unmatched") <= (oneways if server == "sofa" else 0)
            return said

    assert run(main()) == [[outcome(each, server, size=1 << 16)] for each in PEERS]


@both_modes
def test_messages_of_a_mebibyte_pass(multiplexing: bool, servers: dict[str, int]) -> None:
    async def main(server: str) -> list[Outcomes]:
        async with proxying({"shop": servers[server]}, multiplexing=multiplexing) as front:
            return await asyncio.gather(
                *(calling(each, front.port, size=MIB, attachments={"Tenant": "gold"}) for each in PEERS)
            )

    for server in PEERS:
        assert run(main(server)) == [[outcome(each, server, size=MIB)] for each in PEERS]


def bare(kind: str, request_id: int) -> bytes:
    """Asks for what dubbo-remoting answers without a response type: it takes what is false for nothing."""
    front = b"\x055.3.0\x0dcom.demo.Shop\x051.0.0\x04bare\x12Ljava/lang/String;"
    attachments = b"H\x04path\x0dcom.demo.Shop\x07version\x051.0.0Z"
    return message(front + write_string(kind) + attachments, request_id=request_id)


@every_server
def test_a_null_without_a_response_type_is_forwarded_and_what_is_no_reply_at_all_is_an_error(
    server: str, servers: dict[str, int]
) -> None:
    async def main() -> None:
        async with proxying({"shop": servers[server]}) as front:
            client = Client(DubboCodec(), *await asyncio.open_connection("127.0.0.1", front.port))
            for request_id in (1, 2):
                await client.send(bare("null", request_id))
                reply = await client.reply()
                assert reply.origin_message == message(b"N", flags=2, status=20, request_id=request_id)
            for request_id, kind in enumerate(("false", "")):
                await client.send(bare(kind, request_id))
                reply = await client.reply()
                assert (reply.message_type, reply.request_id, reply["status"]) == (MessageType.ERROR, request_id, "50")
                assert b"response_type" in reply.origin_message[HEADER_SIZE:]
            await client.send(bare("null", 3))
            assert (await client.reply())["response_type"] == "null"
            client.writer.close()

    run(main())
