"""How an end of a connection moves its bytes: as they are, or by TLS; never waiting."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress

RECORD = 16 * 1024
"""Bytes that are encrypted at once: one record, of which nothing can be read before all of it is there."""


class Channel:
    """A socket.

    Attributes:
        serial: Of the certificate that the other side has shown; empty: none yet.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.serial = ""

    def work(self) -> bool:
        """Does what is to be done beside the peer's data; whether anything could be.

        Raises:
            OSError: The connection has ended.
        """
        return False

    def send(self, data: bytes) -> int:
        """Sends the beginning of ``data``; says how much of it the system has wholly. It is to be called again with
        what is left, even though some of that may have gone.

        Raises:
            BlockingIOError: It takes nothing now.
            OSError: The connection has ended.
        """
        return self.sock.send(data)

    def recv(self) -> bytes:
        """What there is; nothing: the other side has ended.

        Raises:
            BlockingIOError: There is nothing now.
            OSError: The connection has ended.
        """
        return self.sock.recv(65536)

    def end(self) -> None:
        """Says that no more will come.

        Raises:
            OSError: The connection has ended.
        """
        self.sock.shutdown(socket.SHUT_WR)

    def answer_end(self) -> None:
        """The other side has ended."""


class Secured(Channel):
    """A socket with TLS, which has no halves: who ends has ended.

    Args:
        sock: The socket.
        context: What this side uses.
        is_server: Which side it is.
    """

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, *, is_server: bool) -> None:
        super().__init__(sock)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        name = None if is_server else "localhost"
        self._ssl = context.wrap_bio(self._in, self._out, server_side=is_server, server_hostname=name)
        self._is_shaken = False
        self._encrypted = b""
        self._under_way = 0
        """Bytes of the data in the record that is being sent."""

    def work(self) -> bool:
        moved = self._flush()
        if not self._is_shaken:
            moved |= self._take()
            with suppress(ssl.SSLWantReadError):
                self._ssl.do_handshake()
                self._is_shaken = moved = True
                self.serial = str((self._ssl.getpeercert() or {}).get("serialNumber", ""))
            moved |= self._flush()
        return moved

    def send(self, data: bytes) -> int:
        if not self._is_shaken:
            raise BlockingIOError
        if not self._under_way:
            self._under_way = self._ssl.write(data[:RECORD])
        self._flush()
        if self._encrypted:
            raise BlockingIOError
        count, self._under_way = self._under_way, 0
        return count

    def recv(self) -> bytes:
        if not self._is_shaken:
            raise BlockingIOError
        while True:
            try:
                return self._ssl.read(65536)
            except ssl.SSLWantReadError:
                if not self._take():
                    raise BlockingIOError from None

    def end(self) -> None:
        with suppress(ssl.SSLWantReadError):
            self._ssl.unwrap()
        self._flush()

    def answer_end(self) -> None:
        with suppress(OSError):
            self.end()
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)

    def _take(self) -> bool:
        """Reads what is encrypted; whether anything could be."""
        try:
            data = self.sock.recv(65536)
        except BlockingIOError:
            return False
        if not data:
            if self._in.eof:
                return False
            self._in.write_eof()
        else:
            self._in.write(data)
        return True

    def _flush(self) -> bool:
        self._encrypted += self._out.read()
        if not self._encrypted:
            return False
        try:
            count = self.sock.send(self._encrypted)
        except BlockingIOError:
            return False
        self._encrypted = self._encrypted[count:]
        return True
