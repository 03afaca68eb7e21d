"""The page about faults: its configuration delays and aborts real traffic as the page says."""

from __future__ import annotations

import random
import re
import struct
from pathlib import Path

from metaprotocol_sdk.errors import ErrorType
from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.proxy.config import parse_config
from metaprotocol_sdk.proxy.filters import filter_models
from metaprotocol_sdk.proxy.filters.fault import FaultStats
from reference_codecs.awesomerpc.codec import CODES, AwesomerpcCodec
from tests.integration.serving import serving
from tests.proxy.harness import Backend, run

PAGE = (Path(__file__).parents[2] / "docs/how-to/inject-faults.md").read_text()
HEADER = struct.Struct(">bIIhh")


def message(number: int, command: int) -> bytes:
    return HEADER.pack(1, number, HEADER.size, command, 0)


def answer(request: Metadata) -> bytes:
    return message(request.request_id, int(request["cmd"]))


def test_the_pages_configuration_delays_and_aborts_as_the_page_says() -> None:
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)

    async def main() -> None:
        backend = Backend(AwesomerpcCodec(), answer=answer)
        async with serving(parse_config(text, filters=filter_models()), backend) as running:
            client = await running.client()
            await client.send(message(1, 7) + message(2, 7) + message(3, 7) + message(4, 1))
            order = [(await client.reply()).request_id for _ in range(4)]
            assert (set(order[:2]), set(order[2:])) == ({3, 4}, {1, 2})
            running.server._rng.seed(random.Random(7).random())
            aborted = 0
            for number in range(200):
                await client.send(message(number, 8))
                reply = await client.reply()
                if code := HEADER.unpack_from(reply.origin_message)[4]:
                    assert code == CODES[ErrorType.NO_HEALTHY_UPSTREAM]
                    assert reply.origin_message.endswith(b"no stock today")
                    aborted += 1
            assert 25 < aborted < 75
            counts = running.server.snapshot()
            assert counts["meta_protocol.slow.fault.delays_injected"] == 2
            assert counts["meta_protocol.slow.fault.faults_overflow"] == 1
            assert counts["meta_protocol.failing.fault.aborts_injected"] == aborted

    run(main())


def test_the_page_lists_every_counter() -> None:
    names = re.findall(r"^\| `meta_protocol\.<stat_prefix>\.fault\.(\w+)`", PAGE, re.MULTILINE)
    assert names == list(FaultStats.__slots__)
