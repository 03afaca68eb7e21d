"""The admin port: HTTP/1.1 over h11, bounded in everything a client can make it do.

Who may connect may do everything, so it belongs on an address that only operators reach.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import h11

from metaprotocol_sdk.proxy.admin.message import TEXT, Request, Response
from metaprotocol_sdk.proxy.config.values import Bound
from metaprotocol_sdk.proxy.log import LOGGER_NAME
from metaprotocol_sdk.proxy.net.acceptor import Acceptor
from metaprotocol_sdk.proxy.net.loop import Crowd, Turns
from metaprotocol_sdk.proxy.net.sockets import bound_to
from metaprotocol_sdk.proxy.timers import Slot

_log = logging.getLogger(LOGGER_NAME)

Respond = Callable[[Request], Awaitable[Response]]
"""Makes the response to a request; raises nothing."""

MAX_HEAD = 16 * 1024
"""Bytes of a request's first line and header fields."""
MAX_BODY = 16 * 1024
"""Bytes of a request's body; nothing is posted here but a form."""
MAX_CONNECTIONS = 64
"""Clients at once; more are closed."""
TIMEOUT = 30.0
"""Seconds a client has to send a whole request, and then to read its response."""

_ALWAYS = (("cache-control", "no-cache, max-age=0"), ("x-content-type-options", "nosniff"))
_CLOSE = ("connection", "close")


class AdminServer:
    """Serves the admin interface on a socket.

    Args:
        sock: A socket that listens; it is the server's from now on.
        respond: Makes the responses.
    """

    def __init__(self, sock: socket.socket, respond: Respond) -> None:
        self.respond = respond
        self.turns = Turns(asyncio.get_running_loop())
        self.connections: Crowd[AdminConnection] = Crowd()
        self._sock = sock
        self._acceptor = Acceptor(self.turns, sock, lambda: AdminConnection(self), name="admin")

    @property
    def bound(self) -> Bound:
        """Where it listens."""
        return bound_to(self._sock)

    async def close(self) -> None:
        """Accepts no more, and closes every connection after what is being written."""
        self._acceptor.close()
        self._sock.close()
        self.connections.is_draining = True
        for connection in self.connections:
            connection.close()
        if not await self.connections.wait_gone(1):
            for connection in self.connections:
                connection.abort()
            await self.connections.wait_gone(1)
        await self.turns.close()


class AdminConnection(asyncio.Protocol):
    """One connection of an operator: one request after the other.

    Args:
        server: What it belongs to.
    """

    __slots__ = ("_body", "_http", "_request", "_server", "_timer", "_transport")

    def __init__(self, server: AdminServer) -> None:
        self._server = server
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
        self._transport: Any = None
        self._timer: Slot | None = None
        self._request: h11.Request | None = None
        self._body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop once, first."""
        self._transport = transport
        if len(self._server.connections) >= MAX_CONNECTIONS:
            _log.warning("admin: a client is refused, for %d are here already", MAX_CONNECTIONS)
            transport.close()
            return
        self._server.connections.add(self)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Called by the loop once, last."""
        self._disarm()
        self._server.connections.discard(self)

    def data_received(self, data: bytes) -> None:
        """Called by the loop with what a client has sent."""
        if not self._transport.is_closing():
            self._http.receive_data(data)
            self._proceed()

    def eof_received(self) -> bool:
        """Called by the loop when a client sends no more; a request that is whole is answered still."""
        self._http.receive_data(b"")
        is_answering = self._http.our_state is h11.SEND_RESPONSE and self._http.their_state is h11.DONE
        if not is_answering:
            self._transport.close()
        return is_answering

    def close(self) -> None:
        """Closes after what is unwritten, and after the response that is being made."""
        if self._http.their_state is not h11.DONE or self._http.our_state is h11.DONE:
            self._transport.close()

    def abort(self) -> None:
        """Closes at once."""
        self._transport.abort()

    def on_timer(self, now: float) -> None:  # noqa: ARG002
        """The client has been idle, or too slow."""
        self._timer = None
        self._transport.abort()

    def _arm(self) -> None:
        self._disarm()
        self._timer = self._server.turns.wheel.add(self, TIMEOUT)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.pop(self, None)
            self._timer = None

    def _proceed(self) -> None:
        """Takes what has come of the next request; once it is whole, reads no more until it is answered."""
        try:
            while self._take(self._http.next_event()):
                pass
        except h11.RemoteProtocolError as error:
            self._refuse(error.error_status_hint)

    def _take(self, event: Any) -> bool:
        """Whether to go on after ``event``."""
        if isinstance(event, h11.Request):
            self._request, self._body = event, b""
            if self._http.they_are_waiting_for_100_continue:
                self._transport.write(self._http.send(h11.InformationalResponse(status_code=100, headers=[])))
            return True
        if isinstance(event, h11.Data):
            self._body += event.data
            if len(self._body) <= MAX_BODY:
                return True
            self._refuse(413)
        elif isinstance(event, h11.EndOfMessage):
            assert self._request is not None
            self._transport.pause_reading()
            self._server.turns.spawn(self._answer(self._request, self._body))
        elif isinstance(event, h11.ConnectionClosed):
            self._transport.close()
        return False

    async def _answer(self, head: h11.Request, body: bytes) -> None:
        method = head.method.decode("ascii")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
        try:
            request = Request.from_wire(method, head.target.decode("latin-1"), headers, body)
        except ValueError:
            response = Response("Bad Request\n", 400)
        else:
            response = await self._server.respond(request)
        if self._transport.is_closing():
            return
        self._send(response, is_head=method == "HEAD")
        if self._http.our_state is h11.MUST_CLOSE or self._server.connections.is_draining:
            self._transport.close()
            return
        self._http.start_next_cycle()
        self._arm()
        self._transport.resume_reading()
        self._proceed()

    def _refuse(self, status: int) -> None:
        """Answers what is no request, and ends the connection."""
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self._send(Response(f"{HTTPStatus(status).phrase}\n", status, TEXT, dict([_CLOSE])), is_head=False)
        self._transport.close()

    def _send(self, response: Response, *, is_head: bool) -> None:
        body = response.body.encode("utf-8", "backslashreplace")
        headers = [
            ("content-type", response.content_type),
            ("content-length", str(len(body))),
            *_ALWAYS,
            *response.headers.items(),
        ]
        reason = HTTPStatus(response.status).phrase
        parts = [self._http.send(h11.Response(status_code=response.status, headers=headers, reason=reason))]
        if not is_head:
            parts.append(self._http.send(h11.Data(data=body)))
        parts.append(self._http.send(h11.EndOfMessage()))
        self._transport.write(b"".join(filter(None, parts)))
