"""The ends of connections that are not the proxy's: sockets, moved by hand, never waiting."""

from __future__ import annotations

import math
import socket
import struct
from collections.abc import Callable

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.decoder import Decoder
from metaprotocol_sdk.metadata import MessageType, Metadata
from tests.integration.machine.channel import Channel


class Wire:
    """One end of a connection to the proxy.

    Attributes:
        out: Bytes the kernel has not taken yet.
        rest: Bytes that are said later: the other part of a message that is cut.
        flushed: How many bytes the kernel has taken in all.
        is_reading: Whether this end reads.
        has_paused: Whether it ever did not: only then may something be lost when the connection is closed.
        is_over: Whether the proxy has ended the connection, as far as this end has read.
        is_gone: Whether this end has left.
    """

    def __init__(self, channel: Channel, codec: Codec, side: MessageType) -> None:
        sock = channel.sock
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else a small write waits for 40 ms
        self.channel = channel
        self.sock = sock
        self.decoder = Decoder(codec, side)
        self.out = b""
        self.rest = b""
        self.flushed = 0
        self.is_reading = True
        self.has_paused = False
        self.is_over = False
        self.is_gone = False
        self.wants_end = False
        self.has_ended = False

    @property
    def promised(self) -> int:
        """Where what is said next begins: how many bytes have been said, whoever has them."""
        return self.flushed + len(self.out) + len(self.rest)

    @property
    def is_open(self) -> bool:
        """Whether both sides are still there."""
        return not self.is_over and not self.is_gone

    @property
    def can_speak(self) -> bool:
        """Whether this end may say something."""
        return not self.is_gone and not self.wants_end and not self.is_over

    def say(self, data: bytes, cut: int | None = None) -> None:
        """Says ``data``; what is behind ``cut`` stays back until something more is said."""
        self.out += self.rest
        self.rest = b""
        if cut is not None:
            data, self.rest = data[:cut], data[cut:]
        self.out += data

    def go_on(self) -> None:
        """Says what has stayed back."""
        self.say(b"")

    def half_close(self) -> None:
        """Says no more, once what is said has gone; what stayed back is never said."""
        self.rest = b""
        self.wants_end = True

    def close(self) -> None:
        """Leaves, as a program that closes its socket."""
        self.is_gone = True
        self.sock.close()

    def reset(self) -> None:
        """Leaves with a reset, as a killed machine."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def move(self, on_message: Callable[[Metadata], None]) -> bool:
        """Writes and reads what can be; whether anything could."""
        if self.is_gone:
            return False
        moved = self._work()
        moved |= self._write()
        if self.wants_end and not self.out and not self.has_ended and not self.is_over:
            self.has_ended = moved = True
            try:
                self.channel.end()
            except OSError:
                self.is_over = True
        while self.is_reading and not self.is_over and self._read():
            moved = True
            while (found := self.decoder.next_message()) is not None:
                on_message(found)
        return moved

    def _work(self) -> bool:
        if self.is_over:
            return False
        try:
            return self.channel.work()
        except OSError:
            self.is_over = True
            return True

    def _write(self) -> bool:
        if not self.out or self.is_over:
            return False
        try:
            count = self.channel.send(self.out)
        except BlockingIOError:
            return False
        except OSError:
            self.out = b""  # what the proxy has written is still to be read
            return False
        self.out = self.out[count:]
        self.flushed += count
        return True

    def _read(self) -> bool:
        try:
            data = self.channel.recv()
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if data:
            self.decoder.receive_data(data)
        else:
            self.is_over = True
            self.channel.answer_end()
        return bool(data)


class Site:
    """One server's address: it stays the same while the server comes and goes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._holder = _bound(("127.0.0.1", 0))  # keeps the port, and refuses
        self.address: tuple[str, int] = self._holder.getsockname()
        self._listening: socket.socket | None = None
        self.is_accepting = True
        self.out_since = math.inf
        """The change since which no request of the proxy's may go there."""

    @property
    def is_mirror(self) -> bool:
        """Whether it gets copies."""
        return self.name == "mirror"

    @property
    def is_listening(self) -> bool:
        return self._listening is not None

    def listen(self) -> None:
        """Takes connections."""
        if self._listening is None:
            self._listening = _bound(self.address)
            self._listening.listen(64)
            self._listening.setblocking(False)

    def refuse(self) -> None:
        """Refuses connections, and resets those that nobody has accepted."""
        if self._listening is not None:
            self._listening.close()
            self._listening = None

    def accept(self) -> socket.socket | None:
        """The next connection, if there is one."""
        if self._listening is None or not self.is_accepting:
            return None
        try:
            return self._listening.accept()[0]
        except BlockingIOError:
            return None

    def close(self) -> None:
        self.refuse()
        self._holder.close()


def _bound(address: tuple[str, int]) -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(address)
    return sock
