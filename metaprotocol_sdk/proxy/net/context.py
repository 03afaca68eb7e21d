"""What the connections of one listener share, in both directions."""

from __future__ import annotations

from dataclasses import dataclass, field

from metaprotocol_sdk.exceptions import CodecBug
from metaprotocol_sdk.proxy.encoder import Encoder
from metaprotocol_sdk.proxy.metrics import REQUEST_TIME_BOUNDS, Histogram, ListenerStats
from metaprotocol_sdk.proxy.net.loop import Turns
from metaprotocol_sdk.proxy.responder import Responder


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What keeps a listener bounded, beside the circuit breakers of the clusters it sends to.

    Args:
        clients: Connections one listener takes at once.
        in_flight: Requests of one client at once; more are not read until some are answered. And as many streams of
            frames; more are answered with an error.
        held_bytes: Bytes of replies that wait for an earlier one until no more requests are read.
        buffered_bytes: Bytes of replies a client has not read until it is cut off, and bytes of one client's requests
            in flight until no more are read.
        watermark: Bytes a client has not read until its servers are not read either.
        shared_in_flight: Requests on one shared connection at once.
        close_timeout: Seconds after which a connection that is being closed is cut off if its peer has read nothing
            of what is left.
        linger_timeout: Seconds a client that sent a malformed message has to close its side.
        request_timeout: Seconds from the first byte of a message of a client's until it must be whole; None: no limit.
        stall_timeout: Seconds after which a server that reads nothing of what it is sent is given up.
    """

    clients: int = 16384
    in_flight: int = 256
    held_bytes: int = 1024 * 1024
    buffered_bytes: int = 64 * 1024 * 1024
    watermark: int = 1024 * 1024
    shared_in_flight: int = 1024
    close_timeout: float = 5.0
    linger_timeout: float = 2.0
    request_timeout: float | None = None
    stall_timeout: float = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One listener's protocol, counters and limits.

    Args:
        listener: The listener's name, for the log.
        protocol: ``protocol.name``, set on every request as ``x-meta-protocol-application-protocol``.
        encoder: The codec, to write with; ``encoder.codec`` to read with.
        turns: The event loop.
        is_shared: Whether clients share connections to servers (``protocol.multiplexing``).
        limits: What keeps it bounded.
    """

    listener: str
    protocol: str
    encoder: Encoder
    turns: Turns
    is_shared: bool = False
    limits: Limits = field(default_factory=Limits)
    request_time: Histogram = field(default_factory=lambda: Histogram(REQUEST_TIME_BOUNDS))

    @property
    def stats(self) -> ListenerStats:
        """The listener's counters."""
        return self.encoder.stats

    def report(self, bug: CodecBug) -> None:
        """Counts and logs a bug of the listener's codec."""
        Responder(self.encoder, listener=self.listener).report(bug)

    @property
    def has_ids(self) -> bool:
        """Whether a request id pairs a reply with its request."""
        return bool(self.encoder.codec.request_ids)
