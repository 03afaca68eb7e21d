"""What a client's and a server's connection have in common: writes gathered per turn of the loop, an orderly close."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from metaprotocol_sdk.proxy.net.context import Context
from metaprotocol_sdk.proxy.net.sockets import name_of
from metaprotocol_sdk.proxy.timers import Slot


class Connection(asyncio.Protocol):
    """One TCP connection. ``TCP_NODELAY`` is set by the event loop.

    Args:
        context: The listener's.
        watermark: Bytes waiting to be written above which the peer counts as one that does not read; it counts as
            reading again below a quarter of them.

    Attributes:
        is_clogged: Whether the peer does not read as fast as we write.
        is_closing: Whether it is closed, or will be when what is left is written.
    """

    __slots__ = (
        "_context",
        "_flush_later",
        "_left",
        "_out",
        "_timer",
        "_transport",
        "_watermark",
        "is_clogged",
        "is_closing",
    )

    def __init__(self, context: Context, *, watermark: int) -> None:
        self._context = context
        self._watermark = watermark
        self._transport: Any = None
        self._flush_later = context.turns.flush_later
        self._out: list[bytes] = []
        self._left = sys.maxsize
        self._timer: Slot | None = None
        self.is_closing = False
        self.is_clogged = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop once, first."""
        self._transport = transport
        self._transport.set_write_buffer_limits(high=self._watermark)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Called by the loop once, last."""
        self.is_closing = True
        self._out.clear()
        self._disarm()

    def pause_writing(self) -> None:
        """Called by the loop when the peer does not read."""
        self.is_clogged = True

    def resume_writing(self) -> None:
        """Called by the loop when the peer reads again."""
        self.is_clogged = False

    @property
    def context(self) -> Context:
        """The listener's."""
        return self._context

    @property
    def peer(self) -> str:
        """The other side's address, for the log."""
        return name_of(self._transport.get_extra_info("peername"))

    @property
    def unwritten(self) -> int:
        """Bytes accepted for the peer and not handed to the kernel yet."""
        waiting: int = self._transport.get_write_buffer_size()
        return waiting + sum(map(len, self._out))

    def write(self, data: bytes) -> None:
        """Writes ``data`` at the end of this turn of the loop, with everything else that is for this peer."""
        if self.is_closing:
            return
        out = self._out
        if not out:
            self._flush_later(self)
        out.append(data)

    def flush(self) -> None:
        """Writes now what :meth:`write` has gathered."""
        out, transport = self._out, self._transport
        if not out or transport.is_closing():  # the peer has gone; that we are told later in this turn
            out.clear()
        elif len(out) == 1:
            transport.write(out.pop())
        else:
            self._out = []
            transport.writelines(out)

    def close(self) -> None:
        """Closes after what is unwritten; a peer that reads none of it for ``close_timeout`` is cut off."""
        if self.is_closing:
            return
        self.flush()
        self.is_closing = True
        self._transport.close()
        self._left = self.unwritten
        self._arm(self._context.limits.close_timeout)

    def abort(self) -> None:
        """Closes at once; what is unwritten is lost."""
        self.is_closing = True
        self._out.clear()
        if self._transport is not None:
            self._transport.abort()

    def on_timer(self, now: float) -> None:  # noqa: ARG002
        """A close that takes its time."""
        if self._is_read_by_peer():
            self._arm(self._context.limits.close_timeout)
        else:
            self.abort()

    def _is_read_by_peer(self) -> bool:
        """Whether something is unwritten, and less than when this was last asked."""
        left = self.unwritten
        is_less = 0 < left < self._left
        self._left = left or sys.maxsize
        return is_less

    @staticmethod
    def _forget(error: BaseException | None) -> None:
        """Lets go what an error's tracebacks hold. A broken Decoder keeps its error, whose frames hold the Decoder with
        all it has buffered: megabytes that nothing but the collector would find."""
        while error is not None:
            error.__traceback__ = None
            error = error.__cause__ or error.__context__

    def _arm(self, delay: float) -> None:
        self._disarm()
        self._timer = self._context.turns.wheel.add(self, delay)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.pop(self, None)
            self._timer = None
