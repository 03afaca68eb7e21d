"""A proxy as a process: it serves until it is told to stop, and reloads its configuration when it is told to."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

from metaprotocol_sdk.exceptions import ConfigError, MetaProtocolError, Severity
from metaprotocol_sdk.proxy.config.values import Bound, ProxyConfig
from metaprotocol_sdk.proxy.filters.filter import FilterFactory
from metaprotocol_sdk.proxy.log import LOGGER_NAME
from metaprotocol_sdk.proxy.net.loop import new_event_loop
from metaprotocol_sdk.proxy.net.sockets import cannot_listen, listening
from metaprotocol_sdk.proxy.net.systemd import Inherited, Notifier
from metaprotocol_sdk.proxy.operation import Operation
from metaprotocol_sdk.proxy.server import DRAIN_TIME, Server
from metaprotocol_sdk.proxy.watch import Watch

if TYPE_CHECKING:
    from metaprotocol_sdk.proxy.net.admin import AdminServer

_log = logging.getLogger(LOGGER_NAME)

Addresses = Mapping[str, Bound]
"""Bound host and port by listener name."""

Load = Callable[[], ProxyConfig]
"""Reads the configuration anew; raises what :func:`~metaprotocol_sdk.proxy.config.load_config` raises."""

WATCH_INTERVAL = 1.0
"""Seconds from one look at a watched file to the next."""


def run(
    config: ProxyConfig,
    *,
    drain_time: float = DRAIN_TIME,
    on_ready: Callable[[Addresses], None] | None = None,
    filters: Mapping[str, FilterFactory] | None = None,
    load: Load | None = None,
    watch: Watch | None = None,
    on_admin: Callable[[Bound], None] | None = None,
    environment: MutableMapping[str, str] = os.environ,
) -> int:
    """Serves until SIGTERM or SIGINT, then drains; a second signal stops at once. SIGHUP reloads.

    Under systemd it takes the sockets that it is given, and says when it is ready, reloads, stops and is alive.

    Args:
        config: What it serves.
        drain_time: Seconds requests in flight have to end.
        on_ready: Called with the bound addresses once every listener accepts, and after every reload.
        filters: As :class:`~metaprotocol_sdk.proxy.server.Server` takes them.
        load: Reads the configuration anew for a reload; None: SIGHUP is ignored.
        watch: A file whose change reloads too, looked at since before ``config`` was read; None: none.
        on_admin: Called with the admin interface's address, if there is one, after the first ``on_ready``.
        environment: Where systemd says what it wants; what is read there is taken out.

    Returns:
        The process's exit code, 0.

    Raises:
        MetaProtocolError: It cannot start; see :class:`~metaprotocol_sdk.proxy.server.Server`.
    """
    _calm_collector()
    notifier, inherited = Notifier.from_environment(environment), Inherited.from_environment(environment)
    process = _Process(
        config, drain_time, on_ready, filters=filters, load=load, on_admin=on_admin, notifier=notifier, given=inherited
    )
    with closing(inherited), asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(process.run(watch))
    return 0


class _Process:
    """One run of a proxy."""

    def __init__(
        self,
        config: ProxyConfig,
        drain_time: float,
        on_ready: Callable[[Addresses], None] | None,
        *,
        filters: Mapping[str, FilterFactory] | None,
        load: Load | None,
        on_admin: Callable[[Bound], None] | None,
        notifier: Notifier,
        given: Inherited,
    ) -> None:
        self._config = config
        self._drain_time = drain_time
        self._on_ready = on_ready
        self._filters = filters
        self._load = load
        self._on_admin = on_admin
        self._notifier = notifier
        self._given = given

    async def run(self, watch: Watch | None) -> None:
        """Serves until a signal ends it."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(_on_loop_error)
        signals = _Signals(loop, can_reload=self._load is not None)
        server = Server(self._config, filters=self._filters, drain_time=self._drain_time, bind=self._given.bind)
        operation = Operation(server, stop=signals.stop, now=loop.time)
        try:
            admin = self._admin(operation)
        except ConfigError:
            await server.stop()
            raise
        try:
            if not await _start(server, signals):
                return
            operation.is_started = True
            self._tell(server)
            self._tell_admin(admin)
            for each in self._given.unused():
                _log.warning("systemd gave a socket that no listener is configured for: %s", each)
            self._notifier.ready(_serving(server))
            beside = [self._reload_when_told(server, signals, watch), self._notifier.keep_alive()]
            tasks = [asyncio.ensure_future(each) for each in beside]
            await signals.first.wait()
            operation.is_stopping = True
            tasks[0].cancel()  # the other goes on: the watchdog watches the drain, too
            await self._stop(server, signals)
            tasks[1].cancel()
        finally:
            if admin is not None:
                await admin.close()

    def _admin(self, operation: Operation) -> AdminServer | None:
        """Serves the admin interface from now on, if there is one."""
        address = self._config.admin
        if address is None:
            return None
        # Who has none should not pay for it.
        from metaprotocol_sdk.proxy.admin.handler import respond  # noqa: PLC0415
        from metaprotocol_sdk.proxy.net.admin import AdminServer  # noqa: PLC0415

        try:
            sock = self._given.take(address) or listening(address)
        except OSError as error:
            raise cannot_listen("the admin interface", address, error) from error
        return AdminServer(sock, partial(respond, operation))

    def _tell(self, server: Server) -> None:
        _log_notes(server.config)
        if self._on_ready is not None:
            self._on_ready(server.addresses)

    def _tell_admin(self, admin: AdminServer | None) -> None:
        if admin is not None and self._on_admin is not None:
            self._on_admin(admin.bound)

    async def _stop(self, server: Server, signals: _Signals) -> None:
        self._notifier.stopping(f"draining, for {self._drain_time:g} s at most")
        _log.info("stopping: requests in flight have %g s to end; signal again to stop now", self._drain_time)
        drain = asyncio.ensure_future(server.drain(self._drain_time))
        second = asyncio.ensure_future(signals.second.wait())
        await asyncio.wait({drain, second}, return_when=asyncio.FIRST_COMPLETED)
        for waiting in (drain, second):
            waiting.cancel()
        cut = await server.stop()
        if cut:
            _log.warning("stopped; %d clients' connections were cut", cut)
        else:
            _log.info("stopped")

    async def _reload_when_told(self, server: Server, signals: _Signals, watch: Watch | None) -> None:
        while True:
            try:
                async with asyncio.timeout(WATCH_INTERVAL if watch is not None else None):
                    await signals.reload.wait()
            except TimeoutError:
                assert watch is not None
                if not watch.has_changed():
                    continue
            signals.reload.clear()
            self._notifier.reloading()
            is_new = await self._reload(server)
            self._notifier.ready(_serving(server) + ("" if is_new else "; the last reload failed, see the log"))

    async def _reload(self, server: Server) -> bool:
        assert self._load is not None, "nothing asks for a reload where none can be made"
        try:
            # In a thread: a big file takes a second, in which nothing else would be served.
            await server.reload(await asyncio.to_thread(self._load))
        except ConfigError as error:
            server.stats.config_reload_failed += 1
            for finding in error.findings:
                _say(logging.ERROR, f"not reloaded, the configuration stays as it is: {finding.said}")
        except MetaProtocolError as error:
            server.stats.config_reload_failed += 1
            _log.error("not reloaded, the configuration stays as it is: %s", error)
        except Exception:  # whatever it is, the next reload must still be heard
            server.stats.config_reload_failed += 1
            _log.exception("not reloaded, for a bug in the proxy or in a filter; please report it")
        else:
            _log.info("reloaded")
            if server.config.admin != self._config.admin:
                _log.warning("the admin interface stays as it is until the proxy is started anew")
            self._tell(server)
            return True
        return False


def _serving(server: Server) -> str:
    """What the service does, in a line."""
    count = len(server.listeners)
    return f"serving {count} listener{'' if count == 1 else 's'}"


async def _start(server: Server, signals: _Signals) -> bool:
    """Starts it, unless a signal comes first: servers' names and health may keep it waiting for seconds."""
    starting = asyncio.ensure_future(server.start())
    stopped = asyncio.ensure_future(signals.first.wait())
    await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if starting.done():
        starting.result()
        return True
    starting.cancel()
    await asyncio.wait({starting})
    _log.info("stopped, before it was ready")
    return False


def _calm_collector() -> None:
    # A request leaves no cycle behind, so the collector finds nothing in all its runs but the time they take: a tenth
    # of the CPU time per request with its default of a run every 700 objects.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


class _Signals:
    """SIGTERM and SIGINT, counted: the first, and any after it; and SIGHUP, which reloads."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, can_reload: bool) -> None:
        self.first = asyncio.Event()
        self.second = asyncio.Event()
        self.reload = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        # Its default would end the process without a drain.
        if can_reload:
            loop.add_signal_handler(signal.SIGHUP, self.reload.set)
        else:
            loop.add_signal_handler(signal.SIGHUP, _log.warning, "SIGHUP is ignored: there is no file to read again")

    def stop(self) -> None:
        """As if SIGTERM had come."""
        (self.second if self.first.is_set() else self.first).set()


def _on_loop_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:  # noqa: ARG001
    """What no callback caught, such as too many open files when a client is accepted."""
    error = context.get("exception")
    reason = f": {os.strerror(error.errno).lower()}" if isinstance(error, OSError) and error.errno else ""
    _log.error("event loop: %s%s", context["message"], reason, exc_info=error)


def _log_notes(config: ProxyConfig) -> None:
    levels = {Severity.NOTE: logging.INFO, Severity.WARNING: logging.WARNING, Severity.ERROR: logging.ERROR}
    for note in config.notes:
        _say(levels[note.severity], note.said)


def _say(level: int, text: str) -> None:
    """Logs a text that is a kind of its own, so that many different ones are not taken for one that is repeated."""
    _log.log(level, text)
