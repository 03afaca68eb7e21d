"""npm's dubbo-remoting without a connection: what it writes of a message, and what it understands of bytes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from tests.reference_codecs.dubbo.peering import command, environment


class Library:
    """A process of ``messages.js``, which says what its values are."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def _ask(self, what: str, how: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({what: how}).encode() + b"\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def request(
        self, args: Sequence[Any] = (), attachments: Mapping[str, str] | None = None, *, is_two_way: bool = True
    ) -> bytes:
        """A call of ``com.demo.Shop`` 1.0.0's method ``buy`` with id 5."""
        call = {"id": 5, "interface": "com.demo.Shop", "version": "1.0.0", "method": "buy"}
        call |= {"args": args, "attachments": attachments or {}, "isTwoWay": is_two_way}
        return bytes.fromhex(self._ask("request", call))

    def reply(self, **said: Any) -> bytes:
        """An answer to request 5: ``value``, or ``error``, a sentence."""
        return bytes.fromhex(self._ask("reply", {"id": 5, **said}))

    def heartbeat(self, request_id: int) -> bytes:
        """A heartbeat."""
        return bytes.fromhex(self._ask("heartbeat", request_id))

    def read(self, data: bytes) -> list[dict[str, Any]]:
        """The messages it finds in ``data``."""
        found: list[dict[str, Any]] = self._ask("read", data.hex())
        return found


@contextmanager
def library() -> Iterator[Library]:
    """The running library."""
    with subprocess.Popen(
        command("messages"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()
    ) as process:
        assert process.stdin is not None
        try:
            yield Library(process)
        finally:
            process.stdin.close()
