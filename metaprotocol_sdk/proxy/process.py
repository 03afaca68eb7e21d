"""A proxy as a process: it serves until it is told to stop, and reloads its configuration when it is told to."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from metaprotocol_sdk.exceptions import ConfigError, Finding, MetaProtocolError, Severity
from metaprotocol_sdk.proxy.config.values import AnyAddress, Bound, ProxyConfig
from metaprotocol_sdk.proxy.filters.filter import FilterFactory
from metaprotocol_sdk.proxy.log import LOGGER_NAME
from metaprotocol_sdk.proxy.metrics import ServerStats
from metaprotocol_sdk.proxy.net.loop import new_event_loop
from metaprotocol_sdk.proxy.net.sockets import Bind, cannot_listen, listening
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

_C = TypeVar("_C")
_New_contra = TypeVar("_New_contra", contravariant=True)


class Served(Protocol[_New_contra]):
    """A proxy that a process runs: a server of its own, or several other processes."""

    @property
    def config(self) -> ProxyConfig:
        """What it serves."""

    @property
    def stats(self) -> ServerStats:
        """What is counted about the whole proxy."""

    @property
    def addresses(self) -> Addresses:
        """Bound host and port by listener name."""

    async def start(self) -> None:
        """Accepts clients once it returns. Nothing is left of it when it fails or is cancelled."""

    async def reload(self, config: _New_contra, /) -> None:
        """Serves something else from now on, or raises MetaProtocolError and serves on as before."""

    async def drain(self, seconds: float, /) -> bool:
        """Accepts no more, and lets requests in flight end."""

    async def stop(self) -> int:
        """Closes everything; returns how many clients' connections were cut."""


Operate = Callable[..., Operation]
"""Makes what an operator asks and orders of a proxy; :class:`~metaprotocol_sdk.proxy.operation.Operation` is one."""

WATCH_INTERVAL = 1.0
"""Seconds from one look at a watched file to the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms(Generic[_C]):
    """How a proxy is run, whatever it is made of.

    Args:
        drain_time: Seconds requests in flight have to end.
        on_ready: Called with the bound addresses once every listener accepts, and after every reload.
        load: Makes what ``reload`` of the proxy takes; None: SIGHUP is ignored.
        watch: A file whose change reloads too, looked at since before the configuration was read; None: none.
        on_admin: Called with the admin interface's address, if there is one, after the first ``on_ready``.
        environment: Where systemd says what it wants; what is read there is taken out.
    """

    drain_time: float = DRAIN_TIME
    on_ready: Callable[[Addresses], None] | None = None
    load: Callable[[], _C] | None = None
    watch: Watch | None = None
    on_admin: Callable[[Bound], None] | None = None
    environment: MutableMapping[str, str] = field(default_factory=lambda: os.environ)


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
        filters: As :class:`~metaprotocol_sdk.proxy.server.Server` takes them.
        drain_time: As :class:`Terms` takes it, as are the others.
        on_ready: Called with the bound addresses.
        load: Reads the configuration anew.
        watch: A file whose change reloads.
        on_admin: Called with the admin interface's address.
        environment: Where systemd says what it wants.

    Returns:
        The process's exit code, 0.

    Raises:
        MetaProtocolError: It cannot start; see :class:`~metaprotocol_sdk.proxy.server.Server`.
    """
    calm_collector()
    terms = Terms(
        drain_time=drain_time, on_ready=on_ready, load=load, watch=watch, on_admin=on_admin, environment=environment
    )
    return operate(lambda bind: Server(config, filters=filters, drain_time=drain_time, bind=bind), Operation, terms)


def operate(make: Callable[[Bind], Served[_C]], order: Operate, terms: Terms[_C]) -> int:
    """What :func:`run` does, for whatever ``make`` returns when it is called on the event loop.

    Args:
        make: Makes the proxy, whose listening sockets it is given a way to get.
        order: Makes what its operator asks and orders of it.
        terms: How it is run.
    """
    environment = terms.environment
    notifier, inherited = Notifier.from_environment(environment), Inherited.from_environment(environment)
    with closing(inherited), asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(_Process(terms, notifier, inherited).run(make, order))
    return 0


class _Process(Generic[_C]):
    """One run of a proxy."""

    def __init__(self, terms: Terms[_C], notifier: Notifier, given: Inherited) -> None:
        self._terms = terms
        self._notifier = notifier
        self._given = given
        self._admin_address: AnyAddress | None = None

    async def run(self, make: Callable[[Bind], Served[_C]], order: Operate) -> None:
        """Serves until a signal ends it."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(on_loop_error)
        signals = _Signals(loop, can_reload=self._terms.load is not None)
        server = make(self._given.bind)
        operation = order(server, stop=signals.stop, now=loop.time)
        self._admin_address = server.config.admin
        try:
            admin = self._admin(operation)
        except ConfigError:
            await server.stop()
            raise
        try:
            if not await _has_started(server, signals):
                return
            operation.is_started = True
            self._tell(server)
            self._tell_admin(admin)
            for each in self._given.unused():
                _log.warning("systemd gave a socket that no listener is configured for: %s", each)
            self._notifier.ready(_serving(server))
            await self._serve(server, operation, signals)
        finally:
            if admin is not None:
                await admin.close()

    async def _serve(self, server: Served[_C], operation: Operation, signals: _Signals) -> None:
        reloads = asyncio.ensure_future(self._reload_when_told(server, signals))
        alive = asyncio.ensure_future(self._notifier.keep_alive())
        await signals.first.wait()
        operation.is_stopping = True
        reloads.cancel()
        await asyncio.wait({reloads})
        await self._stop(server, signals)
        alive.cancel()  # not before: the watchdog watches the drain, too

    def _admin(self, operation: Operation) -> AdminServer | None:
        """Serves the admin interface from now on, if there is one."""
        address = self._admin_address
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

    def _tell(self, server: Served[_C]) -> None:
        _log_findings(server.config.notes)
        if self._terms.on_ready is not None:
            self._terms.on_ready(server.addresses)

    def _tell_admin(self, admin: AdminServer | None) -> None:
        if admin is not None and self._terms.on_admin is not None:
            self._terms.on_admin(admin.bound)

    async def _stop(self, server: Served[_C], signals: _Signals) -> None:
        self._notifier.stopping(f"draining, for {self._terms.drain_time:g} s at most")
        _log.info("stopping: requests in flight have %g s to end; signal again to stop now", self._terms.drain_time)
        drain = asyncio.ensure_future(server.drain(self._terms.drain_time))
        second = asyncio.ensure_future(signals.second.wait())
        await asyncio.wait({drain, second}, return_when=asyncio.FIRST_COMPLETED)
        for waiting in (drain, second):
            waiting.cancel()
        cut = await server.stop()
        if cut:
            _log.warning("stopped; %d client%s cut off", cut, "" if cut == 1 else "s")
        else:
            _log.info("stopped")

    async def _reload_when_told(self, server: Served[_C], signals: _Signals) -> None:
        watch = self._terms.watch
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

    async def _reload(self, server: Served[_C]) -> bool:
        assert self._terms.load is not None, "nothing asks for a reload where none can be made"
        try:
            # In a thread: a big file takes a second, in which nothing else would be served.
            await server.reload(await asyncio.to_thread(self._terms.load))
        except ConfigError as error:
            server.stats.config_reload_failed += 1
            _log_findings(error.findings, before_errors="not reloaded, the configuration stays as it is: ")
        except MetaProtocolError as error:
            server.stats.config_reload_failed += 1
            _log.error("not reloaded, the configuration stays as it is: %s", error)
        except Exception:  # whatever it is, the next reload must still be heard
            server.stats.config_reload_failed += 1
            _log.exception("not reloaded, for a bug in the proxy or in a filter; please report it")
        else:
            _log.info("reloaded")
            if server.config.admin != self._admin_address:
                _log.warning("the admin interface stays as it is until the proxy is started anew")
            try:
                self._tell(server)
            except Exception:  # such as a standard error that is closed; the next reload must still be heard
                _log.exception("nobody could be told where it listens now")
            return True
        return False


def _serving(server: Served[Any]) -> str:
    """What the service does, in a line."""
    count = len(server.addresses)
    return f"serving {count} listener{'' if count == 1 else 's'}"


async def _has_started(server: Served[Any], signals: _Signals) -> bool:
    """Whether it accepts clients now; a signal that comes before it does ends it at once."""
    start, signalled = asyncio.ensure_future(server.start()), asyncio.ensure_future(signals.first.wait())
    try:
        await asyncio.wait({start, signalled}, return_when=asyncio.FIRST_COMPLETED)
        has_started = start.done()
    finally:
        signalled.cancel()
        start.cancel()
        await asyncio.wait({start})
    if has_started:
        start.result()
    else:
        _log.info("stopped before it was ready")
    return has_started


def calm_collector() -> None:
    """Has Python look for garbage far less often than it does by default."""
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
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})  # one that came earlier may have been kept

    def stop(self) -> None:
        """As if SIGTERM had come."""
        (self.second if self.first.is_set() else self.first).set()


def on_loop_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:  # noqa: ARG001
    """What no callback caught, such as too many open files when a client is accepted."""
    error = context.get("exception")
    reason = f": {os.strerror(error.errno).lower()}" if isinstance(error, OSError) and error.errno else ""
    _log.error("event loop: %s%s", context["message"], reason, exc_info=error)


def _log_findings(findings: Iterable[Finding], before_errors: str = "") -> None:
    levels = {Severity.NOTE: logging.INFO, Severity.WARNING: logging.WARNING, Severity.ERROR: logging.ERROR}
    for each in findings:
        _say(levels[each.severity], before_errors * (each.severity is Severity.ERROR) + each.said)


def _say(level: int, text: str) -> None:
    """Logs a text that is a kind of its own, so that many different ones are not taken for one that is repeated."""
    _log.log(level, text)
