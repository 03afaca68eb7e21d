"""The page about rate limits: its configuration limits real traffic as the page says."""

from __future__ import annotations

import re
import struct
from pathlib import Path

from metaprotocol_sdk.errors import ErrorType
from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.proxy.config import parse_config
from metaprotocol_sdk.proxy.filters import filter_models
from metaprotocol_sdk.proxy.filters.local_rate_limit import LocalRateLimitStats
from reference_codecs.awesomerpc.codec import CODES, AwesomerpcCodec
from tests.integration.serving import Serving, serving
from tests.proxy.harness import Backend, Client, run

PAGE = (Path(__file__).parents[2] / "docs/how-to/limit-rates.md").read_text()
HEADER = struct.Struct(">bIIhh")
REFUSED = CODES[ErrorType.OVER_LIMIT]


def message(number: int, command: int, code: int = 0) -> bytes:
    return HEADER.pack(1, number, HEADER.size, command, code)


def answer(request: Metadata) -> bytes:
    return message(request.request_id, int(request["cmd"]))


async def codes(client: Client, command: int, times: int) -> list[int]:
    found = []
    for number in range(times):
        await client.send(message(number, command))
        reply = await client.reply()
        assert reply.request_id == number
        found.append(HEADER.unpack_from(reply.origin_message)[4])
        if found[-1]:
            text = f"meta protocol local rate limit: request '{number}' has been rate limited"
            assert reply.origin_message.endswith(text.encode())
    return found


def counts(running: Serving) -> dict[str, int]:
    names = re.findall(r"^\| `(meta_protocol\.<stat_prefix>\.[\w.]+)`", PAGE, re.MULTILINE)
    assert [name.rpartition(".")[2] for name in names] == list(LocalRateLimitStats.__slots__)
    found = running.server.snapshot()
    return {name.rpartition(".")[2]: found[name.replace("<stat_prefix>", "orders")] for name in names}


def test_the_pages_configuration_limits_as_the_page_says() -> None:
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)

    async def main() -> None:
        backend = Backend(AwesomerpcCodec(), answer=answer)
        async with serving(parse_config(text, filters=filter_models()), backend) as running:
            client, other = await running.client(), await running.client()
            assert await codes(client, 7, 4) == [0, 0, REFUSED, REFUSED]
            assert await codes(client, 1, 6) == [0] * 6
            assert await codes(other, 2, 6) == [0] * 4 + [REFUSED] * 2
            assert len(backend.requests) == 12
            assert counts(running) == {"ok": 12, "rate_limited": 4}

    run(main())
