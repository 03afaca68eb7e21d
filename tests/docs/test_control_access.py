"""The page about access: its configuration refuses real traffic as the page says."""

from __future__ import annotations

import re
import struct
from pathlib import Path

from metaprotocol_sdk.errors import ErrorType
from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.proxy.config import parse_config
from metaprotocol_sdk.proxy.filters import filter_models
from metaprotocol_sdk.proxy.filters.rbac import RbacStats, ShadowRbacStats
from metaprotocol_sdk.proxy.filters.rbac_rules import Action, Permission, Principal
from reference_codecs.awesomerpc.codec import CODES, AwesomerpcCodec
from tests.integration.serving import serving
from tests.proxy.harness import Backend, Client, run

PAGE = (Path(__file__).parents[2] / "docs/how-to/control-access.md").read_text()
HEADER = struct.Struct(">bIIhh")


def message(number: int, command: int) -> bytes:
    return HEADER.pack(1, number, HEADER.size, command, 0)


def answer(request: Metadata) -> bytes:
    return message(request.request_id, int(request["cmd"]))


async def passes(client: Client, command: int) -> bool:
    await client.send(message(command, command))
    reply = await client.reply()
    assert reply.request_id == command
    code: int = HEADER.unpack_from(reply.origin_message)[4]
    if code:
        assert code == CODES[ErrorType.UNSPECIFIED]
        assert reply.origin_message.endswith(b"RBAC: access denied")
    return not code


def test_the_pages_configuration_refuses_as_the_page_says() -> None:
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)

    async def asked(configuration: str) -> tuple[list[int], dict[str, int]]:
        backend = Backend(AwesomerpcCodec(), answer=answer)
        async with serving(parse_config(configuration, filters=filter_models()), backend) as running:
            client = await running.client()
            passing = [command for command in range(12) if await passes(client, command)]
            assert len(backend.requests) == len(passing)
            prefix = "meta_protocol.orders.rbac."
            found = running.server.snapshot()
            return passing, {name: found[prefix + name] for name in found_names()}

    passing, counts = run(asked(text))
    assert passing == list(range(1, 11))
    assert counts == {
        "allowed": 10, "denied": 2, "logged": 0, "shadow_allowed": 11, "shadow_denied": 1, "shadow_logged": 0,
    }  # fmt: skip
    elsewhere = text.replace("address_prefix: 127.0.0.0", "address_prefix: 192.0.2.0")
    assert run(asked(elsewhere))[0] == list(range(1, 10))


def found_names() -> list[str]:
    return re.findall(r"^\| `meta_protocol\.<stat_prefix>\.rbac\.(\w+)`", PAGE, re.MULTILINE)


def test_the_page_lists_every_counter_action_and_rule() -> None:
    assert found_names() == [*RbacStats.__slots__, *ShadowRbacStats.__slots__]
    for action in Action:
        assert f"\n| `{action.value}`" in PAGE
    for name in (*Permission.model_fields, *Principal.model_fields):
        assert re.search(rf"`{name}\b", PAGE), name
