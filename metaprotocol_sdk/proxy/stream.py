"""One request's life, from its first byte to the last byte of its reply: Envoy's ``StreamInfo``.

A Stream is the only object a request costs besides its messages. It knows its three neighbours: the client's
connection it came from, the chain it goes through, and whatever carries it to a server.
"""

from __future__ import annotations

from typing import ClassVar, Protocol

from metaprotocol_sdk.errors import Error, ErrorType
from metaprotocol_sdk.exceptions import CodecError, EncodeError
from metaprotocol_sdk.metadata import MessageType, Metadata
from metaprotocol_sdk.mutation import NO_MUTATION, Mutation
from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.peer import Peer
from metaprotocol_sdk.proxy.replies import Turn
from metaprotocol_sdk.proxy.route import Route
from metaprotocol_sdk.proxy.timers import Slot, TimerWheel


class Downstream(Protocol):
    """A client's connection, as its streams see it."""

    is_clogged: bool
    """Whether the client does not read its replies fast enough."""

    is_lost: bool
    """Whether the connection has ended; a oneway may outlive it."""

    @property
    def client(self) -> Peer:
        """Who is at its other end."""

    def deliver(self, stream: Stream) -> None:
        """Ends the stream: its reply, or its error, goes to the client."""

    def reject(self, stream: Stream, error: CodecError) -> None:
        """Ends the stream without a reply: its message, or its codec, is broken. The connection ends with it."""

    def hold(self) -> None:
        """Stops reading requests: a server does not take them as fast as they come. Each call wants one release."""

    def release(self) -> None:
        """Takes back one :meth:`hold`."""

    def forward(self, frame: bytes) -> None:
        """Writes a frame of one of its streams of frames, as it is."""

    def finish(self) -> None:
        """Takes no more requests, delivers the replies that are to come, and closes: a server ended what the
        connection stands for."""


class Carrier(Protocol):
    """What carries a stream to its server: a connection, or the pool where it waits for one."""

    def cancel(self, stream: Stream) -> None:
        """Gives the request up: no reply of it will be handed on."""

    def expire(self, stream: Stream) -> None:
        """Gives the request up because its time is over, which is the server's failure if the request is there."""

    def throttle(self, stream: Stream) -> None:
        """Follows ``stream.downstream.is_clogged``: the reply is read no faster than the client reads."""


class Waiting(Protocol):
    """Something under way for a filter."""

    def cancel(self) -> object:
        """Gives it up."""


class Chain(Protocol):
    """The filters a stream goes through, and the router behind them."""

    def respond(self, stream: Stream, response: Metadata) -> None:
        """The server has answered."""

    def fail(self, stream: Stream, error: Error) -> None:
        """The request cannot be answered by its server."""

    def sent(self, stream: Stream) -> None:
        """A oneway is on its way; nothing will answer it."""


_ABORTED = Error(ErrorType.UNSPECIFIED, "the client has gone", "DC")


class Stream(Turn):
    """One request.

    Attributes:
        request: The request, described.
        response: The server's reply, or None.
        error: Why there is a local reply instead, or None. Once there is a response or an error the stream no longer
            waits for anything.
        downstream: The connection the request came by.
        chain: The filters it goes through.
        mutation: What filters ask to change in the request; a route's own is added to it.
        response_mutation: What filters ask to change in the reply; a route's own is added to it.
        route: The route that matched.
        cluster: Where it goes.
        endpoint: The server it goes to.
        carrier: What carries it there now.
        waiting: What a filter waits for now.
        flags: Envoy's response flags of what filters did to the request beside failing it: ``DI``, it was delayed.
        passed: How many filters have let the request pass; those see its reply.
        started: When the request was whole, on the proxy's clock.
        is_oneway: Whether nothing answers the request.
        timer: The slot of the wheel its timeout is in.
        wire_id: The request id on a connection shared with other clients.
        is_over: Whether it has been delivered, rejected or aborted; whatever happens after that is not its matter.
    """

    __slots__ = (
        "carrier",
        "chain",
        "cluster",
        "downstream",
        "endpoint",
        "error",
        "flags",
        "is_oneway",
        "is_over",
        "mutation",
        "passed",
        "request",
        "response",
        "response_mutation",
        "route",
        "started",
        "timer",
        "waiting",
        "wire_id",
    )

    is_copy: ClassVar[bool] = False
    """Whether it is a mirrored copy: nobody waits for what becomes of it."""

    def __init__(self, request: Metadata, key: int, downstream: Downstream, chain: Chain, started: float) -> None:
        self.key = key  # Turn's fields, without a call of its own
        self.after = None
        self.last = None
        self.reply = None
        self.has_reply = False
        self.request = request
        self.is_oneway = request.message_type is MessageType.ONEWAY
        self.downstream = downstream
        self.chain = chain
        self.started = started
        self.response: Metadata | None = None
        self.error: Error | None = None
        self.mutation: Mutation = NO_MUTATION
        self.response_mutation: Mutation = NO_MUTATION
        self.route: Route | None = None
        self.cluster: Cluster | None = None
        self.endpoint: Endpoint | None = None
        self.carrier: Carrier | None = None
        self.waiting: Waiting | None = None
        self.flags = ""
        self.timer: Slot | None = None
        self.passed = 0
        self.wire_id = 0
        self.is_over = False

    @property
    def peer(self) -> Peer:
        """The client: its addresses, and who its certificate says it is."""
        return self.downstream.client

    @property
    def can_retry(self) -> bool:
        """Whether the request may be sent again: a oneway may not, since nothing tells whether it arrived."""
        return not self.is_oneway

    def arm(self, wheel: TimerWheel, timeout: float | None) -> None:
        """Gives the stream ``timeout`` seconds; None: no limit."""
        if timeout is not None:
            self.timer = wheel.add(self, timeout)

    def disarm(self) -> None:
        """Takes the timeout off the wheel."""
        if self.timer is not None:
            self.timer.pop(self, None)
            self.timer = None

    def give_up(self) -> None:
        """Ends everything under way for the stream: its timeout, its filter's wait, its server's answer."""
        self.disarm()
        if self.waiting is not None:
            self.waiting.cancel()
            self.waiting = None
        if self.carrier is not None:
            self.carrier.cancel(self)
            self.carrier = None

    def refuse(self, error: CodecError) -> None:
        """Ends the stream because its request cannot be written: the message does not allow it, or the codec fails."""
        if isinstance(error, EncodeError):
            self.chain.fail(self, Error(ErrorType.UNSPECIFIED, str(error)))
        else:
            self.downstream.reject(self, error)

    def abort(self) -> None:
        """Ends the stream because nobody is there any more to read its reply."""
        self.is_over = True
        if self.error is None and self.response is None:
            self.error = _ABORTED
        self.give_up()

    def on_timer(self, now: float) -> None:
        """The route's timeout has come: the client gets an error, whatever the server still does."""
        assert self.cluster is not None
        self.cluster.stats.upstream_rq_timeout += 1
        self.timer = None
        if self.carrier is not None:
            self.carrier.expire(self)
            self.carrier = None
        self.give_up()
        text = f"meta protocol router: no reply from cluster '{self.cluster.name}' in {now - self.started:.3g} s"
        self.chain.fail(self, Error(ErrorType.UNSPECIFIED, text, "UT"))
