"""The page about TLS: its configurations serve real clients as the page says."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from pathlib import Path

from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.proxy.config import parse_config
from metaprotocol_sdk.proxy.config.endpoint import Address
from metaprotocol_sdk.proxy.config.listener import Listener
from metaprotocol_sdk.proxy.config.values import PipeAddress, ProxyProtocolConfig
from reference_codecs.awesomerpc.codec import AwesomerpcCodec
from tests.docs.test_control_access import HEADER, message
from tests.integration.securing import SecureBackend
from tests.integration.serving import serving
from tests.proxy.certificates import Authority
from tests.proxy.config.reading import PROXY_FILTER, good
from tests.proxy.harness import Client, run

PAGE = (Path(__file__).parents[2] / "docs/how-to/use-tls.md").read_text()
WHOLE, PIPE, FILTERS = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def answer(request: Metadata) -> bytes:
    return message(request.request_id, int(request["cmd"]))


def test_the_pages_configuration_serves_those_it_trusts(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    for end, path in (
        ("crt", authority.issue("proxy.example").chain_path),
        ("key", str(tmp_path / "proxy.example.key")),
    ):
        (tmp_path / f"tls.{end}").write_bytes(Path(path).read_bytes())
    (tmp_path / "ca.crt").write_bytes(authority.pem)
    config = parse_config(WHOLE.replace("/etc/metaproto/tls", str(tmp_path)))

    async def main() -> None:
        backend = SecureBackend(authority.server(authority.issue("orders.example"), asks=True), answer)
        backend.codec = AwesomerpcCodec()
        async with serving(config, backend) as running:
            address = running.server.addresses["orders"]
            for name, is_let_in in (("a.clients.example", True), ("a.example", False)):
                context = authority.client(authority.issue(name))
                streams = await asyncio.open_connection(*address, ssl=context, server_hostname="proxy.example")
                client = Client(AwesomerpcCodec(), *streams)
                running.clients.append(client)
                try:
                    await client.send(message(7, 3))
                    reply = await client.reply()
                except (OSError, EOFError):
                    assert not is_let_in
                else:
                    assert is_let_in
                    assert HEADER.unpack_from(reply.origin_message)[4] == 0
            assert running.count("fail_verify_san") == 1

    run(main())


def test_the_pages_pieces_are_read() -> None:
    (text,) = re.findall(r"address: (.*)", PIPE)
    address = good(Address, text).value()
    assert isinstance(address, PipeAddress)
    assert (address.path, address.mode) == ("/run/metaproto/orders.sock", 0o660)
    one = "{" + ", ".join(PROXY_FILTER.splitlines()) + "}"
    listener = good(Listener, f"{PIPE}{FILTERS}filter_chains: [{{filters: [{one}]}}]\n").value()
    assert (listener.proxy_protocol, listener.entry_timeout) == (ProxyProtocolConfig(), 5.0)
    assert replace(address, mode=0) == listener.address
