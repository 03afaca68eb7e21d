"""What a client passes before it is one: it says whom it speaks for, and shakes hands.

Who is slow at it is cut in time, and costs no more than the longest header meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable

from metaprotocol_sdk.proxy.config.values import ListenerConfig
from metaprotocol_sdk.proxy.log import LOGGER_NAME
from metaprotocol_sdk.proxy.metrics import Counters, EntranceStats
from metaprotocol_sdk.proxy.net.dialer import CLOSE_TIME
from metaprotocol_sdk.proxy.net.loop import Turns
from metaprotocol_sdk.proxy.net.proxy_protocol import MAX_LINE, BadHeader, NoHeader, header_size, read_header
from metaprotocol_sdk.proxy.net.sockets import peer_of
from metaprotocol_sdk.proxy.net.tls import Gate, Security
from metaprotocol_sdk.proxy.peer import Told

_log = logging.getLogger(LOGGER_NAME)

_ENDLESS = 86400.0
"""Seconds; the event loops want a handshake to have some limit of theirs."""


class Entrance:
    """The way in of one listener whose clients speak TLS, or say first whom they speak for.

    Args:
        config: The listener's.
        turns: The event loop.
        security: Its TLS, where there is any.
        stats: What was counted before; None: nothing.

    Attributes:
        security: Its TLS; None: there is none.
        stats: What is counted of those who come.
    """

    __slots__ = ("_config", "_turns", "security", "stats")

    def __init__(
        self,
        config: ListenerConfig,
        turns: Turns,
        security: Security | None,
        *,
        stats: EntranceStats | None = None,
    ) -> None:
        self._config = config
        self._turns = turns
        self.security = security
        self.stats = stats or EntranceStats()

    def counters(self) -> list[tuple[str, Counters]]:
        """What it counts, each behind a prefix of its own that follows ``listener.<address>.``."""
        found: list[tuple[str, Counters]] = [("", self.stats)]
        if self.security is not None:
            found.append(("ssl.", self.security.stats))
        return found

    async def admit(self, client: socket.socket, make: Callable[[Told | None], asyncio.Protocol]) -> None:
        """Makes a client a connection, once it may be one, or closes it.

        Args:
            client: Its socket.
            make: Makes the connection's protocol, of whom the client speaks for.
        """
        self.stats.downstream_pre_cx_active += 1
        try:
            try:
                told, begun = await self._header(client)
            except BaseException:
                client.close()
                raise
            await self._connect(client, lambda: make(told), begun)  # the loop's from here on, which closes it
        except _Refused:
            pass
        finally:
            self.stats.downstream_pre_cx_active -= 1

    async def _header(self, client: socket.socket) -> tuple[Told | None, bytes]:
        """Whom a client speaks for, and what was read of it that belongs to its protocol."""
        wanted = self._config.proxy_protocol
        if wanted is None:
            return None, b""
        reader = _HeaderReader(self._turns.loop, client, wanted.versions)
        try:
            async with asyncio.timeout(self._config.entry_timeout):
                return await reader.read(), b""
        except NoHeader as error:
            if wanted.is_optional:
                return None, reader.taken
            raise self._refused(client, str(error)) from error
        except BadHeader as error:
            raise self._refused(client, str(error)) from error
        except TimeoutError as error:
            self.stats.downstream_pre_cx_timeout += 1
            if self._config.continues_on_entry_timeout:
                return None, reader.taken
            _log.warning(
                "listener %s: client %s closed: no PROXY header in %g s",
                self._config.name,
                peer_of(client),
                self._config.entry_timeout,
            )
            raise _Refused from error
        except OSError as error:
            raise _Refused from error

    def _refused(self, client: socket.socket, problem: str) -> _Refused:
        self.stats.downstream_cx_proxy_proto_error += 1
        _log.warning("listener %s: client %s closed: %s", self._config.name, peer_of(client), problem)
        return _Refused()

    async def _connect(self, client: socket.socket, make: Callable[[], asyncio.Protocol], begun: bytes) -> None:
        loop, security = self._turns.loop, self.security
        if security is None:
            await loop.connect_accepted_socket((lambda: Gate(make, begun=begun)) if begun else make, client)
            return
        if begun or security.context is None:  # no TLS begins as a PROXY header does
            problem = "a PROXY header that is not whole" if begun else "the certificates cannot be used"
            _log.warning("listener %s: client %s closed: %s", self._config.name, peer_of(client), problem)
            self.stats.downstream_cx_proxy_proto_error += bool(begun)
            client.close()
            return
        name, limit = peer_of(client), self._config.handshake_timeout
        gate = Gate(make, security)
        try:
            async with asyncio.timeout(limit):
                await loop.connect_accepted_socket(
                    lambda: gate,
                    client,
                    ssl=security.context,
                    ssl_handshake_timeout=limit + 1 if limit else _ENDLESS,  # ours ends it
                    ssl_shutdown_timeout=CLOSE_TIME,
                )
        except TimeoutError as error:
            self.stats.downstream_cx_transport_socket_connect_timeout += 1
            security.stats.connection_error += 1
            _log.warning("listener %s: client %s closed: no TLS handshake in %g s", self._config.name, name, limit)
            raise _Refused from error
        except OSError as error:
            reason = security.failed(error)
            is_scan = not str(error)  # somebody has connected and left, as a check of liveness does
            level = logging.DEBUG if is_scan else logging.WARNING
            _log.log(level, "listener %s: client %s: TLS handshake failed: %s", self._config.name, name, reason)
            raise _Refused from error
        if gate.problem:
            _log.warning("listener %s: client %s: TLS handshake failed: %s", self._config.name, name, gate.problem)


class _Refused(Exception):
    """A client that is not let in, told of already."""


class _HeaderReader:
    """Takes a connection's PROXY header from its socket, and nothing behind it.

    Bytes are looked at before they are taken, and those that are certainly the header's are taken at once: bytes that
    stayed would have the loop say again and again that there are some.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, client: socket.socket, versions: frozenset[int]) -> None:
        self._loop = loop
        self._client = client
        self._versions = versions
        self._taken = bytearray()

    @property
    def taken(self) -> bytes:
        """What has been taken of the connection."""
        return bytes(self._taken)

    async def read(self) -> Told | None:
        """What the header says.

        Raises:
            NoHeader: There is none.
            BadHeader: It is malformed.
            OSError: The connection has ended.
        """
        taken = self._taken
        while (size := header_size(bytes(taken[:MAX_LINE]), self._versions)) > len(taken):
            try:
                seen = self._client.recv(max(size - len(taken), MAX_LINE), socket.MSG_PEEK)
            except (BlockingIOError, InterruptedError):
                await self._readable()
                continue
            if not seen:
                raise ConnectionResetError
            size = header_size((bytes(taken[:MAX_LINE]) + seen)[:MAX_LINE], self._versions)
            taken += self._client.recv(min(size - len(taken), len(seen)))
        return read_header(bytes(taken))

    async def _readable(self) -> None:
        ready = self._loop.create_future()
        self._loop.add_reader(self._client.fileno(), _set, ready)
        try:
            await ready
        finally:
            self._loop.remove_reader(self._client.fileno())


def _set(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
