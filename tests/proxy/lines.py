"""The protocol of lines, with a heartbeat of its own."""

from __future__ import annotations

from metaprotocol_sdk.buffer import Buffer
from tests.proxy.codecs import LineCodec


class BeatingLineCodec(LineCodec):
    """A heartbeat without an id."""

    def heartbeat(self, request_id: int, buffer: Buffer) -> bool:
        buffer.append(b"PING\n")
        return True
